import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { stackPlaceOf } from "../../dynamic-providers/stack-place.ts";

const root = await mkdtemp(join(tmpdir(), "amicopy-place-"));
after(() => rm(root, { recursive: true }));

/** A program's folder in a project's, and a home with a login. */
async function folders(name: string, project: string | undefined, login: string | undefined) {
  const directory = join(root, name, "program");
  const home = join(root, name, "home");
  await mkdir(directory, { recursive: true });
  await mkdir(home);
  if (project !== undefined) await writeFile(join(root, name, "Pulumi.yaml"), project);
  if (login !== undefined) await writeFile(join(home, "credentials.json"), login);
  return { directory, home };
}

const LOGIN =
  '{"current":"https://api.pulumi.com","accessTokens":{"https://api.pulumi.com":"pul-0"}}';
const PROJECT = "name: infra\nbackend:\n  url: 's3://states'\nruntime: nodejs\n";

for (const [name, { project, login, given, place }] of Object.entries({
  variable: { project: PROJECT, login: LOGIN, given: "gs://states/", place: "gs://states" },
  project: { project: PROJECT, login: LOGIN, given: undefined, place: "s3://states" },
  brief: {
    project: "name: infra\nbackend: { url: azblob://states }\n",
    login: LOGIN,
    given: "",
    place: "azblob://states",
  },
  login: {
    project: "name: infra\n",
    login: LOGIN,
    given: undefined,
    place: "https://api.pulumi.com",
  },
})) {
  test(`a backend that many share is the place: by ${name}`, async () => {
    const { directory, home } = await folders(name, project, login);
    const environment = { PULUMI_BACKEND_URL: given, PULUMI_HOME: home };
    assert.equal(stackPlaceOf(environment, directory), place);
  });
}

for (const [name, { login, given, url }] of Object.entries({
  files: { login: '{"current":"file://~"}', given: undefined, url: "file://~" },
  "own files": { login: LOGIN, given: "file:///states", url: "file:///states" },
  nothing: { login: undefined, given: undefined, url: "" },
  "a file that cannot be read": { login: "{", given: undefined, url: "" },
  "a login that is no text": { login: '{"current":{}}', given: undefined, url: "" },
})) {
  test(`otherwise computer, folder and backend are: ${name}`, async () => {
    const { directory, home } = await folders(name, "name: infra\n", login);
    const environment = { PULUMI_BACKEND_URL: given, PULUMI_HOME: home };
    assert.equal(stackPlaceOf(environment, directory), `${hostname()} ${directory} ${url}`);
  });
}
