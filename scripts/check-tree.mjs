/**
 * The rules for committed files: no file names a folder of a machine, a package registry or a download
 * address, so that a clone builds anywhere.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

/** @type {{ rule: string, pattern: RegExp, only?: string }[]} */
const RULES = [
  { rule: 'a download address', pattern: /"resolved":/, only: 'package-lock.json' },
  { rule: 'a registry', pattern: /^\s*(?:@[^:=\s]+:)?registry\s*=/, only: '.npmrc' },
  {
    rule: 'a registry',
    pattern: /\b(?:registry\.[a-z]|deb\.[a-z]+\.org|https?:\/\/[^\s/]*(?:artifact|mirror))/,
  },
  { rule: "a machine's own folder", pattern: /(?<![\w.}])\/(?:work|root|home|Users)\/\w/ },
];

/** The text files that git tracks and that exist, by path. */
export function committedFiles() {
  const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  return tracked.split('\0').filter((path) => path !== '' && text(path) !== undefined);
}

/** @returns {string[]} one line for each violation */
export function broken() {
  return committedFiles().flatMap((path) =>
    (text(path) ?? '')
      .split('\n')
      .flatMap((line, i) =>
        RULES.filter(({ only, pattern }) => (only ?? path) === path && pattern.test(line)).map(
          ({ rule }) => `${path}:${String(i + 1)}: ${rule} is named: ${line.trim().slice(0, 100)}`,
        ),
      ),
  );
}

/** @param {string} path */
function text(path) {
  try {
    const content = readFileSync(join(root, path), 'utf8');
    return content.includes('\0') ? undefined : content;
  } catch {
    return undefined; // It was removed, but this is not committed yet.
  }
}
