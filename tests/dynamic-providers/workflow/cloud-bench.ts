/**
 * What the tests of the workflow stand on: a localcloud, a source image of two small disks in it,
 * and a run from partition to partition with shortened waits.
 */

import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ec2 } from "../../../dynamic-providers/ec2/ec2.ts";
import { openEc2 } from "../../../dynamic-providers/ec2/open-ec2.ts";
import type { CopyRequest, RunIdentity } from "../../../dynamic-providers/workflow/copy-request.ts";
import { defaultLimits, type Limits } from "../../../dynamic-providers/workflow/limits.ts";
import { preflight } from "../../../dynamic-providers/workflow/preflight.ts";
import { type RunContext, systemClock } from "../../../dynamic-providers/workflow/run-context.ts";
import {
  type Localcloud,
  type LocalcloudOptions,
  startLocalcloud,
} from "../../../localcloud/localcloud.ts";
import { sampleRequest } from "./samples.ts";

export type Behaviour = "good" | "lies" | "fails" | "vanishes" | "mute" | "waits";

/** Waits that fail a test in seconds instead of an operation in minutes. */
export const QUICK: Limits = {
  ...defaultLimits,
  pollFirstMs: 20,
  pollLongestMs: 200,
  transferPollMs: 100,
  helloMs: 20_000,
  introductionMs: 20_000,
  fenceMs: 200,
  leaseRenewMs: 500,
  orphanNoticeMs: 300,
  lostAnswerMs: 500,
  releaseMs: 20_000,
  visibleMs: 10_000,
};

const GIB = 2 ** 30;

export interface CloudBench extends AsyncDisposable {
  readonly cloud: Localcloud;
  readonly imageId: string;
  readonly request: CopyRequest;
  readonly directory: string;
  /** The first MiB of each disk. */
  readonly contents: readonly Buffer[];
  clouds(request?: CopyRequest): RunContext["clouds"];
  identity(runId: string): Promise<RunIdentity>;
  context(behaviour: Behaviour, changes?: Partial<RunContext>): Promise<RunContext>;
  /** These ids are no leftovers. */
  spare(...ids: readonly string[]): void;
  /** What a snapshot holds at its beginning. */
  firstMib(region: string, snapshotId: string): Promise<Buffer>;
  /** `kind id state` of everything that somebody made, but the source image and its snapshots. */
  leftovers(): Promise<string[]>;
}

export async function openCloudBench(options: LocalcloudOptions = {}): Promise<CloudBench> {
  // What fails from here on ends the cloud, which would keep its process alive for ever.
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "amicopy-workflow-"));
  opened.defer(() => rm(directory, { recursive: true }));
  const delays = {
    instancePending: 50,
    instanceStopping: 50,
    volumeCreating: 0,
    snapshotPending: 100,
    imagePending: 100,
  };
  const cloud = await startLocalcloud({ delays, ...options });
  opened.defer(() => cloud.close());
  const contents = ["root", "data"].map((text) => Buffer.alloc(2 ** 20, `${text} disk `));
  const disks: { deviceName: string; path: string }[] = [];
  for (const [index, content] of contents.entries()) {
    const path = join(directory, `disk-${index}.raw`);
    const file = await open(path, "w");
    await file.write(content);
    await file.truncate(GIB);
    await file.close();
    disks.push({ deviceName: index === 0 ? "/dev/xvda" : "/dev/sdb", path });
  }
  const source = await cloud.importImage({ region: "us-east-1", name: "golden", disks });
  const spared = new Set([source.imageId, ...source.snapshotIds]);
  const request = sampleRequest({
    sourceAmiId: source.imageId,
    source: { region: "us-east-1", environmentPrefix: "SOURCE_" },
    destination: { region: "us-gov-west-1", environmentPrefix: "DESTINATION_" },
    timeoutMinutes: 2,
  });
  const clouds = (from = request) => ({
    source: openEc2(from.source, cloud.env),
    destination: openEc2(from.destination, cloud.env),
  });
  const all = opened.move();
  return {
    cloud,
    imageId: source.imageId,
    request,
    directory,
    contents,
    clouds,
    async identity(runId) {
      const { problems, identity } = await preflight(request, clouds());
      assert.deepEqual(problems, []);
      assert.ok(identity);
      return { runId, ...identity };
    },
    async context(behaviour, changes = {}) {
      const script = await readFile(new URL("stand-in-agent.sh", import.meta.url), "utf8");
      const template = script.replaceAll("@BEHAVIOUR@", behaviour);
      return {
        clouds: clouds(),
        signal: new AbortController().signal,
        checkWanted: async () => undefined,
        report: () => undefined,
        userDataTemplates: { source: template, destination: template },
        clock: systemClock,
        limits: QUICK,
        ...changes,
      };
    },
    spare(...ids) {
      for (const id of ids) spared.add(id);
    },
    async firstMib(region, snapshotId) {
      const path = join(directory, `${snapshotId}.raw`);
      await cloud.exportSnapshot({ region, snapshotId, path });
      const file = await open(path);
      try {
        return (await file.read(Buffer.alloc(2 ** 20), 0, 2 ** 20, 0)).buffer;
      } finally {
        await file.close();
        await rm(path);
      }
    },
    async leftovers() {
      const { regions } = await cloud.list();
      return regions.flatMap(({ things }) =>
        things
          .filter(({ id, state }) => !spared.has(id) && state !== "terminated")
          .map(({ kind, id, state }) => `${kind} ${id} ${state}`.trim()),
      );
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The same EC2 with some verbs exchanged. */
/** What `Ec2` tells without a call: at once, and whoever is killed or cut off knows it, too. */
export const KNOWN_WITHOUT_A_CALL: ReadonlySet<string | symbol> = new Set([
  "credentialsEnd",
  "clockBehindMs",
]);

export function exchange(ec2: Ec2, verbs: Partial<Ec2>): Ec2 {
  return { ...ec2, ...verbs };
}

/** Random enough for a test: 16 hex digits. */
export function runId(number: number): string {
  return number.toString(16).padStart(16, "0");
}
