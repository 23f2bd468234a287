/** Loads the documents that a command trains on. */
import { lstatSync } from 'node:fs';
import { now } from '../core/clock.js';
import { embeddedNamesPath, openDocuments, type Documents } from '../study/documents.js';
import { DEFAULT_INPUT } from './commands.js';
import { checkNoInput } from './usage.js';

export interface Loaded {
  docs: Documents;
  /** Where the documents are from, for the output. */
  source: string;
  loadSeconds: number;
}

/**
 * Reads `input`; by default `./input.txt` where it exists, else the embedded names.
 *
 * @param option the option that names a file to write, `output`
 * @throws UsageError where `output` is the file that would be read
 */
export function load(input: string | undefined, option = '', output?: string): Loaded {
  const start = now();
  const path = input ?? (isThere(DEFAULT_INPUT) ? DEFAULT_INPUT : undefined);
  const file = path ?? embeddedNamesPath();
  if (output !== undefined) checkNoInput(option, output, [file]);
  const docs = openDocuments(file);
  const loadSeconds = (now() - start) / 1000;
  return { docs, source: path ?? 'the embedded names', loadSeconds };
}

/** Whether this name exists, even as a broken link or something that cannot be inspected. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
