/**
 * Helpers for lists of any length. None spreads a list into the arguments of a call, whose number is limited.
 */

/** The largest of `numbers`, at least `least`. */
export function largest(numbers: Iterable<number>, least = -Infinity): number {
  let found = least;
  for (const x of numbers) found = Math.max(found, x);
  return found;
}

/** The smallest of `numbers`, at most `most`. */
export function smallest(numbers: Iterable<number>, most = Infinity): number {
  let found = most;
  for (const x of numbers) found = Math.min(found, x);
  return found;
}

/** Appends all of `more` to `list`. */
export function append<T>(list: T[], more: Iterable<T>): void {
  for (const one of more) list.push(one);
}
