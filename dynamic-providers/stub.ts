/**
 * What Pulumi keeps of our code in a stack's state: one line that finds the installed package. It is
 * a wire format. Old states hold this text for ever, so neither the entry `amicopy/provider` nor a
 * name in it may ever change (`tests/dynamic-providers/stub.test.ts` pins the text).
 *
 * The text is compiled with an empty file name, so a plain `require` would not see the program's
 * packages; `createRequire` of the program's directory does, in a CommonJS and in an ESM program.
 */

/** The providers that `amicopy/provider` exports. */
export type ProviderName = "copyRun" | "helperInstance" | "copiedImage" | "imageOwnership";

/** The text of the property `__provider` of a resource. */
export function providerStub(name: ProviderName): string {
  return `exports.handler = () => require("node:module").createRequire(process.cwd() + "/")("amicopy/provider").${name};`;
}

/** Type tokens of the resources, as they stand in the state. */
export const ResourceType = {
  copyRun: "pulumi-nodejs:dynamic/amicopy:CopyRun",
  helperInstance: "pulumi-nodejs:dynamic/amicopy:HelperInstance",
  copiedImage: "pulumi-nodejs:dynamic/amicopy:CopiedImage",
  imageOwnership: "pulumi-nodejs:dynamic/amicopy:ImageOwnership",
} as const satisfies Record<ProviderName, string>;
