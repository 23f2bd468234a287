/**
 * The fields of an operator's row: all that the graph, the compiler and the program need to know of an
 * operator.
 */
import type { Shape } from '../../core/shape.js';
import type { Window } from './window.js';

/** The operators that gradient rules can name: all but those of `unary.ts`, which are its exports. */
export type CoreName =
  // leaves.ts
  | 'parameter'
  | 'frozen'
  | 'input'
  | 'constant'
  | 'table'
  | 'inverseCount'
  | 'index'
  | 'integers'
  | 'step'
  // arithmetic.ts
  | 'neg'
  | 'pow'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'power'
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
  | 'addN'
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
  | 'softmaxColumns'
  | 'softmaxColumnsGrad'
  | 'rmsNorm'
  | 'rmsNormGrad'
  | 'crossEntropy'
  | 'crossEntropyGrad'
  // windows.ts
  | 'conv'
  | 'convInput'
  | 'convWeights'
  | 'maxPool'
  | 'maxPoolPick'
  | 'maxPoolGrad'
  | 'sumPool'
  | 'sumPoolGrad'
  // views.ts
  | 'detach'
  | 'reshape'
  | 'transpose'
  | 'broadcastTo'
  | 'slice'
  | 'pad'
  | 'concat'
  | 'stack'
  // indexing.ts
  | 'element'
  | 'elements'
  | 'gather'
  | 'scatterAdd'
  | 'choose'
  | 'chooseGrad';

/** The attributes of an operator, which are not operands; each operator reads its own. */
export interface Attr {
  /** `constant`: its number. */
  value?: number;
  /** `table`: its numbers, row-major, which nobody changes. */
  numbers?: Float64Array;
  /** `integers`: they, row-major, which nobody changes. */
  integers?: Int32Array;
  exponent?: number;
  axes?: readonly number[];
  axis?: number;
  shape?: Shape;
  start?: number;
  stop?: number;
  k?: number;
  choice?: number;
  /** `rmsNorm`: the factor of the sum of squares, and what is then added. */
  scale?: number;
  eps?: number;
  /** `softmax`: row r of the last-but-one axis has its first `first + r * step` elements; zeros follow. */
  lengths?: { first: number; step: number };
  /** `gather`, `scatterAdd`: indices for each row of the first axis, into the second. */
  batch?: boolean | undefined;
  /** `cumsum`: sum from the end. */
  reverse?: boolean;
  /** `maximum`, `minimum`: the second operand has the whole gradient of a tie, and none where it is NaN. */
  bounds?: boolean;
  /** `dropout`: the fraction of elements to drop, and the seed that decides which. */
  rate?: number;
  seed?: number;
  /** Convolutions and pooling: how windows lie over images. */
  window?: Window;
  /** `addN`: sum only the first n terms; n is the last operand. */
  prefix?: boolean;
  /** Set by the compiler: the first position at which each term of an `addN`, or row of a stack, counts. */
  positions?: readonly number[];
}

export const NO_ATTR: Attr = {};

/**
 * How a gradient rule makes nodes and asks for shapes. N is the node type, Name the operators it can make.
 */
export interface Builder<N, Name extends string = CoreName> {
  op(name: Name, inputs: readonly N[], attr?: Attr): N;
  constant(value: number): N;
  shape(node: N): Shape;
}

/** The arguments of a gradient rule. */
export interface GradientContext<N, Name extends string = CoreName> {
  readonly g: Builder<N, Name>;
  readonly inputs: readonly N[];
  readonly output: N;
  readonly attr: Attr;
  /** The gradient of the root with respect to the output, in the output's shape. */
  readonly dy: N;
}

/** FLOP per number: 1 for an addition, multiplication, division or function call, 0 for a comparison. */
export type FlopPerNumber = number;

/** How the compiler lowers an operator to instructions. */
export type Lowering =
  /** No instruction: its numbers come from outside. */
  | { kind: 'leaf'; source: LeafSource }
  /** One element-wise instruction, with broadcasting: a function of native/kernels/elementwise.def. */
  | { kind: 'unary' | 'binary'; kernel: string; flop: FlopPerNumber }
  /** No instruction: the operand's numbers with another shape or strides. */
  | { kind: 'view' }
  /** Lays its operands side by side in memory; most are computed in place there. */
  | { kind: 'join' }
  /** A product with the rows of a matrix that its last operand, an index, names: this instruction. */
  | { kind: 'rowProduct'; instruction: string }
  /** A lowering function of its own, in lib/compiler/lower. */
  | { kind: 'special' };

