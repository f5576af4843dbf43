/**
 * What a case of chaos stands on: a localcloud without delays whose machines are of paper, source
 * images of two small disks in it, and an eye on everything that is there.
 */

import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEc2 } from "../../dynamic-providers/ec2/open-ec2.ts";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import { defaultLimits, type Limits } from "../../dynamic-providers/workflow/limits.ts";
import type { ListedThing } from "../../localcloud/admin.ts";
import {
  type Localcloud,
  type LocalcloudOptions,
  startLocalcloud,
} from "../../localcloud/localcloud.ts";
import { paperHelpers } from "./paper-helpers.ts";

/** Paces of a cloud without delays; what must be longer than something else still is. */
export const HASTY: Limits = {
  ...defaultLimits,
  pollFirstMs: 8,
  pollLongestMs: 40,
  transferPollMs: 10,
  launchMs: 20_000,
  helloMs: 20_000,
  introductionMs: 20_000,
  silenceMs: 20_000,
  terminateMs: 20_000,
  snapshotMs: 20_000,
  imageMs: 20_000,
  releaseMs: 20_000,
  visibleMs: 10_000,
  fenceMs: 60,
  leaseRenewMs: 60,
  orphanNoticeMs: 250,
  lostAnswerMs: 60,
};

/** Account in the source's partition that may use the first source image. */
export const SHARED_WITH = "100000000002";

const MIB = 2 ** 20;
const DELAYS = {
  instancePending: 0,
  instanceStopping: 0,
  volumeCreating: 0,
  snapshotPending: 0,
  imagePending: 0,
};

export interface ChaosSource {
  readonly imageId: string;
  /** The first MiB of each disk; the rest are holes. */
  readonly contents: readonly Buffer[];
}

export interface ChaosBench extends AsyncDisposable {
  readonly cloud: Localcloud;
  readonly sources: readonly [ChaosSource, ChaosSource];
  /** `<region> <kind> <id> <state>` of what somebody made, but for the source images. */
  leftovers(): Promise<string[]>;
  /** The same with all that is told of a thing. */
  things(): Promise<(ListedThing & { readonly region: string })[]>;
  /** What is wrong with a copy; empty: it is there, claimed, owned, and equal to its source. */
  faultsOf(image: CopiedImageFacts, source: ChaosSource): Promise<string[]>;
}

export async function openChaosBench(options: LocalcloudOptions = {}): Promise<ChaosBench> {
  // What fails from here on ends the cloud, which would keep its process alive for ever.
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "amicopy-chaos-"));
  opened.defer(() => rm(directory, { recursive: true }));
  const cloud = await startLocalcloud({
    delays: DELAYS,
    machinery: paperHelpers(),
    ...options,
  });
  opened.defer(() => cloud.close());
  const spared = new Set<string>();
  const importSource = async (name: string): Promise<ChaosSource> => {
    const contents = ["root", "data"].map((disk) => Buffer.alloc(MIB, `${disk} of ${name} `));
    const disks: { deviceName: string; path: string }[] = [];
    for (const [index, content] of contents.entries()) {
      const path = join(directory, `${name}-${index}.raw`);
      await writeStart(path, content);
      disks.push({ deviceName: index === 0 ? "/dev/xvda" : "/dev/sdb", path });
    }
    const { imageId, snapshotIds } = await cloud.importImage({ region: "us-east-1", name, disks });
    for (const id of [imageId, ...snapshotIds]) spared.add(id);
    return { imageId, contents };
  };
  const sources = [await importSource("first"), await importSource("second")] as const;
  await shareImage(cloud, sources[0].imageId);
  const things = async () => {
    const { regions } = await cloud.list();
    return regions.flatMap(({ region, things }) =>
      things
        .filter(({ id, state }) => !spared.has(id) && state !== "terminated")
        .map((thing) => ({ ...thing, region })),
    );
  };
  const all = opened.move();
  return {
    cloud,
    sources,
    things,
    leftovers: async () =>
      (await things())
        .map(({ region, kind, id, state }) => `${region} ${kind} ${id} ${state}`.trim())
        .sort(),
    async faultsOf(image, source) {
      const path = join(directory, `${image.imageId}.raw`);
      const there = await things();
      const found = there.find(({ id }) => id === image.imageId);
      const tags = Object.keys(found?.tags ?? {});
      const faults: string[] = [];
      if (found?.state !== "available")
        faults.push(`${image.imageId} is ${found?.state ?? "gone"}`);
      for (const tag of ["amicopy:claimed", "amicopy:owned"]) {
        if (!tags.includes(tag)) faults.push(`${image.imageId} lacks ${tag}`);
      }
      if (image.snapshots.length !== source.contents.length) faults.push("volumes are missing");
      for (const [index, { snapshotId }] of image.snapshots.entries()) {
        const { region } = image;
        await cloud
          .exportSnapshot({ region, snapshotId, path })
          .then(async () => {
            const isEqual = source.contents[index]?.equals(await readStart(path));
            if (!isEqual) faults.push(`${snapshotId} differs from its source`);
          })
          .catch((error: Error) => faults.push(error.message));
      }
      await rm(path, { force: true });
      return faults;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** So that there is more to carry over: permissions, a deprecation. */
async function shareImage(cloud: Localcloud, imageId: string): Promise<void> {
  const side = { region: "us-east-1", environmentPrefix: "SOURCE_" };
  const ec2 = openEc2(side, cloud.env);
  await ec2.changeLaunchPermissions(imageId, { add: [{ userId: SHARED_WITH }], remove: [] });
  await ec2.setImageDeprecation(imageId, new Date(Date.now() + 7 * 86_400_000).toISOString());
}

async function writeStart(path: string, content: Buffer): Promise<void> {
  const file = await open(path, "w");
  await file.write(content);
  await file.truncate(2 ** 30);
  await file.close();
}

async function readStart(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    return (await file.read(Buffer.alloc(MIB), 0, MIB, 0)).buffer;
  } finally {
    await file.close();
  }
}
