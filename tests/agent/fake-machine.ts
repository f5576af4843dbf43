/**
 * A machine in memory for the agent's story: time that moves only when everybody waits, tags that a
 * test sets, a console that it reads, and an engine that does what it is told.
 */

import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as settle } from "node:timers/promises";
import { type ConsoleLine, decodeConsoleLines, type HelperMessage } from "../../agent/contract.ts";
import type { HelperMachine } from "../../agent/run.ts";
import { sender } from "../../tsunami/sealed/sender.ts";

/** Rounds of the event loop in which all that can happen without time passing has happened. */
const SETTLE_ROUNDS = 5;

/** Virtual time after which a test is stuck: no limit of the agent is longer. */
const END_MS = 40 * 86_400_000;

export class FakeMachine implements HelperMachine {
  readonly metadata: Record<string, string> = { "local-ipv4": "127.9.9.9" };
  readonly workerEntry = new URL("file:///agent.mjs");
  readonly role = sender;
  readonly devices = mkdtempSync(join(tmpdir(), "amicopy-agent-"));
  /** Called before each answer of the metadata service, to let the controller act. */
  onLook: (nowMs: number) => void = () => {};
  runSession: HelperMachine["runSession"] = () => Promise.reject(new Error("no session expected"));
  #text = "";
  #nowMs = 0;
  #sleepers: { dueMs: number; wake: () => void }[] = [];

  readonly write = (text: string): void => {
    this.#text += text;
  };

  get text(): string {
    return this.#text;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#sleepers.push({ dueMs: this.#nowMs + ms, wake: resolve });
    return promise;
  }

  async readMetadata(path: string): Promise<string | undefined> {
    this.onLook(this.#nowMs);
    return this.metadata[path];
  }

  setTag(key: string, value: string): void {
    this.metadata[`tags/instance/${key}`] = value;
  }

  addDisk(name: string, sizeBytes: number): void {
    const path = join(this.devices, name);
    writeFileSync(path, "");
    truncateSync(path, sizeBytes);
  }

  lines(): ConsoleLine[] {
    return decodeConsoleLines(this.#text);
  }

  /** The last message of this type. */
  heard<T extends HelperMessage["type"]>(type: T): (HelperMessage & { type: T }) | undefined {
    return this.lines()
      .map(({ message }) => message)
      .findLast((message): message is HelperMessage & { type: T } => message.type === type);
  }

  /** Lets virtual time pass until `work` has ended. */
  async finish<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const watched = work.finally(() => {
      ended = true;
    });
    watched.catch(() => {});
    for (;;) {
      for (let round = 0; round < SETTLE_ROUNDS; round++) await settle();
      if (ended) return watched;
      this.#sleepers.sort((a, b) => a.dueMs - b.dueMs);
      const next = this.#sleepers.shift();
      if (next === undefined || next.dueMs > END_MS) throw new Error(`stuck:\n${this.#text}`);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
    }
  }

  remove(): void {
    rmSync(this.devices, { recursive: true, force: true });
  }
}
