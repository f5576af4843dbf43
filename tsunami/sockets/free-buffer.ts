/**
 * Gives a buffer's memory back at once. Half a gigabit a second of buffers that wait for the garbage
 * collector are a hundred megabytes: it does not see how heavy they are.
 */

/** The buffer must not be used any more. A slice of something larger is left alone. */
export function freeBuffer(buffer: Buffer): void {
  const memory = buffer.buffer;
  const whole = memory.byteLength > 0 && memory.byteLength === buffer.byteLength;
  if (whole && memory instanceof ArrayBuffer) memory.transfer(0);
}
