/**
 * Writes V8's cache of the command line's compiled code, dist/program.cjs.cache (see
 * lib/cli/launch.ts): what a short run of every model has compiled. Prints that run.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');
const cache = join(dist, 'program.cjs.cache');

rmSync(cache, { force: true });
process.argv.splice(2, Infinity, 'compare', '--steps', '20');
/** @type {{ launch(): import('node:vm').Script }} */
const launcher = createRequire(import.meta.url)(join(dist, 'cli.cjs'));
const script = launcher.launch();
process.on('exit', (code) => {
  if (code !== 0) return;
  writeFileSync(`${cache}.new`, script.createCachedData());
  renameSync(`${cache}.new`, cache);
});
