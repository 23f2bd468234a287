/** Measures the four models, and the recurrent nets by the size of their state. */
import { embeddedNamesPath, openDocuments, readDocuments, splitHeldOut } from '../study/documents.js';
import { Tokenizer } from '../study/tokenizer.js';
import { runExperiment, type ExperimentResult } from '../study/experiment.js';
import { buildModel } from '../study/build-model.js';
import { MODEL_NAMES } from '../study/models/sizes.js';
import { DEFAULTS } from '../study/defaults.js';
import { addon, chosenIsa } from '../binding/addon.js';
import { Random } from '../runtime/random.js';
import type { Effort } from './effort.js';
import { inTurns, meanOfMedians, microseconds } from './measure.js';
import type { ModelRow, StateRow } from './report.js';

/**
 * Trains every model in both types on every instruction set, with the same steps each time. Each step is
 * timed separately, so that an interruption of one training does not affect the median over all.
 */
export function measureModels(effort: Effort, onModel: (name: string) => void): ModelRow[] {
  const { steps, trainings, models } = effort;
  const docs = openDocuments(embeddedNamesPath());
  const cells = MODEL_NAMES.filter((name) => models?.includes(name) ?? true).flatMap((model) =>
    (['float64', 'float32'] as const).flatMap((dtype) =>
      addon.info().available.map((isa) => ({
        model,
        dtype,
        isa,
        times: [] as number[][],
        results: [] as ExperimentResult[],
      })),
    ),
  );
  for (let turn = 0; turn < trainings; turn++) {
    for (const { model, dtype, isa, times, results } of cells) {
      onModel(model);
      // The beginning of the first step is not known here, so it is not counted.
      const ends: number[] = [];
      const onStep = (): void => {
        ends.push(performance.now());
      };
      results.push(
        runExperiment(model, { docs, steps, seed: DEFAULTS.seed, dtype, isa, samples: 0, onStep }),
      );
      times.push(ends.slice(1).map((end, i) => (end - ends[i]!) * 1000));
    }
  }
  return cells.map(({ model, dtype, isa, times, results }) => {
    const { finalLoss, heldOutLoss } = results[0]!;
    return {
      ...{ model, dtype, isa, steps },
      microsecondsPerStep: meanOfMedians(times),
      finalLoss,
      heldOutLoss: Number.isFinite(heldOutLoss) ? heldOutLoss : null,
    };
  });
}

const PARTS = ['forward', 'backward', 'update'] as const;
const LETTERS = 7;

/**
 * Measures the parts of a step of the two recurrent nets, which differ only in the 16 coordinates that fire
 * in `rnn_att`: their gain grows with the state. Gradients that are products are computed by the update.
 */
export function measureStates({ turns, budget, nStates }: Effort, onSize: (n: number) => void): StateRow[] {
  const docs = readDocuments(embeddedNamesPath());
  new Random(DEFAULTS.seed).shuffle(docs);
  const tokenizer = new Tokenizer(docs);
  const doc = splitHeldOut(docs).train.find((name) => name.length === LETTERS)!;
  const tokens = tokenizer.encode(doc);
  const length = tokens.length - 1;
  const feeds = { tokens: tokens.slice(0, length), targets: tokens.slice(1), length };
  const isa = chosenIsa();
  return nStates.flatMap((nState) => {
    onSize(nState);
    const loops = (['rnn', 'rnn_att'] as const).flatMap((name) => {
      const sizes = { nState, nAtt: 16 };
      const model = buildModel(name, tokenizer.vocabSize, sizes, new Random(DEFAULTS.seed));
      const options = { dtype: 'float32', isa } as const;
      const { program } = model.optimizer(DEFAULTS.steps).minimize(model.loss, options);
      program.takeStep(feeds);
      return PARTS.map((part) => ({
        row: { model: name, nState, part, isa },
        run: () => microseconds(budget / 1000, () => program.runPart(part)),
      }));
    });
    const times = inTurns(
      loops.map(({ run }) => run),
      turns,
    );
    return loops.map(({ row }, i) => ({ ...row, microseconds: times[i]! }));
  });
}
