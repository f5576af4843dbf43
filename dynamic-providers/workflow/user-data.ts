/** The boot script with its job, as EC2 takes it: readable by the whole account, so no secret. */

import type { Job } from "../../agent/contract.ts";
import { CopyError } from "./copy-error.ts";
import { gzipScript } from "./gzip-script.ts";

/** Where the build leaves room for the job description in its user data. */
const PLACEHOLDER = "@JOB@";

export interface UserDataOptions {
  readonly maxBytes: number;
  /** How long turning off is put off, for a look into a failed helper; absent: not at all. */
  readonly keepMinutes?: number;
}

/**
 * Stands before the boot script's own `shutdown` on PATH: "now" and "in a minute", which both the
 * script and the agent say when they have failed, become later. The dead-man switch passes as it
 * is. Here and not in the agent, whose user data has no room for what hardly anybody asks for.
 */
function delayedShutdown(minutes: number): string {
  return `real=$(command -v shutdown); keep=$(mktemp -d); cat >"$keep/shutdown" <<KEEP_END
#!/bin/sh
case \\$2 in now|+1) set -- -P +${minutes}; echo 'amicopy: kept for ${minutes} minutes';; esac
exec $real "\\$@"
KEEP_END
chmod 755 "$keep" "$keep/shutdown"; export PATH="$keep:$PATH"
`;
}

const STEP = "user-data";

/**
 * @param template - The text of `dist/agent/source.sh` or `dist/agent/destination.sh`.
 * @throws CopyError `product-failed` when it is not our template or gets too big.
 */
export function userDataFor(template: string, job: Job, options: UserDataOptions): Uint8Array {
  const { maxBytes, keepMinutes } = options;
  const packed = packUserData(template, job, keepMinutes);
  if (packed.length <= maxBytes) return packed;
  throw new CopyError(
    `user data for ${job.disks.length} volumes has ${packed.length} bytes, EC2 takes ${maxBytes}`,
    {
      code: "product-failed",
      step: STEP,
      ...(keepMinutes !== undefined && { hint: "Leave out helper.*.debug: it needs room there." }),
    },
  );
}

/**
 * However large it gets.
 *
 * @throws CopyError `product-failed` when it is not our template.
 */
export function packUserData(
  template: string,
  job: Job,
  keepMinutes: number | undefined,
): Uint8Array {
  if (template.split(PLACEHOLDER).length !== 2) {
    const message = `the agent's template has no single ${PLACEHOLDER}: run \`npm run build\``;
    throw new CopyError(message, { code: "product-failed", step: STEP });
  }
  // A function, since `$` in a replacement text has a meaning of its own.
  const filled = template.replace(PLACEHOLDER, () => JSON.stringify(job));
  const script =
    keepMinutes === undefined
      ? filled
      : filled.replace("\n", () => `\n${delayedShutdown(keepMinutes)}`);
  return gzipScript(script);
}
