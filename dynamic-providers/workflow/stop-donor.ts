/**
 * Needs: a launched licence donor.  Makes: a stopped one, as soon as it can be stopped; its system
 * may be in the middle of its first boot, of which nothing is kept.  Undoes: nothing.
 */

import type { Instance } from "../ec2/instance.ts";
import { CopyError } from "./copy-error.ts";
import type { Run } from "./run.ts";
import { waitUntil } from "./wait-until.ts";

const STEP = "stop-donor";

/** @returns The instance, with the volumes that it has now. */
export async function stopDonor(run: Run, instanceId: string): Promise<Instance> {
  const cloud = run.clouds.destination;
  const name = `licence donor ${instanceId} in ${cloud.region}`;
  const wait = (state: string, limitMs: number) =>
    waitUntil(
      run,
      { step: STEP, what: `${name} to be ${state}`, limitMs, ids: [instanceId] },
      async () => {
        const [instance] = await cloud.describeInstances({ ids: [instanceId] });
        if (instance === undefined) return undefined;
        if (ENDED.has(instance.state)) throw endedEarly(name, instance);
        return instance.state === state ? instance : undefined;
      },
    );
  await wait("running", run.limits.launchMs);
  await cloud.stopInstance(instanceId);
  run.report("destination", `licence donor ${instanceId} stopping`);
  return wait("stopped", run.limits.stopMs);
}

const ENDED: ReadonlySet<string> = new Set(["shutting-down", "terminated"]);

function endedEarly(name: string, { instanceId, state, stateReason }: Instance): CopyError {
  const why = stateReason === undefined ? "" : `: ${stateReason}`;
  return new CopyError(`${name} is ${state} before it could be stopped${why}`, {
    code: "product-failed",
    step: STEP,
    ids: [instanceId],
    hint: "Run `pulumi up` again; if it comes back, give licenseDonorAmiId with another image.",
  });
}
