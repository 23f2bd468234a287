/** Work that goes on beside the event loop, some steps at a time, and stops when asked to. */
import { now } from '../core/clock.js';
import { shown, type Known } from '../core/check.js';

/** How far a training is. */
export interface Progress {
  /** Steps taken. */
  step: number;
  /** The loss of the last of them, before its update. */
  loss: number;
  /** The losses of the steps since it was last told. */
  losses: Float64Array;
}

/** How work in the background is stopped and watched. */
export interface BackgroundOptions {
  /** Stops it before the next step, and rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Called between native calls, from one to some thousands of steps apart. Waited for where it returns a
   * promise; what it throws ends the work.
   */
  onProgress?: (progress: Progress) => unknown;
}

export const BACKGROUND_OPTIONS: Known<BackgroundOptions> = { signal: true, onProgress: true };

/**
 * How long a native call should take. Between two of them lie 0.1 ms of JavaScript and waiting; while
 * one runs, a thread of libuv's pool, of four, has no time for files or name look-ups.
 */
const MILLISECONDS = 10;

/**
 * Takes `count` steps in parts, and yields the losses of each: one step first, then twice as many as
 * the last time as long as that took too short, half as many when it took too long. Nothing runs
 * while what was yielded is being looked at. Ends early when fewer were taken than asked for.
 *
 * @param take takes so many steps from step `at` on; fewer only when `stop` is no longer 0, a loss
 * that ends the training was not finite, or it throws
 * @throws TypeError when the signal is none
 * @throws the signal's reason when it is aborted before the last step
 */
export async function* inParts(
  count: number,
  take: (at: number, count: number, stop: Int32Array) => Promise<Float64Array>,
  signal?: AbortSignal,
): AsyncGenerator<Float64Array, void, undefined> {
  checkSignal(signal);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  signal?.throwIfAborted();
  if (signal) stopOnAbort(signal, stop);
  try {
    let at = 0;
    let most = 1;
    do {
      const part = Math.min(most, count - at);
      const began = now();
      const losses = await take(at, part, stop);
      const took = now() - began;
      at += losses.length;
      if (at < count) signal?.throwIfAborted();
      if (took > 2 * MILLISECONDS) most = Math.ceil(part / 2);
      else if (took < MILLISECONDS) most = Math.max(most, 2 * part);
      yield losses;
      if (at < count) signal?.throwIfAborted();
      if (losses.length < part) return;
    } while (at < count);
  } finally {
    if (signal) stoppedBy.get(signal)?.delete(stop);
  }
}

/**
 * The flags that each signal sets. A signal has one listener of ours, however many trainings it stops: of
 * more than ten Node warns as of a leak.
 */
const stoppedBy = new WeakMap<AbortSignal, Set<Int32Array>>();

function stopOnAbort(signal: AbortSignal, stop: Int32Array): void {
  const known = stoppedBy.get(signal);
  if (known) {
    known.add(stop);
    return;
  }
  const stops = new Set([stop]);
  stoppedBy.set(signal, stops);
  signal.addEventListener('abort', () => {
    for (const flag of stops) Atomics.store(flag, 0, 1);
  });
}

/** @throws TypeError when it is none */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(`signal ${shown(signal)}: expected an AbortSignal, as of an AbortController`);
}

/** @throws TypeError when it is none */
export function checkCallback(name: string, given: unknown): void {
  if (given === undefined || typeof given === 'function') return;
  throw new TypeError(`${name} ${shown(given)}: expected a function`);
}
