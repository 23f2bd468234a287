/** Recurrent cells: one position at a time. Whole sequences are in sequences.ts. */
import { checkBoolean, checkInteger, checkObject, type Known } from '../core/check.js';
import { checkValue, valuesOf, type Value } from '../value/value.js';
import { zeros } from '../value/leaves.js';
import { composed } from '../graph/node.js';
import { sameShape, ShapeError, show } from '../core/shape.js';
import { uniform, zeros as noBias, type Initializer } from './initializers.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What recurrent cells take. */
export interface RecurrentOptions extends ModuleOptions {
  /** How the weights are initialised; uniform in ±1 / sqrt(nState) by default, as in PyTorch. */
  initializer?: Initializer;
  /** Whether biases are added; true by default. */
  bias?: boolean;
}

/** What a {@link GRUCell} takes. */
export interface GRUCellOptions extends RecurrentOptions {
  /**
   * Whether the gate r is applied to the product of the state, as in PyTorch and by ONNX's
   * `linear_before_reset`, and not to the state before it; false by default.
   */
  resetAfter?: boolean;
}

/** The names of the options that cells take. */
export const CELL_OPTIONS: Known<RecurrentOptions> = { ...MODULE_OPTIONS, initializer: true, bias: true };

const GRU_OPTIONS: Known<GRUCellOptions> = { ...CELL_OPTIONS, resetAfter: true };

/**
 * The base of all cells. Parameters: inputWeight [nIn, gates nState], stateWeight [nState, gates nState] and
 * bias [gates nState], with the gates side by side.
 */
export abstract class Recurrent<State> extends Module {
  /** [nIn, gates nState]. */
  readonly inputWeight: Value;
  /** [nState, gates nState]. */
  readonly stateWeight: Value;
  /** [gates nState]; undefined without a bias. */
  readonly bias: Value | undefined;

  constructor(
    nIn: number,
    protected readonly nState: number,
    gates: number,
    options: RecurrentOptions,
    known: Readonly<Record<string, true>> = CELL_OPTIONS,
    startOfBias: Initializer = noBias(),
  ) {
    super(options, known);
    checkInteger(`${new.target.name}: nIn`, nIn, 0);
    checkInteger(`${new.target.name}: nState`, nState, 1);
    const { bias = true, initializer = uniform(-1 / Math.sqrt(nState), 1 / Math.sqrt(nState)) } = options;
    checkBoolean(`${new.target.name}: bias`, bias);
    this.inputWeight = this.draw('inputWeight', [nIn, gates * nState], initializer);
    this.stateWeight = this.draw('stateWeight', [nState, gates * nState], initializer);
    if (bias) this.bias = this.draw('bias', [gates * nState], startOfBias);
  }

  /**
   * The state after one position.
   *
   * @param x [nIn], or [samples, nIn]
   * @param state the state before it: [samples, nState] with x of [samples, nIn], or [nState], shared by all
   * samples; zeros by default
   */
  abstract step(x: Value, state?: State): State;

  /**
   * The state after a position, of which {@link fromInput} is known.
   *
   * @hidden
   */
  abstract advance(fromInput: Value, state: State): State;

  /**
   * What the gates get from inputs: x W + b. It can be computed for all positions at once.
   *
   * @hidden
   */
  fromInput(x: Value): Value {
    const y = x.matmul(this.inputWeight);
    return this.bias ? y.add(this.bias) : y;
  }

  /** The part of a state that is the cell's output. */
  protected abstract outputOf(state: State): Value;

  /**
   * The outputs at all positions.
   *
   * @param xs the inputs of all positions, of one shape: [nIn], or [samples, nIn]
   * @param state the state before the first position; zeros by default
   * @returns one output per position, [nState] or [samples, nState]
   */
  apply(xs: readonly Value[], state?: State): Value[] {
    checkModule('apply of a recurrent module', this);
    const who = `${this.constructor.name}.apply`;
    const given = valuesOf(`${who}: xs`, xs);
    const odd = given.findIndex(({ shape }) => !sameShape(shape, given[0]!.shape));
    if (odd > 0)
      throw new ShapeError(
        `${who}: xs[0] is ${given[0]!.label} and xs[${odd}] ${given[odd]!.label}: expected one shape ` +
          'for all positions',
      );
    return given.map((x) => {
      state = composed(who, [x], () => this.step(x, state));
      return this.outputOf(state);
    });
  }

  /**
   * Checks `x`, then makes a step.
   *
   * @throws TypeError when x is not a Value; ShapeError when its shape is not [nIn] or [samples, nIn]
   */
  protected checked(x: Value, make: () => State): State {
    const who = `${this.constructor.name}.step`;
    return composed(who, [x], () => {
      checkValue(who, 'x', x);
      const nIn = this.inputWeight.shape[0]!;
      if (x.shape.length < 1 || x.shape.length > 2 || x.shape.at(-1) !== nIn)
        throw new ShapeError(`expected shape [${nIn}] or [samples, ${nIn}]`);
      return make();
    });
  }

  /** @throws TypeError when a state is not a Value; ShapeError when its shape does not fit that of x */
  protected checkState(what: string, x: Value, state: Value): void {
    checkValue(`${this.constructor.name}.step`, what, state);
    const one = [this.nState];
    const fitting = x.shape.length === 1 ? [one] : [one, [x.shape[0]!, this.nState]];
    if (!fitting.some((shape) => sameShape(shape, state.shape)))
      throw new ShapeError(`${what} is ${state.label}, expected shape ${fitting.map(show).join(' or ')}`);
  }

