/** What was estimated beside what was measured, and for which world each was estimated. Pure. */

import {
  AWS_SCALE,
  type Estimate,
  estimateCopy,
  type Scale,
} from "../dynamic-providers/workflow/estimate.ts";

const GIB = 2 ** 30;

/**
 * Of localcloud on a developer's machine with two cores: files are cloned and not fetched, machines
 * are processes, and the network is memory, through which the engine brings 1.86 Gbit/s by
 * `docs/performance.md`. Start and end are ours, from runs of this demo.
 */
const LOCALCLOUD_SCALE: Scale = {
  ...AWS_SCALE,
  startSeconds: 4,
  loadMibps: 2000,
  networkMibps: 222,
  snapshotMibps: 1000,
  endSeconds: 3,
};

export interface Measured {
  readonly bytesRead: number;
  readonly bytesSent: number;
  readonly durationSeconds: number;
}

/** @param estimate - Of the plan, which takes the destination for AWS. */
export function estimateRows(estimate: Estimate, measured: Measured): string[][] {
  const here = onThisMachine(estimate);
  const isUnknown = estimate.gibToSend === estimate.gibToRead;
  const gib = (amount: number) => `${amount.toFixed(2)} GiB`;
  return [
    ["", "estimated", "measured"],
    ["read", gib(estimate.gibToRead), gib(measured.bytesRead / GIB)],
    ["sent", `at most ${gib(estimate.gibToSend)}`, gib(measured.bytesSent / GIB)],
    ...(isUnknown ? [["  (nobody tells how full its disks are)", "as if they were", ""]] : []),
    ["time on this machine", seconds(here.seconds), seconds(measured.durationSeconds)],
    ["time on AWS", seconds(estimate.seconds), "not measured"],
    ["  bounded there by", estimate.bottleneck, ""],
  ];
}

/** As one volume: nothing of localcloud's is bounded by a single one. */
function onThisMachine({ gibToRead, gibToSend }: Estimate): Estimate {
  const volume = { sizeGib: gibToRead, fullSizeBytes: gibToSend * GIB, throughputMibps: 2000 };
  // Without figures of their own: a type's name does not bound a process.
  const machine = { instanceType: "", architectures: [], maximumVolumes: 1, isNitro: true };
  const copy = { volumes: [volume], source: machine, destination: machine };
  return estimateCopy(copy, LOCALCLOUD_SCALE);
}

function seconds(value: number): string {
  return `${Math.round(value)} s`;
}
