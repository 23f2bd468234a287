/** Generates sequences: checks the options, and makes the native call that samples. */
import { addon, type Fault, type Handle } from '../binding/addon.js';
import { checkBoolean, checkInteger, checkOptions, MAX_COUNT, shown, type Known } from '../core/check.js';
import type { Compiled } from '../compiler/compile.js';
import { offsetsOf } from '../compiler/lower/view.js';
import type { Node } from '../graph/node.js';
import { isFed } from '../graph/ops.js';
import { fedWith, reachable } from '../graph/reachable.js';
import { FeedError } from './errors.js';
import { didYouMean } from '../core/suggest.js';
import { listed, type FeedReader } from './feeds.js';
import type { IndexInput, Inputs } from './inputs.js';
import type { ProgramMemory } from './memory.js';
import { Random } from './random.js';

/** Options of `Program.generate`. */
export interface GenerateOptions {
  /** The only input: an index with one element per position. */
  input: string;
  /** The integer that position 0 reads. */
  start: number;
  /** The integer that ends a sequence. */
  stop: number;
  /** The temperature, above 0; higher is more random. */
  temperature: number;
  /** The number of sequences. */
  count: number;
  /**
   * Draws only from the k integers with the largest logits, k from 1; of equal logits the lower integers come
   * first. All by default, and where k exceeds their number.
   */
  topK?: number;
  /** The beginning of every sequence: fewer integers than there are positions, without `stop`. */
  prefix?: Int32Array;
  /**
   * Whether the sequences advance together, position by position, which is faster for many. They are drawn
   * from the same distribution, but from other random numbers: each takes one for every position behind the
   * prefix, whether or not it gets there, so that it does not depend on the others. No value of the program
   * can be read afterwards. False by default.
   */
  together?: boolean;
}

const GENERATE_OPTIONS: Known<GenerateOptions> = {
  input: true,
  start: true,
  stop: true,
  temperature: true,
  count: true,
  topK: true,
  prefix: true,
  together: true,
};

/** The options, each read once, and the random generator. */
export type GenerateRequest = Required<GenerateOptions> & { random: Handle };

const NO_PREFIX = new Int32Array();

/**
 * Reads the options, which may be getters.
 *
 * @throws TypeError where an option is unknown
 */
export function readGenerateOptions(random: Random, options: GenerateOptions): GenerateRequest {
  checkOptions('generating', options, GENERATE_OPTIONS);
  const { input, start, stop, temperature, count, topK = Infinity, prefix = NO_PREFIX } = options;
  const { together = false } = options;
  if (typeof input !== 'string') throw new FeedError(`input ${shown(input)}: expected the name of an input`);
  if (!(random instanceof Random))
    throw new TypeError(`generating draws from a Random, not ${shown(random)}`);
  checkBoolean('together', together);
  return { input, start, stop, temperature, count, topK, prefix, together, random: random.handle };
}

/** Samples from the sequence of one program. */
export class SequenceSampler {
  /** The inputs that the compiled sequence depends on. */
  private readonly needed: ReadonlySet<string>;
  /** The arena offsets of all logits, group by group; computed on first use. */
  private offsets: Int32Array | undefined;

  /** @param groups the values of each position */
  constructor(
    private readonly compiled: Compiled,
    private readonly groups: readonly (readonly Node[])[],
    private readonly inputs: Inputs,
    private readonly feeds: FeedReader,
  ) {
    this.needed = inputsOfSequence(compiled, groups);
  }

  /**
   * Checks a request, and writes what every sequence begins with. Returns the index that is fed.
   *
   * @throws RangeError when an option is out of range
   * @throws FeedError when a position cannot read `start` or an integer of the prefix
   */
  prepare(request: GenerateRequest, ints: Int32Array): IndexInput {
    const { input, start, stop, temperature, count, topK, prefix } = request;
    const { maxLength } = this.inputs;
    const { positionsLeftOut } = this.compiled;
    if (positionsLeftOut > 0)
      throw new FeedError(
        `generating: the program's sequence has ${positionsLeftOut} positions, but does not run in it, ` +
          'since its loss is not a mean of as many terms (meanOfFirst), which run in order: compile the ' +
          'sequence as a program of its own',
      );
    const index = this.inputs.indices.find(({ name }) => name === input);
    const { needed } = this;
    const others = needed.size - Number(needed.has(input));
    if (others > 0 || index?.size !== maxLength || !(needed.has(input) || this.isWrittenWith(input))) {
      throw new FeedError(
        `generating needs '${input}' to be the only input that the results read, with an integer for each ` +
          `of ${maxLength} positions; this program's inputs: ${listed(this.inputs.names)}` +
          (this.inputs.names.includes(input) ? '' : didYouMean(input, this.inputs.names)),
      );
    }
    if (!(typeof temperature === 'number' && temperature > 0 && temperature < Infinity))
      throw new RangeError(`temperature ${shown(temperature)}: expected a finite number above zero`);
    if (Math.fround(1 / temperature) === Infinity)
      throw new RangeError(`temperature ${temperature}: too small to divide by, expected at least 1e-38`);
    checkInteger('stop', stop, 0);
    if (!Number.isInteger(count) || count < 0)
      throw new RangeError(`count ${shown(count)}: expected an integer from 0`);
    if (count * maxLength > MAX_COUNT)
      throw new RangeError(`count ${count}: expected at most ${Math.floor(MAX_COUNT / maxLength)}`);
    if (!(Number.isInteger(topK) || topK === Infinity) || topK < 1)
      throw new RangeError(`topK ${shown(topK)}: expected an integer from 1`);
    checkPrefix(prefix, stop, maxLength);
    checkReads(index);
    const { feeds } = this;
    feeds.length = prefix.length + 1;
    try {
      feeds.readIndex(index, [start, ...prefix], ints, index.slot);
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
      throw new FeedError(`start and the prefix are fed first: ${error.message}`, { cause: error });
    } finally {
      feeds.length = maxLength;
    }
    return index;
  }

