/** Prepares text from outside for messages and terminals: one line, no control codes, cut when too long. */

/**
 * Characters that control a terminal or hide or reorder text: control characters (ESC, DEL, C1 such as
 * U+009B), format characters (bidirectional overrides, joiners, byte order marks), line and paragraph
 * separators, and lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** The most characters of a text that a message quotes by default. */
const MAX_QUOTED = 200;

/** The text with each unsafe character as its code point: ESC becomes `\u{1b}`. */
export function escaped(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** The first `most` characters of a text, {@link escaped}; dots mark a cut. */
export function clipped(text: string, most = 60): string {
  return escaped(text.length > most ? `${text.slice(0, most - 3)}...` : text);
}

/** A text in double quotes, as messages show it; a long one is cut, with dots after it. */
export function quoted(text: string, most = MAX_QUOTED): string {
  const isLong = text.length > most;
  const inside = (isLong ? text.slice(0, most) : text)
    .replace(/["\\]/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t');
  return `"${escaped(inside)}"${isLong ? '...' : ''}`;
}

/** A path in a message. Long enough that no real path is cut. */
export function quotedPath(path: string): string {
  return quoted(path, 5000);
}

/** JSON on one line, with the unsafe characters (see {@link escaped}) as JSON escapes. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (c) =>
    Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}
