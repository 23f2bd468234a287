/** The optimisers against PyTorch's, step by step. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/core/package.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { Adagrad, Adam, AdamW, RMSprop, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import { assertClose } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

interface Row {
  name: string;
  options: {
    lr: number;
    momentum?: number;
    nesterov?: boolean;
    weight_decay?: number;
    amsgrad?: boolean;
    betas?: [number, number];
    alpha?: number;
    centered?: boolean;
    eps?: number;
  };
  steps: number[][];
}

const { optimizers: ROWS, version } = JSON.parse(
  readFileSync(join(packageRoot(), 'test/fixtures/pytorch.json'), 'utf8'),
) as { optimizers: Row[]; version: string };

const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1 + i + 7 * seed));

/** PyTorch's options in our words. */
function optimizerOf({ name, options }: Row): Optimizer {
  const { lr, weight_decay: weightDecay = 0, betas, alpha, ...same } = options;
  const all = {
    ...{ learningRate: lr, weightDecay, ...same },
    ...(betas && { beta1: betas[0], beta2: betas[1] }),
    ...(alpha !== undefined && { rho: alpha }),
  };
  switch (name) {
    case 'SGD':
      return new SGD(all);
    case 'Adam':
      return new Adam(all);
    case 'AdamW':
      return new AdamW({ ...all, weightDecay: options.weight_decay ?? 0.01 });
    case 'RMSprop':
      return new RMSprop(all);
    case 'Adagrad':
      return new Adagrad(all);
    default:
      return new Adam({ ...all, sparse: true });
  }
}

describe(`the optimisers of ${version}`, () => {
  for (const row of ROWS)
    it(`${row.name} ${JSON.stringify(row.options)}`, () => {
      const isSparse = row.name === 'SparseAdam';
      for (const { isa, dtype } of TARGETS) {
        const w = isSparse ? parameter(numbers(18), { shape: [6, 3] }) : parameter(numbers(7));
        const x = input('x', isSparse ? [3, 3] : [7]);
        const loss = isSparse
          ? w.gather(index('i', 3)).mul(x).sum()
          : w
              .mul(x)
              .pow(2)
              .div(2)
              .add(w.mul(input('y', [7])))
              .sum();
        const training = optimizerOf(row).minimize(loss, { isa, dtype });
        row.steps.forEach((expected, step) => {
          training.step(
            isSparse
              ? { x: numbers(9, step + 1), i: [step % 6, (step * step) % 6, step % 6] }
              : { x: numbers(7, step + 1), y: numbers(7, step + 20) },
          );
          const tolerance = dtype === 'float64' ? 1e-13 : 2e-5;
          assertClose(w.data, expected, tolerance, `step ${step} on ${isa} in ${dtype}`);
        });
      }
    });
});
