import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkFaultPlan, type FaultPlanInput } from "../../../localcloud/faults/fault-plan.ts";
import { type Happening, matchersOf } from "../../../localcloud/faults/rule-matcher.ts";

const CALL: Happening = {
  service: "ec2",
  action: "RunInstances",
  accountId: "100000000001",
  profile: "aws-1",
  region: "us-east-1",
  instanceType: "c7g.large",
  zone: "us-east-1a",
};

type ErrorRule = Omit<
  Extract<FaultPlanInput["faults"][number], { fault: "error" }>,
  "fault" | "code"
>;

function fires(rule: ErrorRule, calls: readonly Partial<Happening>[], seed = 1): string {
  const plan = checkFaultPlan({ seed, faults: [{ fault: "error", code: "Gone", ...rule }] });
  const [matcher] = matchersOf(plan, "error");
  return calls.map((call) => (matcher?.meets({ ...CALL, ...call }) ? "x" : ".")).join("");
}

const five = Array.from({ length: 5 }, () => ({}));

test("a rule without anything meets every call", () => assert.equal(fires({}, five), "xxxxx"));
test("nth is one of those that match", () => assert.equal(fires({ nth: 3 }, five), "..x.."));
test("skip lets the first pass", () => assert.equal(fires({ skip: 2 }, five), "..xxx"));
test("times is the most", () => assert.equal(fires({ skip: 1, times: 2 }, five), ".xx.."));
test("nth counts after skip", () => assert.equal(fires({ skip: 1, nth: 2 }, five), "..x.."));

test("what does not match is not counted", () => {
  const calls = [{ region: "us-gov-west-1" }, {}, { action: "DescribeImages" }, {}];
  assert.equal(fires({ action: "RunInstances", region: "us-east-1", nth: 2 }, calls), "...x");
});

test("actions are matched by name, by the start of it, or by a list", () => {
  const calls = ["DescribeImages", "DescribeTags", "RunInstances"].map((action) => ({ action }));
  assert.equal(fires({ action: "Describe*" }, calls), "xx.");
  assert.equal(fires({ action: ["RunInstances", "DescribeTags"] }, calls), ".xx");
});

test("an account is meant by id, by profile, or as a side", () => {
  const other = { accountId: "200000000001", profile: "aws-us-gov-1" };
  assert.equal(fires({ account: "100000000001" }, [{}, other]), "x.");
  assert.equal(fires({ account: "aws-us-gov-1" }, [{}, other]), ".x");
  assert.equal(fires({ side: "source" }, [{}, other]), "x.");
  assert.equal(fires({ side: "destination" }, [{}, other]), ".x");
});

test("the same seed and the same calls give the same faults, whatever else is in the plan", () => {
  const actions = fc.array(fc.constantFrom("RunInstances", "DescribeImages", "CreateTags"));
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      actions,
      (seed, probability, names) => {
        const calls = names.map((action) => ({ ...CALL, action }));
        const rule = { fault: "error", code: "Gone", action: "RunInstances", probability } as const;
        const other = { fault: "error", code: "Other", probability: 0.5 } as const;
        const run = (faults: FaultPlanInput["faults"]) => {
          const matchers = matchersOf(checkFaultPlan({ seed, faults }), "error");
          return calls.map((call) => matchers.map((one) => one.meets(call))[0]);
        };
        assert.deepEqual(run([rule]), run([rule]));
        assert.deepEqual(run([rule]), run([rule, other]));
      },
    ),
  );
});

test("a probability is about as often as it says, and another seed chooses others", () => {
  const many = Array.from({ length: 1000 }, () => ({}));
  const first = fires({ probability: 0.2 }, many, 1);
  const count = first.replaceAll(".", "").length;
  assert.ok(count > 140 && count < 260, `${count} of 1000`);
  assert.notEqual(first, fires({ probability: 0.2 }, many, 2));
});
