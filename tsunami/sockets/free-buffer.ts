/**
 * Gives a buffer's memory back at once. Half a gigabit a second of buffers that wait for the garbage
 * collector are a hundred megabytes: it does not see how heavy they are.
 */

/** The buffer must not be used any more. A slice of something larger is left alone. */
export function freeBuffer(buffer: Buffer): void {
  if (buffer.buffer.byteLength === buffer.byteLength) freeMemory(buffer);
}

/** All the memory of which this is a part, none of which may be used any more. */
export function freeMemory({ buffer: memory }: Buffer): void {
  if (memory.byteLength > 0 && memory instanceof ArrayBuffer) memory.transfer(0);
}
