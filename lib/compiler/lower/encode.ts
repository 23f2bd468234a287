/** Writes machine instructions: the word order of native/vm/vm.cpp's `decode`. */
import { instructionWords, opcodes } from '../../binding/addon.js';

/** Offset, strides of the two outer loops, row stride, column stride. */
export type Operand = readonly [number, number, number, number, number];
export const NONE: Operand = [0, 0, 0, 0, 0];

export interface Instruction {
  op: string;
  level: number;
  /** Add to the result instead of writing it (a tape: it runs backward). */
  accumulate?: boolean;
  /** Extent ids: outer 1, outer 2, rows, columns, inner. */
  extents: readonly [number, number, number, number, number];
  y?: Operand;
  a?: Operand;
  b?: Operand;
  c?: Operand;
  x?: Operand;
  imm0?: number;
  imm1?: number;
}

/** Rows of adjacent numbers, `row` apart (0: one row). */
export interface Matrix {
  offset: number;
  row: number;
}

/** What a product can do with its sums: immediate 0 is the place in this list. */
const FINISHES = [undefined, 'relu', 'maskPositive'] as const;
export type Finish = 'add' | NonNullable<(typeof FINISHES)[number]>;

/** Collects instructions and the extents they name. */
export class Encoder {
  private words = new Int32Array(256 * instructionWords);
  private length = 0;
  private partStart = 0;
  private readonly literals = new Map<number, number>();
  private readonly columns: (number | readonly number[])[] = [];
  /** The compiler's node behind each instruction, for errors. */
  nodes: number[] = [];

  get count(): number {
    return this.nodes.length;
  }

  /** The id of an extent that is the same at every prefix length. */
  literal(n: number): number {
    let id = this.literals.get(n);
    if (id === undefined) {
      id = this.columns.push(n) - 1;
      this.literals.set(n, id);
    }
    return id;
  }
  /** The id of an extent that depends on the prefix length: a number for each of 0 to levels. */
  byLevel(values: readonly number[]): number {
    return this.columns.push(values) - 1;
  }

  emit(node: number, instruction: Instruction): void {
    if (this.length + instructionWords > this.words.length) {
      const bigger = new Int32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
    const { op, level, accumulate, extents, y, a, b, c, x, imm0, imm1 } = instruction;
    const code = opcodes.get(op);
    if (code === undefined) throw new Error(`the machine has no instruction '${op}'`);
    const w = this.words;
    let at = this.length;
    w[at++] = code;
    w[at++] = accumulate ? 1 : 0;
    w[at++] = level;
    for (const id of extents) w[at++] = id;
    for (const operand of [y, a, b, c, x]) for (const word of operand ?? NONE) w[at++] = word;
    w[at++] = imm0 ?? 0;
    w[at] = imm1 ?? 0;
    this.length += instructionWords;
    this.nodes.push(node);
  }

  /** No instruction from here on changes one before: they are parts of their own. */
  endPart(): void {
    this.partStart = this.count;
  }

  /**
   * Makes the last instruction, where it is a product that writes the matrix `from`, write `to`
   * instead, or add to it, what `then` makes of it and of `other`; says whether it could. The extents
   * are ids, of two outer loops, rows and columns.
   */
  finishProduct(
    level: number,
    extents: readonly number[],
    then: Finish,
    from: Matrix,
    to: Matrix,
    other?: Matrix,
    adds = false,
  ): boolean {
    if (this.count === this.partStart) return false;
    const w = this.words.subarray(this.length - instructionWords, this.length);
    if (w[0] === opcodes.get('gather_matmul'))
      return w[2] === level && this.finishRowProduct(w, extents, then, from, to, other, adds);
    if (adds) return false;
    const accumulates = w[1] === 1;
    const isFrom =
      w[0] === opcodes.get('gemm') &&
      w[2] === level &&
      extents.every((id, i) => w[3 + i] === id) &&
      w[33] === FINISHES.indexOf(undefined) &&
      w[8] === from.offset &&
      w[23] === from.offset &&
      (w[11] === from.row || from.row === 0);
    // The machine knows one row stride for what it writes, starts from and is masked by.
    const alike = (x: Matrix | undefined): boolean => !x || x.row === to.row;
    if (!isFrom || !alike(other) || (accumulates && (then === 'add' || !alike(from)))) return false;
    w[8] = to.offset;
    if (to.row) w[11] = to.row;
    if (then === 'add') {
      w[1] = 1;
      w[23] = other!.offset;
    } else {
      w[33] = FINISHES.indexOf(then);
      w[34] = other?.offset ?? 0;
      if (!accumulates) w[23] = to.offset;
    }
    return true;
  }

  /** The same of a product with chosen rows, in the words `w`: it can start from two rows, not be masked. */
  private finishRowProduct(
    w: Int32Array,
    [outer1, outer2, rows, cols]: readonly number[],
    then: Finish,
    from: Matrix,
    to: Matrix,
    other: Matrix | undefined,
    adds: boolean,
  ): boolean {
    const one = this.literal(1);
    const n = this.columns[w[6]!] as number;
    const isFrom = outer1 === one && outer2 === one && rows === one && w[6] === cols && w[8] === from.offset;
    if (!isFrom || w[34] !== FINISHES.indexOf(undefined)) return false;
    // Where parts of the result are written before others are computed, no operand may lie.
    const isRead = (at: number, numbers: number): boolean => at < to.offset + n && to.offset < at + numbers;
    const last = w[33]! - 1;
    if (isRead(w[13]!, last * w[16]! + 1) || isRead(w[18]!, last * w[21]! + n)) return false;
    const count = this.columns[w[5]!] as number;
    const starts = Array.from({ length: count }, (_, i) => w[23]! + i * w[26]!);
    if (then === 'add') starts.push(other!.offset);
    if (adds) starts.push(to.offset);
    if (then === 'maskPositive' || (then === 'relu' && adds) || starts.length > 2) return false;
    // Rows that overlap the result, but are not it, are written before they are read.
    if (starts.some((at) => at !== to.offset && isRead(at, n))) return false;
    w[8] = to.offset;
    w[5] = this.literal(starts.length);
    starts.sort((a, b) => a - b);
    w[23] = starts[0] ?? to.offset;
    w[26] = starts.length > 1 ? starts[1]! - starts[0]! : 0;
    if (then === 'relu') w[34] = FINISHES.indexOf('relu');
    return true;
  }

  /** Instructions of a level next to each other: what runs a level at a time finds them so. */
  sortByLevel(): void {
    const level = (i: number): number => this.words[i * instructionWords + 2]!;
    const order = this.nodes.map((_, i) => i).sort((a, b) => level(a) - level(b) || a - b);
    const sorted = new Int32Array(this.words.length);
    order.forEach((from, to) => {
      const at = from * instructionWords;
      sorted.set(this.words.subarray(at, at + instructionWords), to * instructionWords);
    });
    this.words = sorted;
    this.nodes = order.map((i) => this.nodes[i]!);
  }

  finish(levels: number): { code: Int32Array; extents: Int32Array } {
    const n = this.columns.length;
    const extents = new Int32Array((levels + 1) * n);
    for (let level = 0; level <= levels; level++) {
      this.columns.forEach((column, id) => {
        extents[level * n + id] = typeof column === 'number' ? column : column[level]!;
      });
    }
    return { code: this.words.slice(0, this.length), extents };
  }
}
