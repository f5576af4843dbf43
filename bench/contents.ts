/** What is moved: random bytes, which nothing can make smaller, or a real OS image with holes. */

import { execFile } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, lstatSync } from "node:fs";
import { open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Content {
  readonly path: string;
  readonly sizeBytes: number;
  /** Without holes. */
  readonly allocatedBytes: number;
  readonly sha256: string;
}

const CHUNK_BYTES = 4 * 1024 * 1024;
/** Ours. An image of the size that people make: 8 GiB, mostly empty. */
const IMAGE_BYTES = 8 * 2 ** 30;
const IMAGE_BASE = /^(?:required|important|standard)$/;
/** Ours. What is in use of it, as in the images of distributions. */
const IMAGE_USED_BYTES = 1.6 * 2 ** 30;
/** dpkg's placeholders, not ours. */
const PACKAGE_FORMAT = ["Package", "Priority", "Installed-Size"]
  .map((field) => `$\{${field}}`)
  .join("\\t")
  .concat("\\n");

export async function makeRandomContent(directory: string, sizeBytes: number): Promise<Content> {
  const path = join(directory, "random.bin");
  const file = await open(path, "w");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let position = 0; position < sizeBytes; position += chunk.length) {
      randomFillSync(chunk);
      await file.write(chunk, 0, Math.min(chunk.length, sizeBytes - position), position);
    }
  } finally {
    await file.close();
  }
  return await describe(path);
}

/**
 * An ext4 root file system of this machine's packages: those that Debian calls required, important
 * and standard, then others by name until the image is as full as such images are.
 */
export async function makeImageContent(directory: string): Promise<Content> {
  const path = join(directory, "root.img");
  const root = join(directory, "root");
  const list = join(directory, "root.list");
  const names = await packagesOfImage();
  const { stdout: files } = await run("dpkg", ["-L", ...names], { maxBuffer: 2 ** 28 });
  const paths = files.split("\n").filter((file) => file.startsWith("/"));
  await writeFile(list, [...new Set(paths.map(mergedPath))].join("\n"));
  await run("mkdir", ["-p", root]);
  const copy = `tar -C / --no-recursion --ignore-failed-read -T ${list} -cf - 2>/dev/null | tar -C ${root} -xf -`;
  await run("sh", ["-c", copy], { maxBuffer: 2 ** 26 });
  await run("mke2fs", ["-q", "-t", "ext4", "-d", root, path, `${IMAGE_BYTES / 1024}k`]);
  await rm(root, { recursive: true });
  return await describe(path);
}

async function packagesOfImage(): Promise<string[]> {
  const { stdout } = await run("dpkg-query", ["-W", "-f", PACKAGE_FORMAT]);
  const all = stdout.split("\n").flatMap((line) => {
    const [name, priority = "", kibibytes] = line.split("\t");
    if (name === undefined || name === "") return [];
    return [{ name, isBase: IMAGE_BASE.test(priority), bytes: Number(kibibytes) * 1024 }];
  });
  let leftBytes = IMAGE_USED_BYTES;
  return all
    .toSorted((one, other) => Number(other.isBase) - Number(one.isBase))
    .filter(({ bytes }) => {
      const fits = bytes <= leftBytes;
      if (fits) leftBytes -= bytes;
      return fits;
    })
    .map(({ name }) => name);
}

/** Packages name files below /lib and the like where Debian has only links into /usr by now. */
function mergedPath(path: string): string {
  const [, top] = path.split("/");
  const isLink = lstatSync(`/${top}`, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink && path !== `/${top}` ? `/usr${path}` : path;
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), hash);
  return hash.digest("hex");
}

async function describe(path: string): Promise<Content> {
  const { size, blocks } = await stat(path);
  return { path, sizeBytes: size, allocatedBytes: blocks * 512, sha256: await sha256Of(path) };
}

/** What the machine is, for whoever reads a figure later. */
export async function describeMachine(): Promise<Readonly<Record<string, string | number>>> {
  const cpu = await readFile("/proc/cpuinfo", "utf8");
  const model = /^model name\s*:\s*(.+)$/m.exec(cpu)?.[1] ?? "unknown";
  const cores = cpu.match(/^processor\s*:/gm)?.length ?? 0;
  const kernel = (await readFile("/proc/sys/kernel/osrelease", "utf8")).trim();
  return { model, cores, kernel, node: process.version };
}
