import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createCopiedImageProvider } from "../../dynamic-providers/copied-image-provider.ts";
import { CopyError } from "../../dynamic-providers/workflow/copy-error.ts";
import type { ObservedImage } from "../../dynamic-providers/workflow/observe-image.ts";
import {
  cloudTwin,
  complete,
  image,
  observed,
  partsTwin,
  request,
  run,
  stub,
} from "./parts-twin.ts";
import { sampleImage } from "./workflow/samples.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const inputs = { request, run, progressUrn: "urn:pulumi:a", ...stub };
const wanted = {
  description: image.description,
  tags: image.imageTags,
  launchPermissions: [],
  disabled: false,
};
const state = { outcome: "complete", request, run, image, attempt: 1, wanted, ...stub };
const aborted = { outcome: "aborted", request, run, ...stub };

function methods(parts = partsTwin()) {
  const { check, diff, create, read, update, delete: remove } = createCopiedImageProvider(parts);
  assert.ok(check && diff && read && update && remove);
  return { check, diff, create, read, update, remove };
}

const failing = {
  outcomeOf: () => undefined,
  join: async () => {
    const details = { code: "helper-failed", step: "transfer", hint: "Run it again." } as const;
    const error = new CopyError("The source helper i-1 lost its disk.", details);
    return { kind: "failed", error } as const;
  },
};

suite("making an image", () => {
  test("answers what the run made, under the run's id", async () => {
    const { id, outs } = await methods().create(inputs);
    const { __provider, ...outputs } = state;
    assert.equal(id, run.runId);
    assert.deepEqual(outs, outputs);
  });

  test("keeps a failed one in the state, to be continued", async () => {
    await assert.rejects(methods(partsTwin({ runs: failing })).create(inputs), (error: object) => {
      assert.ok("id" in error && "properties" in error && "reasons" in error);
      assert.equal(error.id, run.runId);
      assert.deepEqual(error.properties, aborted);
      assert.deepEqual(error.reasons, ["The source helper i-1 lost its disk. Run it again."]);
      return true;
    });
  });

  test("is continued by update", async () => {
    assert.deepEqual(await methods().diff(run.runId, aborted, inputs), {
      changes: true,
      replaces: [],
    });
    const parts = partsTwin();
    const { outs } = await methods(parts).update(run.runId, aborted, inputs);
    assert.equal(outs?.outcome, "complete");
    assert.deepEqual(parts.calls, ["join image"]);
  });
});

suite("what a good copy could not clean up", () => {
  const leftBehind = ["security group sg-1 in us-east-1: no"];
  const dirty = { ...state, leftBehind };

  test("stands in the state", async () => {
    assert.ok(complete.kind === "complete");
    const result = { ...complete.result, leftBehind };
    const outcome = { kind: "complete", result } as const;
    const runs = { join: async () => outcome, outcomeOf: () => undefined };
    const { outs } = await methods(partsTwin({ runs })).create(inputs);
    assert.deepEqual(outs?.leftBehind, leftBehind);
  });

  test("and what a repair could not: it is told, too", async () => {
    const restored = { ...image, imageId: "ami-0aaaaaaaaaaaaaaaa" };
    const restoreImage = async () => ({ image: restored, leftBehind });
    const parts = partsTwin({ restoreImage });
    const gone = { ...state, observed: { ...observed, registered: false } };
    const { outs } = await methods(parts).update(run.runId, gone, inputs);
    assert.deepEqual(outs?.leftBehind, leftBehind);
    assert.match(parts.warnings.join(), /^Could not be cleaned up: security group sg-1 /);
  });

  test("is looked for with the credentials of now", async () => {
    const profiles: unknown[] = [];
    const openCloud = ({ profile }: { profile?: string }) => {
      profiles.push(profile);
      return cloudTwin("us-gov-west-1");
    };
    const renamed = { ...request.destination, profile: "renamed" };
    const news = { ...inputs, request: { ...request, destination: renamed } };
    await methods(partsTwin({ openCloud })).update(run.runId, dirty, news);
    assert.deepEqual(profiles, [request.source.profile, "renamed"]);
  });

  test("is removed on both sides by the next up, and then it stands there no more", async () => {
    assert.deepEqual(await methods().diff(run.runId, dirty, inputs), {
      changes: true,
      replaces: [],
    });
    const parts = partsTwin();
    const { outs } = await methods(parts).update(run.runId, dirty, inputs);
    const sides = ["source", "destination"];
    assert.deepEqual(
      parts.calls,
      sides.map((side) => `sweep left behind ${run.runId} ${side}`),
    );
    assert.ok(outs !== undefined && !("leftBehind" in outs));
  });
});

