/** Compiles the two small C programs of the bench, once a bench, with the machine's own compiler. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const FLAGS = ["-O2", "-pthread"];

/** @returns The path of the program. @throws when there is no C compiler. */
export async function compileProgram(
  name: "longlink" | "side",
  directory: string,
): Promise<string> {
  const program = join(directory, name);
  const source = join(import.meta.dirname, `${name}.c`);
  try {
    await promisify(execFile)("cc", [...FLAGS, "-o", program, source]);
  } catch (cause) {
    throw new Error(`${name}.c cannot be compiled (apt-get install gcc libc6-dev)`, { cause });
  }
  return program;
}
