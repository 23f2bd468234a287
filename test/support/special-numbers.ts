/** Special numbers, the kind of a number, and a test on every target. */
import { type Target, TARGETS } from './targets.js';
import assert from 'node:assert/strict';
import type { Random } from '../../lib/runtime/random.js';
import type { Index } from '../../lib/value/indices.js';
import type { Value } from '../../lib/value/value.js';
import { layerNorm } from '../../lib/value/functions.js';
import { logSoftmax } from '../../lib/value/softmax.js';

export const TYPES = { float64: Float64Array, float32: Float32Array };

export function forEachTarget(check: (target: Target) => void | Promise<void>): void {
  for (const target of TARGETS) it(`${target.isa}, ${target.dtype}`, () => check(target));
}

/** Says no more about finite numbers: these tests are not about rounding. */
export function kind(x: number): string {
  return Number.isFinite(x) ? 'finite' : String(x);
}

export function compareKinds(found: ArrayLike<number>, wanted: readonly number[], what: string): void {
  assert.deepEqual(Array.from(found, kind), wanted.map(kind), what);
}

export const ALL = [NaN, Infinity, -Infinity];

/** Numbers of every size, some of them NaN. */
export function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.gauss(0, 1));
}

/** The limits of a type: its smallest normal number, and its largest. */
export const LIMITS = {
  float64: { least: 2 ** -1022, most: Number.MAX_VALUE, tiny: 5e-324 },
  float32: { least: 2 ** -126, most: 2 ** 127 * (2 - 2 ** -23), tiny: 2 ** -149 },
};

interface OfRows {
  f: (x: Value, targets: Index) => Value;
  /** Plain TypeScript, where the operator's reference would differ from IEEE 754. */
  plain?: (row: readonly number[], target: number) => number;
  /** Numbers of x at which the gradient follows from the operator's rule, part by part. */
  gradientAt: readonly number[];
}

const softmaxOf = (row: readonly number[]): number[] => {
  const exps = row.map((x) => Math.exp(x - Math.max(...row)));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((x) => x / sum);
};

export const OF_ROWS: Readonly<Record<string, OfRows>> = {
  softmax: { f: (x) => x.softmax(), gradientAt: ALL },
  logSoftmax: { f: (x) => logSoftmax(x), gradientAt: [NaN] },
  rmsNorm: { f: (x) => x.rmsNorm(), gradientAt: ALL },
  'rmsNorm of parts': { f: (x) => x.mul(x.mul(x).mean(-1, true).add(1e-5).pow(-0.5)), gradientAt: [NaN] },
  layerNorm: { f: (x) => layerNorm(x), gradientAt: ALL },
  crossEntropy: {
    f: (x, targets) => x.crossEntropy(targets),
    plain: (row, target) => -Math.log(softmaxOf(row)[target]!),
    gradientAt: [NaN],
  },
  sum: { f: (x) => x.sum(-1), gradientAt: ALL },
  mean: { f: (x) => x.mean(-1), gradientAt: ALL },
  max: { f: (x) => x.max(-1), gradientAt: [Infinity, -Infinity] },
  min: { f: (x) => x.min(-1), gradientAt: [Infinity, -Infinity] },
  cumsum: { f: (x) => x.cumsum(-1), gradientAt: ALL },
  'max of columns': { f: (x) => x.max(0), gradientAt: [Infinity, -Infinity] },
  'cumsum of columns': { f: (x) => x.cumsum(0), gradientAt: ALL },
};
