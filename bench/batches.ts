/**
 * Batches: microseconds per example of single steps, and of steps on batches of several sizes, on one thread
 * and on two, each way in one call of `stepEach` for all examples; and of evaluating them in one call, one by
 * one and together.
 */
import { ALL_PASSES, type PassName } from '../lib/compiler/passes.js';
import { buildModel } from '../lib/study/build-model.js';
import type { ModelName } from '../lib/study/models/sizes.js';
import { Random } from '../lib/runtime/random.js';
import { inTurns, microseconds, tokenizer, train, type Effort, type Row } from './measure.js';

const WAYS = [
  { batch: 1, threads: 1 },
  { batch: 8, threads: 1 },
  { batch: 32, threads: 1 },
  { batch: 32, threads: 2 },
  { batch: 512, threads: 1 },
] as const;

const ONE_BY_ONE: ReadonlySet<PassName> = new Set([...ALL_PASSES].filter((name) => name !== 'rows'));
const EVALUATIONS = [
  { how: 'evaluated one by one', passes: ONE_BY_ONE },
  { how: 'evaluated together', passes: ALL_PASSES },
] as const;

export function batchRows(models: readonly ModelName[], { turns, steps }: Effort): Row[] {
  const count = Math.min(train.length, 512 * Math.ceil(steps / 512));
  const corpus = tokenizer.corpus(
    train.slice(0, count),
    Int32Array.from({ length: count }, (_, i) => i),
  );
  const loops = models.flatMap((name) =>
    (['float32', 'float64'] as const).flatMap((dtype) => [
      ...WAYS.map(({ batch, threads }) => {
        const { loss, optimizer, sizes } = buildModel(name, tokenizer.vocabSize, {}, new Random(42));
        // A rate so low that all ways compute on nearly the same numbers.
        const training = optimizer(count * (turns + 1), 1e-5).minimize(loss, { dtype, batches: batch > 1 });
        const dataset = corpus.dataset(sizes.blockSize);
        const options = batch > 1 ? { batch, threads } : {};
        const how = batch > 1 ? `batches of ${batch} on ${threads}` : 'single steps';
        return {
          what: `${name} ${dtype}, ${how}`,
          run: () => microseconds(1, () => training.stepEach(dataset, 0, count, options)) / count,
        };
      }),
      ...EVALUATIONS.map(({ how, passes }) => {
        const { loss, optimizer, sizes } = buildModel(name, tokenizer.vocabSize, {}, new Random(42));
        const training = optimizer(1).minimize(loss, { dtype, passes });
        const dataset = corpus.dataset(sizes.blockSize);
        return {
          what: `${name} ${dtype}, ${how}`,
          run: () => microseconds(1, () => training.evaluateEach(dataset)) / count,
        };
      }),
    ]),
  );
  const medians = inTurns(
    loops.map(({ run }) => run),
    turns,
  );
  const rows = loops.map(({ what }, i): Row => ({ what, value: medians[i]!, unit: 'us/example' }));
  const ratio = (name: string, one: string, other: string): Row => {
    const [a, b] = [one, other].map((how) => rows.find(({ what }) => what === `${name}, ${how}`)!.value);
    return { what: `${name}, ${one} to ${other}`, value: a! / b!, unit: 'times' };
  };
  const names = models.flatMap((name) => ['float32', 'float64'].map((dtype) => `${name} ${dtype}`));
  return [
    ...rows,
    ...names.map((name) => ratio(name, 'batches of 32 on 1', 'single steps')),
    ...names.map((name) => ratio(name, 'batches of 32 on 1', 'batches of 32 on 2')),
  ];
}
