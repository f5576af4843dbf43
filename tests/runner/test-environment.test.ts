import assert from "node:assert/strict";
import { it } from "node:test";
import { testEnvironment } from "./test-environment.ts";

it("nothing of the developer's accounts and stacks reaches a test", () => {
  const environment = testEnvironment(
    {
      PATH: "/bin",
      HOME: "/home/somebody",
      AWS_PROFILE: "production",
      AWS_ENDPOINT_URL_EC2: "https://example.com",
      SOURCE_AWS_SECRET_ACCESS_KEY: "secret",
      PULUMI_ACCESS_TOKEN: "secret",
      AMICOPY_LOG: "debug",
    },
    "/tmp/here",
  );
  assert.deepEqual(environment, {
    PATH: "/bin",
    HOME: "/home/somebody",
    TMPDIR: "/tmp/here",
    NODE_COMPILE_CACHE: "/tmp/here/compiled",
    AWS_CONFIG_FILE: "/tmp/here/no-aws-config",
    AWS_SHARED_CREDENTIALS_FILE: "/tmp/here/no-aws-credentials",
    AWS_EC2_METADATA_DISABLED: "true",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  });
});
