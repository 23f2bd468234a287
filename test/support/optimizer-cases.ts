/** Losses, and optimisers with their rules, which the tests of optimisers have in common. */
import type { Value } from '../../lib/value/value.js';
import { concat, addN } from '../../lib/value/joins.js';
import { input, parameter } from '../../lib/value/leaves.js';
import { Adagrad, Adam, AdamW, Lion, RMSprop, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import { decay } from '../../lib/optim/rates.js';
import * as schedules from '../../lib/optim/schedules.js';
import {
  type Rule,
  type Rate,
  sgd,
  adagrad,
  adam,
  amsgrad,
  lion,
  rmsprop,
  clipped,
  penalized,
  decoupled,
  fixed,
  STEPS,
  START,
} from './update-rules.js';

/** A loss whose weights are START's numbers in order, its feeds, and its gradient by hand. */
export interface Problem {
  weights: Value[];
  loss: Value;
  feeds: (step: number) => Record<string, number[]>;
  gradient: (w: readonly number[], step: number) => number[];
}

const noise = (n: number, step: number): number[] =>
  Array.from({ length: n }, (_, i) => Math.cos(i * 1.7 + step));
/** Of the mean over (w - x)²: 2 (w - x) / n. */
const apart = (w: readonly number[], step: number): number[] =>
  noise(w.length, step).map((x, i) => (2 * (w[i]! - x)) / w.length);

export function quadratic(): Problem {
  const weights = [parameter(START.slice(0, 20)), parameter(START.slice(20))];
  const loss = concat(weights)
    .sub(input('x', [START.length]))
    .pow(2)
    .mean();
  return { weights, loss, feeds: (step) => ({ x: noise(START.length, step) }), gradient: apart };
}

/** The same of single numbers, which run as scalar bytecode. */
export function singleNumbers(): Problem {
  const weights = START.map((w) => parameter(w));
  const squares = weights.map((w, i) => w.sub(input(`x${i}`)).pow(2));
  const feeds = (step: number): Record<string, number[]> =>
    Object.fromEntries(noise(START.length, step).map((x, i) => [`x${i}`, [x]]));
  return { weights, loss: addN(squares).div(START.length), feeds, gradient: apart };
}

/** The mean over (x w - 1)², whose gradient by w is one product: 2 xᵀ (x w - 1) / n. */
export function product(): Problem {
  const [rows, inner, columns] = [4, 5, 7];
  const w = parameter(START, { shape: [inner, columns] });
  const loss = input('x', [rows, inner]).matmul(w).sub(1).pow(2).mean();
  return {
    weights: [w],
    loss,
    feeds: (step) => ({ x: noise(rows * inner, step) }),
    gradient: (numbers, step) => {
      const x = noise(rows * inner, step);
      return numbers.map((_, at) => {
        const [k, column] = [Math.floor(at / columns), at % columns];
        let sum = 0;
        for (let row = 0; row < rows; row++) {
          let error = -1;
          for (let i = 0; i < inner; i++) error += x[row * inner + i]! * numbers[i * columns + column]!;
          sum += x[row * inner + k]! * error;
        }
        return (2 * sum) / (rows * columns);
      });
    },
  };
}

/** A loss of some of the weights, drawn anew for each example. */
export function dropped(): Problem {
  const made = quadratic();
  return { ...made, loss: made.loss.add(made.weights[0]!.dropout(0.4, 3).pow(2).sum()) };
}

export const PROBLEMS = { quadratic, singleNumbers, product };

export const falling: Rate = (step) => 0.3 * (1 - step / STEPS);
function* listed(): Generator<number> {
  for (let step = 0; step < STEPS; step++) yield falling(step);
}

export const CASES: [title: string, make: () => Optimizer, rule: () => Rule][] = [
  ['SGD', () => new SGD({ learningRate: 0.3 }), () => sgd(fixed(0.3))],
  ['SGD with momentum', () => new SGD({ learningRate: 0.3, momentum: 0.9 }), () => sgd(fixed(0.3), 0.9)],
  [
    'SGD with Nesterov momentum',
    () => new SGD({ learningRate: falling, momentum: 0.9, nesterov: true }),
    () => sgd(falling, 0.9, true),
  ],
  [
    'SGD with weight decay',
    () => new SGD({ learningRate: 0.3, momentum: 0.5, weightDecay: 0.1 }),
    () => penalized(0.1, sgd(fixed(0.3), 0.5)),
  ],
  [
    'SGD, clipped',
    () => new SGD({ learningRate: 0.3, momentum: 0.5, clipGlobalNorm: 0.2 }),
    () => clipped(0.2, sgd(fixed(0.3), 0.5)),
  ],
  [
    'SGD with all of it',
    () =>
      new SGD({
        learningRate: falling,
        momentum: 0.9,
        nesterov: true,
        weightDecay: 0.1,
        clipGlobalNorm: 0.3,
      }),
    () => clipped(0.3, penalized(0.1, sgd(falling, 0.9, true))),
  ],
  [
    'SGD by a function of the step',
    () => new SGD({ learningRate: falling, momentum: 0.5 }),
    () => sgd(falling, 0.5),
  ],
  ['SGD by a generator', () => new SGD({ learningRate: listed(), momentum: 0.5 }), () => sgd(falling, 0.5)],
  [
    'SGD by a decaying rate',
    () => new SGD({ learningRate: decay(0.3, 0.9) }),
    () => sgd((step) => 0.3 * 0.9 ** step),
  ],
  ['SGD by an array of rates', () => new SGD({ learningRate: [...listed()] }), () => sgd(falling)],
  ['SGD by a schedule', () => new SGD({ learningRate: schedules.linear(0.3, 0, STEPS) }), () => sgd(falling)],
  ['Adam', () => new Adam({ learningRate: 0.01 }), () => adam(fixed(0.01))],
  [
    'Adam with all its numbers',
    () => new Adam({ learningRate: falling, beta1: 0.85, beta2: 0.99, eps: 1e-3 }),
    () => adam(falling, 0.85, 0.99, 1e-3),
  ],
  [
    'Adam with weight decay, clipped',
    () => new Adam({ learningRate: 0.01, eps: 1e-3, weightDecay: 0.1, clipGlobalNorm: 0.2 }),
    () => clipped(0.2, penalized(0.1, adam(fixed(0.01), 0.9, 0.999, 1e-3))),
  ],
  ['AdamW', () => new AdamW({ learningRate: 0.01 }), () => decoupled(0.01, fixed(0.01), adam(fixed(0.01)))],
  [
    'AdamW with all its numbers',
    () =>
      new AdamW({
        learningRate: falling,
        beta1: 0.85,
        beta2: 0.99,
        eps: 1e-3,
        weightDecay: 0.2,
        clipGlobalNorm: 0.2,
      }),
    () => clipped(0.2, decoupled(0.2, falling, adam(falling, 0.85, 0.99, 1e-3))),
  ],
  ['RMSprop', () => new RMSprop({ learningRate: 0.01 }), () => rmsprop(fixed(0.01), 0.9, 1e-8)],
  [
    'RMSprop with all its numbers',
    () => new RMSprop({ learningRate: falling, rho: 0.99, eps: 1e-2, weightDecay: 0.1, clipGlobalNorm: 0.2 }),
    () => clipped(0.2, penalized(0.1, rmsprop(falling, 0.99, 1e-2))),
  ],
  ['Adam, AMSGrad', () => new Adam({ learningRate: 0.01, amsgrad: true }), () => amsgrad(fixed(0.01))],
  [
    'AdamW, AMSGrad with all its numbers',
    () =>
      new AdamW({
        ...{ learningRate: falling, beta1: 0.85, beta2: 0.5, eps: 1e-3 },
        ...{ weightDecay: 0.2, clipGlobalNorm: 0.2, amsgrad: true },
      }),
    () => clipped(0.2, decoupled(0.2, falling, amsgrad(falling, 0.85, 0.5, 1e-3))),
  ],
  [
    'RMSprop, centered',
    () => new RMSprop({ learningRate: 0.01, centered: true, eps: 1e-4 }),
    () => rmsprop(fixed(0.01), 0.9, 1e-4, 0, true),
  ],
  [
    'RMSprop with momentum',
    () => new RMSprop({ learningRate: 0.01, momentum: 0.8, weightDecay: 0.1 }),
    () => penalized(0.1, rmsprop(fixed(0.01), 0.9, 1e-8, 0.8)),
  ],
  [
    'RMSprop, centered with momentum',
    () => new RMSprop({ learningRate: falling, rho: 0.5, momentum: 0.8, centered: true, eps: 1e-2 }),
    () => rmsprop(falling, 0.5, 1e-2, 0.8, true),
  ],
  ['Adagrad', () => new Adagrad({ learningRate: 0.1 }), () => adagrad(fixed(0.1), 1e-10)],
  [
    'Adagrad with all its numbers',
    () => new Adagrad({ learningRate: falling, eps: 1e-2, weightDecay: 0.1, clipGlobalNorm: 0.2 }),
    () => clipped(0.2, penalized(0.1, adagrad(falling, 1e-2))),
  ],
  ['Lion', () => new Lion({ learningRate: 0.01 }), () => lion(fixed(0.01))],
  [
    'Lion with all its numbers',
    () => new Lion({ learningRate: falling, beta1: 0.7, beta2: 0.8, weightDecay: 0.2, clipGlobalNorm: 0.2 }),
    () => clipped(0.2, decoupled(0.2, falling, lion(falling, 0.7, 0.8))),
  ],
];
