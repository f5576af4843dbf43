/**
 * Where a localcloud keeps its bytes. One that was killed could not remove its directory: whoever
 * starts next removes those whose process is gone.
 */

import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";

export interface WorkingDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

/** In ours, and only in ours: who made it. */
const MARK = "localcloud.pid";

/**
 * @param given - A directory of the caller's; made if missing, used if it is empty or a dead
 *   localcloud's.
 */
export async function openWorkingDirectory(
  given: string | undefined,
  slot: number,
): Promise<WorkingDirectory> {
  const prefix = `amicopy-localcloud-${userInfo().uid}-`;
  await sweep(tmpdir(), prefix);
  const existed = given !== undefined && (await isThere(given));
  // Of our making and with a name that nobody can guess: where temporary files are, others write too.
  const path = resolve(given ?? (await mkdtemp(join(tmpdir(), `${prefix}${slot}-`))));
  if (existed) await makeEmpty(path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await writeFile(join(path, MARK), `${process.pid}\n`);
  return {
    path,
    remove: async () => {
      if (!existed) return rm(path, { recursive: true, force: true, maxRetries: 3 });
      // The directory was there before; only what is in it is ours.
      for (const name of await readdir(path)) {
        await rm(join(path, name), { recursive: true, force: true });
      }
    },
  };
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function makeEmpty(path: string): Promise<void> {
  const names = await readdir(path);
  if (names.length === 0) return;
  if (!(await isLeftBehind(path))) {
    throw new Error(
      `localcloud: the directory ${path} is not empty, or another localcloud's: name another one`,
    );
  }
  for (const name of names) await rm(join(path, name), { recursive: true, force: true });
}

async function sweep(directory: string, prefix: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (name.startsWith(prefix) && (await isLeftBehind(path))) {
      // Somebody else may be sweeping it too.
      await rm(path, { recursive: true, force: true }).catch(() => {});
    }
  }
}

/** True for a localcloud's directory whose process does not exist any more. */
async function isLeftBehind(path: string): Promise<boolean> {
  const text = await readFile(join(path, MARK), "utf8").catch(() => "");
  const pid = Number(text);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
