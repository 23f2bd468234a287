/** Weights in files: parameters by name, in safetensors, which other libraries read and write too. */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Value } from './graph.js';
import { numbersOf, readSafetensors, SafetensorsError, writeSafetensors } from './safetensors.js';
import { sameShape, show } from './shape.js';

/** A file that cannot be written or read, or does not hold what was asked for. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}

/**
 * Writes the numbers of parameters to a file of the safetensors format, by their names: float64, or
 * float32 where the program that ran them last has that. A file that was there before stays whole
 * until the new one is: a crash at any moment leaves the one or the other.
 *
 * @param metadata texts to keep with them
 * @throws WeightsError when a parameter has no name, or that of another, or the file cannot be written
 */
export function saveWeights(path: string, parameters: readonly Value[], metadata: Readonly<Record<string, string>> = {}): void {
  const named = byName(parameters);
  const tensors = new Map([...named].map(([name, { shape, data }]) => [name, { shape, data }]));
  replaceFile(path, writeSafetensors(tensors, new Map(Object.entries(metadata))));
} // prettier-ignore

/**
 * Sets parameters to the numbers that a file has by their names; returns its texts.
 *
 * @throws WeightsError when the file cannot be read, or lacks a parameter, or has another shape for
 * one, or more than was asked for; no parameter is changed then
 * @throws SafetensorsError when it is no safetensors file
 */
export function loadWeights(path: string, parameters: readonly Value[]): Record<string, string> {
  const named = byName(parameters);
  const shownPath = JSON.stringify(path);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new WeightsError(`cannot read ${shownPath}: ${(error as Error).message}`, { cause: error }); // prettier-ignore
  }
  let found: ReturnType<typeof readSafetensors>;
  try {
    found = readSafetensors(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) error.message = `${shownPath}: ${error.message}`;
    throw error;
  }
  const { tensors, metadata } = found;
  for (const [name, { shape }] of named) {
    const tensor = tensors.get(name);
    if (!tensor) throw new WeightsError(`${shownPath} has no '${name}': it has ${list([...tensors.keys()])}`); // prettier-ignore
    if (!sameShape(tensor.shape, shape)) throw new WeightsError(`${shownPath}: '${name}' has shape ${show(tensor.shape)}: expected ${show(shape)}`); // prettier-ignore
  }
  const others = [...tensors.keys()].filter((name) => !named.has(name));
  if (others.length > 0) throw new WeightsError(`${shownPath} has ${list(others)} too, which no parameter is called`); // prettier-ignore
  for (const [name, value] of named) value.data.set(numbersOf(tensors.get(name)!));
  return Object.fromEntries(metadata);
}

function byName(parameters: readonly Value[]): Map<string, Value> {
  const named = new Map<string, Value>();
  for (const value of parameters) {
    const { name } = value;
    if (value.op !== 'parameter') throw new WeightsError(`${value.label} is no parameter`);
    if (name === undefined) throw new WeightsError(`${value.label} has no name: parameter(numbers, { name })`); // prettier-ignore
    if (named.has(name)) throw new WeightsError(`two parameters are called '${name}': name them apart`); // prettier-ignore
    named.set(name, value);
  }
  return named;
}

function list(names: readonly string[]): string {
  const first = names.slice(0, 5).map((name) => `'${name}'`);
  return `${first.join(', ') || 'nothing'}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`; // prettier-ignore
}

/** Writes a file beside it, has the disk keep that, and gives it the other's name. */
function replaceFile(path: string, bytes: Uint8Array): void {
  const made = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  try {
    const file = openSync(made, 'w', 0o666);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(made, path);
    syncFolder(dirname(path));
  } catch (error) {
    discard(made);
    throw new WeightsError(`cannot write ${JSON.stringify(path)}: ${(error as Error).message}`, { cause: error }); // prettier-ignore
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where it could not be made it cannot be removed.
  }
}

/** Has the disk keep the new name. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // it opens no folders
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
