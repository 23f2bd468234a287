/** Mistakes on the command line, each explained in one sentence. */
import { isSameFile } from '../core/path.js';
import { quotedPath, quoted } from '../core/escape.js';
import { didYouMean } from '../core/suggest.js';

/** A command line that makes no sense; the message is one sentence for whoever typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Checks, before the command reads anything, that it does not overwrite its input.
 *
 * @param option the option that names the file to write
 * @param inputs the files that the command reads
 * @throws UsageError where the file to write is one of them
 */
export function checkNoInput(option: string, path: string, inputs: readonly string[]): void {
  const input = inputs.find((read) => isSameFile(read, path));
  if (input === undefined) return;
  const called = input === path ? '' : ` (as ${quotedPath(input)})`;
  throw new UsageError(
    `${option} ${quotedPath(path)} is a file that this command reads${called}, and would replace it: ` +
      'give the name of another file',
  );
}

/** The known name, or an error: `unknown model "x": use ...`. */
export function oneOf<T extends string>(what: string, given: string, known: readonly T[]): T {
  const found = known.find((name) => name === given);
  if (found !== undefined) return found;
  throw new UsageError(
    `unknown ${what} ${quoted(given)}: use ${alternatives(known)}${didYouMean(given, known)}`,
  );
}

/** Lists names as `a, b or c`. */
export function alternatives(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`;
}
