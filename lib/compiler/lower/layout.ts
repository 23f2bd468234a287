/** The arena's layout of parameters, constants and indices, the same for arrays and for single numbers. */
import { sizeOf } from '../../core/shape.js';
import type { Node } from '../../graph/node.js';
import { constantKey, type Ir } from '../ir/ir.js';
import type { View } from './view.js';

/** An optimiser's update of all trained parameters. */
export interface UpdateRule {
  op: UpdateOp;
  /** Whose moments it keeps, where another optimiser uses the same instruction; by default that of `op`. */
  name?: string;
  /** How many arrays it keeps, each as large as the parameters; the average of these, if any, is the last. */
  moments: number;
  /** How many numbers it reads (learning rate, momentum, ...), those of all groups together. */
  numbers: number;
  /** Steps on all gradients before everything else, one instruction each. */
  before?: readonly GradientStep[];
  /** The groups of parameters, each with numbers of its own; by default all are one. */
  groups?: readonly UpdateGroup[];
  /** The number of a parameter's group; by default 0. */
  groupOf?: (parameter: Node) => number;
  /** Steps on all parameters after everything else. */
  after?: readonly ScaleStep[];
  /** Buffers, and the roots whose numbers each step sets them to, last of all. */
  sets?: ReadonlyMap<Node, Node>;
}

/** The update's own instruction. */
export type UpdateOp = 'sgd' | 'adam' | 'amsgrad' | 'adagrad' | 'rmsprop' | 'lion';

/** How a group's tables are updated of which a step reads only some rows. */
export type RowUpdates =
  /** Whole. */
  | 'never'
  /** By rows where that is faster: the rule changes nothing where the gradient is 0. */
  | 'exact'
  /** Always by rows: where a row's gradient is 0, its numbers and moments stay, whatever the rule says. */
  | 'always';

/** Parameters whose update reads the same numbers. */
export interface UpdateGroup {
  /** Where its numbers begin among those of the rule. */
  first: number;
  /** Steps on its gradients and parameters before `op`, one instruction each. */
  before?: readonly ScaleStep[];
  rows?: RowUpdates;
}

/** The trained parameters of a group, their gradients, their averages, or a number of the group, by index. */
export type UpdateOperand = 'parameters' | 'gradients' | 'average' | number;

/** `to = a b`, element by element, or `to += a b`; a number of the rule is broadcast. */
export interface ScaleStep {
  op: 'mul';
  to: UpdateOperand;
  a: UpdateOperand;
  b: UpdateOperand;
  accumulate?: boolean;
}

/** One instruction on all gradients. */
export type GradientStep =
  /** Copies them to where they can be read after the step. */
  | { op: 'keep' }
  /** Scales them to a norm of at most one of the rule's numbers. */
  | { op: 'clip'; most: number }
  /** Where one is not finite, stops the run or skips the update. */
  | { op: 'check'; skips: boolean };

/** The words of a region: a stretch of the arena or of the integers that one node has (row_plan.h). */
export const REGION = {
  offset: 0,
  size: 1,
  /** The position of the first row. */
  first: 2,
  /** How many rows it has, one for each position from `first` on. */
  rows: 3,
  /** 1: each example is fed its own. */
  isFed: 4,
} as const;
export const REGION_WORDS = 5;

/** A list of regions, as the machine reads them. */
class Regions {
  private all = new Int32Array(64 * REGION_WORDS);
  private length = 0;

  add(offset: number, size: number, first: number, rows: number, isFed: boolean): void {
    if (this.length === this.all.length) {
      const bigger = new Int32Array(2 * this.length);
      bigger.set(this.all);
      this.all = bigger;
    }
    const { all, length: at } = this;
    all[at + REGION.offset] = offset;
    all[at + REGION.size] = size;
    all[at + REGION.first] = first;
    all[at + REGION.rows] = rows;
    all[at + REGION.isFed] = Number(isFed);
    this.length += REGION_WORDS;
  }

  get words(): Int32Array {
    return this.all.slice(0, this.length);
  }
}

