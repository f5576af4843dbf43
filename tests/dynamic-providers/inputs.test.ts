import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { checkRequest } from "../../dynamic-providers/inputs.ts";
import { isUnknown } from "../../dynamic-providers/unknown-value.ts";
import type { CopyRequest } from "../../dynamic-providers/workflow/copy-request.ts";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const sha256 = "5a".repeat(32);
const least = {
  sourceAmiId: "ami-0123456789abcdef0",
  source: { region: "us-east-1" },
  destination: { region: "us-gov-west-1" },
};

function problemsWith(change: object): readonly string[] {
  return checkRequest({ ...least, ...change }).problems;
}

suite("checking a request", () => {
  test("what is left out gets its default", () => {
    assert.deepEqual(checkRequest(least), {
      problems: [],
      request: {
        ...least,
        tags: {},
        copyTags: true,
        helper: { source: {}, destination: {} },
        temporaryNamePrefix: "amicopy",
        timeoutMinutes: 1440,
      },
    });
  });

  test("a checked request passes again unchanged", () => {
    const { request } = checkRequest({
      ...least,
      tags: { a: "b" },
      name: "golden",
      encrypted: false,
    });
    assert.deepEqual(checkRequest(request), { request, problems: [] });
  });

  const side = { region: "us-east-1" };
  const faults: [what: string, change: object, sentence: RegExp][] = [
    [
      "a malformed image id",
      { sourceAmiId: "ami-123" },
      /^sourceAmiId: must be the id of an image .*"ami-123"$/,
    ],
    ["no image id", { sourceAmiId: undefined }, /^sourceAmiId: is missing$/],
    ["no side", { source: undefined }, /^source: is missing$/],
    ["a side that is no object", { source: "us-east-1" }, /^source: must be an object$/],
    ["a region that is none", { source: { region: "mars" } }, /^source\.region: .*region.*"mars"$/],
    [
      "a misspelt argument",
      { source: { ...side, profil: "a" } },
      /^source\.profil: there is no such argument$/,
    ],
    [
      "profile and prefix",
      { source: { ...side, profile: "a", environmentPrefix: "B_" } },
      /^source: has both profile and environmentPrefix/,
    ],
    [
      "a role that is no ARN",
      { source: { ...side, assumeRole: { roleArn: "admin" } } },
      /^source\.assumeRole\.roleArn: must be the ARN of a role/,
    ],
    [
      "a role's session name",
      {
        source: {
          ...side,
          assumeRole: { roleArn: "arn:aws:iam::123456789012:role/a", sessionName: "a b" },
        },
      },
      /^source\.assumeRole\.sessionName:/,
    ],
    [
      "an account id",
      { destination: { ...side, expectedAccountId: "12" } },
      /^destination\.expectedAccountId: must be an account id/,
    ],
    [
      "a negative timeout",
      { timeoutMinutes: -5 },
      /^timeoutMinutes: must be a whole number of minutes from 1 to 10080, not -5$/,
    ],
    ["half a minute", { timeoutMinutes: 0.5 }, /^timeoutMinutes: must be a whole number/],
    [
      "a timeout in words",
      { timeoutMinutes: "1h" },
      /^timeoutMinutes: must be a number of minutes, not "1h"$/,
    ],
    ["a short name", { name: "ab" }, /^name: must be 3 to 128/],
    ["a long description", { description: "x".repeat(256) }, /^description: .*255/],
    ["a tag of AWS", { tags: { "aws:x": "y" } }, /^tags: has a tag key "aws:x": .*belong to AWS$/],
    ["a tag of ours", { tags: { "amicopy:run": "y" } }, /^tags: has a tag key "amicopy:run"/],
    [
      "too many tags",
      { tags: Object.fromEntries(Array.from({ length: 41 }, (_, i) => [`k${i}`, ""])) },
      /^tags: must have at most 40 tags$/,
    ],
    [
      "a tag that a helper cannot carry",
      { helper: { source: { tags: { "a b": "c" } } } },
      /^helper\.source\.tags: has a tag key "a b"/,
    ],
    [
      "an address kind",
      { helper: { source: { address: "both" } } },
      /^helper\.source\.address: must be "public" or "private"/,
    ],
    [
      "a NAT's address",
      { helper: { source: { natAddress: "203.0.113.256" } } },
      /^helper\.source\.natAddress: must be one IPv4 address/,
    ],
    [
      "a NAT's address beside private ones",
      { helper: { source: { natAddress: "203.0.113.7", address: "private" } } },
      /^helper\.source: has natAddress and address "private"/,
    ],
    [
      "an archive of Node.js with a secret in its address",
      {
        helper: {
          source: {
            nodeArchives: { arm64: { url: "https://b/n.tar.gz?X-Amz-Signature=1", sha256 } },
          },
        },
      },
      /^helper\.source\.nodeArchives\.arm64\.url: must be the HTTPS address of a \.tar\.gz, without user and query$/,
    ],
    [
      "an archive of Node.js for no machine of EC2",
      { helper: { source: { nodeArchives: { aarch64: { url: "https://b/n.tar.gz", sha256 } } } } },
      /^helper\.source\.nodeArchives\.aarch64: there is no such argument$/,
    ],
    [
      "a digest that is none",
      { helper: { source: { nodeArchives: { arm64: { url: "https://b/n.tgz", sha256: "1f" } } } } },
      /^helper\.source\.nodeArchives\.arm64\.sha256: must be a SHA-256/,
    ],
    [
      "SSH from a whole network",
      { helper: { source: { debug: { keyName: "k", sshFrom: "0.0.0.0/0" } } } },
      /^helper\.source\.debug\.sshFrom: must be one IPv4 address/,
    ],
    [
      "a debug without a key",
      { helper: { source: { debug: { sshFrom: "203.0.113.7" } } } },
      /^helper\.source\.debug\.keyName: is missing/,
    ],
    [
      "a helper kept for a week",
      {
        helper: { source: { debug: { keyName: "k", sshFrom: "203.0.113.7", keepMinutes: 10080 } } },
      },
      /^helper\.source\.debug\.keepMinutes: must be a whole number of minutes from 1 to 1440/,
    ],
    [
      "a subnet id",
      { helper: { destination: { subnetId: "net-1" } } },
      /^helper\.destination\.subnetId: must be the id of a subnet/,
    ],
    [
      "a key for nothing",
      { encrypted: false, kmsKeyId: "alias/a" },
      /^kmsKeyId: a key is of no use with encrypted: false/,
    ],
    [
      "an argument of another type",
      { encrypted: "yes" },
      /^encrypted: must be true or false, not "yes"$/,
    ],
    ["an unknown argument", { sourceAmi: "ami-0" }, /^sourceAmi: there is no such argument$/],
  ];
  for (const [what, change, sentence] of faults) {
    test(`${what} is answered with one sentence that names the argument`, () => {
      const problems = problemsWith(change);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.match(problems[0] ?? "", sentence);
    });
  }

  test("all problems are told at once", () => {
    assert.equal(problemsWith({ sourceAmiId: "x", timeoutMinutes: -1, name: "" }).length, 3);
  });

  test("an external id is never repeated", () => {
    const externalId = "not allowed: ä-secret";
    const assumeRole = { roleArn: "arn:aws:iam::123456789012:role/a", externalId };
    const [problem] = problemsWith({ source: { ...side, assumeRole } });
    assert.match(problem ?? "", /^source\.assumeRole\.externalId: must be/);
    assert.ok(!problem?.includes("secret"));
  });

  test("regions of all partitions are known by their form", () => {
    const regions = [
      "us-east-1",
      "ap-southeast-4",
      "us-gov-west-1",
      "cn-northwest-1",
      "eusc-de-east-1",
    ];
    for (const region of [...regions, "us-isob-east-1", "eu-isoe-west-1", "mx-central-1"]) {
      assert.deepEqual(problemsWith({ source: { region } }), []);
    }
  });
});

