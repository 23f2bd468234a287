// Skip-gram: learns from a text which words stand side by side, with tables of 20,000 words of which a
// step changes the rows that it read alone. The text is a walk along a street of numbered houses.
//
//     node examples/skip-gram.mjs [STEPS]
import { bceWithLogits, constant, index, nn, Random, SGD } from 'vecgrad';

const steps = Number(process.argv[2] ?? 1500);
const [WORDS, HOUSES, WIDTH, PAIRS, NEGATIVES] = [20_000, 100, 16, 64, 4];
const random = new Random(42);
const words = new nn.Embedding(WORDS, WIDTH, { random, name: 'words' });
const around = new nn.Embedding(WORDS, WIDTH, { random, name: 'around' });

const center = words.apply(index('center', PAIRS)).reshape([PAIRS, 1, WIDTH]);
const others = around.apply(index('others', [PAIRS, 1 + NEGATIVES]));
const scores = others.mul(center).sum(2);
const labels = constant(Array.from({ length: PAIRS }, () => [1, ...new Array(NEGATIVES).fill(0)]));
const loss = bceWithLogits(scores, labels, { reduction: 'sum' }).div(PAIRS);
const training = new SGD({ learningRate: 2 }).minimize(loss, { dtype: 'float32' });

/** A house, the next one to it, and some that are probably not. */
function pair() {
  const house = random.randbelow(HOUSES);
  const next = (house + (random.random() < 0.5 ? 1 : HOUSES - 1)) % HOUSES;
  return { house, others: [next, ...Array.from({ length: NEGATIVES }, () => random.randbelow(HOUSES))] };
}
for (let step = 0; step < steps; step++) {
  const pairs = Array.from({ length: PAIRS }, pair);
  training.step({ center: pairs.map(({ house }) => house), others: pairs.flatMap((each) => each.others) });
}

// Whom does the model expect beside each house?
const best = words
  .apply(index('house'))
  .matmul(around.apply(Array.from({ length: HOUSES }, (_, i) => i)).transpose())
  .topk(2);
let right = 0;
for (let house = 0; house < HOUSES; house++)
  for (const found of best.forward({ house }))
    if ([1, HOUSES - 1].includes((found - house + HOUSES) % HOUSES)) right++;
console.log(`${((100 * right) / (2 * HOUSES)).toFixed(0)} % of the neighbours found`);
