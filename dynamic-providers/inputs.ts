/**
 * The inputs of a copy, checked offline: form, limits and what excludes what. Whether things exist
 * is preflight's business. In a preview any part may be unknown still; it is left as it is.
 *
 * Sources of the limits, also of the `*-arguments.ts`: EC2 API reference (RegisterImage, CreateTags)
 * and IAM's (AssumeRole).
 */

import * as v from "valibot";
import { accountId, amiId, flag, known, optional, text } from "./argument-schemas.ts";
import { blockDevices } from "./device-arguments.ts";
import { helper } from "./helper-arguments.ts";
import { side } from "./side-arguments.ts";
import { imageTags } from "./tag-arguments.ts";
import { UNKNOWN_VALUE } from "./unknown-value.ts";
import type { CopyRequest } from "./workflow/copy-request.ts";

/** Ours. A day is enough for terabytes; a week is the longest that makes sense to wait for. */
const TIMEOUT_DEFAULT_MINUTES = 24 * 60;
const TIMEOUT_MAX_MINUTES = 7 * 24 * 60;

const permissionMap = v.strictObject({
  accountIds: v.pipe(
    v.record(v.string(), known(accountId)),
    v.check(
      (value) => Object.keys(value).every((key) => /^\d{12}$/.test(key)),
      "must have account ids (12 digits) as keys",
    ),
  ),
});

const timeout = v.pipe(
  v.number((issue) => `must be a number of minutes, not ${issue.received}`),
  v.check(
    (value) => Number.isInteger(value) && value >= 1 && value <= TIMEOUT_MAX_MINUTES,
    (issue) =>
      `must be a whole number of minutes from 1 to ${TIMEOUT_MAX_MINUTES}, not ${issue.received}`,
  ),
);

const request = v.pipe(
  v.strictObject({
    sourceAmiId: known(amiId),
    source: known(side),
    destination: known(side),
    name: optional(
      text(
        /^[A-Za-z0-9 ()[\]./\-'@_]{3,128}$/,
        "3 to 128 letters, digits, spaces and ( ) [ ] . / - ' @ _",
      ),
    ),
    description: optional(text(/^.{0,255}$/s, "text of at most 255 characters")),
    tags: optional(imageTags),
    copyTags: optional(flag),
    encrypted: optional(flag),
    kmsKeyId: optional(text(/^[^\s]{1,2048}$/, "a key id, a key ARN or an alias")),
    blockDevices: optional(blockDevices),
    kernelId: optional(text(/^aki-[0-9a-f]{8,17}$/, 'the id of a kernel ("aki-" and hex digits)')),
    ramdiskId: optional(
      text(/^ari-[0-9a-f]{8,17}$/, 'the id of a RAM disk ("ari-" and hex digits)'),
    ),
    licenseDonorAmiId: optional(amiId),
    copyLaunchPermissions: optional(permissionMap),
    strict: optional(flag),
    allowBootOfSource: optional(flag),
    helper: optional(helper),
    temporaryNamePrefix: optional(
      text(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, "1 to 64 letters, digits, spaces and . _ -"),
    ),
    timeoutMinutes: optional(timeout),
  }),
  v.check(
    (value) => value.kmsKeyId === undefined || value.encrypted !== false,
    "kmsKeyId: a key is of no use with encrypted: false; leave out one of them",
  ),
);

export interface CheckedRequest {
  /** With defaults filled in; parts may be unknown in a preview. */
  readonly request: unknown;
  /** One clear sentence each, beginning with the argument's path. */
  readonly problems: readonly string[];
}

/** Checks what a program gave. Offline, deterministic, tolerant of what a preview does not know. */
export function checkRequest(given: unknown): CheckedRequest {
  if (given === UNKNOWN_VALUE) return { request: given, problems: [] };
  const result = v.safeParse(request, given);
  if (!result.success) return { request: given, problems: result.issues.map(sentenceOf) };
  return { request: withDefaults(result.output), problems: [] };
}

function sentenceOf(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? "";
  if (issue.received === "undefined") return `${path}: is missing`;
  if (issue.type === "strict_object") {
    return `${path}: ${issue.expected === "never" ? "there is no such argument" : "must be an object"}`;
  }
  return path === "" ? issue.message : `${path}: ${issue.message}`;
}

function withDefaults(output: v.InferOutput<typeof request>): unknown {
  const { helper } = output as { helper?: Partial<CopyRequest["helper"]> | string };
  const defaults = {
    tags: {},
    copyTags: true,
    temporaryNamePrefix: "amicopy",
    timeoutMinutes: TIMEOUT_DEFAULT_MINUTES,
  };
  const helpers =
    typeof helper === "string" ? helper : { source: {}, destination: {}, ...present(helper ?? {}) };
  return withoutAbsent({ ...defaults, ...present(output), helper: helpers });
}

function present(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}

/** Pulumi refuses `undefined`, also deep inside. */
function withoutAbsent(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(present(value)).map(([key, item]) => [key, withoutAbsent(item)]),
  );
}
