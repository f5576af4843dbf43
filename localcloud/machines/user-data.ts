/** User data as cloud-init takes it: perhaps gzip, and a script only if it says so. */

import { gunzipSync } from "node:zlib";
import { USER_DATA_MAX_BYTES } from "./limits.ts";

/** What to do with an instance's user data. */
export type UserData =
  | { readonly kind: "none" }
  | {
      readonly kind: "script";
      readonly text: Buffer;
      /** From the `#!` line: the program and its one optional argument. */
      readonly interpreter: readonly string[];
    }
  /** Not run; the line that the console shows for it. */
  | { readonly kind: "refused"; readonly consoleLine: string };

/**
 * These scripts run on a person's computer, not on an instance, and find localcloud's `shutdown`
 * only by its name. What goes around PATH is refused rather than run: against mistakes, not malice.
 */
const ESCAPES: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  {
    pattern: /\/s?bin\/(?:shutdown|poweroff|halt|reboot|init|telinit|systemctl|systemd-run)\b/,
    what: "the absolute path of a program that ends or controls the machine",
  },
  { pattern: /\bcommand\s+-p\b/, what: "`command -p`, which ignores PATH" },
  { pattern: /\benv\s+(?:-i|--ignore-environment)\b/, what: "`env -i`, which drops PATH" },
  { pattern: /\bunset\s+PATH\b/, what: "`unset PATH`" },
  { pattern: /\bPATH=["']?\/(?:usr\b|s?bin\b)/, what: "a PATH of absolute folders" },
  { pattern: /\/(?:dev|proc)\/(?:sysrq|initctl)/, what: "the kernel's own switches" },
];

/** @param raw - As given to RunInstances after base64. */
export function readUserData(raw: Buffer): UserData {
  if (raw.length === 0) return { kind: "none" };
  const text = gunzip(raw);
  if (text === undefined) {
    return { kind: "refused", consoleLine: "WARNING: user data looks like gzip and is not" };
  }
  if (!text.subarray(0, 2).equals(Buffer.from("#!"))) {
    const start = JSON.stringify(text.toString("latin1", 0, 40));
    return {
      kind: "refused",
      consoleLine: `__init__.py[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: ${start}...`,
    };
  }
  const script = text.toString("latin1");
  const wayOut = ESCAPES.find(({ pattern }) => pattern.test(script));
  if (wayOut !== undefined) {
    return {
      kind: "refused",
      consoleLine: `localcloud does not run this user data, since it has ${wayOut.what}`,
    };
  }
  const interpreter = readInterpreter(script);
  if (interpreter.length === 0) {
    return { kind: "refused", consoleLine: "WARNING: user data names no program after #!" };
  }
  return { kind: "script", text, interpreter };
}

function gunzip(raw: Buffer): Buffer | undefined {
  if (raw[0] !== 0x1f || raw[1] !== 0x8b) return raw;
  try {
    return gunzipSync(raw, { maxOutputLength: USER_DATA_MAX_BYTES });
  } catch {
    return undefined;
  }
}

/** The kernel's rule: a program, blanks, and everything else as one argument. */
function readInterpreter(script: string): string[] {
  const [, program, argument] =
    /^#![ \t]*([^ \t\r\n]+)[ \t]*([^\r\n]*?)[ \t]*(?:\r?\n|$)/.exec(script) ?? [];
  if (program === undefined) return [];
  return argument === undefined || argument === "" ? [program] : [program, argument];
}
