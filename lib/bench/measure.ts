/** Medians of measurements that take turns. */
import { largest } from '../core/lists.js';

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
  return allTurns(measurements, turns).map(median);
}

/** The maximum of each measurement, also taken in turns: for rates that are limits. */
export function mostInTurns(measurements: readonly (() => number)[], turns: number): number[] {
  return allTurns(measurements, turns).map((rates) => largest(rates));
}

function allTurns(measurements: readonly (() => number)[], turns: number): number[][] {
  const times = measurements.map((): number[] => []);
  for (let turn = -1; turn < turns; turn++) {
    measurements.forEach((measure, i) => {
      const time = measure();
      if (turn >= 0) times[i]!.push(time);
    });
  }
  return times;
}

/**
 * Microseconds of a call, measured as native/bench/bench.cpp measures nanoseconds: the least of at most eight
 * short batches, after one call that is not counted.
 *
 * @param budget roughly how many microseconds to spend
 */
export function microseconds(budget: number, call: () => void): number {
  const batches = 8;
  call();
  const time = (calls: number): number => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) call();
    return (performance.now() - start) * 1000;
  };
  let calls = 1;
  let least = time(calls);
  let spent = least;
  for (let batch = 0; batch < batches && spent < 2 * budget;) {
    const isLong = least * calls >= budget / batches;
    if (!isLong) calls *= 2;
    const taken = time(calls);
    least = Math.min(least, taken / calls);
    spent += taken;
    if (isLong) batch++;
  }
  return least;
}

/** The mean over steps of each step's median over several runs of the same steps. */
export function meanOfMedians(runs: readonly (readonly number[])[]): number {
  const steps = runs[0]!.map((_, step) => median(runs.map((run) => run[step]!)));
  return steps.reduce((sum, time) => sum + time, 0) / steps.length;
}
