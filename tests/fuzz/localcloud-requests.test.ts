/** localcloud's own doors: signed requests of any content, signatures, and a person's way in. */

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { ACTIONS } from "../../localcloud/actions/table.ts";
import { ApiError } from "../../localcloud/protocol/api-error.ts";
import { readJsonInput } from "../../localcloud/protocol/json.ts";
import { findOperation, type Service } from "../../localcloud/protocol/operations.ts";
import { readInput } from "../../localcloud/protocol/query-reader.ts";
import { isSignedWith, readClaim } from "../../localcloud/protocol/signature.ts";
import { openConformanceCloud } from "../localcloud/conformance-cloud.ts";
import { fuzz, mutated, nearly } from "../support/fuzz.ts";

const { localcloud } = await openConformanceCloud();
const { endpoint, env } = localcloud;
const [keyId = "", secret = ""] = credentialsOf("aws-1");
const all = [...ACTIONS.keys()].map((key) => key.split(" ") as [Service, string]);
const actions = all.filter(([service]) => service !== "servicequotas");
const jsonActions = all.filter(([service]) => service === "servicequotas");

function credentialsOf(profile: string): string[] {
  const file = readFileSync(env.AWS_SHARED_CREDENTIALS_FILE ?? "", "utf8");
  const [, section = ""] = file.split(`[${profile}]`);
  return [/access_key_id *= *(\S+)/, /secret_access_key *= *(\S+)/].map(
    (pattern) => pattern.exec(section)?.[1] ?? "",
  );
}

/** As an SDK signs, in the simplest way. */
function signed(service: string, body: string): Record<string, string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const date = time.slice(0, 8);
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const canonical = ["POST", "/", "", `x-amz-date:${time}\n`, "x-amz-date", sha256(body)];
  const scope = `${date}/us-east-1/${service}/aws4_request`;
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of [date, "us-east-1", service, "aws4_request"]) {
    key = createHmac("sha256", key).update(part).digest();
  }
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical.join("\n"))].join("\n");
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  const claim = `Credential=${keyId}/${scope}, SignedHeaders=x-amz-date, Signature=${signature}`;
  return { "x-amz-date": time, authorization: `AWS4-HMAC-SHA256 ${claim}` };
}

const words = fc.constantFrom(
  ..."Filter ImageId InstanceId Name Value Tag Key ResourceId 1 2 3 0 -1 SnapshotId VolumeId".split(
    " ",
  ),
  ..."BlockDeviceMapping Ebs DeviceName MaxCount MinCount UserData GroupId IpPermissions".split(
    " ",
  ),
  ..."ClientToken DryRun MaxResults NextToken TagSpecification Architecture RoleArn".split(" "),
  "__proto__",
  "constructor",
  "",
);
const path = fc.array(fc.oneof({ weight: 9, arbitrary: words }, fc.string({ maxLength: 4 })), {
  minLength: 1,
  maxLength: 5,
});
const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("true", "ami-0123456789abcdef0", "1", "-1", "1e99", "9".repeat(15), "../../x"),
  fc.constantFrom("i-0123456789abcdef0", "2026-01-01T00:00:00Z", "x".repeat(3000), "tag:a"),
);
const parameters = fc.array(
  fc.tuple(
    path.map((parts) => parts.join(".")),
    value,
  ),
  { maxLength: 8 },
);

test("any parameters of any action are read or refused", async (t) => {
  const property = fc.property(fc.constantFrom(...actions), parameters, ([service, name], list) => {
    const operation = findOperation(service, name);
    assert.ok(operation);
    try {
      readInput(operation, list);
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
    }
  });
  await fuzz(t, property, 3000);
});

test("any signed request gets an answer, and never one of a bug", async (t) => {
  const property = fc.asyncProperty(
    fc.constantFrom(...actions),
    parameters,
    async ([service, name], list) => {
      const body = new URLSearchParams([["Action", name], ["Version", "1"], ...list]).toString();
      const headers = {
        ...signed(service, body),
        "content-type": "application/x-www-form-urlencoded",
      };
      const response = await fetch(endpoint, { method: "POST", headers, body });
      const text = await response.text();
      assert.notEqual(response.status, 403, text);
      assert.doesNotMatch(text, /InternalError|InternalFailure/, `${name} ${body}`);
      assert.match(text, /^<\?xml.*>$/s);
    },
  );
  await fuzz(t, property, 400);
});

test("any text as JSON is read or refused, and as a signed request answered in JSON", async (t) => {
  const members = fc.constantFrom("ServiceCode", "QuotaCode", "ContextId", "__proto__", "");
  const json = fc.oneof(
    fc.dictionary(members, fc.oneof(fc.constantFrom("ec2", "L-1216C47A"), fc.jsonValue())),
    fc.jsonValue(),
  );
  const body = fc.oneof(
    json.map((value) => JSON.stringify(value)),
    fc.string({ unit: "binary" }),
  );
  const property = fc.asyncProperty(fc.constantFrom(...jsonActions), body, async (action, text) => {
    const [service, name] = action;
    const operation = findOperation(service, name);
    assert.ok(operation);
    try {
      readJsonInput(operation, text);
    } catch (error) {
      assert.ok(error instanceof ApiError, String(error));
    }
    const headers = {
      ...signed(service, text),
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `ServiceQuotasV20190624.${name}`,
    };
    const response = await fetch(endpoint, { method: "POST", headers, body: text });
    const answer = await response.text();
    assert.notEqual(response.status, 500, `${name} ${text}: ${answer}`);
    assert.equal(typeof JSON.parse(answer), "object");
  });
  await fuzz(t, property, 400);
});

