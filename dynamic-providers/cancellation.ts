/**
 * How a run learns that it is to stop. Nothing tells a dynamic provider, so three things are
 * watched (each seen with the real engine):
 *
 * - the first Ctrl-C reaches this process only as a `Cancel` RPC, which the SDK answers itself. We
 *   see it on Node's diagnostics channel for incoming HTTP/2 streams, if the runtime has it;
 * - the second one as SIGINT, with a few seconds to live. The engine also sends SIGINT at the normal
 *   end of an operation: with no run under way we just leave, as a process without handler does;
 * - a killed CLI not at all: this process lives on. But then nobody answers the heartbeat, which
 *   therefore begins when this is loaded and goes on when a run has ended: an idle process without an
 *   engine has nobody to end it, whether it has had work or only a question.
 */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { CopyError } from "./workflow/copy-error.ts";

const CANCEL_PATH = "/pulumirpc.ResourceProvider/Cancel";
const CHANNEL = "http2.server.stream.start";
/** Often enough to stop a forgotten copy soon, seldom enough to be no load. Ours. */
const HEARTBEAT_MS = 5_000;
/** One or two failures may be a busy machine. Ours. */
const HEARTBEAT_FAILURES_MAX = 3;
/** The engine kills us 5 s after SIGINT; what is not done by then is left to the leases. */
const EXIT_GRACE_MS = 4_500;

export interface Cancellation {
  /** Aborted with a CopyError `stopped` that says who stopped the run. */
  readonly signal: AbortSignal;
  /**
   * Asks for the engine now, and until it answers or is gone.
   *
   * @throws CopyError `stopped`
   */
  checkWanted(): Promise<void>;
  /** Keeps this process alive until `work` is settled. */
  guard<T>(work: Promise<T>): Promise<T>;
  /** Takes every handler away again. */
  dispose(): void;
}

export interface CancellationOptions {
  readonly isEngineThere: () => Promise<boolean>;
  readonly exit: (code: number) => void;
  /** Factor of the time between heartbeats, see `limitsAtPace`. @default 1 */
  readonly pace?: number;
}

export function watchForCancellation(options: CancellationOptions): Cancellation {
  const controller = new AbortController();
  const running = new Set<Promise<unknown>>();
  const stop = (message: string) => {
    const hint = "Run `pulumi up` again to continue, or `pulumi destroy` to remove what there is.";
    controller.abort(new CopyError(message, { code: "stopped", step: "run", hint }));
  };
  const leaveWhenIdle = (code: number) => {
    void Promise.allSettled(running).then(() => options.exit(code));
  };

  const onStream = (message: unknown) => {
    if (pathOf(message) === CANCEL_PATH) stop("The copy was cancelled.");
  };
  const onSignal = () => {
    if (running.size === 0) return options.exit(0);
    stop("The copy was interrupted.");
    setTimeout(() => options.exit(130), EXIT_GRACE_MS).unref();
    leaveWhenIdle(130);
  };
  const heartbeat = watchEngine(options, () => {
    stop("The Pulumi engine is gone, so the copy was stopped.");
    leaveWhenIdle(1);
  });

  heartbeat.start();
  subscribe(CHANNEL, onStream);
  process.on("SIGINT", onSignal);
  return {
    signal: controller.signal,
    async checkWanted() {
      while (!(await heartbeat.beat())) await heartbeat.pause();
      controller.signal.throwIfAborted();
    },
    async guard(work) {
      running.add(work);
      try {
        return await work;
      } finally {
        running.delete(work);
      }
    },
    dispose() {
      heartbeat.stop();
      unsubscribe(CHANNEL, onStream);
      process.off("SIGINT", onSignal);
    },
  };
}

function watchEngine(options: CancellationOptions, onGone: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  const pauseMs = HEARTBEAT_MS * (options.pace ?? 1);
  /** @returns Whether there is nothing more to ask: it is there, or taken for gone. */
  const beat = async () => {
    failures = (await options.isEngineThere()) ? 0 : failures + 1;
    if (failures === HEARTBEAT_FAILURES_MAX) {
      clearInterval(timer);
      onGone();
    }
    return failures === 0 || failures >= HEARTBEAT_FAILURES_MAX;
  };
  return {
    beat,
    pause: () => new Promise((resolve) => setTimeout(resolve, pauseMs)),
    start() {
      timer ??= setInterval(() => void beat(), pauseMs);
      // What keeps the process alive is Pulumi's server in it.
      timer.unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}

/** The channel's message is documented as `{ stream, headers }`; nothing in it is taken on trust. */
function pathOf(message: unknown): unknown {
  if (typeof message !== "object" || message === null || !("headers" in message)) return undefined;
  const { headers } = message;
  if (typeof headers !== "object" || headers === null) return undefined;
  return (headers as Record<string, unknown>)[":path"];
}
