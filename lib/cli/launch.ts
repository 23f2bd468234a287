#!/usr/bin/env node
/**
 * dist/cli.cjs: runs program.cjs beside it, with V8's cache of its compiled code. A cache holds the functions
 * that have been compiled, of which each model needs others: the first training of each, for this V8, writes
 * one, where it can. Other commands take any.
 */
import { closeSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { MODEL_NAMES } from '../study/models/sizes.js';
import { isNode, setFlags } from './v8-flags.js';

const NAMES: ReadonlySet<string> = new Set(MODEL_NAMES);

/** A hash of program.cjs, inserted by scripts/build.mjs. */
declare const __PROGRAM_HASH__: string;

/** Runs the program with the process's arguments. */
export function launch(): Script {
  setFlags();
  const filename = join(__dirname, 'program.cjs');
  const source = readFileSync(filename, 'latin1'); // scripts/build.mjs makes it ASCII
  // V8 rejects a cache of another version, processor or flags, or of a program of another length.
  const stem = `program.cjs.${__PROGRAM_HASH__}-${process.version}-${process.arch}`;
  const training = trainingIn(process.argv.slice(2));
  const cache = training === undefined ? anyCache(stem) : join(__dirname, `${stem}-${training}.cache`);
  const cachedData = isNode && cache !== undefined ? unlessFails(() => readFileSync(cache)) : undefined;
  const script = new Script(source, { filename, ...(cachedData && { cachedData }) });
  if (isNode && training !== undefined && script.cachedDataRejected !== false) {
    process.once('exit', (code) => {
      if (code === 0) keep(script, cache!);
    });
  }
  const body = script.runInThisContext() as (...given: unknown[]) => void;
  const program = { exports: {} };
  body(program.exports, require, program, filename, __dirname);
  return script;
}

/** The model that is trained, or `compare`, which trains all; undefined for what runs less of the program. */
function trainingIn([command, ...options]: readonly string[]): string | undefined {
  if (['--help', '-h', '--explain'].some((option) => options.includes(option))) return undefined;
  if (command === 'compare') return command;
  return command === 'train' ? options.find((option) => NAMES.has(option)) : undefined;
}

function anyCache(stem: string): string | undefined {
  const names = unlessFails(() => readdirSync(__dirname)) ?? [];
  const name = names.find((each) => each.startsWith(stem) && each.endsWith('.cache'));
  return name === undefined ? undefined : join(__dirname, name);
}

/** Undefined where a file or folder cannot be read: without a cache compiling only takes longer. */
function unlessFails<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
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
