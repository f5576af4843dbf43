import assert from "node:assert/strict";
import { it } from "node:test";
import { createdThings } from "../../demo/call-report.ts";
import type { KeptCall } from "../../demo/keep-localcloud.ts";

function call(action: string, ids: readonly string[], outcome = "ok"): KeptCall {
  return { atMs: 0, action, region: "us-east-1", ids, outcome };
}

it("what a run made is told from the calls that make such things, each once", () => {
  const things = createdThings([
    call("DescribeImages", ["ami-1", "snap-1"]),
    call("CreateSecurityGroup", ["vpc-1", "sg-1"]),
    call("RunInstances", ["ami-2", "snap-1", "sg-1", "i-1", "vol-1"]),
    call("RunInstances", ["ami-2", "i-1"]),
    call("CreateSnapshot", ["vol-1", "snap-2"]),
    call("CreateSnapshot", ["vol-1", "snap-3"], "InternalError"),
    call("RegisterImage", ["snap-2", "ami-3"]),
  ]);
  assert.deepEqual(
    things.map(({ id }) => id),
    ["sg-1", "i-1", "vol-1", "snap-2", "ami-3"],
  );
});
