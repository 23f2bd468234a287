/** Optimisers: each compiles a loss to a program whose one call is a whole training step. */
import type { Value } from './graph.js';
import { Program, type Feeds, type ProgramOptions } from './program.js';

/** A learning rate: a number, a function of the step (from 0), or a generator of rates. */
export type Schedule = number | ((step: number) => number) | Iterable<number> | Iterator<number>;

function rates(schedule: Schedule): (step: number) => number {
  const next = ratesOf(schedule);
  return (step) => {
    const rate: unknown = next(step);
    if (typeof rate === 'number' && !Number.isNaN(rate)) return rate;
    throw new TypeError(`learning rate ${String(rate)} at step ${step}: expected a number`);
  };
}

function ratesOf(schedule: Schedule): (step: number) => number {
  if (typeof schedule === 'number') return () => schedule;
  if (typeof schedule === 'function') return schedule;
  if (typeof schedule !== 'object' || (schedule as unknown) === null) {
    throw new TypeError(`learning rate ${JSON.stringify(schedule)}: expected a number, a function of the step, or a generator`); // prettier-ignore
  }
  const iterator = Symbol.iterator in schedule ? schedule[Symbol.iterator]() : schedule;
  return (step) => {
    const next = iterator.next();
    if (next.done) throw new RangeError(`the learning rates ended before step ${step}: give a generator that goes on`); // prettier-ignore
    return next.value;
  };
}

/** Rates that start at `rate` and are multiplied by `factor` after every step. */
export function* decay(rate: number, factor: number): Generator<number> {
  for (; ; rate *= factor) yield rate;
}

/** A loss being trained: `step(feeds)` is one native call. */
export class Training {
  /** Steps taken. */
  steps = 0;

  constructor(
    /** The compiled program: forward, backward, update. */
    readonly program: Program,
    private readonly prepare: (program: Program, step: number) => void,
  ) {}

  /** One step: the loss at the fed numbers before the update. */
  step(feeds: Feeds): number {
    this.prepare(this.program, this.steps);
    const loss = this.program.step(feeds);
    this.steps++;
    return loss;
  }

  /** The loss without an update. */
  evaluate(feeds: Feeds): number {
    return this.program.evaluate(feeds);
  }
}

/** A way of learning. */
export interface Optimizer {
  /** Compiles the training of all parameters that `loss` depends on. */
  minimize(loss: Value, options?: ProgramOptions): Training;
}

function checkRate(name: string, x: number, low: number, high: number): number {
  if (!(typeof x === 'number' && x >= low && x < high)) {
    throw new RangeError(`${name} ${String(x)}: expected a number from ${low} to below ${high}`);
  }
  return x;
}

/** Stochastic gradient descent: v = momentum v + gradient; w -= rate v. */
export class SGD implements Optimizer {
  private readonly learningRate: Schedule;
  private readonly momentum: number;

  constructor(options: { learningRate: Schedule; momentum?: number }) {
    this.learningRate = options.learningRate;
    this.momentum = checkRate('momentum', options.momentum ?? 0, 0, 1);
  }

  minimize(loss: Value, options: ProgramOptions = {}): Training {
    const rate = rates(this.learningRate);
    const program = new Program(
      { groups: [[loss]], gradients: 'parameters', update: { op: 'sgd', moments: 1, numbers: 2 } },
      options,
    );
    program.setRule(1, this.momentum);
    return new Training(program, (p, step) => {
      p.setRule(0, rate(step));
    });
  }
}

/**
 * Adam (Kingma and Ba, 2015), bias-corrected: m and v are running means of the gradient and its
 * square; w -= rate m̂ / (sqrt(v̂) + eps).
 */
export class Adam implements Optimizer {
  private readonly options: Required<ConstructorParameters<typeof Adam>[0]>;

  constructor(options: { learningRate: Schedule; beta1?: number; beta2?: number; eps?: number }) {
    const { learningRate, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 } = options;
    checkRate('beta1', beta1, 0, 1);
    checkRate('beta2', beta2, 0, 1);
    this.options = { learningRate, beta1, beta2, eps };
  }

  minimize(loss: Value, options: ProgramOptions = {}): Training {
    const { learningRate, beta1, beta2, eps } = this.options;
    const rate = rates(learningRate);
    const program = new Program(
      { groups: [[loss]], gradients: 'parameters', update: { op: 'adam', moments: 2, numbers: 6 } },
      options,
    );
    program.setRule(1, beta1);
    program.setRule(2, beta2);
    program.setRule(3, eps);
    return new Training(program, (p, step) => {
      p.setRule(0, rate(step));
      p.setRule(4, 1 / (1 - beta1 ** (step + 1)));
      p.setRule(5, 1 / (1 - beta2 ** (step + 1)));
    });
  }
}
