import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ADDRESS_B, LongLink } from "../../bench/link/long-link.ts";
import { compileProgram } from "../../bench/link/native-program.ts";
import { Side } from "../../bench/link/side.ts";

const CAN_EMULATE = process.getuid?.() === 0 && existsSync("/dev/net/tun");
const WAY = { rateMbit: 50, delayMs: 20, lossPercent: 0, burstPackets: 1, queueMs: 50, seed: 1 };
const skip = CAN_EMULATE ? false : "needs root and /dev/net/tun";

/** Sends and answers UDP, in one program: pings `count` times, 2 ms apart. */
const ECHO = `const s = require("node:dgram").createSocket("udp4");
s.on("message", (m, r) => s.send(m, r.port, r.address)); s.bind(7000, () => console.log("ready"));`;
const ASK = `const s = require("node:dgram").createSocket("udp4"); const times = []; let sent = 0;
s.on("message", (m) => times.push(performance.now() - Number(m.toString())));
const end = () => { s.close(); console.log(JSON.stringify(times)); };
const timer = setInterval(() => { s.send(String(performance.now()), 7000, "${ADDRESS_B}");
  if (++sent === 400) { clearInterval(timer); setTimeout(end, 500); } }, 2);`;
/** 100 Mbit/s of IP packets of 1428 bytes, for two seconds. */
const FLOOD = `const s = require("node:dgram").createSocket("udp4"); const bytes = Buffer.alloc(1400); let sent = 0;
const from = performance.now(); const timer = setInterval(() => {
  const ms = performance.now() - from; for (; sent < ms * 8.75; sent++) s.send(bytes, 7000, "${ADDRESS_B}");
  if (ms > 2000) { clearInterval(timer); s.close(); } }, 2);`;

async function programs(test: TestContext): Promise<{ longlink: string; side: string }> {
  const folder = mkdtempSync(join(tmpdir(), "amicopy-link-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  const [longlink, side] = await Promise.all([
    compileProgram("longlink", folder),
    compileProgram("side", folder),
  ]);
  return { longlink, side };
}

function start(program: string, namespace: string | undefined, ...command: string[]): Side {
  return new Side({ program, namespace, command, directory: "/" });
}

describe("the bench's long link", { timeout: 30_000, skip }, () => {
  it("delays, loses in the share it was told, and counts what it did", async (test) => {
    const { longlink, side } = await programs(test);
    const link = await LongLink.start(longlink, { ...WAY, lossPercent: 20, burstPackets: 4 }, WAY);
    test.after(() => link.end());
    const echo = start(side, link.namespaceB, process.execPath, "-e", ECHO);
    await echo.waitFor(/ready/);
    const { out } = await start(side, link.namespaceA, process.execPath, "-e", ASK).ended;
    await echo.end();
    const times = JSON.parse(out) as number[];
    assert.ok(times.length > 240 && times.length < 390, `${times.length} of 400 came back`);
    assert.ok(Math.min(...times) >= 40 && Math.min(...times) < 60, `${Math.min(...times)} ms`);
    const { aToB, bToA } = await link.end();
    assert.equal(aToB.packetsIn, aToB.packetsOut + aToB.lost + aToB.queueDrops);
    assert.equal(bToA.lost, 0);
  });

  it("gives what it loses its time of the link", async (test) => {
    const { longlink, side } = await programs(test);
    const link = await LongLink.start(longlink, { ...WAY, lossPercent: 20 }, WAY);
    test.after(() => link.end());
    await start(side, link.namespaceA, process.execPath, "-e", FLOOD).ended;
    const busy = link.samples.filter(({ aToB }) => aToB.queueMs > 25);
    const [first, last] = [busy[0], busy.at(-1)];
    assert.ok(first && last && last.ms - first.ms > 1000, `${busy.length} samples with a queue`);
    const bits = 8 / (last.ms - first.ms) / 1000;
    const carried = (last.aToB.bytesCarried - first.aToB.bytesCarried) * bits;
    const arrived = (last.aToB.packetsOut - first.aToB.packetsOut) * 1428 * bits;
    assert.ok(Math.abs(carried - 50) < 3, `${carried} Mbit/s through the bottleneck`);
    assert.ok(Math.abs(arrived - 40) < 3, `${arrived} Mbit/s arrived`);
  });

  it("leaves no process and no namespace, whatever a side started", async (test) => {
    const { longlink, side } = await programs(test);
    const link = await LongLink.start(longlink, WAY, WAY);
    test.after(() => link.end());
    const command = "setsid sleep 1000 & echo started $!; sleep 1000";
    const started = start(side, link.namespaceA, "sh", "-c", command);
    await started.waitFor(/started/);
    const { usage, out } = await started.end();
    assert.equal(usage.signal, 15);
    const pid = /started (\d+)/.exec(out)?.[1] ?? "1";
    assert.throws(() => readFileSync(`/proc/${pid}/stat`));
    await link.end();
    assert.equal(existsSync(link.namespaceA), false);
  });
});
