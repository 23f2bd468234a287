/** A folder that each test has anew, and what a test asks of it. */
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The folder of the test that runs. */
export let folder = '';

/** To be called in a `describe`, each of whose tests then has a folder. */
export function inFolders(): void {
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'vecgrad-files-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
}

export const text = (path: string): string => readFileSync(path, 'utf8');

/** A link in the folder to another name there, which is made too where `file` says. */
export const link = (name: string, to: string, file?: string): string => {
  symlinkSync(to, join(folder, name));
  if (file !== undefined) writeFileSync(join(folder, file), 'earlier');
  return join(folder, name);
};

/** All entries, each with what it is. */
export const entries = (): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => realpathSync(dirname(join(folder, name))) === join(realpathSync(folder), dirname(name)))
    .map((name) => [name, lstatSync(join(folder, name))] as const)
    .map(([name, stats]) => `${name} ${stats.isSymbolicLink() ? 'link' : stats.isFile() ? 'file' : 'folder'}`)
    .sort();
