/** Progress in the words of a status line. */

export interface TransferProgress {
  readonly bytesTotal: number;
  readonly bytesDone: number;
  readonly rateBitsPerSecond: number;
}

/** `61% · 412 Mbit/s · ETA 3m`. */
export function formatProgress({ bytesTotal, bytesDone, rateBitsPerSecond }: TransferProgress) {
  const share = bytesTotal === 0 ? 1 : Math.min(1, bytesDone / bytesTotal);
  const parts = [`${Math.floor(share * 100)}%`, formatRate(rateBitsPerSecond)];
  const bitsLeft = Math.max(0, bytesTotal - bytesDone) * 8;
  if (bitsLeft > 0 && rateBitsPerSecond > 0) {
    parts.push(`ETA ${formatDuration(bitsLeft / rateBitsPerSecond)}`);
  }
  return parts.join(" · ");
}

/** `412 Mbit/s`, `4.1 Gbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e9) return `${(bitsPerSecond / 1e9).toFixed(1)} Gbit/s`;
  if (bitsPerSecond >= 1e6) return `${Math.round(bitsPerSecond / 1e6)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

/** `40s`, `3m`, `2h 5m`. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)}s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  return `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}
