/**
 * npm's install script: builds the addon through binding.gyp where vecgrad is installed without one
 * that loads. In a checkout it does nothing: there `npm start` and `npm test` build, through CMake.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { advice, missing, names, nodeHeaders, openblasPaths } from './toolchain.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const fromSource = process.env['npm_config_build_from_source'] === 'true';

if (existsSync(join(root, 'tsconfig.json'))) {
  console.error('vecgrad: a checkout; `npm start` or `npm test` builds the addon');
} else {
  if (fromSource || !loads()) build();
  cacheCode();
}

function loads() {
  try {
    /** @type {(root: string) => unknown} */ (createRequire(import.meta.url)('node-gyp-build'))(
      root,
    );
    return true;
  } catch {
    return false;
  }
}

function build() {
  const lacking = missing(['compiler', 'make', 'python3', 'openblas']);
  if (lacking.length > 0) {
    console.error(
      `vecgrad: the native addon needs ${names(lacking)} to build. Install with\n` +
        `${advice(lacking)}\nthen install vecgrad again, or run: npm rebuild vecgrad`,
    );
    process.exit(1);
  }
  const headers = nodeHeaders();
  const env = { ...process.env, ...openblasPaths() };
  // npm's own `nodedir` setting, where there is one, is the user's word.
  if (headers !== undefined) env['npm_config_nodedir'] ??= headers;
  // npm says where its node-gyp lies; other clients put one on the path.
  const gyp = process.env['npm_config_node_gyp'];
  const [command, ...args] = gyp === undefined ? ['node-gyp'] : [process.execPath, gyp];
  const { status, error } = spawnSync(command, [...args, 'rebuild', '--jobs', 'max'], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  if (error !== undefined) console.error(`vecgrad: node-gyp did not start: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/** For a faster start: nothing is lost when it cannot be written. */
function cacheCode() {
  spawnSync(process.execPath, [join(root, 'scripts/code-cache.mjs')], { stdio: 'ignore' });
}
