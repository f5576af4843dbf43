/** Progress of a transfer as one line of a terminal, drawn over itself; nothing without a terminal. */

export interface MeterProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** Ours. Often enough to look alive, seldom enough to be read. */
const REDRAW_MS = 200;

export class TransferMeter {
  readonly #name: string;
  readonly #stream: NodeJS.WriteStream;
  readonly #startMs = performance.now();
  #drawnMs = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(name: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#name = printable(name);
    this.#stream = stream;
  }

  show({ bytesDone, bytesTotal }: MeterProgress): void {
    const nowMs = performance.now();
    if (!this.#stream.isTTY || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#drawn = true;
    const seconds = (nowMs - this.#startMs) / 1000;
    const percent = bytesTotal === 0 ? 100 : Math.floor((100 * bytesDone) / bytesTotal);
    const left =
      bytesDone === 0
        ? ""
        : `${formatDuration((seconds * (bytesTotal - bytesDone)) / bytesDone)} left`;
    const rate = formatRate((bytesDone * 8) / seconds);
    const line = `${this.#name}  ${percent} %  ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}  ${rate}  ${left}`;
    this.#stream.write(`\r\x1b[K${line.slice(0, Math.max(20, this.#stream.columns - 1))}`);
  }

  /** Takes the line away, so that what comes next has it to itself. */
  clear(): void {
    if (this.#drawn) this.#stream.write("\r\x1b[K");
    this.#drawn = false;
  }
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

export function formatRate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e9) return `${(bitsPerSecond / 1e9).toFixed(2)} Gbit/s`;
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${(bitsPerSecond / 1e3).toFixed(1)} kbit/s`;
}

export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.ceil(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.ceil((seconds % 3600) / 60)} min`;
}

/** A peer's file name must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}
