/**
 * Where a stack is, besides what a URN tells: a stack's name is unique in its backend only. Nothing
 * tells it to a provider, so it looks where Pulumi itself looks, and in the same order.
 */

import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { dirname, join } from "node:path";

/** Far more than there is in one; of more only the start is looked at. */
const FILE_MAX_LENGTH = 100_000;

/**
 * The backend when it is one place for everybody; otherwise the state is a file of this machine, and the
 * program's folder is as good as its name.
 *
 * @param directory - Absolute; the program's.
 */
export function stackPlaceOf(environment: NodeJS.ProcessEnv, directory: string): string {
  const url = (
    environment.PULUMI_BACKEND_URL ||
    backendOfProject(directory) ||
    backendOfLogin(environment.PULUMI_HOME || join(homedir(), ".pulumi")) ||
    ""
  ).replace(/\/+$/, "");
  return /^(s3|gs|azblob|https?):/.test(url) ? url : `${hostname()} ${directory} ${url}`;
}

/** `backend.url` of the project's file, which may be in a folder above the program's. */
function backendOfProject(directory: string): string | undefined {
  const text = startOf(join(directory, "Pulumi.yaml"));
  const above = dirname(directory);
  if (text === undefined) return above === directory ? undefined : backendOfProject(above);
  return /^backend:\s*\{?\s*url:\s*["']?([^"'\s}]+)/m.exec(text)?.[1];
}

/** What `pulumi login` has chosen. The file has access tokens besides, of which nothing is kept. */
function backendOfLogin(home: string): string | undefined {
  try {
    const { current } = JSON.parse(startOf(join(home, "credentials.json")) ?? "");
    return typeof current === "string" ? current : undefined;
  } catch {
    return undefined;
  }
}

function startOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").slice(0, FILE_MAX_LENGTH);
  } catch {
    return undefined;
  }
}
