/**
 * The first question to a cloud in every later operation: are we still where the run is? Without it
 * "not found" could mean "another account", and a destroy would report success for nothing.
 */

import type { HelperSide } from "../agent/contract.ts";
import type { Ec2 } from "./ec2/ec2.ts";
import { CopyError } from "./workflow/copy-error.ts";
import type { SideIdentity } from "./workflow/copy-request.ts";

/** @throws CopyError `wrong-account` unless the cloud is where the run's side is. */
export async function assertAccount(
  cloud: Ec2,
  side: SideIdentity,
  name: HelperSide,
): Promise<void> {
  const { accountId, partition } = await cloud.callerIdentity();
  if (accountId === side.accountId && partition === side.partition) return;
  throw new CopyError(
    `${name}: the credentials lead to account ${accountId} (${partition}), but the copy was made with account ${side.accountId} (${side.partition}).`,
    {
      code: "wrong-account",
      step: "assert-account",
      ids: [accountId, side.accountId],
      hint: `Give credentials of account ${side.accountId} for the ${name} side and run again; nothing was changed.`,
    },
  );
}
