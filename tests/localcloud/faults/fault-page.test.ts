/** docs/localcloud-faults.md is what a person reads who writes a fault file: all is there, and true. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  checkFaultPlan,
  FaultPlanError,
  parseFaultPlan,
} from "../../../localcloud/faults/fault-plan.ts";
import { KINDS } from "../../../localcloud/faults/fault-rule.ts";

const page = readFileSync(new URL("../../../docs/localcloud-faults.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text = ""]) => text);

test("every example is a fault file as it stands, and every kind has one", () => {
  const plans = examples.map(parseFaultPlan);
  const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ fault }) => fault)));
  assert.deepEqual([...kinds].toSorted(), [...KINDS].toSorted());
});

for (const fault of KINDS) {
  test(`${fault}: all that may be given with it is explained`, () => {
    const allowed = fieldsOf(fault).filter((name) => name !== "fault");
    const [, section = ""] =
      new RegExp(`^### \`${fault}\`.*?\n(.*?)(?=^##|$(?![^]))`, "ms").exec(page) ?? [];
    assert.notEqual(section, "", "it has no section");
    const [, common = ""] = /^Takes: (.*)$/m.exec(section) ?? [];
    const words = common.includes("occurrence") ? ["nth", "skip", "times", "probability"] : [];
    const named = [...section.matchAll(/`([a-z][A-Za-z]+)`/g)].map(([, name = ""]) => name);
    const explained = new Set([
      ...words,
      ...(common.includes("place") ? ["account", "region", "side"] : []),
      ...(common.includes("machine") ? ["instanceType", "zone"] : []),
      ...(common.includes("call") ? ["service", "action"] : []),
      ...named.filter((name) => allowed.includes(name)),
    ]);
    assert.deepEqual([...explained].toSorted(), allowed.toSorted());
  });
}

test("every word that may be given for a field is in the page", () => {
  for (const [fault, field] of [
    ["instance", "does"],
    ["disk", "does"],
    ["console-text", "shows"],
    ["lag", "seenBy"],
    ["state", "of"],
  ]) {
    const given = { fault, [field ?? ""]: "no such word", afterMs: 0 };
    const words = /must be one of ([a-z, -]+), not/.exec(refusalOf(given))?.[1]?.split(", ") ?? [];
    assert.ok(words.length > 1, refusalOf(given));
    for (const word of words) assert.ok(page.includes(`\`${word}\``), `${fault} ${word}`);
  }
});

/** As the refusal of an unknown one names them. */
function fieldsOf(fault: string): string[] {
  const [, names = ""] = /no is not known here: allowed are ([^;]+)/.exec(
    refusalOf({ fault, no: 1 }),
  ) ?? [""];
  return names.split(", ");
}

function refusalOf(rule: object): string {
  try {
    checkFaultPlan({ faults: [rule] });
  } catch (error) {
    assert.ok(error instanceof FaultPlanError);
    return error.message;
  }
  return assert.fail("it was not refused");
}
