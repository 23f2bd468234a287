#!/usr/bin/env node
/**
 * dist/cli.cjs: runs the program beside it, program.cjs, from V8's cache of its compiled code where
 * there is one made by this Node (scripts/code-cache.mjs). V8 refuses any other, and then compiles.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

/**
 * How much code a function runs before V8 optimises it, in bytes. Its own 132 kB is made for code that
 * stays: a start that takes a tenth of a second optimises many a sweep of the compiler for nothing.
 */
const INTERRUPT_BUDGET = 600_000;

/** Runs the program with the process's arguments. */
export function launch(): Script {
  setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
  const filename = join(__dirname, 'program.cjs');
  const source = readFileSync(filename, 'latin1'); // it is ASCII (scripts/build.mjs)
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
  const cachedData = cacheOf(filename);
  const script = new Script(wrapped, { filename, ...(cachedData && { cachedData }) });
  const body = script.runInThisContext() as (...given: unknown[]) => void;
  const program = { exports: {} };
  body(program.exports, require, program, filename, __dirname);
  return script;
}

function cacheOf(filename: string): Buffer | undefined {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined; // Compiling takes longer, that is all.
  }
}

if (require.main === module) launch();
