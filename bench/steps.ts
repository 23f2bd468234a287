/** Microseconds per training step by model, data type and instruction set, and beside a yardstick. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildModel, type DType, type ModelName } from '../lib/experiment.js';
import { addon } from '../lib/native.js';
import { Random } from '../lib/random.js';
import { feedsOf, inTurns, median, microseconds, tokenizer, train, type Effort, type Row } from './measure.js'; // prettier-ignore

/** A training fed its first documents, as tokens, again and again: the parameters learn on. */
function training(model: ModelName, dtype: DType, isa: string | undefined, { steps, turns }: Effort): () => number {
  const { loss, optimizer, sizes } = buildModel(model, tokenizer.vocabSize, {}, new Random(42)); // prettier-ignore
  const made = optimizer(steps * (turns + 1)).minimize(loss, { dtype, ...(isa && { isa }) });
  const feeds = train.slice(0, steps).map((doc) => feedsOf(doc, sizes.blockSize));
  return () => microseconds(steps, (i) => made.step(feeds[i]!));
} // prettier-ignore

const DTYPES = ['float64', 'float32'] as const;

export function stepRows(models: readonly ModelName[], effort: Effort): Row[] {
  const loops = models.flatMap((model) =>
    DTYPES.flatMap(
      (dtype) =>
      addon.info().available.map((isa) => ({ what: `${model} ${dtype} ${isa}`, run: training(model, dtype, isa, effort) })), // prettier-ignore
    ),
  );
  const medians = inTurns(loops.map(({ run }) => run), effort.turns); // prettier-ignore
  const rows: Row[] = loops.map(({ what }, i) => ({ what, value: medians[i]!, unit: 'us/step' }));
  return [...rows, ...ratios(rows, (what) => what.replace(/^rnn_att /, 'rnn '), ' against rnn')];
}

/** Each row that `other` finds a fellow of, over it. */
function ratios(rows: readonly Row[], other: (what: string) => string, suffix: string): Row[] {
  return rows.flatMap(({ what, value }) => {
    const fellow = rows.find((row) => row.what === other(what));
    return fellow && fellow.what !== what ? [{ what: what + suffix, value: value / fellow.value, unit: 'times' }] : []; // prettier-ignore
  });
}

const RULERS: Partial<Record<ModelName, string>> = { vector: 'gpt', scalar: 'gpts', rnn: 'rnn' };

/** Programs written by hand for one network each, `NAME_TYPE` in a folder, that print `med X`. */
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
      const round = training(model, dtype, undefined, effort);
      // As theirs: the median of rounds of as many steps.
      const own = (): number => median(Array.from({ length: effort.quick ? 5 : 51 }, round));
      const [ours, theirs] = inTurns([own, byHand], effort.turns) as [number, number];
      return [
        { what: `${model} ${dtype} by hand`, value: theirs, unit: 'us/step' },
        { what: `${model} ${dtype} against it`, value: ours / theirs, unit: 'times' },
      ];
    });
  });
}
