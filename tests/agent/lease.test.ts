/** The lease, with hand-walked time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Lease } from "../../agent/lease.ts";

test("a lease that nobody renews ends after its length", () => {
  const lease = new Lease(1_000, 500);
  assert.equal(lease.ended(1_499), false);
  assert.equal(lease.ended(1_500), true);
});

test("each change of the counter renews it from then on", () => {
  const lease = new Lease(1_000, 0);
  lease.observe("1", 900);
  assert.equal(lease.ended(1_899), false);
  lease.observe("2", 1_800);
  assert.equal(lease.ended(2_799), false);
  assert.equal(lease.ended(2_800), true);
});

test("the same value seen again, and no value, renew nothing", () => {
  const lease = new Lease(1_000, 0);
  lease.observe("7", 0);
  lease.observe("7", 900);
  lease.observe(undefined, 950);
  lease.observe("7", 990);
  assert.equal(lease.ended(1_000), true);
});
