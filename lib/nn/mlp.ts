/** Neuron, layer and multi-layer perceptron, every weight a number of its own: after micrograd's nn. */
import { checkBoolean, isList, shown, type Known } from '../given.js';
import { composed, total, valuesOf, type Value } from '../graph.js';
import { ShapeError } from '../shape.js';
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
    this.weights = Array.from({ length: checkCount('nIn', nIn) }, (_, i) =>
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
    const given = valuesOf('the inputs of a neuron', x);
    if (given.length !== weights.length) throw new ShapeError(`a neuron of ${weights.length} inputs was given ${given.length}`); // prettier-ignore
    const sum = composed('Neuron.apply', given, () => total(given.map((xi, i) => xi.mul(weights[i]!))).add(this.bias)); // prettier-ignore
    return this.nonlinear ? sum.relu() : sum;
  }
}

/** Neurons that read the same inputs. */
export class Layer extends Module {
  private readonly neurons: readonly Neuron[];

  constructor(nIn: number, nOut: number, options: NeuronOptions) {
    super(options, NEURON_OPTIONS);
    checkCount('nIn x nOut', checkCount('nIn', nIn) * checkCount('nOut', nOut));
    this.neurons = Array.from({ length: nOut }, (_, i) =>
      this.include(new Neuron(nIn, { ...options, ...this.part(`neuron[${i}]`) })),
    );
  }

  /** What each neuron makes of `x`: see `Neuron`. */
  apply(x: readonly Value[]): Value[] {
    return this.neurons.map((neuron) => neuron.apply(x));
  }
}

const MOST_LAYERS = 1000;

/** Layers one after the other, relu after each but the last. */
export class MLP extends Module {
  private readonly layers: readonly Layer[];

  /** @param nOuts how many neurons each layer has */
  constructor(nIn: number, nOuts: readonly number[], options: ModuleOptions) {
    super(options);
    if (!isList(nOuts) || nOuts.length > MOST_LAYERS) throw new TypeError(`nOuts ${shown(nOuts)}: expected an array of at most ${MOST_LAYERS} numbers`); // prettier-ignore
    this.layers = nOuts.map((nOut, i) => {
      const nonlinear = i < nOuts.length - 1;
      return this.include(new Layer(nOuts[i - 1] ?? nIn, nOut, { ...this.part(`layer[${i}]`), nonlinear })); // prettier-ignore
    });
  }

  /** What the last layer's neurons make of `x`: see `Neuron`. */
  apply(x: readonly Value[]): Value[] {
    return this.layers.reduce<readonly Value[]>((y, layer) => layer.apply(y), x) as Value[];
  }
}
