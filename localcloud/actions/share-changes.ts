/** Adding and removing accounts and everyone, for images and snapshots alike, in both forms. */

import type { Call } from "../call.ts";
import { ApiError, invalidCombination } from "../protocol/api-error.ts";
import type { Sharing } from "../records.ts";

interface Item {
  readonly UserId?: string | undefined;
  readonly Group?: string | undefined;
}

export interface ShareChange {
  readonly add: readonly Item[];
  readonly remove: readonly Item[];
}

/** `Attribute` + `OperationType` + lists: the old form of both Modify…Attribute calls. */
export function readOldForm(input: {
  readonly OperationType?: string | undefined;
  readonly UserIds?: readonly string[] | undefined;
  readonly Groups?: readonly string[] | undefined;
}): ShareChange {
  const items = [
    ...(input.UserIds ?? []).map((UserId) => ({ UserId })),
    ...(input.Groups ?? []).map((Group) => ({ Group })),
  ];
  if (items.length === 0) {
    throw invalidCombination("No operations specified: name users or groups to add or remove");
  }
  if (input.OperationType === "add") return { add: items, remove: [] };
  if (input.OperationType === "remove") return { add: [], remove: items };
  throw new ApiError(
    "InvalidParameterValue",
    `Value (${input.OperationType}) for parameter operationType is invalid.`,
  );
}

/**
 * Ids of accounts must be real ones, which only those of the same partition are.
 *
 * @param refusal - The code for an item that cannot be, e.g. `InvalidAMIAttributeItemValue`.
 */
export function checkShareChange(call: Call, change: ShareChange, refusal: string): void {
  for (const { UserId: accountId, Group: group } of [...change.add, ...change.remove]) {
    if (group !== undefined && group !== "all") {
      throw new ApiError(refusal, `Invalid attribute item value "${group}" for group item type.`);
    }
    if (
      accountId !== undefined &&
      call.cloud.accounts.find(accountId, call.account.partition) === undefined
    ) {
      throw new ApiError(
        refusal,
        `Invalid attribute item value "${accountId}" for userId item type.`,
      );
    }
  }
}

export function opensToEveryone(change: ShareChange): boolean {
  return change.add.some((item) => item.Group === "all");
}

export function applyShareChange(sharing: Sharing, change: ShareChange): void {
  for (const { UserId: accountId, Group: group } of change.add) {
    if (accountId !== undefined) sharing.accountIds.add(accountId);
    if (group !== undefined) sharing.everyone = true;
  }
  for (const { UserId: accountId, Group: group } of change.remove) {
    if (accountId !== undefined) sharing.accountIds.delete(accountId);
    if (group !== undefined) sharing.everyone = false;
  }
}

/** As the describe calls show it. */
export function shareItems(sharing: Sharing): { UserId?: string; Group?: "all" }[] {
  return [
    ...(sharing.everyone ? [{ Group: "all" as const }] : []),
    ...[...sharing.accountIds].map((UserId) => ({ UserId })),
  ];
}
