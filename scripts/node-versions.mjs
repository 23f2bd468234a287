/** The versions of Node that vecgrad is tested on; each is fetched from npm once, into build/nodes/. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, run } from './setup.mjs';

/** By major version; lib/cli/v8-flags.ts sets V8's flags for these. */
export const NODES = { 20: '20.20.2', 22: '22.23.5', 24: '24.22.3', 26: '26.12.1' };

/**
 * The path of the program of a version of Node.
 *
 * @param {keyof typeof NODES} major
 */
export function nodeProgram(major) {
  const name = `node-linux-${process.arch}@${NODES[major]}`;
  const folder = join(root, 'build/nodes', name);
  const program = join(folder, 'bin/node');
  if (existsSync(program)) return program;
  mkdirSync(join(root, 'build/nodes'), { recursive: true });
  const made = mkdtempSync(`${folder}-`);
  run(`fetching ${name}`, npm('pack', name, '--pack-destination', made));
  const [tarball = ''] = readdirSync(made);
  run(
    `unpacking ${name}`,
    // The headers too: node-gyp compiles against them.
    [
      'tar',
      '--extract',
      '--file',
      join(made, tarball),
      '--strip-components=1',
      '--directory',
      made,
      'package/bin',
      'package/include',
    ],
  );
  rmSync(join(made, tarball));
  try {
    renameSync(made, folder);
  } catch (error) {
    if (!existsSync(program)) throw error;
    rmSync(made, { recursive: true }); // another process was quicker
  }
  return program;
}
