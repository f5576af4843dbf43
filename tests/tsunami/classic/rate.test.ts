import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ErrorRate } from "../../../tsunami/classic/error-rate.ts";
import { minimumGapUs, PacketGap } from "../../../tsunami/classic/packet-gap.ts";
import { DEFAULT_PARAMETERS } from "../../../tsunami/classic/wire.ts";
import { recordings } from "./recorded-sessions.ts";

describe("classic rate rule", () => {
  it("rounds the gap at full rate down to whole microseconds, as the original", () => {
    for (const { blockSize, targetRate, ipdTimeUs, initialIpdUs } of recordings.units.ipdTime) {
      const rate = { blockSizeBytes: blockSize, rateBitsPerSecond: targetRate };
      assert.equal(minimumGapUs(rate), ipdTimeUs);
      if (ipdTimeUs === 0) continue;
      const gap = new PacketGap({ ...DEFAULT_PARAMETERS, ...rate });
      assert.equal(gap.currentUs, initialIpdUs);
    }
  });

  it("adapts over the recorded reports to the gaps that the original printed", () => {
    const gap = new PacketGap({ ...DEFAULT_PARAMETERS, rateBitsPerSecond: 60_000_000 });
    assert.equal(gap.currentUs, recordings.units.ipdAdaptation.initialUs);
    for (const { report, ipdUs } of recordings.units.ipdAdaptation.steps) {
      gap.report(report);
      assert.ok(Math.abs(gap.currentUs - ipdUs) < 1e-9, `${gap.currentUs} is not ${ipdUs}`);
    }
  });

  it("reaches the full rate after seven good reports", () => {
    const gap = new PacketGap(DEFAULT_PARAMETERS);
    for (let reports = 0; reports < 6; reports++) gap.report(0);
    assert.ok(gap.currentUs > gap.minimumUs);
    gap.report(7500);
    assert.equal(gap.currentUs, gap.minimumUs);
  });

  it("slows by 1.9 % at the worst report and stops at 10 ms, or at a longer minimum", () => {
    const gap = new PacketGap(DEFAULT_PARAMETERS);
    const before = gap.currentUs;
    gap.report(50_000);
    assert.ok(Math.abs(gap.currentUs / before - 1.0191) < 1e-4);
    for (let reports = 0; reports < 1000; reports++) gap.report(100_000);
    assert.equal(gap.currentUs, 10_000);
    const slow = new PacketGap({ ...DEFAULT_PARAMETERS, rateBitsPerSecond: 100_000 });
    slow.report(0);
    assert.equal(slow.currentUs, 81_920);
  });

  it("paces and slows down also where the original's gap is zero, and divides by no zero", () => {
    const fast = new PacketGap({
      ...DEFAULT_PARAMETERS,
      blockSizeBytes: 1,
      rateBitsPerSecond: 1e9,
    });
    assert.equal(fast.minimumUs, 1);
    fast.report(100_000);
    assert.ok(fast.currentUs > 3);
    const deaf = new PacketGap({ ...DEFAULT_PARAMETERS, errorThreshold: 100_000 });
    deaf.report(2 ** 32 - 1);
    assert.ok(Number.isFinite(deaf.currentUs));
  });

  it("smooths the error rate as recorded", () => {
    const { history, steps } = recordings.units.errorRateSmoothing;
    const errorRate = new ErrorRate(history);
    for (const { requestsSent, datagramsInInterval, ringFull, sent } of steps) {
      const interval = { requestedBlocks: requestsSent, datagrams: datagramsInInterval, ringFull };
      assert.equal(errorRate.update(interval), sent);
    }
  });

  it("reports a restart as recorded, and a full ring as half of the scale", () => {
    const restarted = new ErrorRate(25);
    const interval = { requestedBlocks: 2048, datagrams: 1050, ringFull: false };
    assert.equal(restarted.update(interval), 24_782);
    const full = new ErrorRate(0);
    assert.equal(full.update({ requestedBlocks: 0, datagrams: 50, ringFull: true }), 50_000);
  });
});
