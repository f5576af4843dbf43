import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createCopyRunProvider } from "../../dynamic-providers/copy-run-provider.ts";
import { CloudError } from "../../dynamic-providers/ec2/cloud-error.ts";
import type { Snapshot } from "../../dynamic-providers/ec2/snapshot.ts";
import { CopyError } from "../../dynamic-providers/workflow/copy-error.ts";
import { cloudTwin, partsTwin, request, run, stub } from "./parts-twin.ts";

const state = { request, run, createdAt: "2026-01-01T00:00:00.000Z", lost: false, ...stub };

function methods(parts = partsTwin()) {
  const { check, diff, create, read, update, delete: remove } = createCopyRunProvider(parts);
  assert.ok(check && diff && read && update && remove);
  return { check, diff, create, read, update, remove };
}

/** A sweep that finds one side's credentials refused. */
function closed(side: string) {
  const details = { code: "AuthFailure", operation: "GetCallerIdentity", region: "us-east-1" };
  const cause = new CloudError("key", { kind: "credentials", ...details });
  const error = new CopyError("the key is not valid", { code: "cloud", step: "sweep-run", cause });
  return async (_run: unknown, _cloud: unknown, swept: string) => {
    if (swept === side) throw error;
  };
}

suite("making a run", () => {
  test("records where both sides really are", async () => {
    const parts = partsTwin();
    const { id, outs } = await methods(parts).create({ request, rowUrn: "urn", ...stub });
    assert.equal(id, run.runId);
    assert.deepEqual(outs, { request, run, createdAt: "2026-01-02T00:00:00.000Z", lost: false });
  });

  test("tells all problems at once and keeps nothing", async () => {
    const problems = [
      { property: "source", message: "No credentials.", hint: "Give some." },
      { property: "name", message: "It is taken.", hint: "Take another." },
    ];
    const parts = partsTwin({ preflight: async () => ({ problems }) });
    await assert.rejects(
      methods(parts).create({ request, rowUrn: "urn", ...stub }),
      (error: Error) => {
        assert.match(error.message, /^2 problems, nothing was created:/);
        assert.match(error.message, /- source: No credentials\. Give some\./);
        assert.match(error.message, /- name: It is taken\. Take another\./);
        assert.ok(!("id" in error));
        return true;
      },
    );
  });

  test("an error of somebody else never counts as a half-made run", async () => {
    const foreign = Object.assign(new Error("no route"), { id: "by accident" });
    const parts = partsTwin({ preflight: () => Promise.reject(foreign) });
    await assert.rejects(
      methods(parts).create({ request, rowUrn: "urn", ...stub }),
      (error: Error) => {
        assert.equal(error.message, "No route.");
        assert.ok(!("id" in error));
        return true;
      },
    );
  });
});

suite("a change of a run", () => {
  const { source, destination } = request;
  const cases: [what: string, change: object, answer: { changes: boolean; replaces: string[] }][] =
    [
      ["nothing", {}, { changes: false, replaces: [] }],
      [
        "another source image",
        { sourceAmiId: "ami-0123456789abcdef1" },
        { changes: true, replaces: ["sourceAmiId"] },
      ],
      [
        "another region",
        { destination: { ...destination, region: "us-gov-east-1" } },
        { changes: true, replaces: ["destination.region"] },
      ],
      ["a name", { name: "golden" }, { changes: true, replaces: ["name"] }],
      ["encryption", { encrypted: true }, { changes: true, replaces: ["encrypted"] }],
      ["a key", { kmsKeyId: "alias/a" }, { changes: true, replaces: ["kmsKeyId"] }],
      [
        "another account",
        { source: { ...source, expectedAccountId: "999999999999" } },
        { changes: true, replaces: ["source"] },
      ],
      [
        "a role of another account",
        { source: { ...source, assumeRole: { roleArn: "arn:aws:iam::999999999999:role/a" } } },
        { changes: true, replaces: ["source"] },
      ],
      [
        "a role of the same account",
        { source: { ...source, assumeRole: { roleArn: "arn:aws:iam::111111111111:role/a" } } },
        { changes: true, replaces: [] },
      ],
      [
        "another profile",
        { source: { ...source, profile: "other" } },
        { changes: true, replaces: [] },
      ],
      [
        "environment instead of a profile",
        { destination: { region: destination.region, environmentPrefix: "GOV_" } },
        { changes: true, replaces: [] },
      ],
      ["the description", { description: "new" }, { changes: false, replaces: [] }],
      ["tags", { tags: {} }, { changes: false, replaces: [] }],
      [
        "a helper",
        { helper: { source: { instanceType: "c7g.large" }, destination: {} } },
        { changes: false, replaces: [] },
      ],
      ["the timeout", { timeoutMinutes: 5 }, { changes: false, replaces: [] }],
    ];
  for (const [what, change, answer] of cases) {
    const verb =
      answer.replaces.length > 0 ? "replaces it" : answer.changes ? "updates it" : "leaves it";
    test(`${what} ${verb}`, async () => {
      const news = { request: { ...request, ...change }, ...stub };
      assert.deepEqual(await methods().diff(run.runId, state, news), answer);
    });
  }

  test("of how a side is reached calls nothing and is remembered", async () => {
    const parts = partsTwin();
    const news = { request: { ...request, source: { ...source, profile: "other" } }, ...stub };
    const { outs } = await methods(parts).update(run.runId, state, news);
    assert.deepEqual(outs, { ...state, request: news.request });
    assert.deepEqual(parts.calls, []);
  });

  test("that a refresh found lost is replaced", async () => {
    const answer = await methods().diff(run.runId, { ...state, lost: true }, { request, ...stub });
    assert.deepEqual(answer, { changes: true, replaces: ["lost"] });
  });
});

