/** Means whose error does not grow with how many numbers there are. */

/** The mean of numbers, NaN of none: their sum keeps what each addition rounds away (Knuth's 2Sum). */
export function meanOf(numbers: Iterable<number>): number {
  let sum = 0;
  let lost = 0;
  let count = 0;
  for (const x of numbers) {
    const next = sum + x;
    const added = next - sum;
    lost += sum - (next - added) + (x - added);
    sum = next;
    count++;
  }
  // What was lost is NaN where the sum became infinite.
  return (Number.isNaN(sum + lost) ? sum : sum + lost) / count;
}
