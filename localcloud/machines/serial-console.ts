/**
 * The serial console of one machine: the last 64 KiB of what kernel, getty and cloud-init wrote,
 * mixed as a real one is (seen on virtual machines): the lines of a user-data script carry a prefix,
 * the kernel's come between, a login prompt and status lines stand glued before or after a line,
 * line ends are CR LF, and now and then a kernel line tears one apart. All by a seeded choice, so
 * that a reader of it which fails, fails again.
 */

import { StringDecoder } from "node:string_decoder";
import { seededRandom } from "../seeded-random.ts";
import { CONSOLE_LINE_MAX_LENGTH, CONSOLE_RING_BYTES } from "./limits.ts";

/** cloud-init's process id in its prefix; any number will do. */
const CLOUD_INIT_PID = 365;

/** A kernel is up this long before user data runs. */
const BOOT_SECONDS = 12;

/** Lines torn by the kernel are long ones: a short one is through the UART at once. */
const TEARABLE_LINE_LENGTH = 60;

const BOOT_LINES: readonly string[] = [
  "Linux version 6.18.8-9.213.amzn2023 (mockbuild@ip-10-0-33-81) #1 SMP PREEMPT_DYNAMIC",
  "Command line: BOOT_IMAGE=(hd0,gpt1)/boot/vmlinuz console=tty0 console=ttyS0,115200n8 ro",
  "printk: console [ttyS0] enabled",
  "nvme nvme0: pci function 0000:00:04.0",
  "ena 0000:00:05.0: Elastic Network Adapter (ENA) v2.13.0g",
];

const NOISE_LINES: readonly string[] = [
  "random: crng init done",
  "nvme nvme1: 2/0/0 default/read/poll queues",
  "ena 0000:00:05.0 ens5: Local page cache is disabled for less than 16 channels",
  "xfs filesystem being mounted at /var/lib supports timestamps until 2038 (0x7fffffff)",
  "clocksource: Switched to clocksource kvm-clock",
  "audit: type=1334 audit(1795482000.123:42): prog-id=17 op=LOAD",
];

const STATUS_LINES: readonly string[] = [
  "[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mcloud-config.target\x1b[0m.",
  "[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39msystemd-logind.service\x1b[0m.",
];

/** Ours. As exact as a lagging console needs to be. */
const MARK_MS = 10;

