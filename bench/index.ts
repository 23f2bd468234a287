/**
 * `npm run bench`: microseconds per training step by model, data type and instruction set, and the
 * whole process beside an empty one. Rows take turns, so that what slows the machine down for a
 * while slows all of them; every figure is a median.
 *
 *     npm run bench -- [--quick] [--model NAME]... [--json FILE] [--against FILE]
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { embeddedNamesPath, readDocuments, splitHeldOut, Tokenizer } from '../lib/data.js';
import { buildModel, MODEL_NAMES, type DType, type ModelName } from '../lib/experiment.js';
import { addon, nativeInfo } from '../lib/native.js';
import { Random } from '../lib/random.js';

/** The files that `--json` writes and `--against` reads. */
interface Report {
  machine: { cpu: string; isas: string[]; chosen: string; blas: string; node: string };
  quick: boolean;
  steps: { model: ModelName; dtype: DType; isa: string; microseconds: number; compile: number }[];
  processes: { what: string; milliseconds: number }[];
}

interface Loop {
  model: ModelName;
  dtype: DType;
  isa: string;
  /** Milliseconds to write the graph and to compile it, once, in this process. */
  compile: number;
  /** Runs all steps once; returns microseconds per step. */
  run: () => number;
  times: number[];
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    model: { type: 'string', multiple: true, default: [...MODEL_NAMES] },
    json: { type: 'string' },
    against: { type: 'string' },
  },
});
const { quick } = options;
const models = MODEL_NAMES.filter((name) => options.model.includes(name));
if (!models.length) throw new Error(`no model is called ${options.model.join(' or ')}; there are ${MODEL_NAMES.join(', ')}`); // prettier-ignore
const STEPS = quick ? 200 : 1000;
const TURNS = quick ? 3 : 9;
const PROCESSES = quick ? 3 : 7;

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

// --- steps ---

const docs = readDocuments(embeddedNamesPath());
new Random(42).shuffle(docs);
const tokenizer = new Tokenizer(docs);
const { train } = splitHeldOut(docs);

/** A training and its first documents, fed again and again: the parameters learn on. */
function loop(model: ModelName, dtype: DType, isa: string): Loop {
  const started = performance.now();
  const { loss, optimizer, sizes } = buildModel(model, tokenizer.vocabSize, {}, new Random(42)); // prettier-ignore
  const training = optimizer(STEPS * (TURNS + 1)).minimize(loss, { dtype, isa });
  const compile = performance.now() - started;
  const run = (): number => {
    const start = performance.now();
    for (let step = 0; step < STEPS; step++) {
      const all = tokenizer.encode(train[step]!);
      const length = Math.min(sizes.blockSize, all.length - 1);
      training.step({ tokens: all.slice(0, length), targets: all.slice(1, length + 1), length });
    }
    return ((performance.now() - start) * 1000) / STEPS;
  };
  return { model, dtype, isa, compile, run, times: [] };
}

function measureSteps(): Report['steps'] {
  const loops: Loop[] = [];
  for (const model of models) {
    for (const dtype of ['float64', 'float32'] as const) {
      for (const isa of addon.info().available) loops.push(loop(model, dtype, isa));
    }
  }
  for (const { run } of loops) run(); // warm-up
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { run, times } of loops) times.push(run());
  }
  return loops.map(({ model, dtype, isa, compile, times }) => ({ model, dtype, isa, microseconds: median(times), compile })); // prettier-ignore
}

// --- processes ---

function measureProcesses(): Report['processes'] {
  const cli = fileURLToPath(new URL('../dist/cli.cjs', import.meta.url));
  const commands = [
    { what: 'node -e 0', args: ['-e', '0'] },
    ...models.map((model) => ({ what: `train ${model}`, args: [cli, 'train', model, '--json'] })),
  ].map((command) => ({ ...command, times: [] as number[] }));
  for (let turn = 0; turn < PROCESSES; turn++) {
    for (const { what, args, times } of commands) {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, args, { maxBuffer: 1 << 28 });
      if (status !== 0) throw new Error(`${what} ended with ${String(status)}: ${stderr.toString()}`); // prettier-ignore
      times.push(performance.now() - start);
    }
  }
  return commands.map(({ what, times }) => ({ what, milliseconds: median(times) }));
}

// --- the report ---

/** Columns as wide as what is in them: the first `left` to the left, numbers to the right. */
function print(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  left: number,
): void {
  // prettier-ignore
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length))); // prettier-ignore
  for (const row of [header, widths.map((n) => '-'.repeat(n)), ...rows]) {
    console.log(row.map((cell, i) => (i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ').trimEnd()); // prettier-ignore
  }
  console.log();
}

/** A time as a multiple of an earlier one, where there is one. */
const ratio = (now: number, before: number | undefined): string => (before ? `x ${(now / before).toFixed(2)}` : ''); // prettier-ignore

const earlier = options.against ? (JSON.parse(readFileSync(options.against, 'utf8')) as Report) : undefined; // prettier-ignore
const { isas, openblas, cpu } = nativeInfo();
const machine = { cpu, isas: isas.available, chosen: isas.chosen, blas: openblas.version, node: process.version }; // prettier-ignore
console.log(`${cpu}, ${isas.available.join(' ')}, Node ${process.version}, ${openblas.version}`); // prettier-ignore
console.log(`steps: median of ${TURNS} x ${STEPS}; processes: median of ${PROCESSES}${quick ? '; --quick: a first impression only' : ''}\n`); // prettier-ignore

const beside = earlier ? ['against'] : [];
const steps = measureSteps();
print(
  ['model', 'dtype', 'isa', 'us/step', ...beside, 'compile ms'],
  steps.map(({ model, dtype, isa, microseconds, compile }) => {
    const before = earlier?.steps.find((row) => row.model === model && row.dtype === dtype && row.isa === isa); // prettier-ignore
    const against = earlier ? [ratio(microseconds, before?.microseconds)] : [];
    return [model, dtype, isa, microseconds.toFixed(1), ...against, compile.toFixed(0)];
  }),
  3,
);

const processes = measureProcesses();
const empty = processes[0]!.milliseconds;
print(
  ['process', 'ms', ...beside, 'above node -e 0'],
  processes.map(({ what, milliseconds }) => {
    const before = earlier?.processes.find((row) => row.what === what);
    const against = earlier ? [ratio(milliseconds, before?.milliseconds)] : [];
    return [what, milliseconds.toFixed(0), ...against, (milliseconds - empty).toFixed(0)];
  }),
  1,
);

if (options.json) {
  const report: Report = { machine, quick, steps, processes };
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
}
if (earlier && earlier.machine.cpu !== cpu) console.log(`The earlier figures are of another machine: ${earlier.machine.cpu}.`); // prettier-ignore
