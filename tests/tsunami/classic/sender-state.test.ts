import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SenderState, type SenderTurn } from "../../../tsunami/classic/sender-state.ts";
import { DEFAULT_PARAMETERS, type Request, RequestType } from "../../../tsunami/classic/wire.ts";

/** 1024-byte blocks at 10.24 Mbit/s: 800 µs, first 2400 µs. */
const PARAMETERS = { ...DEFAULT_PARAMETERS, rateBitsPerSecond: 10_240_000 };

function newState(blockCount: number, heartbeatTimeoutMs = 15_000): SenderState {
  return new SenderState({ parameters: PARAMETERS, blockCount, heartbeatTimeoutMs, nowUs: 0 });
}

function request(type: number, blockNumber = 0, errorRate = 0): Request {
  return { type, blockNumber, errorRate };
}

/** Takes turns exactly when they are due. */
function walk(state: SenderState, untilUs: number): { atUs: number; turn: SenderTurn }[] {
  const turns: { atUs: number; turn: SenderTurn }[] = [];
  for (let atUs = state.dueUs(false); atUs <= untilUs; atUs = state.dueUs(false)) {
    const turn = state.turn(atUs, undefined);
    turns.push({ atUs, turn });
    if (turn.kind === "end") break;
  }
  return turns;
}

function labels(turns: readonly { turn: SenderTurn }[]): string[] {
  return turns.map(({ turn }) =>
    turn.kind === "send" ? `${String.fromCharCode(turn.blockType)}${turn.blockNumber}` : turn.kind,
  );
}

describe("classic sender state", () => {
  it("sends the blocks a gap apart, starting at a third of the rate, the last one as X", () => {
    const turns = walk(newState(4), 7200);
    assert.deepEqual(labels(turns), ["O1", "O2", "O3", "X4"]);
    assert.deepEqual(
      turns.map(({ atUs }) => atUs),
      [0, 2400, 4800, 7200],
    );
  });

  it("repeats the last block after ten of the longest gaps", () => {
    const turns = walk(newState(1), 50_000);
    assert.deepEqual(labels(turns), ["X1", "X1", "X1"]);
    assert.deepEqual(
      turns.map(({ atUs }) => atUs),
      [0, 24_000, 48_000],
    );
  });

  it("sends block 0 as X for an empty file", () => {
    assert.deepEqual(labels(walk(newState(0), 30_000)), ["X0", "X0"]);
  });

  it("follows the reports with its gap", () => {
    const state = newState(100);
    walk(state, 0);
    state.turn(2400, request(RequestType.errorRate, 0, 0));
    assert.equal(state.gap.currentUs, 2000);
    assert.equal(state.dueUs(false), 4800);
    walk(state, 4800);
    assert.equal(state.dueUs(false), 6800);
  });

  it("serves a request before a new block, at the cost of one gap each", () => {
    const state = newState(100);
    walk(state, 4800);
    const turn = state.turn(7200, request(RequestType.retransmit, 2));
    assert.deepEqual(labels([{ turn }]), ["R2"]);
    assert.deepEqual(labels(walk(state, 9600)), ["O4"]);
  });

  it("answers requests during the pause after the last block, paced", () => {
    const state = newState(3);
    walk(state, 4800);
    assert.equal(state.dueUs(false), 4800 + 24_000);
    assert.equal(state.dueUs(true), 7200);
    const turn = state.turn(7200, request(RequestType.retransmit, 3));
    assert.deepEqual(labels([{ turn }]), ["R3"]);
    assert.equal(state.dueUs(true), 9600);
    assert.equal(state.dueUs(false), 4800 + 24_000);
  });

  it("restarts at the block named, and rejects a restart outside the file", () => {
    const state = newState(10);
    walk(state, 9600);
    assert.deepEqual(state.turn(12_000, request(RequestType.restart, 2)), { kind: "nothing" });
    assert.deepEqual(labels(walk(state, 16_800)), ["O2", "O3"]);
    for (const blockNumber of [0, 11, 2 ** 32 - 1]) {
      state.turn(20_000, request(RequestType.restart, blockNumber));
    }
    assert.equal(state.ignoredRequests, 3);
    assert.deepEqual(labels(walk(state, state.dueUs(false))), ["O4"]);
  });

  it("sends nothing for blocks that the file has not, and ignores unknown types", () => {
    const state = newState(10);
    for (const bad of [request(0, 0), request(0, 11), request(4, 1), request(65_535, 1)]) {
      assert.deepEqual(state.turn(0, bad), { kind: "nothing" });
    }
    assert.equal(state.ignoredRequests, 4);
  });

  it("ends on STOP", () => {
    assert.deepEqual(newState(10).turn(0, request(RequestType.stop)), {
      kind: "end",
      reason: "stop",
    });
  });

  it("ends when the receiver says nothing for the heartbeat time, at any packet rate", () => {
    const turns = walk(newState(1, 6000), 20_000_000);
    const last = turns.at(-1);
    assert.deepEqual(last?.turn, { kind: "end", reason: "heartbeat" });
    assert.ok(last !== undefined && last.atUs > 6_000_000 && last.atUs < 6_100_000);
  });

  it("slows down as after total loss when 2050 turns passed without a word", () => {
    const state = newState(1_000_000);
    const before = state.gap.currentUs;
    walk(state, 2400 * 2048);
    assert.equal(state.gap.currentUs, before);
    walk(state, 2400 * 2049);
    assert.ok(Math.abs(state.gap.currentUs / before - 1.041_67) < 1e-4);
  });

  it("makes good ten milliseconds of a stall, not more", () => {
    const state = newState(1_000_000);
    walk(state, 0);
    let burst = 0;
    while (state.dueUs(false) <= 5_000_000) {
      state.turn(5_000_000, undefined);
      burst++;
    }
    assert.ok(burst <= 6, `${burst} packets at once`);
  });
});
