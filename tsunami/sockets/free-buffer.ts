/**
 * Gives a buffer's memory back at once. Half a gigabit a second of buffers that wait for the garbage
 * collector are a hundred megabytes: it does not see how heavy they are.
 */

/** The buffer must not be used any more. A slice of something larger is left alone. */
export function freeBuffer(buffer: Buffer): void {
  const memory = buffer.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength === buffer.byteLength) memory.transfer(0);
}
