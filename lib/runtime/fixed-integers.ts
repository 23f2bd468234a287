/** The fixed integers of a program, wherever its integers are kept. */
import type { Lowered } from '../compiler/lower/layout.js';

/** Writes them to an array, in which slot 0 is at `from`. */
export function writeIntegers({ integers: all }: Lowered, to: Int32Array, from: number): void {
  for (const { integers, slot } of all) to.set(integers, from + slot);
}
