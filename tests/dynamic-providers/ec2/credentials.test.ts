import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { credentialsOf } from "../../../dynamic-providers/ec2/credentials.ts";

test("prefixed variables are read at the call and a missing one is named", async () => {
  const environment: NodeJS.ProcessEnv = { SOURCE_AWS_ACCESS_KEY_ID: "AKIA1" };
  const provider = credentialsOf(
    { region: "r", environmentPrefix: "SOURCE_" },
    environment,
    undefined,
  );
  await assert.rejects(provider(), {
    message: "the environment variable SOURCE_AWS_SECRET_ACCESS_KEY is not set where Pulumi runs",
  });
  environment.SOURCE_AWS_SECRET_ACCESS_KEY = "secret";
  assert.deepEqual(await provider(), { accessKeyId: "AKIA1", secretAccessKey: "secret" });
  environment.SOURCE_AWS_SESSION_TOKEN = "token";
  assert.equal((await provider()).sessionToken, "token");
});

test("a profile is that profile only, whatever else would give credentials", async () => {
  const directory = await mkdtemp(join(tmpdir(), "amicopy-credentials-"));
  try {
    const file = join(directory, "credentials");
    await writeFile(file, "[gov]\naws_access_key_id = AKIAGOV\naws_secret_access_key = s\n");
    const environment = {
      AWS_SHARED_CREDENTIALS_FILE: file,
      AWS_CONFIG_FILE: join(directory, "config"),
      AWS_ACCESS_KEY_ID: "AKIAOTHER",
      AWS_SECRET_ACCESS_KEY: "t",
    };
    const gov = await credentialsOf({ region: "r", profile: "gov" }, environment, undefined)();
    assert.equal(gov.accessKeyId, "AKIAGOV");
    const absent = credentialsOf({ region: "r", profile: "absent" }, environment, undefined);
    await assert.rejects(absent(), { name: "CredentialsProviderError" });
  } finally {
    await rm(directory, { recursive: true });
  }
});
