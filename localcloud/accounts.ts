/**
 * Who is who: two accounts in each partition, their access keys, and the sessions that AssumeRole
 * hands out. An account exists in one partition only, as with the real ones.
 */

import { randomBytes } from "node:crypto";
import { PARTITIONS } from "./catalog/regions.ts";
import { ApiError } from "./protocol/api-error.ts";

export interface Account {
  readonly id: string;
  readonly partition: string;
  /** Name of its profile in the shared configuration files, e.g. `aws-us-gov-1`. */
  readonly profile: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Whoever signed a request. */
export interface Caller {
  readonly account: Account;
  readonly arn: string;
  readonly userId: string;
}

/** What AssumeRole gives. */
export interface Session {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
  readonly caller: Caller;
}

/** A role that exists in every account; `externalId` is required when present. */
interface Role {
  readonly name: string;
  readonly externalId?: string;
}

/** First digit of the account ids of a partition, so that a person sees where an id belongs. */
const ACCOUNT_DIGIT: Readonly<Record<string, string>> = {
  aws: "1",
  "aws-us-gov": "2",
  "aws-cn": "3",
};

const ACCOUNTS_PER_PARTITION = 2;

const ROLES: readonly Role[] = [
  { name: "amicopy" },
  { name: "amicopy-external", externalId: "amicopy-test" },
];

/**
 * Both accounts of a partition belong to one organization, which the first one manages; the second
 * is in an organizational unit.
 *
 * @returns ARNs of whatever the account is in.
 */
export function organizationsOf(accountId: string, partition: string): string[] {
  const manager = accountId.replace(/\d$/, "1");
  const prefix = `arn:${partition}:organizations::${manager}`;
  const organization = `${prefix}:organization/${ORGANIZATION_ID}`;
  if (accountId === manager) return [organization];
  return [organization, `${prefix}:ou/${ORGANIZATION_ID}/ou-ab12-34567890`];
}

const ORGANIZATION_ID = "o-amicopy1234";

/** Owner of the public images, in every partition. Nobody has keys for it. */
export const AMAZON_ACCOUNT_ID = "137112412989";

/** What `aws configure` users of a localcloud have: the accounts and everything issued for them. */
export class Accounts {
  readonly all: readonly Account[] = makeAccounts();
  readonly #sessions = new Map<string, Session>();

  /** Every key and token that was ever good for something here: for those who look for leaks. */
  secrets(): { readonly name: string; readonly value: string }[] {
    const sessions = [...this.#sessions.values()].flatMap(({ secretAccessKey, sessionToken }) => [
      { name: "the secret key of a session", value: secretAccessKey },
      { name: "the token of a session", value: sessionToken },
    ]);
    const keys = this.all.flatMap(({ profile, accessKeyId, secretAccessKey }) => [
      { name: `the key id of ${profile}`, value: accessKeyId },
      { name: `the secret key of ${profile}`, value: secretAccessKey },
    ]);
    return [...keys, ...sessions];
  }

  find(accountId: string, partition: string): Account | undefined {
    return this.all.find((one) => one.id === accountId && one.partition === partition);
  }

  /** @returns the secret to check the signature with, and who it is. */
  signer(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): { secretAccessKey: string; caller: Caller; expiration?: Date } | undefined {
    const session = this.#sessions.get(accessKeyId);
    if (session !== undefined) {
      return session.sessionToken === sessionToken ? session : undefined;
    }
    const account = this.all.find((one) => one.accessKeyId === accessKeyId);
    if (account === undefined || sessionToken !== undefined) return undefined;
    return { secretAccessKey: account.secretAccessKey, caller: userOf(account) };
  }

  /** @throws ApiError `AccessDenied` when there is no such role or it may not be assumed so. */
  assumeRole(request: {
    readonly caller: Caller;
    readonly roleArn: string;
    readonly sessionName: string;
    readonly externalId: string | undefined;
    readonly durationSeconds: number;
  }): Session {
    const { caller, roleArn, sessionName } = request;
    const match = /^arn:([\w-]+):iam::(\d{12}):role\/([\w+=,.@/-]{1,512})$/.exec(roleArn);
    const [, partition = "", accountId = "", roleName = ""] = match ?? [];
    const account = this.find(accountId, partition);
    const role = ROLES.find((one) => one.name === roleName);
    if (
      account === undefined ||
      role === undefined ||
      partition !== caller.account.partition ||
      (role.externalId !== undefined && role.externalId !== request.externalId)
    ) {
      throw new ApiError(
        "AccessDenied",
        `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      );
    }
    const roleId = `AROA${account.id.padStart(17, "A")}`;
    const session: Session = {
      accessKeyId: `ASIA${randomKey(16)}`,
      secretAccessKey: randomBytes(30).toString("base64"),
      sessionToken: randomBytes(96).toString("base64"),
      expiration: new Date(Date.now() + request.durationSeconds * 1000),
      caller: {
        account,
        arn: `arn:${partition}:sts::${account.id}:assumed-role/${roleName}/${sessionName}`,
        userId: `${roleId}:${sessionName}`,
      },
    };
    this.#sessions.set(session.accessKeyId, session);
    return session;
  }
}

function makeAccounts(): Account[] {
  return PARTITIONS.flatMap(({ name: partition }) =>
    Array.from({ length: ACCOUNTS_PER_PARTITION }, (_, i) => ({
      id: `${ACCOUNT_DIGIT[partition] ?? "9"}0000000000${i + 1}`,
      partition,
      profile: `${partition}-${i + 1}`,
      accessKeyId: `AKIA${randomKey(16)}`,
      secretAccessKey: randomBytes(30).toString("base64"),
    })),
  );
}

function userOf(account: Account): Caller {
  return {
    account,
    arn: `arn:${account.partition}:iam::${account.id}:user/amicopy`,
    userId: `AIDA${account.id.padStart(17, "A")}`,
  };
}

/** Access key ids are base32. */
function randomKey(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return Array.from(randomBytes(length), (byte) => alphabet[byte % 32]).join("");
}