suite("a preview", () => {
  test("may not know any part of a request yet", () => {
    const whole = {
      ...least,
      source: {
        region: "us-east-1",
        profile: "a",
        assumeRole: { roleArn: "arn:aws:iam::123456789012:role/a", externalId: "12" },
      },
      name: "golden",
      tags: { a: "b" },
      encrypted: true,
      kmsKeyId: "alias/a",
      helper: { source: { instanceType: "c8gn.large", tags: { a: "b" } }, destination: {} },
      timeoutMinutes: 10,
    };
    const path = fc.array(fc.nat(20), { maxLength: 4 });
    fc.assert(
      fc.property(path, (steps) => {
        const { problems } = checkRequest(withUnknown(whole, steps));
        assert.deepEqual(problems, []);
      }),
    );
  });

  test("leaves what is unknown as it is", () => {
    const { request } = checkRequest({ ...least, sourceAmiId: UNKNOWN });
    assert.equal((request as typeof least).sourceAmiId, UNKNOWN);
    assert.ok(isUnknown(request));
    assert.ok(!isUnknown(least));
  });
});

test("nothing that a program can pass makes the check throw", () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      checkRequest(value);
      checkRequest({ ...least, tags: value, source: value, helper: value, timeoutMinutes: value });
    }),
  );
});

/** A copy in which the value that the steps lead to is not known yet. */
function withUnknown(value: unknown, [step, ...steps]: number[]): unknown {
  if (step === undefined || typeof value !== "object" || value === null) return UNKNOWN;
  const keys = Object.keys(value);
  if (keys.length === 0) return UNKNOWN;
  const key = keys[step % keys.length] ?? "";
  return { ...value, [key]: withUnknown((value as Record<string, unknown>)[key], steps) };
}

test("whom to let in is one address, with or without /32, and an hour is the default", () => {
  const debug = { keyName: "k", sshFrom: "203.0.113.7/32" };
  const { request, problems } = checkRequest({ ...least, helper: { source: { debug } } });
  assert.deepEqual(problems, []);
  const { helper } = request as CopyRequest;
  const kept = { keyName: "k", sshFrom: "203.0.113.7", keepMinutes: 60 };
  assert.deepEqual(helper.source.debug, kept);
});