suite("refreshing a run", () => {
  test("finds it lost when nothing of it exists any more", async () => {
    const { props } = await methods().read(run.runId, state);
    assert.deepEqual(props, { ...state, lost: true });
  });

  test("finds it alive as long as one snapshot is there", async () => {
    const snapshot = { snapshotId: "snap-1" } as Snapshot;
    const openCloud = () =>
      cloudTwin("us-gov-west-1", { describeSnapshots: async () => [snapshot] });
    const { props } = await methods(partsTwin({ openCloud })).read(run.runId, state);
    assert.deepEqual(props, state);
  });

  test("fails with another account's credentials, since it would find nothing there", async () => {
    const callerIdentity = async () => ({ accountId: "9", partition: "aws", arn: "" });
    const openCloud = () => cloudTwin("us-gov-west-1", { callerIdentity });
    await assert.rejects(methods(partsTwin({ openCloud })).read(run.runId, state), {
      message: /account 9 .* account 222222222222/,
    });
  });
});

suite("deleting a run", () => {
  test("sweeps both sides", async () => {
    const parts = partsTwin();
    await methods(parts).remove(run.runId, state);
    assert.deepEqual(parts.calls.sort(), [
      `sweep ${run.runId} destination`,
      `sweep ${run.runId} source`,
    ]);
  });

  test("sweeps once when both sides are one account and region: two would stop each other", async () => {
    const parts = partsTwin();
    const here = { ...run, source: run.destination };
    await methods(parts).remove(run.runId, { ...state, run: here });
    assert.deepEqual(parts.calls, [`sweep ${run.runId} destination`]);
  });

  test("fails when the source is closed and may have been started, which nothing ends", async () => {
    const boots = { ...state, request: { ...request, allowBootOfSource: true } };
    const parts = partsTwin({ sweepRun: closed("source") });
    await assert.rejects(methods(parts).remove(run.runId, boots), { message: /not valid/ });
  });

  test("warns and goes on when the source is closed for good and its leases are long over", async () => {
    const parts = partsTwin({ sweepRun: closed("source") });
    await methods(parts).remove(run.runId, state);
    assert.match(parts.warnings.join(), /npx amicopy sweep --region us-east-1/);
    assert.match(parts.warnings.join(), new RegExp(run.runId));
  });

  test("fails when the source is closed but a helper may still live there", async () => {
    const fresh = { ...state, createdAt: "2026-01-01T23:30:00.000Z" };
    const parts = partsTwin({ sweepRun: closed("source") });
    await assert.rejects(methods(parts).remove(run.runId, fresh), {
      message: /not valid/,
    });
  });

  test("fails when the destination is closed, whenever", async () => {
    const parts = partsTwin({ sweepRun: closed("destination") });
    await assert.rejects(methods(parts).remove(run.runId, state), {
      message: /not valid/,
    });
  });
});

test("a fault of the request is told without its values around it", async () => {
  const { failures } = await methods().check({}, { request: { ...request, timeoutMinutes: -1 } });
  assert.deepEqual(failures, [
    {
      property: "",
      reason: "timeoutMinutes: must be a whole number of minutes from 1 to 10080, not -1",
    },
  ]);
});
