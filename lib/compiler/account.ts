/** What a program's instructions do in one run: arithmetic and memory traffic, read off its code. */
import {
  instructionWords,
  operandsOf,
  opcodeNames,
  scalarOperandsOf,
  scalarOpcodeNames,
  scalarWords,
} from '../binding/addon.js';
import { OP_NAMES, OPS } from '../graph/ops.js';
import type { Lowered } from './lower/layout.js';
import { unrolled } from './lower/reroll.js';
import { OPERAND_PLACES, WORD } from './lower/words.js';

/** The instructions of one opcode in a run. */
export interface Work {
  /** The opcode's name. */
  op: string;
  /** How many of them a run has. */
  instructions: number;
  /** Additions, multiplications, divisions and functions, each as one; comparisons as none. */
  flop: number;
  /** Of the numbers and indices that instructions read and write, whatever a cache may save. */
  bytes: number;
}

/**
 * Operations for each element of a loop over rows R, columns C and an inner loop K; of instructions with
 * windows also over the table T of weights, the windows P of an image, and the numbers W of a window.
 */
type Flop = readonly [loops: 'C' | 'RC' | 'CK' | 'RCK' | 'RPT' | 'RPW', each: number, plus?: number];

/** Those of the element-wise operators, from their rows, by instruction. */
const ELEMENTWISE: readonly (readonly [instruction: string, each: number])[] = OP_NAMES.flatMap((op) => {
  const { lower } = OPS[op];
  return lower.kind === 'unary' || lower.kind === 'binary' ? [[lower.kernel, lower.flop] as const] : [];
});

/** Those of all instructions. */
export const FLOP: Readonly<Record<string, Flop>> = {
  ...Object.fromEntries(ELEMENTWISE.map(([name, each]): [string, Flop] => [name, ['RC', each]])),
  copy: ['RC', 0],
  sqrt: ['RC', 1],
  rsqrt: ['RC', 2],
  reciprocal: ['RC', 1],
  cube: ['RC', 2],
  fourth: ['RC', 2],
  three_halves: ['RC', 2],
  reciprocal_square: ['RC', 2],
  reciprocal_cube: ['RC', 3],
  reciprocal_three_halves: ['RC', 3],
  fill: ['RC', 0],
  row_sum: ['RC', 1],
  row_max: ['RC', 0],
  row_dot: ['RC', 2],
  col_sum: ['RC', 1],
  col_max: ['RC', 0],
  cumsum: ['RC', 1],
  softmax: ['RC', 4], // less the largest, exp, sum, scaling
  softmax_grad: ['RC', 4],
  softmax_columns: ['RC', 4],
  softmax_columns_grad: ['RC', 4],
  rms_norm: ['RC', 3],
  rms_norm_grad: ['RC', 6],
  cross_entropy: ['RC', 4],
  cross_entropy_grad: ['RC', 1],
  transpose: ['RC', 0],
  gemm: ['RCK', 2],
  gemm_sgd: ['RCK', 2, 4],
  gemm_adam: ['RCK', 2, 12],
  topk: ['C', 0],
  gather: ['RC', 0],
  scatter_add: ['RC', 1],
  gather_matmul: ['CK', 2],
  gather_dot: ['CK', 2],
  scatter_outer: ['CK', 2],
  choose_grad: ['RC', 0],
  conv: ['RPT', 2],
  conv_input: ['RPT', 2],
  conv_weights: ['RPT', 2],
  max_pool: ['RC', 0],
  max_pool_pick: ['RC', 0],
  max_pool_grad: ['RC', 0],
  sum_pool: ['RPW', 1],
  sum_pool_grad: ['RPW', 1],
  dropout: ['C', 1],
  check: ['C', 2],
  clip: ['C', 3],
  sgd: ['C', 4],
  adam: ['C', 12],
  amsgrad: ['C', 13],
  adagrad: ['C', 7],
  rmsprop: ['C', 16],
  lion: ['C', 9],
  sgd_rows: ['RC', 4],
  adam_rows: ['RC', 12],
  adagrad_rows: ['RC', 7],
};
/** The FLOP of each scalar instruction that does not count as 1. */
const SCALAR_FLOP: Readonly<Record<string, number>> = {
  ...Object.fromEntries(ELEMENTWISE),
  copy: 0,
  rsqrt: 2,
  cube: 2,
  fourth: 2,
  three_halves: 2,
  reciprocal_square: 2,
  reciprocal_cube: 3,
  reciprocal_three_halves: 3,
  fma: 2,
  mul_add: 2,
  pick: 0,
  choose_grad: 0,
  sgd: 4,
  adam: 12,
};
/** Instructions that read the memory they write to, whether or not they accumulate. */
export const UPDATES: ReadonlySet<string> = new Set([
  'scatter_add',
  'gather_dot',
  'scatter_outer',
  'gemm_sgd',
  'gemm_adam',
  'sgd',
  'adam',
  'amsgrad',
  'adagrad',
  'rmsprop',
  'lion',
  'sgd_rows',
  'adam_rows',
  'adagrad_rows',
]);
const ROW_PRODUCTS: ReadonlySet<string> = new Set(['gather_matmul', 'gather_dot', 'scatter_outer']);

