/** Snapshots, and how EBS encrypts them: the verbs of {@link Ec2} about that. */

import {
  CreateSnapshotCommand,
  DeleteSnapshotCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  GetEbsDefaultKmsKeyIdCommand,
  GetEbsEncryptionByDefaultCommand,
  ModifySnapshotAttributeCommand,
} from "@aws-sdk/client-ec2";
import { allPages, type Caller, ifThere, presentOnly, tagFilters, toSdkTags } from "./caller.ts";
import type { Ec2 } from "./ec2.ts";
import { readSnapshot } from "./read-answers.ts";
import { fromSdkPermission, toSdkPermission } from "./sdk-permission.ts";
import type { Snapshot } from "./snapshot.ts";
import type { IdOrTagQuery } from "./tags.ts";

type SnapshotVerbs = Pick<
  Ec2,
  | "describeSnapshots"
  | "snapshotPermissions"
  | "encryptionDefaults"
  | "createSnapshot"
  | "deleteSnapshot"
  | "changeSnapshotPermissions"
>;

export function snapshotVerbs(caller: Caller): SnapshotVerbs {
  const { repeat, once } = caller;
  return {
    describeSnapshots: (query) => describeSnapshots(caller, query),
    async snapshotPermissions(snapshotId) {
      const answer = await repeat("DescribeSnapshotAttribute", [snapshotId], (ec2) =>
        ec2.send(
          new DescribeSnapshotAttributeCommand({
            SnapshotId: snapshotId,
            Attribute: "createVolumePermission",
          }),
        ),
      );
      return (answer.CreateVolumePermissions ?? []).map(fromSdkPermission);
    },
    async encryptionDefaults() {
      const [byDefault, key] = await Promise.all([
        repeat("GetEbsEncryptionByDefault", [], (ec2) =>
          ec2.send(new GetEbsEncryptionByDefaultCommand({})),
        ),
        repeat("GetEbsDefaultKmsKeyId", [], (ec2) =>
          ec2.send(new GetEbsDefaultKmsKeyIdCommand({})),
        ),
      ]);
      return {
        encryptsByDefault: byDefault.EbsEncryptionByDefault ?? false,
        keyId: key.KmsKeyId ?? "",
      };
    },
    async createSnapshot({ volumeId, description, tags }) {
      const answer = await once("CreateSnapshot", [volumeId], (ec2) =>
        ec2.send(
          new CreateSnapshotCommand({
            VolumeId: volumeId,
            Description: description,
            TagSpecifications: [{ ResourceType: "snapshot", Tags: toSdkTags(tags) }],
          }),
        ),
      );
      return answer.SnapshotId ?? "";
    },
    deleteSnapshot: (snapshotId) =>
      ifThere(
        repeat("DeleteSnapshot", [snapshotId], (ec2) =>
          ec2.send(new DeleteSnapshotCommand({ SnapshotId: snapshotId })),
        ),
      ),
    async changeSnapshotPermissions(snapshotId, { add, remove }) {
      await repeat("ModifySnapshotAttribute", [snapshotId], (ec2) =>
        ec2.send(
          new ModifySnapshotAttributeCommand({
            SnapshotId: snapshotId,
            Attribute: "createVolumePermission",
            CreateVolumePermission: {
              Add: add.map(toSdkPermission),
              Remove: remove.map(toSdkPermission),
            },
          }),
        ),
      );
    },
  };
}

async function describeSnapshots({ repeat }: Caller, query: IdOrTagQuery): Promise<Snapshot[]> {
  const filters = tagFilters(query.tags);
  const describe = (ids: string[] | undefined) =>
    allPages(
      (token) =>
        repeat("DescribeSnapshots", ids ?? [], (ec2) =>
          ec2.send(
            new DescribeSnapshotsCommand({
              ...token,
              // Without ids it would list everything public, so ours only.
              ...(ids ? { SnapshotIds: ids } : { OwnerIds: ["self"] }),
              ...(filters.length > 0 && { Filters: filters }),
            }),
          ),
        ),
      (page) => page.Snapshots,
    );
  const found = query.ids ? await presentOnly(query.ids, describe) : await describe(undefined);
  return found.map(readSnapshot);
}
