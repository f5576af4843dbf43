/** The command line of localcloud, read and checked before anything is done. */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ExportSnapshotRequest, ImportImageRequest } from "../localcloud/admin.ts";

export const USAGE = `localcloud: an EC2 endpoint on this computer whose instances really boot

npm run localcloud -- start [--json] [--directory DIR] [--helper-node present|package|tarball]
                            [--end-with-stdin] [--faults FILE.json]
                            [--isolation processes|namespaces]
    Prints the environment to export and runs until Ctrl-C (SIGINT, SIGTERM).
    --json            the environment as one line {"env": {NAME: VALUE, ...}}
    --directory       for its disks; default: a temporary folder, removed at the end
    --helper-node     what \`node\` a booting instance finds; default: present
    --end-with-stdin  ends also when standard input ends: with the program that started it
    --faults          what is to go wrong (docs/localcloud-faults.md); told on standard error
    --isolation       namespaces: each instance with a network and files of its own, its security
                      groups as firewall rules, a long lossy link between regions (Linux, root)

The others reach the running one through that environment:

npm run localcloud -- import-image --region REGION [--account ACCOUNT]
                                   --disk DEVICE=FILE.raw [--disk DEVICE=FILE.raw ...]
                                   [--name NAME] [--architecture x86_64|arm64]
                                   [--describe FILE.json] [--json]
    Registers an image from raw disk files, padded with zeros to whole GiB, and prints its id.
    The first disk is the root. ACCOUNT is an account id or a profile's name (aws-us-gov-1);
    default: the first account of the region's partition.
    --describe        what else it is: licence, boot mode, TPM, mappings, tags, sharing, …, e.g.
                      {"usageOperation": "RunInstances:0002", "tags": {"Name": "golden"}};
                      all of it is in localcloud/image-description.ts

npm run localcloud -- configure --region REGION [--account ACCOUNT] SETTINGS.json
    What an account may and how much of it; prints its keys as JSON. For example
    {"denied": ["ec2:CreateImage"], "quotas": {"vcpus": 4}, "defaultVpc": false,
     "keys": {"alias/amicopy-test": {"enabled": false}}, "subscriptions": ["product-code"]}

npm run localcloud -- export-snapshot --region REGION [--account ACCOUNT] SNAPSHOT FILE.raw
    Writes a snapshot's bytes into a file.

npm run localcloud -- list [--json]
    Everything that was made, by account and region, with state and tags.

npm run localcloud -- faults [FILE.json] [--json]
    From now on these faults and no others; without a file: what has gone wrong so far.

To keep npm's own lines out of the output: npm run --silent localcloud -- ...
`;

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

/** Not what the usage says; the message names the option. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

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
      return { name, json: parse(() => parseArgs({ args: rest, options: JSON_OPTION })).json };
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
  const values = parse(() =>
    parseArgs({
      args,
      options: {
        ...JSON_OPTION,
        directory: { type: "string" },
        "helper-node": { type: "string", default: "present" },
        isolation: { type: "string", default: "processes" },
        "end-with-stdin": { type: "boolean", default: false },
        faults: { type: "string" },
      },
    }),
  );
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
  const values = parse(() =>
    parseArgs({
      args,
      options: {
        ...JSON_OPTION,
        ...PLACE_OPTIONS,
        disk: { type: "string", multiple: true, default: [] },
        name: { type: "string" },
        architecture: { type: "string" },
        describe: { type: "string" },
      },
    }),
  );
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
  const { place, positionals } = parse(() => {
    const parsed = parseArgs({ args, options: PLACE_OPTIONS, allowPositionals: true });
    return { values: { place: parsed.values, positionals: parsed.positionals } };
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
  const { place, positionals } = parse(() => {
    const parsed = parseArgs({ args, options: PLACE_OPTIONS, allowPositionals: true });
    return { values: { place: parsed.values, positionals: parsed.positionals } };
  });
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    throw new UsageError("configure takes one file: SETTINGS.json");
  }
  return { name: "configure", place: readPlace(place), path: resolve(directory, file) };
}

function readFaults(args: string[], directory: string): FaultsCommand {
  const { json, positionals } = parse(() => {
    const parsed = parseArgs({ args, options: JSON_OPTION, allowPositionals: true });
    return { values: { ...parsed.values, positionals: parsed.positionals } };
  });
  const [file, ...others] = positionals;
  if (others.length > 0)
    throw new UsageError("faults takes one file, or none to see what happened");
  return { name: "faults", path: file === undefined ? undefined : resolve(directory, file), json };
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

/** `parseArgs` says well what is wrong; it only has to be told from failures. */
function parse<Values>(read: () => { values: Values }): Values {
  try {
    return read().values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
