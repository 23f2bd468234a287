/** Trains a GPT for three steps and prints its memory, for `memory.ts`: [n_embd] [passes] [checkpoint]. */
import { setTimeout } from 'node:timers/promises';
import { parsePasses } from '../lib/compiler/passes.js';
import { Embedding, Linear, SelfAttention } from '../lib/nn/index.js';
import { Adam } from '../lib/optim/optimizers.js';
import { Random } from '../lib/runtime/random.js';
import { index } from '../lib/value/leaves.js';
import type { Value } from '../lib/value/value.js';

const [size = '64', passes = 'all', checkpoint = ''] = process.argv.slice(2);
const nEmbd = Number(size);
const [TEXTS, POSITIONS, VOCABULARY, LAYERS] = [8, 128, 65, 4];
const TOKENS = TEXTS * POSITIONS;
const megabytes = (): number => process.memoryUsage().rss / 1e6;

gc!();
const before = megabytes();
const random = new Random(42);
const normed = (x: Value): Value => {
  const scale = x.mul(x).sum(-1).div(nEmbd).add(1e-5).pow(-0.5);
  return x.mul(scale.reshape([...scale.shape, 1]));
};
const linear = (name: string, nIn: number, nOut: number): Linear =>
  new Linear(nIn, nOut, { random, name, bias: false });
const tokens = new Embedding(VOCABULARY, nEmbd, { random, name: 'tokens' });
const places = new Embedding(POSITIONS, nEmbd, { random, name: 'places' });
let x = normed(tokens.apply(index('tokens', TOKENS)).add(places.apply(index('places', TOKENS))));
for (let layer = 0; layer < LAYERS; layer++) {
  const attention = new SelfAttention(nEmbd, nEmbd === 768 ? 12 : 8, { random, name: `attention${layer}` });
  const texts = normed(x).reshape([TEXTS, POSITIONS, nEmbd]);
  x = x.add(attention.apply(texts).reshape([TOKENS, nEmbd]));
  const up = linear(`up${layer}`, nEmbd, 4 * nEmbd);
  x = x.add(linear(`down${layer}`, 4 * nEmbd, nEmbd).apply(up.apply(normed(x)).relu()));
}
const logits = linear('head', nEmbd, VOCABULARY).apply(normed(x));
const loss = logits.crossEntropy(index('targets', TOKENS)).mean();
const training = new Adam({ learningRate: 1e-4 }).minimize(loss, {
  dtype: 'float32',
  passes: parsePasses(passes),
  ...(checkpoint === 'layers' && { checkpoint }),
});
const drawn = (step: number): number[] =>
  Array.from({ length: TOKENS }, (_, i) => (i * i * 7 + i + step) % VOCABULARY);
for (let step = 0; step < 3; step++) {
  const at = Array.from({ length: TOKENS }, (_, i) => i % POSITIONS);
  training.step({ tokens: drawn(step), targets: drawn(step + 1), places: at });
}
const growth = megabytes() - before;
// Arrays are freed some time after they were found to be garbage.
for (let i = 0; i < 3; i++) {
  gc!();
  await setTimeout(100);
}
const collected = megabytes() - before;
const arena = training.program.arena.byteLength / 1e6;
process.stdout.write(JSON.stringify({ growth, collected, arena }));
