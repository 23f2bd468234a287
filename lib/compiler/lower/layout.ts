/** Where everything lies: the arena's parameters, constants and indices, alike for every lowering. */
import { sizeOf } from '../../core/shape.js';
import { constantKey, type Ir } from '../ir/ir.js';
import type { View } from './view.js';

/** The rule of an update: how many moments it keeps per parameter, how many numbers it reads. */
export interface UpdateRule {
  op: 'sgd' | 'adam';
  moments: number;
  numbers: number;
  /** What is done to gradients and parameters before `op`: one instruction each. */
  before?: readonly UpdateStep[];
}

/** All trained parameters, all their gradients, or a number of the rule by its place. */
export type UpdateOperand = 'parameters' | 'gradients' | number;

/** One instruction before the update's own. */
export type UpdateStep =
  /** `to = a b`, number by number, or `to += a b`; one number of the rule stands for all. */
  | { op: 'mul'; to: UpdateOperand; a: UpdateOperand; b: UpdateOperand; accumulate?: boolean }
  /** Scales the gradients to a norm of at most a number of the rule. */
  | { op: 'clip'; most: number }
  /** Stops the run where a gradient is not finite, or leaves the update out. */
  | { op: 'check'; skips: boolean };

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
  /** Nodes whose numbers must be finite, or the run stops before the update. */
  watched: readonly number[];
  /** Run a level at a time, each once. */
  sequence: boolean;
  /** Nodes that can be asked for before the forward pass ends. */
  results: readonly number[];
  /** Whether results are written straight into what uses them, where they can be. */
  place: boolean;
  /** Whether a product does what is done next with its result alone. */
  finish: boolean;
  /** Whether a product that is a whole gradient updates its parameter without being stored. */
  fuseUpdate: boolean;
}

/** The parameters' block; moments and gradients lie the same way in blocks of their own. */
export interface ParameterBlock {
  offset: number;
  size: number;
  /** How many of the numbers, from the first on, a gradient reaches that is in memory. */
  trained: number;
  /** How many of the numbers, from the first on, have a gradient in memory; the others' is fused. */
  withGradient: number;
  gradients: number;
  moments: number[];
  /** Arena offset of the update rule's numbers. */
  rule: number;
  /** Arena offset of the number of updates that were left out. */
  skips: number;
}

export interface Lowered {
  code: Int32Array;
  extents: Int32Array;
  tape: Uint32Array;
  arenaSize: number;
  intsSize: number;
  levels: number;
  /** The compiler's node behind each instruction. */
  nodes: number[];
  /** Ends of the instructions: those that `results` need, forward, backward and update. */
  sections: { results: number; forward: number; backward: number; update: number };
  parameters: ParameterBlock;
  /** Where a node's numbers lie; undefined where it has none of its own. */
  view(node: number): View | undefined;
  /** First slot of an index node. */
  slot(node: number): number;
  constants: readonly { value: number; offset: number }[];
}

/** Memory and leaves that every lowering lays out the same way. */
export class Layout {
  size = 0;
  ints = 0;
  /** Each number once; 0 and -0 are two. */
  readonly constants: { value: number; offset: number }[] = [];
  private readonly constantOffsets = new Map<number | string, number>();
  readonly parameterOffsets = new Map<number, number>();
  readonly slots = new Map<number, number>();
  readonly block: ParameterBlock;

  constructor(
    private readonly ir: Ir,
    /** By node; 0: not needed. */
    live: ArrayLike<number>,
    private readonly options: LoweringOptions,
    /** Parameters that are updated without their gradient being stored. */
    fused: ReadonlySet<number> = new Set(),
  ) {
    const parameters: number[] = [];
    for (let node = 0; node < ir.forwardEnd; node++) {
      if (!live[node]) continue;
      if (ir.is(node, 'parameter')) parameters.push(node);
    }
    // One block for all parameters: an update is one instruction.
    const offset = this.size;
    const place = (node: number): void => {
      this.parameterOffsets.set(node, this.allocate(sizeOf(ir.shape(node))));
    };
    // First what an update's steps may change: nothing that no gradient can reach.
    const stored = parameters.filter((node) => !fused.has(node));
    const isTrained = (node: number): boolean => options.gradients.has(node) || options.unmoved.has(node);
    stored.filter(isTrained).forEach(place);
    const trained = this.size - offset;
    stored.filter((node) => !isTrained(node)).forEach(place);
    const withGradient = options.gradients.size + options.unmoved.size ? this.size - offset : 0;
    parameters.filter((node) => fused.has(node)).forEach(place);
    const size = this.size - offset;
    const gradients = this.allocate(withGradient);
    const moments: number[] = [];
    for (let i = 0; i < (options.update?.moments ?? 0); i++) moments.push(this.allocate(size));
    const rule = this.allocate(options.update?.numbers ?? 0);
    const skips = this.allocate(options.update?.before ? 1 : 0);
    this.block = { offset, size, trained, withGradient, gradients, moments, rule, skips };
  }

  /** A place for n elements, on a cache line unless they are few. */
  allocate(n: number): number {
    const align = n < 4 ? 1 : this.options.align;
    const offset = Math.ceil(this.size / align) * align;
    this.size = offset + n;
    return offset;
  }

  constant(value: number): number {
    const key = constantKey(value);
    let offset = this.constantOffsets.get(key);
    if (offset === undefined) {
      offset = this.allocate(1);
      this.constants.push({ value, offset });
      this.constantOffsets.set(key, offset);
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
      this.ints += sizeOf(ir.shape(vector));
      slots.set(vector, slot);
    }
    return slot + start;
  }
}
