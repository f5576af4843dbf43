/** The stub is in the states of users for ever: this pins its text, letter by letter. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import {
  copiedImage,
  copyRun,
  helperInstance,
  imageOwnership,
} from "../../dynamic-providers/provider.ts";
import { providerStub, ResourceType } from "../../dynamic-providers/stub.ts";

const names = ["copyRun", "helperInstance", "copiedImage", "imageOwnership"] as const;

test("the stub's text is what old states hold", () => {
  assert.deepEqual(names.map(providerStub), [
    'exports.handler = () => require("node:module").createRequire(process.cwd() + "/")("amicopy/provider").copyRun;',
    'exports.handler = () => require("node:module").createRequire(process.cwd() + "/")("amicopy/provider").helperInstance;',
    'exports.handler = () => require("node:module").createRequire(process.cwd() + "/")("amicopy/provider").copiedImage;',
    'exports.handler = () => require("node:module").createRequire(process.cwd() + "/")("amicopy/provider").imageOwnership;',
  ]);
});

test("the types are what old states hold", () => {
  assert.deepEqual(ResourceType, {
    copyRun: "pulumi-nodejs:dynamic/amicopy:CopyRun",
    helperInstance: "pulumi-nodejs:dynamic/amicopy:HelperInstance",
    copiedImage: "pulumi-nodejs:dynamic/amicopy:CopiedImage",
    imageOwnership: "pulumi-nodejs:dynamic/amicopy:ImageOwnership",
  });
});

test("every name in a stub is a provider with all its methods", () => {
  const providers = { copyRun, helperInstance, copiedImage, imageOwnership };
  for (const name of names) {
    for (const method of ["check", "diff", "create", "read", "update", "delete"] as const) {
      assert.equal(typeof providers[name][method], "function", `${name}.${method}`);
    }
  }
});

test("the package exports the entry that the stub asks for", () => {
  const { exports } = createRequire(import.meta.url)("../../package.json");
  assert.ok(exports["./provider"]);
});
