// A gated recurrent network of names: reads a name letter by letter and predicts each next letter.
//
//     node examples/names-gru.mjs [STEPS]
import {
  Adam,
  embeddedNamesPath,
  index,
  meanOfFirst,
  nn,
  Random,
  readDocuments,
  schedules,
  Tokenizer,
  input,
} from 'vecgrad';

const steps = Number(process.argv[2] ?? 3000);
const [POSITIONS, SIZE, STATE] = [16, 16, 64];
const random = new Random(42);
const names = random.shuffle(readDocuments(embeddedNamesPath()));
const tokenizer = new Tokenizer(names);
const { bos, vocabSize } = tokenizer;

const embedding = new nn.Embedding(vocabSize, SIZE, { random, name: 'embedding' });
const gru = new nn.GRUCell(SIZE, STATE, { random, name: 'gru' });
const output = new nn.Linear(STATE, vocabSize, { random, name: 'output' });

// All positions are written out; a name of n letters runs the first n + 1 of them.
const [tokens, targets] = [index('tokens', POSITIONS), index('targets', POSITIONS)];
const letters = Array.from({ length: POSITIONS }, (_, i) => embedding.apply(tokens.at(i)));
const losses = gru.apply(letters).map((h, i) => output.apply(h).crossEntropy(targets.at(i)));
const loss = meanOfFirst(losses, index('length'));

const training = new Adam({
  learningRate: schedules.cosine({ peak: 0.01, steps, warmup: 100 }),
  clipGlobalNorm: 1,
}).minimize(loss, { dtype: 'float32' });
const feedsOf = (name) => {
  const all = tokenizer.encode(name).slice(0, POSITIONS + 1);
  return { tokens: all.slice(0, -1), targets: all.slice(1), length: all.length - 1 };
};
const heldOut = names.splice(0, 500);
for (let step = 0; step < steps; step++) training.step(feedsOf(names[step % names.length]));
const heldOutLoss = heldOut.reduce((sum, name) => sum + training.evaluate(feedsOf(name)), 0) / heldOut.length;
console.log(`held-out loss ${heldOutLoss.toFixed(4)}`);

// A single step, for generating names: it is fed the state that the previous step computed.
const state = gru.step(embedding.apply(index('token')), input('state', [STATE]));
const chances = output.apply(state).softmax();
for (let i = 0; i < 5; i++) {
  const name = [];
  let h = new Float64Array(STATE);
  for (let token = bos; name.length < POSITIONS; name.push(token)) {
    token = random.weightedIndex(chances.forward({ token, state: h }));
    h = state.data.slice();
    if (token === bos) break;
  }
  console.log(tokenizer.decode(name));
}
