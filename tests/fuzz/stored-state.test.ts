/** Old, later, torn and hand-made states of a stack: adopted, or refused in a sentence. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { dynamic } from "@pulumi/pulumi";
import fc from "fast-check";
import type { Cancellation } from "../../dynamic-providers/cancellation.ts";
import { composeProviders } from "../../dynamic-providers/compose-providers.ts";
import type { Ec2 } from "../../dynamic-providers/ec2/ec2.ts";
import type { ProviderName } from "../../dynamic-providers/stub.ts";
import { defaultLimits } from "../../dynamic-providers/workflow/limits.ts";
import {
  cloudTwin,
  image,
  observed,
  partsTwin,
  request,
  run,
} from "../dynamic-providers/parts-twin.ts";
import { fuzz, nearly } from "../support/fuzz.ts";

type State = Record<string, unknown>;
type Row = Required<Pick<dynamic.ResourceProvider, "diff" | "read" | "update" | "delete">>;

/** As the first version wrote them: these must be readable for ever. */
const STATES = {
  copyRun: { request, run, createdAt: "2026-01-01T00:00:00.000Z", lost: false },
  helperInstance: { run, side: "source", instanceId: "i-1", outcome: "complete" },
  copiedImage: {
    ...{ outcome: "complete", request, run, attempt: 1, observed, image },
    wanted: {
      ...{ description: image.description, tags: image.imageTags },
      ...{ launchPermissions: [], disabled: false },
    },
  },
  imageOwnership: { run },
} as const satisfies Record<ProviderName, State>;
const ID = run.runId;
const names = Object.keys(STATES) as ProviderName[];

/** A cloud in which everything works and nothing is. */
function emptyCloud(calls: string[], region: string): Ec2 {
  const known = cloudTwin(region);
  return new Proxy(known, {
    get(target, verb: string) {
      if (verb === "then" || verb === "region") return Reflect.get(target, verb);
      const answer = Reflect.get(target, verb) ?? (async () => []);
      return (...values: unknown[]) => {
        calls.push(`${verb} ${JSON.stringify(values)}`);
        return answer(...values);
      };
    },
  });
}

function rows(): { providers: Record<ProviderName, Row>; calls: string[] } {
  const calls: string[] = [];
  const { log, clock } = partsTwin();
  const { signal } = new AbortController();
  const cancellation = { signal, guard: (work: unknown) => work };
  const providers = composeProviders({
    openCloud: ({ region }) => emptyCloud(calls, region),
    userDataTemplate: async () => "",
    stackPlace: "fuzz",
    startMs: 0,
    log,
    cancellation: cancellation as Cancellation,
    clock,
    limits: defaultLimits,
    quiet: true,
  });
  return { providers: providers as Record<ProviderName, Row>, calls };
}

const NEWS = { request, run, imageId: image.imageId, snapshots: image.snapshots };
const VERBS: Record<string, (row: Row, state: State) => Promise<unknown>> = {
  diff: async (row, state) => row.diff(ID, state, NEWS),
  read: async (row, state) => row.read(ID, state),
  delete: async (row, state) => row.delete(ID, state),
  update: async (row, state) => row.update(ID, state, NEWS),
};

/** A failure of the program shows as one of these words, a refusal never. */
function isCrash(error: unknown): boolean {
  return (
    !(error instanceof Error) ||
    error instanceof TypeError ||
    /undefined|is not a function|is not iterable|\[object/i.test(error.message)
  );
}

suite("the state of an earlier version", () => {
  for (const name of names) {
    test(`${name}: nothing has changed, and it can be deleted`, async () => {
      const { providers } = rows();
      const state = structuredClone(STATES[name]) as State;
      const { changes } = await providers[name].diff(ID, state, NEWS);
      assert.equal(changes, false);
      await providers[name].read(ID, state);
      await providers[name].delete(ID, state);
    });
  }

  test("what later versions added is kept, what is missing gets its default", async () => {
    const { providers } = rows();
    const { wanted: _wanted, observed: _observed, ...older } = STATES.copiedImage;
    const { copyTags: _copyTags, ...olderRequest } = request;
    const state = { ...older, request: olderRequest, later: { x: 1 } };
    const diff = await providers.copiedImage.diff(ID, state, { request, run });
    assert.deepEqual(diff, { changes: false, replaces: [] });
    const updated = await providers.copiedImage.update(ID, state, { request, run });
    assert.deepEqual((updated.outs as State).later, { x: 1 });
  });

  test("what cannot be read is named, with the way out", async () => {
    const { providers } = rows();
    const { imageId: _imageId, ...without } = image;
    const torn = { ...STATES.copiedImage, image: without };
    await assert.rejects(providers.copiedImage.delete(ID, torn), (error: Error) => {
      assert.match(error.message, /image\.imageId: is missing/);
      assert.match(error.message, /pulumi state delete/);
      return true;
    });
  });
});

for (const name of names) {
  test(`any state of ${name}: adopted, or refused without a crash and without a call`, async (t) => {
    const whole = STATES[name] as State;
    const part = fc.constantFrom(...Object.keys(whole)).chain((key) => {
      const value = whole[key];
      if (typeof value !== "object" || value === null) return nearly(whole);
      return nearly(value as State).map((changed) => ({ ...whole, [key]: changed }));
    });
    const deep = nearly(request.destination as unknown as State).map((destination) => {
      return { ...whole, request: { ...request, destination } };
    });
    const foreign = fc.constantFrom<unknown>(null, undefined, "text", 7, [], {});
    const state = fc.oneof(nearly(whole), part, deep, foreign);
    const property = fc.asyncProperty(
      state,
      fc.constantFrom(...Object.keys(VERBS)),
      async (given, verb) => {
        const { providers, calls } = rows();
        try {
          await VERBS[verb]?.(providers[name], structuredClone(given) as State);
        } catch (error) {
          assert.ok(!isCrash(error), `${verb}: ${String((error as Error)?.message ?? error)}`);
        }
        assert.ok(!calls.join().includes("undefined"), calls.join());
      },
    );
    await fuzz(t, property, 1000);
  });
}
