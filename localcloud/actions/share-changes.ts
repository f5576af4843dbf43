/** Adding and removing accounts and everyone, for images and snapshots alike, in both forms. */

import type { LaunchPermission } from "@aws-sdk/client-ec2";
import type { Call } from "../call.ts";
import { ApiError, invalidCombination } from "../protocol/api-error.ts";
import type { Sharing } from "../records/sharing.ts";

interface Item {
  readonly UserId?: string | undefined;
  readonly Group?: string | undefined;
  readonly OrganizationArn?: string | undefined;
  readonly OrganizationalUnitArn?: string | undefined;
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
  readonly OrganizationArns?: readonly string[] | undefined;
}): ShareChange {
  const items = [
    ...(input.UserIds ?? []).map((UserId) => ({ UserId })),
    ...(input.Groups ?? []).map((Group) => ({ Group })),
    ...(input.OrganizationArns ?? []).map((OrganizationArn) => ({ OrganizationArn })),
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
  for (const item of [...change.add, ...change.remove]) {
    const { UserId: accountId, Group: group } = item;
    const arn = organizationArn(item);
    if (arn !== undefined && !isOrganization(arn, call.account.partition)) {
      throw new ApiError(refusal, `Invalid attribute item value "${arn}" for organization ARN.`);
    }
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

/** The ARN of either kind; the two never occur in one item. */
function organizationArn(item: Item): string | undefined {
  return item.OrganizationArn ?? item.OrganizationalUnitArn;
}

/** Organizations of other partitions do not exist here. */
function isOrganization(arn: string, partition: string): boolean {
  const [, arnPartition] =
    /^arn:([\w-]+):organizations::\d{12}:(?:organization\/o-[a-z0-9]{10,32}|ou\/o-[a-z0-9]{10,32}\/ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$/.exec(
      arn,
    ) ?? [];
  return arnPartition === partition;
}

export function opensToEveryone(change: ShareChange): boolean {
  return change.add.some((item) => item.Group === "all");
}

export function applyShareChange(sharing: Sharing, change: ShareChange): void {
  for (const item of change.add) {
    const arn = organizationArn(item);
    if (item.UserId !== undefined) sharing.accountIds.add(item.UserId);
    if (arn !== undefined) sharing.organizationArns.add(arn);
    if (item.Group !== undefined) sharing.everyone = true;
  }
  for (const item of change.remove) {
    const arn = organizationArn(item);
    if (item.UserId !== undefined) sharing.accountIds.delete(item.UserId);
    if (arn !== undefined) sharing.organizationArns.delete(arn);
    if (item.Group !== undefined) sharing.everyone = false;
  }
}

/** As the describe calls show it. */
export function shareItems(sharing: Sharing): LaunchPermission[] {
  return [
    ...(sharing.everyone ? [{ Group: "all" as const }] : []),
    ...[...sharing.accountIds].map((UserId) => ({ UserId })),
    ...[...sharing.organizationArns].map((arn) =>
      arn.includes(":ou/") ? { OrganizationalUnitArn: arn } : { OrganizationArn: arn },
    ),
  ];
}
