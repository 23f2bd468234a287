/** `vecgrad compare`: trains the four models in turn and prints one table, beside the study's figures. */
import { jsonText } from '../core/escape.js';
import type { ExperimentResult } from '../study/experiment.js';
import {
  groupDigits,
  loss,
  microseconds,
  printable,
  seconds,
  table,
  truncate,
  type TableColumn,
} from '../terminal/format.js';
import type { Io } from './io.js';
import { runtimeInfo, type RuntimeInfo } from './runtime-info.js';
import { modelLines } from './model-lines.js';
import type { CompareArguments } from './commands.js';
import { DEFAULTS } from '../study/defaults.js';
import { progressBar } from './progress.js';
import { resultJson } from './result.js';
import { STUDY, STUDY_STEPS } from './study.js';
import { MODEL_NAMES } from '../study/models/sizes.js';

const WIDTH = 100;
const INVENTED = 5;

export async function compare(given: CompareArguments, io: Io): Promise<void> {
  const { json, input, steps = DEFAULTS.steps, ...options } = given;
  const { docs, source, loadSeconds } = (await io.load())(input);
  const here = await runtimeInfo(io);
  const run = await io.run();
  const results = MODEL_NAMES.map((model) => {
    const bar = progressBar(io.stderr, model, steps);
    try {
      const onStep = bar.onStep && { onStep: bar.onStep };
      return run(model, { ...options, docs, steps, loadSeconds, ...onStep });
    } finally {
      bar.clear();
    }
  });
  io.stdout.write(
    json
      ? `${jsonText({ machine: here, results: results.map(resultJson) })}\n`
      : report(results, here, source),
  );
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'version', align: 'left', gap: 0 },
  { title: 'lines', align: 'right', gap: 2 },
  { title: 'parameters', align: 'right', gap: 2 },
  { title: 'run time', align: 'right', gap: 2 },
  { title: 'µs/step', align: 'right', gap: 2 },
  { title: 'final loss', align: 'right', gap: 2 },
  { title: 'held-out loss', align: 'right', gap: 2 },
  { title: 'study: time', align: 'right', gap: 3 },
  { title: 'study: loss', align: 'right', gap: 2 },
];

function report(results: readonly ExperimentResult[], here: RuntimeInfo, source: string): string {
  const first = results[0]!;
  const lines = results.map((result) => {
    const count = modelLines(result.model);
    const study = STUDY[result.model];
    return [
      result.model,
      Number.isFinite(count) ? String(count) : '-',
      groupDigits(result.params),
      seconds(result.seconds.total),
      microseconds(result.microsecondsPerStep),
      loss(result.finalLoss),
      loss(result.heldOutLoss),
      `${study.seconds} s`,
      study.finalLoss.toFixed(2),
    ];
  });
  const invented = results.map((result) => {
    const names = result.samples.slice(0, INVENTED).map(printable).join(', ');
    return truncate(`  ${result.model.padEnd(9)}${names}`, WIDTH);
  });
  const run =
    `${groupDigits(first.steps)} steps, seed ${first.seed}, ${first.dtype}, ` +
    `${groupDigits(first.docs)} documents (${printable(source)})`;
  return [
    truncate(printable(`vecgrad ${here.version}, ${first.isa}, Node ${here.node}, ${here.cpu}`), WIDTH),
    truncate(run, WIDTH),
    '',
    ...table(COLUMNS, lines),
    '',
    ...notes(first),
    '',
    `invented, ${INVENTED} by each`,
    ...invented,
    '',
  ].join('\n');
}

function notes(first: ExperimentResult): string[] {
  const heldOut = Number.isFinite(first.heldOutLoss)
    ? 'mean over documents not trained on'
    : 'none, of fewer than 10 documents';
  return [
    `final loss: on the last document; held-out loss: ${heldOut}`,
    `study: as published, ${groupDigits(STUDY_STEPS)} steps in Python, on the names of vecgrad data names`,
  ];
}
