/** Optimisers: each compiles a loss to a program whose one call is a whole training step. */
import { checkBoolean, checkOptions, type Known } from '../core/check.js';
import type { Value } from '../value/value.js';
import type { ProgramOptions } from '../runtime/options.js';
import { checkSchedule } from './rates.js';
import type { Training } from './training.js';
import { checkNumber, type OptimizerOptions, OPTIMIZER_OPTIONS, Update } from './update.js';

/** How parameters are changed to make a loss smaller. */
export interface Optimizer {
  /**
   * Compiles the training of all parameters to which a gradient of `loss` flows in the graph as it is
   * written, even where it is 0, as behind a constant 0: they have moments and decay, whatever the compiler
   * drops. Others (behind a `detach`, in the condition of a `where`) stay as they are.
   *
   * @throws ShapeError when the loss is not one number
   * @throws TypeError when no gradient of it reaches a parameter, or an option is unknown
   */
  minimize(loss: Value, options?: ProgramOptions): Training;
}

/** An optimiser made of one update rule, which is put together anew for each training. */
abstract class UpdateOptimizer<Options extends OptimizerOptions> implements Optimizer {
  constructor(protected readonly options: Options) {
    this.update(); // throws now what is wrong with the options
    checkSchedule(options.learningRate);
  }

  protected abstract update(): Update;

  minimize(loss: Value, options: ProgramOptions = {}): Training {
    return this.update().minimize(loss, this.options.learningRate, options);
  }
}

/** What {@link SGD} takes. */
export interface SGDOptions extends OptimizerOptions {
  /** How much of the last step's velocity is kept, from 0 to below 1; 0 by default. */
  momentum?: number;
  /** Whether the step looks ahead along the velocity; needs a momentum. False by default. */
  nesterov?: boolean;
  /** Adds weightDecay w to each gradient, biases' included; 0 by default. */
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
 * (Nesterov, 1983, as Sutskever et al., 2013, and PyTorch write it): w -= rate (gradient + momentum v).
 *
 * @throws RangeError on numbers out of their range
 */
export class SGD extends UpdateOptimizer<SGDOptions> {
  protected update(): Update {
    checkOptions('SGD', this.options, SGD_OPTIONS);
    const { momentum = 0, nesterov = false, weightDecay = 0 } = this.options;
    checkNumber('momentum', momentum, 0, 1);
    checkBoolean('nesterov', nesterov);
    if (nesterov && momentum === 0) throw new RangeError('nesterov needs a momentum above zero');
    const share = nesterov ? momentum : 1;
    const update = new Update('sgd', 1, [(rate) => share * rate, momentum]);
    update.clip(this.options).penalize(weightDecay);
    // rate momentum v is the instruction's part of the step.
    return nesterov ? update.move((rate) => -rate) : update;
  }
}

/** What {@link Adam} and {@link AdamW} take. */
export interface AdamOptions extends OptimizerOptions {
  /** How much the running mean of the gradient keeps; 0.9 by default. */
  beta1?: number;
  /** How much the running mean of the gradient's square keeps; 0.999 by default. */
  beta2?: number;
  /** Added to the root; 1e-8 by default. */
  eps?: number;
  /** Adam: adds weightDecay w to each gradient; 0 by default. AdamW: see there. */
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
  checkNumber('beta1', beta1, 0, 1);
  checkNumber('beta2', beta2, 0, 1);
  checkNumber('eps', eps, 0);
  return new Update('adam', 2, [
    (rate) => rate,
    beta1,
    beta2,
    eps,
    (_, step) => 1 / (1 - beta1 ** (step + 1)),
    (_, step) => 1 / (1 - beta2 ** (step + 1)),
  ]);
}

/**
 * Adam (Kingma and Ba, 2015), bias-corrected: m and v are running means of the gradient and its
 * square; w -= rate m̂ / (sqrt(v̂) + eps).
 *
 * @throws RangeError on numbers out of their range
 */
export class Adam extends UpdateOptimizer<AdamOptions> {
  protected update(): Update {
    checkOptions('Adam', this.options, ADAM_OPTIONS);
    const { weightDecay = 0 } = this.options;
    return adamUpdate(this.options).clip(this.options).penalize(weightDecay);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019, as PyTorch writes it): first
 * w *= 1 - rate weightDecay, then Adam's step, of whose means the decay is no part. `weightDecay` is
 * 0.01 by default, and decays all parameters, biases included.
 *
 * @throws RangeError on numbers out of their range
 */
export class AdamW extends UpdateOptimizer<AdamOptions> {
  protected update(): Update {
    checkOptions('AdamW', this.options, ADAM_OPTIONS);
    const { weightDecay = 0.01 } = this.options;
    checkNumber('weightDecay', weightDecay, 0);
    const update = adamUpdate(this.options).clip(this.options);
    return update.scale((rate) => 1 - rate * weightDecay);
  }
}

/** What {@link RMSprop} takes. */
export interface RMSpropOptions extends OptimizerOptions {
  /** How much the running mean of the gradient's square keeps; 0.9 by default. */
  rho?: number;
  /** Added to the root; 1e-8 by default. */
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
 * RMSprop (Tieleman and Hinton, 2012): v is a running mean of the gradient's square;
 * w -= rate gradient / (sqrt(v) + eps).
 *
 * @throws RangeError on numbers out of their range
 */
export class RMSprop extends UpdateOptimizer<RMSpropOptions> {
  protected update(): Update {
    checkOptions('RMSprop', this.options, RMSPROP_OPTIONS);
    const { rho = 0.9, eps = 1e-8, weightDecay = 0 } = this.options;
    checkNumber('rho', rho, 0, 1);
    checkNumber('eps', eps, 0);
    // Adam whose mean of gradients keeps nothing, without corrections.
    const update = new Update('adam', 2, [(rate) => rate, 0, rho, eps, 1, 1]);
    return update.clip(this.options).penalize(weightDecay);
  }
}
