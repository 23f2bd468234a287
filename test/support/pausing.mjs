/**
 * Load this before a program that saves. The first time that the program flushes a file to the disk, this
 * writes the file that VECGRAD_PAUSED names and waits until it is removed; with VECGRAD_KILLED it kills the
 * process.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';

const { fsyncSync } = fs;
const { VECGRAD_PAUSED: paused, VECGRAD_KILLED: killed } = process.env;
const cell = new Int32Array(new SharedArrayBuffer(4));

fs.fsyncSync = (descriptor) => {
  Object.assign(fs, { fsyncSync });
  syncBuiltinESMExports();
  if (killed !== undefined) process.kill(process.pid, 'SIGKILL');
  if (paused !== undefined) {
    fs.writeFileSync(paused, '');
    while (fs.existsSync(paused)) Atomics.wait(cell, 0, 0, 5);
  }
  fsyncSync(descriptor);
};
syncBuiltinESMExports();
