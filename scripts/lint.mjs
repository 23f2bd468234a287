/**
 * `npm run lint`: ESLint, Prettier, clang-format (if installed), the dependencies between folders of lib/
 * (.dependency-cruiser.cjs), and the rules for committed files. With --fix (`npm run format`) the first three
 * fix what they can.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { broken, committedFiles } from './check-tree.mjs';
import { root, setup } from './setup.mjs';

await setup({ native: false, dist: false });
const fix = process.argv.includes('--fix');

/** The version of clang-format that the project uses; others format some code differently. */
const CLANG_FORMAT = '14';

const eslint = join(root, 'node_modules/eslint/bin/eslint.js');
const prettier = join(root, 'node_modules/prettier/bin/prettier.cjs');
let failed = false;
check('eslint', process.execPath, [eslint, '--max-warnings=0', ...(fix ? ['--fix'] : []), '.']);
check('prettier', process.execPath, [prettier, fix ? '--write' : '--check', '--log-level=warn', '.']);

const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
check('dependency-cruiser', process.execPath, [cruiser, 'lib', '--config', '.dependency-cruiser.cjs']);

clangFormat(committedFiles().filter((path) => /\.(cpp|h|inl)$/.test(path)));

for (const line of broken()) {
  failed = true;
  console.error(line);
}
process.exitCode = failed ? 1 : 0;

/** @param {readonly string[]} sources */
function clangFormat(sources) {
  const formatter = [`clang-format-${CLANG_FORMAT}`, 'clang-format'].find((command) => {
    const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    return status === 0 && stdout.includes(`version ${CLANG_FORMAT}.`);
  });
  if (formatter === undefined) {
    console.log(`clang-format ${CLANG_FORMAT} is not installed: skipped`);
    return;
  }
  for (const path of sources) {
    const args = fix ? ['-i', path] : ['--dry-run', '--Werror', path];
    if (spawnSync(formatter, args, { cwd: root, stdio: 'ignore' }).status === 0) continue;
    failed = true;
    console.error(`[clang-format] ${path}: npm run format lays it out`);
  }
}

/**
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} args
 */
function check(name, command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  failed = true;
  console.error(`${name} failed`);
}
