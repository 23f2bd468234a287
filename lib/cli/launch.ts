#!/usr/bin/env node
/**
 * dist/cli.cjs: runs the program beside it, program.cjs, from V8's cache of its compiled code where
 * there is one made by this Node (scripts/code-cache.mjs). V8 refuses any other, and then compiles.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Runs the program with the process's arguments. */
export function launch(): Script {
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
