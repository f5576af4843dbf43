import assert from "node:assert/strict";
import { test } from "node:test";
import { readCommand } from "../../cli/localcloud-command.ts";
import { USAGE } from "../../cli/localcloud-usage.ts";
import { UsageError } from "../../cli/usage-error.ts";

test("start has defaults, and takes a directory from where the person is", () => {
  assert.deepEqual(readCommand(["start"], "/home/p"), {
    name: "start",
    json: false,
    directory: undefined,
    helperNode: "present",
    isolation: "processes",
    endWithStdin: false,
    faultsPath: undefined,
  });
  const command = readCommand(
    ["start", "--json", "--directory", "disks", "--helper-node=tarball", "--end-with-stdin"].concat(
      ["--faults", "f.json"],
    ),
    "/home/p",
  );
  assert.deepEqual(command, {
    name: "start",
    json: true,
    directory: "/home/p/disks",
    helperNode: "tarball",
    isolation: "processes",
    endWithStdin: true,
    faultsPath: "/home/p/f.json",
  });
});

test("faults takes a file, or none", () => {
  const faults = { name: "faults", json: false };
  assert.deepEqual(readCommand(["faults"], "/p"), { ...faults, path: undefined });
  assert.deepEqual(readCommand(["faults", "f.json"], "/p"), { ...faults, path: "/p/f.json" });
  assert.throws(() => readCommand(["faults", "a", "b"], "/p"), UsageError);
});

test("import-image takes disks in order, the first being the root", () => {
  const command = readCommand(
    [
      "import-image",
      "--region",
      "cn-north-1",
      "--disk",
      "/dev/xvda=r=1.raw",
      "--disk",
      "sdf=/d.raw",
    ].concat(["--account", "aws-cn-2", "--name", "golden", "--architecture", "arm64", "--json"]),
    "/home/p",
  );
  assert.deepEqual(command, {
    name: "import-image",
    json: true,
    request: {
      region: "cn-north-1",
      account: "aws-cn-2",
      name: "golden",
      architecture: "arm64",
      disks: [
        { deviceName: "/dev/xvda", path: "/home/p/r=1.raw" },
        { deviceName: "sdf", path: "/d.raw" },
      ],
    },
  });
});

test("import-image and configure take a document from where the person is", () => {
  const disk = ["--region", "us-east-1", "--disk", "/dev/xvda=/r.raw"];
  const imported = readCommand(["import-image", ...disk, "--describe", "d.json"], "/home/p");
  assert.ok(imported.name === "import-image");
  assert.equal(imported.describePath, "/home/p/d.json");
  assert.deepEqual(readCommand(["configure", "--region", "us-east-1", "s.json"], "/home/p"), {
    name: "configure",
    place: { region: "us-east-1" },
    path: "/home/p/s.json",
  });
});

test("export-snapshot takes a snapshot and a file", () => {
  assert.deepEqual(
    readCommand(["export-snapshot", "--region", "us-east-1", "snap-0ab", "out.raw"], "/home/p"),
    {
      name: "export-snapshot",
      request: { region: "us-east-1", snapshotId: "snap-0ab", path: "/home/p/out.raw" },
    },
  );
});

test("help is given wherever it is asked for", () => {
  for (const argv of [["help"], ["--help"], ["-h"], ["list", "--help"]]) {
    assert.deepEqual(readCommand(argv, "/"), { name: "help" });
  }
  for (const name of ["start", "import-image", "export-snapshot", "configure", "list"]) {
    assert.ok(USAGE.includes(`-- ${name}`));
  }
});

test("what is wrong in a command line is named", () => {
  const region = ["--region", "us-east-1"];
  const cases: [string[], RegExp][] = [
    [[], /command is missing/],
    [["launch"], /no command launch/],
    [["start", "--helper-node", "deno"], /--helper-node is present, package, tarball; not deno/],
    [["start", "--port", "1"], /--port/],
    [["import-image", "--disk", "a=b"], /--region is missing/],
    [["import-image", ...region], /--disk DEVICE=FILE.raw is missing/],
    [["import-image", ...region, "--disk", "root.raw"], /not root.raw/],
    [["import-image", ...region, "--disk", "a=b", "--disk", "a=c"], /--disk a is given twice/],
    [["import-image", ...region, "--disk", "a=b", "--architecture", "mips"], /not mips/],
    [["export-snapshot", ...region, "snap-0ab"], /SNAPSHOT FILE.raw/],
    [["configure", ...region], /SETTINGS.json/],
    [["export-snapshot", "snap-0ab", "x"], /--region is missing/],
    [["list", "extra"], /extra/],
  ];
  for (const [argv, message] of cases) {
    assert.throws(
      () => readCommand(argv, "/"),
      (error: Error) => {
        assert.ok(error instanceof UsageError, argv.join(" "));
        assert.match(error.message, message);
        return true;
      },
    );
  }
});
