/**
 * All programs of one machine, as one process group under a small shell that leads it.
 *
 * The leader holds one end of a pipe, the lifeline. When localcloud ends, however it ends, the
 * kernel closes our end, and the leader kills its whole group, itself included. So no program of a
 * machine outlives its cloud, and the group's id cannot be given to others while we may kill it.
 * (A program that leaves the group keeps its environment: `LOCALCLOUD_MACHINE`, a folder no other has.)
 */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DATA_MEMORY_MAX_KIB,
  OPEN_FILES_MAX,
  STOP_GRACE_MS,
  STOP_TIMEOUT_MS,
  STRAY_ROUNDS_MAX,
} from "./limits.ts";
import { findStrays, processIds } from "./stray-processes.ts";

/**
 * File descriptors: 1 the console, 3 the lifeline, 4 where the script's exit code is told. Programs
 * that left the group are found by their environment, as in stray-processes.ts; again after every
 * round that killed one, for it may have started another after it was listed.
 */
const LEADER_SCRIPT = `
trap : TERM
ulimit -c 0
ulimit -n ${OPEN_FILES_MAX}
ulimit -d ${DATA_MEMORY_MAX_KIB} 2>/dev/null
{ trap : TERM; "$@" </dev/null 2>&1 3<&- 4>&-; echo "$?" >&4; } &
exec 4>&-
while :; do
  read -r _ <&3
  [ $? -gt 128 ] || break
done
rounds=0
killed=yes
while [ $killed = yes ] && [ $((rounds += 1)) -le ${STRAY_ROUNDS_MAX} ]; do
  killed=no
  for file in $(LOCALCLOUD_MACHINE= grep -lzsxF "LOCALCLOUD_MACHINE=$LOCALCLOUD_MACHINE" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    pid=\${pid%/environ}
    [ "$pid" != $$ ] && kill -s KILL "$pid" && killed=yes
  done 2>/dev/null
done
kill -s KILL 0
`;

export interface ProcessGroupOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** All of it: nothing of our own environment is added. */
  readonly env: Readonly<Record<string, string>> & { readonly LOCALCLOUD_MACHINE: string };
  /** Words before the leader's command: into a machine's namespaces. */
  readonly enter?: readonly string[];
  onOutput(chunk: Buffer): void;
  /** The command (not what it left in the background) has ended by itself. */
  onExit(code: number): void;
}

export interface ProcessGroup {
  /** Of the leader, and the group's id. */
  readonly pid: number;
  /**
   * Ends every process of the group and waits until none is left.
   * @throws Error naming the processes that did not end.
   */
  end(): Promise<void>;
  /** Stops all but the leader, who must be able to end them. Nothing happens without /proc. */
  freeze(): void;
  thaw(): void;
  /** Kills all but the leader at once, without a chance to say goodbye. */
  crash(): void;
}

export async function startProcessGroup(options: ProcessGroupOptions): Promise<ProcessGroup> {
  const [program = "/bin/sh", ...words] = [
    ...(options.enter ?? []),
    ...["/bin/sh", "-c", LEADER_SCRIPT, "machine", ...options.command],
  ];
  const leader = spawn(program, words, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "ignore", "pipe", "pipe"],
  });
  await started(leader);
  const pid = leader.pid;
  if (pid === undefined) throw new Error("a started process has no id");
  let ending: Promise<void> | undefined;
  const output = leader.stdio[1] as Readable;
  const exitCode = leader.stdio[4] as Readable;
  output.on("data", (chunk: Buffer) => options.onOutput(chunk));
  for (const stream of leader.stdio) stream?.on("error", () => {});
  const commandEnded = Promise.withResolvers<void>();
  exitCode.once("data", (chunk: Buffer) => {
    if (ending === undefined) options.onExit(Number.parseInt(chunk.toString(), 10));
    commandEnded.resolve();
  });
  const leaderEnded = new Promise<void>((resolve) => {
    leader.once("exit", () => {
      // Without its leader nobody watches over the group: it ends now.
      signal(-pid, "SIGKILL");
      commandEnded.resolve();
      resolve();
    });
  });
  const end = async (): Promise<void> => {
    if (leader.exitCode === null && leader.signalCode === null) {
      signal(-pid, "SIGTERM");
      await Promise.race([commandEnded.promise, sleep(STOP_GRACE_MS, undefined, { ref: false })]);
      signal(-pid, "SIGKILL");
    }
    await leaderEnded;
    await groupGone(pid);
    await straysGone(`LOCALCLOUD_MACHINE=${options.env.LOCALCLOUD_MACHINE}`);
    for (const stream of leader.stdio) stream?.destroy();
  };
  return {
    pid,
    end: () => {
      ending ??= end();
      return ending;
    },
    freeze: () => signalFollowers(pid, "SIGSTOP"),
    thaw: () => signalFollowers(pid, "SIGCONT"),
    crash: () => signalFollowers(pid, "SIGKILL"),
  };
}

/** @returns The ids of living (not zombie) processes of the group; `[]` where there is no /proc. */
export function livingGroupMembers(groupId: number): number[] {
  return processIds().filter((pid) => isLivingMember(pid, groupId));
}

function isLivingMember(pid: number, groupId: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, "latin1");
    // After the name, which may contain anything but ends with the last parenthesis.
    const [state, , group] = status.slice(status.lastIndexOf(")") + 2).split(" ");
    return Number(group) === groupId && state !== "Z" && state !== "X";
  } catch {
    return false;
  }
}

/** Twice: the first time one of them may just have been starting another. */
function signalFollowers(groupId: number, name: NodeJS.Signals): void {
  for (let round = 0; round < 2; round++) {
    for (const pid of livingGroupMembers(groupId)) if (pid !== groupId) signal(pid, name);
  }
}

async function groupGone(groupId: number): Promise<void> {
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  for (let pauseMs = 2; groupExists(groupId); pauseMs = Math.min(pauseMs * 2, 100)) {
    // Orphans whose new parent never waits for them stay zombies: they count as gone.
    if (pauseMs >= 64 && livingGroupMembers(groupId).length === 0) return;
    if (performance.now() > deadline) {
      const left = livingGroupMembers(groupId).join(", ");
      throw new Error(`process group ${groupId} was killed but did not end (still there: ${left})`);
    }
    await sleep(pauseMs);
  }
}

async function straysGone(setting: string): Promise<void> {
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  for (let strays = findStrays(setting); strays.length > 0; strays = findStrays(setting)) {
    if (performance.now() > deadline) {
      throw new Error(`processes of a machine did not end (still there: ${strays.join(", ")})`);
    }
    for (const pid of strays) signal(pid, "SIGKILL");
    await sleep(20);
  }
}

function groupExists(groupId: number): boolean {
  try {
    process.kill(-groupId, 0);
    return true;
  } catch (error) {
    // EPERM: there is something, only not ours to signal.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** @param id - Of a process, or minus the id of a group. */
function signal(id: number, name: NodeJS.Signals): void {
  try {
    process.kill(id, name);
  } catch {
    // Gone already, which is what we want.
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}
