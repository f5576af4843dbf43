/**
 * How a machine ends itself: the shims of `shutdown`, `poweroff` and so on write one line into a
 * named pipe that only localcloud reads. The host's init system never hears of it.
 *
 *   poweroff <minutes>     0 is now
 *   cancel
 */

import { execFile } from "node:child_process";
import { constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";
import { SHUTDOWN_DELAY_MAX_MINUTES } from "./limits.ts";

const run = promisify(execFile);

/** A line of ours is shorter; more without a line end is not from a shim. */
const REQUEST_MAX_LENGTH = 256;

export interface PowerSwitch {
  close(): void;
}

/**
 * @param path - Where the named pipe will be.
 * @param onPowerOff - Called at most once.
 */
export async function openPowerSwitch(path: string, onPowerOff: () => void): Promise<PowerSwitch> {
  await run("mkfifo", ["-m", "600", path]);
  // Opened for writing too: otherwise each writer that leaves would end the stream.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  const plan = new ShutdownPlan(onPowerOff);
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    const lines = (text + chunk.toString("latin1")).split("\n");
    text = (lines.pop() ?? "").slice(0, REQUEST_MAX_LENGTH);
    for (const line of lines) plan.request(line);
  });
  socket.on("error", () => {});
  socket.unref();
  return {
    close: () => {
      plan.cancel();
      socket.destroy();
    },
  };
}

/** The one shutdown that is planned: a new one takes the place of the old one. */
export class ShutdownPlan {
  readonly #onPowerOff: () => void;
  #timer: NodeJS.Timeout | undefined;
  #done = false;

  constructor(onPowerOff: () => void) {
    this.#onPowerOff = onPowerOff;
  }

  /** Anything but the lines of the header comment is ignored. */
  request(line: string): void {
    const [, word, minutesText] = /^(cancel|poweroff (\d{1,5}))$/.exec(line) ?? [];
    if (word === undefined) return;
    this.cancel();
    if (minutesText === undefined) return;
    const minutes = Math.min(Number(minutesText), SHUTDOWN_DELAY_MAX_MINUTES);
    if (minutes === 0) {
      this.#powerOff();
    } else {
      this.#timer = setTimeout(() => this.#powerOff(), minutes * 60_000);
      this.#timer.unref();
    }
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #powerOff(): void {
    if (this.#done) return;
    this.#done = true;
    this.#onPowerOff();
  }
}
