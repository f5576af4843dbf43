/**
 * What a copy keeps of its source and what not, attribute by attribute, for a person. Pure, and of
 * the same decisions as `carry-over.ts`. Source of the attributes: EC2's API reference (Image,
 * RegisterImage); those that a copy has of its own (id, owner, creation date) are not compared.
 */

import type { Image, InstanceTypeRule } from "../ec2/image.ts";
import { futureDeprecation, type Route, wantedImageTags } from "./carry-over.ts";
import type { CopyRequest, FidelityLine } from "./copy-request.ts";
import type { SourceImage } from "./describe-source.ts";
import { deviceLines } from "./device-fidelity.ts";
import { asked, kept, lost } from "./fidelity-line.ts";
import { withDonor } from "./license-fidelity.ts";
import { permissionLines } from "./permission-fidelity.ts";
import { withoutReserved } from "./run.ts";

export interface FidelityOptions {
  readonly request: CopyRequest;
  readonly source: SourceImage;
  readonly route: Route;
  /** The image that lends its licence; absent: none is needed. */
  readonly donor?: Image;
  /** As what it was registered; absent: not known yet. */
  readonly name?: string;
  readonly nowMs: number;
}

export function judgeFidelity(options: FidelityOptions): FidelityLine[] {
  const { donor, ...rest } = options;
  const { request, source, route } = rest;
  if (donor !== undefined) return withDonor(judgeFidelity(rest), { ...rest, donor });
  return [
    ...nameLines(options),
    ...machineLines(options),
    ...deviceLines(request, source),
    ...bootLines(options),
    ...tagLines(options),
    ...permissionLines(request, source, route),
    ...stateLines(options),
    ...lostLines(source.image),
  ];
}

function nameLines({ request, source, name }: FidelityOptions): FidelityLine[] {
  const { image } = source;
  const lines: FidelityLine[] = [];
  if (request.name !== undefined && request.name !== image.name) {
    lines.push(asked("name", image.name, request.name, "name"));
  } else if (name !== undefined && name !== image.name) {
    lines.push(lost("name", image.name, "an image at the destination has that name", name));
  } else {
    lines.push(kept("name", image.name));
  }
  const { description } = request;
  lines.push(
    description === undefined || description === image.description
      ? kept("description", image.description)
      : asked("description", image.description, description, "description"),
  );
  return lines;
}

/** What the machine sees of the image before its disks. */
function machineLines({ request, source }: FidelityOptions): FidelityLine[] {
  const { image, ownerOnly } = source;
  const lines = [
    kept("architecture", image.architecture),
    kept("virtualization", image.virtualizationType),
    kept("root device", image.rootDeviceName ?? ""),
    kept("ENA support", image.enaSupport ? "yes" : "no"),
  ];
  const optional = [
    ["boot mode", image.bootMode],
    ["TPM", image.tpmSupport],
    ["IMDS support", image.imdsSupport],
    ["SR-IOV", image.sriovNetSupport],
  ] as const;
  for (const [attribute, value] of optional) {
    if (value !== undefined) lines.push(kept(attribute, value));
  }
  for (const key of ["kernelId", "ramdiskId"] as const) {
    const [before, after] = [image[key], request[key]];
    const attribute = key === "kernelId" ? "kernel" : "RAM disk";
    if (after !== undefined) lines.push(asked(attribute, before ?? "", after, key));
    else if (before !== undefined) {
      lines.push(lost(attribute, before, `ids are of a region: give ${key}`));
    }
  }
  if (ownerOnly?.uefiData !== undefined) {
    lines.push(kept("UEFI variables", `${ownerOnly.uefiData.length} characters`));
  } else if (ownerOnly === undefined && image.bootMode?.startsWith("uefi")) {
    const reason = "only the image's owner may read them; Secure Boot keys, if any, are not there";
    lines.push(lost("UEFI variables", "unknown", reason));
  }
  return lines;
}

