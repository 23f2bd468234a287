/** Recurrent networks over whole sequences: layers of cells, in one direction or both. */
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkOptions,
  isList,
  shown,
  type Known,
} from '../core/check.js';
import { ShapeError, show, sameShape, type Shape } from '../core/shape.js';
import { composed } from '../graph/node.js';
import { where } from '../value/functions.js';
import { constantIndex, Index, type Indices } from '../value/indices.js';
import { concat, stack } from '../value/joins.js';
import { constant, zeros } from '../value/leaves.js';
import { checkValue, type Value } from '../value/value.js';
import { Dropout } from './dropout.js';
import { checkModule, MAX_LAYERS, Module, type ModuleOptions } from './module.js';
import {
  CELL_OPTIONS,
  GRUCell,
  LSTMCell,
  RNNCell,
  type LSTMState,
  type Recurrent,
  type RecurrentOptions,
} from './recurrent.js';

/** What {@link RNN} and {@link LSTM} take. */
export interface SequenceOptions extends RecurrentOptions {
  /** How many layers there are, each of which reads the output of the one before; 1 by default. */
  numLayers?: number;
  /** Whether each layer also reads the sequence from its end; false by default. */
  bidirectional?: boolean;
  /** The fraction that training drops of what each layer but the last gives; 0 by default. */
  dropout?: number;
}

/** What {@link GRU} takes. */
export interface GRUOptions extends SequenceOptions {
  /** As of {@link GRUCell}; PyTorch's GRU is one with `resetAfter: true`. False by default. */
  resetAfter?: boolean;
}

/** How {@link RNN}, {@link GRU} and {@link LSTM} are applied. */
export interface SequenceApplyOptions<State> {
  /** The states before the sequences, of the shape of those returned; zeros by default. */
  state?: State;
  /**
   * How long each sequence is, at most T: [N] integers, or a single one for x [T, nIn]. Beyond it the output
   * is 0 and the state stays as it is; reading from the end begins at the sequence's own.
   */
  lengths?: Indices;
}

/** What {@link RNN}, {@link GRU} and {@link LSTM} return. */
export interface SequenceResult<State> {
  /** The last layer's output: [N, T, directions nState], or [T, directions nState]. */
  output: Value;
  /**
   * The last states: [layers directions, N, nState], or [layers directions, nState], with a layer's reverse
   * direction behind its forward one.
   */
  state: State;
}

const OPTIONS: Known<SequenceOptions> = {
  ...CELL_OPTIONS,
  numLayers: true,
  bidirectional: true,
  dropout: true,
};
const GRU_OPTIONS: Known<GRUOptions> = { ...OPTIONS, resetAfter: true };
const APPLY_OPTIONS: Known<SequenceApplyOptions<unknown>> = { state: true, lengths: true };

/** Makes the cell of one layer and direction. */
type MakeCell<Cell> = (nIn: number, nState: number, options: RecurrentOptions) => Cell;

/** The parts of the states of one cell: h alone, or h and c. */
type Parts = readonly Value[];

/** The base of all: `State` is what users give and get. */
abstract class Sequences<State, Cell extends Recurrent<State>> extends Module {
  /** The cells of each layer: of its forward direction, then of its reverse one. @hidden */
  readonly layers: Cell[][] = [];
  private readonly dropout: Dropout | undefined;

  constructor(
    protected readonly nIn: number,
    protected readonly nState: number,
    options: SequenceOptions,
    known: Readonly<Record<string, true>>,
    make: MakeCell<Cell>,
  ) {
    super(options, known);
    const who = new.target.name;
    const { numLayers = 1, bidirectional = false, dropout = 0, initializer, bias = true } = options;
    checkInteger(`${who}: nIn`, nIn, 0);
    checkInteger(`${who}: nState`, nState, 1);
    checkInteger(`${who}: numLayers`, numLayers, 1, MAX_LAYERS);
    checkBoolean(`${who}: bidirectional`, bidirectional);
    checkBoolean(`${who}: bias`, bias);
    const directions = bidirectional ? ['', 'Reverse'] : [''];
    for (let layer = 0; layer < numLayers; layer++) {
      const width = layer === 0 ? nIn : directions.length * nState;
      const cells = directions.map((direction) => {
        const part: ModuleOptions = this.part(`layer${layer}${direction}`);
        return this.include(make(width, nState, { ...part, bias, ...(initializer && { initializer }) }));
      });
      this.layers.push(cells);
    }
    if (dropout !== 0) this.dropout = new Dropout(dropout, this.part('dropout'));
  }

