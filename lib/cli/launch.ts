#!/usr/bin/env node
/**
 * dist/cli.cjs: runs program.cjs beside it, with V8's cache of its compiled code. A training that finds no
 * cache for this V8 writes one, where it can.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

/** A hash of program.cjs, inserted by scripts/build.mjs. */
declare const __PROGRAM_HASH__: string;

/**
 * By V8 version, flags that make V8 optimise functions about ten times later. V8's thresholds are made for
 * long-running code: in a run of a tenth of a second it would optimise many of the compiler's loops for
 * nothing.
 *
 * V8 prints an error for an unknown flag, and it lists the flags it knows only in a process that takes as
 * long as a training. So only the versions of Node 20, 22, 24 and 26 are listed, which are tested
 * (scripts/test-nodes.mjs); any other keeps its own thresholds.
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
  // Bun and Deno report a V8 version too, but have no V8, or their own.
  const isNode = !('bun' in process.versions || 'deno' in process.versions);
  const version = /^\d+\.\d+/.exec(process.versions.v8)?.[0] ?? '';
  if (isNode) for (const flag of FLAGS[version] ?? []) setFlagsFromString(flag);
  const filename = join(__dirname, 'program.cjs');
  const source = readFileSync(filename, 'latin1'); // scripts/build.mjs makes it ASCII
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  // V8 rejects a cache of another version, processor or flags, or of a program of another length.
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

/** Whether the arguments run most of the program. A cache holds only functions that have been compiled. */
function trains([command, ...options]: readonly string[]): boolean {
  const asksForHelp = options.includes('--help') || options.includes('-h');
  return (command === 'train' || command === 'compare') && !asksForHelp;
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // Without a cache compiling only takes longer.
  }
}

/**
 * Writes the cache atomically, because other processes may read and write it at the same time. A folder that
 * cannot be written to only costs the faster start.
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
    // No cache: see above.
  }
}

if (require.main === module) launch();
