import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTagsCommand,
  DescribeAccountAttributesCommand,
  DescribeImagesCommand,
  DescribeRegionsCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import fc from "fast-check";
import { ApiError } from "../../localcloud/protocol/api-error.ts";
import { findOperation } from "../../localcloud/protocol/operations.ts";
import { readInput } from "../../localcloud/protocol/query-reader.ts";
import { availableVolume, openConformanceCloud, refusal } from "./conformance-cloud.ts";

const cloud = await openConformanceCloud();

function read(action: string, parameters: readonly (readonly [string, string])[]): unknown {
  const operation = findOperation("ec2", action);
  assert.ok(operation);
  return readInput(operation, parameters);
}

function readCode(action: string, parameters: readonly (readonly [string, string])[]): string {
  try {
    read(action, parameters);
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error.code;
  }
  return "none";
}

// [SDK ec2Query protocol]: flat lists, capitalised names
test("parameters become the input shape that the SDK serialises", () => {
  assert.deepEqual(
    read("DescribeImages", [
      ["Filter.1.Name", "name"],
      ["Filter.1.Value.2", "b"],
      ["Filter.1.Value.1", "a"],
      ["ImageId.1", "ami-1"],
      ["IncludeDeprecated", "true"],
      ["MaxResults", "7"],
    ]),
    {
      Filters: [{ Name: "name", Values: ["a", "b"] }],
      ImageIds: ["ami-1"],
      IncludeDeprecated: true,
      MaxResults: 7,
    },
  );
});

// [errors-overview]: UnknownParameter, InvalidParameterValue, MissingParameter, InvalidQueryParameter
test("an unknown, mistyped, missing or doubled parameter is refused with EC2's codes", () => {
  assert.equal(readCode("DescribeImages", [["Colour", "red"]]), "UnknownParameter");
  assert.equal(readCode("DescribeImages", [["Filter.1.Colour", "red"]]), "UnknownParameter");
  assert.equal(readCode("DescribeImages", [["Filter.x.Name", "red"]]), "UnknownParameter");
  assert.equal(readCode("DescribeImages", [["ImageId.1.x", "red"]]), "UnknownParameter");
  assert.equal(readCode("DescribeImages", [["MaxResults", "many"]]), "InvalidParameterValue");
  assert.equal(readCode("DescribeImages", [["DryRun", "yes"]]), "InvalidParameterValue");
  assert.equal(readCode("DescribeImages", [["ImageId", "ami-1"]]), "InvalidParameterValue");
  assert.equal(readCode("CreateSnapshot", []), "MissingParameter");
  const twice = [
    ["MaxResults", "7"],
    ["MaxResults", "8"],
  ] as const;
  assert.equal(readCode("DescribeImages", twice), "InvalidQueryParameter");
});

test("whatever the parameters are, they are read or refused, never anything else", () => {
  const part = fc.oneof(
    fc.constantFrom("Filter", "ImageId", "Name", "Value", "1", "2", "", "__proto__", "MaxResults"),
    fc.string({ maxLength: 6 }),
  );
  const path = fc.array(part, { maxLength: 6 }).map((parts) => parts.join("."));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(path, fc.string({ maxLength: 8 })), { maxLength: 12 }),
      (list) => {
        try {
          read("DescribeImages", list);
        } catch (error) {
          assert.ok(error instanceof ApiError, String(error));
        }
      },
    ),
    { numRuns: 300 },
  );
});

// moto: an unimplemented call must not look like a passing fault
test("an action that localcloud does not have answers InvalidAction, and nobody asks again", async () => {
  const from = cloud.localcloud.calls.length;
  const call = cloud.ec2().send(new DescribeAccountAttributesCommand({}));
  assert.equal(await refusal(call), "InvalidAction");
  assert.equal(cloud.localcloud.calls.length - from, 1);
});

test("the client of another service is told that it is not here, in its own format", async () => {
  const answer = await fetch(cloud.localcloud.endpoint, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      Authorization: `AWS4-HMAC-SHA256 Credential=AKIA/20261124/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`,
    },
    body: "{}",
  });
  assert.equal(answer.status, 400);
  assert.deepEqual(await answer.json(), {
    __type: "InvalidAction",
    message: "localcloud does not have the service ssm.",
  });
});

// moto: a success that did nothing is worse than a refusal
test("a parameter that localcloud does not honour is refused by name", async () => {
  const call = cloud.ec2().send(
    new RunInstancesCommand({
      MinCount: 1,
      MaxCount: 1,
      HibernationOptions: { Configured: true },
    }),
  );
  await assert.rejects(call, /HibernationOptions of RunInstances/);
});

test("text comes back as it was sent, whatever is in it", async () => {
  const ec2 = cloud.ec2();
  const id = await availableVolume(ec2);
  const value = "<a> & \"b\" 'c' äöü 漢字 😀 ]]> =+%20;#";
  await ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: "k", Value: value }] }));
  const { Volumes: [volume] = [] } = await ec2.send(
    new DescribeVolumesCommand({ VolumeIds: [id] }),
  );
  assert.deepEqual(volume?.Tags, [{ Key: "k", Value: value }]);
});

