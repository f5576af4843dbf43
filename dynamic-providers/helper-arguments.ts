/** Wishes for the helpers: where and on what they run, and how to look into one that has failed. */

import * as v from "valibot";
import { amiId, known, optional, text, wholeNumber } from "./argument-schemas.ts";
import { helperTags } from "./tag-arguments.ts";

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

export const helper = v.strictObject({
  source: optional(helperSide),
  destination: optional(helperSide),
});
