/** Encodes the machine's instructions, whose words native/vm/words.def describes. */
import { instructionWords, opcodes } from '../../binding/addon.js';
import { OPERAND_PLACES, WORD } from './words.js';

/** Offset, strides of the two outer loops, row stride, column stride. */
export type Operand = readonly [number, number, number, number, number];
const NO_OPERAND: Operand = [0, 0, 0, 0, 0];

export interface Instruction {
  op: string;
  /** The position from which it runs: in runs of a longer prefix only. */
  position: number;
  /** Add to the result instead of writing it (scalar bytecode: run it backward). */
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

/** Collects instructions and the extents they name. */
export class Encoder {
  private words = new Int32Array(256 * instructionWords);
  private length = 0;
  private partStart = 0;
  private readonly literals = new Map<number, number>();
  /** Each extent: a number, or one for each prefix length. */
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
  /** The id of an extent that depends on the prefix length: a number for each length from 0 on. */
  byLength(values: readonly number[]): number {
    return this.columns.push(values) - 1;
  }
  /** The number behind the id of an extent that is the same at every prefix length. */
  fixedExtent(id: number): number {
    return this.columns[id] as number;
  }

  emit(node: number, instruction: Instruction): void {
    if (this.length + instructionWords > this.words.length) {
      const bigger = new Int32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
    const { op, position, accumulate, extents, y, a, b, c, x, imm0, imm1 } = instruction;
    const code = opcodes.get(op);
    if (code === undefined) throw new Error(`the machine has no instruction '${op}'`);
    const w = this.words;
    const at = this.length;
    w[at + WORD.opcode] = code;
    w[at + WORD.accumulate] = accumulate ? 1 : 0;
    w[at + WORD.position] = position;
    w[at + WORD.outer1] = extents[0];
    w[at + WORD.outer2] = extents[1];
    w[at + WORD.rows] = extents[2];
    w[at + WORD.cols] = extents[3];
    w[at + WORD.inner] = extents[4];
    const operands = [y, a, b, c, x];
    for (let i = 0; i < operands.length; i++) {
      const operand = operands[i] ?? NO_OPERAND;
      const places = OPERAND_PLACES[i]!;
      for (let k = 0; k < places.length; k++) w[at + places[k]!] = operand[k]!;
    }
    w[at + WORD.imm0] = imm0 ?? 0;
    w[at + WORD.imm1] = imm1 ?? 0;
    this.length += instructionWords;
    this.nodes.push(node);
  }

  /**
   * Ends a part of the program: the instructions before run by themselves too, and are not changed any more.
   */
  endPart(): void {
    this.partStart = this.count;
  }

  /** The words of the last instruction, to be changed; undefined at the start of a part. */
  get last(): Int32Array | undefined {
    if (this.count === this.partStart) return undefined;
    return this.words.subarray(this.length - instructionWords, this.length);
  }

  /** Puts the instructions of a position next to each other: a sequence runs position by position. */
  sortByPosition(): void {
    const position = (i: number): number => this.words[i * instructionWords + WORD.position]!;
    const order = this.nodes.map((_, i) => i).sort((a, b) => position(a) - position(b) || a - b);
    const sorted = new Int32Array(this.words.length);
    order.forEach((from, to) => {
      const at = from * instructionWords;
      sorted.set(this.words.subarray(at, at + instructionWords), to * instructionWords);
    });
    this.words = sorted;
    this.nodes = order.map((i) => this.nodes[i]!);
  }

  /** The code, and the extents by prefix length (0 to `maxLength`) and id. */
  encode(maxLength: number): { code: Int32Array; extents: Int32Array } {
    const n = this.columns.length;
    const extents = new Int32Array((maxLength + 1) * n);
    for (let length = 0; length <= maxLength; length++) {
      this.columns.forEach((column, id) => {
        extents[length * n + id] = typeof column === 'number' ? column : column[length]!;
      });
    }
    return { code: this.words.slice(0, this.length), extents };
  }
}
