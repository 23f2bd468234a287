/** What all tables share: turns, medians, and the data that models are fed. */
import { embeddedNamesPath, readDocuments, splitHeldOut } from '../lib/study/documents.js';
import { Tokenizer } from '../lib/study/tokenizer.js';
import type { Feeds } from '../lib/runtime/feeds.js';
import { Random } from '../lib/runtime/random.js';

/** One figure; `what` identifies it within its table. */
export interface Row {
  what: string;
  value: number;
  unit: string;
  /** The same figure of another program, printed beside this one. */
  beside?: { what: string; value: number };
}

export interface Effort {
  turns: number;
  steps: number;
  processes: number;
  quick: boolean;
}

export function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median of each measurement. They take turns, so that a temporary slow-down of the machine affects all
 * of them; the first turn is not counted.
 */
export function inTurns(measurements: readonly (() => number)[], turns: number): number[] {
  const times = measurements.map((): number[] => []);
  for (let turn = -1; turn < turns; turn++) {
    measurements.forEach((measure, i) => {
      const time = measure();
      if (turn >= 0) times[i]!.push(time);
    });
  }
  return times.map(median);
}

/** Milliseconds of processor time, which other work on the machine disturbs little. */
export function processorTime(call: () => void): number {
  const { user, system } = process.cpuUsage();
  call();
  const after = process.cpuUsage();
  return (after.user - user + after.system - system) / 1000;
}

/** Microseconds per call, over `count` calls. */
export function microseconds(count: number, call: (i: number) => void): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) call(i);
  return ((performance.now() - start) * 1000) / count;
}

const docs = readDocuments(embeddedNamesPath());
new Random(42).shuffle(docs);
export const tokenizer = new Tokenizer(docs);
export const { train } = splitHeldOut(docs);

export function feedsOf(doc: string, blockSize: number): Feeds {
  const all = tokenizer.encode(doc);
  const length = Math.min(blockSize, all.length - 1);
  return { tokens: all.slice(0, length), targets: all.slice(1, length + 1), length };
}
