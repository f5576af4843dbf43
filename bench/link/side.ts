/**
 * One side of a measurement: a command in its network namespace, with what it cost. `side.c` ends
 * whatever the command started, also when the bench is killed.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** What a side used, all its processes together. */
export interface Usage {
  readonly status: number;
  readonly signal: number;
  readonly userMs: number;
  readonly systemMs: number;
  /** Of its largest process. */
  readonly maxRssKiB: number;
}

export interface SideResult {
  readonly usage: Usage;
  readonly out: string;
  readonly err: string;
}

export interface SideOptions {
  /** Path of the compiled `side.c`. */
  readonly program: string;
  /** `undefined`: where the bench itself runs. */
  readonly namespace: string | undefined;
  readonly command: readonly string[];
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Ours. Output kept of a side; what a program says when it fails is at the end. */
const OUTPUT_MAX_CHARACTERS = 4_000_000;

export class Side {
  /** When the command has ended, and everything it started. */
  readonly ended: Promise<SideResult>;
  readonly #child: ChildProcess;

  constructor({ program, namespace, command, directory, environment }: SideOptions) {
    this.#child = spawn(program, [namespace ?? "-", ...command], {
      cwd: directory,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // Our terminal's Ctrl-C must not reach it before we have decided.
      detached: true,
    });
    this.ended = this.#collect(command[0] ?? "");
    // Whoever does not wait for a server's end must not die of it.
    this.ended.catch(() => {});
  }

  /** Waits for a line of output. @throws when it has not come in time, with what came instead. */
  async waitFor(pattern: RegExp, timeoutMs = 10_000): Promise<void> {
    let said = "";
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString()).slice(-10_000);
      if (pattern.test(said)) resolve();
    };
    const { stdout, stderr } = this.#child;
    const timer = setTimeout(() => reject(new Error(`no ${pattern} but: ${said}`)), timeoutMs);
    stdout?.on("data", hear);
    stderr?.on("data", hear);
    this.ended.then(
      () => reject(new Error(`ended before ${pattern}: ${said}`)),
      (error) => reject(error),
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      stdout?.off("data", hear);
      stderr?.off("data", hear);
    }
  }

  /** Asks it to end, and waits until it has. */
  async end(): Promise<SideResult> {
    this.#child.kill("SIGTERM");
    return await this.ended;
  }

  async #collect(name: string): Promise<SideResult> {
    const [, out, err, usage] = this.#child.stdio.map((stream) => (stream === null ? "" : stream));
    const all = Promise.all(
      [out, err, usage].map(async (stream) => {
        if (typeof stream !== "object" || !("readable" in stream)) return "";
        return (await text(stream)).slice(-OUTPUT_MAX_CHARACTERS);
      }),
    );
    await Promise.race([once(this.#child, "close"), once(this.#child, "error").then(throwFirst)]);
    const [said = "", complained = "", accounted = ""] = await all;
    if (accounted === "") throw new Error(`${name} could not be run: ${complained}`);
    return { usage: JSON.parse(accounted) as Usage, out: said, err: complained };
  }
}

function throwFirst([error]: unknown[]): never {
  throw error instanceof Error ? error : new Error(String(error));
}
