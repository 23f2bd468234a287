/** Regular expressions that are longer than a line, made of parts. */

/** Matches the parts, one after another. */
export const pattern = (...parts: readonly RegExp[]): RegExp => joined(parts, '');

/** Matches any of these. */
export const anyOf = (...patterns: readonly RegExp[]): RegExp => joined(patterns, '|');

function joined(parts: readonly RegExp[], separator: string): RegExp {
  return new RegExp(parts.map(({ source }) => source).join(separator), parts.at(-1)!.flags);
}
