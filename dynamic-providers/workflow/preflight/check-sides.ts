/** What is asked of each side by itself, and of both helpers, before a copy is judged as a whole. */

import type { CopyRequest, NewRun, SideIdentity } from "../copy-request.ts";
import type { SourceImage } from "../describe-source.ts";
import type { Clouds } from "../run-context.ts";
import { checkAllowed, missingHelperImage } from "./check-allowed.ts";
import { checkBoot } from "./check-boot.ts";
import { checkDebug } from "./check-debug.ts";
import { checkDevices } from "./check-devices.ts";
import { checkEncryption } from "./check-encryption.ts";
import { checkHelper } from "./check-helper.ts";
import { checkName } from "./check-name.ts";
import { checkReach } from "./check-reach.ts";
import { checkSnapshots } from "./check-snapshots.ts";
import { checkSourceImage, isImageId } from "./check-source-image.ts";
import { checkTags } from "./check-tags.ts";
import { checkVolumeTypes } from "./check-volume-types.ts";
import { bestOf, type Helpers, reachesOf } from "./find-helpers.ts";
import { type Problem, sentences } from "./problem.ts";

export async function sourceChecks(
  request: CopyRequest,
  clouds: Clouds,
  { accountId }: SideIdentity,
  look: Promise<SourceImage | undefined>,
): Promise<Problem[]> {
  const groups = await Promise.all([
    sentences("source", async () => {
      const source = await look;
      const { region } = clouds.source;
      return [
        ...checkSourceImage(request, source?.image, { region, accountId }),
        ...checkSnapshots(request.sourceAmiId, source),
        ...checkDevices(request, source),
        ...checkTags(request, source),
      ];
    }),
    sentences("source", async () => checkBoot(request, await look, accountId, clouds.source)),
  ]);
  return groups.flat();
}

/** What is asked of either side alike. */
export async function sideChecks(
  side: "source" | "destination",
  request: CopyRequest,
  clouds: Clouds,
  helpers: Helpers,
  look: Promise<SourceImage | undefined>,
): Promise<Problem[]> {
  const missing = async () => {
    const image = missingHelperImage(side, request, await helpers[side].catch(() => undefined));
    if (side === "destination" || !isImageId(request.sourceAmiId)) return image;
    return (await look.catch(() => true)) === undefined ? [...image, request.sourceAmiId] : image;
  };
  const groups = await Promise.all([
    sentences(side, () => checkDebug(side, request, clouds[side])),
    sentences(side, async () => checkAllowed(side, await missing(), clouds[side])),
  ]);
  return groups.flat();
}

export async function helperChecks(request: CopyRequest, helpers: Helpers): Promise<Problem[]> {
  const sides = ["source", "destination"] as const;
  const groups = await Promise.all(
    sides.map((side) =>
      sentences(side, async () => checkHelper(side, request, await helpers[side])),
    ),
  );
  const [source, destination] = await reachesOf(helpers);
  return [...groups.flat(), ...checkReach(source, destination)];
}

export async function destinationChecks(
  request: CopyRequest,
  clouds: Clouds,
  run: NewRun | undefined,
  { look, helpers }: { readonly look: Promise<SourceImage | undefined>; readonly helpers: Helpers },
): Promise<Problem[]> {
  const groups = await Promise.all([
    sentences("destination", async () => {
      // What they fail with is told where they are asked for by themselves.
      const source = await look.catch(() => undefined);
      const helper = bestOf(await helpers.destination.catch(() => undefined));
      if (source === undefined || helper === undefined) return [];
      const { availabilityZone } = helper.subnet;
      return checkVolumeTypes(request, source, availabilityZone, clouds.destination);
    }),
    sentences("destination", () => checkName(request.name, clouds.destination, run)),
    sentences("destination", () => checkEncryption(request, clouds.destination)),
  ]);
  return groups.flat();
}
