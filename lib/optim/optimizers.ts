/** Optimisers: each compiles a loss to a program whose one call is a whole training step. */
import {
  checkArguments,
  checkBoolean,
  checkOptions,
  limitArguments,
  type Counts,
  type Known,
} from '../core/check.js';
import type { Value } from '../value/value.js';
import type { ProgramOptions } from '../runtime/options.js';
import { checkSchedule } from './rates.js';
import type { Training } from './training.js';
import { checkBetween, type OptimizerOptions, OPTIMIZER_OPTIONS, Update } from './update.js';

/** Changes parameters to make a loss smaller. */
export interface Optimizer {
  /**
   * Compiles the training of every parameter to which a gradient of `loss` flows in the graph as written. A
   * gradient that is always 0 (behind a constant 0, say) counts: such a parameter has moments and decays,
   * even if the compiler removes the computation. Parameters without gradient (behind a `detach`, or in the
   * condition of a `where`) are not trained.
   *
   * @throws ShapeError when the loss is not one number
   * @throws TypeError when no gradient reaches a parameter, or an option is unknown
   * @throws RangeError when float32 would make one of the optimiser's numbers infinite or 0
   */
  minimize(loss: Value, options?: ProgramOptions): Training;
}

/** The base of all optimisers: each makes one update rule, anew for each training. */
abstract class UpdateOptimizer<Options extends OptimizerOptions> implements Optimizer {
  protected readonly options: Options;

  constructor(options: Options) {
    checkArguments(new.target.name, arguments, 1);
    this.options = options;
    this.update(); // throws now if an option is wrong
    // A copy, so that changing the given object later changes nothing; inherited options count too.
    const own: Partial<Options> = {};
    for (const name in options) own[name] = options[name];
    this.options = own as Options;
    checkSchedule(this.options.learningRate);
  }

  protected abstract update(): Update;

  minimize(loss: Value, options: ProgramOptions = {}): Training {
    return this.update().minimize(loss, this.options.learningRate, options);
  }
}

limitArguments('Optimizer', UpdateOptimizer.prototype, { minimize: 2 } satisfies Counts<Optimizer>);

/** What {@link SGD} takes. */
export interface SGDOptions extends OptimizerOptions {
  /** The fraction of the last step's velocity that is kept, from 0 to below 1; 0 by default. */
  momentum?: number;
  /** Whether to use Nesterov momentum; needs a momentum above zero. False by default. */
  nesterov?: boolean;
  /** Adds weightDecay w to each gradient, including those of biases; 0 by default. */
  weightDecay?: number;
}

const SGD_OPTIONS: Known<SGDOptions> = {
  ...OPTIMIZER_OPTIONS,
  momentum: true,
  nesterov: true,
  weightDecay: true,
};

/**
 * Stochastic gradient descent with momentum: v = momentum v + gradient; w -= rate v. With `nesterov`
 * (Nesterov, 1983, in the form of Sutskever et al., 2013, and PyTorch): w -= rate (gradient + momentum v).
 *
 * @throws RangeError when a number is out of range
 */
export class SGD extends UpdateOptimizer<SGDOptions> {
  protected update(): Update {
    checkOptions('SGD', this.options, SGD_OPTIONS);
    const { momentum = 0, nesterov = false, weightDecay = 0 } = this.options;
    checkBetween('momentum', momentum, 0, 1);
    checkBoolean('nesterov', nesterov);
    if (nesterov && momentum === 0) throw new RangeError('nesterov needs a momentum above zero');
    const share = nesterov ? momentum : 1;
    const update = new Update('sgd', 1, { learningRate: (rate) => share * rate, momentum });
    update.clip(this.options).penalize(weightDecay);
    // With Nesterov the instruction subtracts rate momentum v; this subtracts rate times the gradient.
    return nesterov ? update.move() : update;
  }
}

