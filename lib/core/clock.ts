/** Time that only runs forward. Not `performance`: loading it takes a start two milliseconds. */

/** Milliseconds since some moment. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
