/**
 * How two helpers that never met get one key. Each makes an X25519 key at boot and prints the
 * public half on its console; the controller, which can read consoles and write tags through the
 * AWS API, gives each one the other's. Who cannot do both cannot join.
 */

import {
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { AgentError } from "./agent-error.ts";
import type { Job } from "./contract.ts";

/** This boot's key pair. The private half never leaves the process. */
export interface Identity {
  /** X25519, 32 bytes, base64url. */
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

/** What TLS 1.3 takes as external PSK. */
export interface SessionKey {
  readonly psk: Uint8Array;
  readonly pskIdentity: string;
}

/** A fresh key pair. */
export function makeIdentity(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return { publicKey: String(publicKey.export({ format: "jwk" }).x), privateKey };
}

/**
 * `HKDF-SHA256(shared secret, no salt, "amicopy1|run|attempt|source's public|destination's public")`.
 * No field can contain the separator, so that no two introductions have the same text; the order of
 * the public keys binds the roles.
 *
 * @throws AgentError `peer-refused` for a public key without a shared secret (of low order).
 */
export function deriveSessionKey(
  job: Pick<Job, "run" | "attempt" | "side">,
  own: Identity,
  peerPublicKey: string,
): SessionKey {
  const { run, attempt, side } = job;
  const keys = side === "source" ? [own.publicKey, peerPublicKey] : [peerPublicKey, own.publicKey];
  const info = ["amicopy1", run, attempt, ...keys].join("|");
  try {
    const jwk = { kty: "OKP", crv: "X25519", x: peerPublicKey };
    const publicKey = createPublicKey({ key: jwk, format: "jwk" });
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey });
    return {
      psk: new Uint8Array(hkdfSync("sha256", shared, "", info, 32)),
      pskIdentity: `amicopy-${run}-${attempt}`,
    };
  } catch {
    // The library's words ("error:...") say nothing that the sentence does not.
    throw new AgentError("peer-refused", "the peer's key is none");
  }
}
