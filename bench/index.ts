/**
 * `npm run bench`: steps, operators, sizes, convolutions, sparse updates, batches, simulated cores, sampling,
 * processes and their first steps, other work beside a training, and compile time by graph and by size.
 * Things that are compared take turns; every figure is a median unless it says otherwise.
 *
 *     npm run bench -- [--quick] [--model NAME]... [--only TABLE]... [--yardstick DIR]
 *                      [--json FILE] [--against FILE]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MODEL_NAMES, type ModelName } from '../lib/study/models/sizes.js';
import { checkWritable, writeFile } from '../lib/core/write-file.js';
import { isSameFile } from '../lib/core/path.js';
import { nativeInfo } from '../lib/binding/native-info.js';
import { batchRows } from './batches.js';
import { compileRows } from './compile.js';
import { convolutionRows } from './convolution.js';
import { coreRows } from './cores.js';
import { firstStepRows } from './first-steps.js';
import { gptRows } from './gpt.js';
import type { Effort, Row } from './measure.js';
import { memoryRows } from './memory.js';
import { operatorRows } from './operators.js';
import { processRows } from './processes.js';
import { responsivenessRows } from './responsiveness.js';
import { samplingRows } from './sampling.js';
import { scalingRows } from './scaling.js';
import { skipGramRows } from './skip-gram.js';
import { stepRows, yardstickRows } from './steps.js';
import { threadRows } from './threads.js';
import { widthRows } from './widths.js';

/** The files that `--json` writes and `--against` reads. */
interface Report {
  machine: { cpu: string; isas: string[]; chosen: string; blas: string; node: string };
  quick: boolean;
  tables: Record<string, Row[]>;
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    model: { type: 'string', multiple: true, default: [...MODEL_NAMES] },
    only: { type: 'string', multiple: true },
    yardstick: { type: 'string' },
    json: { type: 'string' },
    against: { type: 'string' },
  },
});
const { quick, only, yardstick } = options;
const models = chosen('model', MODEL_NAMES, options.model);
const effort: Effort = quick
  ? { quick, turns: 3, steps: 200, processes: 3 }
  : { quick, turns: 9, steps: 1000, processes: 15 };

/** The tables; each runs alone, so that none disturbs another. */
const TABLES: Record<string, (models: readonly ModelName[], effort: Effort) => Row[] | Promise<Row[]>> = {
  steps: stepRows,
  ...(yardstick !== undefined && { yardstick: (names, how) => yardstickRows(names, yardstick, how) }),
  operators: (_, how) => operatorRows(how),
  widths: (_, how) => widthRows(how),
  gpt: (_, how) => gptRows(how),
  convolution: (_, how) => convolutionRows(how),
  'skip-gram': (_, how) => skipGramRows(how),
  memory: (_, how) => memoryRows(how),
  batches: batchRows,
  threads: (_, how) => threadRows(how),
  cores: (_, how) => coreRows(how),
  sampling: samplingRows,
  processes: processRows,
  'first-steps': firstStepRows,
  responsiveness: responsivenessRows,
  compile: (_, how) => compileRows(how),
  scaling: (_, how) => scalingRows(how),
};

function chosen<T extends string>(what: string, known: readonly T[], given: readonly string[]): T[] {
  const unknown = given.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined)
    throw new Error(`no ${what} is named '${unknown}': expected one of ${known.join(', ')}`);
  return known.filter((name) => given.includes(name));
}

if (options.json !== undefined) {
  checkWritable(options.json);
  if (options.against !== undefined && isSameFile(options.json, options.against))
    throw new Error(`--json ${options.json} is the file that --against reads: give the name of another`);
}
const earlier = options.against ? (JSON.parse(readFileSync(options.against, 'utf8')) as Report) : undefined;
const { isas, openblas, cpu } = nativeInfo();
const machine = {
  cpu,
  isas: isas.available,
  chosen: isas.chosen,
  blas: openblas.version,
  node: process.version,
};
console.log(`${cpu}, ${isas.available.join(' ')}, Node ${process.version}, ${openblas.version}`);
console.log(
  `medians of ${effort.turns} turns, of ${effort.processes} for ` +
    `processes${quick ? '; --quick: rough figures' : ''}`,
);

const tables: Report['tables'] = {};
for (const name of chosen('table', Object.keys(TABLES), only ?? Object.keys(TABLES))) {
  const rows = await TABLES[name]!(models, effort);
  tables[name] = rows;
  console.log(`\n${name}`);
  const width = Math.max(...rows.map(({ what }) => what.length));
  const shown = (value: number): string =>
    (value >= 1000 ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1)).padStart(9);
  for (const { what, value, unit, beside } of rows) {
    const before = earlier?.tables[name]?.find((row) => row.what === what)?.value;
    const against = before === undefined ? '' : `  x ${(value / before).toFixed(2)}`;
    const other = beside
      ? `  ${beside.what} ${shown(beside.value).trim()}, x ${(value / beside.value).toFixed(2)}`
      : '';
    console.log(`  ${what.padEnd(width)}  ${shown(value)} ${unit.padEnd(11)}${against}${other}`.trimEnd());
  }
}

if (options.json) {
  const report: Report = { machine, quick, tables };
  writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
}
if (earlier && earlier.machine.cpu !== cpu)
  console.log(`\nThe earlier figures are of another machine: ${earlier.machine.cpu}.`);
