/** Rows: how a program runs many examples or sequences at once, and the memory for it. */
import { addon, type Handle } from '../binding/addon.js';
import type { RowsSpec } from '../binding/series-spec.js';
import { REGION, REGION_WORDS, type Lowered } from '../compiler/lower/layout.js';
import type { DType } from '../core/array.js';
import { allocateAligned } from './arena.js';

/** The most bytes for the rows of a piece: examples that run together. */
export const MAX_PIECE_BYTES = 64 * 2 ** 20;

/**
 * How many sequences are generated together: many, since they end at different positions, and begin alike (a
 * token of `vector`, float32, in pieces of 64, 128 and 256 takes 0.43, 0.36 and 0.33 of one by one).
 */
const SEQUENCES = 128;
/** How many numbers the weights of a choice take while it is drawn (native/run/weights.h). */
const WEIGHTS = 4;

/** How many examples are at least evaluated together: for fewer, a plan takes longer than it saves. */
const LEAST_EVALUATED = 32;

/** The plans of one program, each made when it is first asked for; undefined: it has none. */
export class RowPlans {
  private batch: { plan: Handle | undefined } | undefined;
  private evaluation: { rows: RowsSpec | undefined } | undefined;
  private sequence: { slot: number; rows: RowsSpec | undefined } | undefined;

  constructor(
    private readonly handle: Handle,
    private readonly lowered: Lowered,
    private readonly dtype: DType,
  ) {}

  /** How the forward and the backward pass run, with gradients that are sums over the examples. */
  ofBatches(): Handle | undefined {
    const { backward } = this.lowered.sections;
    this.batch ??= { plan: this.plan(backward, this.lowered.regions) };
    return this.batch.plan;
  }

  /** How so many examples are evaluated: undefined for few. */
  ofEvaluation(count: number): RowsSpec | undefined {
    if (count < LEAST_EVALUATED) return undefined;
    const { forward } = this.lowered.sections;
    this.evaluation ??= { rows: this.rows(this.plan(forward, this.lowered.regions)) };
    return this.evaluation.rows;
  }

  /**
   * How sequences are generated, which are fed the index at `slot` alone: an integer for each position, one
   * of so many choices.
   */
  ofSequences(slot: number, choices: number): RowsSpec | undefined {
    const { sequence } = this;
    if (sequence?.slot === slot) return sequence.rows;
    const { regions, sections } = this.lowered;
    const [numbers, ints] = [regions.numbers.slice(), regions.ints.slice()];
    for (let at = 0; at < numbers.length; at += REGION_WORDS) numbers[at + REGION.isFed] = 0;
    for (let at = 0; at < ints.length; at += REGION_WORDS) {
      if (ints[at + REGION.offset] === slot) {
        ints[at + REGION.rows] = ints[at + REGION.size]!;
        ints[at + REGION.first] = 0;
      } else ints[at + REGION.isFed] = 0;
    }
    const plan = this.plan(sections.results, { numbers, ints });
    const rows = this.rows(plan, SEQUENCES, WEIGHTS * choices);
    this.sequence = { slot, rows };
    return rows;
  }

  private plan(end: number, { numbers, ints }: Lowered['regions']): Handle | undefined {
    if (numbers.length === 0) return undefined;
    const { parameters } = this.lowered;
    return addon.planRows(this.handle, {
      numberRegions: numbers,
      intRegions: ints,
      gradients: parameters.gradients,
      gradientsSize: parameters.withGradient,
      end,
    });
  }

  /**
   * Memory for the rows of a piece.
   *
   * @param size how many examples it has; as many as are worth it by default
   * @param more how many numbers an example takes besides
   */
  private rows(plan: Handle | undefined, size?: number, more = 0): RowsSpec | undefined {
    if (!plan) return undefined;
    const { handle, dtype } = this;
    const [each, , most] = addon.pieceSizes(handle, plan, 1);
    const bytes = dtype === 'float32' ? 4 : 8;
    const piece = Math.min(size ?? most, Math.floor(MAX_PIECE_BYTES / ((each + more) * bytes)));
    if (piece < 2) return undefined;
    const [numbers, ints] = addon.pieceSizes(handle, plan, piece);
    return { plan, piece, numbers: allocateAligned(dtype, numbers), ints: new Int32Array(ints) };
  }
}