/** The work of a run of `length` positions, by opcode, the most arithmetic first. */
export function account(lowered: Lowered, elementBytes: number, length: number): Work[] {
  const works = new Map<string, Work>();
  const workOf = (op: string): Work => {
    const work = works.get(op) ?? { op, instructions: 0, flop: 0, bytes: 0 };
    works.set(op, work);
    return work;
  };
  const { extents, maxLength } = lowered;
  const code = unrolled(lowered);
  const columns = extents.length / (maxLength + 1);
  for (let at = 0; at < code.length; at += instructionWords) {
    const word = (i: number): number => code[at + i]!;
    const extent = (i: number): number => extents[length * columns + word(i)]!;
    const op = opcodeNames[word(WORD.opcode)]!;
    if (word(WORD.position) >= length) continue;
    // A table counts with the rows that indices name: one for each row, or for each term of a product; the
    // weights of a convolution count whole.
    const isConvolution = op.startsWith('conv');
    const named = isConvolution
      ? word(WORD.imm0)
      : ROW_PRODUCTS.has(op)
        ? extent(WORD.inner)
        : extent(WORD.rows);
    const loops = { R: extent(WORD.rows), T: named, C: extent(WORD.cols), K: extent(WORD.inner) };
    if (op === 'scalar_bytecode') {
      // Bytecode in the order of positions runs from the first position's start to the last one's end.
      const forward = word(WORD.imm0) === 1 && word(WORD.accumulate) === 0;
      const begin = forward ? extents[word(WORD.rows)]! : loops.R;
      scalarBytecode(lowered.bytecode, begin, loops.C, elementBytes, workOf);
      continue;
    }
    const [over, each, plus = 0] = FLOP[op]!;
    const outer = extent(WORD.outer1) * extent(WORD.outer2);
    // The extents of windows: see native/vm/window.h.
    const ofWindow = (i: number): number => extents[word(WORD.imm1) + i]!;
    const sizes = {
      ...loops,
      T: word(WORD.imm0),
      P: over.includes('P') ? ofWindow(1) * ofWindow(7) : 1,
      W: over.includes('W') ? ofWindow(2) * ofWindow(8) : 1,
    };
    const count = (loops: string): number =>
      Array.from(loops).reduce((n, loop) => n * sizes[loop as keyof typeof sizes], 1);
    const elements = outer * count(over.replace('K', ''));
    const work = workOf(op);
    work.instructions++;
    work.flop += elements * ((over.endsWith('K') ? sizes.K : 1) * each + plus);
    const isMasked = op === 'gemm' && word(WORD.imm0) === 2;
    if (isMasked) work.bytes += elements * elementBytes;
    operandsOf(op).forEach((rule, i) => {
      const written = rule.startsWith('w');
      const dims = rule.replace(/^w|[-1B*]/g, '');
      if (rule === '-') return;
      const stride = (k: number): number => word(OPERAND_PLACES[i]![k]!);
      // The first of two dimensions uses the row stride, the second the column stride; a single R or T uses
      // the row stride.
      const [row, column] = dims.length > 1 ? [dims[0], dims[1]] : 'RT'.includes(dims) ? [dims] : ['', dims];
      const along = (dim: string | undefined, k: number): number =>
        dim && stride(k) ? loops[dim as keyof typeof loops] : 1;
      const numbers =
        (stride(1) ? extent(WORD.outer1) : 1) *
        (stride(2) ? extent(WORD.outer2) : 1) *
        along(row, 3) *
        along(column, 4);
      const twice = written && ((i === 0 && word(WORD.accumulate)) || UPDATES.has(op)) ? 2 : 1;
      work.bytes += numbers * twice * (i === 4 ? Int32Array.BYTES_PER_ELEMENT : elementBytes);
    });
  }
  return [...works.values()].sort((a, b) => b.flop - a.flop || b.bytes - a.bytes);
}

/**
 * The work of a stretch of scalar bytecode: every record is one instruction on single numbers, but a nest is
 * as many as it replaces.
 */
function scalarBytecode(
  words: Uint32Array,
  begin: number,
  end: number,
  elementBytes: number,
  workOf: (op: string) => Work,
): void {
  for (let at = begin; at < end;) {
    const name = scalarOpcodeNames[words[at]!]!;
    const records = words[at + 1]!;
    const wordsEach = scalarWords(scalarOperandsOf(name));
    const first = at + 2;
    at = first + records * wordsEach;
    const isNest = name === 'fma_nest';
    let count = records;
    if (isNest) {
      count = 0;
      for (let nest = first; nest < at; nest += wordsEach) count += words[nest]! * words[nest + 1]!;
    }
    const op = isNest ? 'fma' : name;
    const work = workOf(op);
    work.instructions += count;
    work.flop += count * (SCALAR_FLOP[op] ?? 1);
    // `pick` reads one of several slots, so that these count as one number.
    work.bytes += count * elementBytes * scalarOperandsOf(op).replace(/[in]/g, '').length;
  }
}
