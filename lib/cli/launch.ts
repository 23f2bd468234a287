#!/usr/bin/env node
/**
 * dist/cli.cjs: runs program.cjs beside it, with V8's cache of its compiled code. A training that finds no
 * cache for this V8 writes one, where it can.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { isNode, setFlags } from './v8-flags.js';

/** A hash of program.cjs, inserted by scripts/build.mjs. */
declare const __PROGRAM_HASH__: string;

/** Runs the program with the process's arguments. */
export function launch(): Script {
  setFlags();
  const filename = join(__dirname, 'program.cjs');
  const source = readFileSync(filename, 'latin1'); // scripts/build.mjs makes it ASCII
  // V8 rejects a cache of another version, processor or flags, or of a program of another length.
  const cache = `${filename}.${__PROGRAM_HASH__}-${process.version}-${process.arch}.cache`;
  const cachedData = isNode ? contentOf(cache) : undefined;
  const script = new Script(source, { filename, ...(cachedData && { cachedData }) });
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
