/**
 * The life of a helper, in order: job → disks → hello → introduced → session → volumes → done →
 * wait to be terminated. Whatever goes wrong is said on the console as one `failed` line.
 */

import type {
  Progress,
  SessionOptions,
  SessionReport,
  SessionRole,
} from "../tsunami/sealed/session.ts";
import { AgentError, exitNameOf } from "./agent-error.ts";
import { HelperConsole } from "./console.ts";
import type { ExitName, Job } from "./contract.ts";
import { findDisks } from "./disks.ts";
import { deriveSessionKey, makeIdentity } from "./introduction.ts";
import { parseJob } from "./job.ts";
import * as limits from "./limits.ts";
import { type Machine, Watch } from "./watch.ts";

/** The machine, and the engine that copies. */
export interface HelperMachine extends Machine {
  /** Writes to the serial console, in one system call. */
  write(text: string): void;
  /** Folder of the links named after the devices: `/dev`. */
  readonly devices: string;
  /** The one that this agent's bundle has; its side's is `sender` for a source. */
  readonly role: SessionRole;
  /** See {@link SessionOptions.workerEntry}. */
  readonly workerEntry: URL;
  runSession(options: SessionOptions): Promise<SessionReport>;
}

/**
 * Runs one helper to its end.
 *
 * @param jobText - The job description as it came in user data.
 * @returns How it ended, when the machine shall be turned off.
 */
export async function runHelper(jobText: string, machine: HelperMachine): Promise<ExitName> {
  const console = new HelperConsole(machine.write);
  const watch = new Watch(machine, console);
  let outcome: ExitName = "done";
  try {
    const job = parseJob(jobText);
    if ((job.side === "source") !== (machine.role.name === "sender")) {
      throw new AgentError("bad-job", `this agent is no ${job.side}'s`);
    }
    watch.obey(job);
    await copyDisks(job, machine, console, watch);
  } catch (error) {
    // A session that was cut says so in its own words; the reason for the cut is what matters.
    const reason: unknown = watch.signal.aborted ? watch.signal.reason : error;
    outcome = exitNameOf(reason);
    const message = reason instanceof Error ? reason.message : String(reason);
    console.state({ type: "failed", code: outcome, message }, machine.nowMs());
  }
  await watch.farewell(outcome);
  return outcome;
}

async function copyDisks(
  job: Job,
  machine: HelperMachine,
  console: HelperConsole,
  watch: Watch,
): Promise<void> {
  const localAddress = await watch.until(
    () => machine.readMetadata("local-ipv4").catch(() => undefined),
    limits.METADATA_WAIT_MS,
    "internal",
    () => "the metadata service",
  );
  let missing: readonly string[] = [];
  const volumes = await watch.until(
    () => {
      const search = findDisks(job.disks, machine.devices);
      missing = search.missing;
      return missing.length === 0 ? search.disks : undefined;
    },
    limits.DISKS_WAIT_MS,
    "disk-missing",
    () => `the disks ${missing.join(" ")}`,
  );

  const own = makeIdentity();
  const { publicKey } = own;
  console.state({ type: "hello", publicKey, node: process.version }, machine.nowMs());
  const peer = await watch.until(
    () => watch.peer,
    limits.PEER_WAIT_MS,
    "timed-out",
    () => "the other helper",
  );

  const report = await machine.runSession({
    ...deriveSessionKey(job, own, peer.publicKey),
    role: machine.role,
    listens: job.listens,
    localAddress,
    peerAddress: peer.address,
    port: job.listens ? job.port : peer.port,
    volumes,
    workerEntry: machine.workerEntry,
    signal: watch.signal,
    onProgress: (progress) => sayProgress(progress, console, machine),
    onVolume: (index, digest) => console.state({ type: "volume", index, digest }, machine.nowMs()),
  });
  const { bytesRead, bytesSent, bytesResent } = report;
  const durationMs = Math.round(report.durationMs);
  console.state({ type: "done", bytesRead, bytesSent, bytesResent, durationMs }, machine.nowMs());
}

function sayProgress(progress: Progress, console: HelperConsole, machine: HelperMachine): void {
  const rateBitsPerSecond = Math.round(progress.rateBitsPerSecond);
  const lossRatio = Number(progress.lossRatio.toFixed(4));
  const message = { type: "progress" as const, ...progress, rateBitsPerSecond, lossRatio };
  console.progress(message, machine.nowMs());
}
