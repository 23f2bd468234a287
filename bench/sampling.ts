/** Tokens a second that a model invents. */
import { buildModel, type ModelName } from '../lib/experiment.js';
import { Random } from '../lib/random.js';
import { Sampler } from '../lib/sampling.js';
import { inTurns, tokenizer, type Effort, type Row } from './measure.js';

export function samplingRows(models: readonly ModelName[], { turns, steps }: Effort): Row[] {
  const loops = models.map((name) => {
    const random = new Random(42);
    const model = buildModel(name, tokenizer.vocabSize, {}, random);
    const sampler = new Sampler(model, tokenizer, { dtype: 'float32' });
    const count = name === 'scalar' ? steps / 10 : steps;
    return () => {
      const start = performance.now();
      const documents = sampler.tokens(random, { count, temperature: 0.5 });
      const tokens = documents.reduce((sum, document) => sum + document.length, 0);
      return (tokens * 1000) / (performance.now() - start);
    };
  });
  const medians = inTurns(loops, turns);
  return models.map((what, i) => ({ what, value: medians[i]!, unit: 'tokens/s' }));
}
