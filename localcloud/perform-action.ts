/**
 * The one way to every action: read the input, do it, note it in the log. Whatever is to happen to
 * calls as such (faults, throttling) goes through here and nowhere else.
 */

import { checkRight } from "./account-rights.ts";
import type { Caller } from "./accounts.ts";
import { ACTIONS } from "./actions/table.ts";
import { Call } from "./call.ts";
import { idsIn } from "./call-log.ts";
import { type CallSubject, subjectOf } from "./call-subject.ts";
import type { Region } from "./catalog/regions.ts";
import { ApiError } from "./protocol/api-error.ts";
import { NoAnswer } from "./protocol/no-answer.ts";
import { findOperation, type OperationSchema, type Service } from "./protocol/operations.ts";
import type { Cloud } from "./store.ts";

/** After these a packet may pass that did not before, or the other way round. */
const CHANGES_RULES = /^(?:(?:Authorize|Revoke)SecurityGroup|ModifyInstanceAttribute)/;

export interface ActionRequest {
  readonly service: Service;
  readonly action: string;
  /** @throws ApiError when the input is not of the operation's shape. */
  readonly readInput: (operation: OperationSchema) => Record<string, unknown>;
  readonly caller: Caller;
  readonly region: Region;
}

/**
 * @throws ApiError for every refusal, also those that are bugs of localcloud.
 * @throws NoAnswer when the caller is to hear nothing.
 */
export async function performAction(
  cloud: Cloud,
  request: ActionRequest,
): Promise<{ operation: OperationSchema; output: object }> {
  const { service, action: name, caller, region } = request;
  const note = {
    at: new Date(cloud.now()),
    service,
    action: name,
    accountId: caller.account.id,
    region: region.name,
  };
  let input: Record<string, unknown> = {};
  let about: { subject?: CallSubject } = {};
  let made: object | undefined;
  try {
    const operation = findOperation(service, name);
    const action = ACTIONS.get(`${service} ${name}`);
    if (operation === undefined || action === undefined) {
      throw new ApiError(
        service === "servicequotas" ? "UnknownOperationException" : "InvalidAction",
        operation === undefined
          ? `The action ${name} is not valid for this web service.`
          : `localcloud does not have the action ${name}.`,
      );
    }
    input = request.readInput(operation);
    const call = new Call(cloud, caller, region, input.DryRun === true);
    if (service === "ec2" && !name.startsWith("Describe"))
      about = { subject: subjectOf(input, call) };
    checkRight(call, service, name);
    const inHand = { service, action: name, input, call };
    const { output, failure } = await cloud.faults.around(inHand, () => action.run(input, call));
    if (output !== undefined) {
      endDryRun(call, name);
      made = /^(Describe|Get)/.test(name) ? undefined : output;
      if (CHANGES_RULES.test(name)) await cloud.machinery.applyRules?.();
    }
    if (failure !== undefined) throw failure;
    cloud.calls.add({ ...note, ids: idsIn(input, made), dryRun: false, outcome: "ok", ...about });
    return { operation, output };
  } catch (error) {
    const refusal = error instanceof NoAnswer ? error : asApiError(error, name, cloud);
    const outcome = refusal instanceof NoAnswer ? "no-answer" : refusal.code;
    const dryRun = input.DryRun === true;
    cloud.calls.add({ ...note, ids: idsIn(input, made), dryRun, outcome, ...about });
    throw refusal;
  }
}

/** A describe call that worked; one that changes something must have ended its dry run before. */
function endDryRun(call: Call, name: string): void {
  if (!call.dryRun) return;
  if (call.committed || !/^(Describe|Get)/.test(name)) {
    throw new Error(`${name} did not end its dry run before it changed something`);
  }
  call.endDryRun();
}

function asApiError(error: unknown, name: string, cloud: Cloud): ApiError {
  if (error instanceof ApiError) return error;
  if (!cloud.closing.aborted) console.error(`localcloud: ${name} failed:`, error);
  const reason = error instanceof Error ? error.message : String(error);
  return new ApiError("InternalError", `localcloud failed in ${name}: ${reason}`, { cause: error });
}
