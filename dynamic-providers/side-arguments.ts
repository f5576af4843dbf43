/** One side of a copy: its region, and whose credentials. */

import * as v from "valibot";
import { accountId, known, optional, text } from "./argument-schemas.ts";

const assumeRole = v.strictObject({
  roleArn: known(
    text(
      /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/,
      'the ARN of a role ("arn:<partition>:iam::<12 digits>:role/<name>")',
    ),
  ),
  externalId: optional(
    text(/^[\w+=,.@:/-]{2,1224}$/, "2 to 1224 letters, digits and _ + = , . @ : / -", "hidden"),
  ),
  sessionName: optional(text(/^[\w+=,.@-]{2,64}$/, "2 to 64 letters, digits and _ + = , . @ -")),
});

export const side = v.pipe(
  v.strictObject({
    region: known(
      text(
        /^[a-z]{2,5}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/,
        'the name of a region (like "us-gov-west-1")',
      ),
    ),
    profile: optional(text(/^[^\s].{0,127}$/, "the name of a profile")),
    assumeRole: optional(assumeRole),
    environmentPrefix: optional(
      text(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'the start of variable names (like "SOURCE_")'),
    ),
    expectedAccountId: optional(accountId),
  }),
  v.check(
    (value) => value.profile === undefined || value.environmentPrefix === undefined,
    "has both profile and environmentPrefix: give one of them",
  ),
);
