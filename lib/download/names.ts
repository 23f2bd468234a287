/**
 * Downloads the study's list of names into a file; bundled as dist/names.cjs, which only `data names` loads.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { download, shownUrl, type DownloadOptions } from './download.js';
import { quotedPath } from '../core/escape.js';
import { checkWritable, writeFile } from '../core/write-file.js';
import { reasonOf, wrongPath } from '../core/path.js';

/** The study's list: 32,033 first names, from https://github.com/karpathy/makemore. */
const STUDY = {
  url: new URL('https://raw.githubusercontent.com/karpathy/makemore/988aa59/names.txt'),
  sha256: '0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d',
};

const MAX_BYTES = 2 ** 24;

export interface NamesOptions {
  /** The file to write. */
  out: string;
  /** The address of the list (the study's, on GitHub). */
  url?: URL;
  /** The SHA-256 that the list must have, in lower case (the study's). */
  sha256?: string;
  /** Whether to replace a file with other contents. */
  force: boolean;
}

export interface ObtainedNames {
  path: string;
  /** How many names the file has. */
  names: number;
  /** The address they were downloaded from; undefined when the file had the list already. */
  from?: string;
}

/**
 * Downloads the list into a file, unless the file has it already. A file with other contents is replaced only
 * by `force`, and stays as it was when the download fails.
 *
 * @throws Error with a message of one sentence, when the list cannot be downloaded, has another SHA-256, or
 * cannot be written
 */
export async function obtainNames(
  { out: path, url = STUDY.url, sha256 = STUDY.sha256, force }: NamesOptions,
  how: DownloadOptions = {},
): Promise<ObtainedNames> {
  const there = existing(path);
  if (there && sha256Of(there) === sha256) return { path, names: count(there) };
  if (there && !force) {
    throw new Error(
      `${quotedPath(path)} exists and is not the list: --force replaces it, --out FILE writes another`,
    );
  }
  checkWritable(path);
  const bytes = await download(url, MAX_BYTES, how);
  const found = sha256Of(bytes);
  if (found !== sha256) {
    throw new Error(
      `what came from ${shownUrl(url)} is not the list: its SHA-256 is ${found}, expected ${sha256}`,
    );
  }
  writeFile(path, bytes);
  return { path, names: count(bytes), from: shownUrl(url) };
}

/** The contents of a file, empty if it is too large for a list; undefined when it does not exist. */
function existing(path: string): Buffer | undefined {
  if (wrongPath(path) !== undefined) return undefined; // checkWritable reports it
  let stats;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // checkWritable reports a path that cannot be
  }
  if (!stats?.isFile()) return undefined; // checkWritable reports what cannot be written
  try {
    return stats.size > MAX_BYTES ? Buffer.alloc(0) : readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${quotedPath(path)}: ${reasonOf(error)}`, { cause: error });
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Counts the lines that are not blank. */
function count(bytes: Buffer): number {
  return bytes.toString('latin1').match(/^.*\S.*$/gm)?.length ?? 0;
}
