/** Saves and loads parameters by name, in safetensors files, which other libraries read and write too. */
import { clipped } from '../core/escape.js';
import { valuesOf, type Value } from '../value/value.js';
import { setNumbers } from '../value/leaves.js';
import { TensorFile, textsOf, WeightsError, writeTensors, type Metadata } from './tensor-file.js';

export { WeightsError };

/**
 * Writes the numbers of parameters to a safetensors file, under their names: float64, or float32 where a
 * training in float32 wrote them last. The file is replaced atomically: a crash at any moment leaves the
 * earlier file or the new one.
 *
 * @param metadata strings to keep with them, by name
 * @throws WeightsError when a parameter has no name, or the same name as another, or the file cannot be
 * written
 * @throws SafetensorsError when a name or string is not valid Unicode (a lone surrogate)
 */
export function saveWeights(path: string, parameters: readonly Value[], metadata: Metadata = {}): void {
  const texts = textsOf('saveWeights: metadata', metadata);
  const named = byName(parameters);
  const tensors = new Map([...named].map(([name, { shape, data }]) => [name, { shape, data }]));
  writeTensors(path, tensors, texts);
}

/**
 * Sets parameters to the numbers that a file has under their names; returns the file's metadata. No number is
 * rounded, except integers beyond 2^53: a parameter that a training in float32 wrote last becomes float64 if
 * float32 cannot hold the numbers, until the next step of such a training.
 *
 * @throws WeightsError when the file cannot be read, lacks a parameter, has it in another shape, or has other
 * arrays; no parameter is changed then
 * @throws SafetensorsError when it is not a safetensors file
 */
export function loadWeights(path: string, parameters: readonly Value[]): Record<string, string> {
  const named = byName(parameters);
  const { numbers, metadata } = TensorFile.read(path, (file) => {
    for (const [name, { shape }] of named) file.check(name, shape);
    file.checkNoMore((name) => named.has(name), 'no parameter is named');
    return {
      numbers: [...named].map(([name, { shape }]) => file.numbers(name, shape)),
      metadata: file.metadata,
    };
  });
  let i = 0;
  for (const value of named.values()) setNumbers(value, numbers[i++]!);
  return Object.fromEntries(metadata);
}

function byName(parameters: readonly Value[]): Map<string, Value> {
  const named = new Map<string, Value>();
  for (const value of valuesOf('parameters', parameters)) {
    const { name } = value;
    if (value.op !== 'parameter') throw new WeightsError(`${value.label} is not a parameter`);
    if (name === undefined)
      throw new WeightsError(`${value.label} has no name: give one, as in parameter(numbers, { name })`);
    const other = named.get(name);
    if (other === value)
      throw new WeightsError(`${value.label} is in the list of parameters twice: give it once`);
    if (other)
      throw new WeightsError(
        `two parameters are called '${clipped(name)}', ${other.label} and ${value.label}: give them ` +
          'different names',
      );
    named.set(name, value);
  }
  return named;
}
