/**
 * Buffer reuse: values that no instruction needs at the same time share memory.
 *
 * A run executes the instructions in one order; a short run leaves some out. So a block of memory is needed
 * from the first instruction that touches it to the last. Before and after these it can hold other values,
 * since no run reads there what an earlier run has written. Only some blocks last: fed numbers, constants,
 * and what is read after a run.
 */
import { instructionWords, opcodeNames, opcodes, operandsOf } from '../../binding/addon.js';
import { FreeSpace } from './free-space.js';
import { FEW, type Block, type Reuse } from './layout.js';
import { EPILOGUES, OPERAND_PLACES, WORD } from './words.js';

interface OpcodeForm {
  /** The words that are places in the arena; not those of an update, which never moves. */
  places: readonly number[];
  /** Whether each number of the result is computed from those in its place among the operands. */
  isElementwise: boolean;
}
const ELEMENTWISE_RULES = ['wRC1 RCB - - -', 'wRC1 RCB RCB - -'];
/** By opcode, once an instruction has it: a program has few of the opcodes. */
const FORMS: (OpcodeForm | undefined)[] = opcodeNames.map(() => undefined);
/** The most places that an instruction has. */
const MAX_PLACES = 5;
const GEMM = opcodes.get('gemm')!;
/** Those of a product that ends in a mask, which an immediate places. */
const MASKED_PLACES = [...formOf(GEMM).places, WORD.imm1];
const MASKS = EPILOGUES.indexOf('maskPositive');
const ROW_PRODUCT = opcodes.get('gather_matmul')!;

function formOf(opcode: number): OpcodeForm {
  return (FORMS[opcode] ??= readForm(opcodeNames[opcode]!));
}

function readForm(op: string): OpcodeForm {
  const rules = operandsOf(op);
  const places = OPERAND_PLACES.slice(0, -1).flatMap(([offset], i) => (rules[i] === '-' ? [] : [offset!]));
  if (op === 'gemm') places.push(WORD.c_offset); // what it adds to has y's strides, and no rule
  if (op.startsWith('rms_norm')) places.push(WORD.imm0);
  if (op === 'rms_norm') places.push(WORD.imm1);
  return { places, isElementwise: ELEMENTWISE_RULES.includes(rules.join(' ')) };
}

/** The words of an instruction that are places in the arena. */
function placesOf(code: Int32Array, at: number): readonly number[] {
  const opcode = code[at + WORD.opcode]!;
  return opcode === GEMM && code[at + WORD.imm0] === MASKS ? MASKED_PLACES : formOf(opcode).places;
}

/**
 * Finds places for blocks, and moves the operands of instructions there.
 *
 * @param program the words of its instructions, which are changed, and its extents
 * @param blocks all that can move, in order; what lies before the first keeps its place
 * @param kept offsets of what is read after a run
 * @param align the elements of a cache line
 */
export function reuseMemory(
  program: { code: Int32Array; extents: Int32Array },
  blocks: readonly Block[],
  kept: readonly number[],
  align: number,
): Reuse {
  const lives = new Lives(program, blocks, kept);
  const { places, reuse } = place(lives, blocks, align);
  lives.moveOperands(places);
  return reuse;
}

/** When each block is needed, by its index. */
class Lives {
  /** The first and the last instruction that touch a block; -1: none does. */
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Whether it keeps its numbers from run to run. */
  readonly lasts: Uint8Array;
  /** Two for each block: those in whose memory its first instruction could write it; -1: none. */
  readonly under: Int32Array;
  readonly instructions: number;
  private readonly code: Int32Array;
  private readonly offsets: Int32Array;
  /** How many operands of its last instruction lie in a block. */
  private readonly reads: Int32Array;
  /** The blocks of all operands, one instruction after another. */
  private readonly touched: Int32Array;
  /** Instructions that start from two rows: where the first word is, and the blocks. */
  private readonly pairs: (readonly [at: number, one: number, other: number])[] = [];

