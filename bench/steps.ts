/**
 * Microseconds per training step by model, data type and instruction set, also compared with programs written
 * by hand.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Dataset } from '../lib/runtime/dataset.js';
import type { DType } from '../lib/core/array.js';
import { buildModel } from '../lib/study/build-model.js';
import type { ModelName } from '../lib/study/models/sizes.js';
import { addon } from '../lib/binding/addon.js';
import type { Training } from '../lib/optim/training.js';
import { Random } from '../lib/runtime/random.js';
import {
  feedsOf,
  inTurns,
  median,
  microseconds,
  tokenizer,
  train,
  type Effort,
  type Row,
} from './measure.js';

/**
 * A way of training on the same first documents again and again, while the parameters keep learning; returns
 * microseconds per step.
 */
type Way = (model: ModelName, dtype: DType, isa: string | undefined, effort: Effort) => () => number;

/** Rounds per turn when comparing with a program written by hand, which takes as many. */
const rounds = ({ quick }: Effort): number => (quick ? 5 : 51);

function made(
  model: ModelName,
  dtype: DType,
  isa: string | undefined,
  effort: Effort,
): { training: Training; blockSize: number } {
  const { loss, optimizer, sizes } = buildModel(model, tokenizer.vocabSize, {}, new Random(42));
  const steps = effort.steps * (Math.max(effort.turns, effort.processes) + 1) * rounds(effort);
  const training = optimizer(steps).minimize(loss, { dtype, ...(isa && { isa }) });
  return { training, blockSize: sizes.blockSize };
}

/** One call of `step` per document, as in a user's own loop. */
const stepByStep: Way = (model, dtype, isa, effort) => {
  const { training, blockSize } = made(model, dtype, isa, effort);
  const feeds = train.slice(0, effort.steps).map((doc) => feedsOf(doc, blockSize));
  return () => microseconds(effort.steps, (i) => training.step(feeds[i]!));
};

/** One call of `stepEach` for all documents, as in `vecgrad train`. */
export const inOneCall: Way = (model, dtype, isa, effort) => {
  const { training, blockSize } = made(model, dtype, isa, effort);
  const docs = train.slice(0, effort.steps);
  const all = Int32Array.from(docs.keys());
  const dataset = tokenizer.corpus(docs, all).dataset(blockSize);
  return () => microseconds(1, () => trainOn(training, dataset)) / effort.steps;
};

function trainOn(training: Training, dataset: Dataset): void {
  const { length } = training.stepEach(dataset);
  if (length < dataset.count)
    throw new Error(`the training ended after ${training.steps} steps: its loss is not finite`);
}

export const DTYPES = ['float64', 'float32'] as const;

export function stepRows(models: readonly ModelName[], effort: Effort): Row[] {
  const loops = models.flatMap((model) =>
    DTYPES.flatMap((dtype) =>
      addon.info().available.map((isa) => ({
        what: `${model} ${dtype} ${isa}`,
        run: stepByStep(model, dtype, isa, effort),
      })),
    ),
  );
  const medians = inTurns(
    loops.map(({ run }) => run),
    effort.turns,
  );
  const rows: Row[] = loops.map(({ what }, i) => ({ what, value: medians[i]!, unit: 'us/step' }));
  return [...rows, ...ratios(rows, (what) => what.replace(/^rnn_att /, 'rnn '), ' against rnn')];
}

/** The ratio of each row to the row that `other` names, where there is one. */
function ratios(rows: readonly Row[], other: (what: string) => string, suffix: string): Row[] {
  return rows.flatMap(({ what, value }) => {
    const fellow = rows.find((row) => row.what === other(what));
    return fellow && fellow.what !== what
      ? [{ what: what + suffix, value: value / fellow.value, unit: 'times' }]
      : [];
  });
}

const RULERS: Partial<Record<ModelName, string>> = { vector: 'gpt', scalar: 'gpts', rnn: 'rnn' };

/**
 * Programs written by hand for one network each, `NAME_TYPE` in a folder, that print `med X`. They loop over
 * documents in native code, as one call of `stepEach` does.
 */
export function yardstickRows(models: readonly ModelName[], folder: string, effort: Effort): Row[] {
  return models.flatMap((model) => {
    const ruler = RULERS[model];
    if (!ruler) return [];
    return DTYPES.flatMap((dtype): Row[] => {
      const path = join(folder, `${ruler}_${dtype === 'float32' ? 'float' : 'double'}`);
      const byHand = (): number => {
        const { stdout, error } = spawnSync(path, { encoding: 'utf8' });
        const found = /med ([\d.]+)/.exec(stdout);
        if (!found) throw new Error(`${path} prints no median`, { cause: error });
        return Number(found[1]);
      };
      // Like the programs: the median of rounds with as many steps.
      const own = (way: Way) => {
        const round = way(model, dtype, undefined, effort);
        return (): number => median(Array.from({ length: rounds(effort) }, round));
      };
      const [ours, ourCalls, theirs] = inTurns([own(inOneCall), own(stepByStep), byHand], effort.turns) as [
        number,
        number,
        number,
      ];
      return [
        { what: `${model} ${dtype} by hand`, value: theirs, unit: 'us/step' },
        { what: `${model} ${dtype} against it`, value: ours / theirs, unit: 'times' },
        { what: `${model} ${dtype}, a call a step, against it`, value: ourCalls / theirs, unit: 'times' },
      ];
    });
  });
}
