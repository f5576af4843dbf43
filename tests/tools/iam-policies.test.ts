/** The policies in `docs/iam/` against the calls of a whole life: all of them, and nothing else. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CallRecord } from "../../localcloud/call-log.ts";
import {
  isAllowed,
  POLICY_MAX_LENGTH,
  type Policy,
  policyFor,
  questionsOf,
} from "../../tools/iam-policies.ts";
import { recordLife } from "./copy-life.ts";

const SIDES = ["source", "destination", "source-boot"] as const;
const life = await recordLife();

function published(side: string): Policy {
  const path = join(import.meta.dirname, `../../docs/iam/${side}.json`);
  return JSON.parse(readFileSync(path, "utf8"));
}

function call(action: string, subject: NonNullable<CallRecord["subject"]>): CallRecord {
  const place = { at: new Date(0), service: "ec2", accountId: "1", region: "us-east-1" };
  return { ...place, action, ids: [], dryRun: false, outcome: "ok", subject };
}

for (const side of SIDES) {
  const policy = published(side);

  test(`the policy of the ${side} covers every call that was made`, () => {
    const refused = life[side]
      .flatMap(questionsOf)
      .filter((question) => !isAllowed(policy, question))
      .map((question) => JSON.stringify(question));
    const hint = "if these are meant, run: npm run iam-policies";
    assert.deepEqual([...new Set(refused)], [], hint);
    assert.ok(life[side].length > 100, `only ${life[side].length} calls`);
  });

  test(`the policy of the ${side} holds nothing that was not called for`, () => {
    assert.deepEqual(policy, JSON.parse(JSON.stringify(policyFor(life[side]))));
  });

  test(`the policy of the ${side} fits into a managed policy and names no place`, () => {
    assert.ok(JSON.stringify(policy).length < POLICY_MAX_LENGTH);
    const resources = policy.Statement.flatMap(({ Resource }) => Resource);
    for (const resource of resources) {
      assert.match(resource, /^(\*|arn:\*:ec2:\*:\*?:[a-z-]+\/\*)$/);
    }
    const names = policy.Statement.map(({ Sid }) => Sid);
    assert.deepEqual([...new Set(names)], names, "IAM wants each Sid once");
    for (const name of names) assert.match(name, /^[A-Za-z0-9]+$/);
  });

  test(`the policy of the ${side} changes nothing that is not ours, and makes nothing untagged`, () => {
    const foreign: [string, string][] = [
      ["TerminateInstances", "instance"],
      ["GetConsoleOutput", "instance"],
      ["StopInstances", "instance"],
      ["AttachVolume", "volume"],
      ["DetachVolume", "volume"],
      ["CreateImage", "instance"],
      ["DeleteVolume", "volume"],
      ["DeleteSnapshot", "snapshot"],
      ["DeregisterImage", "image"],
      ["ModifyImageAttribute", "image"],
      ["DeleteSecurityGroup", "security-group"],
      ["AuthorizeSecurityGroupIngress", "security-group"],
      ["CreateTags", "instance"],
      ["CreateTags", "image"],
      ["CreateSnapshot", "volume"],
      ["RegisterImage", "snapshot"],
      ["RunInstances", "security-group"],
    ];
    for (const [action, kind] of foreign) {
      const thing = { id: "x", kind, tagKeys: ["Name"] };
      const asked = questionsOf(call(action, { things: [thing], requestTagKeys: {} }));
      const about = asked.filter(({ resourceTagKeys }) => resourceTagKeys !== undefined);
      assert.equal(about.length, 1, action);
      for (const question of about) assert.ok(!isAllowed(policy, question), `${action} ${kind}`);
    }
    for (const action of [
      "RunInstances",
      "CreateSecurityGroup",
      "RegisterImage",
      "CreateImage",
      "CreateVolume",
    ]) {
      const asked = questionsOf(call(action, { things: [], requestTagKeys: {} }));
      assert.ok(asked.length > 0);
      for (const question of asked) assert.ok(!isAllowed(policy, question), action);
    }
  });
}

test("the life makes every call that is in the code", () => {
  const folder = join(import.meta.dirname, "../../dynamic-providers/ec2");
  const code = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const inCode = [...code.join("\n").matchAll(/new (\w+)Command\(/g)].map(([, name = ""]) => name);
  const made = new Set(SIDES.flatMap((side) => life[side].map(({ action }) => action)));
  const never = [...new Set(inCode)].filter((name) => !made.has(name));
  assert.ok(inCode.length > 20);
  assert.deepEqual(never, []);
});

test("the source's credentials cannot make or remove images and snapshots", () => {
  const actionsOf = (policy: string) =>
    new Set(published(policy).Statement.flatMap(({ Action }) => Action));
  const actions = actionsOf("source");
  for (const action of ["RegisterImage", "DeregisterImage", "CreateSnapshot", "DeleteSnapshot"]) {
    assert.ok(!actions.has(`ec2:${action}`), action);
  }
  const more = [...actionsOf("source-boot")].filter((action) => !actions.has(action));
  assert.deepEqual(more.sort(), ["ec2:CreateSnapshots", "ec2:DeleteSnapshot", "ec2:StopInstances"]);
});

test("a call that the policies do not know is found out", () => {
  const thing = { id: "i-1", kind: "instance", tagKeys: ["amicopy:run"] };
  const subject = { things: [thing], requestTagKeys: {} };
  assert.throws(() => questionsOf(call("RebootInstances", subject)), /RebootInstances is new/);
  const [describe] = questionsOf(call("DescribeBundleTasks", subject));
  assert.ok(describe);
  assert.equal(isAllowed(published("source"), describe), false);
});
