/**
 * Builds dist/ from lib/: a strict type check with declarations, and the bundles.
 *
 *     index.cjs + index.d.ts     the library, for require
 *     index.mjs + index.d.mts    the same one instance, for import
 *     cli.cjs, program.cjs       the command line: what starts it, and itself; where it has trained,
 *                                V8's cache of its compiled code beside it (lib/cli/launch.ts)
 *     bench.cjs, names.cjs       its commands `bench` and `data names`, which the others do not load
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MODELS = ['scalar', 'vector', 'rnn', 'rnn_att'];

/** Sources that do not compile; the message is the compiler's. */
export class BuildError extends Error {}

/** Builds into a folder aside and puts it in dist/'s place when all went well. */
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
    // The declarations describe index.cjs; index.d.mts says `.mts` and so speaks for the ES module.
    writeFileSync(join(made, 'package.json'), '{ "type": "commonjs" }\n');
    chmodSync(join(made, 'cli.cjs'), 0o755);
    rmSync(dist, { recursive: true, force: true });
    renameSync(made, dist);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/**
 * What the promises come to; none is left running when one fails, and every failure is told, once.
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

/** Commands that have a file of their own: what the program imports, and where it finds that. */
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
      // For a short start: one file, as few characters as leave names readable, one byte each.
      packages: 'bundle',
      external: ['@viz-js/viz'], // an optional package of the user's
      charset: 'ascii',
      minifySyntax: true,
      minifyWhitespace: true,
      // launch.ts gives the program a `require`, and no `import`.
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

/** The names that lib/index.ts exports, by the bundler's account. */
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

/** How many lines each model's file has, for the league table; the bundles carry no sources. */
function modelLines() {
  return Object.fromEntries(
    MODELS.map((name) => {
      const path = join(root, `lib/study/models/${name}.ts`);
      if (!existsSync(path)) throw new BuildError(`lib/study/models/${name}.ts is missing`);
      return [name, readFileSync(path, 'utf8').trimEnd().split('\n').length];
    }),
  );
}
