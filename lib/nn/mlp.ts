/** The multi-layer perceptron: linear layers with an activation between them. */
import { checkBoolean, checkFunction, checkInteger, isList, shownList, type Known } from '../core/check.js';
import { sameShape, ShapeError } from '../core/shape.js';
import { composed } from '../graph/node.js';
import { checkValue, type Value } from '../value/value.js';
import { Linear, LINEAR_OPTIONS, type LinearOptions } from './linear.js';
import { checkInitializer, checkModule, MAX_LAYERS, Module } from './module.js';

/** Options of {@link MLP}; `bias` and `initializer` are those of each of its layers. */
export interface MLPOptions extends LinearOptions {
  /** Applied to the output of each layer but the last; must keep the shape. relu by default. */
  activation?: (x: Value) => Value;
}

const OPTIONS: Known<MLPOptions> = { ...LINEAR_OPTIONS, activation: true };

/**
 * `Linear` layers with an activation after each but the last. Parameters: layer[0].weight [nIn, nOuts[0]],
 * layer[0].bias [nOuts[0]], layer[1].weight [nOuts[0], nOuts[1]], ...
 */
export class MLP extends Module {
  private readonly layers: readonly Linear[];
  private readonly nIn: number;
  private readonly activation: (x: Value) => Value;

  /**
   * @param nIn the number of inputs
   * @param nOuts the number of outputs of each layer; at most 1,000 layers
   */
  constructor(nIn: number, nOuts: readonly number[], options: MLPOptions) {
    super(options, OPTIONS);
    const { activation = (x: Value) => x.relu(), bias, initializer } = options;
    checkFunction('MLP: activation', activation);
    // In this module's name, before a layer refuses them in its own.
    if (bias !== undefined) checkBoolean('MLP: bias', bias);
    if (initializer !== undefined) checkInitializer('MLP', initializer);
    if (!isList(nOuts) || nOuts.length > MAX_LAYERS)
      throw new TypeError(
        `MLP: nOuts ${shownList(nOuts)}: expected an array of at most ${MAX_LAYERS} numbers`,
      );
    this.nIn = checkInteger('MLP: nIn', nIn, 0);
    nOuts.forEach((nOut, i) => checkInteger(`MLP: nOuts[${i}]`, nOut, 0));
    this.activation = activation;
    this.layers = nOuts.map((nOut, i) =>
      this.include(new Linear(nOuts[i - 1] ?? nIn, nOut, { ...this.part(`layer[${i}]`), bias, initializer })),
    );
  }

  /**
   * @param x [..., nIn]: one sample, or rows of samples
   * @returns [..., n], where n is the number of outputs of the last layer
   * @throws ShapeError when the last axis of `x` is not nIn, or the activation changes a shape
   */
  apply(x: Value): Value {
    checkModule('MLP.apply', this);
    checkValue('MLP.apply', 'x', x);
    return composed('MLP.apply', [x], () => {
      if (x.shape.at(-1) !== this.nIn) throw new ShapeError(`expected shape [..., ${this.nIn}]`);
      return this.layers.reduce((y, layer, i) => layer.apply(i === 0 ? y : this.activated(y)), x);
    });
  }

  /** Applies the activation, which is user code, and checks its result. */
  private activated(x: Value): Value {
    const { activation } = this;
    const y = activation(x);
    checkValue('MLP.apply', 'the result of the activation', y);
    if (!sameShape(y.shape, x.shape))
      throw new ShapeError(`the activation of ${x.label} returned ${y.label}: expected the same shape`);
    return y;
  }
}
