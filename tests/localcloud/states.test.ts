import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressSpace } from "../../localcloud/address-space.ts";
import { findRegion, PARTITIONS } from "../../localcloud/catalog/regions.ts";
import { State } from "../../localcloud/states.ts";

test("a state moves on when its time has come, and progress goes from 0 to 1 on the way", () => {
  const state = new State<"pending" | "completed">("pending", 100).later("completed", 200);
  assert.deepEqual([state.at(100), state.progressAt(100)], ["pending", 0]);
  assert.deepEqual([state.at(150), state.progressAt(150)], ["pending", 0.5]);
  assert.deepEqual([state.at(200), state.progressAt(200)], ["completed", 1]);
  assert.equal(state.at(50), "pending");
});

test("what is set now cancels what was to come", () => {
  const state = new State<"a" | "b" | "c">("a", 0).later("b", 10).set("c", 5);
  assert.equal(state.at(20), "c");
});

test("a state that ends nobody knows when makes no progress", () => {
  const state = new State<"a" | "b">("a", 0).later("b", Number.POSITIVE_INFINITY);
  assert.deepEqual([state.at(1e15), state.progressAt(1e15)], ["a", 0]);
});

test("no two instances have one address, and every address lies in its zone's subnet", () => {
  const regions = PARTITIONS.flatMap((partition) => partition.regions);
  const places = regions.flatMap((region) => region.zones.map((zone) => ({ region, zone })));
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...places), { maxLength: 300 }), (launches) => {
      const space = new AddressSpace(77);
      const taken = launches.map(({ region, zone }) => {
        const address = space.take(region, zone);
        const [start = ""] = space.zoneCidr(region, zone).split("/");
        const third = Number(address.split(".")[2]) - Number(start.split(".")[2]);
        assert.ok(address.startsWith("127.77.") && third >= 0 && third < 4);
        return address;
      });
      assert.equal(new Set(taken).size, taken.length);
    }),
    { numRuns: 50 },
  );
});

test("a full subnet says so, and takes again what was freed", () => {
  const { region } = findRegion("us-east-1") ?? {};
  const zone = region?.zones[0];
  assert.ok(region && zone);
  const space = new AddressSpace(77);
  const all = Array.from({ length: 1018 }, () => space.take(region, zone));
  assert.throws(() => space.take(region, zone), { code: "InsufficientFreeAddressesInSubnet" });
  space.free(all[500] ?? "");
  assert.equal(space.take(region, zone), all[500]);
});
