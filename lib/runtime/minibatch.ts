/** What a batch of documents is fed, and the memory that its documents run in (native/run/batch.h). */
import type { ParameterBlock } from '../compiler/lower/layout.js';
import type { TypedArray } from '../core/array.js';
import type { BatchSpec } from '../binding/addon.js';
import type { Feeds } from './feeds.js';
import { shown, checkInteger, checkObject } from '../core/check.js';
import { FeedError } from './errors.js';

/** Where a program keeps what a batch needs of it. */
export interface BatchSource {
  arena: TypedArray;
  ints: Int32Array;
  parameters: ParameterBlock;
  /** Of the loss, in the arena. */
  loss: number;
  /** What is fed as numbers: offset and count in the arena, in turn. */
  fed: Int32Array;
  backward: number;
  update: number;
  /** An array of the arena's type that starts on a cache line. */
  allocate(size: number): TypedArray;
}

/**
 * The most lanes of documents, and the most bytes that a copy of the memory for each may take. Neither
 * depends on the machine: how many there are decides in which order gradients are added.
 */
const MAX_LANES = 32;
const MAX_BYTES = 256 * 2 ** 20;

/** A batch of so many documents, to be filled and run again and again. */
export class Batch {
  readonly spec: BatchSpec;

  constructor(
    private readonly source: BatchSource,
    readonly count: number,
  ) {
    const { arena, ints, parameters, fed } = source;
    const line = 64 / arena.BYTES_PER_ELEMENT;
    const stride = Math.ceil(arena.length / line) * line;
    const fitting = Math.floor(MAX_BYTES / (stride * arena.BYTES_PER_ELEMENT));
    const lanes = Math.max(1, Math.min(count, MAX_LANES, fitting));
    const memory = source.allocate(lanes * stride);
    for (let lane = 0; lane < lanes; lane++) memory.set(arena, lane * stride);
    let numbers = 0;
    for (let i = 1; i < fed.length; i += 2) numbers += fed[i]!;
    this.spec = {
      memory,
      stride,
      lanes,
      sums: source.allocate(lanes * parameters.size),
      parameters: parameters.offset,
      gradients: parameters.gradients,
      size: parameters.size,
      loss: source.loss,
      fed,
      numbers: source.allocate(count * numbers),
      ints: new Int32Array(count * ints.length),
      lengths: new Int32Array(count),
      losses: new Float64Array(count),
      backward: source.backward,
      update: source.update,
    };
  }

  /** Copies example i, a prefix of `length` positions, as it has just been fed to the program. */
  put(i: number, length: number): void {
    const { arena, ints, fed } = this.source;
    const { spec } = this;
    spec.lengths[i] = length;
    spec.ints.set(ints, i * ints.length);
    let at = (i * spec.numbers.length) / this.count;
    for (let k = 0; k < fed.length; k += 2) {
      const [offset, size] = [fed[k]!, fed[k + 1]!];
      spec.numbers.set(arena.subarray(offset, offset + size), at);
      at += size;
    }
  }

  /** The mean of the examples' losses, added in their order. */
  meanLoss(): number {
    return this.spec.losses.reduce((sum, loss) => sum + loss, 0) / this.count;
  }
}

/** A copy of the list of a batch's examples. */
export function examplesOf(documents: readonly Feeds[]): Feeds[] {
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
