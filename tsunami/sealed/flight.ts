/** What the sender knows of the records in its window, and of what became of their pieces. */

/** A record in the window. */
export interface Slot {
  readonly record: number;
  readonly sealedBytes: number;
  /** Chosen when it is sent first. */
  fragmentBytes: number;
  confirmed: boolean;
  /** How often the receiver could not open it. */
  torn: number;
  readonly arrived: Uint8Array;
}

export interface Piece {
  readonly slot: Slot;
  readonly index: number;
}

/** A transmission. */
export interface Flight extends Piece {
  readonly linkBytes: number;
  readonly sentAt: number;
  /** Link bytes sent until then. */
  readonly sentBytes: number;
  /** When there was nothing to send for the last time before. */
  readonly idleAt: number;
  state: "flying" | "arrived" | "lost";
}

/** Nobody has said yet that the piece has arrived. */
export const needed = ({ slot, index }: Piece) => !slot.confirmed && !slot.arrived[index];
