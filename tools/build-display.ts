/** How far a long build is: one line that is rewritten on a terminal, else a line now and then. */

import type { GoBuildProgress } from "./go-build.ts";

/** Ours: a log shows that something moves, and stays readable. */
const LOG_INTERVAL_MS = 15_000;

export interface DisplayStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class BuildDisplay {
  readonly #stream: DisplayStream;
  readonly #startMs = performance.now();
  #status = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: DisplayStream) {
    this.#stream = stream;
  }

  /** A line that stays. */
  line(text: string): void {
    this.#clear();
    this.#stream.write(`${text}\n`);
    this.#draw();
  }

  /** @returns The listener for one program's progress. */
  program(name: string): (progress: GoBuildProgress) => void {
    this.#timer ??= setInterval(() => this.#tick(), this.#stream.isTTY ? 1000 : LOG_INTERVAL_MS);
    return (progress) => {
      this.#status = `${name}: ${describe(progress)}`;
      if (this.#stream.isTTY) this.#draw();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#status = "";
    this.#clear();
  }

  #tick(): void {
    if (this.#stream.isTTY) this.#draw();
    else this.#stream.write(`  ${this.#text()}\n`);
  }

  #text(): string {
    return `${this.#status}, ${formatElapsed(performance.now() - this.#startMs)}`;
  }

  #draw(): void {
    if (this.#stream.isTTY && this.#status !== "") this.#stream.write(`\r\x1b[K  ${this.#text()}`);
  }

  #clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }
}

function describe(progress: GoBuildProgress): string {
  const { modulesDownloaded, packagesCompiled, packagesTotal } = progress;
  if (packagesTotal === 0) return `${modulesDownloaded} modules fetched`;
  return `${packagesCompiled} of ${packagesTotal} packages compiled`;
}

/** `72000` → `1 min 12 s`. */
export function formatElapsed(elapsedMs: number): string {
  const seconds = Math.round(elapsedMs / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
