/**
 * Builds dist/ from lib/: a strict type check, declarations, and the bundles.
 *
 *     index.cjs + index.d.ts     the library, for require
 *     index.mjs + index.d.mts    the same instance, for import
 *     cli.cjs, program.cjs       the command line and its launcher; the first training of each model writes
 *                                V8's cache of compiled code beside them (lib/cli/launch.ts)
 *     bench.cjs, names.cjs       the commands `bench` and `data names`, which the others do not load
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MODELS = ['scalar', 'vector', 'rnn', 'rnn_att'];

/** The sources do not compile; the message is the compiler's. */
export class BuildError extends Error {}

/** Builds into a temporary folder, and replaces dist/ on success. */
export async function build() {
  const made = join(root, `dist-${String(process.pid)}`);
  const dist = join(root, 'dist');
  mkdirSync(made);
  try {
    const [exported] = await all([exportedNames(), bundle(made), declare(made)]);
    writeFileSync(
      join(made, 'index.mjs'),
      "import vecgrad from './index.cjs';\nexport const " +
        `{\n${exported.map((name) => `  ${name},\n`).join('')}} = vecgrad;\n`,
    );
    writeFileSync(join(made, 'index.d.mts'), "export * from './index.js';\n");
    // index.d.ts describes index.cjs; the extension of index.d.mts marks it as that of the ES module.
    writeFileSync(join(made, 'package.json'), '{ "type": "commonjs" }\n');
    chmodSync(join(made, 'cli.cjs'), 0o755);
    rmSync(dist, { recursive: true, force: true });
    renameSync(made, dist);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/**
 * Waits for all promises, even when one fails, and throws every distinct failure once.
 *
 * @template {readonly unknown[]} T
 * @param {T} promises
 * @returns {Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>}
 */
async function all(promises) {
  const settled = await Promise.allSettled(promises);
  const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const foreign = reasons.find((reason) => !(reason instanceof BuildError));
  if (foreign !== undefined) throw foreign;
  const messages = new Set(reasons.map((reason) => reason.message));
  if (messages.size > 0) throw new BuildError([...messages].join('\n'));
  return Promise.all(promises);
}

/** @type {esbuild.BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  charset: 'utf8',
  logLevel: 'silent',
  // lib/core/package.ts knows that `import.meta` is empty in a CommonJS bundle.
  logOverride: { 'empty-import-meta': 'silent' },
};

/** Commands that are bundled separately: the import to replace, its entry point, and its file. */
const APART = [
  { filter: /\/bench\.js$/, entry: 'lib/cli/bench.ts', file: 'bench.cjs' },
  { filter: /\/names\.js$/, entry: 'lib/download/names.ts', file: 'names.cjs' },
];

/** @type {esbuild.Plugin} */
const apart = {
  name: 'apart',
  setup(build) {
    for (const { filter, file } of APART) {
      build.onResolve({ filter }, () => ({ path: `./${file}`, external: true }));
    }
  },
};

/** @param {string} made */
async function bundle(made) {
  const define = { __MODEL_LINES__: JSON.stringify(modelLines()) };
  await all([
    esbuilt({
      ...common,
      entryPoints: ['lib/index.ts'],
      outfile: join(made, 'index.cjs'),
      format: 'cjs',
      define,
    }),
    esbuilt({
      ...common,
      entryPoints: ['lib/cli/bin.ts'],
      outfile: join(made, 'program.cjs'),
      format: 'cjs',
      define,
      // Optimised for a short start: one file of ASCII, minified as far as names stay readable.
      packages: 'bundle',
      external: ['@viz-js/viz'], // an optional package that the user installs
      charset: 'ascii',
      minifySyntax: true,
      minifyWhitespace: true,
      // launch.ts runs the file as it is: the function that Node would wrap around a module is in it.
      banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
      footer: { js: '})' },
      // launch.ts provides `require` but not `import`.
      supported: { 'dynamic-import': false },
      plugins: [apart],
    }),
    ...APART.map(({ entry, file }) =>
      esbuilt({ ...common, entryPoints: [entry], outfile: join(made, file), format: 'cjs' }),
    ),
  ]);
  const hash = createHash('sha1')
    .update(readFileSync(join(made, 'program.cjs')))
    .digest('hex');
  await esbuilt({
    ...common,
    entryPoints: ['lib/cli/launch.ts'],
    outfile: join(made, 'cli.cjs'),
    format: 'cjs',
    define: { __PROGRAM_HASH__: JSON.stringify(hash.slice(0, 8)) },
  });
}

/** The names that lib/index.ts exports, as the bundler reports them. */
async function exportedNames() {
  const { metafile } = await esbuilt({
    ...common,
    entryPoints: ['lib/index.ts'],
    outdir: 'unused',
    format: 'esm',
    write: false,
    metafile: true,
  });
  const names = Object.values(metafile?.outputs ?? {}).flatMap((output) => output.exports);
  return names.filter((name) => name !== 'default').sort();
}

/** @param {esbuild.BuildOptions} options */
async function esbuilt(options) {
  try {
    return await esbuild.build(options);
  } catch (error) {
    const { errors } = /** @type {esbuild.BuildFailure} */ (error);
    const lines = await esbuild.formatMessages(errors, { kind: 'error' });
    throw new BuildError(lines.join('').trimEnd());
  }
}

/**
 * Checks the types and writes the declarations.
 *
 * @param {string} made
 * @returns {Promise<void>}
 */
function declare(made) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '--project', 'tsconfig.build.json', '--outDir', made, '--pretty', 'false'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new BuildError(`${stdout}${stderr}`.trimEnd()));
    });
  });
}

/** The number of lines in each model's file, for the league table; bundles do not contain the sources. */
function modelLines() {
  return Object.fromEntries(
    MODELS.map((name) => {
      const path = join(root, `lib/study/models/${name}.ts`);
      if (!existsSync(path)) throw new BuildError(`lib/study/models/${name}.ts is missing`);
      return [name, readFileSync(path, 'utf8').trimEnd().split('\n').length];
    }),
  );
}
