/** Finding a security group. */

import type { Call } from "../call.ts";
import { checkId, notFound } from "../ids.ts";
import { missingParameter } from "../protocol/api-error.ts";
import type { GroupRecord } from "../records/security-group.ts";

/** By id, or by its name in the default VPC. */
export function findGroup(
  call: Call,
  input: { readonly GroupId?: string | undefined; readonly GroupName?: string | undefined },
): GroupRecord {
  const { GroupId: id, GroupName: name } = input;
  if (id === undefined && name === undefined) throw missingParameter("GroupId");
  if (id !== undefined) checkId("sg", id);
  const group = [...call.store.groups.values()].find((one) =>
    id === undefined ? one.name === name : one.id === id,
  );
  if (group === undefined) throw notFound("sg", id ?? name ?? "");
  return group;
}