  /** Generates the sequences of a prepared request in one native call, on at most `threads` threads. */
  run(
    memory: ProgramMemory,
    { slot }: IndexInput,
    { start, stop, temperature, count, topK, prefix, together, random }: GenerateRequest,
    threads: number,
  ): { sequences: Int32Array[]; fault: Fault | undefined } {
    const { maxLength } = this.inputs;
    const { handle, arena, ints, plans } = memory;
    const drawn = new Int32Array(count * maxLength);
    const lengths = new Int32Array(count);
    const results = (this.offsets ??= this.findOffsets());
    const spec = {
      program: handle,
      arena,
      ints,
      random,
      results,
      slot,
      start,
      stop,
      prefix,
      temperature,
      top: Math.min(topK, results.length / maxLength),
      instructions: this.compiled.lowered.sections.results,
      // One array may hold all positions; then position p runs as a prefix of p + 1.
      isPrefix: this.compiled.isPrefix,
      isTogether: together,
      rows: together && count > 1 ? plans.ofSequences(slot, results.length / maxLength) : undefined,
      threads,
    };
    // The numbers of the last sequence can be read, but of none of those that advance together.
    if (count > 0) memory.ranLength = together ? 0 : maxLength;
    const fault = addon.generate(spec, drawn, lengths);
    if (count > 0 && !together && !fault) memory.ranLength = lengths[count - 1]!;
    const sequences = Array.from(lengths, (length, i) =>
      drawn.subarray(i * maxLength, i * maxLength + length),
    );
    return { sequences, fault };
  }

  /** Whether the sequence reads an input as it was written: the compiler may have dropped what does. */
  private isWrittenWith(input: string): boolean {
    return fedWith(reachable(this.groups.flat())).some(({ name }) => name === input);
  }

  private findOffsets(): Int32Array {
    const { ir, lowered, numbers } = this.compiled;
    const found = this.groups.map((group) =>
      group.flatMap((root) => {
        const number = numbers.get(root)!;
        const view = lowered.view(number);
        if (!view) throw new Error(`${ir.label(number)} holds no numbers`);
        return offsetsOf(view);
      }),
    );
    const sizes = new Set(found.map((group) => group.length));
    if (sizes.size > 1)
      throw new Error(
        `the positions of a sequence have ${[...sizes].join(', ')} numbers: generating needs the same ` +
          'count in each',
      );
    return Int32Array.from(found.flat());
  }
}

/** Refuses a position that reads what is drawn after it. */
function checkReads({ name, label, needs }: IndexInput): void {
  const length = needs.findIndex((needed, n) => needed > n);
  if (length <= 0) return;
  throw new FeedError(
    `generating: position ${length - 1} of the sequence reads ${needs[length]!} integers of '${name}' ` +
      `(${label}): it may read ${length}, those up to its own, since the others are drawn later`,
  );
}

function checkPrefix(prefix: unknown, stop: number, maxLength: number): void {
  if (!(prefix instanceof Int32Array))
    throw new TypeError(`prefix: ${shown(prefix)}, expected an Int32Array`);
  const { length } = prefix;
  if (length >= maxLength)
    throw new RangeError(
      `prefix: ${length} integers, expected at most ${maxLength - 1}: one of ${maxLength} ` +
        'positions is left to draw',
    );
  const at = prefix.indexOf(stop);
  if (at >= 0) throw new RangeError(`prefix[${at}] = ${stop}: it ends a sequence, so nothing could follow`);
}

/** The names of the inputs that a compiled sequence depends on. */
function inputsOfSequence({ ir, numbers }: Compiled, groups: readonly (readonly Node[])[]): Set<string> {
  const { start, list } = ir.edges;
  const names = new Set<string>();
  const reached = new Uint8Array(ir.forwardEnd);
  for (const group of groups) for (const root of group) reached[numbers.get(root)!] = 1;
  for (let node = ir.forwardEnd - 1; node >= 0; node--) {
    if (reached[node] === 0) continue;
    const end = start[node + 1]!;
    for (let e = start[node]!; e < end; e++) reached[list[e]!] = 1;
  }
  for (const [node, number] of numbers) {
    if (isFed(node.op) && reached[number]) names.add(node.name!);
  }
  return names;
}
