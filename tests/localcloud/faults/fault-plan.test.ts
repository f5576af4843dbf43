import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkFaultPlan,
  FaultPlanError,
  parseFaultPlan,
} from "../../../localcloud/faults/fault-plan.ts";
import { KINDS } from "../../../localcloud/faults/fault-rule.ts";
import { checkPossible } from "../../../localcloud/faults/possible.ts";

const REFUSED = [
  ["{", /^the faults are not valid: this is no JSON: /],
  ['{"faults":{}}', /: faults must be a list of faults$/],
  [
    '{"faults":[{"fault":"fire"}]}',
    /: faults\[0\]\.fault must name a kind of fault: error, .*"fire"/,
  ],
  ['{"faults":[{"fault":"error"}]}', /: faults\[0\]\.code is missing$/],
  [
    '{"faults":[{"fault":"error","code":"Gone","acton":"x"}]}',
    /: faults\[0\]\.acton is not known here: allowed are fault, service, action, account, region/,
  ],
  [
    '{"faults":[{"fault":"error","code":"Gone","nth":0}]}',
    /faults\[0\]\.nth must be a whole number/,
  ],
  [
    '{"faults":[{"fault":"instance","does":"sleeps"}]}',
    /faults\[0\]\.does must be one of is-killed, .*, not "sleeps"$/,
  ],
  ['{"sed":1,"faults":[]}', /: sed is not known here: allowed are seed, faults$/],
] as const;

for (const [text, message] of REFUSED) {
  test(`${text} is refused with the place and what is allowed there`, () => {
    assert.throws(
      () => parseFaultPlan(text),
      (error) => {
        assert.ok(error instanceof FaultPlanError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("defaults are filled in", () => {
  const plan = checkFaultPlan({ faults: [{ fault: "error", code: "Gone" }] });
  assert.deepEqual(plan, { seed: 0, faults: [{ fault: "error", code: "Gone", done: false }] });
});

test("all mistakes are told at once", () => {
  const faults = [{ fault: "error" }, { fault: "throttle", burst: -1, perSecond: 1 }];
  assert.throws(() => checkFaultPlan({ faults }), /faults\[0\]\.code .*; faults\[1\]\.burst /);
});

test("no kind is without a schema", () => {
  for (const fault of KINDS) {
    assert.throws(
      () => checkFaultPlan({ faults: [{ fault, no: 1 }] }),
      /faults\[0\]\.no is not known/,
    );
  }
});

test("an isolated machine does not see the files behind its disks: two faults are refused", () => {
  const plan = (does: string) => checkFaultPlan({ faults: [{ fault: "disk", does }] });
  const isolated = { canCutNetwork: true, isIsolated: true };
  for (const does of ["no-space", "read-error"]) {
    assert.throws(() => checkPossible(plan(does), isolated), /^FaultPlanError: .*no isolation/);
  }
  checkPossible(plan("write-error"), isolated);
});
