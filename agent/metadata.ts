/**
 * The instance's metadata service, version 2: a session token by PUT, then GETs with it. The way in
 * for what the controller tells us after the launch: our own tags.
 */

import { request } from "node:http";
import { METADATA_BODY_MAX_BYTES, METADATA_REQUEST_MS } from "./limits.ts";

const TOKEN = "x-aws-ec2-metadata-token";
/** Specification: 6 hours at most. A refused token is renewed whenever that happens. */
const TOKEN_SECONDS = "21600";

/** Reads the metadata service; one request at a time, each with limits of time and size. */
export class Metadata {
  readonly #endpoint: string;
  #token = "";

  /** @param endpoint - `http://169.254.169.254` on EC2. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /**
   * @param path - Below `/latest/meta-data/`.
   * @returns `undefined` when there is no such thing (a tag not set, tags not enabled).
   * @throws Error when the service does not answer, or not as it should.
   */
  async read(path: string): Promise<string | undefined> {
    for (let fresh = this.#token === ""; ; fresh = true) {
      if (fresh) {
        const answer = await this.#send("PUT", "api/token", `${TOKEN}-ttl-seconds`, TOKEN_SECONDS);
        this.#token = answer.status === 200 ? answer.body : "";
      }
      const { status, body } = await this.#send("GET", `meta-data/${path}`, TOKEN, this.#token);
      if (status === 200) return body;
      if (status === 404) return undefined;
      if (status !== 401 || fresh) throw new Error(`metadata service: ${path}: HTTP ${status}`);
    }
  }

  #send(method: string, path: string, header: string, value: string): Promise<Answer> {
    const signal = AbortSignal.timeout(METADATA_REQUEST_MS);
    return new Promise((resolve, reject) => {
      const headers = { [header]: value };
      request(`${this.#endpoint}/latest/${path}`, { method, headers, signal }, (response) => {
        let body = "";
        response.setEncoding("latin1");
        response.on("data", (text: string) => {
          body += text;
          if (body.length > METADATA_BODY_MAX_BYTES) {
            response.destroy(new Error(`metadata service: ${path}: too long`));
          }
        });
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      })
        .on("error", reject)
        .end();
    });
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}
