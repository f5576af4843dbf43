/**
 * What a licensed copy keeps of its source, where that differs from a registered one: some attributes
 * are the donor's for good, and CreateImage writes the descriptions of its snapshots itself. Pure.
 */

import type { Image } from "../ec2/image.ts";
import type { CopyRequest, FidelityLine } from "./copy-request.ts";
import type { SourceImage } from "./describe-source.ts";
import { asked, kept, lost } from "./fidelity-line.ts";
import { licenseName } from "./license-donor.ts";

const DONORS = "an image of the licence donor's instance has the donor's";

/** @param lines - As they are for a registered copy. */
export function withDonor(
  lines: readonly FidelityLine[],
  { request, source, donor }: { request: CopyRequest; source: SourceImage; donor: Image },
): FidelityLine[] {
  const others = new Map<string, FidelityLine[]>([
    ["boot mode", bootLines(source.image, donor)],
    ["IMDS support", metadataLines(source.image, donor)],
    ["SR-IOV", sriovLines(source.image, donor)],
    ["UEFI variables", variableLines(source)],
    ["snapshot tags and descriptions", snapshotLines(request, source)],
  ]);
  const unchanged = lines.filter(({ attribute }) => !others.has(attribute));
  return [licenseLine(source.image, donor), ...unchanged, ...[...others.values()].flat()];
}

/** The licence, and who has lent it. */
export function licenseLine(image: Image, donor: Pick<Image, "imageId">): FidelityLine {
  const reason = `by way of licence donor ${donor.imageId}`;
  return { ...kept("licence", licenseName(image)), reason };
}

function bootLines({ bootMode }: Image, donor: Image): FidelityLine[] {
  if (bootMode === undefined && donor.bootMode === undefined) return [];
  // An image without a mode boots by its architecture's, and the donor has none or that one.
  const [source, copy] = [bootMode ?? "not given", donor.bootMode ?? "not given"];
  return [{ attribute: "boot mode", outcome: "kept", source, copy }];
}

function metadataLines({ imdsSupport }: Image, donor: Image): FidelityLine[] {
  const attribute = "IMDS support";
  if (imdsSupport !== undefined) return [kept(attribute, imdsSupport)];
  const copy = donor.imdsSupport;
  if (copy === undefined) return [];
  return [lost(attribute, "not given", DONORS, copy)];
}

function sriovLines({ sriovNetSupport }: Image, donor: Image): FidelityLine[] {
  const [source, copy] = [sriovNetSupport ?? "not given", donor.sriovNetSupport ?? "not given"];
  if (source === copy) return sriovNetSupport === undefined ? [] : [kept("SR-IOV", source)];
  return [lost("SR-IOV", source, DONORS, copy)];
}

function variableLines({ image, ownerOnly }: SourceImage): FidelityLine[] {
  const isSeen = ownerOnly !== undefined;
  if (isSeen ? ownerOnly.uefiData === undefined : !image.bootMode?.startsWith("uefi")) return [];
  const source = isSeen ? `${ownerOnly.uefiData?.length} characters` : "unknown";
  return [lost("UEFI variables", source, DONORS, "the donor's")];
}

function snapshotLines({ copyTags }: CopyRequest, { volumes }: SourceImage): FidelityLine[] {
  const source = `of ${volumes.length} snapshot${volumes.length === 1 ? "" : "s"}`;
  if (!copyTags) return [asked("snapshot tags", source, "", "copyTags")];
  const lines = [kept("snapshot tags", source)];
  const words = volumes.map(({ snapshot }) => snapshot.description).filter((text) => text !== "");
  if (words.length === 0) return lines;
  const reason = "CreateImage writes them itself, and nobody can change them";
  return [...lines, lost("snapshot descriptions", words.join(", "), reason)];
}
