import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  blockLengthBytes,
  readDatagramHeader,
  writeDatagramHeader,
} from "../../../tsunami/classic/datagram.ts";
import {
  checkRevision,
  DEFAULT_PARAMETERS,
  decodeFileInformation,
  decodeNumber,
  decodeParameters,
  decodePort,
  decodeRequest,
  encodeFileInformation,
  encodeName,
  encodePaddedNumber,
  encodeParameters,
  encodePort,
  encodeRequests,
  encodeRevision,
  proveSecret,
} from "../../../tsunami/classic/wire.ts";
import { recordedSession, recordings } from "./recorded-sessions.ts";

const PLAIN = { noNullPrototype: true };
const protocolError = { name: "ClassicError", code: "protocol" };

describe("classic wire", () => {
  it("proves the secret as the original does", () => {
    for (const { challenge, secret, response } of recordings.units.authentication) {
      const proof = proveSecret(Buffer.from(challenge, "hex"), Buffer.from(secret));
      assert.equal(proof.toString("hex"), response);
    }
    assert.throws(() => proveSecret(Buffer.alloc(64), Buffer.alloc(0)), protocolError);
  });

  it("encodes requests as recorded, and ignores the padding of the original", () => {
    for (const { type, block = 0, errorRate = 0, hex } of recordings.units.requests) {
      const request = { type, blockNumber: block, errorRate };
      assert.equal(encodeRequests([request]).toString("hex"), hex);
      const withGarbage = Buffer.from(hex, "hex");
      withGarbage.writeUInt16BE(0x31cc, 2);
      assert.deepEqual(decodeRequest(withGarbage), request);
    }
  });

  it("reads and writes parameters, file information and port of a recorded session", () => {
    const { control } = recordedSession("get-loss");
    const find = (meaning: RegExp): Buffer => {
      const parts = control.filter((part) => meaning.test(part.meaning));
      return Buffer.concat(parts.map(({ hex }) => Buffer.from(hex, "hex")));
    };
    const parameters = find(/^block size, target rate|^slower num/);
    const expected = {
      ...DEFAULT_PARAMETERS,
      blockSizeBytes: 1000,
      rateBitsPerSecond: 2_000_000,
    };
    assert.deepEqual(decodeParameters(parameters), expected);
    assert.deepEqual(encodeParameters(expected), parameters);
    const information = find(/^file size/);
    const decoded = decodeFileInformation(information, 1000);
    assert.equal(decoded.sizeBytes, 102_400);
    assert.equal(decoded.blockCount, 103);
    assert.deepEqual(encodeFileInformation(decoded), information);
    const port = find(/^client UDP port/);
    assert.deepEqual(encodePort(decodePort(port)), port);
  });

  it("refuses parameters that crashed the original", () => {
    const bad = [
      { blockSizeBytes: 0 },
      { blockSizeBytes: 65_502 },
      { blockSizeBytes: 2 ** 32 - 1 },
      { rateBitsPerSecond: 0 },
      { slower: { numerator: 25, denominator: 0 } },
      { faster: { numerator: 5, denominator: 0 } },
    ];
    for (const change of bad) {
      const bytes = encodeParameters({ ...DEFAULT_PARAMETERS, ...change });
      assert.throws(() => decodeParameters(bytes), protocolError);
    }
  });

  it("believes no file information whose size and count disagree", () => {
    const honest = { sizeBytes: 4096, blockSizeBytes: 1024, blockCount: 4, epochSeconds: 0 };
    const lies = [
      { ...honest, blockCount: 3 },
      { ...honest, blockCount: 5 },
      { ...honest, sizeBytes: 0 },
      { ...honest, sizeBytes: 4097 },
      { ...honest, blockSizeBytes: 512 },
    ];
    for (const lie of lies) {
      assert.throws(() => decodeFileInformation(encodeFileInformation(lie), 1024), protocolError);
    }
    const absurd = encodeFileInformation({ ...honest, blockCount: 0 });
    absurd.writeBigUInt64BE(2n ** 63n - 1n);
    assert.throws(() => decodeFileInformation(absurd, 1024), protocolError);
    // The original truncates such a count and calls ten bytes of four gigabytes a whole file.
    const truncated = encodeFileInformation({ ...honest, blockSizeBytes: 1, blockCount: 10 });
    truncated.writeBigUInt64BE(2n ** 32n + 10n);
    assert.throws(() => decodeFileInformation(truncated, 1), protocolError);
    const tooMany = {
      ...honest,
      sizeBytes: 2 ** 32 - 1,
      blockSizeBytes: 1,
      blockCount: 2 ** 32 - 1,
    };
    assert.throws(() => encodeFileInformation(tooMany), protocolError);
  });

  it("sends only names that the other side reads as one name", () => {
    assert.equal(encodeName("a b/ü").toString("hex"), "6120622fc3bc0a");
    for (const name of ["", "a\nb", "a\0b", "x".repeat(1024), "ü".repeat(512)]) {
      assert.throws(() => encodeName(name), protocolError);
    }
    assert.equal(encodeName("x".repeat(1023)).length, 1024);
  });

  it("reads padded numbers and nothing else as numbers", () => {
    assert.equal(encodePaddedNumber(18).toString("hex"), "31380000000000000000");
    assert.equal(decodeNumber(encodePaddedNumber(18), "length"), 18);
    for (const text of ["", "\0\0", "1x", "-1", "1\0 2", " 1", "99999999999999999999"]) {
      assert.throws(() => decodeNumber(Buffer.from(text), "length"), protocolError);
    }
  });

  it("names the peer's revision when it is another one", () => {
    checkRevision(encodeRevision());
    assert.throws(() => checkRevision(Buffer.from("16030105", "hex")), /--sealed/);
    assert.throws(() => checkRevision(Buffer.from("20051011", "hex")), {
      code: "peer-refused",
      message: /0x20051011/,
    });
  });

  it("reads every recorded datagram, and no prefix of one", () => {
    for (const session of recordings.sessions) {
      const { blockSizeBytes } = session.settings;
      for (const datagram of session.datagrams) {
        const bytes = Buffer.alloc(datagram.length);
        bytes.write(datagram.hex, "hex");
        const file = { blockSizeBytes, blockCount: datagram.blockNumber === 0 ? 0 : 200 };
        const header = readDatagramHeader(bytes, file);
        assert.equal(header?.blockNumber, datagram.blockNumber);
        assert.equal(String.fromCharCode(header?.blockType ?? 0), datagram.type);
        for (let length = 0; length < bytes.length; length++) {
          assert.equal(readDatagramHeader(bytes.subarray(0, length), file), undefined);
        }
      }
    }
  });

  it("takes no datagram with a number outside the file or an unknown type", () => {
    const file = { blockSizeBytes: 10, blockCount: 5, sizeBytes: 41 };
    const header = fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff));
    fc.assert(
      fc.property(header, ([blockNumber, blockType]) => {
        const bytes = Buffer.alloc(16);
        bytes.writeUInt32BE(blockNumber, 0);
        bytes.writeUInt16BE(blockType, 4);
        const valid =
          blockNumber >= 1 && blockNumber <= 5 && [0x4f, 0x52, 0x58].includes(blockType);
        assert.equal(readDatagramHeader(bytes, file) !== undefined, valid);
      }),
    );
    assert.equal(blockLengthBytes(4, file), 10);
    assert.equal(blockLengthBytes(5, file), 1);
  });

  it("gives back what it wrote", () => {
    const u16 = fc.nat(0xffff);
    const denominator = fc.integer({ min: 1, max: 0xffff });
    const fraction = fc.record({ numerator: u16, denominator }, PLAIN);
    const parameters = fc.record(
      {
        blockSizeBytes: fc.integer({ min: 1, max: 65_501 }),
        rateBitsPerSecond: fc.integer({ min: 1, max: 0xffff_ffff }),
        errorThreshold: fc.nat(0xffff_ffff),
        slower: fraction,
        faster: fraction,
      },
      PLAIN,
    );
    fc.assert(
      fc.property(parameters, (value) => {
        assert.deepEqual(decodeParameters(encodeParameters(value)), value);
      }),
    );
    const request = fc.record({ type: u16, blockNumber: fc.nat(), errorRate: fc.nat() }, PLAIN);
    fc.assert(
      fc.property(request, (value) => {
        assert.deepEqual(decodeRequest(encodeRequests([value])), value);
      }),
    );
    const bytes = Buffer.alloc(7);
    writeDatagramHeader(bytes, 0, { blockNumber: 3, blockType: 0x52 });
    assert.equal(bytes.toString("hex"), "00000003005200");
  });

  it("survives any bytes where parameters or file information should be", () => {
    const twenty = fc.uint8Array({ minLength: 20, maxLength: 20 });
    const tolerated = (act: () => unknown): void => {
      try {
        act();
      } catch (error) {
        assert.equal((error as { code?: string }).code, "protocol");
      }
    };
    fc.assert(
      fc.property(twenty, (bytes) => {
        tolerated(() => decodeParameters(Buffer.from(bytes)));
        tolerated(() => decodeFileInformation(Buffer.from(bytes), 1024));
      }),
    );
  });
});
