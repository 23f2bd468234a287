/** Runs training in the background, a few steps at a time, and stops it on request. */
import { now } from '../core/clock.js';
import { shown, type Known } from '../core/check.js';

/** The progress of a training. */
export interface Progress {
  /** The number of steps taken. */
  step: number;
  /** The loss of the last step, before its update. */
  loss: number;
  /** The losses of the steps since the last report. */
  losses: Float64Array;
}

/** Options of training in the background. */
export interface BackgroundOptions {
  /** Stops the training before its next step; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Called between native calls, every one to some thousands of steps. A promise that it returns is awaited;
   * what it throws ends the training.
   */
  onProgress?: (progress: Progress) => unknown;
}

export const BACKGROUND_OPTIONS: Known<BackgroundOptions> = { signal: true, onProgress: true };

/**
 * How long a native call should take. The JavaScript and waiting between two calls take 0.1 ms. During a
 * call, one of the four threads of libuv's pool is not available for files or name resolution.
 */
const MILLISECONDS = 10;

/** What a part of a training gave. */
export interface Part {
  losses: Float64Array;
  /** Whether a loss that is not finite ended the training, be it in the part's last step. */
  stopped: boolean;
}

/**
 * Takes `count` steps in parts and yields the losses of each part. The first part is one step; the next is
 * twice as long while a part takes too little time, half as long when it took too much. Nothing runs until
 * the next part is requested. Ends early when a part stopped, or took fewer steps than it should.
 *
 * @param take takes `count` steps from step `at` on; it takes fewer only when `stop` is set, a non-finite
 * loss ends the training, or it throws
 * @throws TypeError when the signal is not an AbortSignal
 * @throws the signal's reason when it is aborted before the last step
 */
export async function* inParts(
  count: number,
  take: (at: number, count: number, stop: Int32Array) => Promise<Part>,
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
      const { losses, stopped } = await take(at, part, stop);
      const took = now() - began;
      at += losses.length;
      if (at < count && !stopped) signal?.throwIfAborted();
      if (took > 2 * MILLISECONDS) most = Math.ceil(part / 2);
      else if (took < MILLISECONDS) most = Math.max(most, 2 * part);
      yield losses;
      if (stopped) return;
      if (at < count) signal?.throwIfAborted();
      if (losses.length < part) return;
    } while (at < count);
  } finally {
    if (signal) stoppedBy.get(signal)?.delete(stop);
  }
}

/**
 * The flags that each signal sets. Each signal gets only one listener, however many trainings it stops: Node
 * warns of a leak at more than ten.
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

/** @throws TypeError when the signal is not an AbortSignal */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(`signal ${shown(signal)}: expected an AbortSignal, as from an AbortController`);
}

/** @throws TypeError when the callback is not a function */
export function checkCallback(name: string, given: unknown): void {
  if (given === undefined || typeof given === 'function') return;
  throw new TypeError(`${name} ${shown(given)}: expected a function`);
}
