/** DescribeSnapshotAttribute, ModifySnapshotAttribute, ResetSnapshotAttribute. */

import type {
  DescribeSnapshotAttributeRequest,
  DescribeSnapshotAttributeResult,
  ModifySnapshotAttributeRequest,
  ResetSnapshotAttributeRequest,
} from "@aws-sdk/client-ec2";
import { type Action, type Call, ec2Action } from "../call.ts";
import { shownProductCodes } from "../catalog/billing.ts";
import { isManagedByAws } from "../encryption.ts";
import { ApiError, invalidValue } from "../protocol/api-error.ts";
import type { SnapshotRecord } from "../records/snapshot.ts";
import { findOwnSnapshot, shareWithNobody } from "../sharing.ts";
import {
  applyShareChange,
  checkShareChange,
  opensToEveryone,
  readOldForm,
  type ShareChange,
  shareItems,
} from "./share-changes.ts";

export const SNAPSHOT_ATTRIBUTE_ACTIONS: readonly Action[] = [
  ec2Action<DescribeSnapshotAttributeRequest, DescribeSnapshotAttributeResult>(
    "DescribeSnapshotAttribute",
    ["Attribute", "SnapshotId"],
    describeSnapshotAttribute,
  ),
  ec2Action<ModifySnapshotAttributeRequest, object>(
    "ModifySnapshotAttribute",
    ["Attribute", "CreateVolumePermission", "GroupNames", "OperationType", "SnapshotId", "UserIds"],
    modifySnapshotAttribute,
  ),
  ec2Action<ResetSnapshotAttributeRequest, object>(
    "ResetSnapshotAttribute",
    ["Attribute", "SnapshotId"],
    resetSnapshotAttribute,
  ),
];

/** [SDK ModifySnapshotAttribute]: changes in one call. */
const CHANGES_MAX_COUNT = 500;

function describeSnapshotAttribute(
  input: DescribeSnapshotAttributeRequest,
  call: Call,
): DescribeSnapshotAttributeResult {
  const snapshot = findOwnSnapshot(call, input.SnapshotId);
  switch (input.Attribute) {
    case "createVolumePermission":
      return {
        SnapshotId: snapshot.id,
        CreateVolumePermissions: permissionItems(snapshot),
      };
    case "productCodes":
      return {
        SnapshotId: snapshot.id,
        ProductCodes: snapshot.billing === undefined ? [] : shownProductCodes(snapshot.billing),
      };
    default:
      throw invalidValue(`Value (${input.Attribute}) for parameter attribute is invalid.`);
  }
}

/** Organizations are for images only. */
function permissionItems({ createVolume }: SnapshotRecord) {
  return shareItems(createVolume).map(({ Group, UserId }) =>
    Group === undefined ? { UserId } : { Group },
  );
}

function modifySnapshotAttribute(input: ModifySnapshotAttributeRequest, call: Call): object {
  const snapshot = findOwnSnapshot(call, input.SnapshotId);
  if (input.Attribute !== undefined && input.Attribute !== "createVolumePermission") {
    throw invalidValue(`Value (${input.Attribute}) for parameter attribute is invalid.`);
  }
  const permission = input.CreateVolumePermission;
  const change =
    permission === undefined
      ? readOldForm({ ...input, Groups: input.GroupNames })
      : { add: permission.Add ?? [], remove: permission.Remove ?? [] };
  checkChange(call, snapshot, change);
  call.commit();
  applyShareChange(snapshot.createVolume, change);
  return {};
}

function checkChange(call: Call, snapshot: SnapshotRecord, change: ShareChange): void {
  if (change.add.length + change.remove.length > CHANGES_MAX_COUNT) {
    throw invalidValue(`More than ${CHANGES_MAX_COUNT} permissions in one call.`);
  }
  checkShareChange(call, change, "InvalidParameterValue");
  if (change.add.length === 0) return;
  if (isManagedByAws(call, snapshot.kmsKeyArn)) {
    throw new ApiError(
      "OperationNotPermitted",
      "Encrypted snapshots with EBS default key cannot be shared",
    );
  }
  if (!opensToEveryone(change)) return;
  if (snapshot.encrypted) {
    throw new ApiError("OperationNotPermitted", "Encrypted snapshots cannot be made public");
  }
  if (call.store.settings.snapshotBlockPublicAccess !== "unblocked") {
    throw new ApiError(
      "OperationNotPermitted",
      "You can't publicly share this snapshot because block public access for snapshots is " +
        "enabled for this account.",
    );
  }
  if (snapshot.billing !== undefined && snapshot.billing.productCodes.length > 0) {
    throw new ApiError(
      "OperationNotPermitted",
      `The snapshot ${snapshot.id} has product codes and cannot be made public`,
    );
  }
}

function resetSnapshotAttribute(input: ResetSnapshotAttributeRequest, call: Call): object {
  const snapshot = findOwnSnapshot(call, input.SnapshotId);
  if (input.Attribute !== "createVolumePermission") {
    throw invalidValue(`Value (${input.Attribute}) for parameter attribute is invalid.`);
  }
  call.commit();
  shareWithNobody(snapshot.createVolume);
  return {};
}
