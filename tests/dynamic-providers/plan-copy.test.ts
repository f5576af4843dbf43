/** The plan as a program gets it, from the package's entry and against a localcloud. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { planCopy as planFromPackage } from "../../components/copied-ami.ts";
import { planCopy } from "../../dynamic-providers/plan-copy.ts";
import { openCloudBench } from "./workflow/cloud-bench.ts";

const bench = await openCloudBench();
after(() => bench[Symbol.asyncDispose]());

const { sourceAmiId, source, destination } = bench.request;

test("a plan tells what is to be read and sent, how long, and what is not checked", async () => {
  const plan = await planCopy({ sourceAmiId, source, destination }, bench.cloud.env);
  assert.deepEqual(plan.problems, []);
  assert.equal(plan.estimate?.gibToRead, 2);
  const toSend = plan.estimate?.gibToSend ?? 0;
  assert.ok(toSend > 0 && toSend < 0.01, `${toSend}: by the snapshots' full sizes`);
  assert.ok((plan.estimate?.helperHours ?? 0) > 0);
  assert.match(plan.estimate?.bottleneck ?? "", /\w/);
  assert.ok(plan.fidelity.some(({ attribute }) => attribute === "name"));
  assert.match(plan.notChecked.join("\n"), /^quotas of snapshots, images and security groups/);
  assert.doesNotMatch(plan.notChecked.join("\n"), /could not be asked/);
});

test("all problems of arguments, or of both sides, come together and nothing is made", async () => {
  const wrong = { sourceAmiId: "ami-12", source: { region: "mars" }, destination };
  const inArguments = await planCopy(wrong, bench.cloud.env);
  assert.deepEqual(
    inArguments.problems.map(({ property }) => property),
    ["sourceAmiId", "source.region"],
  );
  const helper = { source: { subnetId: "subnet-00000000" } };
  const missing = { sourceAmiId: "ami-00000000", source, destination, helper };
  const plan = await planCopy(missing, bench.cloud.env);
  assert.deepEqual(plan.problems.map(({ property }) => property).toSorted(), [
    "helper.source.subnetId",
    "sourceAmiId",
  ]);
  assert.equal(plan.estimate, undefined);
  const made = bench.cloud.calls.filter(
    ({ action, dryRun }) => !dryRun && /^(Run|Create|Register)/.test(action),
  );
  assert.deepEqual(made, []);
});

test("what is not known yet in a preview is said, and nobody is asked", async () => {
  const before = bench.cloud.calls.length;
  const unknown = { sourceAmiId: pulumi.runtime.unknownValue, source, destination };
  const plan = await planFromPackage(unknown);
  assert.match(plan.problems[0]?.message ?? "", /not known yet/);
  assert.equal(bench.cloud.calls.length, before);
});
