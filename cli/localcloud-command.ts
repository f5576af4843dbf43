/** The command line of localcloud, read and checked before anything is done. */

import { resolve } from "node:path";
import type { ExportSnapshotRequest, ImportImageRequest } from "../localcloud/admin.ts";
import { USAGE } from "./localcloud-usage.ts";
import { parseArguments, UsageError } from "./usage-error.ts";

export interface StartCommand {
  readonly name: "start";
  readonly json: boolean;
  readonly directory: string | undefined;
  readonly helperNode: "present" | "package" | "tarball";
  readonly isolation: "processes" | "namespaces";
  readonly endWithStdin: boolean;
  readonly faultsPath: string | undefined;
}

export interface ImportImageCommand {
  readonly name: "import-image";
  readonly request: ImportImageRequest;
  /** A JSON document, read into the request by whoever carries the command out. */
  readonly describePath?: string;
  readonly json: boolean;
}

export interface ExportSnapshotCommand {
  readonly name: "export-snapshot";
  readonly request: ExportSnapshotRequest;
}

export interface ConfigureCommand {
  readonly name: "configure";
  readonly place: { readonly region: string; readonly account?: string };
  /** A JSON document. */
  readonly path: string;
}

export interface ListCommand {
  readonly name: "list";
  readonly json: boolean;
}

export interface FaultsCommand {
  readonly name: "faults";
  /** Absent: show what has fired. */
  readonly path: string | undefined;
  readonly json: boolean;
}

export type LocalcloudCommand =
  | { readonly name: "help" }
  | FaultsCommand
  | StartCommand
  | ImportImageCommand
  | ExportSnapshotCommand
  | ConfigureCommand
  | ListCommand;

/**
 * @param directory - From which relative file names are meant.
 * @throws UsageError
 */
export function readCommand(argv: readonly string[], directory: string): LocalcloudCommand {
  const [name, ...rest] = argv;
  if (rest.includes("--help") || rest.includes("-h")) return { name: "help" };
  switch (name) {
    case "start":
      return readStart(rest, directory);
    case "import-image":
      return readImportImage(rest, directory);
    case "export-snapshot":
      return readExportSnapshot(rest, directory);
    case "configure":
      return readConfigure(rest, directory);
    case "list":
      return { name, json: parseArguments({ args: rest, options: JSON_OPTION }).values.json };
    case "faults":
      return readFaults(rest, directory);
    case "help":
    case "--help":
    case "-h":
      return { name: "help" };
    case undefined:
      throw new UsageError(`a command is missing\n\n${USAGE}`);
    default:
      throw new UsageError(
        `there is no command ${name}: start, import-image, export-snapshot, configure, list or ` +
          "faults (or --help)",
      );
  }
}

const JSON_OPTION = { json: { type: "boolean", default: false } } as const;
const PLACE_OPTIONS = { region: { type: "string" }, account: { type: "string" } } as const;
const NODE_SUPPLIES = ["present", "package", "tarball"] as const;
const ISOLATIONS = ["processes", "namespaces"] as const;
const ARCHITECTURES = ["x86_64", "arm64"] as const;

function readStart(args: string[], directory: string): StartCommand {
  const { values } = parseArguments({
    args,
    options: {
      ...JSON_OPTION,
      directory: { type: "string" },
      "helper-node": { type: "string", default: "present" },
      isolation: { type: "string", default: "processes" },
      "end-with-stdin": { type: "boolean", default: false },
      faults: { type: "string" },
    },
  });
  return {
    name: "start",
    json: values.json,
    directory: values.directory === undefined ? undefined : resolve(directory, values.directory),
    helperNode: oneOf("--helper-node", values["helper-node"], NODE_SUPPLIES),
    isolation: oneOf("--isolation", values.isolation, ISOLATIONS),
    endWithStdin: values["end-with-stdin"],
    faultsPath: values.faults === undefined ? undefined : resolve(directory, values.faults),
  };
}

function readImportImage(args: string[], directory: string): ImportImageCommand {
  const { values } = parseArguments({
    args,
    options: {
      ...JSON_OPTION,
      ...PLACE_OPTIONS,
      disk: { type: "string", multiple: true, default: [] },
      name: { type: "string" },
      architecture: { type: "string" },
      describe: { type: "string" },
    },
  });
  const disks = values.disk.map((text) => readDisk(text, directory));
  if (disks.length === 0)
    throw new UsageError("--disk DEVICE=FILE.raw is missing; the first is the root");
  const names = disks.map((disk) => disk.deviceName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`--disk ${twice} is given twice`);
  return {
    name: "import-image",
    json: values.json,
    ...(values.describe === undefined ? {} : { describePath: resolve(directory, values.describe) }),
    request: {
      ...readPlace(values),
      ...(values.name === undefined ? {} : { name: values.name }),
      ...(values.architecture === undefined
        ? {}
        : { architecture: oneOf("--architecture", values.architecture, ARCHITECTURES) }),
      disks,
    },
  };
}

function readExportSnapshot(args: string[], directory: string): ExportSnapshotCommand {
  const { values: place, positionals } = parseArguments({
    args,
    options: PLACE_OPTIONS,
    allowPositionals: true,
  });
  const [snapshotId, file, ...others] = positionals;
  if (snapshotId === undefined || file === undefined || others.length > 0) {
    throw new UsageError("export-snapshot takes a snapshot's id and a file: SNAPSHOT FILE.raw");
  }
  return {
    name: "export-snapshot",
    request: { ...readPlace(place), snapshotId, path: resolve(directory, file) },
  };
}

function readConfigure(args: string[], directory: string): ConfigureCommand {
  const { values: place, positionals } = parseArguments({
    args,
    options: PLACE_OPTIONS,
    allowPositionals: true,
  });
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    throw new UsageError("configure takes one file: SETTINGS.json");
  }
  return { name: "configure", place: readPlace(place), path: resolve(directory, file) };
}

function readFaults(args: string[], directory: string): FaultsCommand {
  const { values, positionals } = parseArguments({
    args,
    options: JSON_OPTION,
    allowPositionals: true,
  });
  const [file, ...others] = positionals;
  if (others.length > 0)
    throw new UsageError("faults takes one file, or none to see what happened");
  return {
    name: "faults",
    path: file === undefined ? undefined : resolve(directory, file),
    json: values.json,
  };
}

function readDisk(text: string, directory: string): { deviceName: string; path: string } {
  const [, deviceName, file] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (deviceName === undefined || file === undefined) {
    throw new UsageError(`--disk is DEVICE=FILE.raw, e.g. /dev/xvda=root.raw, not ${text}`);
  }
  return { deviceName, path: resolve(directory, file) };
}

function readPlace(values: { region?: string | undefined; account?: string | undefined }): {
  region: string;
  account?: string;
} {
  const { region, account } = values;
  if (region === undefined) throw new UsageError("--region is missing, e.g. --region us-east-1");
  return account === undefined ? { region } : { region, account };
}

function oneOf<const Choice extends string>(
  option: string,
  value: string,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((each) => each === value);
  if (choice === undefined)
    throw new UsageError(`${option} is ${choices.join(", ")}; not ${value}`);
  return choice;
}
