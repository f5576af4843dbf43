/** The files of `aws configure`: one profile per account, keys in one file, the rest in the other. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Accounts } from "./accounts.ts";

/** @returns The environment variables that name the files. */
export async function writeConfiguration(
  directory: string,
  accounts: Accounts,
): Promise<{ AWS_CONFIG_FILE: string; AWS_SHARED_CREDENTIALS_FILE: string }> {
  const configPath = join(directory, "config");
  const credentialsPath = join(directory, "credentials");
  const config = accounts.all.map(
    (one) => `[profile ${one.profile}]\n# account ${one.id} of the partition ${one.partition}\n`,
  );
  const credentials = accounts.all.map(
    (one) =>
      `[${one.profile}]\naws_access_key_id = ${one.accessKeyId}\n` +
      `aws_secret_access_key = ${one.secretAccessKey}\n`,
  );
  await writeFile(configPath, config.join("\n"), { mode: 0o600 });
  await writeFile(credentialsPath, credentials.join("\n"), { mode: 0o600 });
  return { AWS_CONFIG_FILE: configPath, AWS_SHARED_CREDENTIALS_FILE: credentialsPath };
}
