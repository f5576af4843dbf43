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

interface OwnershipState {
  readonly run: RunIdentity;
  /** Absent in the state that an earlier version has made. */
  readonly imageId?: string;
}

export function createImageOwnershipProvider(parts: ProviderParts): dynamic.ResourceProvider {
  const mark = async (inputs: OwnershipInputs): Promise<OwnershipState> => {
    const { request, run, imageId, snapshots } = inputs;
    try {
      const cloud = parts.openCloud(request.destination);
      await checkAccount(cloud, run.destination);
      const snapshotIds = snapshots.map(({ snapshotId }) => snapshotId);
      await parts.ownImage(cloud, { imageId, snapshotIds }, parts.clock.now());
    } catch (error) {
      throw plainError(error);
    }
    return { run, imageId };
  };
  return {
    async check(_olds, news) {
      return { inputs: { ...news, request: checkRequest(news.request).request } };
    },

    async diff(_id, olds: OwnershipState, news) {
      const isOther = !isUnknown(news.run) && olds.run.runId !== news.run.runId;
      const { imageId = news.imageId } = olds;
      const isRemade = !isUnknown(news.imageId) && imageId !== news.imageId;
      return { changes: isOther || isRemade, replaces: isOther ? ["run"] : [] };
    },

    async create(inputs: OwnershipInputs) {
      return { id: inputs.run.runId, outs: await mark(inputs) };
    },

    async read(id, props) {
      return { id, props: props ?? {} };
    },

    async update(_id, _olds, news: OwnershipInputs) {
      return { outs: await mark(news) };
    },

    // The mark stays: after a `retainOnDelete` it is what keeps the image from being swept.
    async delete() {},
  };
}
