/** What the four models share: the arguments of their builders, and the result. */
import type { Index, Value } from '../../value/value.js';
import { parameter } from '../../value/leaves.js';
import type { ModelSizes } from './sizes.js';
import type { Optimizer } from '../../optim/optimizers.js';
import type { Random } from '../../runtime/random.js';

/** A model's graph. */
export interface Model {
  /** All parameters, in the order in which they were drawn. */
  parameters: Value[];
  /** The logits of the next token at each position: one vector, or single numbers. */
  logits: Value[][];
  /** The mean loss over the first `length` positions; its inputs are `tokens`, `targets` and `length`. */
  loss: Value;
  /** The model's own optimiser, with its own initial rate unless one is given. */
  optimizer: (steps: number, rate?: number) => Optimizer;
}

/** The sizes of a model and of its vocabulary. */
export interface Sizes extends ModelSizes {
  /** The number of tokens. */
  vocabSize: number;
}

/** A model with the sizes it was built with. */
export interface SizedModel extends Model {
  /** All sizes, with defaults filled in. */
  sizes: Sizes;
}

/** Builds a model's graph. */
export type ModelBuilder = (sizes: Sizes, draw: Draw, fed: Fed) => Model;

/** The index inputs of a model. */
export interface Fed {
  /** The token that each position reads. */
  tokens: Index;
  /** The token that each position must predict. */
  targets: Index;
  /** The number of positions in a document. */
  length: Index;
}

/** A matrix of a model, as a file holds it. Its values are one array, or one parameter per number. */
export interface Matrix {
  /** The name of the array in a file. */
  name: string;
  /** The shape of the array in a file. */
  shape: readonly [rows: number, cols: number];
  /** One value for the whole matrix, or one per number, row-major. */
  values: readonly Value[];
}

/** Supplies the numbers of a matrix, row-major. */
export type Source = (name: string, rows: number, cols: number) => Float64Array;

/** Draws from a normal distribution with mean 0 and standard deviation 0.08. */
export function gaussians(random: Random): Source {
  return (_, rows, cols) => random.gaussians(rows * cols, 0, 0.08);
}

/** Creates a model's parameters, with numbers that are drawn or loaded. */
export class Draw {
  /** All parameters so far, in order. */
  readonly parameters: Value[] = [];
  /** The matrices that they form. */
  readonly matrices: Matrix[] = [];

  constructor(private readonly numbers: Source) {}

  /** Creates a parameter of shape [rows, cols]. */
  matrix(name: string, rows: number, cols: number): Value {
    const value = parameter(this.numbers(name, rows, cols), { name, shape: [rows, cols] });
    this.parameters.push(value);
    this.matrices.push({ name, shape: [rows, cols], values: [value] });
    return value;
  }

  /** Creates one scalar parameter per number. */
  scalars(name: string, rows: number, cols: number): Value[][] {
    const numbers = this.numbers(name, rows, cols);
    const made = Array.from({ length: rows }, (_, r) =>
      Array.from({ length: cols }, (_, c) => {
        const value = parameter(numbers[r * cols + c]!, { name: `${name}[${r}][${c}]` });
        this.parameters.push(value);
        return value;
      }),
    );
    this.matrices.push({ name, shape: [rows, cols], values: made.flat() });
    return made;
  }
}
