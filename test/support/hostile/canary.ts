/** Valid work that must give the same numbers, to the bit, whatever was called before. */
import { Tokenizer } from '../../../lib/study/tokenizer.js';
import { Corpus } from '../../../lib/study/corpus.js';
import { buildModel } from '../../../lib/study/build-model.js';
import { Random } from '../../../lib/runtime/random.js';
import { Sampler } from '../../../lib/study/sampling.js';

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 3, nState: 5, nAtt: 3 };

/** The losses of a small training, a batch and an evaluation, and samples. */
export function sing(): string {
  const random = new Random(7);
  const tokenizer = new Tokenizer(['abc']);
  const model = buildModel('rnn', tokenizer.vocabSize, SIZES, random);
  const training = model.optimizer(10).minimize(model.loss, { batches: true, sequence: model.logits });
  const corpus = new Corpus(Int32Array.of(3, 0, 1, 3, 2, 3), Int32Array.of(0, 3, 5));
  const losses = [
    training.step(corpus.example(1, 3)),
    ...training.stepEach(corpus.dataset(3)),
    training.stepBatch([corpus.example(0, 3), corpus.example(1, 3)], { threads: 1 }),
    ...training.evaluateEach(corpus.dataset(3)),
  ];
  const sampler = new Sampler(model, tokenizer, {}, training.program);
  const tokens = sampler.tokens(random, { count: 3, temperature: 1 });
  for (const key in {}) return `every object has got a property '${key}'`;
  return [...new BigUint64Array(Float64Array.from(losses).buffer), ...tokens].join(' ');
}