  constructor(
    { code, extents }: { code: Int32Array; extents: Int32Array },
    blocks: readonly Block[],
    kept: readonly number[],
  ) {
    const n = blocks.length;
    this.code = code;
    this.instructions = code.length / instructionWords;
    this.first = new Int32Array(n).fill(-1);
    this.last = new Int32Array(n).fill(-1);
    this.lasts = new Uint8Array(n);
    this.under = new Int32Array(2 * n).fill(-1);
    this.offsets = new Int32Array(n);
    this.reads = new Int32Array(n);
    this.touched = new Int32Array(MAX_PLACES * this.instructions);
    for (let b = 0; b < n; b++) {
      const { offset, size, isLasting } = blocks[b]!;
      this.offsets[b] = offset;
      // Blocks of few numbers keep memory of their own, which is little.
      this.lasts[b] = isLasting || size < FEW ? 1 : 0;
    }
    for (const offset of kept) this.keep(this.blockAt(offset));
    for (let i = 0, at = 0, k = 0; i < this.instructions; i++, at += instructionWords) {
      const begin = k;
      for (const word of placesOf(code, at)) this.touched[k++] = this.touch(code[at + word]!, i);
      this.findUnder(at, begin, k, blocks, i);
      const startsTwice = code[at + WORD.opcode] === ROW_PRODUCT && extents[code[at + WORD.rows]!] === 2;
      if (startsTwice) this.touchPair(at, i);
    }
  }

