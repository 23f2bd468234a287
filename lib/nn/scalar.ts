/**
 * Neuron, layer and multi-layer perceptron in the style of micrograd's nn, for teaching: every weight is a
 * parameter of its own, so that a drawing of the graph shows every number. For training use `MLP`, which
 * works on matrices: a step of a 64-128-64-10 classifier takes 18 instructions there and 43,291 here.
 */
import { checkBoolean, isList, shownList, type Known } from '../core/check.js';
import { valuesOf, type Value } from '../value/value.js';
import { addN } from '../value/joins.js';
import { composed } from '../graph/node.js';
import { sameShape, ShapeError } from '../core/shape.js';
import { uniform, zeros } from './initializers.js';
import { checkCount, checkModule, MAX_LAYERS, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** Options of {@link ScalarNeuron} and {@link ScalarLayer}. */
export interface ScalarNeuronOptions extends ModuleOptions {
  /** Whether relu is applied to the weighted sum; true by default. */
  nonlinear?: boolean;
}

const OPTIONS: Known<ScalarNeuronOptions> = { ...MODULE_OPTIONS, nonlinear: true };

/**
 * relu(w1 x1 + ... + wn xn + b). Parameters, all single numbers: weight[0] to weight[n - 1], drawn uniformly
 * from [-1, 1), and bias, which starts at 0.
 */
export class ScalarNeuron extends Module {
  private readonly weights: readonly Value[];
  private readonly bias: Value;
  private readonly nonlinear: boolean;

  constructor(nIn: number, options: ScalarNeuronOptions) {
    super(options, OPTIONS);
    const { nonlinear = true } = options;
    checkBoolean('ScalarNeuron: nonlinear', nonlinear);
    this.nonlinear = nonlinear;
    this.weights = Array.from({ length: checkCount('ScalarNeuron: nIn', nIn) }, (_, i) =>
      this.draw(`weight[${i}]`, [], uniform()),
    );
    this.bias = this.draw('bias', [], zeros());
  }

  /**
   * @param x nIn values of one shape: single numbers, or arrays with one element per sample
   * @returns a value of that shape
   * @throws ShapeError when x has more or fewer values, or values of different shapes
   */
  apply(x: readonly Value[]): Value {
    checkModule('ScalarNeuron.apply', this);
    const { weights } = this;
    const inputs = inputsOf('ScalarNeuron.apply', x, weights.length);
    const sum = composed('ScalarNeuron.apply', inputs, () =>
      addN(inputs.map((xi, i) => xi.mul(weights[i]!))).add(this.bias),
    );
    return this.nonlinear ? sum.relu() : sum;
  }
}

/** Checks the inputs of a neuron: nIn values of one shape. */
function inputsOf(who: string, x: readonly Value[], nIn: number): Value[] {
  const inputs = valuesOf(`${who}: x`, x);
  if (inputs.length !== nIn)
    throw new ShapeError(`${who}: x has ${inputs.length} values, expected ${nIn}: one for each input`);
  const odd = inputs.find(({ shape }) => !sameShape(shape, inputs[0]!.shape));
  if (odd)
    throw new ShapeError(`${who}: x has ${inputs[0]!.label} and ${odd.label}: expected values of one shape`);
  return inputs;
}

/** nOut neurons that read the same inputs: neuron[0] to neuron[nOut - 1]. */
export class ScalarLayer extends Module {
  private readonly neurons: readonly ScalarNeuron[];
  private readonly nIn: number;

  constructor(nIn: number, nOut: number, options: ScalarNeuronOptions) {
    super(options, OPTIONS);
    const count = checkCount('ScalarLayer: nIn', nIn) * checkCount('ScalarLayer: nOut', nOut);
    checkCount('ScalarLayer: nIn x nOut', count);
    this.nIn = nIn;
    this.neurons = Array.from({ length: nOut }, (_, i) =>
      this.include(new ScalarNeuron(nIn, { ...options, ...this.part(`neuron[${i}]`) })),
    );
  }

  /**
   * @param x nIn values of one shape, as in {@link ScalarNeuron.apply}
   * @returns nOut values of that shape, one for each neuron
   * @throws ShapeError when x has more or fewer values, or values of different shapes
   */
  apply(x: readonly Value[]): Value[] {
    checkModule('ScalarLayer.apply', this);
    const inputs = inputsOf('ScalarLayer.apply', x, this.nIn);
    return this.neurons.map((neuron) => neuron.apply(inputs));
  }
}

/** Layers of neurons, with relu after each but the last: layer[0], layer[1], ... */
export class ScalarMLP extends Module {
  private readonly layers: readonly ScalarLayer[];
  private readonly nIn: number;

  /** @param nOuts the number of neurons in each layer; at most 1,000 layers */
  constructor(nIn: number, nOuts: readonly number[], options: ModuleOptions) {
    super(options);
    if (!isList(nOuts) || nOuts.length > MAX_LAYERS)
      throw new TypeError(
        `ScalarMLP: nOuts ${shownList(nOuts)}: expected an array of at most ${MAX_LAYERS} numbers`,
      );
    this.nIn = checkCount('ScalarMLP: nIn', nIn);
    nOuts.forEach((nOut, i) => checkCount(`ScalarMLP: nOuts[${i}]`, nOut));
    this.layers = nOuts.map((nOut, i) => {
      const nonlinear = i < nOuts.length - 1;
      return this.include(
        new ScalarLayer(nOuts[i - 1] ?? nIn, nOut, { ...this.part(`layer[${i}]`), nonlinear }),
      );
    });
  }

  /**
   * @param x nIn values of one shape, as in {@link ScalarNeuron.apply}
   * @returns one value of that shape for each neuron of the last layer
   * @throws ShapeError when x has more or fewer values, or values of different shapes
   */
  apply(x: readonly Value[]): Value[] {
    checkModule('ScalarMLP.apply', this);
    const inputs = inputsOf('ScalarMLP.apply', x, this.nIn);
    return this.layers.reduce((y, layer) => layer.apply(y), inputs);
  }
}
