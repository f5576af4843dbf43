import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BlockMap } from "../../../tsunami/classic/block-map.ts";
import type { BlockType } from "../../../tsunami/classic/datagram.ts";
import { type LossPolicy, ReceiverState } from "../../../tsunami/classic/receiver-state.ts";
import { SenderState } from "../../../tsunami/classic/sender-state.ts";
import { DEFAULT_PARAMETERS, type Request, RequestType } from "../../../tsunami/classic/wire.ts";
import { recordedSession } from "./recorded-sessions.ts";

const TYPES = { O: 0x4f, R: 0x52, X: 0x58 } as const;

function newState(
  blockCount: number,
  change: { policy?: LossPolicy; rateBitsPerSecond?: number; roundTripMs?: number } = {},
): ReceiverState {
  return new ReceiverState({
    blockCount,
    blockSizeBytes: 1000,
    rateBitsPerSecond: 2_000_000,
    historyPercent: 25,
    policy: { kind: "lossless" },
    roundTripMs: 0,
    nowMs: 0,
    ...change,
  });
}

function accept(state: ReceiverState, label: string, nowMs = 0): boolean {
  const blockType = TYPES[label[0] as keyof typeof TYPES] as BlockType;
  return state.accept({ blockNumber: Number(label.slice(1)), blockType }, nowMs, false);
}

function show(requests: readonly Request[]): string[] {
  const names = ["retransmit", "restart", "stop", "error"];
  return requests.map(
    ({ type, blockNumber, errorRate }) =>
      `${names[type]} ${type === RequestType.errorRate ? errorRate : blockNumber}`,
  );
}

