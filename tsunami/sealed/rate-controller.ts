/**
 * Finds the rate of the link from what the receiver reports. A model, not a reaction to loss: the
 * link's capacity is the largest delivery rate of late, corrected for the loss that is there
 * whether we send much or little; its delay is the smallest round trip of late.
 *
 *   startup   bursts of 30 ms, 64 Mbit/s on average: what the bottleneck spreads them to is a first
 *             guess of its rate, believed until something is measured. Without it ×2 a round,
 *             until the delivery rate stops following
 *   drain     slower, until the queue that the rise made is gone
 *   cruise    a cycle of rounds: a little faster (probe), as much slower, then at the estimate.
 *             A probe whose delivery follows starts a climb (elasticity: loss that does not
 *             grow with the rate is not congestion).
 *   climb     as start-up, in gentler steps
 *
 * A round ends when something sent after the last round's end is acknowledged. Two rounds in a row
 * that could not deliver 90 % of the estimate, with more loss or a longer queue than usual, prove
 * that the link has become slower: what is older is forgotten then. (One proves nothing: a computer
 * that paused looks the same.)
 */

/** Larger than any time or rate. */
const NEVER = Number.POSITIVE_INFINITY;

type Phase = "startup" | "drain" | "cruise" | "climb";

const STARTUP_GAIN = 2;
const DRAIN_GAIN_MIN = 0.5;
const DRAIN_GAIN_MAX = 0.9;
/** Cruise cycle: probe, make up for it, hold. */
const CYCLE: readonly number[] = [1.1, 0.89, 0.99, 0.99, 0.99];
const YIELD_GAIN = 0.88;
/**
 * Giving way takes 12 % of a round trip off a queue that is ours. One that shrinks by less than half of
 * this is for the larger part another flow's; after so many rounds of it we do not give way any more.
 * Unless as large a share is lost: what we lose by sending too much looks like the link's own loss,
 * and then a queue of our own does not shrink either.
 */
const SHRINKS = 0.06;
const FOREIGN_ROUNDS = 3;
const CLIMB_GAIN = 1.25;
/** The rounds of a climb after its first; then as in start-up. */
const CLIMB_GAINS: readonly number[] = [CLIMB_GAIN, 1.6];
/** Growth of the estimate that starts a climb. */
const FOLLOWS = 1.06;
const BANDWIDTH_ROUNDS = 10;
const LOSS_ROUNDS = 8;
/** Rounds are joined until they tell something about loss. */
const LOSS_DATAGRAMS_MIN = 400;
/** Loss above the usual that means congestion. */
const EXCESS_LOSS = 0.02;
const RTT_WINDOW_MS = 20_000;
/** Standing queue that we neither want nor leave. */
const QUEUE_MS = 15;
/** With more than this, a link is full: less is sent instead of a probe. */
const PROBE_QUEUE_MS = 5;
const FULL_GAIN = 0.96;
/** 64 Mbit/s for one round trip: rude to a slow link for a moment, three rounds less on a fast one. */
const INITIAL_BYTES_PER_SECOND = 8_000_000;
/** A burst lasts so long at the initial rate, and is sent at once. */
const BURST_MS = 30;
/**
 * The least spread burst is the best guess: a receiver that has just begun is slow at first. It is
 * taken with care: so much of it, and at most so many times the initial rate.
 */
const GUESS_SHARE = 0.75;
const GUESS_BYTES_PER_SECOND_MAX = 8 * INITIAL_BYTES_PER_SECOND;
/** Kept of what the clock missed: an event loop that is late for a moment costs nothing. */
const CARRY_MS = 15;
/** A rising rate of which less than this is delivered has met the bottleneck. */
const SATURATED = 0.9;
const SATURATED_QUEUE_MS = 8;
/** In a row, and for so long: a computer that paused for a moment looks like a queue, but only once. */
const SATURATED_REPORTS = 3;
const SATURATED_MS = 15;
/** Until a round has told what is usual, so much may be lost without telling of a limit. */
const FIRST_LOSS = 0.3;
const FLOOR_BYTES_PER_SECOND = 20_000;

/** What one report said, as the sender core computed it. */
export interface DeliverySample {
  readonly nowMs: number;
  /** Of the newest acknowledged transmission; absent when nothing new was acknowledged. */
  readonly rttMs?: number;
  /** Link bytes delivered per second; absent when nothing new was acknowledged. */
  readonly bytesPerSecond?: number;
  /** Link bytes sent per second in the interval of which `bytesPerSecond` is the delivery. */
  readonly sentBytesPerSecond?: number;
  /** Link bytes a second to which a burst was spread on its way. */
  readonly spreadBytesPerSecond?: number;
  /** The sender had nothing to send at some time while this was in flight. */
  readonly sourceLimited: boolean;
  /** Datagrams found received and lost by this report. */
  readonly received: number;
  readonly lost: number;
  /** True when the sample ends a round. */
  readonly roundEnds: boolean;
}

