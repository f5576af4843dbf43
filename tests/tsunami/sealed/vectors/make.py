"""Makes sealed.json from docs/tsunami-sealed.md alone: no line of it is ours to run.

    pip install cryptography && python3 make.py > sealed.json
"""

import base64
import hashlib
import hmac
import json
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

EXPORTER = bytes(range(80))
ROOT = EXPORTER[0:32]
FORWARD, BACKWARD = EXPORTER[32:52], EXPORTER[52:72]
FIRST_WORD, CHECK_SECRET = EXPORTER[72:76], int.from_bytes(EXPORTER[76:80], "big")


RUN, ATTEMPT = "0123456789abcdef", 3
SOURCE, DESTINATION = (
    X25519PrivateKey.from_private_bytes(bytes(range(first, first + 32))) for first in (1, 101)
)


def public_text(private):
    raw = private.public_key().public_bytes_raw()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def introduction():
    info = f"amicopy1|{RUN}|{ATTEMPT}|{public_text(SOURCE)}|{public_text(DESTINATION)}".encode()
    # HKDF-SHA256 (RFC 5869) without salt; 32 bytes are its first block.
    extracted = hmac.new(bytes(32), SOURCE.exchange(DESTINATION.public_key()), hashlib.sha256)
    psk = hmac.new(extracted.digest(), info + b"\1", hashlib.sha256)
    return {
        "run": RUN,
        "attempt": ATTEMPT,
        "sourcePrivateKey": SOURCE.private_bytes_raw().hex(),
        "destinationPrivateKey": DESTINATION.private_bytes_raw().hex(),
        "sourcePublicKey": public_text(SOURCE),
        "destinationPublicKey": public_text(DESTINATION),
        "psk": psk.hexdigest(),
        "pskIdentity": f"amicopy-{RUN}-{ATTEMPT}",
    }


def record_key(record):
    label = f"record key {record // 2**18}".encode()
    return hmac.new(ROOT, label, hashlib.sha256).digest()[:16]


def seal_record(record, codec, volume, start, end, extents, data):
    plain = struct.pack(">BBHQQ", codec, len(extents), volume, start, end)
    for offset, length in extents:
        plain += (offset - start).to_bytes(6, "big") + struct.pack(">I", length)
    nonce = record.to_bytes(12, "big")
    return AESGCM(record_key(record)).encrypt(nonce, plain + data, None)


def check(header):
    value = CHECK_SECRET
    for word in struct.unpack(">IIIH", header):
        value = ((value ^ word) * 0x9E3779B1) % 2**32
        value ^= value >> 15
    return value


def fragment(transmission, record, index, sealed, size):
    packed = index << 20 | len(sealed)
    header = struct.pack(">IIIH", transmission % 2**32, record, packed, size)
    payload = sealed[index * size : (index + 1) * size]
    return FIRST_WORD + struct.pack(">I", check(header)) + header + payload


def note(secret, counter, body):
    header = secret[16:20] + struct.pack(">H", 28 + len(body)) + counter.to_bytes(6, "big")
    return header + AESGCM(secret[:16]).encrypt(header, body, header)


