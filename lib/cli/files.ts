/** Files that commands write, and what is said where they cannot. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { reasonOf } from '../files.js';

export function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Error(`cannot write ${JSON.stringify(path)}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Told before time is spent on what it is to hold; what the file holds already stays until then. */
export function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a'));
  } catch (error) {
    throw new Error(`cannot write ${JSON.stringify(path)}: ${reasonOf(error)}`, { cause: error });
  }
}
