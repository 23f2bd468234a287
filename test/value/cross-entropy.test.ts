/** Cross-entropies against PyTorch's, their gradients, and what they refuse. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/core/package.js';
import { constant, index, parameter } from '../../lib/value/leaves.js';
import { compile } from '../../lib/value/compile.js';
import { crossEntropy, nll, type CrossEntropyOptions } from '../../lib/value/cross-entropy.js';
import type { Value } from '../../lib/value/value.js';
import { constantIndex } from '../../lib/value/indices.js';
import { assertClose, checkGraph } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

interface Row {
  shape: number[];
  axis: number;
  target?: number[];
  probabilities?: number[];
  options: { weight?: number[]; label_smoothing?: number; ignore_index?: number };
  reduction: 'mean' | 'sum' | 'none';
  loss: number[];
  gradient: number[];
}

const { losses: ROWS } = JSON.parse(
  readFileSync(join(packageRoot(), 'test/fixtures/pytorch.json'), 'utf8'),
) as { losses: Row[] };

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(1 + i));

function optionsOf({ options, reduction, axis }: Row): CrossEntropyOptions {
  const { weight, label_smoothing: labelSmoothing, ignore_index: ignoreIndex } = options;
  return {
    ...{ reduction, axis },
    ...(weight && { weight }),
    ...(labelSmoothing !== undefined && { labelSmoothing }),
    ...(ignoreIndex !== undefined && { ignoreIndex }),
  };
}

describe('crossEntropy', () => {
  for (const row of ROWS) {
    const { shape, axis, target, probabilities, options, reduction, loss, gradient } = row;
    const what = target ? 'classes' : 'probabilities';
    it(`of [${shape.join(', ')}] and ${what}, ${JSON.stringify(options)}, ${reduction}: as PyTorch`, () => {
      for (const { isa, dtype } of TARGETS) {
        const x = parameter(numbers(size(shape)), { shape });
        const y = crossEntropy(
          x,
          target ? constantIndex(target) : constant(probabilities!, { shape }),
          optionsOf(row),
        );
        assert.deepEqual(y.shape, reduction === 'none' ? shape.filter((_, i) => i !== axis) : []);
        const program = compile(y, { isa, dtype });
        const tolerance = dtype === 'float64' ? 1e-13 : 1e-5;
        assertClose(program.forward({}), loss, tolerance, 'the loss');
        program.backward();
        assertClose(program.readGradient(x), gradient, tolerance, 'the gradient');
      }
    });
  }

  const OPTIONS: [what: string, options: CrossEntropyOptions][] = [
    ['class weights', { weight: [0.5, 2, 1], reduction: 'mean' }],
    ['smoothing', { labelSmoothing: 0.3 }],
    ['an ignored class', { ignoreIndex: 2, reduction: 'mean' }],
    ['all of it', { ignoreIndex: 0, labelSmoothing: 0.1, weight: [1, 2, 3], reduction: 'mean' }],
  ];
  for (const [what, options] of OPTIONS)
    it(`with ${what} has the gradients of its values, also of fed targets`, () => {
      checkGraph((g) => crossEntropy(g.p(4, 3), g.fed([1, 2, 0, 2]), options));
      checkGraph((g) =>
        crossEntropy(
          g.p(2, 2, 3),
          [
            [1, 2],
            [0, 2],
          ],
          options,
        ),
      );
      checkGraph((g) => crossEntropy(g.p(3, 2), [1, 2], { ...options, axis: 0 }));
    });

  it('by weights that are trained, and of targets that are', () => {
    checkGraph((g) => crossEntropy(g.p(2, 3), [1, 2], { weight: g.positive(3), reduction: 'mean' }));
    checkGraph((g) => crossEntropy(g.p(2, 3), g.p(2, 3).softmax(), { labelSmoothing: 0.1 }));
  });

  it('counts ignored rows nowhere, and has no mean where all are', () => {
    const x = parameter(numbers(6), { shape: [2, 3] });
    const y = crossEntropy(x, index('t', 2), { ignoreIndex: 1, reduction: 'mean' });
    const alone = crossEntropy(parameter(numbers(3)), 2).forward()[0]!;
    assertClose(y.forward({ t: [2, 1] }), [alone], 1e-14, 'one row');
    y.backward();
    assert.deepEqual([...x.grad.subarray(3)], [0, 0, 0]);
    assert(Number.isNaN(y.forward({ t: [1, 1] })[0]!));
  });

  it('is one instruction without options', () => {
    const x = parameter(numbers(6), { shape: [2, 3] });
    const ops = (y: Value): string[] =>
      compile(y)
        .work()
        .map(({ op }) => op);
    assert.deepEqual(ops(x.crossEntropy([0, 1])), ['cross_entropy', 'cross_entropy_grad', 'fill']);
  });

  it('nll has the weights and ignored classes too', () => {
    const x = parameter(numbers(12), { shape: [4, 3] });
    const target = [2, 0, 1, 2];
    for (const [, { weight, ignoreIndex }] of OPTIONS)
      for (const reduction of ['mean', 'sum', 'none'] as const) {
        const own = {
          reduction,
          ...(weight && { weight }),
          ...(ignoreIndex !== undefined && { ignoreIndex }),
        };
        assertClose(
          nll(x.logSoftmax(), target, own).forward(),
          [...crossEntropy(x, target, own).forward()],
          1e-14,
          reduction,
        );
      }
  });

  const x = parameter(numbers(6), { name: 'x', shape: [2, 3] });
  const any = (given: unknown): never => given as never;
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    ['other rows', () => crossEntropy(x, [0]), /^crossEntropy of 'x' .*\[2, 3\] with targets \[1\]/],
    [
      'other columns, along axis 0',
      () => crossEntropy(x, [0, 1], { axis: 0 }),
      /^crossEntropy of 'x' .*: \[2, 3\] with targets \[2\]: expected \[3\], one for each row along axis 0$/,
    ],
    [
      'an axis that does not exist',
      () => crossEntropy(x, [0, 1], { axis: 2 }),
      /^crossEntropy of 'x' .*: axis 2 does not exist in shape \[2, 3\]$/,
    ],
    [
      'other rows of an array',
      () => crossEntropy(x.reshape([1, 2, 3]), [0, 1]),
      /\[1, 2, 3\] with targets \[2\]: expected \[1, 2\], one for each row$/,
    ],
    [
      'a target beyond the classes',
      () => crossEntropy(x, [0, 3]),
      /index 3 .*: expected an integer from -3 to 2/,
    ],
    [
      'probabilities of another shape',
      () => crossEntropy(x, parameter([1, 0, 0])),
      /\[2, 3\] with probabilities \[3\]: expected the same shape for both$/,
    ],
    [
      'weights of another number',
      () => crossEntropy(x, [0, 1], { weight: [1, 2] }),
      /weight of shape \[2\]: expected \[3\], a number for each class$/,
    ],
    [
      'a negative weight',
      () => crossEntropy(x, [0, 1], { weight: [1, -2, 1] }),
      /weight\[1\] -2: expected a finite/,
    ],
    [
      'weights that are no numbers',
      () => crossEntropy(x, [0, 1], { weight: any('x') }),
      /weight "x", expected/,
    ],
    [
      'an ignored index that is no class',
      () => crossEntropy(x, [0, 1], { ignoreIndex: -100 }),
      /^crossEntropy: ignoreIndex -100: expected one of the classes, from 0 to 2: /,
    ],
    [
      'an ignored index of probabilities',
      () => crossEntropy(x, x, { ignoreIndex: 1 }),
      /ignoreIndex is of targets that are classes, and these are probabilities$/,
    ],
    [
      'smoothing by more than all',
      () => crossEntropy(x, [0, 1], { labelSmoothing: 2 }),
      /labelSmoothing 2: expected/,
    ],
    ['an axis that there is not', () => crossEntropy(x, [0, 1], { axis: 2 }), /axis 2/],
    [
      'another reduction',
      () => crossEntropy(x, [0, 1], { reduction: any('avg') }),
      /reduction "avg": expected/,
    ],
    [
      'an unknown option',
      () => x.crossEntropy([0, 1], any({ weights: [1] })),
      /"weights"; did you mean weight\?/,
    ],
  ];
  for (const [what, call, message] of REFUSED)
    it(`refuses ${what}`, () => {
      assert.throws(call, { message });
    });
});
