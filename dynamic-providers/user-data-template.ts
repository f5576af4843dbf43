/** The boot scripts of the helpers, as `npm run build` makes them. */

import { readFile } from "node:fs/promises";
import type { HelperSide } from "../agent/contract.ts";

/** Run as it is, this file is not where the build puts it. */
const FOLDER = import.meta.url.endsWith(".ts") ? "../dist/agent" : "../agent";

/** The text of `dist/agent/<side>.sh`. */
export function userDataTemplate(side: HelperSide): Promise<string> {
  return readFile(new URL(`${FOLDER}/${side}.sh`, import.meta.url), "utf8");
}

export async function userDataTemplates(
  templateOf: (side: HelperSide) => Promise<string> = userDataTemplate,
): Promise<Readonly<Record<HelperSide, string>>> {
  const [source, destination] = await Promise.all([
    templateOf("source"),
    templateOf("destination"),
  ]);
  return { source, destination };
}
