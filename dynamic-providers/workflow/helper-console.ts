/**
 * What one helper says, read from its serial console and acknowledged by a tag. The console is a
 * ring with delay and noise, and it is text of a machine: nothing in it is believed but intact lines
 * of the contract.
 */

import {
  BOOT_SEQUENCE,
  decodeConsoleLines,
  type HelperMessage,
  Tag,
} from "../../agent/contract.ts";
import { isCloudError } from "../ec2/cloud-error.ts";
import type { Ec2 } from "../ec2/ec2.ts";
import { CopyError, isCopyError } from "./copy-error.ts";
import type { Helper } from "./launch-helper.ts";

type Message<Type extends HelperMessage["type"]> = HelperMessage & { readonly type: Type };

/** Lines of a console that an error shows, and of the other helper's when that may say more. */
const TAIL_LINES = 20;
const OTHER_TAIL_LINES = 10;
/** Ours: a helper has one state line a volume and three more; whoever says much more is no helper. */
const STATES_MAX = 1000;
/** How the engine says that it tells the other helper's trouble, not its own (tsunami/sealed/session.ts). */
const RELAYED = /^the peer gave up: /;
/** Ours: a line of noise longer than this says nothing more. */
const TAIL_LINE_MAX_LENGTH = 200;

const MOUNTED_HINT =
  "The helper's own system has booted from the disk or mounted it: their file systems have the same " +
  "UUID, as those of one release of an image have. Give helper.source.imageId of another release.";

const MISSING_HINT =
  "The helper finds its volumes by the links /dev/sdf, … that Amazon Linux makes for EBS devices. Another image needs " +
  "them, too: of the package amazon-ec2-utils, or give none.";

export class HelperConsole {
  readonly helper: Helper;
  readonly #cloud: Ec2;
  readonly #step: string;
  readonly #states = new Map<number, HelperMessage>();
  #heardUpTo = 0;
  #acknowledged = 0;
  #text = "";
  /** Digest by index of the job's disks. */
  readonly digests = new Map<number, string>();
  hello: Message<"hello"> | undefined;
  progress: Message<"progress"> | undefined;
  done: Message<"done"> | undefined;
  failed: Message<"failed"> | undefined;
  /** When it last said something new, by the caller's clock. */
  heardAtMs: number;

  constructor(cloud: Ec2, helper: Helper, nowMs: number) {
    this.#cloud = cloud;
    this.helper = helper;
    this.#step = "follow-helper";
    this.heardAtMs = nowMs;
  }

  get name(): string {
    const { side, instance } = this.helper;
    return `${side} helper ${instance.instanceId} (${this.#cloud.region})`;
  }

