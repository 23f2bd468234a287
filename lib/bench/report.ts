/**
 * The file that `vecgrad bench --json FILE` writes: its schema, from which its type and its check
 * are made. A field that is added keeps the schema's number; one that changes its meaning raises it.
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
  system: text, // name and release of the operating system
  cores: count, // that this process may use
  node: text,
  isas: list(object({ name: identifier, vectorBits: count })), // available ones, best first
  chosen: identifier, // what is used where nothing is asked for
  /** Those of the first core, as the operating system tells; empty where it does not. */
  caches: list(object({ level: count, type: text, bytes: count })),
  openblas: nullable(object({ version: text, core: text, threads: count })),
  /** Null on a real processor; otherwise its times are the emulator's. */
  emulated: nullable(object({ by: text, because: text })),
});

const peaks = object({
  /** GFLOP/s of multiplications and additions that do not wait for each other. */
  flops: list(object({ isa: identifier, dtype, gflops: positive })),
  /** GB/s of reading, copying or adding arrays, the best of them, by the bytes worked on. */
  bandwidth: list(object({ isa: identifier, dtype, bytes: count, gbs: positive })),
});

/** One call of a kernel: the median of several turns. */
const kernel = object({
  kernel: identifier, // as in native/kernels/kernels.def
  shape: oneOf('n', '16 x n', 'n x n', 'n x n x n'),
  n: count,
  dtype,
  isa: identifier, // "openblas": its products in place of ours
  nanoseconds: positive,
  flop: notNegative, // 0 where a function is computed or nothing is
  bytes: positive, // of operands and results, each counted once for a read or a write
  footprint: positive, // bytes of memory that they lie in
  /** Instructions that the processor executed, where something counted them. */
  instructions: optional(positive),
});

/**
 * A model trained with its defaults on the embedded names; its time is the mean over the steps, each
 * by its median over several trainings.
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

/** A part of a step of a recurrent net on a document of 7 letters, in float32. */
const state = object({
  model: identifier,
  nState: count,
  part: oneOf('forward', 'backward', 'update'),
  isa: identifier,
  microseconds: positive,
});

const report = object({
  schema: oneOf(SCHEMA),
  vecgrad: text, // its version
  date: text, // ISO 8601, of the day
  quick: flag,
  machine,
  peaks,
  kernels: list(kernel),
  models: list(model),
  states: list(state),
});

export type BenchReport = Checked<typeof report>;
export type Machine = BenchReport['machine'];
export type KernelRow = BenchReport['kernels'][number];
export type ModelRow = BenchReport['models'][number];
export type StateRow = BenchReport['states'][number];
export type DType = KernelRow['dtype'];

/**
 * The report that a file's text is.
 *
 * @param file its name, for the error
 * @throws ReportError naming file and field where the text is none
 */
export function parseReport(source: string, file: string): BenchReport {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new ReportError(`${file} is no JSON: ${clipped((error as Error).message, 200)}`);
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
    throw new ReportError(`${file}: ${error.message} (a file that vecgrad bench --json wrote is expected)`);
  }
}
