/**
 * Series: many examples run one after another in one native call. Prepares the call, and explains its faults.
 */
import type { Fault, SeriesFault } from '../binding/addon.js';
import type { SeriesSpec } from '../binding/series-spec.js';
import { byName, shown } from '../core/check.js';
import { meanOf } from '../core/mean.js';
import type { Lowered } from '../compiler/lower/layout.js';
import { checkColumn, checkDataset, isOfKind, unshared, type Column, type Dataset } from './dataset.js';
import { FeedError } from './errors.js';
import { counted, describe, isArray, type FeedReader, type Feeds } from './feeds.js';
import type { IndexInput, Inputs } from './inputs.js';
import { NO_STEP } from './memory.js';

/** The result of a series. */
export interface Runs {
  losses: Float64Array;
  /** The numbers of the update rule for all requested steps, in order. */
  rules: Float64Array;
  /** Whether a loss that is not finite ended it, which may have been the last one that was asked for. */
  stopped: boolean;
  /** The error that ended the series early, if any. */
  error?: Error;
}

/** Returns the update rule's numbers of the next `count` steps, one step after another. */
export type RulesOf = (count: number) => Float64Array;

/** The columns of a series: what its examples are fed. */
export type Columns = Pick<SeriesSpec, 'indices' | 'numbers' | 'lengths'>;

/** The checked columns of many examples. */
export interface Examples {
  columns: Columns;
  /** The index for each column of integers. */
  indices: readonly IndexInput[];
  /** The number of examples. */
  count: number;
}

/** A series of examples, ready to run. */
export interface Series extends Pick<Examples, 'indices' | 'count'> {
  spec: SeriesSpec;
}

/** A series in progress. */
export interface SeriesRun extends Series {
  from: number;
  losses: Float64Array;
  /** Whether it takes steps; otherwise it evaluates. */
  trains: boolean;
  /** How many updates had been skipped before it. */
  skipped: number;
}

/** What a series needs of its program. */
export interface SeriesSource {
  inputs: Inputs;
  feeds: FeedReader;
  lowered: Lowered;
  inverseCount: number;
  /** How many threads a run may use. */
  threads: number;
  /** The arena offset of the loss. */
  loss: number;
  /** Where a run reads the number of its training step. */
  stepSlots: Int32Array;
}

const NO_RULES = new Float64Array();
const NO_INTEGERS = new Int32Array();

/**
 * The examples of a dataset.
 *
 * @throws FeedError where a column is missing or wrong
 */
export function examplesOf({ inputs, feeds }: SeriesSource, dataset: Dataset): Examples {
  const { count, inputs: given } = checkDataset(dataset);
  feeds.checkNames(given);
  // Read once: they may be getters.
  const columns = new Map(inputs.names.map((name) => [name, byName(given, name) ?? undefined]));
  const column = (input: Pick<IndexInput, 'name' | 'label' | 'size'>, ...kinds: Kind[]): Column =>
    readColumn(input, columns.get(input.name), kinds, count);
  const indices = inputs.indices.filter(
    ({ name, needs }) => columns.get(name) !== undefined || needs.some((n) => n > 0),
  );
  const floats = inputs.floats.filter(({ name, isRead }) => isRead || columns.get(name) !== undefined);
  const { countName } = inputs;
  const checked: Columns = {
    indices: indices.map((index) => {
      const { values, starts } = column(index, Int32Array);
      const { slot, size, reads: needs, limits, readAbove: positions } = index;
      return {
        slot,
        size,
        values: values as Int32Array,
        ...(starts && { starts }),
        needs,
        limits,
        positions,
      };
    }),
    numbers: floats.map((input) => {
      const { values, starts } = column(input, Float64Array, Float32Array);
      const { offset, size } = input;
      return { offset, size, values: values as Float64Array | Float32Array, ...(starts && { starts }) };
    }),
    lengths:
      countName === undefined
        ? NO_INTEGERS
        : lengthsOf(countName, column({ name: countName, label: 'the length', size: 1 }, Int32Array), count),
  };
  return { columns: checked, indices, count };
}

/** What a series that takes steps, or evaluates examples together, has besides its examples. */
export type SeriesOptions = Partial<
  Pick<SeriesSpec, 'rules' | 'ruleSize' | 'firstStep' | 'end' | 'stops' | 'threads' | 'batches' | 'rows'>
>;

/** A series; without `options`, one that evaluates examples one by one. */
export function seriesOf(
  { lowered, inverseCount, threads, loss, stepSlots }: SeriesSource,
  { columns, indices, count }: Examples,
  options: SeriesOptions,
): Series {
  // Written out, with all its properties: that takes a third of the time of copying objects into it.
  const spec: SeriesSpec = {
    indices: columns.indices,
    numbers: columns.numbers,
    lengths: columns.lengths,
    inverseCount,
    threads: options.threads ?? threads,
    end: options.end ?? lowered.sections.forward,
    loss,
    rule: lowered.parameters.rule,
    ruleSize: options.ruleSize ?? 0,
    rules: options.rules ?? NO_RULES,
    stepSlots,
    firstStep: options.firstStep ?? NO_STEP,
    stops: options.stops ?? false,
    batches: options.batches,
    rows: options.rows,
  };
  return { spec, indices, count };
}

