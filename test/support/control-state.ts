/**
 * Checks that the floating-point state of a thread is the default: denormals are kept, rounding is to
 * nearest.
 */
import assert from 'node:assert/strict';

type Six = [number, number, number, number, number, number];

/** In an array, which V8 reads at run time: it might fold constants at compile time. */
const operands = Float64Array.of(5e-324, 2 ** -1022, 1, 0.5, 2 ** -53 * 1.5, 2 ** -54);

const results = new Float64Array(6);
/** Their bits, because where denormals count as zero, they compare equal to zero too. */
const bits = new BigInt64Array(results.buffer);
const expected = [1n, 1n << 51n, (1023n << 52n) + 1n, 1023n << 52n, (-1025n << 52n) + 1n, -1025n << 52n];

/**
 * Throws where a call has changed the state of this thread: where denormal operands or results count as zero,
 * or the rounding direction differs.
 */
export function checkControlState(after: string): void {
  const [tiny, least, one, half, more, less] = operands as unknown as Six;
  results.set([tiny * one, least * half, one + more, one + less, -one - more, -one - less]);
  const wrong = expected.findIndex((wanted, i) => bits[i] !== wanted);
  assert.equal(wrong, -1, `after ${after}: result ${wrong} has the bits ${bits[wrong]}`);
}
