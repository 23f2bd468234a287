/**
 * The words of an instruction by name: their places are those of native/vm/words.def, read from the addon.
 */
import { instructionWordNames } from '../../binding/addon.js';

const OPERANDS = ['y', 'a', 'b', 'c', 'x'] as const;
const OPERAND_WORDS = ['offset', 'outer1', 'outer2', 'row', 'col'] as const;
const OTHER_WORDS = [
  'opcode',
  'accumulate',
  'position',
  'outer1',
  'outer2',
  'rows',
  'cols',
  'inner',
  'imm0',
  'imm1',
] as const;

type OperandWord = `${(typeof OPERANDS)[number]}_${(typeof OPERAND_WORDS)[number]}`;
type WordName = (typeof OTHER_WORDS)[number] | OperandWord;

function placeOf(name: WordName): number {
  const place = instructionWordNames.indexOf(name);
  if (place < 0) throw new Error(`the machine's instructions have no word '${name}'`);
  return place;
}

/** The places of an operand's words: offset, strides of the two outer loops, row stride, column stride. */
export const OPERAND_PLACES: readonly (readonly number[])[] = OPERANDS.map((operand) =>
  OPERAND_WORDS.map((word) => placeOf(`${operand}_${word}`)),
);

/** The place of each word in an instruction. */
export const WORD = Object.fromEntries(
  [
    ...OTHER_WORDS,
    ...OPERANDS.flatMap((operand) => OPERAND_WORDS.map((word) => `${operand}_${word}` as const)),
  ].map((name) => [name, placeOf(name)]),
) as Readonly<Record<WordName, number>>;

/** The places of the ids of an instruction's extents: outer 1, outer 2, rows, columns, inner. */
export const EXTENT_PLACES = [WORD.outer1, WORD.outer2, WORD.rows, WORD.cols, WORD.inner] as const;

/** What a product can do with its sums, by the number that its immediate holds. */
export const EPILOGUES = [undefined, 'relu', 'maskPositive'] as const;
