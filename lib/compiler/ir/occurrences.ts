/**
 * Where a value lies among the first `count` elements, ascending. The engine's own search: a loop over all
 * nodes of a large graph is slow while its code is new.
 */
export function occurrences(elements: Uint8Array | Int32Array, value: number, count: number): number[] {
  const found: number[] = [];
  for (let at = elements.indexOf(value); at >= 0 && at < count; at = elements.indexOf(value, at + 1))
    found.push(at);
  return found;
}
