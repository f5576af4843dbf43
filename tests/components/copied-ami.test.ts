import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { CopiedAmi } from "../../components/copied-ami.ts";
import { providerStub } from "../../dynamic-providers/stub.ts";
import { image, request, run } from "../dynamic-providers/parts-twin.ts";

const registered: pulumi.runtime.MockResourceArgs[] = [];
/** The last row waits for the image's, and nothing waits for it. */
const complete = Promise.withResolvers<void>();

/** Answers a registration as the providers would. */
function newResource(args: pulumi.runtime.MockResourceArgs) {
  registered.push(args);
  if (args.type.endsWith(":ImageOwnership")) complete.resolve();
  const outputs: Record<string, object> = { CopyRun: { run }, CopiedImage: { image } };
  const [, kind = ""] = /:(\w+)$/.exec(args.type) ?? [];
  return { id: `${args.name}-id`, state: { ...args.inputs, ...outputs[kind] } };
}

function resolved<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

const { sourceAmiId, source, destination } = request;

suite("a CopiedAmi", { timeout: 60_000 }, () => {
  let copy: CopiedAmi;

  before(async () => {
    await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "project", "stack");
    const options = { protect: true, retainOnDelete: true };
    const args = { sourceAmiId, source, destination, tags: { note: pulumi.output("later") } };
    copy = new CopiedAmi("golden", args, options);
    await resolved(copy.imageId);
    await resolved(copy.urn);
    await complete.promise;
  });

  test("is a component with five rows behind it", () => {
    assert.deepEqual(registered.map(({ type, name }) => `${type} ${name}`).sort(), [
      "amicopy:index:CopiedAmi golden",
      "pulumi-nodejs:dynamic/amicopy:CopiedImage golden",
      "pulumi-nodejs:dynamic/amicopy:CopyRun golden",
      "pulumi-nodejs:dynamic/amicopy:HelperInstance golden-destination",
      "pulumi-nodejs:dynamic/amicopy:HelperInstance golden-source",
      "pulumi-nodejs:dynamic/amicopy:ImageOwnership golden",
    ]);
  });

  test("keeps none of its arguments in the component's own row", () => {
    assert.deepEqual(registered.find(({ type }) => type.startsWith("amicopy"))?.inputs, {});
  });

  test("gives each row the stub of its provider, and its request", () => {
    const rows = registered.filter(({ type }) => type.startsWith("pulumi-nodejs"));
    for (const { type, inputs } of rows) {
      const kind = type.slice(type.lastIndexOf(":") + 1);
      const name = (kind.charAt(0).toLowerCase() + kind.slice(1)) as "copyRun";
      assert.equal(inputs.__provider, providerStub(name));
      assert.equal(inputs.request.sourceAmiId, sourceAmiId);
      assert.deepEqual(inputs.request.destination, destination);
    }
  });

  test("gives every row of the run the run, and its own URN for its progress", () => {
    for (const { type, name, inputs } of registered) {
      if (!/HelperInstance|CopiedImage/.test(type)) continue;
      assert.deepEqual(inputs.run, run);
      const parents = `amicopy:index:CopiedAmi$${type}`;
      assert.equal(inputs.progressUrn, `urn:pulumi:stack::project::${parents}::${name}`);
    }
  });

  test("tells the run's row its own URN, and no organization where there is none", () => {
    const row = registered.find(({ type }) => type.endsWith(":CopyRun"));
    const parents = `amicopy:index:CopiedAmi$${row?.type}`;
    assert.equal(row?.inputs.organization, "");
    assert.equal(row?.inputs.rowUrn, `urn:pulumi:stack::project::${parents}::${row?.name}`);
  });

  test("marks the image as owned only when its row has answered", () => {
    const kinds = registered.map(({ type }) => type.slice(type.lastIndexOf(":") + 1));
    assert.ok(kinds.indexOf("ImageOwnership") > kinds.indexOf("CopiedImage"), kinds.join());
    const ownership = registered[kinds.indexOf("ImageOwnership")];
    assert.equal(ownership?.inputs.imageId, image.imageId);
    assert.deepEqual(ownership.inputs.snapshots, image.snapshots);
  });

  test("names its outputs as aws.ec2.AmiCopy does where it has them", async () => {
    assert.equal(await resolved(copy.imageId), image.imageId);
    assert.equal(await resolved(copy.imageArn), image.imageArn);
    assert.equal(await resolved(copy.name), image.name);
    assert.equal(await resolved(copy.architecture), image.architecture);
    assert.equal(await resolved(copy.rootDeviceName), image.rootDeviceName);
    assert.equal(await resolved(copy.rootSnapshotId), image.rootSnapshotId);
    assert.equal(await resolved(copy.ownerId), image.ownerId);
    assert.equal(await resolved(copy.region), image.region);
    assert.equal(await resolved(copy.partition), image.partition);
    assert.equal(await resolved(copy.sourceImageId), image.sourceImageId);
    assert.deepEqual(await resolved(copy.snapshots), image.snapshots);
    assert.equal(await resolved(copy.bytesRead), image.bytesRead);
    assert.equal(await resolved(copy.bytesSent), image.bytesSent);
    assert.equal(await resolved(copy.bytesResent), image.bytesResent);
    assert.equal(await resolved(copy.durationSeconds), image.durationSeconds);
    assert.equal(await resolved(copy.runId), run.runId);
  });
});
