import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "examples");

/** `@pulumi/aws` is large and no dependency of ours: what the examples use of it, and no more. */
const AWS_TYPES = `
import * as pulumi from "@pulumi/pulumi";
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: { region: string; profile: string });
}
export declare namespace ec2 {
  class Instance extends pulumi.CustomResource {
    constructor(
      name: string,
      args: {
        ami: pulumi.Input<string>;
        instanceType: string;
        subnetId?: string;
        tags?: Record<string, string>;
      },
      options?: pulumi.CustomResourceOptions,
    );
  }
  function getAmiOutput(
    args: { owners: string[]; mostRecent: boolean; filters: { name: string; values: string[] }[] },
    options: pulumi.InvokeOptions,
  ): pulumi.Output<{ id: string }>;
}
`;

describe("the examples", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "amicopy-examples-"));
    const link = (name: string, to: string) => {
      const path = join(folder, "node_modules", name);
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(to, path);
    };
    link("amicopy", ROOT);
    for (const name of ["@pulumi/pulumi", "@types/node"]) {
      link(name, join(ROOT, "node_modules", name));
    }
    const aws = join(folder, "node_modules/@pulumi/aws");
    mkdirSync(aws);
    writeFileSync(
      join(aws, "package.json"),
      JSON.stringify({ name: "@pulumi/aws", types: "i.d.ts" }),
    );
    writeFileSync(join(aws, "i.d.ts"), AWS_TYPES);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const name of readdirSync(EXAMPLES)) {
    it(`${name} compiles against the package`, async () => {
      const example = join(folder, name);
      cpSync(join(EXAMPLES, name), example, { recursive: true });
      await compile(example);
    });
  }

  it("and so does the one in the README", async () => {
    const example = join(folder, "readme");
    cpSync(join(EXAMPLES, "commercial-to-govcloud"), example, { recursive: true });
    const readme = readFileSync(join(ROOT, "README.md"), "utf8");
    const code = /```ts\n([^`]+)```/.exec(readme)?.[1] ?? assert.fail("no example in the README");
    writeFileSync(join(example, "index.ts"), code);
    await compile(example);
  });
});

async function compile(directory: string): Promise<void> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const result = await promisify(execFile)(process.execPath, [tsc, "-p", directory]).catch(
    (error: { stdout: string }) => error,
  );
  assert.equal(result.stdout, "");
}
