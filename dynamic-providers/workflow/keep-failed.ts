/**
 * Helpers that stay after a failure, for whoever asked to look into them (`helper.*.debug`). They
 * keep their tags and their volumes, and end by themselves: turning off means terminating still,
 * only later (`user-data.ts`). The next attempt, `destroy` and the sweep end them before.
 */

import type { HelperSide } from "../../agent/contract.ts";
import { Tag } from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import { attemptOf, type Claim } from "./claim-attempt.ts";
import { type CopyErrorCode, isCopyError } from "./copy-error.ts";
import type { DebugRequest } from "./copy-request.ts";
import { cloudOf, type Run, roleOf } from "./run.ts";

export interface Kept {
  /** Of instances, their volumes and groups. */
  readonly ids: ReadonlySet<string>;
  /** One a helper, for the person: where it is, for how long, how to log in. */
  readonly sentences: readonly string[];
}

/** Failures that a look into a helper may explain; after a stop or without a machine there is none. */
const WORTH_A_LOOK: readonly CopyErrorCode[] = [
  "helper-failed",
  "helper-lost",
  "digest-mismatch",
  "timed-out",
  "product-failed",
];

/** Never throws: what cannot be looked up is not kept. */
export async function keepFailed(
  run: Run & { readonly claims: readonly Claim[] },
  failure: unknown,
): Promise<Kept> {
  const ids = new Set<string>();
  const sentences: string[] = [];
  if (!isCopyError(failure, ...WORTH_A_LOOK)) return { ids, sentences };
  for (const side of ["source", "destination"] as const) {
    const { debug } = run.request.helper[side];
    if (debug === undefined) continue;
    try {
      const kept = await keepOne(run, side, debug);
      for (const id of kept.ids) ids.add(id);
      sentences.push(...kept.sentences);
    } catch (error) {
      if (!isCloudError(error)) throw error;
    }
  }
  return { ids, sentences };
}

async function keepOne(
  run: Run & { readonly claims: readonly Claim[] },
  side: HelperSide,
  { keepMinutes, keyName }: DebugRequest,
): Promise<{ ids: string[]; sentences: string[] }> {
  const cloud = cloudOf(run, side);
  const tags = { [Tag.run]: run.identity.runId, [Tag.role]: roleOf(side) };
  const [instance] = (await cloud.describeInstances({ tags })).filter(
    (one) => one.state === "running" && attemptOf(one.tags) === run.attempt,
  );
  if (instance === undefined) return { ids: [], sentences: [] };
  const groups = run.claims.filter((claim) => claim.side === side).map(({ groupId }) => groupId);
  const address = instance.publicAddress ?? instance.privateAddress ?? "";
  return {
    ids: [instance.instanceId, ...instance.volumes.map(({ volumeId }) => volumeId), ...groups],
    sentences: [
      `${side} helper ${instance.instanceId} in ${cloud.region}, for ${keepMinutes} minutes after it ` +
        `has failed: ssh ec2-user@${address} with key pair ${keyName}`,
    ],
  };
}
