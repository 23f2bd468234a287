/** Ways to train on a number that is NaN or infinite, and what they say. */
import type { Value } from '../../lib/value/value.js';
import { parameter, input } from '../../lib/value/leaves.js';
import type { Training } from '../../lib/optim/training.js';
import type { ProgramOptions } from '../../lib/runtime/options.js';
import assert from 'node:assert/strict';
import { NonFiniteError } from '../../lib/runtime/errors.js';

export const N = 100;

/** The sum of w x, whose gradient by w is x: of arrays, or of single numbers. */
export function linear(
  n: number,
  ofNumbers: boolean,
): { w: Value[]; loss: Value; feeds: (x: readonly number[]) => Record<string, number[]> } {
  if (!ofNumbers) {
    const w = parameter(new Array<number>(n).fill(0), { name: 'w' });
    return { w: [w], loss: w.mul(input('x', [n])).sum(), feeds: (x) => ({ x: [...x] }) };
  }
  const w = Array.from({ length: n }, (_, i) => parameter(0, { name: `w${i}` }));
  const loss = w.map((one, i) => one.mul(input(`x${i}`))).reduce((a, b) => a.add(b));
  return { w, loss, feeds: (x) => Object.fromEntries(x.map((one, i) => [`x${i}`, [one]])) };
}

export const BAD = [NaN, Infinity, -Infinity];

/** Two steps of training, the second of which meets `bad`. */
type Call = (training: Training, loss: (x: number[]) => Record<string, number[]>, bad: number) => unknown;

const pairOf = (bad: number) => ({ count: 2, inputs: { x: { values: Float64Array.of(1, 2, 1, bad) } } });

export const CALLS: [name: string, call: Call, options?: ProgramOptions][] = [
  [
    'step',
    (training, feeds, bad) => {
      training.step(feeds([1, 2]));
      training.step(feeds([1, bad]));
    },
  ],
  ['stepEach', (training, _, bad) => training.stepEach(pairOf(bad))],
  ['stepEachAsync', (training, _, bad) => training.stepEachAsync(pairOf(bad))],
  [
    'stepBatch',
    (training, feeds, bad) => {
      training.stepBatch([feeds([1, 2]), feeds([1, 2])], { threads: 1 });
      training.stepBatch([feeds([1, 2]), feeds([1, bad])], { threads: 2 });
    },
    { batches: true },
  ],
];

export async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof NonFiniteError, String(error));
    return error.message;
  }
  return 'nothing was refused';
}
