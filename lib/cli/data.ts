/** `vecgrad data names`: fetches the study's list of names into a file, and says how to train on it. */
import { resolve } from 'node:path';
import type { NamesOptions } from '../download/names.js';
import { groupDigits, printable, shellWord } from '../terminal/format.js';
import type { Io } from './io.js';
import { DEFAULT_INPUT } from './commands.js';

export async function data(options: NamesOptions, io: Io): Promise<void> {
  const obtain = await io.names();
  const { path, names, from } = await obtain(options);
  const source = from === undefined ? 'already there, nothing fetched' : `from ${printable(from)}`;
  const input = resolve(path) === resolve(DEFAULT_INPUT) ? '' : ` --input ${shellWord(path)}`;
  io.stdout.write(
    `${printable(path)}: ${groupDigits(names)} names, ${source}\n` + `next: vecgrad train vector${input}\n`,
  );
}
