/** Text from elsewhere as messages and terminals get it: on one line, without codes, cut where it is long. */

/**
 * What a terminal acts on, or what hides or turns other text: control characters (ESC, DEL, those of C1
 * as U+009B), formats (bidirectional overrides, joiners, byte order marks), line and paragraph
 * separators, and halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** The most characters of a text that a message quotes, where no other number is said. */
const MAX_QUOTED = 200;

/** The text with each such character as its number: ESC becomes `\u{1b}`. */
export function escaped(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** The beginning of a text, of at most so many characters, as {@link escaped} shows it. */
export function clipped(text: string, most = 60): string {
  return escaped(text.length > most ? `${text.slice(0, most - 3)}...` : text);
}

/**
 * A text in double quotes, as a message shows what was given; of a long one the beginning, with dots behind.
 */
export function quoted(text: string, most = MAX_QUOTED): string {
  const isLong = text.length > most;
  const inside = (isLong ? text.slice(0, most) : text)
    .replace(/["\\]/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t');
  return `"${escaped(inside)}"${isLong ? '...' : ''}`;
}

/** A path in a message: as long as a path may be. */
export function quotedPath(path: string): string {
  return quoted(path, 5000);
}

/** JSON on one line, in which what {@link escaped} escapes is written as JSON escapes it. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (c) =>
    Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}
