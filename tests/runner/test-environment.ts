/**
 * The environment that tests run in: nothing of the developer's AWS accounts or Pulumi stacks can
 * reach a test, and no test can reach them.
 */

/** `SOURCE_AWS_…` and the like are amicopy's environment prefixes. */
const PERSONAL = /^(?:\w+_)?AWS_|^PULUMI_|^AMICOPY_/;

/**
 * @param temporaryDirectory - Becomes TMPDIR, which also marks every process of the run.
 * @returns A copy of `environment`, made safe.
 */
export function testEnvironment(
  environment: NodeJS.ProcessEnv,
  temporaryDirectory: string,
): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => !PERSONAL.test(name));
  return {
    ...Object.fromEntries(kept),
    TMPDIR: temporaryDirectory,
    // Hundreds of processes load the same modules; each after the first finds them compiled.
    NODE_COMPILE_CACHE: `${temporaryDirectory}/compiled`,
    // Without these the SDK would find ~/.aws, or ask a real instance's metadata service.
    AWS_CONFIG_FILE: `${temporaryDirectory}/no-aws-config`,
    AWS_SHARED_CREDENTIALS_FILE: `${temporaryDirectory}/no-aws-credentials`,
    AWS_EC2_METADATA_DISABLED: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
}
