/** The matrix products that models written by hand call, on parts of larger arrays. */
import assert from 'node:assert/strict';
import { assertNear, numbers } from '../support/kernel-numbers.js';
import { matrices } from '../../bench/matrices.js';

describe('the matrices that models written by hand call', () => {
  const [x, few] = [new Float32Array(64), new Float32Array(3)];

  it('multiply within arrays, whichever way an operand lies', () => {
    const [count, m, n, k] = [2, 3, 5, 4];
    const [a, b] = [count * m * k, count * k * n].map((size) => Float64Array.from(numbers(size)));
    const plain = new Float64Array(count * m * n);
    matrices.gemm(plain, n, m * n, a!, k, 1, m * k, b!, n, 1, k * n, m, n, k, count, 0);
    const expected = Array.from(plain, (_, at) => {
      const [i, r, c] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
      return Array.from({ length: k }, (_, p) => a![(i * m + r) * k + p]! * b![(i * k + p) * n + c]!).reduce(
        (x, y) => x + y,
      );
    });
    const bounds = expected.map(() => 1e-14);
    assertNear(plain, expected, bounds, 'rows');
    const turned = b!.map(
      (_, at) => b![Math.floor(at / (k * n)) * k * n + (at % k) * n + (Math.floor(at / k) % n)]!,
    );
    const accumulated = new Float64Array(plain.length).fill(1);
    matrices.gemm(accumulated, n, m * n, a!, k, 1, m * k, turned, 1, k, k * n, m, n, k, count, 1);
    assertNear(
      accumulated.map((y) => y - 1),
      expected,
      bounds,
      'columns of b, accumulated',
    );
    // One row times many columns, which is computed transposed.
    const [row, wide] = [Float64Array.from(numbers(40)), Float64Array.from(numbers(40 * 30))];
    const y = new Float64Array(30);
    matrices.gemm(y, 30, 0, row, 40, 1, 0, wide, 1, 40, 0, 1, 30, 40, 1, 0);
    const dots = Array.from(y, (_, c) => row.reduce((sum, u, p) => sum + u * wide[c * 40 + p]!, 0));
    assertNear(
      y,
      dots,
      dots.map(() => 1e-12),
      'a large transposed b',
    );
  });

  it('refuse operands that leave their arrays', () => {
    const targets = Int32Array.of(0, 9);
    const calls: Record<string, () => void> = {
      'gemm, out': () => {
        matrices.gemm(few, 2, 0, x, 2, 1, 0, x, 2, 1, 0, 2, 2, 2, 1, 0);
      },
      'gemm, a': () => {
        matrices.gemm(x, 2, 0, few, 2, 1, 0, x, 2, 1, 0, 2, 2, 2, 1, 0);
      },
      'gemm, b': () => {
        matrices.gemm(x, 2, 0, x, 2, 1, 0, few, 2, 1, 0, 2, 2, 2, 1, 0);
      },
      'gemm, count': () => {
        matrices.gemm(x, 2, 4, x, 2, 1, 4, x, 2, 1, 31, 2, 2, 2, 3, 0);
      },
      sgd: () => {
        matrices.sgd(x, x.slice(), few, 4, 0.1, 0.9);
      },
      causalSoftmax: () => {
        matrices.causalSoftmax(x, x, 1, 9);
      },
      'causalSoftmax, huge': () => {
        matrices.causalSoftmax(x, x, 2 ** 29, 2 ** 29);
      },
      softmaxGrad: () => {
        matrices.softmaxGrad(x, x, few, 2, 2);
      },
      rmsNorm: () => {
        matrices.rmsNorm(x, few, x, 4, 4, 0);
      },
      rmsNormGrad: () => {
        matrices.rmsNormGrad(x, x, x, few, 4, 4, 0);
      },
      crossEntropy: () => {
        matrices.crossEntropy(few, x, x, targets, 2, 9);
      },
      crossEntropyGrad: () => {
        matrices.crossEntropyGrad(x, x, 1, targets, 3, 10);
      },
      add: () => {
        matrices.add(x, x, few, 4);
      },
      maskPositive: () => {
        matrices.maskPositive(few, x, x, 4);
      },
      scale: () => {
        matrices.scale(x, 60, 2, 2, 5);
      },
      scatterAdd: () => {
        matrices.scatterAdd(x, 9, x, targets, 2, 8);
      },
    };
    for (const [name, call] of Object.entries(calls)) assert.throws(call, RangeError, name);
  });

  it('refuse arguments of other types', () => {
    const float64 = new Float64Array(64);
    assert.throws(() => {
      matrices.add(x, x, float64, 4);
    }, TypeError);
    assert.throws(() => {
      matrices.add(x, x, x, -1);
    }, TypeError);
    assert.throws(() => {
      matrices.add(x, x, x, 2 ** 30);
    }, TypeError);
    assert.throws(() => {
      matrices.causalSoftmax(x, x, 1, 2 ** 32);
    }, TypeError);
  });
});
