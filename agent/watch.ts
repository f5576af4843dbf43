/**
 * What a helper does besides its job, from its first to its last moment: look at its own tags, say
 * again what nobody acknowledged, and end everything when the lease or the time is over.
 */

import { AgentError } from "./agent-error.ts";
import type { HelperConsole } from "./console.ts";
import {
  ACKNOWLEDGED_TAG,
  decodePeer,
  type ExitName,
  type Job,
  LEASE_TAG,
  PEER_TAG,
  type Peer,
} from "./contract.ts";
import { Lease } from "./lease.ts";
import * as limits from "./limits.ts";

/** The machine as the agent sees it; `main.ts` makes the real one. */
export interface Machine {
  /** @returns `undefined` when there is no such thing. Throws when the service does not answer. */
  readMetadata(path: string): Promise<string | undefined>;
  /** Monotonic. */
  nowMs(): number;
  pause(ms: number): Promise<unknown>;
}

/** Runs beside the job until {@link farewell} has ended. */
export class Watch {
  readonly #machine: Machine;
  readonly #console: HelperConsole;
  readonly #cut = new AbortController();
  #job: Pick<Job, "leaseMs" | "timeoutMs"> = {
    leaseMs: limits.FAREWELL_MS,
    timeoutMs: limits.FAREWELL_MS,
  };
  #lease: Lease;
  readonly #startMs: number;
  #peer: Peer | undefined;
  #over = false;
  readonly #round: Promise<void>;

  constructor(machine: Machine, console: HelperConsole) {
    this.#machine = machine;
    this.#console = console;
    this.#startMs = machine.nowMs();
    this.#lease = new Lease(this.#job.leaseMs, this.#startMs);
    this.#round = this.#rounds();
  }

  /** Aborts when the lease or the time is over; its reason is an {@link AgentError}. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /** The other helper, as first told; later changes of the tag are ignored. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** Takes the job's limits instead of the short ones that hold until there is a job. */
  obey(job: Job): void {
    this.#job = job;
    this.#lease = new Lease(job.leaseMs, this.#startMs);
  }

  /**
   * Waits until `find` finds something.
   *
   * @param what - What is waited for, for the console and for the error.
   * @throws AgentError `code` after `limitMs`; whatever `find` throws; the reason of {@link signal}.
   */
  async until<T>(
    find: () => T | undefined | Promise<T | undefined>,
    limitMs: number,
    code: ExitName,
    what: () => string,
  ): Promise<T> {
    const endMs = this.#machine.nowMs() + limitMs;
    for (let said = false; ; said = true) {
      this.signal.throwIfAborted();
      const found = await find();
      if (found !== undefined) return found;
      if (this.#machine.nowMs() >= endMs) {
        throw new AgentError(code, `waited ${Math.round(limitMs / 1000)} s for ${what()}`);
      }
      if (!said) this.#console.note(`waiting for ${what()}`);
      await this.#machine.pause(limits.WATCH_QUICK_MS);
    }
  }

  /**
   * After the job: keeps saying how it ended, and returns when the machine shall go. A good end
   * waits for the controller to terminate the machine, a bad one only to be heard.
   */
  async farewell(outcome: ExitName): Promise<void> {
    const endMs = outcome === "done" ? Infinity : this.#machine.nowMs() + limits.FAREWELL_MS;
    while (
      !this.signal.aborted &&
      this.#machine.nowMs() < endMs &&
      (outcome === "done" || !this.#console.heard)
    ) {
      await this.#machine.pause(limits.WATCH_QUICK_MS);
    }
    this.#over = true;
    await this.#round;
  }

  async #rounds(): Promise<void> {
    while (!this.#over) {
      await this.#look();
      const nowMs = this.#machine.nowMs();
      this.#console.repeat(nowMs);
      if (this.#lease.ended(nowMs)) {
        this.#end("lease-expired", `nobody renewed the tag ${LEASE_TAG}`, this.#job.leaseMs);
      } else if (nowMs - this.#startMs >= this.#job.timeoutMs) {
        this.#end("timed-out", "the copy was not done", this.#job.timeoutMs);
      }
      await this.#machine.pause(this.#peer ? limits.WATCH_SLOW_MS : limits.WATCH_QUICK_MS);
    }
  }

  #end(code: ExitName, what: string, ms: number): void {
    if (this.signal.aborted) return;
    const message = `${what} within ${Math.round(ms / 1000)} s`;
    this.#console.note(message);
    this.#cut.abort(new AgentError(code, message));
  }

  async #look(): Promise<void> {
    try {
      this.#lease.observe(await this.#tag(LEASE_TAG), this.#machine.nowMs());
      this.#console.acknowledge(await this.#tag(ACKNOWLEDGED_TAG));
      this.#peer ??= decodePeer((await this.#tag(PEER_TAG)) ?? "");
    } catch {
      // The service did not answer in time. It will be asked again; if it never answers, the lease ends.
    }
  }

  #tag(key: string): Promise<string | undefined> {
    return this.#machine.readMetadata(`tags/instance/${key}`);
  }
}