/** What {@link Adam} and {@link AdamW} take. */
export interface AdamOptions extends OptimizerOptions {
  /** The decay of the running mean of the gradient; 0.9 by default. */
  beta1?: number;
  /** The decay of the running mean of the squared gradient; 0.999 by default. */
  beta2?: number;
  /** Added to the root in the denominator; 1e-8 by default. */
  eps?: number;
  /** Adam adds weightDecay w to each gradient (0 by default); for AdamW see there. */
  weightDecay?: number;
}

const ADAM_OPTIONS: Known<AdamOptions> = {
  ...OPTIMIZER_OPTIONS,
  beta1: true,
  beta2: true,
  eps: true,
  weightDecay: true,
};

/** The update that Adam and AdamW share. */
function adamUpdate({ beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }: AdamOptions): Update {
  checkBetween('beta1', beta1, 0, 1);
  checkBetween('beta2', beta2, 0, 1);
  checkBetween('eps', eps, 0);
  return new Update('adam', 2, {
    learningRate: (rate) => rate,
    beta1,
    beta2,
    eps,
    '1 / (1 - beta1 ** step)': (_, step) => 1 / (1 - beta1 ** (step + 1)),
    '1 / (1 - beta2 ** step)': (_, step) => 1 / (1 - beta2 ** (step + 1)),
    '1 - beta1': () => 1 - beta1,
    '1 - beta2': () => 1 - beta2,
  });
}

/**
 * Adam (Kingma and Ba, 2015), with bias correction: m and v are running means of the gradient and of its
 * square; w -= rate m̂ / (sqrt(v̂) + eps).
 *
 * @throws RangeError when a number is out of range
 */
export class Adam extends UpdateOptimizer<AdamOptions> {
  protected update(): Update {
    checkOptions('Adam', this.options, ADAM_OPTIONS);
    const { weightDecay = 0 } = this.options;
    return adamUpdate(this.options).clip(this.options).penalize(weightDecay);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019, in PyTorch's form): first w *= 1 - rate
 * weightDecay, then Adam's step, whose running means do not include the decay. `weightDecay` is 0.01 by
 * default, and applies to all parameters, biases included.
 *
 * @throws RangeError when a number is out of range
 */
export class AdamW extends UpdateOptimizer<AdamOptions> {
  protected update(): Update {
    checkOptions('AdamW', this.options, ADAM_OPTIONS);
    const { weightDecay = 0.01 } = this.options;
    checkBetween('weightDecay', weightDecay, 0);
    return adamUpdate(this.options).clip(this.options).shrink(weightDecay);
  }
}

/** What {@link RMSprop} takes. */
export interface RMSpropOptions extends OptimizerOptions {
  /** The decay of the running mean of the squared gradient; 0.9 by default. */
  rho?: number;
  /** Added to the root in the denominator; 1e-8 by default. */
  eps?: number;
  /** Adds weightDecay w to each gradient; 0 by default. */
  weightDecay?: number;
}

const RMSPROP_OPTIONS: Known<RMSpropOptions> = {
  ...OPTIMIZER_OPTIONS,
  rho: true,
  eps: true,
  weightDecay: true,
};

/**
 * RMSprop (Tieleman and Hinton, 2012): v is a running mean of the gradient's square; w -= rate gradient /
 * (sqrt(v) + eps).
 *
 * @throws RangeError when a number is out of range
 */
export class RMSprop extends UpdateOptimizer<RMSpropOptions> {
  protected update(): Update {
    checkOptions('RMSprop', this.options, RMSPROP_OPTIONS);
    const { rho = 0.9, eps = 1e-8, weightDecay = 0 } = this.options;
    checkBetween('rho', rho, 0, 1);
    checkBetween('eps', eps, 0);
    // Adam with beta1 = 0 and without bias correction.
    const update = new Update('adam', 2, {
      learningRate: (rate) => rate,
      beta1: 0,
      rho,
      eps,
      '1 / (1 - beta1 ** step)': 1,
      '1 / (1 - rho ** step)': 1,
      '1 - beta1': 1,
      '1 - rho': () => 1 - rho,
    });
    return update.clip(this.options).penalize(weightDecay);
  }
}
