/**
 * Properties over outside bytes, counted. Every one runs a fixed number of inputs in `npm test`, and
 * more by `npm run fuzz`. The seed is told with the count; a failure prints it with the path to the
 * smallest input that it found, and `FUZZ_SEED` brings the same inputs back.
 */

import { randomInt } from "node:crypto";
import type { TestContext } from "node:test";
import fc from "fast-check";

/** Named so that they reach the tests: `npm test` keeps a developer's `AMICOPY_…` from them. */
const { FUZZ_SEED: given, FUZZ_TIMES: times = "1" } = process.env;

/** How many times as many inputs as `npm test` tries. */
const FACTOR = Math.max(1, Number(times) || 1);
const seed = given === undefined ? randomInt(2 ** 31) : Number(given);

/** Tries a property and says how many inputs that were. */
export async function fuzz<Ts>(
  test: TestContext,
  property: fc.IProperty<Ts> | fc.IAsyncProperty<Ts>,
  runs: number,
): Promise<void> {
  const numRuns = Math.round(runs * FACTOR);
  await fc.assert(property as fc.IAsyncProperty<Ts>, { numRuns, seed });
  test.diagnostic(`fuzz: ${numRuns} inputs, seed ${seed}: ${test.name}`);
}

/** Bytes that are nearly something: a valid text or message with a few pieces changed. */
export function mutated(whole: Uint8Array): fc.Arbitrary<Buffer> {
  const at = fc.nat(Math.max(0, whole.length - 1));
  const change = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), at, value: fc.nat(255) }),
    fc.record({ kind: fc.constant("cut" as const), at, length: fc.nat(16) }),
    fc.record({ kind: fc.constant("copy" as const), at, from: at, length: fc.nat(32) }),
    fc.record({ kind: fc.constant("insert" as const), at, bytes: fc.uint8Array({ maxLength: 8 }) }),
    fc.record({ kind: fc.constant("end" as const), at }),
  );
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    let bytes = Buffer.from(whole);
    for (const one of changes) {
      const before = bytes.subarray(0, one.at);
      const after = bytes.subarray(one.at);
      if (one.kind === "set" && one.at < bytes.length) bytes[one.at] = one.value;
      else if (one.kind === "cut") bytes = Buffer.concat([before, after.subarray(one.length)]);
      else if (one.kind === "insert") bytes = Buffer.concat([before, one.bytes, after]);
      else if (one.kind === "end") bytes = Buffer.from(before);
      else if (one.kind === "copy") {
        const piece = bytes.subarray(one.from, one.from + one.length);
        bytes = Buffer.concat([before, piece, after]);
      }
    }
    return bytes;
  });
}

/** Any JSON value, often with names and values that the reader in question knows. */
export function nearly(
  known: Readonly<Record<string, unknown>>,
  fields = Object.keys(known),
): fc.Arbitrary<Record<string, unknown>> {
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom<unknown>(
      ...[null, "", 0, -1, 0.5, 2 ** 53, 1e308, "1e9", [], {}, true, "__proto__", "length"],
      ...Object.values(known),
    ),
  );
  const changes = fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), odd, {
    maxKeys: 4,
  });
  const missing = fc.subarray([...fields], { maxLength: Math.min(2, fields.length) });
  return fc.tuple(changes, missing).map(([change, gone]) => {
    const value: Record<string, unknown> = { ...known, ...change };
    for (const name of gone) delete value[name];
    return value;
  });
}
