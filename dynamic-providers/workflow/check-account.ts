/** Before "not found" may mean "gone": are these still the credentials of that account? */

import type { Ec2 } from "../ec2/ec2.ts";
import { CopyError } from "./copy-error.ts";

/** @throws CopyError `wrong-account` */
export async function checkAccount(
  cloud: Ec2,
  expected: { readonly accountId: string; readonly partition: string; readonly region: string },
): Promise<void> {
  const { accountId, partition } = await cloud.callerIdentity();
  if (
    accountId === expected.accountId &&
    partition === expected.partition &&
    cloud.region === expected.region
  ) {
    return;
  }
  throw new CopyError(
    `the credentials lead to account ${accountId} (${partition}, ${cloud.region}), ` +
      `but this was made in account ${expected.accountId} (${expected.partition}, ${expected.region})`,
    {
      code: "wrong-account",
      step: "check-account",
      ids: [accountId, expected.accountId],
      hint: "Give credentials of that account; nothing was changed.",
    },
  );
}
