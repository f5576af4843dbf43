/**
 * What the tests of isolation share: whether this computer can do it, a look at the namespaces that
 * exist, and machines that tell what they reach.
 */

import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type EC2Client, GetConsoleOutputCommand } from "@aws-sdk/client-ec2";
import { findIsolationObstacle } from "../../localcloud/isolation/obstacle.ts";

/** For `skip`: `false` where it works, else why it does not. `.ci/run` says when it must. */
export const obstacle: string | false = (await findIsolationObstacle()) ?? false;
if (process.env.LOCALCLOUD_ISOLATION === "required") assert.equal(obstacle, false);

/** Ours: what takes this long on the busiest machine never happens. */
const LIMIT_MS = 30_000;

/** Polls until it is so. */
export async function eventually(what: string, ask: () => boolean | Promise<boolean>) {
  const limit = performance.now() + LIMIT_MS;
  while (!(await ask())) {
    assert.ok(performance.now() < limit, `not within ${LIMIT_MS / 1000} s: ${what}`);
    await sleep(50);
  }
}

/** Everything on the console of an instance so far. */
export async function consoleOf(ec2: EC2Client, instanceId: string): Promise<string> {
  const latest = new GetConsoleOutputCommand({ InstanceId: instanceId, Latest: true });
  const { Output: output = "" } = await ec2.send(latest);
  return Buffer.from(output, "base64").toString("latin1");
}

const NAMESPACES = ["net", "mnt"] as const;

interface Process {
  readonly pid: number;
  /** `net:[…]` and `mnt:[…]` */
  readonly namespaces: readonly string[];
  readonly about: string;
}

function processes(): Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return {
          pid: Number(name),
          namespaces: NAMESPACES.map((kind) => readlinkSync(`/proc/${name}/ns/${kind}`)),
          about: ["cmdline", "environ"]
            .map((file) => readFileSync(`/proc/${name}/${file}`, "latin1"))
            .join("\0"),
        };
      } catch {
        // Gone meanwhile.
        return [];
      }
    });
}

/** Ids of the processes that a cloud in this directory has started, itself not counted. */
export function processesOf(directory: string): number[] {
  return processes()
    .filter(({ pid, about }) => pid !== process.pid && about.includes(directory))
    .map(({ pid }) => pid);
}

/** Namespaces by name, held open. */
export interface HeldNamespaces extends Disposable {
  readonly names: ReadonlySet<string>;
}

/**
 * The namespaces that those processes have and we have not. Held, because the kernel gives the number
 * of one that is gone to the next that anybody makes.
 */
export function holdNamespacesOf(directory: string): HeldNamespaces {
  const all = processes();
  const own = new Set(all.find(({ pid }) => pid === process.pid)?.namespaces);
  const held = new Map<string, number>();
  for (const { pid, about } of all) {
    if (!about.includes(directory)) continue;
    for (const kind of NAMESPACES) {
      const path = `/proc/${pid}/ns/${kind}`;
      const name = readlinkSync(path);
      if (!own.has(name) && !held.has(name)) held.set(name, openSync(path, "r"));
    }
  }
  return {
    names: new Set(held.keys()),
    [Symbol.dispose]() {
      for (const fd of held.values()) closeSync(fd);
    },
  };
}

/** Whether some process still lives in one of these. */
export function areInhabited({ names }: HeldNamespaces): boolean {
  return processes().some((one) => one.namespaces.some((name) => names.has(name)));
}
