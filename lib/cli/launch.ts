#!/usr/bin/env node
/**
 * dist/cli.cjs: runs the program beside it, program.cjs, from V8's cache of its compiled code. The
 * first training that finds no cache which this V8 takes writes one, if it may write there.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

/** A hash of program.cjs (scripts/build.mjs). */
declare const __PROGRAM_HASH__: string;

/**
 * Has V8 optimise a function about ten times as late as by itself, by V8's version. Its own thresholds
 * are made for code that stays: a start that takes a tenth of a second would optimise many a sweep of
 * the compiler for nothing.
 *
 * V8 prints an error about a flag that it does not know, and tells which it knows only by listing all,
 * in a process that takes as long as a training. So only the versions of Node 20, 22, 24 and 26 are here,
 * which are tested (scripts/test-nodes.mjs); every other keeps its own thresholds.
 */
const LATER = [
  '--invocation-count-for-maglev=4000',
  '--invocation-count-for-maglev-osr=1000',
  '--invocation-count-for-turbofan=30000',
  '--invocation-count-for-osr=5000',
];
const FLAGS: Record<string, readonly string[]> = {
  '11.3': ['--interrupt-budget=600000'],
  '12.4': LATER,
  '13.6': LATER,
  '14.6': LATER,
};

/** Runs the program with the process's arguments. */
export function launch(): Script {
  // Bun and Deno give a version of V8 too, and have no V8, or one of their own.
  const isNode = !('bun' in process.versions || 'deno' in process.versions);
  const version = /^\d+\.\d+/.exec(process.versions.v8)?.[0] ?? '';
  if (isNode) for (const flag of FLAGS[version] ?? []) setFlagsFromString(flag);
  const filename = join(__dirname, 'program.cjs');
  const source = readFileSync(filename, 'latin1'); // it is ASCII (scripts/build.mjs)
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  // V8 refuses what another version, processor or flag has made; it knows the program by its length.
  const cache = `${filename}.${__PROGRAM_HASH__}-${process.version}-${process.arch}.cache`;
  const cachedData = isNode ? contentOf(cache) : undefined;
  const script = new Script(wrapped, { filename, ...(cachedData && { cachedData }) });
  if (isNode && script.cachedDataRejected !== false && trains(process.argv.slice(2))) {
    process.once('exit', (code) => {
      if (code === 0) keep(script, cache);
    });
  }
  const body = script.runInThisContext() as (...given: unknown[]) => void;
  const program = { exports: {} };
  body(program.exports, require, program, filename, __dirname);
  return script;
}

/** Whether arguments make most of the program run: a cache holds the functions that V8 has compiled. */
function trains([command, ...options]: readonly string[]): boolean {
  const asksForHelp = options.includes('--help') || options.includes('-h');
  return (command === 'train' || command === 'compare') && !asksForHelp;
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // Compiling takes longer, that is all.
  }
}

/**
 * Writes the cache at once or not at all: other processes read it and write it at the same time. In a
 * folder that cannot be written to, nothing is lost but the faster start.
 */
function keep(script: Script, path: string): void {
  const made = `${path}.${process.pid}-${process.hrtime.bigint()}`;
  try {
    const file = openSync(made, 'wx');
    try {
      const data = script.createCachedData();
      if (writeSync(file, data) === data.length) renameSync(made, path);
    } finally {
      closeSync(file);
      rmSync(made, { force: true });
    }
  } catch {
    // As above.
  }
}

if (require.main === module) launch();
