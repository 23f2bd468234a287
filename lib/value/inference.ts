/** Programs that never train: several results of one graph at once, for one example or for many. */
import {
  checkArguments,
  checkInteger,
  checkOptions,
  isList,
  limitArguments,
  shown,
  type Counts,
  type Known,
} from '../core/check.js';
import { quoted } from '../core/escape.js';
import { sizeOf } from '../core/shape.js';
import type { TypedArray } from '../core/array.js';
import { checkDataset, checkExampleRange, type Dataset } from '../runtime/dataset.js';
import type { Feeds } from '../runtime/feeds.js';
import type { ProgramOptions } from '../runtime/options.js';
import { Program } from '../runtime/program.js';
import { Index } from './indices.js';
import { largestOf, numbersOfIndex } from './read-index.js';
import { Value } from './value.js';
import { Node } from '../graph/node.js';

/** What an inference computes, by name. */
export type Outputs = Readonly<Record<string, Value | Index>>;

/** The results, by name: the integers of an index, the numbers of a value. */
export type Results<Named extends Outputs> = {
  [Name in keyof Named]: Named[Name] extends Index ? Int32Array : TypedArray;
};

/** Options of {@link inference}: see {@link ProgramOptions}. */
export type InferenceOptions = Pick<ProgramOptions, 'dtype' | 'isa' | 'threads' | 'passes'>;

const INFERENCE_OPTIONS: Known<InferenceOptions> = { dtype: true, isa: true, threads: true, passes: true };

/** The most numbers of all results of a call together. */
const MAX_RESULTS = 2 ** 30;

/** A compiled graph that computes several results, and no gradients. */
export class Inference<Named extends Outputs = Outputs> {
  private readonly size: number;

  /** @hidden */
  constructor(
    /** The compiled program, which computes all results. */
    readonly program: Program,
    private readonly outputs: readonly { name: string; value: Value; isIndex: boolean; size: number }[],
  ) {
    if (!((program as unknown) instanceof Program && isList(outputs)))
      throw new TypeError('an Inference is made by inference({ name: value })');
    this.size = this.outputs.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * The results of one example: an array for each, row-major, in the shape of its value.
   *
   * @throws FeedError when an input is missing, unknown, or of the wrong type or size
   */
  run(feeds: Feeds): Results<Named> {
    this.program.forward(feeds);
    return this.named(({ value }) => this.program.read(value));
  }

  /**
   * The results of the examples from `from` to before `to`, in one native call: for each an array with those
   * of all examples, one after another, so that its shape is [examples, ...shape]. 32 or more examples run
   * together: rows of all of them are rows of one product. So a graph of one example serves any number.
   *
   * @throws FeedError when a column is missing, unknown, too short or of the wrong type, or an example has an
   * index or a length out of range
   * @throws RangeError when the results are more than 2^30 numbers
   */
  runEach(dataset: Dataset, from = 0, to = checkDataset(dataset).count): Results<Named> {
    const { program, size } = this;
    checkExampleRange(from, to, checkDataset(dataset).count);
    const count = to - from;
    checkInteger('runEach: numbers of all results', count * size, 0, MAX_RESULTS);
    const Kind = program.dtype === 'float32' ? Float32Array : Float64Array;
    const all = new Kind(count * size);
    const { error } = program.readEach(dataset, from, to, all);
    if (error) throw error;
    let first = 0;
    return this.named(({ size: own }) => {
      const at = first;
      first += own;
      if (own === size) return all;
      const results = new Kind(count * own);
      for (let i = 0; i < count; i++) results.set(all.subarray(i * size + at, i * size + at + own), i * own);
      return results;
    });
  }

  private named(read: (output: (typeof this.outputs)[number]) => TypedArray): Results<Named> {
    const results = this.outputs.map((output) => {
      const numbers = read(output);
      return [output.name, output.isIndex ? Int32Array.from(numbers) : numbers.slice()];
    });
    return Object.fromEntries(results) as Results<Named>;
  }
}

limitArguments('Inference', Inference.prototype, { run: 1, runEach: 3 } satisfies Counts<Inference>);

/** float32 holds all integers up to this. */
const MOST_HELD = 2 ** 24;

/** @throws RangeError when float32, in which results are kept, would round an integer of the index */
function checkHeld(name: string, index: Index): void {
  const most = largestOf('inference of', index);
  if (most <= MOST_HELD) return;
  throw new RangeError(
    `inference: output ${quoted(name)}: ${index.label} can be ${most}, and float32 holds the integers up ` +
      `to ${MOST_HELD}: give dtype: 'float64'`,
  );
}

/**
 * Compiles values, and indices that are computed (`argmax`, `topk`), to a program that computes all of them
 * in one call and never trains: it has no gradients, and shares the memory of its values. Dropout drops
 * nothing. It reads the parameters where a training holds them, as they are at each call.
 *
 * @throws TypeError when there is no output, or one is no Value and no computed Index
 * @throws RangeError when an index can be beyond 2^24, which float32 cannot hold
 */
export function inference<Named extends Outputs>(
  outputs: Named,
  options: InferenceOptions = {},
): Inference<Named> {
  checkArguments('inference', arguments, 2);
  const given: unknown = outputs;
  const isNamed = typeof given === 'object' && given !== null;
  if (!isNamed || given instanceof Node || isList(given))
    throw new TypeError(
      `inference: ${shown(given)}, expected an object of values, as in inference({ logits, loss })`,
    );
  checkOptions('inference', options, INFERENCE_OPTIONS);
  const named = Object.entries(outputs).map(([name, output]) => {
    const isIndex = (output as unknown) instanceof Index;
    if (!isIndex && !((output as unknown) instanceof Value))
      throw new TypeError(
        `inference: output ${quoted(name)}: ${shown(output)}, expected a Value or an Index`,
      );
    const value = isIndex
      ? numbersOfIndex(`inference: output ${quoted(name)}`, output as Index)
      : (output as Value);
    return { name, value, isIndex, size: sizeOf(value.shape) };
  });
  if (named.length === 0) throw new TypeError('inference: no outputs: give at least one, by its name');
  const program = new Program({ groups: [named.map(({ value }) => value)], gradients: 'none' }, options);
  for (const { name, isIndex } of named)
    if (isIndex && program.dtype === 'float32') checkHeld(name, outputs[name] as Index);
  return new Inference<Named>(program, named);
}
