/**
 * What a copy takes of an account's quotas, phase by phase: what one phase has ended is free for the
 * next. Never more than it really takes, since a refusal by mistake is worse than none: the smallest
 * type counts, which is what a launch comes down to, and the roots of the helpers do not. Pure.
 */

import type { BlockDevice } from "../ec2/block-device.ts";
import type { Image } from "../ec2/image.ts";
import { mapPermissions, type Route, wantedDevices } from "./carry-over.ts";
import { snapshotDevices } from "./choose-boot.ts";
import type { HelperChoice } from "./choose-helper.ts";
import type { CopyRequest } from "./copy-request.ts";
import type { SourceImage } from "./describe-source.ts";
import { VOLUME_PERFORMANCE } from "./launch-helper.ts";
import { isStandard } from "./quotas.ts";
import { volumesToCopy } from "./volumes-to-copy.ts";

/** At one time, in one account and region. */
export interface Phase {
  /** Of on-demand standard instances. */
  readonly vcpus: number;
  /** By type of volume. */
  readonly storageGib: Readonly<Record<string, number>>;
}

export interface NeedsSubject {
  readonly request: CopyRequest;
  readonly source: SourceImage;
  readonly route: Route;
  /** The image that lends its licence; absent: none is needed. */
  readonly donor?: Image;
  /** On what the helpers may run; none: a problem of its own. */
  readonly choices: Readonly<Record<"source" | "destination", readonly HelperChoice[]>>;
}

/** An account and region with all that the copy does there. */
export interface PlaceNeeds {
  /** The side whose credentials ask. */
  readonly side: "source" | "destination";
  readonly phases: readonly Phase[];
  readonly publicImages: number;
}

/** One place, or two; a copy within one account and region has both helpers there at once. */
export function quotaNeeds(subject: NeedsSubject): PlaceNeeds[] {
  const { source, destination } = subject.route;
  const helpers = {
    source: helperPhase(subject.source, subject.choices.source),
    destination: helperPhase(subject.source, subject.choices.destination),
  };
  const before = bootPhases(subject.source);
  const after = donorPhases(subject);
  const publicImages = isPublic(subject) ? 1 : 0;
  if (source.accountId === destination.accountId && source.region === destination.region) {
    const together = sum([helpers.source, helpers.destination]);
    return [{ side: "destination", phases: [...before, together, ...after], publicImages }];
  }
  return [
    { side: "source", phases: [...before, helpers.source], publicImages: 0 },
    { side: "destination", phases: [helpers.destination, ...after], publicImages },
  ];
}

function helperPhase(source: SourceImage, choices: readonly HelperChoice[]): Phase {
  const { volumeType } = VOLUME_PERFORMANCE;
  const sizes = volumesToCopy(source).map(({ sizeGib }) => ({
    vcpus: 0,
    storageGib: { [volumeType]: sizeGib },
  }));
  return { ...sum(sizes), vcpus: leastVcpus(choices) };
}

/** 0: not known, or under another quota than that of the standard types. */
function leastVcpus(choices: readonly HelperChoice[]): number {
  if (choices.some(({ instanceType }) => !isStandard(instanceType))) return 0;
  return choices.length === 0 ? 0 : Math.min(...choices.map(({ type }) => type.vcpus ?? 0));
}

/** A source that is started once; the smallest type for that is never larger than a helper's. */
function bootPhases({ image, unreadable }: SourceImage): Phase[] {
  return unreadable.length === 0 ? [] : [sum(snapshotDevices(image).map(deviceNeeds))];
}

/** The donor still holds its own volumes while those of the copy are made. */
function donorPhases({ request, source, donor }: NeedsSubject): Phase[] {
  if (donor === undefined) return [];
  const own = donor.blockDevices.map((device) =>
    device.kind === "ephemeral" ? device : { ...device, volumeType: "gp3" },
  );
  return [sum([...own, ...wantedDevices(request, source.image)].map(deviceNeeds))];
}

/** [EC2 CreateVolume]: gp2 when no type is said. */
function deviceNeeds(device: BlockDevice): Phase {
  if (device.kind === "ephemeral") return { vcpus: 0, storageGib: {} };
  const { volumeType = "gp2", volumeSizeGib = 1 } = device;
  return { vcpus: 0, storageGib: { [volumeType]: volumeSizeGib } };
}

function sum(phases: readonly Phase[]): Phase {
  const storageGib: Record<string, number> = {};
  for (const phase of phases) {
    for (const [type, gib] of Object.entries(phase.storageGib)) {
      storageGib[type] = (storageGib[type] ?? 0) + gib;
    }
  }
  return { vcpus: phases.reduce((total, { vcpus }) => total + vcpus, 0), storageGib };
}

function isPublic({ request, source, route }: NeedsSubject): boolean {
  const permissions = source.ownerOnly?.launchPermissions ?? [];
  const { mapped } = mapPermissions(request, permissions, route);
  return mapped.some(({ group }) => group === "all");
}
