/** Tokens per second that a trained model samples. */
import { buildModel } from '../lib/study/build-model.js';
import type { ModelName } from '../lib/study/models/sizes.js';
import { Random } from '../lib/runtime/random.js';
import { Sampler } from '../lib/study/sampling.js';
import { feedsOf, inTurns, tokenizer, train as documents, type Effort, type Row } from './measure.js';

export function samplingRows(models: readonly ModelName[], { turns, steps }: Effort): Row[] {
  const loops = models.map((name) => {
    const random = new Random(42);
    const model = buildModel(name, tokenizer.vocabSize, {}, random);
    const training = model.optimizer(steps).minimize(model.loss, { dtype: 'float32' });
    for (const doc of documents.slice(0, steps)) training.step(feedsOf(doc, model.sizes.blockSize));
    const sampler = new Sampler(model, tokenizer, { dtype: 'float32' });
    const count = name === 'scalar' ? steps / 10 : steps;
    return () => {
      const start = performance.now();
      const invented = sampler.tokens(random, { count, temperature: 0.5 });
      const tokens = invented.reduce((sum, document) => sum + document.length, 0);
      return (tokens * 1000) / (performance.now() - start);
    };
  });
  const medians = inTurns(loops, turns);
  return models.map((what, i) => ({ what, value: medians[i]!, unit: 'tokens/s' }));
}
