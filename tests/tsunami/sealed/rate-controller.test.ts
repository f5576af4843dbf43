import assert from "node:assert/strict";
import { test } from "node:test";
import { RateController } from "../../../tsunami/sealed/rate-controller.ts";

const RTT_MS = 80;
const LINK_BYTES_PER_SECOND = 500e6 / 8;

/** Rounds on a link of its own, until it is filled; then what `queueMs` of others leaves of it. */
function run(rounds: number, queueMs: (round: number) => number): number[] {
  const rate = new RateController();
  const paces: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    const rttMs = RTT_MS + queueMs(round);
    nowMs += rttMs;
    const sentBytesPerSecond = rate.pacingBytesPerSecond;
    rate.sample({
      ...{ nowMs, rttMs, sentBytesPerSecond, sourceLimited: false, roundEnds: true },
      ...{ bytesPerSecond: Math.min(sentBytesPerSecond, LINK_BYTES_PER_SECOND) },
      ...{ received: 1000, lost: 0 },
    });
    paces.push(rate.pacingBytesPerSecond);
  }
  return paces;
}

test("a queue that stays whatever we send is another flow's, which does not starve us", () => {
  const paces = run(200, (round) => (round < 50 ? 0 : 40));
  assert.ok(Math.max(...paces.slice(52, 55)) < 0.9 * LINK_BYTES_PER_SECOND, "gives way at first");
  assert.ok(Math.min(...paces.slice(100)) > 0.7 * LINK_BYTES_PER_SECOND);
});

test("a queue that shrinks as we give way is ours, and is given way to until it is gone", () => {
  const paces = run(60, (round) => (round < 50 ? 0 : Math.max(0, 80 - 9 * (round - 50))));
  for (const pace of paces.slice(52, 57)) assert.ok(pace < 0.9 * LINK_BYTES_PER_SECOND);
});

test("a queue that our own losses keep full is given way to, however little it shrinks", () => {
  const rate = new RateController();
  let nowMs = 0;
  // Twice the link was sent at for eight rounds, so that half of everything lost looks usual.
  for (let round = 0; round < 60; round += 1) {
    const sentBytesPerSecond = round < 8 ? 2 * LINK_BYTES_PER_SECOND : rate.pacingBytesPerSecond;
    const lost = Math.max(0, 1 - LINK_BYTES_PER_SECOND / sentBytesPerSecond);
    const rttMs = RTT_MS + (lost > 0 && round > 0 ? 50 : 0);
    nowMs += rttMs;
    rate.sample({
      ...{ nowMs, rttMs, sentBytesPerSecond, sourceLimited: false, roundEnds: true },
      ...{ bytesPerSecond: Math.min(sentBytesPerSecond, LINK_BYTES_PER_SECOND) },
      ...{ received: 1000 * (1 - lost), lost: 1000 * lost },
    });
  }
  assert.ok(rate.capacityBytesPerSecond < 1.05 * LINK_BYTES_PER_SECOND);
});
