/** Batches: several examples per step (native/run/batch.h). Their feeds as columns, and their memory. */
import { addon, type Handle } from '../binding/addon.js';
import type { BatchesSpec } from '../binding/series-spec.js';
import type { Lowered } from '../compiler/lower/layout.js';
import type { DType, TypedArray } from '../core/array.js';
import { checkInteger, checkObject, MAX_BATCH, shown } from '../core/check.js';
import { allocateAligned } from './arena.js';
import { FeedError } from './errors.js';
import { writeIntegers } from './fixed-integers.js';
import type { FeedReader, Feeds } from './feeds.js';
import type { Inputs } from './inputs.js';
import type { ProgramMemory } from './memory.js';
import type { Held } from './residence.js';
import { MAX_PIECE_BYTES } from './rows.js';
import type { Columns, Examples } from './series.js';

/** How a series of steps is taken. */
export interface Batching {
  /** The number of examples per step, of which the last step may have fewer; undefined: each has its own. */
  size: number | undefined;
  /** The most threads to run them on; it does not change a bit of the result. Undefined: the program's. */
  threads: number | undefined;
}

/** The examples of one step. */
export interface Batch {
  feeds: readonly Feeds[];
  /** The number of the first of them among the examples that were given. */
  first: number;
}

/**
 * The most lanes, and the most bytes for the gradients of all lanes. Like the sizes of pieces, neither
 * depends on the machine or the threads, because lanes and pieces decide the order in which gradients are
 * added.
 */
const MAX_LANES = 32;
const MAX_SUMS_BYTES = 64 * 2 ** 20;
/** The most bytes for the copies of the memory in which threads run lanes, which change no bit. */
const MAX_BYTES = 256 * 2 ** 20;

/** What a program keeps for its batches: memory and columns for those of the last size. */
export class BatchKeeper {
  private batches: BatchesSpec | undefined;
  /** The number of threads that the memory was made for. */
  private threads = 0;
  private fed: FeedColumns | undefined;
  /** Which numbers of each parameter that is not trained the memory has: see `keepUp`. */
  private readonly states = new Map<Held, string>();

  constructor(
    private readonly program: ProgramMemory,
    private readonly lowered: Lowered,
    private readonly inputs: Inputs,
    private readonly dtype: DType,
  ) {}

  /** @throws Error where the program does not keep whole gradients, or a step sets buffers */
  check(size: number, setsBuffers: boolean): void {
    checkInteger('batch', size, 1, MAX_BATCH);
    if (setsBuffers)
      throw new TypeError(
        'the loss follows the statistics of a batch, but the examples of stepBatch and of a batch of ' +
          'stepEach are computed by themselves: give the loss an axis of examples, and take steps by step',
      );
    const { withGradient, size: all } = this.lowered.parameters;
    if (withGradient < all)
      throw new Error('this training was compiled for single examples: minimize(loss, { batches: true })');
  }

  /** The memory that batches of `size` examples run in, on at most `threads` threads. */
  memory(size: number, threads: number, arena: TypedArray): BatchesSpec {
    const { batches, lowered } = this;
    if (batches?.size === size && threads <= this.threads) return batches;
    this.threads = threads;
    const allocate = (n: number): TypedArray => allocateAligned(this.dtype, n);
    const { handle, plans } = this.program;
    const plan = plans.ofBatches();
    this.states.clear();
    return (this.batches = batchesOf(handle, plan, lowered, arena, allocate, size, threads));
  }

  /**
   * Copies to each thread's memory what the arena has of the parameters that are not trained, where they were
   * changed since, or can have been. Those that are trained are copied by each step.
   */
  keepUp(held: readonly Held[], arena: TypedArray): void {
    const { numbers, stride, copies } = this.batches!;
    for (const parameter of held) {
      const { value, offset, size, isTrained } = parameter;
      if (isTrained) continue;
      const { version = 0, isLent = false } = value.memory!;
      const state = `${version} ${parameter.copies}`;
      if (!isLent && this.states.get(parameter) === state) continue;
      this.states.set(parameter, state);
      const own = arena.subarray(offset, offset + size);
      for (let copy = 0; copy < copies; copy++) numbers.set(own, copy * stride + offset);
    }
  }

