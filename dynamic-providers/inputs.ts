/**
 * The inputs of a copy, checked offline: form, limits and what excludes what. Whether things exist
 * is preflight's business. In a preview any part may be unknown still; it is left as it is.
 *
 * Sources of the limits: EC2 API reference (RegisterImage, CreateTags) and IAM's (AssumeRole).
 */

import * as v from "valibot";
import type { CopyRequest } from "./workflow/copy-request.ts";

/** What the SDK sends for a value that is not known yet (`pulumi.runtime.unknownValue`). */
const UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether a value, or a part of it, is not known yet. */
export function isUnknown(value: unknown): boolean {
  if (value === UNKNOWN_VALUE) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(isUnknown);
}

/** Ours. A day is enough for terabytes; a week is the longest that makes sense to wait for. */
const TIMEOUT_DEFAULT_MINUTES = 24 * 60;
const TIMEOUT_MAX_MINUTES = 7 * 24 * 60;
/** EC2 allows 50 tags; the rest is for our own. */
const TAG_COUNT_MAX = 40;

/** A schema that lets an unknown value, or a null as Pulumi sends for an absent one, pass. */
function known<const S extends v.GenericSchema>(schema: S) {
  return v.lazy((value) => (value === UNKNOWN_VALUE ? v.unknown() : schema));
}

function optional<const S extends v.GenericSchema>(schema: S) {
  return v.pipe(
    v.nullish(known(schema)),
    v.transform((value) => value ?? undefined),
  );
}

/** Text of a form. `what` completes the sentence "<path>: must be …, not …". */
function text(pattern: RegExp, what: string, given: "shown" | "hidden" = "shown") {
  const message = (issue: v.BaseIssue<unknown>) =>
    given === "shown" ? `must be ${what}, not ${issue.received}` : `must be ${what}`;
  return v.pipe(v.string(message), v.regex(pattern, message));
}

const amiId = text(
  /^ami-(?:[0-9a-f]{8}|[0-9a-f]{17})$/,
  'the id of an image ("ami-" and 8 or 17 hex digits)',
);

function tags(keyPattern: RegExp, keyForm: string) {
  return v.pipe(
    v.record(v.string(), known(text(/^.{0,256}$/s, "text of at most 256 characters"))),
    v.check(
      (value) => Object.keys(value).length <= TAG_COUNT_MAX,
      `must have at most ${TAG_COUNT_MAX} tags`,
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const key of Object.keys(dataset.value)) {
        const fault = faultOfKey(key, keyPattern, keyForm);
        if (fault !== undefined) addIssue({ message: `has a tag key "${key}": ${fault}` });
      }
    }),
  );
}

function faultOfKey(key: string, pattern: RegExp, form: string): string | undefined {
  if (/^aws:/i.test(key)) return 'keys beginning with "aws:" belong to AWS';
  if (/^amicopy:/i.test(key)) return 'keys beginning with "amicopy:" belong to this package';
  return pattern.test(key) ? undefined : `a key must be ${form}`;
}

const imageTags = tags(
  /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u,
  "1 to 128 letters, digits, spaces and + - = . _ : / @",
);
/** A helper reads its tags from its metadata service, and EC2 refuses keys that do not fit there. */
const helperTags = tags(
  /^(?!\.{1,2}$|_index$)[A-Za-z0-9+\-=.,_:@]{1,128}$/,
  "1 to 128 letters, digits and + - = . , _ : @",
);

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

const accountId = text(/^\d{12}$/, "an account id (12 digits)");

const side = v.pipe(
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

const ipv4 = text(
  /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/,
  'one IPv4 address (like "203.0.113.7")',
);

/** Ours. A day is long enough to look; somebody pays for the helper meanwhile. */
const KEEP_DEFAULT_MINUTES = 60;
const KEEP_MAX_MINUTES = 24 * 60;

const debug = v.strictObject({
  keyName: known(text(/^[\x20-\x7e]{1,255}$/, "the name of a key pair")),
  sshFrom: known(
    v.pipe(
      v.string('must be one IPv4 address (like "203.0.113.7")'),
      v.transform((value) => value.replace(/\/32$/, "")),
      ipv4,
    ),
  ),
  keepMinutes: v.optional(
    known(wholeNumber(1, KEEP_MAX_MINUTES, "minutes")),
    () => KEEP_DEFAULT_MINUTES,
  ),
});

const nodeArchive = v.strictObject({
  url: known(
    text(
      /^https:\/\/[A-Za-z0-9.-]{1,253}(?::\d{1,5})?\/[\w.~%+/-]{1,400}\.t(?:ar\.)?gz$/,
      "the HTTPS address of a .tar.gz, without user and query",
      "hidden",
    ),
  ),
  sha256: known(text(/^[0-9a-f]{64}$/, "a SHA-256 (64 lower-case hex digits)")),
});

const nodeArchives = v.strictObject({
  arm64: optional(nodeArchive),
  x86_64: optional(nodeArchive),
});

const helperSideFields = v.strictObject({
  instanceType: optional(
    text(/^[a-z][a-z0-9-]{0,30}\.[a-z0-9-]{2,20}$/, 'an instance type (like "c8gn.xlarge")'),
  ),
  imageId: optional(amiId),
  subnetId: optional(
    text(/^subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'the id of a subnet ("subnet-" and hex digits)'),
  ),
  address: optional(text(/^(?:public|private)$/, '"public" or "private"')),
  natAddress: optional(ipv4),
  nodeArchives: optional(nodeArchives),
  debug: optional(debug),
  tags: optional(helperTags),
});

const helperSide = v.pipe(
  helperSideFields,
  v.check(
    ({ address, natAddress }) => natAddress === undefined || address !== "private",
    'has natAddress and address "private": give one of them',
  ),
);

const helper = v.strictObject({
  source: optional(helperSide),
  destination: optional(helperSide),
});

/** EC2: a device name is short; ours: what a shell or a log could misread is none. */
const DEVICE_NAME = /^\/?[a-z][a-z0-9/]{1,31}$/;

function wholeNumber(min: number, max: number, unit: string) {
  const message = (issue: v.BaseIssue<unknown>) =>
    `must be a whole number of ${unit} from ${min} to ${max}, not ${issue.received}`;
  return v.pipe(
    v.number(message),
    v.check((value) => Number.isInteger(value) && value >= min && value <= max, message),
  );
}

const deviceChange = v.strictObject({
  volumeType: optional(
    text(/^(?:gp2|gp3|io1|io2|st1|sc1|standard)$/, "gp2, gp3, io1, io2, st1, sc1 or standard"),
  ),
  iops: optional(wholeNumber(100, 256_000, "operations per second")),
  throughputMibps: optional(wholeNumber(125, 2_000, "MiB per second")),
  volumeSizeGib: optional(wholeNumber(1, 65_536, "GiB")),
  deleteOnTermination: optional(
    v.boolean((issue) => `must be true or false, not ${issue.received}`),
  ),
});

const blockDevices = v.pipe(
  v.record(v.string(), known(deviceChange)),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const name of Object.keys(dataset.value)) {
      if (!DEVICE_NAME.test(name)) {
        addIssue({ message: `has "${name}", which is no device name (like "/dev/sdf")` });
      }
    }
  }),
);

const permissionMap = v.strictObject({
  accountIds: v.pipe(
    v.record(v.string(), known(accountId)),
    v.check(
      (value) => Object.keys(value).every((key) => /^\d{12}$/.test(key)),
      "must have account ids (12 digits) as keys",
    ),
  ),
});

const flag = v.boolean((issue) => `must be true or false, not ${issue.received}`);

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
