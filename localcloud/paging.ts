/** MaxResults and NextToken, as the describe calls have them. */

import { ApiError, invalidCombination, invalidValue } from "./protocol/api-error.ts";

export interface PageRequest {
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

export interface Page<Thing> {
  readonly items: readonly Thing[];
  readonly NextToken: string | undefined;
}

export interface PageLimits {
  /** Less is refused. */
  readonly minimum: number;
  /** More is taken as this; also the page size when none is asked for. */
  readonly maximum: number;
  /** Ids in the same request: pages of named things do not exist. */
  readonly ids?: readonly string[] | undefined;
}

/** @throws ApiError for a page size out of range, beside ids, or a token that is not ours. */
export function paginate<Thing>(
  things: readonly Thing[],
  request: PageRequest,
  limits: PageLimits,
): Page<Thing> {
  const { MaxResults: size, NextToken: token } = request;
  if (size !== undefined && (limits.ids?.length ?? 0) > 0) {
    throw invalidCombination(
      "The parameter maxResults cannot be used with a list of ids in the same call",
    );
  }
  if (size !== undefined && (!Number.isInteger(size) || size < limits.minimum)) {
    throw invalidValue(
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value of at least ${limits.minimum}.`,
    );
  }
  const start = token === undefined || token === "" ? 0 : readToken(token);
  const end = start + Math.min(size ?? limits.maximum, limits.maximum);
  return {
    items: things.slice(start, end),
    NextToken: end < things.length ? writeToken(end) : undefined,
  };
}

function writeToken(start: number): string {
  return Buffer.from(`localcloud:${start}`).toString("base64url");
}

function readToken(token: string): number {
  const match = /^localcloud:(\d{1,9})$/.exec(Buffer.from(token, "base64url").toString("latin1"));
  if (match === null) {
    throw new ApiError("InvalidNextToken", "The specified NextToken is not valid.");
  }
  return Number(match[1]);
}
