/** The introduction: both sides reach one key, and nobody else does. */

import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";
import { test } from "node:test";
import { deriveSessionKey, type Identity, makeIdentity } from "../../agent/introduction.ts";

const job = { run: "0123456789abcdef", attempt: 3 };
const source = { ...job, side: "source" } as const;
const destination = { ...job, side: "destination" } as const;

/** From the 32 bytes of a private key, which PKCS #8 puts after a fixed prefix. */
function identityOf(hex: string): Identity {
  const key = Buffer.from(`302e020100300506032b656e04220420${hex}`, "hex");
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return { publicKey: String(x), privateKey };
}

test("both helpers derive the same key and identity", () => {
  const [a, b] = [makeIdentity(), makeIdentity()];
  const atSource = deriveSessionKey(source, a, b.publicKey);
  const atDestination = deriveSessionKey(destination, b, a.publicKey);
  assert.deepEqual(atSource, atDestination);
  assert.equal(atSource.psk.length, 32);
  assert.equal(atSource.pskIdentity, "amicopy-0123456789abcdef-3");
});

test("the key is HKDF over the shared secret of RFC 7748, section 6.1, and the written-down text", () => {
  const bob = identityOf("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const alice = Buffer.from(
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    "hex",
  ).toString("base64url");
  const shared = Buffer.from(
    "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    "hex",
  );
  const info = `amicopy1|0123456789abcdef|3|${alice}|${bob.publicKey}`;
  assert.deepEqual(
    Buffer.from(deriveSessionKey(destination, bob, alice).psk),
    Buffer.from(hkdfSync("sha256", shared, "", info, 32)),
  );
});

test("another run, attempt, order of roles or peer gives another key", () => {
  const [a, b, c] = [makeIdentity(), makeIdentity(), makeIdentity()];
  const keys = [
    deriveSessionKey(source, a, b.publicKey),
    deriveSessionKey({ ...source, run: "0123456789abcdee" }, a, b.publicKey),
    deriveSessionKey({ ...source, attempt: 4 }, a, b.publicKey),
    deriveSessionKey(destination, a, b.publicKey),
    deriveSessionKey(source, a, c.publicKey),
  ].map(({ psk }) => Buffer.from(psk).toString("hex"));
  assert.equal(new Set(keys).size, keys.length);
});

test("two boots never have the same key pair", () => {
  assert.notEqual(makeIdentity().publicKey, makeIdentity().publicKey);
});

test("a public key without a shared secret is refused", () => {
  const zero = Buffer.alloc(32).toString("base64url");
  const one = Buffer.from([1, ...Buffer.alloc(31)]).toString("base64url");
  for (const publicKey of [zero, one, "A", "", "not a key"]) {
    assert.throws(() => deriveSessionKey(source, makeIdentity(), publicKey), {
      code: "peer-refused",
    });
  }
});
