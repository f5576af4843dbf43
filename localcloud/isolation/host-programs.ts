/**
 * The programs of the host that make namespaces, and the one way to run them. By absolute path: what
 * is started for a machine has the machine's PATH.
 */

import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FOLDERS: readonly string[] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Ours: each does one thing to the kernel; the slowest, on a busy machine, takes a second. */
const PROGRAM_LIMIT_MS = 30_000;

/** For host programs and namespace keepers. The temporary directory tells whose they are. */
export const HOST_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: FOLDERS.join(":"),
  LC_ALL: "C",
  TMPDIR: tmpdir(),
};

/** @returns `undefined` when this computer does not have it. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @throws Error when it is not there. */
export function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`there is no ${name} in ${FOLDERS.join(", ")}`);
  return path;
}

/**
 * Runs a command in a network namespace.
 *
 * @param namespace - Path of the namespace, as `/proc/123/ns/net`.
 * @param input - Its standard input.
 * @throws Error with what the command said.
 */
export function runInside(
  namespace: string,
  command: readonly string[],
  input = "",
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      requireProgram("nsenter"),
      [`--net=${namespace}`, ...command],
      { env: HOST_ENVIRONMENT, timeout: PROGRAM_LIMIT_MS },
      (error, _out, said) => {
        if (error === null) resolve();
        else reject(new Error(`${command[0]} in a namespace: ${said.trim() || error.message}`));
      },
    );
    child.stdin?.on("error", () => {}).end(input);
  });
}

/** Runs lines of shell in a network namespace; the first that fails ends it. */
export function runScriptInside(namespace: string, lines: readonly string[]): Promise<void> {
  return runInside(namespace, ["/bin/sh", "-e", "-c", lines.join("\n")]);
}
