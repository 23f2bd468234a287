/**
 * Loops: instructions that repeat themselves, as those of a recurrence do at each position, are kept once,
 * with how far their operands move from one time to the next. native/compile/reroll.cpp finds them.
 */
import { addon, instructionWords } from '../../binding/addon.js';
import type { Loops } from './layout.js';

/**
 * Programs of fewer instructions are written out: they lie in the processor's caches, and moving operands
 * would take longer than reading them.
 */
const MIN_INSTRUCTIONS = 2048;
/** How many instructions a loop saves at least. */
const MIN_SAVED = 256;

const NO_WORDS = new Int32Array(0);
/** A program without loops. */
export const NO_LOOPS: Loops = { repeats: NO_WORDS, steps: NO_WORDS };

/**
 * A program with its loops.
 *
 * @param code the words of all instructions, as they run
 * @param wanted whether to look for loops; plans of rows need every instruction written out
 */
export function rerolled(code: Int32Array, wanted: boolean): Loops & { code: Int32Array } {
  const isLong = code.length > MIN_INSTRUCTIONS * instructionWords;
  return (wanted && isLong ? addon.reroll(code, MIN_SAVED) : undefined) ?? { code, ...NO_LOOPS };
}

/** The words of all instructions, as they run. */
export function unrolled({ code, repeats, steps }: Loops & { code: Int32Array }): Int32Array {
  if (repeats.length === 0) return code;
  let size = code.length;
  for (let r = 0; r < repeats.length; r += 3)
    size += repeats[r + 1]! * (repeats[r + 2]! - 1) * instructionWords;
  const all = new Int32Array(size);
  let [read, written, step] = [0, 0, 0];
  const copy = (end: number): void => {
    all.set(code.subarray(read, end), written);
    written += end - read;
    read = end;
  };
  for (let r = 0; r < repeats.length; r += 3) {
    copy(repeats[r]! * instructionWords);
    const words = repeats[r + 1]! * instructionWords;
    copy(read + words);
    for (let rest = (repeats[r + 2]! - 1) * words, w = 0; rest > 0; rest--, written++) {
      all[written] = all[written - words]! + steps[step + w]!;
      w = w + 1 === words ? 0 : w + 1;
    }
    step += words;
  }
  copy(code.length);
  return all;
}
