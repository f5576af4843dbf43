/** The other end of admin.ts: a running localcloud, reached by the environment it printed. */

import { request } from "node:http";
import {
  ADMIN_PATH,
  AdminError,
  type Configured,
  type ConfigureRequest,
  type ExportedSnapshot,
  type ExportSnapshotRequest,
  type FiredFaults,
  type ImportedImage,
  type ImportImageRequest,
  type Listing,
} from "./admin.ts";

export interface AdminClient {
  importImage(request: ImportImageRequest): Promise<ImportedImage>;
  exportSnapshot(request: ExportSnapshotRequest): Promise<ExportedSnapshot>;
  configure(request: ConfigureRequest): Promise<Configured>;
  list(): Promise<Listing>;
  /** @param plan - Of the fault file; checked at the other end. */
  setFaults(plan: unknown): Promise<void>;
  firedFaults(): Promise<FiredFaults>;
}

/**
 * @param environment - With `AWS_ENDPOINT_URL` and `AMICOPY_LOCALCLOUD_TOKEN`.
 * @throws AdminError when they are not there, or point elsewhere than to this computer.
 */
export function connectAdmin(environment: NodeJS.ProcessEnv): AdminClient {
  const { AWS_ENDPOINT_URL: endpoint, AMICOPY_LOCALCLOUD_TOKEN: token } = environment;
  if (endpoint === undefined || endpoint === "" || token === undefined || token === "") {
    const missing = endpoint ? "AMICOPY_LOCALCLOUD_TOKEN is" : "AWS_ENDPOINT_URL is";
    throw new AdminError(
      400,
      `${missing} not set: run \`npm run localcloud -- start\` in another terminal, ` +
        "and here the `export` lines that it prints",
    );
  }
  // The token must go to nobody else.
  if (!/^127(\.\d{1,3}){3}$/.test(URL.parse(endpoint)?.hostname ?? "")) {
    throw new AdminError(400, `AWS_ENDPOINT_URL is ${endpoint}, which is not a localcloud`);
  }
  const call = <Answer>(method: string, name: string, body?: unknown): Promise<Answer> =>
    send<Answer>(new URL(ADMIN_PATH + name, endpoint), { method, token, body });
  return {
    importImage: (body) => call("POST", "import-image", body),
    exportSnapshot: (body) => call("POST", "export-snapshot", body),
    configure: (body) => call("POST", "configure", body),
    list: () => call("GET", "list"),
    setFaults: async (plan) => {
      await call("POST", "faults", plan);
    },
    firedFaults: () => call("GET", "faults"),
  };
}

interface Call {
  readonly method: string;
  readonly token: string;
  readonly body: unknown;
}

/** Without a limit of time: importing a large disk takes as long as it takes, and Ctrl-C ends it. */
function send<Answer>(url: URL, { method, token, body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const call = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        try {
          const answer = JSON.parse(text);
          if (status === 200) resolve(answer);
          else reject(new AdminError(status, String(answer.error)));
        } catch {
          reject(new AdminError(status, `${url.host} answers, but is not a localcloud`));
        }
      });
    });
    call.on("error", (error) => {
      const reason = "code" in error && error.code === "ECONNREFUSED" ? "has ended" : error.message;
      reject(
        new AdminError(
          503,
          `the localcloud at ${url.host} cannot be reached (${reason}): ` +
            "start one with `npm run localcloud -- start` and use its environment",
        ),
      );
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