suite("an image whose row alone is replaced", () => {
  test("is its successor's, and is not removed with the row", async () => {
    const runs = { join: async () => complete, outcomeOf: async () => complete };
    const parts = partsTwin({ runs });
    await methods(parts).remove(run.runId, state);
    assert.deepEqual(parts.calls, []);
  });

  test("stays its successor's when that had to be made anew, of the same snapshots", async () => {
    assert.ok(complete.kind === "complete");
    const other = { ...image, imageId: "ami-0bbbbbbbbbbbbbbbb" };
    const outcome = { ...complete, result: { ...complete.result, image: other } };
    const parts = partsTwin({
      runs: { join: async () => outcome, outcomeOf: async () => outcome },
    });
    await methods(parts).remove(run.runId, state);
    assert.deepEqual(parts.calls, []);
  });
});

suite("a change of an image", () => {
  const changed = (change: object) => ({ ...inputs, request: { ...request, ...change } });
  const diff = (news: object, olds: object = state) => methods().diff(run.runId, olds, news);

  test("is none when nothing changed", async () => {
    assert.deepEqual(await diff(inputs), { changes: false, replaces: [] });
  });

  test("of description, tags or copied tags is made in place", async () => {
    for (const change of [{ description: "new" }, { tags: {} }, { copyTags: false }]) {
      assert.deepEqual(await diff(changed(change)), { changes: true, replaces: [] });
    }
  });

  test("of the run replaces it", async () => {
    const news = { ...inputs, run: { ...run, runId: "ffffffffffffffff" } };
    assert.deepEqual(await diff(news), { changes: true, replaces: ["run"] });
  });

  test("is not foreseen from a run that a preview does not know", async () => {
    assert.deepEqual(await diff({ ...inputs, run: UNKNOWN }), { changes: false, replaces: [] });
  });

  test("of the way to the destination is remembered without a call", async () => {
    const news = changed({ destination: { ...request.destination, profile: "other" } });
    assert.deepEqual(await diff(news), { changes: true, replaces: [] });
    const parts = partsTwin();
    const { outs } = await methods(parts).update(run.runId, state, news);
    assert.deepEqual(outs, { ...state, request: news.request });
    assert.deepEqual(parts.calls, []);
  });

  test("of the stub or the row's own URN is none", async () => {
    assert.equal((await diff({ ...inputs, progressUrn: "urn:b", __provider: "x" })).changes, false);
  });

  test("of given tags leaves the copied ones", async () => {
    const parts = partsTwin();
    const news = changed({ tags: { team: "platform", more: "yes" } });
    const { outs } = await methods(parts).update(run.runId, state, news);
    assert.deepEqual(outs?.wanted.tags, { os: "linux", team: "platform", more: "yes" });
    assert.deepEqual(parts.calls, [`update ${image.imageId}`]);
  });

  test("that takes a tag and the description back asks the source what it has", async () => {
    const tags = { os: "linux", team: "of the source", "aws:x": "y", "amicopy:run": "z" };
    const source = sampleImage({ ownerId: "999999999999", description: "of the source", tags });
    const openCloud = () => cloudTwin("us-east-1", { describeImages: async () => [source] });
    const olds = { ...state, request: { ...request, description: "given" } };
    const news = changed({ tags: {} });
    const { outs } = await methods(partsTwin({ openCloud })).update(run.runId, olds, news);
    assert.deepEqual(outs?.wanted.tags, { os: "linux", team: "of the source" });
    assert.equal(outs?.wanted.description, "of the source");
  });

  test("of permissions asks the source who may use it, and maps the accounts", async () => {
    const openCloud = () =>
      cloudTwin("us-east-1", {
        describeImages: async () => [sampleImage({ ownerId: run.source.accountId })],
        launchPermissions: async () => [{ userId: "100000000009" }, { userId: "100000000008" }],
        uefiData: async () => undefined,
      });
    const accountIds = { "100000000009": "200000000009" };
    const news = changed({ copyLaunchPermissions: { accountIds } });
    const { outs } = await methods(partsTwin({ openCloud })).update(run.runId, state, news);
    assert.deepEqual(outs?.wanted.launchPermissions, [{ userId: "200000000009" }]);
    const back = await methods().update(run.runId, { ...state, ...outs }, inputs);
    assert.deepEqual(back.outs?.wanted.launchPermissions, []);
  });

  test("that no longer copies tags leaves only the given ones", async () => {
    const { outs } = await methods().update(run.runId, state, changed({ copyTags: false }));
    assert.deepEqual(outs?.wanted.tags, { team: "images" });
  });

  test("that fails leaves the state as it was", async () => {
    const updateImage = () => Promise.reject(new Error("no"));
    const parts = partsTwin({ updateImage });
    const update = methods(parts).update(run.runId, state, changed({ description: "new" }));
    await assert.rejects(update, (error: object) => !("id" in error));
  });
});

