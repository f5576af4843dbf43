/** One side of several sessions at once, in a process of its own: `sessions-process.ts JOB`. */

import { receiver } from "../../tsunami/sealed/receiver.ts";
import { sender } from "../../tsunami/sealed/sender.ts";
import { runSession, type SessionOptions } from "../../tsunami/sealed/session.ts";

export interface SessionsJob {
  readonly role: "sender" | "receiver";
  readonly psk: string;
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly sessions: readonly Pick<SessionOptions, "port" | "listens" | "volumes">[];
}

/** What became of each; printed as JSON. */
export type SessionEnding = { readonly digests: readonly string[] } | { readonly failed: string };

const { role, psk, sessions, ...addresses } = JSON.parse(process.argv[2] ?? "{}") as SessionsJob;
const endings = sessions.map(async (session): Promise<SessionEnding> => {
  try {
    const { digests } = await runSession({
      ...session,
      ...addresses,
      role: { sender, receiver }[role],
      psk: Buffer.from(psk, "hex"),
      pskIdentity: `amicopy-test-${session.port}`,
      workerEntry: new URL("./disk-entry.ts", import.meta.url),
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    return { digests };
  } catch (error) {
    return { failed: String(error) };
  }
});
process.stdout.write(JSON.stringify(await Promise.all(endings)));
