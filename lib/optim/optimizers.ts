/** Optimisers: each compiles a loss to a program whose one call is a whole training step. */
import {
  checkArguments,
  checkBoolean,
  checkOptions,
  isList,
  limitArguments,
  shown,
  type Counts,
  type Known,
} from '../core/check.js';
import type { Value } from '../value/value.js';
import type { ProgramOptions } from '../runtime/options.js';
import { ParameterRule, type ParameterGroup } from './groups.js';
import { checkSchedule } from './rates.js';
import type { Training } from './training.js';
import {
  checkBetween,
  minimize,
  OPTIMIZER_OPTIONS,
  Update,
  type GroupedUpdate,
  type OptimizerOptions,
} from './update.js';

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

/** What a group may not have: it is of all parameters. */
const OF_ALL = ['clipGlobalNorm', 'onNonFinite', 'averageDecay', 'groups'] as const;

/** The base of all optimisers: each makes one update rule, anew for each training. */
abstract class UpdateOptimizer<Options extends OptimizerOptions> implements Optimizer {
  /** Those of a group are the optimiser's, where it has none of its own. */
  private readonly options: Options;
  private readonly groups: readonly { options: Partial<Options>; of: ParameterRule }[];

  constructor(options: Options & { groups?: readonly ParameterGroup<Options>[] }) {
    const who = new.target.name;
    checkArguments(who, arguments, 1);
    const known = this.known();
    checkOptions<object>(who, options, known);
    const { groups = [] } = options;
    if (!isList(groups)) throw new TypeError(`${who}: groups ${shown(groups)}, expected a list of groups`);
    // Copies, so that changing the given objects later changes nothing; inherited options count too.
    this.options = copyOf<Options>(options);
    this.groups = groups.map((group: ParameterGroup<Options>, i) => {
      const of = `${who}: groups[${i}]`;
      const own: object = { ...without(known, OF_ALL), parameters: true };
      checkOptions<object>(of, group, own);
      const { parameters, ...rest } = copyOf(group);
      return { options: rest as unknown as Partial<Options>, of: new ParameterRule(of, parameters) };
    });
    this.updates(); // throws now if an option is wrong
  }

  /** The names of its options. */
  protected abstract known(): Known<Options>;
  /** The update by these options. */
  protected abstract update(options: Options): Update;

  private updates(): GroupedUpdate {
    const { options } = this;
    const { learningRate, averageDecay } = options;
    checkSchedule(learningRate);
    const update = this.update(options).averaged(averageDecay);
    const groups = this.groups.map(({ options: own, of }) => {
      const group = within(of.who, () => {
        if (own.learningRate !== undefined) checkSchedule(own.learningRate);
        return this.update({ ...without(options, OF_ALL), ...own } as Options);
      });
      if (group.op !== update.op)
        throw new TypeError(
          `${of.who}: amsgrad, and momentum and centered of RMSprop, are the same for all groups: give ` +
            'them to the optimiser',
        );
      return { update: group, learningRate: own.learningRate, of };
    });
    return { base: { update, learningRate }, groups };
  }

  minimize(loss: Value, options: ProgramOptions = {}): Training {
    return minimize(loss, this.updates(), options);
  }
}

limitArguments('Optimizer', UpdateOptimizer.prototype, { minimize: 2 } satisfies Counts<Optimizer>);

/** A copy of an object of options, with those that it inherits, without those that are undefined. */
function copyOf<Options extends object>(given: Options): Options {
  const own: Partial<Options> = {};
  for (const name in given) if (given[name] !== undefined) own[name] = given[name];
  return own as Options;
}

function without(given: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)));
}

/** Has errors begin with the name of a group. */
function within<T>(who: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error) error.message = `${who}: ${error.message}`;
    throw error;
  }
}

/** What {@link SGD} takes. */
export interface SGDOptions extends OptimizerOptions {
  /** The fraction of the last step's velocity that is kept, from 0 to below 1; 0 by default. */
  momentum?: number;
  /** Whether to use Nesterov momentum; needs a momentum above zero. False by default. */
  nesterov?: boolean;
  /** Adds weightDecay w to each gradient, including those of biases; 0 by default. */
  weightDecay?: number;
  /** Parameters with options of their own. */
  groups?: readonly ParameterGroup<SGDOptions>[];
}

