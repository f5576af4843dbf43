/** Can this side be entered, and is it the account that was meant? */

import { type CloudError, isCloudError } from "../../ec2/cloud-error.ts";
import type { Ec2 } from "../../ec2/ec2.ts";
import type { SideIdentity, SideReference } from "../copy-request.ts";
import type { Problem } from "./problem.ts";

type Side = "source" | "destination";

/** @param before - Where the run that is continued has been. */
export async function enterSide(
  side: Side,
  reference: SideReference,
  cloud: Ec2,
  before: SideIdentity | undefined,
): Promise<{ identity: SideIdentity } | { problem: Problem }> {
  const { region } = reference;
  let identity: SideIdentity;
  try {
    const { accountId, partition } = await cloud.callerIdentity();
    identity = { region, accountId, partition };
    // STS may answer where EC2 does not: a region that is misspelt or not enabled shows only here.
    await cloud.describeSubnets({ defaults: true });
  } catch (error) {
    if (!isCloudError(error)) throw error;
    const elsewhere = error.kind === "credentials" ? await enterElsewhere(cloud) : undefined;
    if (elsewhere !== undefined) return { problem: wrongRegion(side, region, error, elsewhere) };
    return { problem: whyNotEntered(side, reference, error) };
  }
  const { accountId, partition } = identity;
  if (reference.expectedAccountId !== undefined && reference.expectedAccountId !== accountId) {
    return {
      problem: {
        property: `${side}.expectedAccountId`,
        message:
          `The credentials lead to account ${accountId} and not to the expected account ` +
          `${reference.expectedAccountId}.`,
        hint: `Give the credentials of ${reference.expectedAccountId}, or correct the id.`,
      },
    };
  }
  if (before !== undefined && !(before.accountId === accountId && before.partition === partition)) {
    return {
      problem: {
        property: side,
        message:
          `The credentials lead to account ${accountId} (${partition}), but this copy was begun ` +
          `in account ${before.accountId} (${before.partition}).`,
        hint: `Give credentials of account ${before.accountId}, or destroy this copy first.`,
      },
    };
  }
  return { identity };
}

/** A region of each partition that is never switched off, by the start of the names of its regions. */
const HOME_REGIONS = [
  ["us-gov-", "us-gov-west-1"],
  ["cn-", "cn-north-1"],
  ["eusc-", "eusc-de-east-1"],
  ["us-iso", undefined],
  ["", "us-east-1"],
] as const;

/** Do these credentials work in another region of the partition? Then they are not the trouble. */
async function enterElsewhere(
  cloud: Ec2,
): Promise<{ accountId: string; region: string } | undefined> {
  const region = HOME_REGIONS.find(([start]) => cloud.region.startsWith(start))?.[1];
  if (region === undefined || region === cloud.region) return undefined;
  try {
    const { accountId } = await cloud.callerIdentity(region);
    return { accountId, region };
  } catch (error) {
    if (isCloudError(error)) return undefined;
    throw error;
  }
}

function wrongRegion(
  side: Side,
  region: string,
  { code }: CloudError,
  elsewhere: { accountId: string; region: string },
): Problem {
  return {
    property: `${side}.region`,
    message:
      `Region ${region} does not know account ${elsewhere.accountId}, ` +
      `whose credentials work in ${elsewhere.region} (${code}).`,
    hint: "Check the name of the region, and that it is enabled for the account.",
  };
}

/** Errors of names that do not resolve: no such region, or no network. */
const UNKNOWN_HOST = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_NODATA"]);

function whyNotEntered(side: Side, reference: SideReference, error: CloudError): Problem {
  const { region } = reference;
  if (error.kind === "unreachable") {
    const isName = UNKNOWN_HOST.has(error.code);
    return {
      property: `${side}.region`,
      message: isName
        ? `There is no endpoint for region ${region} that can be found from here (${error.code}).`
        : `AWS does not answer for region ${region} (${error.code}).`,
      hint: "Check the name of the region, and the network from here to it.",
    };
  }
  if (error.kind === "credentials") return refusedCredentials(side, reference, error);
  if (error.kind === "denied") {
    const assumes = reference.assumeRole !== undefined && error.operation === "GetCallerIdentity";
    return {
      property: assumes ? `${side}.assumeRole` : side,
      message: assumes
        ? `Role ${reference.assumeRole?.roleArn} may not be assumed (${error.code}).`
        : `${error.message}.`,
      hint: assumes
        ? "Check the role's trust policy and its external id."
        : `Allow ec2:${error.operation} to the identity of this side.`,
    };
  }
  return { property: side, message: `${error.message}.`, hint: "Check this side's settings." };
}

function refusedCredentials(side: Side, reference: SideReference, error: CloudError): Problem {
  const { region } = reference;
  const { property, words } = sourceOf(side, reference);
  const refusedByAws = error.requestId !== undefined || /^(Auth|Invalid|Unrec)/.test(error.code);
  if (refusedByAws) {
    return {
      property,
      message: `The credentials ${words} are not accepted in region ${region} (${error.code}).`,
      hint:
        `Check ${side}.region and that they belong to its partition: ` +
        "keys and regions of different partitions do not go together.",
    };
  }
  return {
    property,
    message: `There are no credentials ${words}: ${reasonOf(error)}.`,
    hint:
      property === side
        ? `Give ${side}.profile, ${side}.assumeRole or ${side}.environmentPrefix, or log in to AWS.`
        : "Set them up, or refer to others.",
  };
}

/** Of all ways the one that was asked for. */
function sourceOf(side: Side, reference: SideReference): { property: string; words: string } {
  const { profile, environmentPrefix, assumeRole } = reference;
  if (profile !== undefined) {
    return { property: `${side}.profile`, words: `of profile ${profile}` };
  }
  if (environmentPrefix !== undefined) {
    return {
      property: `${side}.environmentPrefix`,
      words: `in the environment variables ${environmentPrefix}AWS_…`,
    };
  }
  if (assumeRole !== undefined) {
    return { property: `${side}.assumeRole`, words: `for role ${assumeRole.roleArn}` };
  }
  return { property: side, words: "in AWS's usual places" };
}

/** Without the operation and code that a CloudError's message begins with. */
function reasonOf(error: CloudError): string {
  const start = `${error.operation} in ${error.region}: ${error.code}: `;
  const text = error.message.startsWith(start) ? error.message.slice(start.length) : error.message;
  return text.replace(/\.$/, "");
}
