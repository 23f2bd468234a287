/** The documents that a command trains on. */
import { lstatSync } from 'node:fs';
import { now } from '../core/clock.js';
import { embeddedNamesPath, openDocuments, type Documents } from '../study/documents.js';
import { DEFAULT_INPUT } from './commands.js';
import { checkNoInput } from './usage.js';

export interface Loaded {
  docs: Documents;
  /** Where they are from, for the reader of the output. */
  source: string;
  loadSeconds: number;
}

/**
 * Reads `input`; without one `./input.txt` where it exists, else the embedded names.
 *
 * @param option which names a file that the command will write
 * @throws UsageError where `output`, that file, is what would be read
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

/** Whether something has this name, be it a link that leads to nothing, or what cannot be looked at. */
function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
