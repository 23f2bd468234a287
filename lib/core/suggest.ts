/** Finds the known name that a misspelt one probably stands for. */

import { clipped } from './escape.js';

/** The longest name to compare, in characters: the time grows with the square of the length. */
const MAX_COMPARED = 100;

/** The candidate nearest to `given`, or undefined when none is near. */
export function nearest<T extends string>(given: string, candidates: readonly T[]): T | undefined {
  if (given.length > MAX_COMPARED) return undefined;
  const wanted = plain(given);
  let best: T | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    if (candidate.length > MAX_COMPARED) continue;
    const name = plain(candidate);
    // A part of a name counts as one typing error: `float` for float64, `avx` for avx2.
    const isPart = wanted.length >= 3 && (name.startsWith(wanted) || wanted.startsWith(name));
    const distance = isPart ? Math.min(1, editDistance(wanted, name)) : editDistance(wanted, name);
    // A word in which every letter differs is not near: `y` is no misspelt `x`.
    // Nor is a name with another number: float16 is no misspelt float64.
    const isAlike = distance < Math.max(wanted.length, name.length) && !haveOtherDigits(wanted, name);
    if (isAlike && distance < least && distance <= Math.max(1, Math.floor(name.length / 3))) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** `; did you mean X?`, or an empty string; X is escaped. */
export function didYouMean(given: string, candidates: readonly string[], prefix = ''): string {
  const name = nearest(given, candidates);
  return name === undefined ? '' : `; did you mean ${prefix}${clipped(name)}?`;
}

/** Whether both names have digits, but other ones. */
function haveOtherDigits(a: string, b: string): boolean {
  const [one, other] = [a, b].map((name) => name.replace(/\D/g, '').split('').sort().join(''));
  return one !== '' && other !== '' && one !== other;
}

/** A name without case, dashes and underscores: `n_embd`, `nEmbd`, `N-EMBD` and `n-embd` are all alike. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** The edit distance of two words: insertions, deletions, replacements and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d = Math.min(d, before[j - 2]! + 1);
      }
      row.push(d);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}
