/** Taking turns and medians. */

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
  return allTurns(measurements, turns).map((rates) => Math.max(...rates));
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

/** Microseconds of one call, over `count` of them. */
export function microseconds(count: number, call: (i: number) => void): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) call(i);
  return ((performance.now() - start) * 1000) / count;
}
