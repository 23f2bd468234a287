/** A monotonic clock. Loading Node's `performance` instead would add two milliseconds to each start. */

/** Milliseconds since an arbitrary moment. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
