/**
 * Which of the many reports of a run are shown. A terminal redraws its rows, but where the output is
 * a file every status is a line of its own, and a provider cannot know which it is. So a new step is
 * shown at once, a new figure of the same step now and then, and under `CI` a line a minute.
 */

import type { EngineLog } from "./engine-log.ts";
import { printableLine } from "./printable.ts";
import type { CopyResult, ProgressRow } from "./workflow/copy-request.ts";
import { formatFidelity } from "./workflow/format-fidelity.ts";

/** Ours: readable in a terminal, bearable in a file. */
const SAME_STEP_MS = 5_000;
const CI_MS = 60_000;

export interface Progress {
  /** From now on this row is shown at this URN. */
  attach(row: ProgressRow, urn: string): void;
  report(row: ProgressRow, text: string): void;
  /** The one line that stays. */
  summarize(result: CopyResult): void;
}

export interface ProgressOptions {
  readonly log: EngineLog;
  /** Whether a line a minute is all that is wanted. */
  readonly quiet: boolean;
  readonly now: () => number;
}

interface Shown {
  readonly text: string;
  readonly step: string;
  readonly at: number;
}

export function createProgress({ log, quiet, now }: ProgressOptions): Progress {
  const urns = new Map<ProgressRow, string>();
  const shown = new Map<ProgressRow, Shown>();
  let quietSince = Number.NEGATIVE_INFINITY;

  const isDue = (last: Shown | undefined, text: string, step: string): boolean => {
    if (last?.text === text) return false;
    if (quiet) return now() - quietSince >= CI_MS;
    return last === undefined || last.step !== step || now() - last.at >= SAME_STEP_MS;
  };
  return {
    attach(row, urn) {
      urns.set(row, urn);
    },
    report(row, text) {
      const urn = urns.get(row);
      const step = stepOf(text);
      if (urn === undefined || !isDue(shown.get(row), text, step)) return;
      shown.set(row, { text, step, at: now() });
      quietSince = now();
      log.status(urn, text);
    },
    summarize(result) {
      const table = formatFidelity(result.image.fidelity);
      const urn = urns.get("image") ?? urns.get("source");
      log.note(urn, `${summaryOf(result)}\n${table}`);
      if (result.leftBehind.length > 0) log.warn(urn, leftBehindWarning(result.leftBehind));
    },
  };
}

/** @param leftBehind - What the state keeps of it, not empty. */
export function leftBehindWarning(leftBehind: readonly string[]): string {
  const left = leftBehind.map(printableLine).join("; ");
  return `Could not be cleaned up: ${left}. The next \`pulumi up\` or destroy does it.`;
}

/** Two texts that are the same up to their first figure are of one step; an id is none. */
function stepOf(text: string): string {
  return text.replace(/\b[a-z]+-[0-9a-f]{8,17}\b/g, "").replace(/\d.*$/s, "");
}

function summaryOf({ image }: CopyResult): string {
  const volumes = image.snapshots.length === 1 ? "1 volume" : `${image.snapshots.length} volumes`;
  const read = `${size(image.bytesRead)} read`;
  const twice = image.bytesResent > 0 ? ` (${size(image.bytesResent)} of it twice)` : "";
  const sent = `${size(image.bytesSent)} sent${twice}`;
  return `${image.sourceImageId} is ${image.imageId} in ${image.region}: ${volumes}, ${read}, ${sent}, ${Math.round(image.durationSeconds)} s, digests equal`;
}

function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
