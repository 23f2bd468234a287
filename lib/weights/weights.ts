/** Saves and loads parameters by name, in safetensors files, which other libraries read and write too. */
import { checkBoolean, checkOptions, shown, type Known } from '../core/check.js';
import { clipped, quoted } from '../core/escape.js';
import { sameShape, show } from '../core/shape.js';
import { valuesOf, type Value } from '../value/value.js';
import { setAllNumbers } from '../value/leaves.js';
import { NameChoice, Renaming, type Names, type Rename } from './name-rules.js';
import { firstNames, TensorFile, textsOf, WeightsError, writeTensors, type Metadata } from './tensor-file.js';

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

/** Options of {@link loadWeights}. */
export interface LoadOptions {
  /** Only arrays whose names begin with this are read, by the rest of their names. */
  prefix?: string;
  /** What arrays are called here: see {@link Rename}. By default as in the file. */
  rename?: Rename;
  /**
   * The parameters, by their names, whose matrices stand the other way round in the file: PyTorch's `Linear`
   * has weights of shape [outputs, inputs].
   */
  transpose?: Names;
  /**
   * Whether the file has to have all parameters and no other arrays, and each rule to match a name. True by
   * default; if false, what is there is read, and the rest reported.
   */
  strict?: boolean;
}

const LOAD_OPTIONS: Known<LoadOptions> = { prefix: true, rename: true, transpose: true, strict: true };

/** What {@link loadWeights} did. */
export interface LoadReport {
  /** The parameters that were set, by name. */
  loaded: string[];
  /** Those of which the file has no numbers. */
  missing: string[];
  /** The file's names of arrays that are of no parameter. */
  unexpected: string[];
  /** The strings that the file has, by name. */
  metadata: Record<string, string>;
}

/**
 * Sets parameters to the numbers that a file has under their names. No number is rounded, except integers
 * beyond 2^53: a parameter that a training in float32 wrote last becomes float64 if float32 cannot hold the
 * numbers, until the next step of such a training.
 *
 * @throws WeightsError when the file cannot be read, lacks a parameter, has it in another shape, or has other
 * arrays (see `strict`), or two of its arrays get one name; no parameter is changed then
 * @throws SafetensorsError when it is not a safetensors file
 */
export function loadWeights(
  path: string,
  parameters: readonly Value[],
  options: LoadOptions = {},
): LoadReport {
  checkOptions('loadWeights', options, LOAD_OPTIONS);
  const named = byName(parameters);
  const { strict = true } = options;
  checkBoolean('strict', strict);
  const rules = rulesOf(options);
  const { numbers, report } = TensorFile.read(path, (file) => {
    const sources = sourcesOf(file, rules);
    const missing = [...named.keys()].filter((name) => !sources.has(name));
    const unexpected = [...sources].flatMap(([name, source]) => (named.has(name) ? [] : [source]));
    if (strict) checkComplete(file, sources, rules.prefix, { missing, unexpected });
    const found = [...named].flatMap(([name, value]) => {
      const source = sources.get(name);
      return source === undefined ? [] : [{ name, value, source, isTurned: rules.transpose.has(name) }];
    });
    for (const each of found) checkShapeOf(file, each);
    if (strict) checkUsed(file, [rules.rename, rules.transpose]);
    return {
      numbers: new Map(found.map((each) => [each.value, readOne(file, each)])),
      report: {
        loaded: found.map(({ name }) => name),
        missing,
        unexpected,
        metadata: Object.fromEntries(file.metadata),
      },
    };
  });
  setAllNumbers(numbers);
  return report;
}

interface Rules {
  prefix: string;
  rename: Renaming;
  transpose: NameChoice;
}

function rulesOf({ prefix = '', rename = [], transpose = [] }: LoadOptions): Rules {
  checkPrefix(prefix);
  return {
    prefix,
    rename: new Renaming('rename', rename),
    transpose: new NameChoice('transpose', transpose),
  };
}

