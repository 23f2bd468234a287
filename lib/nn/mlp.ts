/** Neuron, layer and multi-layer perceptron, every weight a number of its own: after micrograd's nn. */
import { checkBoolean, isList, shownList, type Known } from '../core/check.js';
import { valuesOf, type Value } from '../value/value.js';
import { total } from '../value/joins.js';
import { composed } from '../graph/node.js';
import { sameShape, ShapeError } from '../core/shape.js';
import { uniform, zeros } from './initializers.js';
import { checkCount, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What a neuron, and a layer of them, takes. */
export interface NeuronOptions extends ModuleOptions {
  /** Whether a relu follows the sum; true by default. */
  nonlinear?: boolean;
}

const NEURON_OPTIONS: Known<NeuronOptions> = { ...MODULE_OPTIONS, nonlinear: true };

/** relu(w1 x1 + ... + wn xn + b): weights drawn uniformly from [-1, 1), the bias 0. */
export class Neuron extends Module {
  private readonly weights: readonly Value[];
  private readonly bias: Value;
  private readonly nonlinear: boolean;

  constructor(nIn: number, options: NeuronOptions) {
    super(options, NEURON_OPTIONS);
    const { nonlinear = true } = options;
    checkBoolean('Neuron: nonlinear', nonlinear);
    this.nonlinear = nonlinear;
    this.weights = Array.from({ length: checkCount('Neuron: nIn', nIn) }, (_, i) =>
      this.draw(`weight[${i}]`, [], uniform()),
    );
    this.bias = this.draw('bias', [], zeros());
  }

  /**
   * @param x as many values as weights, of one shape: single numbers, or an array of all samples each
   * @returns a value of that shape
   * @throws ShapeError when there are more or fewer
   */
  apply(x: readonly Value[]): Value {
    const { weights } = this;
    const given = inputsOf('Neuron.apply', x, weights.length);
    const sum = composed('Neuron.apply', given, () =>
      total(given.map((xi, i) => xi.mul(weights[i]!))).add(this.bias),
    );
    return this.nonlinear ? sum.relu() : sum;
  }
}

/** What neurons of `nIn` inputs read: as many values, of one shape. */
function inputsOf(who: string, x: readonly Value[], nIn: number): Value[] {
  const given = valuesOf(`${who}: x`, x);
  if (given.length !== nIn)
    throw new ShapeError(`${who}: x has ${given.length} values, expected ${nIn}: one for each input`);
  const odd = given.find(({ shape }) => !sameShape(shape, given[0]!.shape));
  if (odd)
    throw new ShapeError(`${who}: x has ${given[0]!.label} and ${odd.label}: expected values of one shape`);
  return given;
}

/** Neurons that read the same inputs. */
export class Layer extends Module {
  private readonly neurons: readonly Neuron[];
  private readonly nIn: number;

  constructor(nIn: number, nOut: number, options: NeuronOptions) {
    super(options, NEURON_OPTIONS);
    checkCount('Layer: nIn x nOut', checkCount('Layer: nIn', nIn) * checkCount('Layer: nOut', nOut));
    this.nIn = nIn;
    this.neurons = Array.from({ length: nOut }, (_, i) =>
      this.include(new Neuron(nIn, { ...options, ...this.part(`neuron[${i}]`) })),
    );
  }

  /** What each neuron makes of `x`: see `Neuron`. */
  apply(x: readonly Value[]): Value[] {
    const given = inputsOf('Layer.apply', x, this.nIn);
    return this.neurons.map((neuron) => neuron.apply(given));
  }
}

const MOST_LAYERS = 1000;

/** Layers one after the other, relu after each but the last. */
export class MLP extends Module {
  private readonly layers: readonly Layer[];
  private readonly nIn: number;

  /** @param nOuts how many neurons each layer has */
  constructor(nIn: number, nOuts: readonly number[], options: ModuleOptions) {
    super(options);
    if (!isList(nOuts) || nOuts.length > MOST_LAYERS)
      throw new TypeError(
        `MLP: nOuts ${shownList(nOuts)}: expected an array of at most ${MOST_LAYERS} numbers`,
      );
    this.nIn = checkCount('MLP: nIn', nIn);
    nOuts.forEach((nOut, i) => checkCount(`MLP: nOuts[${i}]`, nOut));
    this.layers = nOuts.map((nOut, i) => {
      const nonlinear = i < nOuts.length - 1;
      return this.include(new Layer(nOuts[i - 1] ?? nIn, nOut, { ...this.part(`layer[${i}]`), nonlinear }));
    });
  }

  /** What the last layer's neurons make of `x`: see `Neuron`. */
  apply(x: readonly Value[]): Value[] {
    const given = inputsOf('MLP.apply', x, this.nIn);
    return this.layers.reduce((y, layer) => layer.apply(y), given);
  }
}
