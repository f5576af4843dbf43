/** What happens when Pulumi makes, refreshes, changes or deletes a {@link HelperInstance} row. */

import type { dynamic } from "@pulumi/pulumi";
import type { HelperSide } from "../agent/contract.ts";
import { checkRequest } from "./inputs.ts";
import type { ProviderParts } from "./provider-parts.ts";
import { isUnknown } from "./unknown-value.ts";
import type { CopyRequest, HelperFacts, RunIdentity } from "./workflow/copy-request.ts";

interface HelperInputs {
  readonly request: CopyRequest;
  readonly run: RunIdentity;
  readonly side: HelperSide;
  readonly progressUrn: string;
}

/** What the state holds of a helper: nothing alive, so there is nothing to delete. */
interface HelperState extends Partial<HelperFacts> {
  readonly run: RunIdentity;
  readonly side: HelperSide;
  readonly outcome: HelperFacts["outcome"];
}

export function createHelperInstanceProvider(parts: ProviderParts): dynamic.ResourceProvider {
  const work = async ({ request, run, side, progressUrn }: HelperInputs): Promise<HelperState> => {
    const outcome = await parts.runs.join({ row: side, progressUrn, request, run });
    // A failure is told by the image's row. This row stays, as one that the next run takes up.
    if (outcome.kind === "failed") return { run, side, outcome: "aborted" };
    return { run, side, ...outcome.result.helpers[side] };
  };
  return {
    // The request was checked by the run's row, which comes first; here it gets its defaults.
    async check(_olds, news) {
      return { inputs: { ...news, request: checkRequest(news.request).request } };
    },

    async diff(_id, olds: HelperState, news) {
      if (!isUnknown(news.run) && olds.run.runId !== news.run.runId) {
        return { changes: true, replaces: ["run"] };
      }
      return { changes: olds.outcome === "aborted" };
    },

    async create(inputs) {
      const outs = await work(inputs);
      return { id: `${outs.run.runId}-${outs.side}`, outs };
    },

    async read(id, props) {
      return { id, props: props ?? {} };
    },

    async update(_id, olds: HelperState, news) {
      return { outs: olds.outcome === "aborted" ? await work(news) : olds };
    },

    // The helper ended before its row was complete; whatever a crash left is swept with the run.
    async delete() {},
  };
}
