/**
 * Tokens per second that a trained model samples: the documents of one call one after another, and 200
 * together.
 */
import { buildModel } from '../lib/study/build-model.js';
import type { ModelName } from '../lib/study/models/sizes.js';
import { Random } from '../lib/runtime/random.js';
import { Sampler } from '../lib/study/sampling.js';
import { feedsOf, inTurns, tokenizer, train as documents, type Effort, type Row } from './measure.js';

/** Documents of one call that are sampled together. */
const TOGETHER = 200;

export function samplingRows(models: readonly ModelName[], { turns, steps }: Effort): Row[] {
  const rows = models.flatMap((name) => {
    const dtypes = name === 'scalar' ? (['float32'] as const) : (['float32', 'float64'] as const);
    return dtypes.flatMap((dtype) => {
      const random = new Random(42);
      const model = buildModel(name, tokenizer.vocabSize, {}, random);
      const training = model.optimizer(steps).minimize(model.loss, { dtype });
      for (const doc of documents.slice(0, steps)) training.step(feedsOf(doc, model.sizes.blockSize));
      const sampler = new Sampler(model, tokenizer, { dtype });
      const of = (count: number, calls: number, together: boolean) => () => {
        let tokens = 0;
        const start = performance.now();
        for (let i = 0; i < calls; i++)
          for (const document of sampler.tokens(random, { count, temperature: 0.5, together }))
            tokens += document.length;
        return (tokens * 1000) / (performance.now() - start);
      };
      // What earlier reports call it.
      const what = dtype === 'float32' ? name : `${name} ${dtype}`;
      const calls = Math.ceil(steps / TOGETHER);
      return [
        { what, run: of(name === 'scalar' ? steps / 10 : steps, 1, false) },
        ...(name === 'scalar'
          ? []
          : [{ what: `${what}, ${TOGETHER} together`, run: of(TOGETHER, calls, true) }]),
      ];
    });
  });
  const medians = inTurns(
    rows.map(({ run }) => run),
    turns,
  );
  return rows.map(({ what }, i) => ({ what, value: medians[i]!, unit: 'tokens/s' }));
}
