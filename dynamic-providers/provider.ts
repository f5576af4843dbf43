/**
 * The entry `amicopy/provider`: what the stub in a stack's state loads, in Pulumi's dynamic provider
 * process. Nothing else reads the environment, the arguments or the signals of that process.
 */

import { watchForCancellation } from "./cancellation.ts";
import { composeProviders } from "./compose-providers.ts";
import { openEc2 } from "./ec2/open-ec2.ts";
import { openEngineLog } from "./engine-log.ts";
import { stackPlaceOf } from "./stack-place.ts";
import { userDataTemplate } from "./user-data-template.ts";
import { limitsAtPace } from "./workflow/limits.ts";
import { systemClock } from "./workflow/run-context.ts";

const log = openEngineLog(process.argv);
const pace = paceOf(process.env);
const cancellation = watchForCancellation({
  isEngineThere: log.isEngineThere,
  exit: (code) => process.exit(code),
  pace,
});

/** Names in the stub: never to be renamed. */
export const { copyRun, helperInstance, copiedImage, imageOwnership } = composeProviders({
  openCloud: (side) => openEc2(side, process.env),
  userDataTemplate,
  stackPlace: stackPlaceOf(process.env, process.cwd()),
  startMs: performance.timeOrigin,
  log,
  cancellation,
  clock: systemClock,
  limits: limitsAtPace(pace),
  quiet: Boolean(process.env.CI),
});

/** Tests that kill things need not wait as politely as AWS is owed; only where it is not AWS. */
function paceOf({ AMICOPY_PACE, AWS_ENDPOINT_URL }: NodeJS.ProcessEnv): number {
  const given = Number(AMICOPY_PACE ?? 1);
  const isLocal = /^http:\/\/127\./.test(AWS_ENDPOINT_URL ?? "");
  return isLocal && given > 0 && given < 1 ? given : 1;
}
