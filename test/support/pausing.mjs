/**
 * To be loaded before a program that saves: at the first time that it has the disk keep a file, it writes
 * the file that VECGRAD_PAUSED names, and goes on when that is gone; with VECGRAD_KILLED it kills itself.
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
