/** What exists in a localcloud, as a person reads it. */

import type { ListedRegion, ListedThing, Listing } from "../localcloud/admin.ts";

const HEADINGS: readonly string[] = ["KIND", "ID", "STATE", "DETAILS", "TAGS"];

/** Tags may hold anything; a terminal must not act on it. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** One table a region; columns as wide as their widest cell over all of them, so that they align. */
export function formatListing(listing: Listing): string {
  const regions = listing.regions.filter((region) => region.things.length > 0);
  if (regions.length === 0) return "nothing has been made in this localcloud\n";
  const rows = regions.flatMap((region) => region.things.map(cells));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  return regions.map((region) => formatRegion(region, widths)).join("\n");
}

function formatRegion(region: ListedRegion, widths: readonly number[]): string {
  const { account, profile, things } = region;
  const rows = [HEADINGS, ...things.map(cells)].map((row) => formatRow(row, widths));
  return `${region.region}  account ${account} (${profile})\n${rows.join("")}`;
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  const padded = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return `  ${padded.join("  ").trimEnd()}\n`;
}

function cells(thing: ListedThing): string[] {
  return [thing.kind, thing.id, thing.state, pairs(thing.details), pairs(thing.tags)];
}

function pairs(record: Readonly<Record<string, string | number>>): string {
  return Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")
    .replace(CONTROL, "?");
}