test("any header as a signature is none, or names a key in full", async (t) => {
  const authorization = signed("ec2", "").authorization ?? "";
  const header = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 300 }),
    mutated(Buffer.from(authorization)).map((bytes) => bytes.toString("latin1")),
  );
  const property = fc.property(header, (given) => {
    const claim = readClaim({ authorization: given });
    if (claim === undefined) return;
    assert.match(claim.signature, /^[0-9a-f]{64}$/);
    const request = { method: "POST", url: "/", headers: {}, body: Buffer.from("other") };
    assert.equal(isSignedWith(request, claim, secret), false);
  });
  await fuzz(t, property, 3000);
});

test("any bytes at the port get an answer or a closed connection, and it serves on", async (t) => {
  const body = "Action=DescribeRegions&Version=2016-11-15";
  const head = Object.entries({ ...signed("ec2", body), "content-length": String(body.length) });
  const lines = head.map(([name, text]) => `${name}: ${text}`).join("\r\n");
  const whole = Buffer.from(`POST / HTTP/1.1\r\nhost: x\r\n${lines}\r\n\r\n${body}`);
  const { hostname, port } = new URL(endpoint);
  const property = fc.asyncProperty(mutated(whole), async (bytes) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = createConnection(Number(port), hostname, () => socket.end(bytes));
    socket
      .on("error", () => {})
      .on("close", () => resolve())
      .resume();
    await promise;
  });
  await fuzz(t, property, 300);
  const answer = await fetch(endpoint, { method: "POST", headers: signed("ec2", body), body });
  assert.equal(answer.status, 200);
});

test("a request that is too large, or has too many parameters, is refused; the next one is served", async () => {
  const many = Array.from({ length: 6000 }, (_, index) => `ImageId.${index}=a`).join("&");
  const token = `Bearer ${env.AMICOPY_LOCALCLOUD_TOKEN}`;
  const post = async (path: string, body: string, authorization?: string): Promise<string> => {
    const headers = authorization === undefined ? signed("ec2", body) : { authorization };
    const signal = AbortSignal.timeout(20_000);
    const answer = await fetch(`${endpoint}${path}`, { method: "POST", headers, body, signal });
    return await answer.text();
  };
  for (const rest of ["x".repeat(2 << 20), many]) {
    const refusal = await post("/", `Action=DescribeImages&${rest}`).catch(String);
    assert.match(refusal, /RequestEntityTooLarge|too many parameters|fetch failed/);
    const served = await post("/", "Action=DescribeRegions&Version=2016-11-15");
    assert.match(served, /regionName/);
  }
  const refusal = await post("/localcloud/import-image", "x".repeat(2 << 20), token).catch(String);
  assert.match(refusal, /too long|fetch failed/);
  assert.match(await post("/localcloud/import-image", "{}", token), /error/);
});

test("any body at a person's way in is refused in a sentence", async (t) => {
  const request = {
    ...{ region: "us-east-1", account: "aws-1", name: "n", architecture: "arm64" },
    disks: [{ deviceName: "/dev/xvda", path: "/nonexistent/disk" }],
  };
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    nearly(request).map((json) => JSON.stringify(json)),
  );
  const call = fc.constantFrom("import-image", "export-snapshot", "list", "nothing", "../x");
  const property = fc.asyncProperty(call, text, async (name, body) => {
    const headers = { authorization: `Bearer ${env.AMICOPY_LOCALCLOUD_TOKEN}` };
    const answer = await fetch(`${endpoint}/localcloud/${name}`, {
      ...{ method: "POST", headers, body },
      signal: AbortSignal.timeout(20_000),
    });
    assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    const refusal = await answer.text();
    assert.doesNotMatch(refusal, /Cannot read prop|is not a function|not iterable/, refusal);
  });
  await fuzz(t, property, 300);
});

test("without the token, or with any other, there is no way in", async (t) => {
  const token = mutated(Buffer.from(env.AMICOPY_LOCALCLOUD_TOKEN ?? ""));
  const property = fc.asyncProperty(token, async (bytes) => {
    const given = bytes.toString("latin1").replace(/[^\x21-\x7e]/g, "x");
    if (given === env.AMICOPY_LOCALCLOUD_TOKEN) return;
    const headers = { authorization: `Bearer ${given}` };
    const answer = await fetch(`${endpoint}/localcloud/list`, { headers });
    assert.equal(answer.status, 403);
    await answer.text();
  });
  await fuzz(t, property, 100);
});
