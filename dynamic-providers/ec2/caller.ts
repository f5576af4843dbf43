/**
 * How every call is made: two SDK clients of EC2 (one repeats what is safe to repeat, one tries once), one
 * line of log each, one kind of error.
 */

import { EC2Client } from "@aws-sdk/client-ec2";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { STSClient } from "@aws-sdk/client-sts";
import { printableLine } from "../printable.ts";
import type { CloudError } from "./cloud-error.ts";
import { isCloudError } from "./cloud-error.ts";
import { credentialsOf } from "./credentials.ts";
import { toCloudError } from "./sdk-errors.ts";
import type { SideReference } from "./side-reference.ts";

/** Makes one call: its name, the ids it is about (for the log), and the call itself. */
export type Call = <Output>(
  operation: string,
  ids: readonly string[],
  send: (client: EC2Client) => Promise<Output>,
) => Promise<Output>;

export interface Caller {
  readonly region: string;
  readonly sts: STSClient;
  readonly serviceQuotas: ServiceQuotasClient;
  /** What the SDK has found out by the answers so far, see `Ec2.clockBehindMs`. */
  readonly clockBehindMs: () => number;
  /** For describes and for writes that may be repeated: throttling and silence are tried again. */
  readonly repeat: Call;
  /** For creates: one try, so that an unclear end is the caller's to clear up. */
  readonly once: Call;
  /** Logs and maps the errors of a call that does not go to EC2. */
  readonly watched: <Output>(
    operation: string,
    ids: readonly string[],
    send: () => Promise<Output>,
  ) => Promise<Output>;
}

/** Tries of a call that is safe to repeat: with the SDK's backoff half a minute of throttling, some seconds of silence. */
const REPEAT_ATTEMPTS = 8;

/** Of a call that nothing depends on: from a network without a way to it, nobody waits for long. */
const OPTIONAL_ATTEMPTS = 3;

/** As the SDK has it; an answer tells whole seconds, so that less says little. */
const SKEW_LEAST_MS = 4 * 60_000;

/** EC2 answers within a few seconds or not at all. */
const HTTP = { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true };

export function makeCaller(side: SideReference, environment: NodeJS.ProcessEnv): Caller {
  const { region } = side;
  const endpointOf = (service: string) =>
    environment[`AWS_ENDPOINT_URL_${service}`] || environment.AWS_ENDPOINT_URL || undefined;
  const config = (service: string, maxAttempts: number) => {
    const endpoint = endpointOf(service);
    return {
      region,
      maxAttempts,
      retryMode: "standard",
      credentials: credentialsOf(side, environment, endpointOf("STS")),
      requestHandler: HTTP,
      ...(side.profile !== undefined && { profile: side.profile }),
      ...(endpoint !== undefined && { endpoint }),
    };
  };
  const repeating = new EC2Client(config("EC2", REPEAT_ATTEMPTS));
  const single = new EC2Client(config("EC2", 1));
  const watched = watcher(region, environment);
  const sts = new STSClient(config("STS", REPEAT_ATTEMPTS));
  const serviceQuotas = new ServiceQuotasClient(config("SERVICE_QUOTAS", OPTIONAL_ATTEMPTS));
  return {
    region,
    sts,
    serviceQuotas,
    clockBehindMs: () => {
      const offsets = [sts, repeating].map(({ config }) => config.systemClockOffset);
      return offsets.find((offset) => Math.abs(offset) >= SKEW_LEAST_MS) ?? 0;
    },
    repeat: (operation, ids, send) => watched(operation, ids, () => send(repeating)),
    once: (operation, ids, send) => {
      // Found out by the answers to others: with one try it could not correct itself.
      single.config.systemClockOffset = repeating.config.systemClockOffset;
      return watched(operation, ids, () => send(single));
    },
    watched,
  };
}

/** @param ids - Only ids and names: never a request, which may carry user data. */
function watcher(region: string, environment: NodeJS.ProcessEnv): Caller["watched"] {
  return async (operation, ids, send) => {
    const startMs = performance.now();
    const log = (outcome: string) => {
      if (environment.AMICOPY_LOG !== "debug") return;
      const shown = ids.length > 0 ? printableLine(ids.join(",").slice(0, 200)) : "-";
      const ms = Math.round(performance.now() - startMs);
      process.stderr.write(`amicopy: ${operation} ${region} ${shown} ${ms} ms ${outcome}\n`);
    };
    try {
      const output = await send();
      log("ok");
      return output;
    } catch (error) {
      const cloudError: CloudError = toCloudError(error, operation, region);
      log(`${cloudError.kind} ${cloudError.code}`);
      throw cloudError;
    }
  };
}

/** All pages of a describe. A server that never ends them is cut off. */
export async function allPages<Page extends { NextToken?: string | undefined }, Item>(
  fetchPage: (token: { NextToken?: string }) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[] | undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  let token: string | undefined;
  for (let count = 0; count < 1000; count++) {
    const page = await fetchPage(token === undefined ? {} : { NextToken: token });
    items.push(...(itemsOf(page) ?? []));
    token = page.NextToken;
    if (!token) return items;
  }
  throw new Error("more than 1000 pages in one answer");
}

/**
 * A describe by ids fails as a whole when one of them is gone; this answers what there is.
 *
 * @param describe - Called with all ids, then, if one is missing, with each alone.
 */
export async function presentOnly<Item>(
  ids: readonly string[],
  describe: (ids: string[]) => Promise<Item[]>,
): Promise<Item[]> {
  try {
    return await describe([...ids]);
  } catch (error) {
    if (!isCloudError(error, "not-found")) throw error;
    if (ids.length === 1) return [];
  }
  const found: Item[] = [];
  for (const id of ids) found.push(...(await presentOnly([id], describe)));
  return found;
}

/** A dry run that would have succeeded is an error of its own name. */
export async function dryRun(attempt: Promise<unknown>): Promise<void> {
  try {
    await attempt;
  } catch (error) {
    if (!isCloudError(error) || error.code !== "DryRunOperation") throw error;
  }
}

/** A delete whose thing is gone already has succeeded. */
export async function ifThere(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isCloudError(error, "not-found")) throw error;
  }
}

/** Filters of EC2's describes for tags: `undefined` asks for any value. */
export function tagFilters(tags: Readonly<Record<string, string | undefined>> | undefined) {
  return Object.entries(tags ?? {}).map(([key, value]) =>
    value === undefined
      ? { Name: "tag-key", Values: [key] }
      : { Name: `tag:${key}`, Values: [value] },
  );
}

/** Our tags in the SDK's shape. */
export function toSdkTags(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** The SDK's tags in ours. */
export function fromSdkTags(
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""]));
}