export function checkPrefix(given: unknown): void {
  if (typeof given !== 'string')
    throw new TypeError(`prefix ${shown(given)}: expected the beginning of names`);
}

/** The file's name of each array, by the name that it has here. */
export function sourcesOf(
  file: TensorFile,
  { prefix, rename }: Pick<Rules, 'prefix' | 'rename'>,
): Map<string, string> {
  const sources = new Map<string, string>();
  for (const source of file.names) {
    if (!source.startsWith(prefix)) continue;
    const name = rename.of(source.slice(prefix.length));
    if (name === undefined) continue;
    const other = sources.get(name);
    if (other !== undefined)
      throw new WeightsError(
        `${file.shown}: '${clipped(other)}' and '${clipped(source)}' are both '${clipped(name)}' by prefix ` +
          'and rename: give rules by which each has a name of its own',
      );
    sources.set(name, source);
  }
  return sources;
}

/** @throws WeightsError that names what is missing, or what was not expected */
export function checkComplete(
  file: TensorFile,
  sources: ReadonlyMap<string, string>,
  prefix: string,
  { missing, unexpected }: Pick<LoadReport, 'missing' | 'unexpected'>,
): void {
  if (missing.length > 0 && prefix !== '' && !file.names.some((name) => name.startsWith(prefix)))
    throw new WeightsError(
      `${file.shown}: no name begins with prefix ${quoted(prefix)}: it has ${firstNames(file.names)}`,
    );
  if (missing.length > 0)
    throw new WeightsError(
      `${file.shown} has no ${firstNames(missing)}: it has ${firstNames([...sources.keys()])}`,
    );
  if (unexpected.length > 0)
    throw new WeightsError(`${file.shown} has ${firstNames(unexpected)} too, which no parameter is named`);
}

/** @throws WeightsError that names the rules that matched no name: they are probably misspelt */
export function checkUsed(file: TensorFile, rules: readonly (Renaming | NameChoice)[]): void {
  const unused = rules.flatMap((rule) => rule.unused);
  if (unused.length > 0)
    throw new WeightsError(
      `${file.shown}: no name is matched by ${unused.join(', ')}: mend the rule, or give strict: false`,
    );
}

/** A parameter, and the array of the file that it is set to. */
interface Found {
  name: string;
  value: Value;
  source: string;
  /** Whether its matrix stands the other way round there. */
  isTurned: boolean;
}

function checkShapeOf(file: TensorFile, { name, value, source, isTurned }: Found): void {
  const { shape } = value;
  const given = file.shapeOf(source)!;
  if (isTurned && shape.length !== 2)
    throw new WeightsError(
      `${file.shown}: transpose of '${clipped(name)}', which has shape ${show(shape)}: only a matrix has ` +
        'rows and columns',
    );
  const expected = isTurned ? shape.toReversed() : shape;
  if (sameShape(given, expected)) return;
  const called = name === source ? '' : `, which is '${clipped(name)}' here,`;
  const isTransposed = !isTurned && given.length === 2 && sameShape(given, shape.toReversed());
  throw new WeightsError(
    `${file.shown}: '${clipped(source)}'${called} has shape ${show(given)}: expected ${show(expected)}` +
      (isTurned ? ', whose transpose the parameter has' : '') +
      (isTransposed ? '; transpose turns matrices round, such as those of PyTorch' : ''),
  );
}

function readOne(file: TensorFile, { value, source, isTurned }: Found): Float64Array {
  const given = file.shapeOf(source)!;
  const numbers = file.numbers(source, given);
  if (!isTurned) return numbers;
  return transposed(numbers, value.shape as [number, number]);
}

/** The numbers of a matrix of this shape, from those of its transpose. */
export function transposed(numbers: Float64Array, [rows, columns]: readonly [number, number]): Float64Array {
  return Float64Array.from(numbers, (_, i) => numbers[(i % columns) * rows + Math.floor(i / columns)]!);
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