  /** A state as its parts, and back. */
  protected abstract partsOf(state: State): Parts;
  protected abstract stateOf(parts: Parts): State;
  /** How the parts are called in errors. */
  protected abstract readonly partNames: readonly string[];

  /**
   * @param x [N, T, nIn], or [T, nIn] for a single sequence
   * @throws ShapeError when x, a state or the lengths do not fit
   */
  apply(x: Value, options: SequenceApplyOptions<State> = {}): SequenceResult<State> {
    const who = `${this.constructor.name}.apply`;
    checkModule('apply of a recurrent module', this);
    checkValue(who, 'x', x);
    checkOptions(who, options, APPLY_OPTIONS);
    const { state, lengths } = options;
    checkLengths(who, lengths);
    return composed(who, [x], () => {
      const { shape } = x;
      if (shape.length < 2 || shape.length > 3 || shape.at(-1) !== this.nIn || shape.at(-2) === 0)
        throw new ShapeError(
          `expected shape [N, T, ${this.nIn}] or [T, ${this.nIn}], of at least one position`,
        );
      const samples = shape.length === 3 ? shape[0]! : 1;
      const before = state === undefined ? undefined : this.checkedStates(state, shape.slice(0, -2));
      const isRead = lengths === undefined ? undefined : readOf(lengths, shape);
      // Positions come first inside, so that each is a slice of whole rows.
      const byPosition = shape.length === 3 ? x.transpose([1, 0, 2]) : x.expandDims(1);
      // What is not read reaches no gradient either, whatever it is: 0 times NaN would be NaN.
      const input = isRead ? where(isRead, byPosition, 0) : byPosition;
      const read = isRead && Array.from({ length: shape.at(-2)! }, (_, t) => isRead.at(t));
      const { output, last } = this.throughLayers(input, samples, before, read);
      const isOne = shape.length === 2;
      return {
        output: isOne ? output.squeeze(1) : output.transpose([1, 0, 2]),
        state: this.stateOf(last.map((part) => (isOne ? part.squeeze(1) : part))),
      };
    });
  }

  /** The parts of the given states, each [layers directions, N, nState]. */
  private checkedStates(state: State, samples: Shape): Parts {
    const cells = this.layers.length * this.layers[0]!.length;
    const shape = [cells, ...samples, this.nState];
    return this.partsOf(state).map((part, i) => {
      const what = `the ${this.partNames[i]!}`;
      checkValue(`${this.constructor.name}.apply`, what, part);
      if (!sameShape(part.shape, shape))
        throw new ShapeError(`${what} is ${part.label}, expected shape ${show(shape)}`);
      return samples.length === 0 ? part.expandDims(1) : part;
    });
  }

  /** All layers over x [T, N, nIn]. */
  private throughLayers(
    x: Value,
    samples: number,
    before: Parts | undefined,
    read: readonly Value[] | undefined,
  ): { output: Value; last: Parts } {
    const none = this.partNames.map(() => zeros([samples, this.nState]));
    const last: Parts[] = [];
    let output = x;
    this.layers.forEach((cells, layer) => {
      if (layer > 0 && this.dropout) output = this.dropout.apply(output);
      const outputs = cells.map((cell, direction) => {
        const start = before?.map((part) => part.at(layer * cells.length + direction)) ?? none;
        const run = this.alongPositions(cell, output, start, read, direction === 1);
        last.push(run.last);
        return run.output;
      });
      output = outputs.length === 1 ? outputs[0]! : concat(outputs, -1);
    });
    return { output, last: this.partNames.map((_, i) => stack(last.map((parts) => parts[i]!))) };
  }

