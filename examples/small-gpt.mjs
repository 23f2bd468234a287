// A small GPT of names with the trimmings: layer norm, GELU, dropout, tied weights, decay by groups.
//
//     node examples/small-gpt.mjs [STEPS]
import {
  AdamW,
  constant,
  embeddedNamesPath,
  index,
  inference,
  nn,
  Random,
  readDocuments,
  schedules,
  Tokenizer,
} from 'vecgrad';

const steps = Number(process.argv[2] ?? 400);
const [POSITIONS, WIDTH, HEADS, LAYERS, BATCH] = [12, 32, 4, 2, 16];
const random = new Random(42);
const names = random.shuffle(readDocuments(embeddedNamesPath()));
const tokenizer = new Tokenizer(names);
const { bos, vocabSize } = tokenizer;

const letters = new nn.Embedding(vocabSize, WIDTH, { random, name: 'letters' });
const places = new nn.Embedding(POSITIONS, WIDTH, { random, name: 'places' });
const dropout = new nn.Dropout(0.1, { random });
const blocks = Array.from(
  { length: LAYERS },
  (_, i) => new nn.TransformerBlock(WIDTH, HEADS, { random, dropout: 0.1, name: `block${i}` }),
);
const norm = new nn.LayerNorm(WIDTH, { name: 'norm' });

/** The logits at all positions, [...texts, POSITIONS, vocabSize]; the last layer is the first one, turned. */
function logitsOf(tokens) {
  const order = Array.from({ length: POSITIONS }, (_, i) => i);
  const start = dropout.apply(letters.apply(tokens).add(places.apply(order)));
  const last = blocks.reduce((x, block) => block.apply(x, { causal: true }), start);
  return norm.apply(last).matmul(letters.weight.transpose());
}

// The tokens of a batch lie row by row; behind the end of a name stands bos, and a weight of 0.
const [tokens, targets] = [index('tokens', [BATCH, POSITIONS]), index('targets', [BATCH, POSITIONS])];
const counts = index('lengths', BATCH);
const upTo = Array.from({ length: POSITIONS + 1 }, (_, n) =>
  Array.from({ length: POSITIONS }, (_, i) => +(i < n)),
);
const isInside = constant(upTo).gather(counts);
const losses = logitsOf(tokens).crossEntropy(targets).mul(isInside);
const loss = losses.sum().div(isInside.sum());

const training = new AdamW({
  learningRate: schedules.cosine({ peak: 0.01, steps, warmup: 20 }),
  weightDecay: 0.1,
  clipGlobalNorm: 1,
  groups: [{ parameters: /bias$|norm|places/, weightDecay: 0 }],
}).minimize(loss, { dtype: 'float32' });

/** What a batch of names is fed. */
function feedsOf(batch) {
  const feeds = { tokens: [], targets: [], lengths: [] };
  for (const name of batch) {
    const all = tokenizer.encode(name).slice(0, POSITIONS + 1);
    const padded = [...all, ...new Array(POSITIONS).fill(bos)];
    feeds.tokens.push(padded.slice(0, POSITIONS));
    feeds.targets.push(padded.slice(1, POSITIONS + 1));
    feeds.lengths.push(all.length - 1);
  }
  return feeds;
}
const heldOut = names.splice(0, 10 * BATCH);
for (let step = 0; step < steps; step++)
  training.step(feedsOf(Array.from({ length: BATCH }, () => names[random.randbelow(names.length)])));
let total = 0;
for (let i = 0; i < 10; i++) total += training.evaluate(feedsOf(heldOut.slice(i * BATCH, (i + 1) * BATCH)));
console.log(`held-out loss ${(total / 10).toFixed(4)}`);

// One text, for generating names letter by letter.
const net = inference({ chances: logitsOf(index('tokens', POSITIONS)).softmax() }, { dtype: 'float32' });
for (let i = 0; i < 5; i++) {
  const name = [bos];
  while (name.length < POSITIONS) {
    const padded = [...name, ...new Array(POSITIONS - name.length).fill(bos)];
    const { chances } = net.run({ tokens: padded });
    const at = (name.length - 1) * vocabSize;
    const next = random.weightedIndex(chances.slice(at, at + vocabSize));
    if (next === bos) break;
    name.push(next);
  }
  console.log(tokenizer.decode(name.slice(1)));
}
