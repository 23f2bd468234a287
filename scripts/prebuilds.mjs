/**
 * `npm run prebuilds [-- ARCHITECTURE...]`: builds the addons in the package, all or those named, where they
 * are out of date (with build-arch.mjs), and checks them.
 *
 *     prebuilds/linux-{x64,arm64,riscv64}/
 *       vecgrad.glibc.node, vecgrad_openblas.so, openblas-copyright.txt
 *
 * With --check nothing is built; an addon that is missing, out of date or not portable is an error. npm runs
 * this before it publishes.
 */
import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ARCHITECTURES, buildArchitecture, folderOf, namedArchitectures, OPENBLAS } from './build-arch.mjs';
import {
  complaints,
  COPYRIGHT,
  FILES,
  glibcOf,
  inputsOf,
  prebuildFolder,
  stampOf,
} from './check-prebuilds.mjs';
import { setup, SetupError } from './setup.mjs';

const check = process.argv.includes('--check');
const isNamed = process.argv.slice(2).some((argument) => !argument.startsWith('--'));
const names = isNamed ? namedArchitectures('prebuilds') : Object.keys(ARCHITECTURES);

try {
  if (!check) {
    const old = names.filter((name) => complaints(name).length > 0);
    if (old.length > 0) await setup({ native: false, dist: false });
    for (const name of old) build(name);
  }
  const wrong = names.flatMap(complaints);
  if (wrong.length > 0) {
    const remedy = check ? '\nBuild them with: npm run prebuilds' : '';
    throw new SetupError(`vecgrad: the prebuilds are not fit to publish\n  ${wrong.join('\n  ')}${remedy}`);
  }
  for (const name of names) console.log(describe(name));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** @param {string} name */
function build(name) {
  buildArchitecture(name);
  const folder = prebuildFolder(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [from, to] of Object.entries(FILES)) cpSync(join(folderOf(name), from), join(folder, to));
  const documents = join(folderOf(name), `sysroot/usr/share/doc/lib${OPENBLAS}-dev`);
  cpSync(join(documents, 'copyright'), join(folder, COPYRIGHT));
  writeFileSync(stampOf(name), inputsOf(name));
}

/** @param {string} name */
function describe(name) {
  const sizes = Object.values(FILES).map((file) => {
    const { size } = statSync(join(prebuildFolder(name), file));
    return `${file} ${(size / 1e6).toFixed(1)} MB`;
  });
  return `${name}: ${sizes.join(', ')}; glibc ${glibcOf(name)} or newer`;
}