/** What a first start does to a system (its own id, host keys, logs) is in the copy. */
function bootLines({ source: { unreadable }, route }: FidelityOptions): FidelityLine[] {
  if (unreadable.length === 0) return [];
  const ids = unreadable.map(({ snapshotId }) => snapshotId).join(", ");
  const reason =
    `asked for with allowBootOfSource: account ${route.source.accountId} may launch the image, ` +
    `but not read ${ids}`;
  return [
    { attribute: "content", outcome: "asked", source: "as published", copy: "booted once", reason },
  ];
}

function tagLines({ request, source, route }: FidelityOptions): FidelityLine[] {
  const { image, volumes, unreadable } = source;
  const lines: FidelityLine[] = [];
  const before = countOf(withoutReserved(image.tags));
  const after = countOf(wantedImageTags(request, image.tags));
  const accountId = route.source.accountId;
  if (image.ownerId !== accountId && request.copyTags) {
    lines.push(lost("tags", "unknown", "an image's tags are shown to its owner only", after));
  } else if (!request.copyTags) {
    lines.push(asked("tags", before, after, "copyTags"));
  } else {
    const isMore = Object.keys(request.tags).length > 0;
    lines.push(isMore ? asked("tags", before, after, "tags") : kept("tags", before));
  }
  const aws = Object.keys(image.tags).filter((key) => /^aws:/i.test(key));
  if (aws.length > 0) lines.push(lost("tags of AWS", aws.join(", "), "only AWS can set them"));
  const foreign = [
    ...volumes.flatMap(({ snapshot, bootedFrom = snapshot.snapshotId }) =>
      snapshot.ownerId === accountId ? [] : bootedFrom,
    ),
    ...unreadable.map(({ snapshotId }) => snapshotId),
  ];
  if (foreign.length > 0 && request.copyTags) {
    const ids = [...new Set(foreign)].join(", ");
    const reason = `the tags of ${ids} are shown to their owner only`;
    lines.push(lost("snapshot tags", "unknown", reason));
  } else {
    const count = `of ${volumes.length} snapshot${volumes.length === 1 ? "" : "s"}`;
    lines.push(
      request.copyTags
        ? kept("snapshot tags and descriptions", count)
        : asked("snapshot tags and descriptions", count, "", "copyTags"),
    );
  }
  return lines;
}

function countOf(tags: Readonly<Record<string, string>>): string {
  const count = Object.keys(tags).length;
  return count === 0 ? "none" : `${count}`;
}

function stateLines({ source, nowMs }: FidelityOptions): FidelityLine[] {
  const { image } = source;
  const lines: FidelityLine[] = [];
  const { deprecationTime, deregistrationProtection } = image;
  if (deprecationTime !== undefined) {
    const isAhead = futureDeprecation(image, nowMs) !== undefined;
    const reason = "EC2 takes no deprecation date in the past";
    lines.push(
      isAhead
        ? kept("deprecation", deprecationTime)
        : lost("deprecation", deprecationTime, reason, "not deprecated"),
    );
  }
  if (deregistrationProtection !== undefined) {
    lines.push(kept("deregistration protection", deregistrationProtection));
  }
  if (image.instanceTypes !== undefined) {
    lines.push(kept("instance types", describeInstanceTypes(image.instanceTypes)));
  }
  if (image.state === "disabled") lines.push(kept("state", "disabled"));
  return lines;
}

function describeInstanceTypes({ supported, unsupported }: InstanceTypeRule): string {
  return [...supported, ...unsupported.map((name) => `not ${name}`)].join(", ");
}

/** What nobody can set. */
function lostLines(image: Image): FidelityLine[] {
  const lines: FidelityLine[] = [];
  if (image.watermarks.length > 0) {
    const reason = "a watermark can be attached by the account that made it only";
    lines.push(lost("watermarks", image.watermarks.join(", "), reason));
  }
  if (image.productCodes.length > 0) {
    const reason = "codes of the Marketplace cannot be set";
    lines.push(lost("product codes", image.productCodes.join(", "), reason));
  }
  return lines;
}
