/**
 * Does the helper's job fit: are there names for its devices, and room for them in its user data?
 * Both helpers' user data are made as for their launch; only the number of the attempt is not known.
 * Pure.
 */

import type { HelperSide } from "../../../agent/contract.ts";
import type { CopyRequest } from "../copy-request.ts";
import { deviceNames, helperJob } from "../helper-job.ts";
import type { RunContext } from "../run-context.ts";
import { packUserData } from "../user-data.ts";
import type { VolumeToCopy } from "../volumes-to-copy.ts";
import type { Problem } from "./problem.ts";

/** As a run's id is: of a run that has none yet. */
const SOME_RUN = "0f1e2d3c4b5a6978";

export interface JobToCheck {
  readonly side: HelperSide;
  readonly volumes: readonly VolumeToCopy[];
  readonly listens: boolean;
  /** Absent: the run is not made yet. */
  readonly runId?: string | undefined;
}

export function checkJob(
  request: CopyRequest,
  { side, volumes, listens, runId = SOME_RUN }: JobToCheck,
  { userDataTemplates, limits }: Pick<RunContext, "userDataTemplates" | "limits">,
): Problem[] {
  const { sourceAmiId } = request;
  const names = deviceNames(volumes.length);
  if (names.length < volumes.length) {
    const message = `${sourceAmiId}: ${volumes.length} volumes are more than the ${names.length} that a helper has device names for.`;
    return [{ property: "sourceAmiId", message, hint: "Copy an image with fewer volumes." }];
  }
  const named = volumes.map(({ sizeGib }, index) => ({ sizeGib, deviceName: names[index] ?? "" }));
  const plan = { runId, attempt: 1, side, listens, volumes: named, limits };
  const { debug, nodeArchives } = request.helper[side];
  const job = helperJob(request, plan);
  const { length } = packUserData(userDataTemplates[side], job, debug?.keepMinutes);
  const { userDataMaxBytes: most } = limits;
  if (length <= most) return [];
  const spare = [
    debug === undefined ? [] : `helper.${side}.debug`,
    nodeArchives === undefined ? [] : `helper.${side}.nodeArchives`,
  ].flat();
  return [
    {
      property: "sourceAmiId",
      message:
        `${sourceAmiId}: the user data of the ${side} helper for ${volumes.length} volumes would have ` +
        `${length} bytes, and EC2 takes ${most}.`,
      hint:
        spare.length > 0
          ? `Leave out ${spare.join(" or ")}, or copy an image with fewer volumes.`
          : "Copy an image with fewer volumes, or with fewer different sizes of them.",
    },
  ];
}
