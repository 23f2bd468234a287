/**
 * The file that `vecgrad bench --json FILE` writes. Its type and its check are derived from one schema. A new
 * field keeps the schema's number; a field that changes its meaning raises it.
 */
import {
  count,
  finite,
  flag,
  identifier,
  list,
  notNegative,
  nullable,
  object,
  oneOf,
  optional,
  positive,
  ReportError,
  text,
  type Checked,
} from './check.js';
import { clipped } from '../core/escape.js';

export const SCHEMA = 'vecgrad-bench/1';

const dtype = oneOf('float32', 'float64');

const machine = object({
  cpu: text,
  arch: text, // process.arch
  platform: text, // process.platform
  system: text, // the operating system's name and release
  cores: count, // that this process may use
  node: text,
  isas: list(object({ name: identifier, vectorBits: count })), // available ones, best first
  chosen: identifier, // the default
  /** The caches of the first core, as the operating system reports them; empty where it does not. */
  caches: list(object({ level: count, type: text, bytes: count })),
  openblas: nullable(object({ version: text, core: text, threads: count })),
  /** Null on a real processor; otherwise the times are the emulator's. */
  emulated: nullable(object({ by: text, because: text })),
});

const peaks = object({
  /** GFLOP/s of independent multiplications and additions. */
  flops: list(object({ isa: identifier, dtype, gflops: positive })),
  /** GB/s of reading, copying or adding arrays, whichever is best, by working set. */
  bandwidth: list(object({ isa: identifier, dtype, bytes: count, gbs: positive })),
});

/** One call of a kernel: the median of several turns. */
const kernel = object({
  kernel: identifier, // as in native/kernels/kernels.def
  shape: oneOf('n', '16 x n', 'n x n', 'n x n x n'),
  n: count,
  dtype,
  isa: identifier, // "openblas" for its matrix products
  nanoseconds: positive,
  flop: notNegative, // 0 where the kernel only calls functions or moves numbers
  bytes: positive, // operands and results, each read or write counted once
  footprint: positive, // the bytes of memory that they occupy
  /** Executed instructions, where they were counted. */
  instructions: optional(positive),
});

/**
 * A model trained with its defaults on the embedded names. The time is the mean over the steps of each step's
 * median over several trainings.
 */
const model = object({
  model: identifier,
  dtype,
  isa: identifier,
  steps: count,
  microsecondsPerStep: positive,
  finalLoss: finite,
  heldOutLoss: nullable(finite),
});

/** One part of a step of a recurrent net on a document of 7 letters, in float32. */
const state = object({
  model: identifier,
  nState: count,
  part: oneOf('forward', 'backward', 'update'),
  isa: identifier,
  microseconds: positive,
});

/** A model of arrays trained in batches of examples; a batch of 1 is a single step. */
const batch = object({
  model: identifier,
  dtype,
  isa: identifier,
  batch: count,
  threads: count,
  microsecondsPerExample: positive,
});

const report = object({
  schema: oneOf(SCHEMA),
  vecgrad: text, // the version of vecgrad
  date: text, // the day, in ISO 8601
  quick: flag,
  machine,
  peaks,
  kernels: list(kernel),
  models: list(model),
  states: list(state),
  /** Missing from the files of earlier versions. */
  batches: optional(list(batch)),
});

export type BenchReport = Checked<typeof report>;
export type Machine = BenchReport['machine'];
export type KernelRow = BenchReport['kernels'][number];
export type ModelRow = BenchReport['models'][number];
export type StateRow = BenchReport['states'][number];
export type BatchRow = NonNullable<BenchReport['batches']>[number];
export type DType = KernelRow['dtype'];

/**
 * Parses and checks a report.
 *
 * @param file its name, for errors
 * @throws ReportError naming file and field where the text is not a report
 */
export function parseReport(source: string, file: string): BenchReport {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new ReportError(`${file} is not JSON: ${clipped((error as Error).message, 200)}`);
  }
  const given = (value as { schema?: unknown } | null)?.schema;
  if (typeof given === 'string' && /^vecgrad-bench\/\d+$/.test(given) && given !== SCHEMA) {
    throw new ReportError(
      `${file}: schema is ${clipped(given)}, this vecgrad reads ${SCHEMA}: run both with one version`,
    );
  }
  try {
    return report(value, '');
  } catch (error) {
    if (!(error instanceof ReportError)) throw error;
    throw new ReportError(`${file}: ${error.message} (expected a file from vecgrad bench --json)`);
  }
}
