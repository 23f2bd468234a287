// A multi-layer perceptron of names (Bengio et al., 2003), after makemore: predicts the next letter
// from the embeddings of the last three.
//
//     node examples/names-mlp.mjs [STEPS]
import { AdamW, embeddedNamesPath, index, nn, Random, readDocuments, schedules, Tokenizer } from 'vecgrad';

const steps = Number(process.argv[2] ?? 2000);
const CONTEXT = 3;
const BATCH = 64;
const random = new Random(42);
const names = random.shuffle(readDocuments(embeddedNamesPath()));
const tokenizer = new Tokenizer(names);
const { bos, vocabSize } = tokenizer;

// Three letters and the one that follows; `bos` stands for the letters before a name.
const examplesOf = (some) =>
  some.flatMap((name) => {
    const tokens = [...new Array(CONTEXT - 1).fill(bos), ...tokenizer.encode(name)];
    return tokens.slice(CONTEXT).map((next, i) => ({ context: tokens.slice(i, i + CONTEXT), next }));
  });
const heldOut = examplesOf(names.slice(0, 1000));
const seen = examplesOf(names.slice(1000));

const embedding = new nn.Embedding(vocabSize, 10, { random });
const hidden = new nn.Linear(CONTEXT * 10, 100, {
  random,
  initializer: nn.initializers.heNormal(),
});
const output = new nn.Linear(100, vocabSize, { random });
const logitsOf = (context, count) =>
  output.apply(hidden.apply(embedding.apply(context).reshape([count, CONTEXT * 10])).relu());

const loss = logitsOf(index('context', BATCH * CONTEXT), BATCH)
  .crossEntropy(index('next', BATCH))
  .mean();
const training = new AdamW({
  learningRate: schedules.cosine({ peak: 0.01, steps, warmup: 50 }),
  clipGlobalNorm: 1,
}).minimize(loss, { dtype: 'float32' });
const feedsOf = (examples) => ({
  context: examples.flatMap(({ context }) => context),
  next: examples.map(({ next }) => next),
});
for (let step = 0; step < steps; step++) {
  const batch = Array.from({ length: BATCH }, () => seen[random.randbelow(seen.length)]);
  training.step(feedsOf(batch));
}

const losses = [];
for (let at = 0; at + BATCH <= heldOut.length; at += BATCH) {
  losses.push(training.evaluate(feedsOf(heldOut.slice(at, at + BATCH))));
}
console.log(`held-out loss ${(losses.reduce((a, b) => a + b, 0) / losses.length).toFixed(4)}`);

const chances = logitsOf(index('context', CONTEXT), 1).softmax();
for (let i = 0; i < 5; i++) {
  const tokens = new Array(CONTEXT).fill(bos);
  do {
    const context = tokens.slice(-CONTEXT);
    tokens.push(random.weightedIndex(chances.forward({ context })));
  } while (tokens.at(-1) !== bos);
  console.log(tokenizer.decode(tokens));
}
