/**
 * Client tokens: the same token with the same request gives the same thing once, with another
 * request it is refused. Kept per account and region, and there per action.
 */

import { isDeepStrictEqual } from "node:util";
import { ApiError } from "./protocol/api-error.ts";

interface Remembered {
  readonly request: object;
  readonly ids: readonly string[];
}

/** [SDK RunInstancesRequest.ClientToken]: 64 ASCII characters; CopyImage allows 128. */
const TOKEN_MAX_LENGTH = 128;

export class ClientTokens {
  readonly #remembered = new Map<string, Remembered>();

  /**
   * @returns ids of what an equal earlier request made, or `undefined` when there was none.
   * @throws ApiError `IdempotentParameterMismatch` for the same token with another request.
   */
  recall(
    action: string,
    token: string | undefined,
    request: object,
  ): readonly string[] | undefined {
    if (token === undefined) return undefined;
    if (token.length > TOKEN_MAX_LENGTH || !/^[\x20-\x7e]*$/.test(token)) {
      throw new ApiError("InvalidParameterValue", "The client token is too long or not ASCII.");
    }
    const known = this.#remembered.get(`${action} ${token}`);
    if (known === undefined) return undefined;
    if (!isDeepStrictEqual(known.request, comparable(request))) {
      throw new ApiError(
        "IdempotentParameterMismatch",
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
      );
    }
    return known.ids;
  }

  /** To be called in the same turn as {@link recall}, so that of two equal calls one makes it. */
  remember(
    action: string,
    token: string | undefined,
    request: object,
    ids: readonly string[],
  ): void {
    if (token === undefined) return;
    this.#remembered.set(`${action} ${token}`, { request: comparable(request), ids });
  }
}

/** A dry run asks about the same request. */
function comparable(request: object): object {
  const { DryRun: _dryRun, ...rest } = request as Record<string, unknown>;
  return rest;
}
