/** What the row of an operator holds: all that the graph, the compiler and the machine's tables ask of it. */
import type { Shape } from '../../core/shape.js';

/**
 * The names by which gradient rules refer to operators: all but those of `unary.ts`, which are its exports.
 */
export type CoreName =
  // leaves.ts
  | 'parameter'
  | 'input'
  | 'constant'
  | 'inverseCount'
  | 'index'
  | 'step'
  // arithmetic.ts
  | 'neg'
  | 'pow'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'maximum'
  | 'minimum'
  | 'gt'
  | 'ge'
  | 'eq'
  | 'logGrad'
  | 'maskPositive'
  | 'ifNonzero'
  | 'ifZero'
  | 'dropout'
  // reduce.ts
  | 'sum'
  | 'total'
  | 'max'
  | 'cumsum'
  | 'argmax'
  | 'topk'
  // matmul.ts
  | 'matmul'
  | 'gatherMatmul'
  | 'gatherDot'
  | 'scatterOuter'
  // rows.ts
  | 'softmax'
  | 'softmaxGrad'
  | 'rmsNorm'
  | 'rmsNormGrad'
  | 'crossEntropy'
  | 'crossEntropyGrad'
  // views.ts
  | 'detach'
  | 'reshape'
  | 'transpose'
  | 'broadcastTo'
  | 'slice'
  | 'embed'
  | 'concat'
  | 'stack'
  // indexing.ts
  | 'element'
  | 'elements'
  | 'gather'
  | 'scatterAdd'
  | 'choose'
  | 'chooseGrad';

/** The parameters of an operator that are no operands; each operator reads its own. */
export interface Attr {
  /** `constant`: the number. */
  value?: number;
  exponent?: number;
  axes?: readonly number[];
  axis?: number;
  shape?: Shape;
  start?: number;
  stop?: number;
  k?: number;
  choice?: number;
  /** `rmsNorm`: what the sum of squares is multiplied by, and what is added to that. */
  scale?: number;
  eps?: number;
  /** `softmax`: row r of the last but one axis has its first `first + r step` entries; zeros follow. */
  lengths?: { first: number; step: number };
  /** `gather`, `scatterAdd`: one index per row of the first axis, into the second. */
  batch?: boolean | undefined;
  /** `cumsum`: from the end to the start. */
  reverse?: boolean;
  /** `dropout`: the share of numbers that are dropped, and what decides which. */
  rate?: number;
  seed?: number;
  /** `total`: only the first n terms count, n fed as the last operand. */
  prefix?: boolean;
  /** Set by the compiler: the position from which each term of a total, each row of a stack, counts. */
  positions?: readonly number[];
}

export const NO_ATTR: Attr = {};

/** What a gradient rule may do: make nodes, ask for shapes. N is the node type, Name what it can make. */
export interface Builder<N, Name extends string = CoreName> {
  op(name: Name, inputs: readonly N[], attr?: Attr): N;
  constant(value: number): N;
  shape(node: N): Shape;
}

/** What a gradient rule is given. */
export interface GradientContext<N, Name extends string = CoreName> {
  readonly g: Builder<N, Name>;
  readonly inputs: readonly N[];
  readonly output: N;
  readonly attr: Attr;
  /** The gradient of the root with respect to the output: the output's shape. */
  readonly dy: N;
}

/** Additions, multiplications, divisions and functions of one number, each as one; comparisons as none. */
export type FlopPerNumber = number;

/** How the compiler turns an operator into instructions. */
export type Lowering =
  /** Its numbers come from outside the graph: no instruction. */
  | { kind: 'leaf'; source: LeafSource }
  /** One instruction over the broadcast of its operands: a function of native/kernels/elementwise.def. */
  | { kind: 'unary' | 'binary'; kernel: string; flop: FlopPerNumber }
  /** The operand's numbers, seen in another shape or order. */
  | { kind: 'view' }
  /** Lays its operands side by side; what computes them can write them there. */
  | { kind: 'join' }
  /** A product with the rows of a matrix that its last operand, an index, names: this instruction. */
  | { kind: 'rowProduct'; instruction: string }
  /** Has code of its own in lib/compiler/lower. */
  | { kind: 'special' };

/** Where the numbers of a leaf come from. */
export type LeafSource =
  /** The program keeps them, and can train them. */
  | 'parameter'
  /** Each run is fed them, by name. */
  | 'fed'
  /** The graph: they are always the same. */
  | 'graph'
  /** The program sets them before a run. */
  | 'program';