/** Pacing rate and window of one sender. Never reads a clock. */
export class RateController {
  phase: Phase = "startup";
  /** Share of datagrams lost lately. */
  lossRatio = 0;
  /** The link's rate as estimated, bytes a second, headers included. */
  capacityBytesPerSecond = INITIAL_BYTES_PER_SECOND / STARTUP_GAIN;
  #gain = STARTUP_GAIN;
  #step = 0;
  #saturated = 0;
  #saturatedAt = 0;
  #slow = 0;
  #full = 0;
  #queueMs = 0;
  /** Rounds in a row whose queue did not go away. */
  #stays = 0;
  /** What ends a rise may have been noise: one that ended higher than the last is followed by another. */
  #risen = 0;
  readonly #capBytesPerSecond: number;
  /** Largest sample of each of the last rounds; the present round's last. */
  #samples: number[] = [0];
  #losses: number[] = [];
  #received = 0;
  #lost = 0;
  #roundRtt = NEVER;
  #roundLimited = false;
  #minRtt = NEVER;
  #nextMinRtt = NEVER;
  #rttSince = 0;
  #tokens = 0;
  #tokensAt = -1;
  #inBurst = false;
  /** What bursts let us hope for, until it is measured. */
  #guess = 0;

  constructor(capBitsPerSecond = NEVER) {
    this.#capBytesPerSecond = capBitsPerSecond / 8;
  }

  /** Looking for a limit that was not met yet. */
  get rising(): boolean {
    return this.phase === "startup" || this.phase === "climb";
  }

  /** Smallest round trip of late, or a guess before the first. */
  get rttMs(): number {
    return this.#minRtt < NEVER ? this.#minRtt : 100;
  }

