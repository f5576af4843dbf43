/**
 * IAM policies from what was really called: the least that one side of a copy needs. Made from
 * localcloud's log of a whole life of a copy (`tests/tools/copy-life.ts`), written by
 * `npm run iam-policies` into `docs/iam/`, and held against every later life by the tests.
 *
 * What makes something may do so only with our tag in the request; what changes, reads or deletes
 * something may do so only when our tag is on it, except where it was also used on things that are
 * not ours (the source's snapshots, the helper's image, a subnet, a VPC).
 */

import type { CallRecord } from "../localcloud/call-log.ts";

export interface Policy {
  readonly Version: "2012-10-17";
  readonly Statement: readonly Statement[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >;
}

const RUN_TAG = "amicopy:run";
const REQUEST_TAGGED = { Null: { [`aws:RequestTag/${RUN_TAG}`]: "false" } };
const RESOURCE_TAGGED = { Null: { [`aws:ResourceTag/${RUN_TAG}`]: "false" } };

/** EC2: a managed policy, without white space. [IAM quotas] */
export const POLICY_MAX_LENGTH = 6144;

/**
 * The kinds of things that IAM asks about for each action, from the Service Authorization Reference
 * (Actions, resources, and condition keys for Amazon EC2): made by the call, or there before. What a
 * call does not name is not asked about.
 */
const AUTHORIZED: Readonly<Record<string, { makes?: readonly string[]; uses: readonly string[] }>> =
  {
    RunInstances: {
      makes: ["instance", "network-interface", "volume"],
      uses: ["image", "key-pair", "security-group", "snapshot", "subnet"],
    },
    CreateSecurityGroup: { makes: ["security-group"], uses: ["vpc"] },
    CreateSnapshot: { makes: ["snapshot"], uses: ["volume"] },
    CreateSnapshots: { makes: ["snapshot"], uses: ["instance", "volume"] },
    RegisterImage: { makes: ["image"], uses: ["snapshot"] },
    CreateVolume: { makes: ["volume"], uses: ["snapshot"] },
    CreateImage: { makes: ["image", "snapshot"], uses: ["instance"] },
    StopInstances: { uses: ["instance"] },
    AttachVolume: { uses: ["instance", "volume"] },
    DetachVolume: { uses: ["instance", "volume"] },
    CreateTags: { uses: ["image", "instance", "security-group", "snapshot", "volume"] },
    DeleteTags: { uses: ["image", "instance", "security-group", "snapshot", "volume"] },
    GetConsoleOutput: { uses: ["instance"] },
    TerminateInstances: { uses: ["instance"] },
    DeleteVolume: { uses: ["volume"] },
    DeleteSnapshot: { uses: ["snapshot"] },
    DeleteSecurityGroup: { uses: ["security-group"] },
    AuthorizeSecurityGroupIngress: { uses: ["security-group"] },
    AuthorizeSecurityGroupEgress: { uses: ["security-group"] },
    RevokeSecurityGroupIngress: { uses: ["security-group"] },
    RevokeSecurityGroupEgress: { uses: ["security-group"] },
    DeregisterImage: { uses: ["image"] },
    ModifyImageAttribute: { uses: ["image"] },
    ModifySnapshotAttribute: { uses: ["snapshot"] },
    EnableImageDeregistrationProtection: { uses: ["image"] },
    DisableImageDeregistrationProtection: { uses: ["image"] },
    ReplaceImageInstanceTypeSpecification: { uses: ["image"] },
    EnableImage: { uses: ["image"] },
    DisableImage: { uses: ["image"] },
    EnableImageDeprecation: { uses: ["image"] },
    DisableImageDeprecation: { uses: ["image"] },
  };

/** One question that IAM has to answer with yes before a call is done. */
export interface Question {
  /** `ec2:RunInstances` */
  readonly action: string;
  /** As in ARNs; absent for an action that knows no things. */
  readonly kind?: string;
  readonly requestTagKeys: readonly string[];
  /** Of the thing before the call; absent when the call makes it. */
  readonly resourceTagKeys?: readonly string[];
  /** For tags given in the call that makes the thing. */
  readonly createAction?: string;
}

/** @throws Error for an action whose kinds of things are not written down here. */
export function questionsOf({ service, action: name, subject }: CallRecord): Question[] {
  const action = `${service}:${name}`;
  // A console is an instance's; what else is got is the account's own.
  const isLook = name.startsWith("Describe") || /^Get(?!Console)/.test(name);
  if (service === "sts" || isLook) return [{ action, requestTagKeys: [] }];
  const authorized = AUTHORIZED[name];
  if (authorized === undefined) {
    throw new Error(
      `${action} is new: add what it is about to AUTHORIZED in tools/iam-policies.ts`,
    );
  }
  const { makes = [], uses } = authorized;
  const tagKeysOf = (kind: string) => subject?.requestTagKeys[kind] ?? [];
  const made = makes.flatMap((kind): Question[] => {
    const requestTagKeys = tagKeysOf(kind);
    const tagging = { action: "ec2:CreateTags", kind, requestTagKeys, createAction: name };
    return [{ action, kind, requestTagKeys }, ...(requestTagKeys.length > 0 ? [tagging] : [])];
  });
  const used = (subject?.things ?? [])
    .filter(({ kind }) => uses.includes(kind))
    .map(({ kind, tagKeys }) => ({ action, kind, requestTagKeys: [], resourceTagKeys: tagKeys }));
  return [...made, ...used];
}

/** The policy that allows these calls, and as little else as our tags let it. */
export function policyFor(calls: readonly CallRecord[]): Policy {
  const questions = calls.flatMap(questionsOf);
  const plain = questions.filter(({ kind }) => kind === undefined);
  const making = questions.filter(({ kind, resourceTagKeys, createAction }) => {
    return kind !== undefined && resourceTagKeys === undefined && createAction === undefined;
  });
  const tagging = questions.filter(({ createAction }) => createAction !== undefined);
  const using = questions.filter(({ resourceTagKeys }) => resourceTagKeys !== undefined);
  // A kind that an action was used on without our tag even once cannot be restricted for it.
  const free = new Set(using.filter((one) => !hasRunTag(one)).map(useOf));
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Look",
        Effect: "Allow",
        Action: sorted(plain.map(({ action }) => action)),
        Resource: "*",
      },
      ...byKinds(making).map((group) => statement("Make", group, REQUEST_TAGGED)),
      {
        Sid: "TagWhatIsMade",
        Effect: "Allow",
        Action: ["ec2:CreateTags"],
        Resource: arns(tagging),
        Condition: {
          StringEquals: {
            "ec2:CreateAction": sorted(tagging.map((one) => one.createAction ?? "")),
          },
        },
      },
      ...byKinds(using.filter((one) => free.has(useOf(one)))).map((group) =>
        statement("Use", group),
      ),
      ...byKinds(using.filter((one) => !free.has(useOf(one)))).map((group) =>
        statement("Own", group, RESOURCE_TAGGED),
      ),
    ],
  };
}

