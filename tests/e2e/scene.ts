/** What every end-to-end test needs: a cloud with source images in it, and an eye on all that exists. */

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EC2Client } from "@aws-sdk/client-ec2";
import { fromIni } from "@aws-sdk/credential-providers";
import { compareDisks } from "../../demo/compare-disks.ts";
import type { CopiedImageFacts } from "../../dynamic-providers/workflow/copy-request.ts";
import type { ImageDescription } from "../../localcloud/image-description.ts";
import {
  type Localcloud,
  type LocalcloudOptions,
  startLocalcloud,
} from "../../localcloud/localcloud.ts";
import { findSecrets, type Trace } from "../security/secret-search.ts";
import { watchMachines } from "../security/watched-machines.ts";
import { uncoveredCalls } from "./covered-calls.ts";
import { createStack, PASSPHRASE, type Stack } from "./stack.ts";

const GIB = 1024 ** 3;

export const source = { region: "us-east-1", environmentPrefix: "SOURCE_" };
export const destination = { region: "us-gov-west-1", environmentPrefix: "DESTINATION_" };

/** An image with its disks' files, so that every byte of a copy can be compared. */
export interface SourceImage {
  readonly imageId: string;
  readonly snapshotIds: readonly string[];
  /** By device name. */
  readonly files: Readonly<Record<string, string>>;
}

export interface Scene {
  readonly cloud: Localcloud;
  /** A new image in the source account: a volume of 1 GiB with little in it, or two of them; plain Linux unless described. */
  importImage(name: string, volumes?: 1 | 2, describe?: ImageDescription): Promise<SourceImage>;
  newStack(environment?: NodeJS.ProcessEnv): Promise<Stack>;
  /** What a test has printed and written elsewhere is searched for secrets, too. */
  searchAlso(traces: () => Trace[]): void;
  /** EC2 as one of localcloud's accounts, e.g. `aws-us-gov-1`: for what a person does by hand. */
  client(profile: string, region: string): EC2Client;
  /** Everything that somebody made and that is still there: `<region> <kind> <id>`, sorted. */
  inventory(): Promise<string[]>;
  /** Fails unless these images and their snapshots are all that was added since {@link openScene} or an import. */
  assertOnlyLeft(...images: readonly CopiedImageFacts[]): Promise<void>;
  /** Fails unless the image's snapshots hold exactly what the source files hold. */
  assertEqualBytes(image: CopiedImageFacts, from: SourceImage): Promise<void>;
  /** Ends the cloud whatever else fails. @throws AssertionError when a secret stands where it should not, or a policy lacks a call. */
  close(): Promise<void>;
}