suite("refreshing an image", () => {
  const read = (seen: Partial<ObservedImage>) =>
    methods(partsTwin({ observeImage: async () => ({ ...observed, ...seen }) })).read(
      run.runId,
      state,
    );

  test("that is as wanted finds no drift, whatever tags others put on it", async () => {
    const parts = partsTwin();
    const { props } = await methods(parts).read(run.runId, state);
    assert.deepEqual(parts.warnings, []);
    assert.deepEqual(await methods().diff(run.runId, props, inputs), {
      changes: false,
      replaces: [],
    });
  });

  const drifts: [what: string, seen: Partial<ObservedImage>, told: string][] = [
    ["another description", { description: "by\nhand" }, 'its description is "by\\x0ahand"'],
    ["no description", { description: "" }, "it has no description"],
    ["a changed tag", { tags: { ...image.imageTags, team: "x" } }, 'its tag team is "x"'],
    ["a missing tag", { tags: { team: "images" } }, "it has no tag os"],
    ["a permission", { launchPermissions: [{ group: "all" }] }, "others may launch it than should"],
    [
      "a deprecation",
      { deprecationTime: "2030-01-01T00:00:00.000Z" },
      "it is deprecated from 2030-01-01T00:00:00.000Z on",
    ],
    ["a disabled image", { disabled: true }, "it is disabled"],
    [
      "an image that is gone while its snapshots are there",
      { registered: false },
      "it is not registered any more; its snapshots are there",
    ],
  ];
  for (const [what, seen, told] of drifts) {
    test(`sees ${what}, and the next update repairs it`, async () => {
      const parts = partsTwin({ observeImage: async () => ({ ...observed, ...seen }) });
      const { props } = await methods(parts).read(run.runId, state);
      assert.deepEqual(parts.warnings, [
        `${image.imageId} in us-gov-west-1 has drifted: ${told}. The next \`pulumi up\` repairs it.`,
      ]);
      assert.deepEqual(await methods().diff(run.runId, props, inputs), {
        changes: true,
        replaces: [],
      });
      const { outs } = await methods(parts).update(run.runId, props, inputs);
      const imageId = seen.registered === false ? "ami-0aaaaaaaaaaaaaaaa" : image.imageId;
      assert.ok(parts.calls.includes(`update ${imageId}`), parts.calls.join());
      assert.equal(parts.calls.includes("restore"), seen.registered === false);
      assert.equal(outs?.image.imageId, imageId);
      assert.deepEqual(await methods().diff(run.runId, outs, inputs), {
        changes: false,
        replaces: [],
      });
    });
  }

  test("that is gone with a snapshot says so", async () => {
    assert.deepEqual(await read({ registered: false, snapshotIds: [] }), {});
  });

  test("that was never finished asks nobody", async () => {
    const parts = partsTwin();
    assert.deepEqual(await methods(parts).read(run.runId, aborted), {
      id: run.runId,
      props: aborted,
    });
    assert.deepEqual(parts.calls, []);
  });

  test("a repair that fails half-way keeps the new image's id", async () => {
    const { props } = await read({ registered: false });
    const updateImage = () => Promise.reject(new Error("no"));
    const update = methods(partsTwin({ updateImage })).update(run.runId, props, inputs);
    await assert.rejects(update, (error: object) => {
      assert.ok("properties" in error && "id" in error);
      const { image, __provider } = error.properties as typeof state;
      assert.equal(image.imageId, "ami-0aaaaaaaaaaaaaaaa");
      assert.equal(__provider, stub.__provider);
      return true;
    });
  });

  test("a repair that failed half-way is gone on with, though nothing else has changed", async () => {
    const half = { ...state, unfinished: true };
    const parts = partsTwin();
    assert.equal((await methods(parts).diff(run.runId, half, inputs)).changes, true);
    const { outs } = await methods(parts).update(run.runId, half, inputs);
    assert.deepEqual(parts.calls, [`update ${image.imageId}`]);
    assert.ok(outs !== undefined && !("unfinished" in outs));
  });

  test("permissions of a source that is gone are not said to be changed", async () => {
    const parts = partsTwin();
    const news = {
      ...inputs,
      request: {
        ...request,
        copyLaunchPermissions: { accountIds: { "111111111111": "222222222222" } },
      },
    };
    await assert.rejects(methods(parts).update(run.runId, state, news), {
      message: /is gone from us-east-1, so that nobody can say who may use it\. Leave/i,
    });
    assert.deepEqual(parts.calls, []);
  });
});

suite("deleting an image", () => {
  test("removes image and snapshots", async () => {
    const parts = partsTwin();
    await methods(parts).remove(run.runId, state);
    assert.deepEqual(parts.calls, [`remove ${image.imageId}`]);
  });

  test("fails with the reason alone, not as a half-made image", async () => {
    const removeImage = () => Promise.reject(Object.assign(new Error("account 9"), { id: "x" }));
    await assert.rejects(methods(partsTwin({ removeImage })).remove(run.runId, state), (error) => {
      assert.ok(error instanceof Error && !("id" in error));
      assert.equal(error.message, "Account 9.");
      return true;
    });
  });

  test("leaves what was never finished to the run's sweep", async () => {
    const parts = partsTwin();
    await methods(parts).remove(run.runId, aborted);
    assert.deepEqual(parts.calls, []);
  });
});

test("everything that goes into the state is plain JSON", async () => {
  const { outs } = await methods().create(inputs);
  assert.deepEqual(JSON.parse(JSON.stringify(outs)), outs);
  assert.equal(complete.kind, "complete");
});
