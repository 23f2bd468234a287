/** Encodes the machine's instructions, whose words native/vm/words.def describes. */
import { instructionWords, opcodes } from '../../binding/addon.js';
import { EXTENT_PLACES, OPERAND_PLACES, WORD } from './words.js';

/** Offset, strides of the two outer loops, row stride, column stride. */
export type Operand = readonly [number, number, number, number, number];

/** The ids of an instruction's extents: outer 1, outer 2, rows, columns, inner. */
export type ExtentIds = readonly [number, number, number, number, number];

export interface Instruction {
  op: string;
  /** Add to the result instead of writing it (scalar bytecode: run it backward). */
  accumulate?: boolean;
  y?: Operand | undefined;
  a?: Operand | undefined;
  b?: Operand | undefined;
  c?: Operand | undefined;
  x?: Operand | undefined;
  imm0?: number;
  imm1?: number;
}

/** Extents below this number are found without a map. */
const SMALL = 256;

// Properties of constants: looking the words up by name took as long as writing them.
const { opcode: OPCODE, accumulate: ACCUMULATE, position: POSITION, imm0: IMM0, imm1: IMM1 } = WORD;
const { outer1: OUTER1, outer2: OUTER2, rows: ROWS, cols: COLS, inner: INNER } = WORD;

function writeOperand(w: Int32Array, at: number, places: readonly number[], operand: Operand): void {
  for (let k = 0; k < places.length; k++) w[at + places[k]!] = operand[k]!;
}

/** Collects instructions and the extents they name. */
export class Encoder {
  private words: Int32Array;
  private length = 0;
  private partStart = 0;
  private readonly literals = new Map<number, number>();
  private readonly groups = new Map<string, number>();
  /** The ids of small literals, as most are; -1: none so far. */
  private readonly small = new Int32Array(SMALL).fill(-1);
  /** Each extent: a number, or one for each prefix length. */
  private readonly columns: (number | readonly number[])[] = [];
  /** The compiler's node behind each instruction, for errors. */
  nodes: number[] = [];

  /** @param capacity how many instructions there will probably be: room that is not used costs nothing */
  constructor(capacity = 256) {
    this.words = new Int32Array(capacity * instructionWords);
  }

  get count(): number {
    return this.nodes.length;
  }

  /** The id of an extent that is the same at every prefix length. */
  literal(n: number): number {
    let id = n < SMALL ? this.small[n]! : (this.literals.get(n) ?? -1);
    if (id < 0) {
      id = this.columns.push(n) - 1;
      if (n < SMALL) this.small[n] = id;
      else this.literals.set(n, id);
    }
    return id;
  }
  /** The id of an extent that depends on the prefix length: a number for each length from 0 on. */
  byLength(values: readonly number[]): number {
    return this.columns.push(values) - 1;
  }
  /** Extents that follow each other, the same at every prefix length; returns the id of the first. */
  group(numbers: readonly number[]): number {
    const key = numbers.join();
    let id = this.groups.get(key);
    if (id === undefined) {
      id = this.columns.length;
      for (const n of numbers) this.columns.push(n);
      this.groups.set(key, id);
    }
    return id;
  }
  /** The number behind the id of an extent that is the same at every prefix length. */
  fixedExtent(id: number): number {
    return this.columns[id] as number;
  }

  /** Writes an instruction that runs from a position on: in runs of a longer prefix only. */
  emit(node: number, position: number, extents: ExtentIds, instruction: Instruction): void {
    const { op, accumulate, y, a, b, c, x, imm0, imm1 } = instruction;
    const at = this.begin(node, position, op, accumulate === true);
    const w = this.words;
    for (let i = 0; i < extents.length; i++) w[at + EXTENT_PLACES[i]!] = extents[i]!;
    if (y) writeOperand(w, at, OPERAND_PLACES[0]!, y);
    if (a) writeOperand(w, at, OPERAND_PLACES[1]!, a);
    if (b) writeOperand(w, at, OPERAND_PLACES[2]!, b);
    if (c) writeOperand(w, at, OPERAND_PLACES[3]!, c);
    if (x) writeOperand(w, at, OPERAND_PLACES[4]!, x);
    if (imm0) w[at + IMM0] = imm0;
    if (imm1) w[at + IMM1] = imm1;
  }

  /** Begins an instruction that is one loop over n numbers, as most are; {@link loopOperand} goes on. */
  beginLoop(node: number, position: number, op: string, accumulate: boolean, n: number): void {
    const at = this.begin(node, position, op, accumulate);
    const w = this.words;
    const one = this.literal(1);
    w[at + OUTER1] = one;
    w[at + OUTER2] = one;
    w[at + ROWS] = one;
    w[at + COLS] = this.literal(n);
    w[at + INNER] = one;
  }

  /** Writes operand i of the loop, from 0 on: y, a, b. */
  loopOperand(i: number, offset: number, step: number): void {
    const at = this.length - instructionWords;
    const places = OPERAND_PLACES[i]!;
    this.words[at + places[0]!] = offset;
    this.words[at + places[4]!] = step;
  }

  /** Makes room for an instruction, whose other words are 0; returns where it begins. */
  private begin(node: number, position: number, op: string, accumulate: boolean): number {
    const code = opcodes.get(op);
    if (code === undefined) throw new Error(`the machine has no instruction '${op}'`);
    const at = this.length;
    this.length += instructionWords;
    if (this.length > this.words.length) {
      const bigger = new Int32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
    this.words[at + OPCODE] = code;
    this.words[at + ACCUMULATE] = accumulate ? 1 : 0;
    this.words[at + POSITION] = position;
    this.nodes.push(node);
    return at;
  }

  /**
   * Ends a part of the program: the instructions before run by themselves too, and are not changed any more.
   */
  endPart(): void {
    this.partStart = this.count;
  }

  /**
   * The words of the last instruction, or of the one so many before it, to be changed; undefined before the
   * start of a part.
   */
  fromLast(back = 0): Int32Array | undefined {
    if (this.count - back <= this.partStart) return undefined;
    const end = this.length - back * instructionWords;
    return this.words.subarray(end - instructionWords, end);
  }

  /** Moves the instruction that stands so many before the last one behind that one. */
  moveToEnd(back: number): void {
    if (back === 0) return;
    const at = this.length - (back + 1) * instructionWords;
    const moved = this.words.slice(at, at + instructionWords);
    this.words.copyWithin(at, at + instructionWords, this.length);
    this.words.set(moved, this.length - instructionWords);
    const [node] = this.nodes.splice(this.nodes.length - back - 1, 1);
    this.nodes.push(node!);
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
    return { code: this.words.subarray(0, this.length), extents };
  }
}