  /** One cell over x [T, N, ...], from the first position or from the last. */
  private alongPositions(
    cell: Cell,
    x: Value,
    start: Parts,
    read: readonly Value[] | undefined,
    isReverse: boolean,
  ): { output: Value; last: Parts } {
    // The product with the inputs of all positions at once is much faster than one for each.
    const fromInput = cell.fromInput(x);
    const positions = Array.from({ length: x.shape[0]! }, (_, t) => t);
    const outputs: Value[] = [];
    let parts = start;
    for (const t of isReverse ? positions.toReversed() : positions) {
      const next = this.partsOf(cell.advance(fromInput.at(t), this.stateOf(parts)));
      const isRead = read?.[t];
      outputs.push(isRead ? where(isRead, next[0]!, 0) : next[0]!);
      parts = isRead ? next.map((part, i) => where(isRead, part, parts[i]!)) : next;
    }
    return { output: stack(isReverse ? outputs.toReversed() : outputs), last: parts };
  }
}

function checkLengths(who: string, given: unknown): void {
  const isNumbers = typeof given === 'number' || isList(given) || ArrayBuffer.isView(given);
  if (!isNumbers && given !== undefined && !(given instanceof Index))
    throw new TypeError(
      `${who}: lengths ${shown(given)}, expected an Index, or integers: one for each sequence`,
    );
}

/**
 * For each position, 1 where a sequence is long enough to have it and 0 elsewhere: [T, N, 1].
 *
 * @param shape of x
 */
function readOf(lengths: Indices, shape: Shape): Value {
  const positions = shape.at(-2)!;
  const samples = shape.slice(0, -2);
  const index = lengths instanceof Index ? lengths : constantIndex(lengths);
  if (!sameShape(index.shape, samples))
    throw new ShapeError(
      `lengths are of shape ${show(index.shape)}, expected ${show(samples)}: one for each sequence`,
    );
  const odd = index.attr.integers?.find((n) => n < 0 || n > positions);
  if (odd !== undefined)
    throw new ShapeError(`a length is ${odd}, expected one from 0 to ${positions}, the number of positions`);
  const counts = Float64Array.from({ length: positions + 1 }, (_, n) => n);
  const read = constant(counts).gather(index.reshape([-1]));
  const position = constant(counts.subarray(0, positions), { shape: [positions, 1] });
  return read.gt(position).expandDims(-1);
}

/** The base of networks whose states are of one part. */
abstract class PlainSequences<Cell extends Recurrent<Value>> extends Sequences<Value, Cell> {
  protected readonly partNames = ['state'];

  protected partsOf(state: Value): Parts {
    return [state];
  }

  protected stateOf(parts: Parts): Value {
    return parts[0]!;
  }
}

/** Layers of {@link RNNCell}s over sequences. Parameters: of the cells layer0, layer0Reverse, layer1, .... */
export class RNN extends PlainSequences<RNNCell> {
  /**
   * @param nIn numbers at a position
   * @param nState numbers of a state
   */
  constructor(nIn: number, nState: number, options: SequenceOptions) {
    super(nIn, nState, options, OPTIONS, (width, n, part) => new RNNCell(width, n, part));
  }
}

/** Layers of {@link GRUCell}s over sequences. Parameters: of the cells layer0, layer0Reverse, layer1, .... */
export class GRU extends PlainSequences<GRUCell> {
  /**
   * @param nIn numbers at a position
   * @param nState numbers of a state
   */
  constructor(nIn: number, nState: number, options: GRUOptions) {
    super(nIn, nState, options, GRU_OPTIONS, (width, n, part) => {
      const { resetAfter = false } = options;
      checkBoolean('GRU: resetAfter', resetAfter);
      return new GRUCell(width, n, { ...part, resetAfter });
    });
  }
}

/**
 * Layers of {@link LSTMCell}s over sequences. Parameters: of the cells layer0, layer0Reverse, layer1, ....
 */
export class LSTM extends Sequences<LSTMState, LSTMCell> {
  protected readonly partNames = ['state h', 'state c'];

  /**
   * @param nIn numbers at a position
   * @param nState numbers of a state
   */
  constructor(nIn: number, nState: number, options: SequenceOptions) {
    super(nIn, nState, options, OPTIONS, (width, n, part) => new LSTMCell(width, n, part));
  }

  protected partsOf(state: LSTMState): Parts {
    checkObject('LSTM.apply: state', state, 'an object { h, c }');
    return [state.h, state.c];
  }

  protected stateOf(parts: Parts): LSTMState {
    return { h: parts[0]!, c: parts[1]! };
  }
}