/** Those of a program that runs examples one after the other. */
export const NO_REGIONS = { numbers: new Int32Array(0), ints: new Int32Array(0) };

/** A stretch of the arena that was allocated in one piece. */
export interface Block {
  offset: number;
  size: number;
  /** Whether it holds its numbers from run to run: fed ones, or a constant. */
  isLasting: boolean;
}

export interface LoweringOptions {
  /** Elements of one cache line. */
  align: number;
  /** Nodes whose numbers must be readable after a run. */
  keep: readonly number[];
  /** The gradient node of each parameter (by node), where training or `backward` wants it. */
  gradients: ReadonlyMap<number, number>;
  /** Parameters that an update takes too, whose gradient is 0: no node computes it. */
  unmoved: ReadonlySet<number>;
  update: UpdateRule | undefined;
  /** The group of each parameter (by node). */
  groupOf: (parameter: number) => UpdateGroup;
  /** What a step sets buffers to: nodes of the forward pass, by buffer. */
  sets: ReadonlyMap<number, number>;
  /** Whether whole gradients are added up over examples, whose indices an update does not have. */
  batches: boolean;
  /** Nodes whose numbers must be finite, or the run stops before the update. */
  watched: readonly number[];
  /** Whether the program runs one position at a time, each once. */
  sequence: boolean;
  /** Nodes that can be asked for before the forward pass ends. */
  results: readonly number[];
  /** Whether results are written straight into what uses them, where they can be. */
  inPlace: boolean;
  /** Whether products end in the relu, mask or sum that alone reads their result. */
  epilogues: boolean;
  /** Whether many examples may run together, instruction by instruction. */
  rows: boolean;
  /** Whether a product that is a whole gradient updates its parameter and is not stored. */
  fuseUpdate: boolean;
  /** Whether values that are not needed at the same time share memory. */
  reuse: boolean;
  /** Whether instructions that repeat themselves are kept once, as a loop. */
  reroll: boolean;
  /** Nodes before which parameters are updated that nothing reads from then on: see `recompute.ts`. */
  recomputes: ReadonlySet<number>;
}

/** How values share memory (reuse.ts). */
export interface Reuse {
  arenaSize: number;
  /** The memory that they share; it holds nothing from one run to the next. */
  shared: { offset: number; size: number };
  /** How many values share it, the numbers that they have, and those that it has. */
  sharing: { values: number; numbers: number; memory: number };
  /** Where what lay at an offset before lies now. */
  moved: (offset: number) => number;
}

/**
 * The block of the parameters that have a gradient; their moments and gradients lie the same way in blocks of
 * their own.
 */
export interface ParameterBlock {
  offset: number;
  size: number;
  /** How many numbers, from the first on, have room for a gradient; the update of the others is fused. */
  withGradient: number;
  /** The stretches of these that are updated whole, one for each group: offsets in the block. */
  stretches: { group: UpdateGroup; from: number; to: number }[];
  gradients: number;
  /** Arena offset of the copy of the gradients that a step keeps; -1: it keeps none. */
  kept: number;
  moments: number[];
  /** Arena offset of the update rule's numbers. */
  rule: number;
  /** Arena offset of the count of skipped updates. */
  skips: number;
}

/** The loops of a program (native/vm/repeats.h). */
export interface Loops {
  /** Three words each: the first instruction, how many there are, how often they run. */
  repeats: Int32Array;
  /** For each instruction of a loop, by how much each of its words grows from one time to the next. */
  steps: Int32Array;
}