def leb128(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def report(highest, hold_us, arrived_ms, taken, base, confirmed, runs):
    bits = bytearray(20)
    for record in confirmed:
        bits[(record - base) // 8] |= 1 << (record - base) % 8
    head = struct.pack(">BIIddI", 1, highest % 2**32, hold_us, arrived_ms, taken, base)
    return head + bytes(bits) + b"".join(leb128(run) for run in runs)


def volume_digest(content):
    leaves = [content[at : at + 2**20] for at in range(0, len(content), 2**20)]
    return hashlib.sha256(b"".join(hashlib.sha256(leaf).digest() for leaf in leaves)).hexdigest()


# One zstd frame (RFC 8878) by hand: single segment, 200 bytes, a last block that repeats "a".
ZSTD_200_A = bytes.fromhex("28b52ffd20c8") + (1 | 1 << 1 | 200 << 3).to_bytes(3, "little") + b"a"

COUNTING = bytes(range(256))
RECORDS = [
    ("raw, two extents", 0, 0, 1, 4096, 2**33, [(8192, 100), (2**32 + 5, 156)], COUNTING, COUNTING),
    ("the last of its key", 2**18 - 1, 0, 0, 0, 3, [(0, 3)], b"abc", b"abc"),
    ("the first of the next key", 2**18, 0, 0, 0, 3, [(0, 3)], b"abc", b"abc"),
    ("zstd", 7, 1, 0, 2**20, 2**20 + 200, [(2**20, 200)], ZSTD_200_A, b"a" * 200),
    ("nothing but zeros", 8, 0, 2, 0, 2**26, [], b"", b""),
    ("keep", 9, 2, 2, 2**26, 2**27, [], b"", b""),
]
SEALED = seal_record(0, 0, 1, 4096, 2**33, RECORDS[0][6], COUNTING)
REPORT = {
    "highest": 70_000,
    "holdMicroseconds": 1500,
    "arrivedAtMs": 1234.5,
    "receivedBytes": 2**40,
    "base": 7,
    "confirmed": [8, 14, 166],
    "runs": [1, 300, 20_000],
}
REPORT_BODY = report(*REPORT.values())
BODIES = [
    ("probe of 64 bytes", "forward", 1, b"\0" + struct.pack(">H", 64) + bytes(33)),
    ("the path is kept open", "forward", 2, b"\2\0\0"),
    ("answer", "backward", 1, b"\2" + struct.pack(">H", 64)),
    ("report", "backward", 2**33, REPORT_BODY),
]

MESSAGES = [
    {"type": "hello", "version": 1, "role": "receiver", "sizes": [2**21, 2**34], "life": "é1", "held": [1]},
    {"type": "hello", "version": 1, "role": "sender", "sizes": [2**21], "life": "2", "mark": 0x48494A4B},
    {"type": "ping"},
    {"type": "digest", "volume": 0, "digest": "0f" * 32},
    {"type": "proof", "volume": 0, "digest": "0f" * 32},
    {"type": "again", "record": 262144},
    {"type": "have", "volume": 1, "from": 0, "to": 2, "digests": "7njNKdOlNHEAAAAAAAAAAA=="},
    {"type": "bye", "bytesSent": 1000, "bytesResent": 10},
    {"type": "failed", "code": "protocol", "message": "why"},
]


def frame(message):
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    return len(body).to_bytes(4, "big") + body


print(
    json.dumps(
        {
            "introduction": introduction(),
            "exporter": EXPORTER.hex(),
            "recordKeys": {
                str(record): record_key(record).hex() for record in (0, 2**18 - 1, 2**18, 2**20 + 1)
            },
            "records": [
                {
                    "meaning": meaning,
                    "record": record,
                    "codec": codec,
                    "volume": volume,
                    "start": start,
                    "end": end,
                    "extents": [{"offset": o, "length": n} for o, n in extents],
                    "data": data.hex(),
                    "sealed": seal_record(record, codec, volume, start, end, extents, packed).hex(),
                }
                for meaning, record, codec, volume, start, end, extents, packed, data in RECORDS
            ],
            "fragments": [
                {
                    "transmission": transmission,
                    "record": 0,
                    "index": index,
                    "sealedBytes": len(SEALED),
                    "fragmentBytes": 128,
                    "datagram": fragment(transmission, 0, index, SEALED, 128).hex(),
                }
                for transmission, index in ((0, 0), (1, 1), (2**32 - 1, 2), (2**32 + 5, 2))
            ],
            "report": {**REPORT, "body": REPORT_BODY.hex()},
            "notes": [
                {
                    "meaning": meaning,
                    "direction": direction,
                    "counter": counter,
                    "body": body.hex(),
                    "note": note(FORWARD if direction == "forward" else BACKWARD, counter, body).hex(),
                }
                for meaning, direction, counter, body in BODIES
            ],
            "digests": [
                {"repeat": byte, "bytes": size, "digest": volume_digest(bytes([byte]) * size)}
                for byte, size in ((0, 0), (1, 1), (0, 2**20), (255, 2**20 + 1), (7, 3 * 2**20))
            ],
            "tls": {
                "cipher": "TLS_AES_128_GCM_SHA256",
                "protocol": "TLSv1.3",
                "label": "EXPORTER-amicopy-sealed-1",
                "bytes": 80,
            },
            "mark": {"tag": 0x48494A4B, "secret": 0x4C4D4E4F},
            "control": [{"message": message, "frame": frame(message).hex()} for message in MESSAGES],
        },
        indent=2,
    )
)