/** Where the numbers of a leaf come from. */
export type LeafSource =
  /** The program keeps them, and can train them. */
  | 'parameter'
  /** The program keeps them, and leaves them as they are. */
  | 'frozen'
  /** Each run is fed them, by name. */
  | 'fed'
  /** The graph: they are always the same. */
  | 'graph'
  /** The program sets them before a run. */
  | 'program';

/** Whether the last operand is an index, and the limit of a fed one. */
export type IndexOperand =
  | 'none'
  /** An index, if the attribute `prefix` is set. */
  | 'prefix'
  /** An index without a limit, or with one that the forward operator has already set. */
  | 'anything'
  /** Limited by the program's prefix lengths. */
  | 'lengths'
  /** Limited by the rows of the first operand; with the attribute `batch`, by its columns. */
  | 'rows'
  /** The same of the result. */
  | 'resultRows'
  /** Limited by the last axis of the first operand. */
  | 'classes'
  /** Limited by the number of the other operands. */
  | 'operands';

/** What auto-batching does with an operator (lib/compiler/batching/kinds.ts). */
export type Batching =
  /** Leaves it as it is; nothing waits for it. */
  | 'leaf'
  /** Never schedules it; resolves it where it is used, mostly to a view. */
  | 'view'
  /** Runs alike nodes as one, on stacked operands. */
  | 'batched'
  /** Keeps one instruction per node. */
  | 'single';

/** Where an operator's instruction can write its result (lib/compiler/lower/placement.ts). */
export type Placing =
  /** To memory of its own, or to a whole row of a join. */
  | 'own'
  /** To contiguous memory: a row of a stack, but not columns of a concat. */
  | 'dense'
  /** To rows at any stride. */
  | 'rows'
  /** To rows at any stride, and it can add to them instead. */
  | 'adds'
  /** To contiguous memory, and it can add to it instead. */
  | 'addsDense';

/** The operator in scalar bytecode: its role in native/compile/assemble.cpp, and its opcodes. */
export interface ScalarForm {
  role: 'none' | 'leaf' | 'plain' | 'addN' | 'add' | 'pow' | 'choose' | 'chooseGrad';
  /** The opcode that computes it. */
  opcode?: string;
  /** The opcode that computes it and adds it to a sum. */
  adding?: string;
}

/**
 * Which axes of the result have one element per position, given those of the operands
 * (lib/compiler/ir/axes.ts).
 */
export type AxisRule =
  /** None. */
  | 'none'
  /** Those of all operands, aligned at the last axis. */
  | 'broadcast'
  /** Those of the first, or of the second, operand, which has the same shape. */
  | 'first'
  /** Those of the first operand, but for the last. */
  | 'rows'
  /** Those of the first operand, without the axis or axes that a reduction removes. */
  | 'withoutAxis'
  | 'withoutAxes'
  /** Rules of joins and of single operators. */
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

/** When the result is a constant zero: if the first operand is one, or if any operand is. */
export type ZeroRule = 'never' | 'first' | 'any';

/** How an operator on a prefix of a stack can run on the whole stack instead (lib/compiler/passes/pad.ts). */
export type PadRule = 'none' | 'slice' | 'scaled' | 'softmax' | 'product';

/** How an operator can join the epilogue of a matrix product before it; `takes` marks such a product. */
export type EpilogueRule = 'none' | 'takes' | 'relu' | 'maskPositive' | 'add';

/** The row of an operator. No field is optional, so that a forgotten one does not compile. */
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

/** The scalar form of an operator with one opcode. */
export const scalar = (opcode: string, adding?: string): ScalarForm => ({
  role: 'plain',
  opcode,
  ...(adding !== undefined && { adding }),
});
/**
 * The form of an operator that scalar bytecode lacks: a graph that uses it is lowered to array instructions.
 */
export const noScalar: ScalarForm = { role: 'none' };
/** The form of a leaf: instructions read its slot. */
export const scalarLeaf: ScalarForm = { role: 'leaf' };