export interface Lowered extends Loops {
  /** The words of the instructions; those of a loop stand there once. */
  code: Int32Array;
  extents: Int32Array;
  /** Scalar bytecode, which an instruction runs stretches of; empty for programs of arrays. */
  bytecode: Uint32Array;
  arenaSize: number;
  intsSize: number;
  /** The longest prefix. */
  maxLength: number;
  /** The compiler's node behind each instruction; of a loop, behind each time it runs. */
  nodes: number[];
  /** Ends of the instructions, counted as they run: what `results` need, forward, backward and update. */
  sections: { results: number; forward: number; backward: number; update: number };
  parameters: ParameterBlock;
  /** Where a node's numbers lie; undefined where it has no place. */
  view(node: number): View | undefined;
  /** First slot of an index node. */
  slot(node: number): number;
  constants: readonly { value: number; offset: number }[];
  tables: readonly { numbers: Float64Array; offset: number }[];
  /** Fixed integers, and their slots. */
  integers: readonly { integers: Int32Array; slot: number }[];
  /**
   * What each node has of the arena and of the integers: words of {@link REGION}. None: examples run one
   * after the other.
   */
  regions: { numbers: Int32Array; ints: Int32Array };
  /** How values share memory; undefined where each has its own. */
  reuse: Reuse | undefined;
}

/** Fewer elements than this need not begin on a cache line. */
export const FEW = 4;

/** The group of all parameters, where there are no others. */
export const WHOLE: UpdateGroup = { first: 0 };

/** Places in the arena and among the integers. */
export class Layout {
  size = 0;
  ints = 0;
  /** Each number once; 0 and -0 are two numbers. */
  readonly constants: { value: number; offset: number }[] = [];
  /** What was allocated for nodes, where examples may run together. */
  readonly regions = { numbers: new Regions(), ints: new Regions() };
  /** All that lies behind the parameters and their like, in order, where memory is to be reused. */
  readonly blocks: Block[] = [];
  /** Each array of fixed numbers once. */
  readonly tables: { numbers: Float64Array; offset: number }[] = [];
  readonly integers: { integers: Int32Array; slot: number }[] = [];
  private readonly constantOffsets = new Map<number | string, number>();
  private readonly tableOffsets = new Map<Float64Array, number>();
  readonly parameterOffsets = new Map<number, number>();
  readonly slots = new Map<number, number>();
  readonly block: ParameterBlock;

  constructor(
    private readonly ir: Ir,
    /** How often each node is used; 0: not needed. */
    uses: ArrayLike<number>,
    private readonly options: LoweringOptions,
    /** Parameters that are updated by a product: their gradient is not stored. */
    fused: ReadonlySet<number> = new Set(),
    /** Parameters that are updated row by row. */
    byRows: ReadonlySet<number> = new Set(),
  ) {
    const trained: number[] = [];
    const others: number[] = [];
    for (let node = 0; node < ir.forwardEnd; node++) {
      if (!uses[node] || !(ir.is(node, 'parameter') || ir.is(node, 'frozen'))) continue;
      const isTrained = options.gradients.has(node) || options.unmoved.has(node);
      (isTrained ? trained : others).push(node);
    }
    // One block for all that are trained: an update is one instruction.
    const offset = this.size;
    const place = (node: number): void => {
      this.parameterOffsets.set(node, this.allocate(sizeOf(ir.shape(node))));
    };
    const { update, groupOf } = options;
    const groups = update?.groups ?? [WHOLE];
    const stored = trained.filter((node) => !fused.has(node));
    const stretches: ParameterBlock['stretches'] = [];
    for (const group of groups) {
      const whole = stored.filter((node) => groupOf(node) === group && !byRows.has(node));
      if (whole.length === 0) continue;
      const from = this.size - offset;
      whole.forEach(place);
      stretches.push({ group, from, to: this.size - offset });
    }
    stored.filter((node) => byRows.has(node)).forEach(place);
    const withGradient = this.size - offset;
    trained.filter((node) => fused.has(node)).forEach(place);
    const size = this.size - offset;
    others.forEach(place);
    const gradients = this.allocate(withGradient);
    const moments: number[] = [];
    for (let i = 0; i < (update?.moments ?? 0); i++) moments.push(this.allocate(size));
    const rule = this.allocate(update?.numbers ?? 0);
    const skips = this.allocate(update?.before ? 1 : 0);
    const keeps = update?.before?.some(({ op }) => op === 'keep') === true;
    const kept = keeps ? this.allocate(withGradient) : -1;
    this.block = { offset, size, withGradient, stretches, gradients, kept, moments, rule, skips };
  }

