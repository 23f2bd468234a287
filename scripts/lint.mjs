/**
 * `npm run lint`: ESLint, Prettier, clang-format (if installed), the dependencies between folders of lib/
 * (.dependency-cruiser.cjs), the types written from C++ (series-spec.mjs), and the rules for committed files.
 * With --fix (`npm run format`) it formats, fixes what ESLint can, and writes these types.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { broken, committedFiles } from './check-tree.mjs';
import { isSeriesSpecCurrent } from './series-spec.mjs';
import { root, setup } from './setup.mjs';

await setup({ native: false, dist: false });
const fix = process.argv.includes('--fix');

/** The version of clang-format that the project uses; others format some code differently. */
const CLANG_FORMAT = '14';

let failed = false;
if (!(await isSeriesSpecCurrent({ fix }))) {
  failed = true;
  console.error('lib/binding/series-spec.ts is out of date: npm run format writes it');
}
const eslint = join(root, 'node_modules/eslint/bin/eslint.js');
const prettier = join(root, 'node_modules/prettier/bin/prettier.cjs');
check('eslint', process.execPath, [eslint, '--max-warnings=0', ...(fix ? ['--fix'] : []), '.']);
check('prettier', process.execPath, [prettier, fix ? '--write' : '--check', '--log-level=warn', '.']);

const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
check('dependency-cruiser', process.execPath, [cruiser, 'lib', '--config', '.dependency-cruiser.cjs']);

const cpp = committedFiles().filter((path) => /\.(cpp|h|inl)$/.test(path));
clangFormat(cpp);
checkWidth(cpp);

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
 * clang-format leaves a line too long where it finds no place to break it.
 *
 * @param {readonly string[]} sources
 */
function checkWidth(sources) {
  const limit = Number(/^ColumnLimit: (\d+)$/m.exec(readFileSync(join(root, '.clang-format'), 'utf8'))?.[1]);
  for (const path of sources) {
    const lines = readFileSync(join(root, path), 'utf8').split('\n');
    lines.forEach((line, i) => {
      if (Array.from(line).length <= limit) return;
      failed = true;
      console.error(`${path}:${i + 1}: longer than ${limit} columns`);
    });
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
