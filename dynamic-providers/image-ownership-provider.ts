/** What happens when Pulumi checks, makes, refreshes, changes or deletes an {@link ImageOwnership} row. */

import type { dynamic } from "@pulumi/pulumi";
import { plainError } from "./failure.ts";
import { checkRequest } from "./inputs.ts";
import type { ProviderParts } from "./provider-parts.ts";
import { isUnknown } from "./unknown-value.ts";
import { checkAccount } from "./workflow/check-account.ts";
import type { CopiedSnapshot, CopyRequest, RunIdentity } from "./workflow/copy-request.ts";

interface OwnershipInputs {
  readonly request: CopyRequest;
  readonly run: RunIdentity;
  readonly imageId: string;
  readonly snapshots: readonly CopiedSnapshot[];
}

/** Which run's image it was; the id changes with a repair, which marks the new image itself. */
interface OwnershipState {
  readonly run: RunIdentity;
}

export function createImageOwnershipProvider(parts: ProviderParts): dynamic.ResourceProvider {
  return {
    async check(_olds, news) {
      return { inputs: { ...news, request: checkRequest(news.request).request } };
    },

    async diff(_id, olds: OwnershipState, news) {
      const isOther = !isUnknown(news.run) && olds.run.runId !== news.run.runId;
      return { changes: isOther, replaces: isOther ? ["run"] : [] };
    },

    async create({ request, run, imageId, snapshots }: OwnershipInputs) {
      try {
        const cloud = parts.openCloud(request.destination);
        await checkAccount(cloud, run.destination);
        const snapshotIds = snapshots.map(({ snapshotId }) => snapshotId);
        await parts.ownImage(cloud, { imageId, snapshotIds }, parts.clock.now());
      } catch (error) {
        throw plainError(error);
      }
      return { id: run.runId, outs: { run } satisfies OwnershipState };
    },

    async read(id, props) {
      return { id, props: props ?? {} };
    },

    async update(_id, olds: OwnershipState) {
      return { outs: olds };
    },

    // The mark stays: after a `retainOnDelete` it is what keeps the image from being swept.
    async delete() {},
  };
}