  /** A state of zeros that fits x. */
  protected start(x: Value): Value {
    return zeros([...x.shape.slice(0, -1), this.nState]);
  }

  /** The columns of gates `first` to before `last`. */
  protected gates(x: Value, first: number, last: number): Value {
    return x.slice(first * this.nState, last * this.nState, -1);
  }
}

/** The simple recurrent cell (Elman, 1990): h = tanh(x W + h U + b). */
export class RNNCell extends Recurrent<Value> {
  constructor(nIn: number, nState: number, options: RecurrentOptions) {
    super(nIn, nState, 1, options);
  }

  step(x: Value, state?: Value): Value {
    checkModule('RNNCell.step', this);
    return this.checked(x, () => {
      const h = state ?? this.start(x);
      this.checkState('the state', x, h);
      return this.advance(this.fromInput(x), h);
    });
  }

  /** @hidden */
  advance(fromInput: Value, h: Value): Value {
    return fromInput.add(h.matmul(this.stateWeight)).tanh();
  }

  protected outputOf(h: Value): Value {
    return h;
  }
}

/**
 * The gated recurrent unit (Cho et al., 2014), with gates r, z and candidate n, in this order: r = sigmoid(x
 * Wr + h Ur + br), z = sigmoid(x Wz + h Uz + bz), n = tanh(x Wn + (r h) Un + bn), h = z h + (1 - z) n. With
 * `resetAfter`, n = tanh(x Wn + bn + r (h Un + c)), with a further parameter stateBias c [nState].
 */
export class GRUCell extends Recurrent<Value> {
  /** [nState]; undefined without a bias, and without `resetAfter`. */
  readonly stateBias: Value | undefined;
  /** Whether the gate r is applied to the product of the state. */
  readonly resetAfter: boolean;

  constructor(nIn: number, nState: number, options: GRUCellOptions) {
    super(nIn, nState, 3, options, GRU_OPTIONS);
    const { resetAfter = false, bias = true } = options;
    checkBoolean('GRUCell: resetAfter', resetAfter);
    this.resetAfter = resetAfter;
    if (resetAfter && bias) this.stateBias = this.full('stateBias', [nState], 0);
  }

  step(x: Value, state?: Value): Value {
    checkModule('GRUCell.step', this);
    return this.checked(x, () => {
      const h = state ?? this.start(x);
      this.checkState('the state', x, h);
      return this.advance(this.fromInput(x), h);
    });
  }

  /** @hidden */
  advance(fromInput: Value, h: Value): Value {
    if (this.resetAfter) return this.advanceResettingAfter(fromInput, h);
    const fromState = h.matmul(this.gates(this.stateWeight, 0, 2));
    const gates = this.gates(fromInput, 0, 2).add(fromState).sigmoid();
    const [r, z] = [this.gates(gates, 0, 1), this.gates(gates, 1, 2)];
    const memory = r.mul(h).matmul(this.gates(this.stateWeight, 2, 3));
    const n = this.gates(fromInput, 2, 3).add(memory).tanh();
    return n.add(z.mul(h.sub(n)));
  }

  private advanceResettingAfter(fromInput: Value, h: Value): Value {
    const fromState = h.matmul(this.stateWeight);
    const gates = this.gates(fromInput, 0, 2)
      .add(this.gates(fromState, 0, 2))
      .sigmoid();
    const [r, z] = [this.gates(gates, 0, 1), this.gates(gates, 1, 2)];
    const product = this.gates(fromState, 2, 3);
    const memory = this.stateBias ? product.add(this.stateBias) : product;
    const n = this.gates(fromInput, 2, 3).add(r.mul(memory)).tanh();
    return n.add(z.mul(h.sub(n)));
  }

  protected outputOf(h: Value): Value {
    return h;
  }
}

/** The state that {@link LSTMCell} passes from position to position. */
export interface LSTMState {
  /** The output, also called hidden state. */
  h: Value;
  /** The cell state. */
  c: Value;
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997; Gers et al., 2000), with gates i, f, g, o in this
 * order, each computed as x W + h U + b: c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c). The
 * bias of f starts at 1, the others at 0 (Jozefowicz et al., 2015).
 */
export class LSTMCell extends Recurrent<LSTMState> {
  constructor(nIn: number, nState: number, options: RecurrentOptions) {
    super(nIn, nState, 4, options, CELL_OPTIONS, ([n]) => new Float64Array(n!).fill(1, nState, 2 * nState));
  }

  step(x: Value, state?: LSTMState): LSTMState {
    checkModule('LSTMCell.step', this);
    return this.checked(x, () => {
      if (state !== undefined) checkObject('LSTMCell.step: state', state, 'an object { h, c }');
      const { h, c } = state ?? { h: this.start(x), c: this.start(x) };
      this.checkState('state h', x, h);
      this.checkState('state c', x, c);
      return this.advance(this.fromInput(x), { h, c });
    });
  }

  /** @hidden */
  advance(fromInput: Value, { h, c }: LSTMState): LSTMState {
    const all = fromInput.add(h.matmul(this.stateWeight));
    const [i, f, g, o] = [0, 1, 2, 3].map((gate) => this.gates(all, gate, gate + 1)) as [
      Value,
      Value,
      Value,
      Value,
    ];
    const cell = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    return { h: o.sigmoid().mul(cell.tanh()), c: cell };
  }

  protected outputOf({ h }: LSTMState): Value {
    return h;
  }
}
