/**
 * Batches: several examples a step (native/run/batch.h). Their feeds as columns, and the memory they run in.
 */
import type { BatchesSpec } from '../binding/addon.js';
import type { Lowered } from '../compiler/lower/layout.js';
import type { TypedArray } from '../core/array.js';
import { checkInteger, checkObject, shown } from '../core/check.js';
import { FeedError } from './errors.js';
import type { FeedReader, Feeds } from './feeds.js';
import type { Inputs } from './inputs.js';
import type { Columns, Examples } from './series.js';

/** How a step takes several examples. */
export interface Batching {
  /** How many; the last step of a series may have fewer. */
  size: number;
  /** How many threads run them: it changes no bit of the result. */
  threads: number;
}

/**
 * The most lanes of examples, and the most bytes that a copy of the memory for each may take. Neither
 * depends on the machine: how many there are decides in which order gradients are added.
 */
const MAX_LANES = 32;
const MAX_BYTES = 256 * 2 ** 20;

/**
 * The memory in which batches of `size` examples run.
 *
 * @param arena the program's memory, of which every lane begins as a copy
 * @param allocate makes an array of the arena's type that starts on a cache line
 */
export function batchesOf(
  { parameters, sections, intsSize }: Lowered,
  arena: TypedArray,
  allocate: (size: number) => TypedArray,
  { size, threads }: Batching,
): BatchesSpec {
  const line = 64 / arena.BYTES_PER_ELEMENT;
  const stride = Math.ceil(arena.length / line) * line;
  const fitting = Math.floor(MAX_BYTES / (stride * arena.BYTES_PER_ELEMENT));
  const lanes = Math.max(1, Math.min(size, MAX_LANES, fitting));
  const numbers = allocate(lanes * stride);
  for (let lane = 0; lane < lanes; lane++) numbers.set(arena, lane * stride);
  return {
    size,
    threads,
    parameters: parameters.offset,
    parameterCount: parameters.size,
    gradients: parameters.gradients,
    backward: sections.backward,
    lanes,
    stride,
    numbers,
    ints: new Int32Array(lanes * intsSize),
    sums: allocate(lanes * parameters.size),
  };
}

/** The feeds of so many examples, an object for each, as the columns of a series. */
export class FeedColumns implements Examples {
  readonly columns: Columns;
  readonly indices: Examples['indices'];
  /** The integers and the numbers of one example after another. */
  private readonly ints: Int32Array;
  private readonly numbers: Float64Array;
  /** Where an example's numbers begin among its own, input by input. */
  private readonly offsets: Int32Array;

  /** @param intsSize how many integers an example has, by slot */
  constructor(
    inputs: Inputs,
    private readonly intsSize: number,
    readonly count: number,
  ) {
    const { floats, indices } = inputs;
    this.indices = indices;
    this.offsets = new Int32Array(floats.length);
    let size = 0;
    floats.forEach((input, i) => {
      this.offsets[i] = size;
      size += input.size;
    });
    const starts = (first: number, each: number): Int32Array =>
      Int32Array.from({ length: count }, (_, example) => first + example * each);
    const ints = (this.ints = new Int32Array(count * intsSize));
    const numbers = (this.numbers = new Float64Array(count * size));
    this.columns = {
      indices: indices.map(({ slot, size, needs, limits, readAbove: positions }) => ({
        ...{ slot, size, values: ints, starts: starts(slot, intsSize), needs, limits, positions },
      })),
      numbers: floats.map(({ offset, size: own }, i) => ({
        ...{ offset, size: own, values: numbers, starts: starts(this.offsets[i]!, size) },
      })),
      lengths: new Int32Array(count),
    };
  }

  /** Reads the examples' feeds. @throws FeedError, which names the example */
  read(reader: FeedReader, examples: readonly Feeds[]): void {
    const { count, ints, intsSize, offsets, numbers } = this;
    const size = numbers.length / count;
    for (let i = 0; i < count; i++) {
      try {
        reader.read(examples[i]!, {
          numbers: size === 0 ? numbers : numbers.subarray(i * size, (i + 1) * size),
          offsets,
          inverseCount: -1,
          ints,
          firstSlot: i * intsSize,
        });
      } catch (error) {
        if (error instanceof FeedError) error.message = `document ${i}: ${error.message}`;
        throw error;
      }
      this.columns.lengths[i] = reader.length;
    }
  }
}

/** A copy of the list of a batch's examples. */
export function listOfFeeds(documents: readonly Feeds[]): Feeds[] {
  const isObject = typeof documents === 'object' && (documents as unknown) !== null;
  const count: unknown = isObject ? documents.length : undefined;
  if (count === undefined)
    throw new TypeError(
      `the documents of a batch: ${shown(documents)}, expected an array of feeds, an object for each ` +
        'document',
    );
  if (count === 0) throw new FeedError('a batch of no documents: feed at least one');
  const given: Feeds[] = [];
  for (let i = 0; i < checkInteger('documents', count, 1); i++) {
    const document: unknown = documents[i];
    checkObject(`document ${i}`, document, 'an object with numbers for each input');
    given.push(document as Feeds);
  }
  return given;
}