function hasRunTag({ resourceTagKeys = [] }: Question): boolean {
  return resourceTagKeys.includes(RUN_TAG);
}

const useOf = ({ action, kind }: Question) => `${action} ${kind}`;

interface KindGroup {
  readonly kinds: readonly string[];
  readonly actions: readonly string[];
}

/** Actions that are about the same kinds share a statement. */
function byKinds(questions: readonly Question[]): KindGroup[] {
  const byAction = Map.groupBy(questions, ({ action }) => action);
  const withKinds = [...byAction].map(([action, those]) => ({
    action,
    kinds: sorted(those.map(({ kind = "" }) => kind)),
  }));
  return [...Map.groupBy(withKinds, ({ kinds }) => kinds.join(" ")).values()]
    .map((group) => ({
      kinds: group[0]?.kinds ?? [],
      actions: sorted(group.map(({ action }) => action)),
    }))
    .toSorted((a, b) => (a.kinds.join() < b.kinds.join() ? -1 : 1));
}

function statement(
  verb: string,
  { kinds, actions }: KindGroup,
  condition?: NonNullable<Statement["Condition"]>,
): Statement {
  const words = kinds.flatMap((kind) => kind.split("-"));
  const name = words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join("");
  return {
    Sid: `${verb}${name}`,
    Effect: "Allow",
    Action: actions,
    Resource: kinds.map(arnPattern),
    ...(condition !== undefined && { Condition: condition }),
  };
}

function arns(questions: readonly Question[]): string[] {
  return sorted(questions.map(({ kind = "" }) => kind)).map(arnPattern);
}

/** Any partition, region and account: those are decided by whose policy it is. */
function arnPattern(kind: string): string {
  // EC2: images and snapshots have no account in their ARN.
  const account = kind === "image" || kind === "snapshot" ? "" : "*";
  return `arn:*:ec2:*:${account}:${kind}/*`;
}

function sorted(texts: readonly string[]): string[] {
  return [...new Set(texts)].toSorted();
}

/** Whether a policy as this file makes them answers a question with yes. */
export function isAllowed(policy: Policy, question: Question): boolean {
  return policy.Statement.some(
    ({ Action, Resource, Condition = {} }) =>
      Action.includes(question.action) &&
      (Resource === "*" ||
        (question.kind !== undefined && Resource.includes(arnPattern(question.kind)))) &&
      Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([key, value]) => holds(question, operator, key, value)),
      ),
  );
}

/** @throws Error for a condition that nobody has taught it. */
function holds(
  { requestTagKeys, resourceTagKeys = [], createAction = "" }: Question,
  operator: string,
  key: string,
  value: string | readonly string[],
): boolean {
  if (operator === "StringEquals" && key === "ec2:CreateAction")
    return value.includes(createAction);
  const [, origin, tag = ""] = /^aws:(Request|Resource)Tag\/(.+)$/.exec(key) ?? [];
  if (operator !== "Null" || value !== "false" || origin === undefined) {
    throw new Error(`the condition ${operator} ${key} is not understood`);
  }
  return (origin === "Request" ? requestTagKeys : resourceTagKeys).includes(tag);
}
