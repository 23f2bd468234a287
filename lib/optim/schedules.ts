/** Learning-rate schedules: functions of the step, counted from 0. */

import { checkArguments, checkFinite, checkOptions, type Known } from '../core/check.js';

/** The same rate at every step. */
export function constant(rate: number): (step: number) => number {
  checkArguments('constant', arguments, 1);
  checkFinite('rate', rate, 0);
  return () => rate;
}

/** Changes linearly from `from` at step 0 to `to` at step `steps`, then stays at `to`. */
export function linear(from: number, to: number, steps: number): (step: number) => number {
  checkArguments('linear', arguments, 3);
  checkFinite('from', from, 0);
  checkFinite('to', to, 0);
  checkSteps('steps', steps);
  return (step) => (step < steps ? from + (to - from) * (step / steps) : to);
}

/** Options of {@link cosine}. */
export interface CosineOptions {
  /** The largest rate. */
  peak: number;
  /** The step at which the rate has fallen to `end`. */
  steps: number;
  /** Steps of linear warm-up: step `warmup` is the first at the peak; 0 by default. */
  warmup?: number;
  /** The rate from step `steps` on; 0 by default. */
  end?: number;
}

const COSINE_OPTIONS: Known<CosineOptions> = { peak: true, steps: true, warmup: true, end: true };

/**
 * Half a cosine from the peak to the end (Loshchilov and Hutter, 2017), after a linear warm-up whose
 * first step has rate peak / (warmup + 1) (Goyal et al., 2017):
 * end + (peak - end) (1 + cos(pi (step - warmup) / (steps - warmup))) / 2.
 */
export function cosine(options: CosineOptions): (step: number) => number {
  checkArguments('cosine', arguments, 1);
  checkOptions('cosine', options, COSINE_OPTIONS);
  const { peak, steps, warmup = 0, end = 0 } = options;
  checkFinite('peak', peak, 0);
  checkFinite('end', end, 0);
  checkFinite('warmup', warmup, 0);
  checkSteps('steps', steps);
  if (steps <= warmup)
    throw new RangeError(`steps ${steps}: expected more than the steps of the warm-up, ${warmup}`);
  return (step) => {
    if (step < warmup) return (peak * (step + 1)) / (warmup + 1);
    const done = Math.min(1, (step - warmup) / (steps - warmup));
    return end + ((peak - end) * (1 + Math.cos(Math.PI * done))) / 2;
  };
}

/** Multiplies `rate` by `factor` after every `every` steps. */
export function stepDecay(rate: number, factor: number, every: number): (step: number) => number {
  checkArguments('stepDecay', arguments, 3);
  checkFinite('rate', rate, 0);
  checkFinite('factor', factor, 0);
  checkSteps('every', every);
  return (step) => rate * factor ** Math.floor(step / every);
}

/** Multiplies `rate` by `factor` after each step. */
export function exponential(rate: number, factor: number): (step: number) => number {
  checkArguments('exponential', arguments, 2);
  checkFinite('rate', rate, 0);
  checkFinite('factor', factor, 0);
  return (step) => rate * factor ** step;
}

function checkSteps(name: string, steps: number): void {
  checkFinite(name, steps);
  if (steps <= 0) throw new RangeError(`${name} ${steps}: expected a number above zero`);
}
