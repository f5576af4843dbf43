/** Whole sessions where a fifth of all packets is lost, TCP's as well, both ways. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { ADDRESS_A, ADDRESS_B, LongLink } from "../../../bench/link/long-link.ts";
import { compileProgram } from "../../../bench/link/native-program.ts";
import { digestOf } from "../../support/loopback-sessions.ts";
import type { SessionEnding, SessionsJob } from "../../support/sessions-process.ts";

const CAN_EMULATE = process.getuid?.() === 0 && existsSync("/dev/net/tun");
const skip = CAN_EMULATE ? false : "needs root and /dev/net/tun";
const SESSIONS = 6;
const BYTES = 300_000;
const WAY = { rateMbit: 50, delayMs: 10, lossPercent: 20, burstPackets: 1, queueMs: 50 };
const SIDE = new URL("../../support/sessions-process.ts", import.meta.url).pathname;

async function runSide(
  test: TestContext,
  namespace: string,
  job: SessionsJob,
): Promise<SessionEnding[]> {
  const argv = [`--net=${namespace}`, process.execPath, "--no-warnings", SIDE, JSON.stringify(job)];
  const side = spawn("nsenter", argv, { stdio: ["ignore", "pipe", "inherit"] });
  test.after(() => side.kill("SIGKILL"));
  return JSON.parse(await text(side.stdout));
}

test("sessions over a path that loses a fifth, all of them to the same digest at both ends", {
  timeout: 120_000,
  skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "sealed-lossy-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = await compileProgram("longlink", folder);
  const link = await LongLink.start(program, { ...WAY, seed: 1 }, { ...WAY, seed: 2 });
  t.after(() => link.end());
  const psk = randomBytes(32).toString("hex");
  const numbers = [...Array(SESSIONS).keys()];
  const sources = numbers.map((number) => join(folder, `source-${number}`));
  for (const path of sources) await writeFile(path, randomBytes(BYTES));
  // Each end listens in half of them.
  const job = (role: SessionsJob["role"]): Omit<SessionsJob, "localAddress" | "peerAddress"> => ({
    role,
    psk,
    sessions: numbers.map((number) => ({
      port: 20_000 + number,
      listens: (role === "sender") === (number % 2 === 0),
      volumes: [
        {
          path: join(folder, `${role === "sender" ? "source" : "target"}-${number}`),
          sizeBytes: BYTES,
        },
      ],
    })),
  });
  const [sent, received] = await Promise.all([
    runSide(t, link.namespaceA, {
      ...job("sender"),
      localAddress: ADDRESS_A,
      peerAddress: ADDRESS_B,
    }),
    runSide(t, link.namespaceB, {
      ...job("receiver"),
      localAddress: ADDRESS_B,
      peerAddress: ADDRESS_A,
    }),
  ]);
  const expected = sources.map((path) => ({ digests: [digestOf(path)] }));
  assert.deepEqual({ sent, received }, { sent: expected, received: expected });
});