const SGD_OPTIONS: Known<SGDOptions> = {
  ...OPTIMIZER_OPTIONS,
  groups: true,
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
  protected known(): Known<SGDOptions> {
    return SGD_OPTIONS;
  }

  protected update(options: SGDOptions): Update {
    const { momentum = 0, nesterov = false, weightDecay = 0, sparse } = options;
    checkBetween('momentum', momentum, 0, 1);
    checkBoolean('nesterov', nesterov);
    if (nesterov && momentum === 0) throw new RangeError('nesterov needs a momentum above zero');
    const share = nesterov ? momentum : 1;
    const update = new Update('sgd', 1, { learningRate: (rate) => share * rate, momentum });
    update.clip(options).penalize(weightDecay);
    // With Nesterov the instruction subtracts rate momentum v; this subtracts rate times the gradient.
    if (nesterov) update.move();
    return update.byRows(sparse, momentum === 0);
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
  /**
   * Whether to divide by the root of the largest running mean of the squared gradient so far, in place of the
   * last one (Reddi, Kale and Kumar, 2018). False by default.
   */
  amsgrad?: boolean;
  /** Parameters with options of their own. */
  groups?: readonly ParameterGroup<AdamOptions>[];
}

const ADAM_OPTIONS: Known<AdamOptions> = {
  ...OPTIMIZER_OPTIONS,
  groups: true,
  beta1: true,
  beta2: true,
  eps: true,
  weightDecay: true,
  amsgrad: true,
};

/** The update that Adam and AdamW share. */
function adamUpdate({ beta1 = 0.9, beta2 = 0.999, eps = 1e-8, amsgrad = false }: AdamOptions): Update {
  checkBetween('beta1', beta1, 0, 1);
  checkBetween('beta2', beta2, 0, 1);
  checkBetween('eps', eps, 0);
  checkBoolean('amsgrad', amsgrad);
  return new Update(amsgrad ? 'amsgrad' : 'adam', amsgrad ? 3 : 2, {
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
  protected known(): Known<AdamOptions> {
    return ADAM_OPTIONS;
  }

  protected update(options: AdamOptions): Update {
    const { weightDecay = 0, sparse } = options;
    return adamUpdate(options).clip(options).penalize(weightDecay).byRows(sparse);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019, in PyTorch's form): first w *= 1 - rate
 * weightDecay, then Adam's step, whose running means do not include the decay. `weightDecay` is 0.01 by
 * default, and applies to all parameters, biases included, except in groups with another.
 *
 * @throws RangeError when a number is out of range
 */
export class AdamW extends UpdateOptimizer<AdamOptions> {
  protected known(): Known<AdamOptions> {
    return ADAM_OPTIONS;
  }

  protected update(options: AdamOptions): Update {
    const { weightDecay = 0.01, sparse } = options;
    return adamUpdate(options).clip(options).shrink(weightDecay).byRows(sparse);
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
  /** The fraction of the last step's velocity that is kept, from 0 to below 1; 0 by default. */
  momentum?: number;
  /** Whether v is a variance: less the square of a running mean of the gradient. False by default. */
  centered?: boolean;
  /** Parameters with options of their own. */
  groups?: readonly ParameterGroup<RMSpropOptions>[];
}

const RMSPROP_OPTIONS: Known<RMSpropOptions> = {
  ...OPTIMIZER_OPTIONS,
  groups: true,
  rho: true,
  eps: true,
  weightDecay: true,
  momentum: true,
  centered: true,
};

/**
 * RMSprop (Tieleman and Hinton, 2012): v is a running mean of the gradient's square; w -= rate gradient /
 * (sqrt(v) + eps). `centered` (Graves, 2013): sqrt(v - m²) in place of sqrt(v), where m is a running mean of
 * the gradient. With `momentum`, the velocity s = momentum s + gradient / (sqrt(v) + eps); w -= rate s.
 *
 * @throws RangeError when a number is out of range
 */
export class RMSprop extends UpdateOptimizer<RMSpropOptions> {
  protected known(): Known<RMSpropOptions> {
    return RMSPROP_OPTIONS;
  }

  protected update(options: RMSpropOptions): Update {
    const { rho = 0.9, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false, sparse } = options;
    checkBetween('rho', rho, 0, 1);
    checkBetween('eps', eps, 0);
    checkBetween('momentum', momentum, 0, 1);
    checkBoolean('centered', centered);
    const learningRate = (rate: number): number => rate;
    const rest = (): number => 1 - rho;
    // Without momentum and mean it is Adam with beta1 = 0 and without bias correction.
    const update =
      momentum === 0 && !centered
        ? new Update(
            'adam',
            2,
            {
              ...{ learningRate, beta1: 0, rho, eps, '1 / (1 - beta1 ** step)': 1 },
              ...{ '1 / (1 - rho ** step)': 1, '1 - beta1': 1, '1 - rho': rest },
            },
            'rmsprop',
          )
        : new Update('rmsprop', 3, {
            ...{ learningRate, rho, eps, momentum, centered: Number(centered), '1 - rho': rest },
          });
    return update.clip(options).penalize(weightDecay).byRows(sparse);
  }
}

/** What {@link Adagrad} takes. */
export interface AdagradOptions extends OptimizerOptions {
  /** Added to the root in the denominator; 1e-10 by default. */
  eps?: number;
  /** Adds weightDecay w to each gradient; 0 by default. */
  weightDecay?: number;
  /** Parameters with options of their own. */
  groups?: readonly ParameterGroup<AdagradOptions>[];
}

const ADAGRAD_OPTIONS: Known<AdagradOptions> = {
  ...OPTIMIZER_OPTIONS,
  groups: true,
  eps: true,
  weightDecay: true,
};

/**
 * Adagrad (Duchi, Hazan and Singer, 2011): v is the sum of the gradient's squares so far; w -= rate gradient
 * / (sqrt(v) + eps).
 *
 * @throws RangeError when a number is out of range
 */
export class Adagrad extends UpdateOptimizer<AdagradOptions> {
  protected known(): Known<AdagradOptions> {
    return ADAGRAD_OPTIONS;
  }

  protected update(options: AdagradOptions): Update {
    const { eps = 1e-10, weightDecay = 0, sparse } = options;
    checkBetween('eps', eps, 0);
    const update = new Update('adagrad', 1, { learningRate: (rate) => rate, eps });
    return update.clip(options).penalize(weightDecay).byRows(sparse);
  }
}

/** What {@link Lion} takes. */
export interface LionOptions extends OptimizerOptions {
  /** The share of the running mean in a step's direction; 0.9 by default. */
  beta1?: number;
  /** The decay of the running mean of the gradient; 0.99 by default. */
  beta2?: number;
  /** First w *= 1 - rate weightDecay, as by AdamW; 0 by default. */
  weightDecay?: number;
  /** Parameters with options of their own. */
  groups?: readonly ParameterGroup<LionOptions>[];
}

const LION_OPTIONS: Known<LionOptions> = {
  ...OPTIMIZER_OPTIONS,
  groups: true,
  beta1: true,
  beta2: true,
  weightDecay: true,
};

/**
 * Lion (Chen et al., 2023): w -= rate sign(beta1 m + (1 - beta1) gradient), then m = beta2 m + (1 - beta2)
 * gradient. Every number moves by the rate, so that rates are 3 to 10 times smaller than Adam's.
 *
 * @throws RangeError when a number is out of range
 */
export class Lion extends UpdateOptimizer<LionOptions> {
  protected known(): Known<LionOptions> {
    return LION_OPTIONS;
  }

  protected update(options: LionOptions): Update {
    const { beta1 = 0.9, beta2 = 0.99, weightDecay = 0, sparse } = options;
    checkBetween('beta1', beta1, 0, 1);
    checkBetween('beta2', beta2, 0, 1);
    const update = new Update('lion', 1, {
      learningRate: (rate) => rate,
      ...{ beta1, beta2, '1 - beta1': () => 1 - beta1, '1 - beta2': () => 1 - beta2 },
    });
    return update.clip(options).shrink(weightDecay).byRows(sparse);
  }
}
