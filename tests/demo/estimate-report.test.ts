import assert from "node:assert/strict";
import { it } from "node:test";
import { estimateRows } from "../../demo/estimate-report.ts";
import { estimateCopy } from "../../dynamic-providers/workflow/estimate.ts";

it("an estimate stands beside what was measured, and AWS's beside nothing", () => {
  const machine = { instanceType: "", architectures: [], maximumVolumes: 1, isNitro: true };
  const volumes = [{ sizeGib: 4, fullSizeBytes: 2 ** 30, throughputMibps: 600 }];
  const estimate = estimateCopy({ volumes, source: machine, destination: machine });
  const measured = { bytesRead: 4 * 2 ** 30, bytesSent: 2 ** 29, durationSeconds: 17.4 };
  const rows = estimateRows(estimate, measured);
  assert.deepEqual(rows.slice(1, 3), [
    ["read", "4.00 GiB", "4.00 GiB"],
    ["sent", "at most 1.00 GiB", "0.50 GiB"],
  ]);
  const [, , , here, aws] = rows;
  assert.match(here?.join(" ") ?? "", /^time on this machine \d+ s 17 s$/);
  assert.match(aws?.join(" ") ?? "", /^time on AWS \d+ s not measured$/);
  assert.ok(Number.parseInt(here?.[1] ?? "", 10) < Number.parseInt(aws?.[1] ?? "", 10));
});