  /**
   * A place for n numbers of a node, which the positions of its first axis divide into rows.
   *
   * @param positions those positions; none: it has one row
   */
  allocateFor(node: number, n: number, positions: readonly number[] | undefined): number {
    const offset = this.allocate(n);
    const op = node < 0 ? '' : this.ir.opOf(node);
    const isFed = op === 'input' || op === 'inverseCount';
    this.addBlock(offset, n, isFed);
    this.addRegion('numbers', offset, n, node, positions, isFed);
    return offset;
  }

  private addBlock(offset: number, size: number, isLasting: boolean): void {
    if (this.options.reuse) this.blocks.push({ offset, size, isLasting });
  }

  /** Lets what was allocated from an offset on stay in one piece, as what one instruction clears has to. */
  keepTogether(offset: number): void {
    const { blocks } = this;
    let first = blocks.length;
    while (first > 0 && blocks[first - 1]!.offset >= offset) first--;
    const parts = blocks.splice(first);
    if (parts.length) this.addBlock(offset, this.size - offset, false);
  }

  private addRegion(
    of: 'numbers' | 'ints',
    offset: number,
    size: number,
    node: number,
    positions: readonly number[] | undefined,
    isFed: boolean,
  ): void {
    if (!size || !this.options.rows) return;
    let [first, rows] = [node < 0 ? 0 : this.ir.positions[node]!, 1];
    const own = positions && rowsOf(positions);
    if (own && size % own.rows === 0) ({ first, rows } = own);
    this.regions[of].add(offset, size, first, rows, isFed);
  }

  /** A place for n elements, on a cache line unless they are few. */
  allocate(n: number): number {
    const offset = n < FEW ? this.size : this.startLine();
    this.size = offset + n;
    return offset;
  }

  /** Lets what is allocated next begin on a cache line; returns where. */
  startLine(): number {
    const { align } = this.options;
    return (this.size = Math.ceil(this.size / align) * align);
  }

  constant(value: number): number {
    const key = constantKey(value);
    let offset = this.constantOffsets.get(key);
    if (offset === undefined) {
      offset = this.allocate(1);
      this.addBlock(offset, 1, true);
      this.constants.push({ value, offset });
      this.constantOffsets.set(key, offset);
    }
    return offset;
  }

  /** Where an array of fixed numbers lies. All examples share it, so that it is no region. */
  table(numbers: Float64Array): number {
    let offset = this.tableOffsets.get(numbers);
    if (offset === undefined) {
      offset = this.allocate(numbers.length);
      this.addBlock(offset, numbers.length, true);
      this.tables.push({ numbers, offset });
      this.tableOffsets.set(numbers, offset);
    }
    return offset;
  }

  /** The first slot of an index node's integers. */
  slot(node: number): number {
    const { ir, slots } = this;
    let start = 0;
    let vector = node;
    for (; ir.is(vector, 'element') || ir.is(vector, 'elements'); vector = ir.input(vector, 0))
      start += ir.attr(vector).start!;
    let slot = slots.get(vector);
    if (slot === undefined) {
      slot = this.ints;
      const size = sizeOf(ir.shape(vector));
      this.ints += size;
      slots.set(vector, slot);
      const { integers } = ir.attr(vector);
      if (integers) {
        // All examples share them, so that they are no region.
        this.integers.push({ integers, slot });
        return slot + start;
      }
      const isFed = ir.is(vector, 'index') || ir.is(vector, 'step');
      this.addRegion('ints', slot, size, vector, ir.axisPositions[vector]?.[0], isFed);
    }
    return slot + start;
  }
}

/** The rows that positions make which follow each other, each with as many entries; undefined: none. */
function rowsOf(positions: readonly number[]): { rows: number; first: number } | undefined {
  if (!positions.length) return undefined;
  const first = positions[0]!;
  const rows = positions[positions.length - 1]! - first + 1;
  const each = positions.length / rows;
  const follow = positions.every((position, i) => position === first + Math.floor(i / each));
  return rows > 1 && Number.isInteger(each) && follow ? { rows, first } : undefined;
}
