/** `vecgrad train MODEL`: one experiment, with an option for everything. */
import { jsonText } from '../core/escape.js';
import type { ExperimentResult } from '../study/experiment.js';
import type { ModelName } from '../study/models/sizes.js';
import { explained } from './explained.js';
import { groupDigits, loss, microseconds, printable, seconds } from '../terminal/format.js';
import type { Io } from './io.js';
import { unusedNote } from './size-options.js';
import type { TrainArguments } from './commands.js';
import { alternatives, oneOf, UsageError } from './usage.js';
import { DEFAULTS } from '../study/defaults.js';
import { progressBar } from './progress.js';
import { resultJson } from './result.js';

export async function train(model: ModelName, given: TrainArguments, io: Io): Promise<void> {
  const { json, input, steps = DEFAULTS.steps, explain, save, every = Infinity, resume, ...options } = given;
  const { docs, source, loadSeconds } = (await io.load())(input, '--save', save);
  if (options.isa !== undefined) await checkIsa(options.isa, io);
  io.stderr.write(unusedNote(model, options.sizes));
  if (explain) {
    const explanation = (await io.explain())(model, { ...options, docs });
    io.stdout.write(json ? `${jsonText(explanation)}\n` : explained(explanation));
    return;
  }
  const run = await io.run();
  const keeper = save === undefined ? undefined : (await io.checkpoints())({ path: save, every, resume });
  const bar = progressBar(io.stderr, model, steps);
  let result: ExperimentResult;
  try {
    result = run(model, {
      ...options,
      docs,
      steps,
      loadSeconds,
      ...(keeper && { keeper }),
      ...(bar.onStep && { onStep: bar.onStep }),
    });
  } finally {
    bar.clear();
  }
  io.stdout.write(json ? `${jsonText(resultJson(result))}\n` : report(result, source));
}

/** Checked here, not in the engine, to distinguish an unknown name from a set that this machine lacks. */
async function checkIsa(isa: string, io: Io): Promise<void> {
  const { compiled, available } = (await io.info()).isas;
  if (compiled.includes(isa) && !available.includes(isa)) {
    throw new UsageError(`this machine cannot run ${isa}: use ${alternatives(available)}`);
  }
  oneOf('ISA', isa, available);
}

function report(result: ExperimentResult, source: string): string {
  const { seconds: time } = result;
  const parts = (['load', 'graph', 'compile', 'train', 'evaluate', 'sample'] as const)
    .map((part) => `${part} ${seconds(time[part])}`)
    .join(', ');
  const heldOut = Number.isFinite(result.heldOutLoss)
    ? loss(result.heldOutLoss)
    : '-  (fewer than 10 documents: none held out)';
  const averaged = Math.min(result.steps, 50);
  const rows = [
    ['documents', `${groupDigits(result.docs)} (${printable(source)})`],
    ['parameters', `${groupDigits(result.params)} at ${groupDigits(result.vocabSize)} tokens`],
    ['final loss', `${loss(result.finalLoss)}  (last ${stepsOf(averaged)}: ${loss(result.last50Loss)})`],
    ['held-out', heldOut],
    ['run time', `${seconds(time.total)}  (${parts})`],
    ['per step', `${microseconds(result.microsecondsPerStep)} µs`],
  ];
  const steps = stepsOf(result.steps);
  const batch = result.batch > 1 ? ` of ${result.batch} documents` : '';
  return [
    `${result.model}, ${steps}${batch}, seed ${result.seed}, ${result.dtype}, ${result.isa}`,
    '',
    ...rows.map(([name, value]) => `${name!.padEnd(12)}${value!}`),
    ...(result.samples.length > 0 ? ['', 'invented', ...result.samples.map(sample)] : []),
    '',
  ].join('\n');
}

function stepsOf(count: number): string {
  return `${groupDigits(count)} ${count === 1 ? 'step' : 'steps'}`;
}

function sample(text: string): string {
  return `  ${printable(text)}`;
}