  /** The examples of one batch, as `reader` reads them. @throws FeedError, which names the example */
  columns(examples: readonly Feeds[], reader: FeedReader): FeedColumns {
    if (this.fed?.count !== examples.length)
      this.fed = new FeedColumns(this.inputs, this.lowered.intsSize, examples.length);
    this.fed.read(reader, examples);
    return this.fed;
  }
}

/**
 * The memory for batches of `size` examples.
 *
 * @param plan how examples run together, if they do
 * @param arena the program's arena; each thread's memory starts as a copy of it
 * @param allocate makes an array of the arena's type that starts on a cache line
 */
function batchesOf(
  handle: Handle,
  plan: Handle | undefined,
  lowered: Lowered,
  arena: TypedArray,
  allocate: (size: number) => TypedArray,
  size: number,
  threads: number,
): BatchesSpec {
  const { parameters, sections, intsSize } = lowered;
  const bytes = arena.BYTES_PER_ELEMENT;
  const [each, , most] = plan ? addon.pieceSizes(handle, plan, 1) : [0, 0, 1];
  const fitting = each ? Math.floor(MAX_PIECE_BYTES / (each * bytes)) : 1;
  const piece = Math.max(1, Math.min(size, most, fitting));
  const pieces = Math.ceil(size / Math.max(1, Math.min(piece, most / 2)));
  const [numbers, ints] = plan ? addon.pieceSizes(handle, plan, piece) : [0, 0];
  const line = 64 / bytes;
  const stride = Math.ceil((arena.length + numbers) / line) * line;
  const limit = Math.max(1, Math.min(MAX_LANES, Math.floor(MAX_SUMS_BYTES / (parameters.size * bytes))));
  // A power of two, so that lanes are dealt evenly to most numbers of threads.
  const lanes = pieces <= limit ? pieces : 2 ** Math.floor(Math.log2(limit));
  const copies = Math.min(threads, lanes, Math.max(1, Math.floor(MAX_BYTES / (stride * bytes))));
  const intStride = Math.ceil((intsSize + ints) / 16) * 16;
  const memory = allocate(copies * stride);
  const integers = new Int32Array(copies * intStride);
  for (let at = 0; at < integers.length; at += intStride) writeIntegers(lowered, integers, at);
  const { gradients, withGradient } = parameters;
  for (let at = 0; at < memory.length; at += stride) {
    memory.set(arena, at);
    memory.fill(0, at + gradients, at + gradients + withGradient); // what backward() left there
  }
  return {
    size,
    parameters: parameters.offset,
    parameterCount: parameters.size,
    gradients,
    backward: sections.backward,
    lanes,
    plan,
    piece,
    copies,
    stride,
    intStride,
    numbers: memory,
    ints: integers,
    sums: allocate(lanes * parameters.size),
  };
}

/** The feeds of `count` examples, one object each, as the columns of a series. */
class FeedColumns implements Examples {
  readonly columns: Columns;
  readonly indices: Examples['indices'];
  /** The integers and the numbers of all examples, one example after another. */
  private readonly ints: Int32Array;
  private readonly numbers: Float64Array;
  /** The offset of each floating-point input among an example's numbers. */
  private readonly offsets: Int32Array;

  /** @param intsSize the number of integer slots per example */
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

  /**
   * Reads the feeds of the examples.
   *
   * @throws FeedError, which names the example
   */
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
        if (error instanceof FeedError) error.message = `example ${i}: ${error.message}`;
        throw error;
      }
      this.columns.lengths[i] = reader.length;
    }
  }
}

/** A checked copy of the list of a batch's examples. */
export function listOfFeeds(examples: readonly Feeds[]): Feeds[] {
  const isObject = typeof examples === 'object' && (examples as unknown) !== null;
  const count: unknown = isObject ? examples.length : undefined;
  if (count === undefined)
    throw new TypeError(
      `the examples of a batch: ${shown(examples)}, expected an array of feeds, one object per example`,
    );
  if (count === 0) throw new FeedError('a batch of no examples: feed at least one');
  checkInteger('examples', count, 1);
  const given: Feeds[] = [];
  for (let i = 0; i < (count as number); i++) {
    const example: unknown = examples[i];
    checkObject(`example ${i}`, example, 'an object with numbers for each input');
    given.push(example as Feeds);
  }
  return given;
}
