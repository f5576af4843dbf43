/** `npm run iam-policies`: lives the life of a copy and writes what it took into `docs/iam/`. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { policyFor } from "../../tools/iam-policies.ts";
import { recordLife } from "./copy-life.ts";

const FOLDER = join(import.meta.dirname, "../../docs/iam");

const life = await recordLife();
for (const side of ["source", "destination", "source-boot"] as const) {
  const text = `${JSON.stringify(policyFor(life[side]), undefined, 2)}\n`;
  writeFileSync(join(FOLDER, `${side}.json`), text);
}
