/** Where fetched files go. */

import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { printableLine } from "../dynamic-providers/printable.ts";
import { localName } from "../tsunami/classic/local-name.ts";
import { UsageError } from "./usage-error.ts";

/**
 * @param names - Remote names, in the order in which they are fetched.
 * @param command - `output` is absolute; a folder, a device or a file's name, or absent: the caller's
 *   folder. `files` is what the caller asked for.
 * @returns The local path of each name.
 * @throws UsageError when two of them would be the same, or one is hidden that nobody named.
 */
export function outputPlaces(
  names: readonly string[],
  command: {
    readonly output: string | undefined;
    readonly directory: string;
    readonly files: readonly string[];
  },
): string[] {
  const { output, directory, files } = command;
  const status = output === undefined ? undefined : statSync(output, { throwIfNoEntry: false });
  // Into /dev/null goes everything.
  if (output !== undefined && status?.isCharacterDevice()) return names.map(() => output);
  if (output !== undefined && !status?.isDirectory()) {
    if (names.length === 1) return [output];
    throw new UsageError(
      `--output ${output} is no folder, and ${names.length} files are to go there`,
    );
  }
  const hidden = names.find((name) => isHidden(name) && !isNamed(name, files));
  if (hidden !== undefined) {
    const name = JSON.stringify(printableLine(hidden));
    throw new UsageError(`the server's list has the hidden file ${name}: fetch it by its name`);
  }
  const folder = output ?? resolve(directory);
  const places = names.map((name) => join(folder, localName(name)));
  // What is not whole yet is beside its name, with this ending.
  const written = places.flatMap((place) => [place, `${place}.part`]);
  const twice = written.find((place, index) => written.indexOf(place) !== index);
  if (twice !== undefined) {
    throw new UsageError(
      `two of the files would become ${printableLine(twice)}: fetch them one by one, with --output`,
    );
  }
  return places;
}

/** Shells and other programs run, or believe, many of these. */
function isHidden(name: string): boolean {
  return localName(name).startsWith(".");
}

function isNamed(name: string, files: readonly string[]): boolean {
  return files.includes(name) || files.includes(localName(name));
}
