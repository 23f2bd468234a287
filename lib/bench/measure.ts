/** Taking turns and medians. */
import { largest } from '../core/lists.js';

export function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median of each measurement. They take turns, so that what slows the machine down for a while
 * slows all of them; the first turn is not counted.
 */
export function inTurns(measurements: readonly (() => number)[], turns: number): number[] {
  return allTurns(measurements, turns).map(median);
}

/** The most of each measurement, taken in turns too: of a rate that is a limit. */
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
 * Microseconds of a call, as native/bench/bench.cpp finds nanoseconds: the least of eight short batches at
 * most, after one call that is not counted.
 *
 * @param budget about how many microseconds are spent
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

/** The mean of what several runs of the same steps took, each step by its median over the runs. */
export function meanOfMedians(runs: readonly (readonly number[])[]): number {
  const steps = runs[0]!.map((_, step) => median(runs.map((run) => run[step]!)));
  return steps.reduce((sum, time) => sum + time, 0) / steps.length;
}