/** Whether the last operand is an index, and what a fed one must stay below. */
export type IndexOperand =
  | 'none'
  /** An index where the attribute `prefix` is set. */
  | 'prefix'
  /** It needs no limit, or the operator that this is the gradient of has asked for it. */
  | 'anything'
  /** The prefix lengths that the program has. */
  | 'lengths'
  /** The rows of the first operand; with the attribute `batch`, its columns. */
  | 'rows'
  /** The entries of the first operand's last axis. */
  | 'classes'
  /** The operands before it. */
  | 'operands';

/** What auto-batching makes of an operator (lib/compiler/batching/kinds.ts). */
export type Batching =
  /** It stays as it is, and nothing waits for it. */
  | 'leaf'
  /** It is never scheduled: resolved where it is used, mostly to a view. */
  | 'view'
  /** It exists for stacked operands too. */
  | 'batched'
  /** Each node stays an instruction of its own. */
  | 'single';

/** Where an operator's instruction can put its result (lib/compiler/lower/placement.ts). */
export type Placing =
  /** In memory of its own, or as a whole row of a join. */
  | 'own'
  /** In memory without gaps: a row of a stack, but no columns of a concat. */
  | 'dense'
  /** In rows that lie anywhere. */
  | 'rows'
  /** In rows that lie anywhere, which it can add to instead of writing them. */
  | 'adds'
  /** In memory without gaps, which it can add to. */
  | 'addsDense';

/** The operator in the scalar bytecode: its place in native/compile/assemble.cpp, and its opcodes. */
export interface ScalarForm {
  role: 'none' | 'leaf' | 'plain' | 'total' | 'add' | 'pow' | 'choose' | 'chooseGrad';
  /** The instruction that computes it. */
  opcode?: string;
  /** The instruction that adds it to a sum of which it is a term. */
  adding?: string;
}

/**
 * Which axes of the result hold one entry per position, by those of the operands (lib/compiler/ir/axes.ts).
 */
export type AxisRule =
  /** None does. */
  | 'none'
  /** Those of all operands, aligned at the last axis. */
  | 'broadcast'
  /** Those of the first, or of the second operand, whose shape it has. */
  | 'first'
  | 'second'
  /** Those of the first operand, without the axis or the axes that a reduction takes away. */
  | 'withoutAxis'
  | 'withoutAxes'
  /** Those of a join, and of what undoes one: all but its axis, which a stack has anew. */
  | 'stacked'
  | 'joined'
  | 'padded'
  | 'sliced'
  | 'elements'
  | 'transposed'
  | 'reshaped'
  | 'product'
  | 'gathered'
  | 'scattered'
  | 'losses'
  | 'lossGradient';

/** What makes the result zero: a first operand, or any, that is a constant zero. */
export type ZeroRule = 'never' | 'first' | 'any';

/**
 * How an operator goes on to a longer stack of which its first operand is a prefix
 * (lib/compiler/passes/pad.ts).
 */
export type PadRule = 'none' | 'slice' | 'scaled' | 'softmax' | 'product';

/** The product before can do this operator's work; `takes`: this is such a product. */
export type EpilogueRule = 'none' | 'takes' | 'relu' | 'maskPositive' | 'add';

/** A row of the table of operators. Nothing in it is optional: what is forgotten does not compile. */
export interface OpDefinition<Name extends string = CoreName> {
  /** The result's shape; throws `ShapeError` on shapes that do not fit. */
  shape(inputs: readonly Shape[], attr: Attr): Shape;
  /** The gradient with respect to operand i, in that operand's shape. */
  gradient<N>(c: GradientContext<N, Name>, i: number): N;
  /** Whether a gradient flows to operand i where that is a value: `gradient` is asked for no other. */
  readonly reaches: (i: number, attr: Attr) => boolean;
  /** Whether the result is integers. */
  isInteger: boolean;
  index: IndexOperand;
  lower: Lowering;
  batching: Batching;
  placing: Placing;
  scalar: ScalarForm;
  axes: AxisRule;
  zero: ZeroRule;
  pad: PadRule;
  epilogue: EpilogueRule;
}

/** The rows of a family of operators. */
export type Rows<Names extends CoreName> = Readonly<Record<Names, OpDefinition>>;

/** The gradient rule of an operator that has none: its row also has `reaches: noOperand`. */
export const noGradient = (): never => {
  throw new Error('no gradient flows through this operator');
};
export const noOperand = (): boolean => false;
export const everyOperand = (): boolean => true;
export const firstOperand = (i: number): boolean => i === 0;

/** A scalar form of one opcode. */
export const scalar = (opcode: string, adding?: string): ScalarForm => ({
  role: 'plain',
  opcode,
  ...(adding !== undefined && { adding }),
});
/** The form of what the scalar bytecode does not have: a graph with it is lowered as one of arrays. */
export const noScalar: ScalarForm = { role: 'none' };
/** The form of what its instructions read from a slot. */
export const scalarLeaf: ScalarForm = { role: 'leaf' };