export interface SerialConsoleOptions {
  /** Same seed, same choices. The instance's id does well. */
  readonly seed: string;
  readonly hostName: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export class SerialConsole {
  readonly #decoder = new StringDecoder("utf8");
  readonly #random: () => number;
  readonly #hostName: string;
  readonly #now: () => number;
  readonly #bootedAtMs: number;
  #text = "";
  /** Characters that are no more in the text. */
  #dropped = 0;
  /** How much had been written when; `sinceMs`: the first write that a mark stands for. */
  readonly #marks: { sinceMs: number; atMs: number; written: number }[] = [];
  #partialLine = "";
  #tornLast = false;
  #linesUntilPrompt: number;

  constructor({ seed, hostName, now }: SerialConsoleOptions) {
    this.#random = seededRandom(seed);
    this.#hostName = hostName;
    this.#now = now;
    this.#bootedAtMs = now();
    this.#linesUntilPrompt = 1 + Math.floor(this.#random() * 4);
    BOOT_LINES.forEach((line, index) => {
      this.#append(`[${stamp(index * 0.7 + 0.000_001 * index)}] ${line}\r\n`);
    });
  }

  /** What the kernel or an init program says by itself. */
  system(message: string): void {
    this.#append(`${this.#prefix()}${message}\r\n`);
  }

  /** What cloud-init says itself. */
  cloudInit(message: string): void {
    this.#append(`${this.#prefix()}cloud-init[${CLOUD_INIT_PID}]: ${message}\r\n`);
  }

  /** What the user-data script and its programs wrote; whole lines appear, as journald forwards. */
  write(chunk: Buffer): void {
    const lines = (this.#partialLine + this.#decoder.write(chunk)).split("\n");
    this.#partialLine = lines.pop() ?? "";
    for (const line of lines) this.#scriptLine(line);
    while (this.#partialLine.length > CONSOLE_LINE_MAX_LENGTH) {
      this.#scriptLine(this.#partialLine.slice(0, CONSOLE_LINE_MAX_LENGTH));
      this.#partialLine = this.#partialLine.slice(CONSOLE_LINE_MAX_LENGTH);
    }
  }

  /** No more output: a last line without an end appears too. */
  end(): void {
    const rest = this.#partialLine + this.#decoder.end();
    this.#partialLine = "";
    if (rest !== "") this.#scriptLine(rest);
  }

  /**
   * The last 64 KiB.
   *
   * @param agoMs - Of what had been written so long ago. @default now
   */
  text(agoMs = 0): string {
    const text = agoMs === 0 ? this.#text : this.#text.slice(0, this.#lengthAt(agoMs));
    const bytes = Buffer.from(text);
    if (bytes.length <= CONSOLE_RING_BYTES) return text;
    return bytes.subarray(bytes.length - CONSOLE_RING_BYTES).toString();
  }

  #scriptLine(line: string): void {
    this.#linesUntilPrompt -= 1;
    if (this.#linesUntilPrompt === 0) this.#prompt();
    else if (this.#random() < 0.06) this.#append(this.#noise());
    const lineEnd = this.#random() < 0.06 ? `${this.#pick(STATUS_LINES)}\r\n` : "\r\n";
    this.#append(`${this.#prefix()}cloud-init[${CLOUD_INIT_PID}]: ${this.#tear(line)}${lineEnd}`);
  }

  /** Never two in a row: who says a line twice at once is heard. */
  #tear(line: string): string {
    const chosen = this.#random() < 0.02;
    this.#tornLast = chosen && !this.#tornLast && line.length > TEARABLE_LINE_LENGTH;
    if (!this.#tornLast) return line;
    const at = 1 + Math.floor(this.#random() * (line.length - 1));
    return line.slice(0, at) + this.#noise() + line.slice(at);
  }

  #prompt(): void {
    this.#append(
      `\r\nAmazon Linux 2023.9.20261101\r\nKernel 6.18.8-9.213.amzn2023 on an x86_64 (-)\r\n\r\n` +
        `${this.#hostName} login: `,
    );
  }

  #noise(): string {
    return `${this.#prefix()}${this.#pick(NOISE_LINES)}\r\n`;
  }

  #prefix(): string {
    return `[${stamp(BOOT_SECONDS + (this.#now() - this.#bootedAtMs) / 1000)}] `;
  }

  #pick(lines: readonly string[]): string {
    return lines[Math.floor(this.#random() * lines.length)] ?? "";
  }

  #lengthAt(agoMs: number): number {
    const atMs = this.#now() - agoMs;
    const mark = this.#marks.findLast((one) => one.atMs <= atMs);
    return mark === undefined ? 0 : Math.max(0, mark.written - this.#dropped);
  }

  #append(text: string): void {
    this.#text += text;
    // Cut rarely: a cut copies everything that stays.
    if (this.#text.length > 3 * CONSOLE_RING_BYTES) {
      const excess = this.#text.length - CONSOLE_RING_BYTES;
      this.#text = this.#text.slice(excess);
      this.#dropped += excess;
      const first = this.#marks.findLastIndex(({ written }) => written <= this.#dropped);
      this.#marks.splice(0, Math.max(0, first));
    }
    const [atMs, written] = [this.#now(), this.#dropped + this.#text.length];
    const last = this.#marks.at(-1);
    // Whoever writes much writes often: a mark every few milliseconds tells enough.
    if (last !== undefined && atMs - last.sinceMs < MARK_MS) Object.assign(last, { atMs, written });
    else this.#marks.push({ sinceMs: atMs, atMs, written });
  }
}

/** The kernel's time stamp: seconds in five places, and microseconds. */
function stamp(seconds: number): string {
  return seconds.toFixed(6).padStart(12);
}
