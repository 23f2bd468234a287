/**
 * The list of names that the study used, fetched into a file; dist/names.cjs, which only that command loads.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { download, shown, type DownloadOptions } from './download.js';
import { quotedPath } from '../core/escape.js';
import { checkWritable, writeFile } from '../core/write-file.js';
import { reasonOf, wrongPath } from '../core/path.js';

/** The study's list: 32,033 first names, of https://github.com/karpathy/makemore. */
const STUDY = {
  url: new URL('https://raw.githubusercontent.com/karpathy/makemore/988aa59/names.txt'),
  sha256: '0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d',
};

const MOST_BYTES = 2 ** 24;

export interface NamesOptions {
  /** The file. */
  out: string;
  /** Where the list is (the study's, on GitHub). */
  url?: URL;
  /** What its SHA-256 must be, in lower case (the study's). */
  sha256?: string;
  /** Whether to replace a file that holds something else. */
  force: boolean;
}

export interface ObtainedNames {
  path: string;
  /** How many names there are in it. */
  names: number;
  /** Where they were fetched from; undefined where the file was there. */
  from?: string;
}

/**
 * Has the list in a file: fetches it, where the file does not have it already. One that has something
 * else is only replaced by force, and stays as it was where that fails.
 *
 * @throws Error, of one sentence, where the list cannot be had, is another, or cannot be written
 */
export async function obtainNames(
  { out: path, url = STUDY.url, sha256 = STUDY.sha256, force }: NamesOptions,
  how: DownloadOptions = {},
): Promise<ObtainedNames> {
  const there = existing(path);
  if (there && sha256Of(there) === sha256) return { path, names: count(there) };
  if (there && !force) {
    throw new Error(
      `${quotedPath(path)} is there and holds something else than the list: --force replaces it, ` +
        '--out FILE writes another',
    );
  }
  checkWritable(path);
  const bytes = await download(url, MOST_BYTES, how);
  const found = sha256Of(bytes);
  if (found !== sha256) {
    throw new Error(
      `what came from ${shown(url)} is not the list: its SHA-256 is ${found}, expected ${sha256}`,
    );
  }
  writeFile(path, bytes);
  return { path, names: count(bytes), from: shown(url) };
}

/** What a file holds, empty where that is too much for a list; undefined where there is none. */
function existing(path: string): Buffer | undefined {
  try {
    if (wrongPath(path) !== undefined) return undefined; // told as it cannot be written
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats?.isFile()) return undefined; // whether it can be written is asked later
    return stats.size > MOST_BYTES ? Buffer.alloc(0) : readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${quotedPath(path)}: ${reasonOf(error)}`, { cause: error });
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Lines that are not blank. */
function count(bytes: Buffer): number {
  return bytes.toString('latin1').match(/^.*\S.*$/gm)?.length ?? 0;
}