export async function openScene(options: LocalcloudOptions = {}): Promise<Scene> {
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "amicopy-e2e-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const watch = watchMachines();
  opened.defer(() => watch.close());
  const { machinery, bootIsolated } = watch;
  const watched = options.isolation === "namespaces" ? { bootIsolated } : { machinery };
  const cloud = await startLocalcloud({ ...options, ...watched });
  opened.defer(() => cloud.close());
  const stacks: Stack[] = [];
  const byHand = new Set<string>();
  const others: (() => Trace[])[] = [];
  let untouched: string[] = [];
  let count = 0;
  const clients: EC2Client[] = [];
  const fresh = (what: string) => {
    count += 1;
    return join(directory, `${what}-${count}`);
  };
  const all = opened.move();
  return {
    cloud,
    async importImage(name, volumes = 1, describe = {}) {
      const files: Record<string, string> = {};
      for (const deviceName of [rootOf(describe), "/dev/sdf"].slice(0, volumes)) {
        const path = fresh("disk.raw");
        await writeDisk(path, `${name} ${deviceName}`, [0, 5_000_000, GIB - 300_000]);
        files[deviceName] = path;
      }
      const disks = Object.entries(files).map(([deviceName, path]) => ({ deviceName, path }));
      const imported = await cloud.importImage({ region: source.region, name, disks, describe });
      untouched = await inventoryOf(cloud);
      return { ...imported, files };
    },
    async newStack(environment) {
      const folder = fresh("stack");
      mkdirSync(folder);
      const stack = await createStack(folder, { ...cloud.env, ...environment });
      stacks.push(stack);
      return stack;
    },
    client(profile, region) {
      const { AWS_CONFIG_FILE = "", AWS_SHARED_CREDENTIALS_FILE = "" } = cloud.env;
      const files = { configFilepath: AWS_CONFIG_FILE, filepath: AWS_SHARED_CREDENTIALS_FILE };
      const credentials = fromIni({ profile, ...files });
      const client = new EC2Client({ region, endpoint: cloud.endpoint, credentials });
      client.middlewareStack.add((next, { commandName = "" }) => (call) => {
        byHand.add(commandName.replace(/Command$/, ""));
        return next(call);
      });
      clients.push(client);
      return client;
    },
    searchAlso: (traces) => void others.push(traces),
    inventory: () => inventoryOf(cloud),
    async assertOnlyLeft(...images) {
      const expected = images.flatMap(({ region, imageId, snapshots }) => [
        `${region} image ${imageId}`,
        ...snapshots.map(({ snapshotId }) => `${region} snapshot ${snapshotId}`),
      ]);
      assert.deepEqual(await inventoryOf(cloud), [...untouched, ...expected].sort());
    },
    async assertEqualBytes(image, from) {
      assert.equal(image.snapshots.length, Object.keys(from.files).length);
      for (const { deviceName, snapshotId } of image.snapshots) {
        const path = fresh("exported.raw");
        await cloud.exportSnapshot({ region: image.region, snapshotId, path });
        const file =
          from.files[deviceName] ?? assert.fail(`${deviceName} is no device of the source`);
        assert.equal(statSync(path).size, statSync(file).size, deviceName);
        const { firstDifference } = await compareDisks({
          path: file,
          copyPath: path,
          sizeBytes: statSync(file).size,
          signal: AbortSignal.timeout(60_000),
        });
        assert.equal(firstDifference, undefined, `${deviceName} of ${image.imageId}`);
        rmSync(path);
      }
    },
    async close() {
      await using _ended = all;
      for (const client of clients) client.destroy();
      // A machine that has just begun may not have been looked at yet.
      watch.look();
      const traces = [
        ...watch.traces(),
        ...stacks.flatMap((stack) => stack.traces()),
        ...others.flatMap((traces) => traces()),
        { place: "the tags of what is there", content: JSON.stringify(await cloud.list()) },
      ];
      const uncovered = uncoveredCalls(cloud.calls, byHand);
      const secrets = [...cloud.secrets(), { name: "the passphrase", value: PASSPHRASE }];
      assert.deepEqual(findSecrets(traces, secrets), [], "no secret stands where it should not");
      assert.deepEqual(uncovered, [], "the policies in docs/iam cover all calls");
    },
  };
}

/** Images of systems that AWS bills have the older of the two names. */
function rootOf({ usageOperation }: ImageDescription): string {
  return usageOperation === undefined ? "/dev/xvda" : "/dev/sda1";
}

async function inventoryOf(cloud: Localcloud): Promise<string[]> {
  const { regions } = await cloud.list();
  return regions
    .flatMap(({ region, things }) =>
      things
        .filter(({ state }) => state !== "terminated")
        .map(({ kind, id }) => `${region} ${kind} ${id}`),
    )
    .sort();
}

/** 1 GiB of holes with some pieces of data that depend on the name. */
async function writeDisk(path: string, name: string, offsets: readonly number[]): Promise<void> {
  const disk = await open(path, "w");
  await disk.truncate(GIB);
  for (const offset of offsets) {
    await disk.write(noise(`${name} ${offset}`, 300_000), 0, 300_000, offset);
  }
  await disk.close();
}

/** Bytes that do not compress, the same for the same name. */
function noise(name: string, length: number): Buffer {
  return createHash("shake256", { outputLength: length }).update(name).digest();
}
