/** Where fetched files go. */

import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { printableLine } from "../dynamic-providers/printable.ts";
import { localName } from "../tsunami/classic/local-name.ts";
import { UsageError } from "./tsunami-command.ts";

/**
 * @param names - Remote names, in the order in which they are fetched.
 * @param output - Absolute; a folder, a device or a file's name, or absent: the caller's folder.
 * @returns The local path of each name.
 * @throws UsageError when two of them would be the same.
 */
export function outputPlaces(
  names: readonly string[],
  { output, directory }: { readonly output: string | undefined; readonly directory: string },
): string[] {
  const status = output === undefined ? undefined : statSync(output, { throwIfNoEntry: false });
  if (output !== undefined && status !== undefined && !status.isDirectory() && !status.isFile()) {
    return names.map(() => output);
  }
  if (output !== undefined && !status?.isDirectory()) {
    if (names.length === 1) return [output];
    throw new UsageError(
      `--output ${output} is no folder, and ${names.length} files are to go there`,
    );
  }
  const folder = output ?? resolve(directory);
  const places = names.map((name) => join(folder, localName(name)));
  const twice = places.find((place, index) => places.indexOf(place) !== index);
  if (twice !== undefined) {
    throw new UsageError(
      `two of the files would become ${printableLine(twice)}: fetch them one by one, with --output`,
    );
  }
  return places;
}
