/** Starts the demo's localcloud and talks to it until it is left to itself. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEMO_DIRECTORY, writeDemoState } from "./demo-state.ts";
import type { KeeperAnswer, KeeperRequest, KeptCall } from "./keep-localcloud.ts";

const KEEPER = join(import.meta.dirname, "keep-localcloud.ts");

export class LocalcloudProcess {
  readonly env: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, env: Readonly<Record<string, string>>) {
    this.#child = child;
    this.env = env;
  }

  static async start(): Promise<LocalcloudProcess> {
    mkdirSync(DEMO_DIRECTORY, { recursive: true });
    const logPath = join(DEMO_DIRECTORY, "localcloud.log");
    const log = openSync(logPath, "a");
    const child = fork(KEEPER, [join(DEMO_DIRECTORY, "cloud")], {
      // A group of its own: Ctrl-C reaches it through us, after `pulumi` had its say.
      detached: true,
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    const answer = await nextAnswer(child);
    if (answer?.type !== "ready" || child.pid === undefined) {
      throw new Error(`localcloud did not start:\n${readFileSync(logPath, "utf8").slice(-2000)}`);
    }
    const started = new LocalcloudProcess(child, answer.env);
    try {
      writeDemoState({ pid: child.pid, env: answer.env });
    } catch (error) {
      // Nobody else knows of it.
      await started.end();
      throw error;
    }
    return started;
  }

  /** Every call so far, oldest first. */
  async calls(): Promise<readonly KeptCall[]> {
    const answer = nextAnswer(this.#child);
    this.#send({ type: "calls" });
    const calls = await answer;
    return calls?.type === "calls" ? calls.calls : [];
  }

  /** From now on it outlives us. */
  async keep(): Promise<void> {
    const disconnected = once(this.#child, "disconnect");
    this.#send({ type: "keep" });
    await disconnected;
    this.#child.unref();
  }

  /** Ends it with everything in it. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
  }

  #send(request: KeeperRequest): void {
    this.#child.send(request);
  }
}

/** @returns `undefined` when the process ended instead. */
function nextAnswer(child: ChildProcess): Promise<KeeperAnswer | undefined> {
  const { promise, resolve } = Promise.withResolvers<KeeperAnswer | undefined>();
  const onExit = () => resolve(undefined);
  child.once("exit", onExit);
  child.once("message", (message) => {
    child.off("exit", onExit);
    resolve(message as KeeperAnswer);
  });
  return promise;
}
