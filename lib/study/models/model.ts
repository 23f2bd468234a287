/** What the four models share: what they are built from and what they give back. */
import type { Value } from '../../value/value.js';
import type { Index } from '../../value/indices.js';
import { parameter } from '../../value/leaves.js';
import type { ModelSizes } from './sizes.js';
import type { Optimizer } from '../../optim/optimizers.js';
import type { Random } from '../../runtime/random.js';

/** A model's graph. */
export interface Model {
  /** All parameters, in the order in which they were drawn. */
  parameters: Value[];
  /** What each position says about the next token: one array of numbers, or numbers one by one. */
  logits: Value[][];
  /** The mean loss of the first `length` positions; inputs `tokens`, `targets`, `length`. */
  loss: Value;
  /** The model's own way of learning, with its own rate unless one is given. */
  optimizer: (steps: number, rate?: number) => Optimizer;
}

/** The sizes of a model, and of its vocabulary. */
export interface Sizes extends ModelSizes {
  /** Tokens. */
  vocabSize: number;
}

/** A model with the sizes it was built with. */
export interface SizedModel extends Model {
  /** All of them, defaults filled in. */
  sizes: Sizes;
}

/** Writes a model's graph; every size is an option. */
export type ModelBuilder = (sizes: Sizes, draw: Draw, fed: Fed) => Model;

/** Index inputs: the token read at each position, the token to predict, how many there are. */
export interface Fed {
  /** The token that each position reads. */
  tokens: Index;
  /** The token that each position must predict. */
  targets: Index;
  /** How many positions a document has. */
  length: Index;
}

/** A matrix of a model, as files hold it: one array, or numbers that are a parameter each. */
export interface Matrix {
  /** Of the array in a file. */
  name: string;
  /** Of the array in a file. */
  shape: readonly [rows: number, cols: number];
  /** Row by row. */
  values: readonly Value[];
}

/** The numbers of a matrix, row by row. */
export type Source = (name: string, rows: number, cols: number) => Float64Array;

/** Gaussians with mean 0 and standard deviation 0.08. */
export function gaussians(random: Random): Source {
  return (_, rows, cols) => random.gaussians(rows * cols, 0, 0.08);
}

/** Makes a model's parameters, row by row of numbers that are drawn or read. */
export class Draw {
  /** Those made so far, in order. */
  readonly parameters: Value[] = [];
  /** The matrices that they are. */
  readonly matrices: Matrix[] = [];

  constructor(private readonly numbers: Source) {}

  /** A rows x cols array. */
  matrix(name: string, rows: number, cols: number): Value {
    const value = parameter(this.numbers(name, rows, cols), { name, shape: [rows, cols] });
    this.parameters.push(value);
    this.matrices.push({ name, shape: [rows, cols], values: [value] });
    return value;
  }

  /** Rows of single numbers, each a node of its own. */
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
