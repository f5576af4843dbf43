/**
 * The package as a stranger gets it: the tarball of `npm pack`, installed in an empty directory by
 * the registry's rules, and used by the program that `pulumi new typescript` makes (CommonJS), then
 * by the same one as an ECMAScript module.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { openScene, type Scene, type SourceImage } from "../e2e/scene.ts";
import { type Operation, pulumi, stackEnvironment, writtenBelow } from "../e2e/stack.ts";
import type { Trace } from "../security/secret-search.ts";
import { processesBelow } from "../security/watched-machines.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");

/** As `pulumi new typescript` writes it. */
const STOCK_TSCONFIG = {
  compilerOptions: {
    strict: true,
    outDir: "bin",
    target: "es2020",
    module: "commonjs",
    moduleResolution: "node",
    sourceMap: true,
    experimentalDecorators: true,
    pretty: true,
    noFallthroughCasesInSwitch: true,
    noImplicitReturns: true,
    forceConsistentCasingInFileNames: true,
  },
  files: ["index.ts"],
};

const ESM_TSCONFIG = {
  compilerOptions: { strict: true, target: "es2022", module: "nodenext", noEmit: true },
  files: ["index.ts"],
};

suite("the installed package", { timeout: 300_000 }, () => {
  let directory: string;
  let program: string;
  let scene: Scene;
  let from: SourceImage;
  let environment: NodeJS.ProcessEnv;
  const printed: Trace[] = [];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "amicopy-package-"));
    program = join(directory, "program");
    mkdirSync(program);
    mkdirSync(join(directory, "state"));
    const { version } = readJson(join(ROOT, "node_modules/@pulumi/pulumi/package.json"));
    writeJson("package.json", {
      name: "stock",
      main: "index.ts",
      devDependencies: { "@types/node": "^22", typescript: "^5.0.0" },
      dependencies: { "@pulumi/pulumi": version },
    });
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", directory];
    const { stdout } = await run("npm", pack, { cwd: ROOT });
    const [{ filename }] = JSON.parse(stdout);
    const quiet = ["--prefer-offline", "--no-audit", "--no-fund"];
    await run("npm", ["install", ...quiet, join(directory, filename)], { cwd: program });
    scene = await openScene();
    from = await scene.importImage("golden");
    environment = stackEnvironment(directory, scene.cloud.env);
    scene.searchAlso(() => [...printed, ...["program", "state"].flatMap(written)]);
    writeFileSync(join(program, "Pulumi.yaml"), "name: stock\nruntime: nodejs\n");
    const { code, output } = await operate("stack", "init", "test");
    assert.equal(code, 0, output);
  });
  const written = (folder: string) => writtenBelow(join(directory, folder));
  after(async () => {
    await scene?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const writeJson = (name: string, value: unknown) =>
    writeFileSync(join(program, name), JSON.stringify(value));
  const operate = async (...command: string[]): Promise<Operation> => {
    const operation = await pulumi(command, { directory: program, environment });
    printed.push({ place: `output of pulumi ${command[0]}`, content: operation.output });
    return operation;
  };
  const up = () => operate("up", "--yes", "--skip-preview", "--skip-plugin-pre-install");

  test("holds what is needed and nothing else", () => {
    const manifest = readJson(join(program, "node_modules/amicopy/package.json"));
    assert.equal(manifest.license, "BSD-2-Clause");
    const agent = join(program, "node_modules/amicopy/dist/agent");
    const templates = readdirSync(agent).filter((name) => name.endsWith(".sh"));
    assert.ok(templates.length > 0, "no user data for the helpers");
    for (const name of templates) assert.match(readFileSync(join(agent, name), "utf8"), /@JOB@/);
    for (const folder of ["tests", "localcloud", "tools", "demo", "node_modules"]) {
      assert.throws(() => readFileSync(join(program, "node_modules/amicopy", folder)), /ENOENT/);
    }
  });

  test("brings its command", async () => {
    const sweep = run("npx", ["--no", "amicopy", "sweep", "--help"], { cwd: program });
    assert.match((await sweep).stdout, /^amicopy sweep: /);
  });

  test("copies an image from a stock CommonJS program", async () => {
    writeJson("tsconfig.json", STOCK_TSCONFIG);
    writeProgram('import { CopiedAmi, type CopiedAmiArgs } from "amicopy";');
    const made = await up();
    assert.equal(made.code, 0, made.output);
    assert.match(made.output, /\+ 7 created/);
    assert.equal((await scene.inventory()).length, 4);
    const { code, output } = await operate("stack", "export", "--show-secrets");
    assert.equal(code, 0, output);
  });

  test("is the same stack to an ECMAScript module", async () => {
    const manifest = readJson(join(program, "package.json"));
    writeJson("package.json", { ...manifest, type: "module" });
    writeJson("tsconfig.json", ESM_TSCONFIG);
    const again = await up();
    assert.equal(again.code, 0, again.output);
    assert.match(again.output, /7 unchanged/);
  });

  test("copies an image from an ECMAScript module", async () => {
    const destroyed = await operate("destroy", "--yes", "--skip-preview");
    assert.equal(destroyed.code, 0, destroyed.output);
    assert.equal((await scene.inventory()).length, 2);
    const made = await up();
    assert.equal(made.code, 0, made.output);
    assert.match(made.output, /\+ 7 created/);
  });

  test("a run that was killed in the middle is found and ended by its command alone", async () => {
    const sweep = async (region: string, profile: string, ...options: string[]) => {
      const args = ["sweep", "--region", region, "--profile", profile, ...options];
      const bin = join(program, "node_modules/.bin/amicopy");
      const { stdout } = await run(bin, args, { cwd: program, env: environment });
      printed.push({ place: "output of amicopy sweep", content: stdout });
      return stdout;
    };
    const claimed = await scene.inventory();
    assert.equal(claimed.length, 4, "a finished copy is there");
    writeProgram('import { CopiedAmi } from "amicopy";', "sourceAmiId", "second");
    let killed = false;
    await pulumi(["up", "--yes", "--skip-preview", "--skip-plugin-pre-install"], {
      directory: program,
      environment,
      onOutput(output, cli) {
        if (killed || !/second.*(?:booting|copying)/s.test(output)) return;
        killed = true;
        for (const { pid } of processesBelow(cli.pid ?? 0)) process.kill(pid, "SIGKILL");
        cli.kill("SIGKILL");
      },
    });
    assert.ok(killed, "it was never in the middle");
    for (const [region, profile] of [
      ["us-east-1", "aws-1"],
      ["us-gov-west-1", "aws-us-gov-1"],
    ] as const) {
      const left = (await scene.inventory()).length;
      const dry = await sweep(region, profile, "--dry-run");
      assert.match(dry, /kept; its lease runs until .*\n +keep +instance +i-/);
      assert.match(dry, /\n0 things would be ended, \d+ kept\n$/);
      assert.match(
        await sweep(region, profile, "--older-than", "1s"),
        /\nnothing to end, \d+ kept/,
      );
      assert.equal((await scene.inventory()).length, left, "nothing was touched until now");
      const swept = await sweep(region, profile, "--force");
      assert.match(swept, /\nended instance i-\w+\n/);
    }
    assert.deepEqual(
      await scene.inventory(),
      claimed,
      "all of it is gone, the finished copy stays",
    );
  });

  test("has types for both kinds of program: a misspelt argument does not compile", async () => {
    const tsc = join(program, "node_modules/.bin/tsc");
    const compile = () => run(tsc, ["--noEmit", "-p", "."], { cwd: program });
    for (const config of [STOCK_TSCONFIG, ESM_TSCONFIG]) {
      writeJson("tsconfig.json", config);
      writeProgram('import { CopiedAmi } from "amicopy";');
      await compile();
      writeProgram('import { CopiedAmi } from "amicopy";', "sourceAmi");
      await assert.rejects(compile(), { stdout: /TS2561.*'sourceAmi'/ });
    }
  });

  function writeProgram(imports: string, sourceName = "sourceAmiId", name = "golden-gov"): void {
    const text = `
${imports}

const image = new CopiedAmi("${name}", {
  ${sourceName}: "${from.imageId}",
  source: { region: "us-east-1", environmentPrefix: "SOURCE_" },
  destination: { region: "us-gov-west-1", profile: "aws-us-gov-1" },
});
export const imageId = image.imageId;
`;
    writeFileSync(join(program, "index.ts"), text);
  }
});

function readJson(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}
