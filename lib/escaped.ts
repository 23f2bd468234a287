/** Texts from elsewhere, in messages: whatever they hold, they stay short and on one line. */

/** With escapes for what a terminal would act on: control characters, line breaks, halves of characters. */
export function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`,
  );
}

/** Of a longer text the beginning. */
export function clipped(text: string, most = 60): string {
  return escaped(text.length > most ? `${text.slice(0, most - 3)}...` : text);
}