  /** The block in which an offset lies; -1: in none. */
  blockAt(offset: number): number {
    const { offsets } = this;
    let [low, high] = [0, offsets.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (offsets[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** How far into its block an offset lies. */
  within(block: number, offset: number): number {
    return offset - this.offsets[block]!;
  }

  private keep(block: number): void {
    if (block >= 0) this.lasts[block] = 1;
  }

  private touch(offset: number, instruction: number): number {
    const block = this.blockAt(offset);
    if (block < 0) return block;
    if (this.first[block]! < 0) this.first[block] = instruction;
    this.reads[block] = this.last[block] === instruction ? this.reads[block]! + 1 : 1;
    this.last[block] = instruction;
    return block;
  }

  /**
   * Which of two rows a sum starts from first decides its last bits: where they lie in two blocks, these
   * keep their order.
   */
  private touchPair(at: number, instruction: number): void {
    const start = this.code[at + WORD.c_offset]!;
    const one = this.blockAt(start);
    const other = this.touch(start + this.code[at + WORD.c_row]!, instruction);
    if (one === other) return;
    this.keep(one);
    this.keep(other);
    this.pairs.push([at, one, other]);
  }

  /**
   * Finds the operands of an instruction, whose blocks are those from `begin` up to `end`, over which it
   * could write its result, the first of them: number by number, and each read once.
   */
  private findUnder(at: number, begin: number, end: number, blocks: readonly Block[], i: number): void {
    const { code, touched } = this;
    const y = touched[begin]!;
    if (begin === end || y < 0 || this.lasts[y] || this.first[y] !== i) return;
    const opcode = code[at + WORD.opcode]!;
    const adds = code[at + WORD.accumulate] === 1;
    // A product adds to an operand that has the strides of its result.
    const isSum = opcode === GEMM && adds && code[at + WORD.imm0] === EPILOGUES.indexOf(undefined);
    if (!isSum && (!formOf(opcode).isElementwise || adds)) return;
    const [toY, ...strides] = OPERAND_PLACES[0]!;
    let found = 2 * y;
    for (let k = isSum ? end - 1 : begin + 1; k < end; k++) {
      const x = touched[k]!;
      if (x < 0 || x === y || this.reads[x] !== 1 || blocks[x]!.size !== blocks[y]!.size) continue;
      const words = OPERAND_PLACES[isSum ? 3 : k - begin]!;
      const isAlike = isSum || strides.every((word, s) => code[at + word] === code[at + words[s + 1]!]);
      if (isAlike && this.within(x, code[at + words[0]!]!) === this.within(y, code[at + toY!]!))
        this.under[found++] = x;
    }
  }

  /** Moves the operands of all instructions. */
  moveOperands(places: Int32Array): void {
    const { code, offsets, touched } = this;
    const distance = (block: number): number => places[block]! - offsets[block]!;
    for (const [at, one, other] of this.pairs)
      code[at + WORD.c_row]! += (other < 0 ? 0 : distance(other)) - (one < 0 ? 0 : distance(one));
    for (let at = 0, k = 0; at < code.length; at += instructionWords) {
      for (const word of placesOf(code, at)) {
        const block = touched[k++]!;
        if (block >= 0) code[at + word]! += distance(block);
      }
    }
  }
}

/** Places all blocks: those that last one behind the other, the others behind them. */
function place(lives: Lives, blocks: readonly Block[], align: number): { places: Int32Array; reuse: Reuse } {
  const { lasts } = lives;
  const places = new Int32Array(blocks.length);
  const aligned = (n: number): number => Math.ceil(n / align) * align;
  let end = blocks[0]?.offset ?? 0;
  for (let b = 0; b < blocks.length; b++) {
    if (!lasts[b]) continue;
    const { size } = blocks[b]!;
    places[b] = size < FEW ? end : aligned(end);
    end = places[b]! + size;
  }
  const start = aligned(end);
  const sharing = share(lives, blocks, align, start, places);
  const moved = (offset: number): number => {
    const b = lives.blockAt(offset);
    return b < 0 ? offset : places[b]! + lives.within(b, offset);
  };
  const arenaSize = sharing.values ? start + sharing.memory : end;
  return { places, reuse: { arenaSize, shared: { offset: start, size: sharing.memory }, sharing, moved } };
}

/** Walks through the program, and gives blocks a place from their first instruction to their last. */
function share(
  { first, last, lasts, under, instructions }: Lives,
  blocks: readonly Block[],
  align: number,
  start: number,
  places: Int32Array,
): Reuse['sharing'] {
  // The blocks that begin, and those that end, at each instruction: lists of which each names the next.
  const [begins, ends] = [new Int32Array(instructions).fill(-1), new Int32Array(instructions).fill(-1)];
  const [alsoBegins, alsoEnds] = [new Int32Array(blocks.length), new Int32Array(blocks.length)];
  const sharing = { values: 0, numbers: 0, memory: 0 };
  for (let b = 0; b < blocks.length; b++) {
    if (lasts[b] || first[b]! < 0) continue;
    alsoBegins[b] = begins[first[b]!]!;
    begins[first[b]!] = b;
    alsoEnds[b] = ends[last[b]!]!;
    ends[last[b]!] = b;
    sharing.values++;
    sharing.numbers += blocks[b]!.size;
  }
  const space = new FreeSpace();
  const sizeOf = (b: number): number => Math.ceil(blocks[b]!.size / align) * align;
  const isPassedOn = new Uint8Array(blocks.length);
  for (let i = 0; i < instructions; i++) {
    for (let b = begins[i]!; b >= 0; b = alsoBegins[b]!) {
      const isFree = (x: number): boolean => x >= 0 && !lasts[x] && last[x] === i && !isPassedOn[x];
      const x = [under[2 * b]!, under[2 * b + 1]!].find(isFree);
      if (x !== undefined) isPassedOn[x] = 1;
      places[b] = x === undefined ? start + space.take(sizeOf(b)) : places[x]!;
    }
    for (let b = ends[i]!; b >= 0; b = alsoEnds[b]!) {
      if (!isPassedOn[b]) space.give(places[b]! - start, sizeOf(b));
    }
  }
  sharing.memory = space.end;
  return sharing;
}
