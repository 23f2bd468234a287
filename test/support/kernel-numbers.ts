/** Random numbers for kernels, and how near results must be. */
import { Random } from '../../lib/runtime/random.js';
import assert from 'node:assert/strict';

export type Floats = Float64Array | Float32Array;

export const random = new Random(1);

export function numbers(count: number, draw: () => number = () => random.gauss()): number[] {
  return Array.from({ length: count }, draw);
}

export function assertNear(actual: Floats, expected: number[], bounds: number[], what: string): void {
  assert.equal(actual.length, expected.length, what);
  expected.forEach((y, i) => {
    const error = Math.abs(actual[i]! - y);
    if (!(error <= bounds[i]!)) {
      assert.fail(`${what}: element ${i} is ${actual[i]!}, expected ${y} within ${bounds[i]!}`);
    }
  });
}