// [SDK GetCallerIdentity]; arn partition follows the account
test("each profile is an account of its partition", async () => {
  const source = await cloud.sts("aws-2").send(new GetCallerIdentityCommand({}));
  assert.equal(source.Account, "100000000002");
  assert.equal(source.Arn, "arn:aws:iam::100000000002:user/amicopy");
  const gov = cloud.sts("aws-us-gov-1", "us-gov-west-1");
  const { Arn: arn } = await gov.send(new GetCallerIdentityCommand({}));
  assert.equal(arn, "arn:aws-us-gov:iam::200000000001:user/amicopy");
});

// [errors-overview] AuthFailure; STS: InvalidClientTokenId
test("keys work in their own partition only", async () => {
  const regions = new DescribeRegionsCommand({});
  assert.equal(await refusal(cloud.ec2("aws-1", "us-gov-west-1").send(regions)), "AuthFailure");
  assert.equal(await refusal(cloud.ec2("aws-cn-1", "us-east-1").send(regions)), "AuthFailure");
  const identity = new GetCallerIdentityCommand({});
  assert.equal(
    await refusal(cloud.sts("aws-1", "cn-north-1").send(identity)),
    "InvalidClientTokenId",
  );
});

test("a region that does not exist is named in the refusal", async () => {
  const call = cloud.ec2("aws-1", "us-esat-1").send(new DescribeRegionsCommand({}));
  await assert.rejects(call, { name: "AuthFailure", message: /no region us-esat-1/ });
});

test("an unknown key and a wrong secret are refused", async () => {
  const { endpoint, env } = cloud.localcloud;
  const accessKeyId = env.SOURCE_AWS_ACCESS_KEY_ID ?? "";
  const wrong = { region: "us-east-1", endpoint, maxAttempts: 1 };
  const ec2 = new EC2Client({ ...wrong, credentials: { accessKeyId, secretAccessKey: "guess" } });
  assert.equal(await refusal(ec2.send(new DescribeRegionsCommand({}))), "AuthFailure");
  const sts = new STSClient({ ...wrong, credentials: { accessKeyId, secretAccessKey: "guess" } });
  assert.equal(await refusal(sts.send(new GetCallerIdentityCommand({}))), "SignatureDoesNotMatch");
  const stranger = { accessKeyId: "AKIASTRANGER00000000", secretAccessKey: "guess" };
  const strange = new STSClient({ ...wrong, credentials: stranger });
  assert.equal(
    await refusal(strange.send(new GetCallerIdentityCommand({}))),
    "InvalidClientTokenId",
  );
  for (const client of [ec2, sts, strange]) client.destroy();
});

// [SDK AssumeRole]
test("an assumed role acts in the role's account until its session ends", async () => {
  const roleArn = "arn:aws:iam::100000000002:role/amicopy";
  const { Credentials: keys } = await cloud
    .sts()
    .send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "test" }));
  const sts = new STSClient({
    region: "us-east-1",
    endpoint: cloud.localcloud.endpoint,
    credentials: {
      accessKeyId: keys?.AccessKeyId ?? "",
      secretAccessKey: keys?.SecretAccessKey ?? "",
      sessionToken: keys?.SessionToken ?? "",
    },
  });
  const { Arn: arn } = await sts.send(new GetCallerIdentityCommand({}));
  assert.equal(arn, "arn:aws:sts::100000000002:assumed-role/amicopy/test");
  sts.destroy();
});

// [SDK AssumeRole]: ExternalId; role ARNs are per partition
test("a role that does not exist, of another partition or with another external id is denied", async () => {
  const assume = (RoleArn: string, ExternalId?: string) =>
    cloud.sts().send(
      new AssumeRoleCommand({
        RoleArn,
        RoleSessionName: "test",
        ...(ExternalId === undefined ? {} : { ExternalId }),
      }),
    );
  const external = "arn:aws:iam::100000000001:role/amicopy-external";
  assert.equal(await refusal(assume("arn:aws:iam::100000000001:role/nobody")), "AccessDenied");
  assert.equal(
    await refusal(assume("arn:aws-us-gov:iam::200000000001:role/amicopy")),
    "AccessDenied",
  );
  assert.equal(await refusal(assume(external)), "AccessDenied");
  assert.equal(await refusal(assume(external, "wrong")), "AccessDenied");
  assert.ok((await assume(external, "amicopy-test")).Credentials);
  assert.equal(await refusal(assume("role/amicopy")), "ValidationError");
});

// moto: DescribeRegions gave the commercial list in every partition
test("a partition knows its own regions only", async () => {
  const china = cloud.ec2("aws-cn-1", "cn-north-1");
  const { Regions: regions } = await china.send(new DescribeRegionsCommand({}));
  assert.deepEqual(
    regions?.map((one) => one.RegionName),
    ["cn-north-1", "cn-northwest-1"],
  );
  assert.match(regions?.[0]?.Endpoint ?? "", /\.amazonaws\.com\.cn$/);
});

test("every call is in the log, with who, where, what and how it ended", async () => {
  await refusal(
    cloud.ec2("aws-2", "eu-west-1").send(new DescribeImagesCommand({ ImageIds: ["x"] })),
  );
  const { at: _at, ...call } = cloud.localcloud.calls.at(-1) ?? { at: 0 };
  assert.deepEqual(call, {
    service: "ec2",
    action: "DescribeImages",
    accountId: "100000000002",
    region: "eu-west-1",
    ids: [],
    dryRun: false,
    outcome: "InvalidAMIID.Malformed",
  });
});