describe("classic receiver state", () => {
  it("asks and reports as the original did at the fiftieth datagram of a recorded session", () => {
    const { arrivals = [] } = recordedSession("get-loss");
    const startMs = (arrivals[0]?.[0] ?? 0) * 1000;
    const state = newState(103);
    const said: string[][] = [];
    for (const [seconds, blockNumber, type] of arrivals) {
      const nowMs = seconds * 1000 - startMs;
      state.accept({ blockNumber, blockType: TYPES[type] }, nowMs, false);
      const messages = show(state.messages(nowMs, false));
      if (messages.length > 0) said.push(messages);
    }
    const asked = ["retransmit 10", "retransmit 20", "retransmit 21", "retransmit 22"];
    assert.deepEqual(said[0], [...asked, "error 2727"]);
    // The original asks for these three in twelve requests; once is enough.
    const missing = ["retransmit 60", "retransmit 61", "retransmit 102"];
    assert.deepEqual(said[1]?.slice(0, 3), missing);
    assert.match(said[1]?.[3] ?? "", /^error \d+$/);
    assert.equal(state.missingBlocks, 0);
    assert.ok(state.done);
  });

  it("says nothing before the report period and the fiftieth datagram", () => {
    const state = newState(1000);
    for (let block = 1; block <= 49; block++) accept(state, `O${block * 2}`, 400);
    assert.deepEqual(state.messages(400, false), []);
    accept(state, "O100", 400);
    assert.equal(state.messages(400, false).length, 51);
    assert.deepEqual(state.messages(400, false), []);
  });

  it("asks at once when the last block comes, and again only after a round trip", () => {
    const state = newState(10, { roundTripMs: 40 });
    for (const label of ["O1", "O2", "O5", "X10"]) accept(state, label, 5);
    const missing = [3, 4, 6, 7, 8, 9].map((block) => `retransmit ${block}`);
    assert.deepEqual(show(state.messages(5, false)), missing);
    accept(state, "X10", 20);
    assert.deepEqual(state.messages(20, false), []);
    accept(state, "R3", 60);
    accept(state, "X10", 60);
    assert.deepEqual(show(state.messages(60, false)), missing.toSpliced(0, 1));
  });

  it("is done with the last missing block, whatever its type", () => {
    const state = newState(3);
    for (const label of ["O1", "X3"]) accept(state, label);
    assert.equal(state.done, false);
    assert.equal(accept(state, "R2"), true);
    assert.equal(state.done, true);
    assert.equal(newState(0).done, true);
  });

  it("keeps a block once, and counts the rest as useless", () => {
    const state = newState(5);
    assert.equal(accept(state, "O1"), true);
    assert.equal(accept(state, "O1"), false);
    assert.equal(accept(state, "R1"), false);
    assert.equal(state.uselessDatagrams, 2);
    assert.equal(state.missingBlocks, 4);
  });

  it("drops what finds no room, asks for it later and reports the full ring", () => {
    const state = newState(100);
    assert.equal(state.accept({ blockNumber: 1, blockType: TYPES.O }, 0, true), false);
    for (let block = 2; block <= 50; block++) accept(state, `O${block}`, 400);
    assert.deepEqual(show(state.messages(400, true)), ["retransmit 1", "error 38221"]);
  });

  it("restarts when 2048 blocks are missing, one before the first of them", () => {
    const state = newState(10_000);
    for (let block = 1; block <= 100; block++) accept(state, `O${block}`, 400);
    state.messages(400, false);
    for (let block = 3000; block < 3050; block++) accept(state, `O${block}`, 800);
    const [first, second, ...rest] = show(state.messages(800, false));
    assert.equal(first, "restart 100");
    assert.match(second ?? "", /^error 36\d\d\d$/);
    assert.deepEqual(rest, []);
    // Old traffic, still in flight, is kept without being taken for the new sequence.
    assert.equal(accept(state, "O3050", 801), true);
    // The sender resumes, and what it leaves out is asked for again.
    for (const label of ["O101", "O103", "O104"]) accept(state, label, 900);
    for (let block = 105; block < 3000; block++) accept(state, `O${block}`, 1300);
    assert.ok(show(state.messages(1300, false)).includes("retransmit 102"));
  });

  it("restarts from the very first block by asking for it apart", () => {
    const state = newState(10_000);
    for (let block = 5000; block < 5050; block++) accept(state, `O${block}`, 400);
    assert.deepEqual(show(state.messages(400, false)).slice(0, 2), ["restart 1", "retransmit 1"]);
  });

  it("speaks also when nothing arrives, so that a stalled path can recover", () => {
    const state = newState(100);
    accept(state, "O3", 10);
    assert.deepEqual(state.messages(700, false), []);
    assert.deepEqual(show(state.messages(711, false)).slice(0, 2), [
      "retransmit 1",
      "retransmit 2",
    ]);
    assert.deepEqual(state.messages(712, false), []);
  });

  it("asks for nothing in a lossy transfer and ends at the first X", () => {
    const state = newState(10, { policy: { kind: "lossy", windowMs: 0 } });
    for (const label of ["O1", "O5", "X10"]) accept(state, label, 400);
    assert.equal(state.done, true);
    assert.equal(state.missingBlocks, 7);
    assert.equal(state.requestedBlocks, 0);
  });

  it("gives up gaps older than the loss window", () => {
    const state = newState(10_000, { policy: { kind: "lossy", windowMs: 100 } });
    for (let block = 1; block <= 50; block++) accept(state, `O${block}`, 400);
    assert.deepEqual(show(state.messages(400, false)), ["error 0"]);
    // 50 blocks in 400 ms, 80 % of it for 100 ms: 10 blocks.
    for (let block = 81; block <= 130; block++) accept(state, `O${block}`, 800);
    const asked = show(state.messages(800, false)).slice(0, -1);
    assert.deepEqual(
      asked,
      Array.from({ length: 10 }, (_, index) => `retransmit ${71 + index}`),
    );
    accept(state, "X10000", 801);
    assert.equal(state.done, false);
  });

  it("costs neither time nor memory when a peer jumps to the end of an absurd file", () => {
    const state = newState(0xffff_fffe);
    accept(state, `O${0xffff_fff0}`);
    accept(state, `X${0xffff_fffe}`);
    assert.deepEqual(show(state.messages(0, false)), ["restart 1", "retransmit 1"]);
  });

  it("completes any file over any loss, reordering and duplication in virtual time", () => {
    const network = fc.record({
      blockCount: fc.integer({ min: 0, max: 400 }),
      lossPercent: fc.integer({ min: 0, max: 40 }),
      dice: fc.infiniteStream(fc.nat(99)),
    });
    fc.assert(
      fc.property(network, ({ blockCount, lossPercent, dice }) => {
        const receiver = newState(blockCount);
        const parameters = { ...DEFAULT_PARAMETERS, blockSizeBytes: 1000 };
        const sender = new SenderState({
          parameters,
          blockCount,
          heartbeatTimeoutMs: 9e9,
          nowUs: 0,
        });
        const requests: Request[] = [];
        const late: { blockNumber: number; blockType: BlockType }[] = [];
        const kept = new Set<number>();
        const roll = (): number => dice.next().value;
        let nowUs = 0;
        for (let turns = 0; !receiver.done; turns++) {
          assert.ok(turns < 200_000, "no end");
          nowUs = Math.max(nowUs, sender.dueUs(requests.length > 0));
          const turn = sender.turn(nowUs, requests.shift());
          if (turn.kind === "send" && roll() >= lossPercent) late.push(turn);
          if (roll() < 10 && late.length > 0) late.push(...late.slice(-1));
          while (late.length > (roll() < 20 ? 1 : 0)) {
            const header = late.shift();
            if (header === undefined || header.blockNumber === 0) continue;
            if (receiver.accept(header, nowUs / 1000, false)) kept.add(header.blockNumber);
          }
          requests.push(...receiver.messages(nowUs / 1000, false));
        }
        assert.equal(kept.size, blockCount);
      }),
      { numRuns: 50 },
    );
  });
});

describe("block map", () => {
  it("agrees with a set", () => {
    const near = fc.integer({ min: 1, max: 200 });
    const far = fc.integer({ min: 65_400, max: 65_700 });
    fc.assert(
      fc.property(fc.array(fc.oneof(near, far), { maxLength: 400 }), near, (blocks, from) => {
        const map = new BlockMap();
        const set = new Set(blocks);
        for (const block of set) map.add(block);
        for (const block of [...set, from]) assert.equal(map.has(block), set.has(block));
        let expected: number | undefined = from;
        while (set.has(expected)) expected++;
        if (expected > 300) expected = undefined;
        assert.equal(map.firstMissing(from, 300), expected);
      }),
    );
  });

  it("finds the end of long runs", () => {
    const map = new BlockMap();
    for (let block = 1; block <= 200_000; block++) map.add(block);
    assert.equal(map.firstMissing(1, 200_000), undefined);
    assert.equal(map.firstMissing(1, 200_001), 200_001);
  });
});