  get pacingBytesPerSecond(): number {
    return Math.min(
      this.#capBytesPerSecond,
      Math.max(FLOOR_BYTES_PER_SECOND, this.capacityBytesPerSecond * this.#gain),
    );
  }

  /** Link bytes that may be unacknowledged. */
  get windowBytes(): number {
    return (this.capacityBytesPerSecond * 2.2 * (this.rttMs + 25)) / 1000 + 100_000;
  }

  /** Sending in bursts, to see what becomes of them. */
  get bursts(): boolean {
    return this.phase === "startup" && this.#full === 0;
  }

  /**
   * Bytes that may be sent now: a token bucket; for a burst, one that must be full first.
   *
   * @param nowMs - Monotonic, not less than at the last call.
   */
  allowance(nowMs: number): number {
    const rate = this.pacingBytesPerSecond / 1000;
    const carryMs = this.bursts ? BURST_MS : CARRY_MS;
    const elapsed = this.#tokensAt < 0 ? carryMs : nowMs - this.#tokensAt;
    this.#tokensAt = nowMs;
    this.#tokens = Math.min(this.#tokens + elapsed * rate, Math.max(carryMs * rate, 3000));
    if (!this.bursts) return this.#tokens;
    this.#inBurst = this.#tokens > (this.#inBurst ? 0 : 0.9 * carryMs * rate);
    return this.#inBurst ? this.#tokens : 0;
  }

  spend(bytes: number): void {
    this.#tokens -= bytes;
  }

  sample(sample: DeliverySample): void {
    this.#received += sample.received;
    this.#lost += sample.lost;
    this.#roundLimited ||= sample.sourceLimited;
    if (sample.rttMs !== undefined) this.#sampleRtt(sample.rttMs, sample.nowMs);
    const rate = sample.bytesPerSecond ?? 0;
    const last = this.#samples.length - 1;
    if (
      rate > (this.#samples[last] ?? 0) &&
      (!sample.sourceLimited || rate > this.capacityBytesPerSecond)
    ) {
      this.#samples[last] = rate;
      this.#estimate();
    }
    if (sample.spreadBytesPerSecond) this.#guessFrom(sample.spreadBytesPerSecond);
    if (this.rising && !sample.sourceLimited && sample.rttMs !== undefined) {
      this.#lookForLimit(sample.nowMs, rate, sample.sentBytesPerSecond ?? 0, sample.rttMs);
    }
    if (sample.roundEnds) this.#endRound();
  }

  #lookForLimit(nowMs: number, rate: number, sentAt: number, rttMs: number): void {
    const usual = this.#losses.length ? this.#usualLoss : FIRST_LOSS;
    const sent = sentAt * (1 - usual);
    const queueMs = rttMs - this.rttMs;
    const full = rate < sent * SATURATED && queueMs > SATURATED_QUEUE_MS;
    const losing = rate < sent * SATURATED ** 2;
    if (!full && !losing) this.#saturated = 0;
    else if (this.#saturated++ === 0) this.#saturatedAt = nowMs;
    if (this.#saturated < SATURATED_REPORTS || nowMs - this.#saturatedAt < SATURATED_MS) return;
    // What is too much now goes on arriving for a round trip: it has to fit into the next one.
    const excess = sent / rate - 1 + queueMs / this.rttMs;
    this.#enter("drain", Math.max(DRAIN_GAIN_MIN, Math.min(DRAIN_GAIN_MAX, 1 - excess)));
  }

  /** Bursts that were spread say, within a round trip, about how fast the bottleneck is. */
  #guessFrom(spreadBytesPerSecond: number): void {
    if (this.phase === "startup") this.#enter("climb", 1);
    else if (!this.#guess) return;
    const guess = Math.min(GUESS_SHARE * spreadBytesPerSecond, GUESS_BYTES_PER_SECOND_MAX);
    this.#guess = Math.max(this.#guess, guess);
    this.#estimate();
  }

  #sampleRtt(rttMs: number, nowMs: number): void {
    this.#roundRtt = Math.min(this.#roundRtt, rttMs);
    if (nowMs - this.#rttSince > RTT_WINDOW_MS) {
      this.#minRtt = this.#nextMinRtt;
      this.#nextMinRtt = NEVER;
      this.#rttSince = nowMs;
    }
    this.#minRtt = Math.min(this.#minRtt, rttMs);
    this.#nextMinRtt = Math.min(this.#nextMinRtt, rttMs);
  }

  /** Loss that is there whatever we do: the least of the last rounds. */
  get #usualLoss(): number {
    return this.#losses.length ? Math.min(0.5, ...this.#losses) : 0;
  }

  #estimate(): void {
    const delivered = Math.max(...this.#samples) / (1 - this.#usualLoss);
    const best = Math.max(delivered, this.#guess);
    if (best > 0) this.capacityBytesPerSecond = best;
  }

  #endRound(): void {
    const usual = this.#usualLoss;
    const count = this.#received + this.#lost;
    let loss = usual;
    if (count >= LOSS_DATAGRAMS_MIN) {
      loss = Math.max(0, this.#lost) / count;
      this.lossRatio += (loss - this.lossRatio) / 2;
      this.#losses.push(loss);
      if (this.#losses.length > LOSS_ROUNDS) this.#losses.shift();
      this.#received = 0;
      this.#lost = 0;
    }
    const queueMs = this.#roundRtt < NEVER ? this.#roundRtt - this.rttMs : 0;
    const best = this.#samples[this.#samples.length - 1] ?? 0;
    const slower =
      !this.#roundLimited &&
      best > 0 &&
      best / (1 - usual) < 0.9 * this.capacityBytesPerSecond &&
      (loss > usual + EXCESS_LOSS || queueMs > QUEUE_MS);
    this.#slow = slower && this.phase === "cruise" ? this.#slow + 1 : 0;
    if (this.#slow > 1) this.#samples = this.#samples.slice(-2);
    // A round without a sample of its own says nothing and pushes nothing out.
    if (best > 0) this.#samples.push(0);
    if (this.#samples.length > BANDWIDTH_ROUNDS) this.#samples.shift();
    this.#estimate();
    if (!this.#roundLimited || this.phase === "drain") this.#nextPhase(queueMs);
    this.#roundRtt = NEVER;
    this.#roundLimited = false;
  }

  #nextPhase(queueMs: number): void {
    const before = this.#full;
    this.#full = this.capacityBytesPerSecond;
    this.#step += 1;
    if (this.phase === "climb") this.#gain = CLIMB_GAINS[this.#step] ?? STARTUP_GAIN;
    else if (this.phase === "drain") {
      // One round is at least the time that the queue of one round of start-up needs.
      this.#enter("cruise", queueMs > QUEUE_MS ? YIELD_GAIN : 1);
    } else if (this.phase === "cruise") {
      const more = queueMs < PROBE_QUEUE_MS && this.#full > this.#risen;
      if (more || this.#full > before * FOLLOWS) {
        this.#risen = this.#full * FOLLOWS;
        this.#enter("climb", CLIMB_GAIN);
      } else this.#gain = this.#cruise(queueMs);
    }
  }

  #cruise(queueMs: number): number {
    const stays =
      this.#queueMs - queueMs < SHRINKS * (this.rttMs + queueMs) &&
      this.lossRatio < SHRINKS &&
      queueMs > QUEUE_MS;
    this.#queueMs = queueMs;
    this.#stays = stays ? this.#stays + 1 : 0;
    const gain = CYCLE[this.#step % CYCLE.length] ?? 1;
    if (this.#stays > FOREIGN_ROUNDS) return 1;
    if (queueMs > QUEUE_MS) return YIELD_GAIN;
    // A queue says already that there is no more to be had.
    return gain > 1 && queueMs > PROBE_QUEUE_MS ? FULL_GAIN : gain;
  }

  #enter(phase: Phase, gain: number): void {
    this.phase = phase;
    this.#gain = gain;
    // The first probe comes soon: what ended the rise may have been a moment's noise.
    this.#step = phase === "cruise" ? 2 : 0;
    this.#saturated = 0;
    // By now there are measurements.
    if (phase !== "climb") this.#guess = 0;
    this.#estimate();
  }
}
