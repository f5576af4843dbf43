/**
 * Builds one program from a folder with a go.mod, and tells how far it is. Go says nothing about
 * the minutes that a large build takes, so its list of packages and its `-v` lines are counted.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface GoBuildOptions {
  /** Folder with the go.mod that pins the program. */
  readonly directory: string;
  readonly packagePath: string;
  readonly tags?: string;
  readonly linkerFlags: string;
  readonly outputPath: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Aborting ends the compiler and everything that it started. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: GoBuildProgress) => void;
}

export interface GoBuildProgress {
  readonly modulesDownloaded: number;
  readonly packagesCompiled: number;
  /** All packages of the program; those in Go's own cache are not compiled again. */
  readonly packagesTotal: number;
}

/** Compiles; rejects with the last lines that Go printed. */
export async function goBuild(options: GoBuildOptions): Promise<void> {
  const tags = options.tags === undefined ? [] : ["-tags", options.tags];
  let progress: GoBuildProgress = { modulesDownloaded: 0, packagesCompiled: 0, packagesTotal: 0 };
  const count = (change: Partial<GoBuildProgress>) => {
    progress = { ...progress, ...change };
    options.onProgress(progress);
  };
  const onLine = (line: string) => {
    if (line.startsWith("go: downloading ")) {
      count({ modulesDownloaded: progress.modulesDownloaded + 1 });
    } else if (/^[\w.~/-]+$/.test(line)) {
      count({ packagesCompiled: progress.packagesCompiled + 1 });
    }
  };
  count({});
  const list = ["list", "-mod=readonly", ...tags, "-deps", options.packagePath];
  const packages = await runGo(list, options, onLine);
  count({ packagesTotal: packages.split("\n").length - 1 });
  const flags = ["-mod=readonly", "-v", ...tags, "-ldflags", options.linkerFlags];
  await runGo(["build", ...flags, "-o", options.outputPath, options.packagePath], options, onLine);
}

/** @returns What the go command wrote to its standard output. */
function runGo(
  args: readonly string[],
  options: GoBuildOptions,
  onLine: (line: string) => void,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  options.signal.throwIfAborted();
  const child = spawn("go", args, {
    cwd: options.directory,
    env: goEnvironment(options.environment),
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: compilers that go has started end with it.
    detached: true,
  });
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    lastLines.push(line);
    if (lastLines.length > 12) lastLines.shift();
    onLine(line);
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const endGroup = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // Already gone.
    }
  };
  options.signal.addEventListener("abort", endGroup, { once: true });
  child.on("error", reject);
  child.on("close", (code, signalName) => {
    options.signal.removeEventListener("abort", endGroup);
    if (options.signal.aborted) reject(options.signal.reason);
    else if (code === 0) resolve(output);
    else {
      const how = code === null ? `was ended by ${signalName}` : `exited with ${code}`;
      const command = `go ${args[0]} ${options.packagePath}`;
      reject(new Error(`\`${command}\` in ${options.directory} ${how}:\n${lastLines.join("\n")}`));
    }
  });
  return promise;
}

function goEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...environment,
    // No C compiler is needed, and the result runs on any libc.
    CGO_ENABLED: "0",
    // A go.work in some parent folder must not change what is built.
    GOWORK: "off",
    // An older Go fetches the toolchain that go.mod asks for through the module proxy.
    GOTOOLCHAIN: "auto",
  };
}
