/**
 * Batches of 32 examples: microseconds per example, on one thread (the default), on two, and on all
 * processors.
 */
import { availableParallelism } from 'node:os';
import { buildModel } from '../lib/study/build-model.js';
import type { ModelName } from '../lib/study/models/sizes.js';
import { Random } from '../lib/runtime/random.js';
import { feedsOf, inTurns, microseconds, tokenizer, train, type Effort, type Row } from './measure.js';

const DOCUMENTS = 32;

export function batchRows(models: readonly ModelName[], { turns, steps }: Effort): Row[] {
  const counts = [...new Set([1, 2, availableParallelism()])];
  const batches = Math.ceil(steps / DOCUMENTS);
  const loops = models.flatMap((name) =>
    counts.map((threads) => {
      const { loss, optimizer, sizes } = buildModel(name, tokenizer.vocabSize, {}, new Random(42));
      const training = optimizer(batches * (turns + 1)).minimize(loss, { batches: true });
      const fed = Array.from({ length: batches }, (_, i) =>
        train.slice(i * DOCUMENTS, (i + 1) * DOCUMENTS).map((doc) => feedsOf(doc, sizes.blockSize)),
      );
      return {
        what: `${name} float64, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        run: () => microseconds(batches, (i) => training.stepBatch(fed[i]!, { threads })) / DOCUMENTS,
      };
    }),
  );
  const medians = inTurns(
    loops.map(({ run }) => run),
    turns,
  );
  return loops.map(({ what }, i) => ({ what, value: medians[i]!, unit: 'us/document' }));
}
