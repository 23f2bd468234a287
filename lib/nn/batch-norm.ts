/** Layers that normalise each channel over a batch. */
import { checkBoolean, checkFinite, checkInteger, shown, type Known } from '../core/check.js';
import { ShapeError, sizeOf } from '../core/shape.js';
import { composed, type Node, type SetInStep } from '../graph/node.js';
import { asBuffer, isTraining, setInSteps } from '../value/buffers.js';
import { variance, where } from '../value/functions.js';
import { checkValue, constant, makeValue, type Value } from '../value/value.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What {@link BatchNorm1d} and {@link BatchNorm2d} take. */
export interface BatchNormOptions extends Partial<ModuleOptions> {
  /** Added to the variance; 1e-5 by default. */
  eps?: number;
  /** The share of a batch in the running statistics, from 0 to 1; 0.1 by default. */
  momentum?: number;
  /** Whether the result is multiplied by a weight, and a bias added; true by default. */
  affine?: boolean;
}

const OPTIONS: Known<BatchNormOptions> = { ...MODULE_OPTIONS, eps: true, momentum: true, affine: true };

/**
 * The base of both: each channel minus its mean, divided by its standard deviation, times the weight, plus
 * the bias. Nothing is drawn, so that they need no `random`.
 */
abstract class BatchNorm extends Module {
  /** [channels], from ones; undefined without `affine`. */
  readonly weight: Value | undefined;
  /** [channels], from zeros; undefined without `affine`. */
  readonly bias: Value | undefined;
  /** [channels], from zeros: the mean that runs other than training steps subtract. */
  readonly runningMean: Value;
  /** [channels], from ones: the variance by whose root they divide. */
  readonly runningVariance: Value;

  private readonly eps: number;
  private readonly momentum: number;

  /** @param channels the length of the second axis */
  constructor(channels: number, options: BatchNormOptions = {}) {
    const who = new.target.name;
    super(options, OPTIONS, false);
    const { eps = 1e-5, momentum = 0.1, affine = true } = options;
    checkInteger(`${who}: channels`, channels, 1);
    checkFinite(`${who}: eps`, eps, 0);
    if (!(typeof momentum === 'number' && momentum >= 0 && momentum <= 1))
      throw new RangeError(`${who}: momentum ${shown(momentum)}: expected a number from 0 to 1`);
    checkBoolean(`${who}: affine`, affine);
    this.eps = eps;
    this.momentum = momentum;
    if (affine) {
      this.weight = this.full('weight', [channels], 1);
      this.bias = this.full('bias', [channels], 0);
    }
    this.runningMean = asBuffer(this.full('runningMean', [channels], 0));
    this.runningVariance = asBuffer(this.full('runningVariance', [channels], 1));
  }

  /** @param ranks how many axes x can have */
  protected normalized(x: Value, ranks: readonly number[], expected: string): Value {
    const who = `${this.constructor.name}.apply`;
    checkValue(who, 'x', x);
    const { runningMean, runningVariance, weight, bias, eps, momentum } = this;
    const [channels] = runningMean.shape as [number];
    return composed(who, [x], () => {
      const { shape } = x;
      if (!ranks.includes(shape.length) || shape[1] !== channels)
        throw new ShapeError(`expected shape ${expected.replaceAll('C', String(channels))}`);
      const axes = shape.map((_, axis) => axis).filter((axis) => axis !== 1);
      const n = sizeOf(shape) / channels;
      const mean = x.mean(axes);
      const spread = variance(x, axes);
      // The statistics of the batch in training steps, the running ones in other runs.
      const isStep = isTraining();
      const center = where(isStep, mean, runningMean);
      const inBatch = where(isStep, spread, runningVariance);
      const running = (before: Node, now: Value): Value =>
        makeValue('mul', [before, constant(1 - momentum)]).add(now.mul(momentum));
      const sets: SetInStep[] = [
        { parameter: runningMean, next: (before) => running(before, mean) },
        // Of the population that the batch is drawn from, as in PyTorch.
        { parameter: runningVariance, next: (before) => running(before, spread.mul(n / (n - 1))) },
      ];
      const refusal =
        n > 1
          ? undefined
          : `${who} of ${x.label}: a training step needs more than one number in each channel, and has ${n}`;
      setInSteps(center, { sets, refusal });
      const scale = inBatch.add(eps).pow(-0.5);
      const byChannel = (value: Value): Value =>
        value.reshape([channels, ...new Array<number>(shape.length - 2).fill(1)]);
      const y = x.sub(byChannel(center)).mul(byChannel(weight ? scale.mul(weight) : scale));
      return bias ? y.add(byChannel(bias)) : y;
    });
  }
}

/**
 * Batch normalisation (Ioffe and Szegedy, 2015) of rows, or of sequences. A training step normalises by the
 * statistics of its batch, and moves the running ones towards them; every other run (`forward`, `evaluate`,
 * `inference`) normalises by the running ones. So one graph does both. Parameters: weight [channels], from
 * ones, bias [channels], from zeros, and the buffers runningMean and runningVariance, which no gradient
 * trains.
 *
 * A batch is an axis of the graph here: `batches: true` of `minimize`, which runs examples by themselves, is
 * refused; so are batches of fewer than two numbers in a channel, and losses that compute a normalisation
 * only in some steps, in a term of `meanOfFirst` or an option of `choose`.
 */
export class BatchNorm1d extends BatchNorm {
  /**
   * @param x [N, channels], or [N, channels, length]
   * @returns the same shape
   * @throws ShapeError when `x` has another shape
   */
  apply(x: Value): Value {
    checkModule('BatchNorm1d.apply', this);
    return this.normalized(x, [2, 3], '[N, C] or [N, C, length]');
  }
}

/** Batch normalisation of images: see {@link BatchNorm1d}. */
export class BatchNorm2d extends BatchNorm {
  /**
   * @param x [N, channels, height, width]
   * @returns the same shape
   * @throws ShapeError when `x` has another shape
   */
  apply(x: Value): Value {
    checkModule('BatchNorm2d.apply', this);
    return this.normalized(x, [4], '[N, C, height, width]');
  }
}
