/** Epilogues: which products do the work of the next operators too, and that the numbers stay the same. */
import assert from 'node:assert/strict';
import { ALL_PASSES, parsePasses } from '../../lib/compiler/passes.js';
import type { Value } from '../../lib/value/value.js';
import { zeros } from '../../lib/value/leaves.js';
import { Program } from '../../lib/runtime/program.js';
import { assertClose, Leaves } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

type Draw = (...shape: number[]) => Value;

/** The product of the k largest of x with their rows. */
function chosen(x: Value, rows: Value, k: number): Value {
  const which = x.topk(k);
  return x.gather(which).matmul(rows.gather(which));
}

/** Each position adds a product with chosen rows, and rows of batches, to the position before. */
function recurrence(p: Draw, n: number): Value {
  const rows = p(n, n).mul(0.1);
  const [a, b] = [p(3, n).matmul(p(n, n)), p(3, n).matmul(p(n, n))];
  let h = zeros([n]);
  for (let i = 0; i < 3; i++)
    h = h
      .add(chosen(h, rows, 3))
      .add(a.at(i))
      .add(b.at(i))
      .relu();
  return h.sum();
}

/** The relus, masks and additions that remain in forward, backward and update. */
const CASES: {
  name: string;
  loss: (p: Draw) => Value;
  /** Whether gradients are kept whole. */
  batches?: true;
  left: Record<string, number>;
}[] = [
  {
    name: 'a relu',
    loss: (p) => p(3, 4).matmul(p(4, 5)).relu().sum(),
    left: { mask_positive: 1 },
  },
  {
    name: 'a relu of one row',
    loss: (p) => p(4).matmul(p(4, 5)).relu().sum(),
    left: { mask_positive: 1 },
  },
  {
    name: 'a relu of a product large enough for OpenBLAS',
    loss: (p) => p(160, 160).matmul(p(160, 160)).relu().mean(),
    left: { mask_positive: 1 },
  },
  {
    name: 'the mask of a gradient',
    loss: (p) => p(3, 4).exp().relu().matmul(p(4, 5)).sum(),
    left: { relu: 1 },
  },
  {
    name: 'the mask of a gradient, behind the gradient of a parameter',
    loss: (p) => p(3, 4).exp().relu().matmul(p(4, 5)).exp().sum(),
    batches: true,
    left: { relu: 1 },
  },
  {
    name: 'a sum with what comes before',
    loss: (p) => {
      const a = p(3, 5).exp();
      return a
        .add(p(3, 4).matmul(p(4, 5)))
        .mul(a)
        .sum();
    },
    left: {},
  },
  {
    name: 'a sum with what comes before, as its first operand',
    loss: (p) => {
      const a = p(3, 5).exp();
      return p(3, 4).matmul(p(4, 5)).add(a).mul(a).sum();
    },
    left: {},
  },
  {
    name: 'a sum of large products',
    loss: (p) => {
      const a = p(160, 160).exp();
      return a
        .add(p(160, 160).matmul(p(160, 160)))
        .mul(a)
        .mean();
    },
    left: {},
  },
  {
    name: 'a relu, with chosen rows',
    loss: (p) => chosen(p(6).exp(), p(6, 5), 3).relu().sum(),
    left: { mask_positive: 1 },
  },
  {
    name: 'a sum with what comes before, with chosen rows, but no mask',
    loss: (p) => chosen(p(6).exp(), p(6, 5), 3).add(p(5).exp()).exp().relu().sum(),
    left: { relu: 1, mask_positive: 1 },
  },
  {
    name: 'the sum of two rows and a relu, with chosen rows',
    loss: (p) => recurrence(p, 6),
    left: { mask_positive: 3, relu: 1 },
  },
  {
    name: 'the sum of two rows and a relu, with chosen rows of many vectors',
    loss: (p) => recurrence(p, 77),
    left: { mask_positive: 3, relu: 1 },
  },
  {
    name: 'no product that is read again',
    loss: (p) => {
      const product = p(3, 4).matmul(p(4, 5));
      return product.relu().mul(product).sum();
    },
    left: { relu: 1, mask_positive: 1 },
  },
  {
    name: 'no product among many',
    loss: (p) =>
      p(2, 3, 4)
        .matmul(p(2, 4, 5))
        .relu()
        .sum(),
    left: { relu: 1, mask_positive: 1 },
  },
  {
    name: 'no sum that is broadcast',
    loss: (p) => p(3, 4).matmul(p(4, 5)).add(p(5).exp()).pow(2).sum(),
    left: { add: 1 },
  },
];

const COUNTED = ['relu', 'mask_positive', 'add'];

describe('a product does', () => {
  for (const { name, loss: make, batches, left } of CASES) {
    it(name, () => {
      for (const { isa, dtype } of TARGETS) {
        const [on, off] = [ALL_PASSES, parsePasses('-epilogue')].map((passes) => {
          const g = new Leaves(7);
          const parameters: Value[] = [];
          const loss = make((...shape) => {
            const parameter = g.p(...shape);
            parameters.push(parameter);
            return parameter;
          });
          const update = { op: 'sgd', moments: 1, numbers: 2 } as const;
          const program = new Program(
            { groups: [[loss]], gradients: 'parameters', update },
            { isa, dtype, passes, batches },
          );
          program.update.setRule(0, 0.01);
          const losses = [program.takeStep({}), program.takeStep({})];
          const counts = program
            .work()
            .filter(({ op }) => COUNTED.includes(op))
            .map(({ op, instructions }) => [op, instructions]);
          return {
            losses,
            counts: Object.fromEntries(counts) as unknown,
            data: parameters.map(({ data }) => Array.from(data)),
          };
        });
        assert.deepEqual(on!.counts, left, `${isa} ${dtype}`);
        // OpenBLAS adds the initial term last, the kernels first.
        const tolerance = dtype === 'float64' ? 1e-14 : 1e-6;
        assertClose(on!.losses, off!.losses, tolerance, `${isa} ${dtype}`);
        on!.data.forEach((data, i) => assertClose(data, off!.data[i]!, tolerance, `${isa} ${dtype}`));
      }
    });
  }
});