/** What one example of a series is fed. */
export function feedsOf({ inputs }: SeriesSource, { spec, indices }: Series, example: number): Feeds {
  const length = spec.lengths[example] ?? inputs.maxLength;
  const fed = Object.create(null) as Record<string, number | ArrayLike<number>>;
  spec.indices.forEach(({ values, starts, size }, i) => {
    const start = starts?.[example] ?? example * size;
    const { name, reads } = indices[i]!;
    fed[name] = values.slice(start, start + reads[length]!);
  });
  for (const { offset, values, starts, size } of spec.numbers) {
    const start = starts?.[example] ?? example * size;
    const { name } = inputs.floats.find((input) => input.offset === offset)!;
    fed[name] = values.slice(start, start + size);
  }
  if (inputs.countName !== undefined) fed[inputs.countName] = length;
  return fed;
}

/** A class of typed arrays. */
type Kind = new (n: number) => Column['values'];

/** The checked column of one input, in arrays that no other thread can change. */
function readColumn(
  { name, label, size }: Pick<IndexInput, 'name' | 'label' | 'size'>,
  given: Column | undefined,
  kinds: readonly Kind[],
  count: number,
): Column {
  if (given === undefined) throw new FeedError(`input '${name}' is missing: ${label} needs a column`);
  const first = kinds[0]!.name;
  checkColumn(name, given, first);
  const { values, starts } = given; // read once: they may be getters
  if (starts !== undefined && !isOfKind(starts, Int32Array)) {
    throw new FeedError(
      `input '${name}': starts ${shown(starts)}: expected an Int32Array, an offset in the column ` +
        'for each example',
    );
  }
  if (!kinds.some((kind) => isOfKind(values, kind))) {
    const isNested = describe(values) === 'nested arrays';
    throw new FeedError(
      `input '${name}': ${isNested ? 'nested arrays' : `values ${shown(values)}`}: ${label} needs ` +
        `a column of ${kinds.map((kind) => kind.name).join(' or ')}: all rows in one flat array, ` +
        `${first}.from(${isNested ? 'rows.flat()' : isArray(values) ? 'values' : '...'})`,
    );
  }
  const places = starts ?? values;
  const needed = starts ? count : count * size;
  if (places.length < needed) {
    throw new FeedError(
      `input '${name}': ${counted(places.length, starts ? 'start' : 'number')} for ` +
        `${counted(count, 'example')}: ${label} needs ${needed}`,
    );
  }
  return { values: unshared(values), ...(starts && { starts: unshared(starts) }) };
}

/** The prefix length of each example, from a column. */
function lengthsOf(name: string, { values, starts }: Column, count: number): Int32Array {
  if (!starts) return values as Int32Array;
  return Int32Array.from({ length: count }, (_, i) => {
    const length = values[starts[i]!];
    if (length === undefined)
      throw new FeedError(
        `example ${i}: input '${name}': ${outOfColumn(i, starts[i]!, 'an integer, the length', values)}`,
      );
    return length;
  });
}

/** Describes an example that extends past the end of its column. */
function outOfColumn(example: number, start: number, needed: string, values: Column['values']): string {
  return (
    `starts[${example}] is ${start}, and from there this run needs ${needed}, but its column has ` +
    `${values.length} values: give more values, or another start`
  );
}

/**
 * The error for a series' fault.
 *
 * @param refuseRun throws the error for a fault of a run
 */
export function seriesError(
  { inputs, feeds }: SeriesSource,
  series: Series,
  fault: SeriesFault,
  refuseRun: (fault: Fault, where: string) => never,
): Error {
  const [example] = fault;
  try {
    if (fault.length === 4) refuseRun([fault[1], fault[2], fault[3]], ` of example ${example}`);
    const length = series.spec.lengths[example] ?? inputs.maxLength;
    if (inputs.countName !== undefined) feeds.checkLength(length);
    refuseColumn(inputs, feeds, series, fault, length);
  } catch (error) {
    if (error instanceof FeedError) error.message = `example ${example}: ${error.message}`;
    return error as Error;
  }
}

/** Throws the error for an element of a column, where a series stopped. */
function refuseColumn(
  { floats }: Inputs,
  feeds: FeedReader,
  { spec, indices }: Series,
  [example, column, element]: [example: number, column: number, element: number],
  length: number,
): never {
  if (column >= spec.indices.length) {
    const { starts, values, size, offset } = spec.numbers[column - spec.indices.length]!;
    const { name, label } = floats.find((input) => input.offset === offset)!;
    const needed = `${counted(size, 'number')} for ${label}`;
    const start = starts?.[example] ?? example * size;
    throw new FeedError(`input '${name}': ${outOfColumn(example, start, needed, values)}`);
  }
  const { starts, values, size } = spec.indices[column]!;
  const index = indices[column]!;
  const start = starts?.[example] ?? example * size;
  const x = values[start + element];
  if (x === undefined) {
    const needed = `${counted(index.reads[length], 'integer')} for ${index.label}`;
    throw new FeedError(`input '${index.name}': ${outOfColumn(example, start, needed, values)}`);
  }
  feeds.checkElement(index, element, x, length);
  throw new FeedError('it was changed during training');
}

/** How many steps a series completed. */
export function stepsTaken({ spec, from }: SeriesRun, result: number | SeriesFault): number {
  const size = spec.batches?.size ?? 1;
  return typeof result === 'number' ? Math.ceil(result / size) : Math.floor((result[0] - from) / size);
}

/** The mean of each batch of so many losses. */
export function meansOf(losses: Float64Array, size: number): Float64Array {
  if (size === 1) return losses;
  const batches = Math.ceil(losses.length / size);
  return Float64Array.from({ length: batches }, (_, i) => meanOf(losses.subarray(i * size, (i + 1) * size)));
}
