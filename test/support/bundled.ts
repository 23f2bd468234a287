/**
 * Programs that tests start as processes of their own, each bundled from TypeScript into one file: such a
 * process starts in a third of the processor time that it takes with tsx, which transforms file by file.
 */
import { mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildSync } from 'esbuild';
import { packageRoot } from '../../lib/core/package.js';

/** The path of the bundle of a file of test/support/, made anew. */
export function bundled(file: string): string {
  const folder = join(packageRoot(), 'build/test');
  const path = join(folder, `${basename(file, '.ts')}.mjs`);
  mkdirSync(folder, { recursive: true });
  const made = `${path}.${process.pid}.mjs`;
  buildSync({
    entryPoints: [join(packageRoot(), 'test/support', file)],
    outfile: made,
    inject: [join(packageRoot(), 'test/support/v8-flags.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
  });
  renameSync(made, path); // other test files may be about to start theirs
  return path;
}