  /** Reads the console once, takes in what is new, acknowledges it. */
  async listen(nowMs: number): Promise<void> {
    const { instanceId } = this.helper.instance;
    const text = await this.#cloud.consoleOutput(instanceId);
    if (text !== this.#text && this.#take(text)) this.heardAtMs = nowMs;
    this.#text = text;
    if (this.#heardUpTo > this.#acknowledged) {
      await this.#cloud.setTags([instanceId], { [Tag.acknowledged]: String(this.#heardUpTo) });
      this.#acknowledged = this.#heardUpTo;
    }
  }

  /** @throws CopyError when the helper has failed or its instance no longer runs. */
  async check(): Promise<void> {
    if (this.failed !== undefined) throw this.failure();
    const { instanceId } = this.helper.instance;
    const [instance] = await this.#cloud.describeInstances({ ids: [instanceId] });
    if (instance?.state === "running") return;
    // Its last words may say why.
    await this.listen(this.heardAtMs).catch(() => undefined);
    if (this.failed !== undefined) throw this.failure();
    const state = instance?.state ?? "gone";
    const why = instance?.stateReason === undefined ? "" : ` (${instance.stateReason})`;
    throw new CopyError(`the ${this.name} is ${state}${why}${this.tail()}`, {
      code: "helper-lost",
      step: this.#step,
      ids: [instanceId],
      hint: "Run `pulumi up` again; if it happens again, try another helper instance type.",
    });
  }

  /** @param said - Its trouble, when another one has told it. */
  failure(said = this.failed): CopyError {
    const { code, message } = said ?? { code: "internal", message: "" };
    return new CopyError(`the ${this.name} failed: ${code}: ${message}${this.tail()}`, {
      code: code === "digest-mismatch" ? "digest-mismatch" : "helper-failed",
      step: this.#step,
      ids: [this.helper.instance.instanceId],
      ...(code === "digest-mismatch" && { hint: "Nothing was registered. Run `pulumi up` again." }),
      ...(code === "disk-missing" && { hint: MISSING_HINT }),
      ...(code === "disk-io" && message.includes("EBUSY") && { hint: MOUNTED_HINT }),
    });
  }

  /** The end of the console for an error, harmless to whoever prints it. */
  tail(lineCount = TAIL_LINES): string {
    return consoleTail(this.#text, lineCount);
  }

  /** @returns Whether something was new. */
  #take(text: string): boolean {
    let isNew = false;
    for (const { sequence, message } of decodeConsoleLines(text)) {
      if (sequence === 0) {
        if (message.type !== "progress") continue;
        isNew ||= message.bytesDone !== this.progress?.bytesDone;
        this.progress = message;
        continue;
      }
      if (this.#states.has(sequence) || this.#states.size >= STATES_MAX) continue;
      this.#states.set(sequence, message);
      isNew = true;
      if (sequence === BOOT_SEQUENCE && message.type === "failed") this.failed ??= message;
    }
    // In order and without gaps only: what is acknowledged will not be said again.
    for (let next = this.#states.get(this.#heardUpTo + 1); next; ) {
      this.#heardUpTo++;
      this.#accept(next);
      next = this.#states.get(this.#heardUpTo + 1);
    }
    return isNew;
  }

  #accept(message: HelperMessage): void {
    switch (message.type) {
      case "hello":
        this.hello ??= message;
        return;
      case "volume":
        if (!this.digests.has(message.index)) this.digests.set(message.index, message.digest);
        return;
      case "done":
        this.done ??= message;
        return;
      case "failed":
        this.failed ??= message;
        return;
      case "progress":
        return;
      default:
        message satisfies never;
    }
  }
}

/**
 * The last lines of a console, with everything that is not plain ASCII made visible. Without our own
 * intact lines, which are said again and again and have been understood: room for what was not.
 */
export function consoleTail(text: string, lineCount = TAIL_LINES): string {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && decodeConsoleLines(line).length === 0)
    .filter((line, index, all) => line !== all[index - 1])
    .slice(-lineCount)
    .map((line) => escapeControls(line.slice(-TAIL_LINE_MAX_LENGTH)));
  if (lines.length === 0) return "; its console is empty";
  return `; the end of its console:\n${lines.map((line) => `  | ${line}`).join("\n")}`;
}

function escapeControls(line: string): string {
  return line.replace(/[^\x20-\x7e]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/**
 * Of two failing helpers the one whose words tell more: a lost peer is what the other one's trouble
 * looks like from here. When neither has said what is wrong, the end of both consoles is told.
 */
export async function moreTelling(
  error: unknown,
  consoles: readonly HelperConsole[],
): Promise<unknown> {
  for (const console of consoles) {
    if (console.failed !== undefined) continue;
    try {
      await console.listen(console.heardAtMs);
    } catch (listenError) {
      if (!isCloudError(listenError)) throw listenError;
    }
  }
  const culprit = consoles.find(({ failed }) => failed !== undefined && !isAboutPeer(failed));
  return culprit?.failure() ?? relayed(consoles) ?? withOther(error, consoles);
}

/** What only the other helper has told: its own words are under way, or were lost with its console. */
function relayed(consoles: readonly HelperConsole[]): CopyError | undefined {
  const teller = consoles.find(({ failed }) => RELAYED.test(failed?.message ?? ""));
  const culprit = consoles.find((console) => console !== teller);
  if (teller?.failed === undefined || isAboutPeerCode(teller.failed.code)) return undefined;
  const message = `${teller.failed.message.replace(RELAYED, "")} (as the ${teller.name} tells)`;
  return culprit?.failure({ ...teller.failed, message });
}

function withOther(error: unknown, consoles: readonly HelperConsole[]): unknown {
  if (!isCopyError(error, "helper-failed", "helper-lost")) return error;
  const other = consoles.find(({ helper }) => !error.ids.includes(helper.instance.instanceId));
  if (other === undefined) return error;
  const { code, step, ids, hint } = error;
  const message = `${error.message}\nthe ${other.name}${other.tail(OTHER_TAIL_LINES)}`;
  const details = { code, step, ids, cause: error, ...(hint !== undefined && { hint }) };
  return new CopyError(message, details);
}

function isAboutPeer({ code, message }: Message<"failed">): boolean {
  return isAboutPeerCode(code) || RELAYED.test(message);
}

function isAboutPeerCode(code: string): boolean {
  return code.startsWith("peer-") || code === "stopped";
}
