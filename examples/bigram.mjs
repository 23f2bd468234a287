// A bigram model of names, after makemore: a table says which letter follows which. Training it by
// gradients reaches the loss of a table of counts.
//
//     node examples/bigram.mjs [STEPS]
import {
  Adam,
  embeddedNamesPath,
  index,
  parameter,
  Random,
  readDocuments,
  schedules,
  Tokenizer,
} from 'vecgrad';

const steps = Number(process.argv[2] ?? 300);
const names = readDocuments(embeddedNamesPath());
const tokenizer = new Tokenizer(names);
const { bos, vocabSize } = tokenizer;

// All pairs of consecutive letters; each name begins and ends with `bos`.
const firsts = [];
const seconds = [];
const counts = Array.from({ length: vocabSize }, () => new Array(vocabSize).fill(0));
for (const name of names) {
  const tokens = tokenizer.encode(name);
  for (let i = 1; i < tokens.length; i++) {
    firsts.push(tokens[i - 1]);
    seconds.push(tokens[i]);
    counts[tokens[i - 1]][tokens[i]]++;
  }
}
const byCounting =
  counts.reduce((sum, row) => {
    const total = row.reduce((a, b) => a + b, 0);
    return sum - row.reduce((part, n) => part + (n && n * Math.log(n / total)), 0);
  }, 0) / firsts.length;

const BATCH = 1024;
const logits = parameter(new Float64Array(vocabSize ** 2), { shape: [vocabSize, vocabSize] });
const loss = logits.gather(index('first', BATCH)).crossEntropy(index('second', BATCH)).mean();

const random = new Random(42);
const training = new Adam({
  learningRate: schedules.cosine({ peak: 0.3, steps }),
}).minimize(loss);
for (let step = 0; step < steps; step++) {
  const batch = Array.from({ length: BATCH }, () => random.randbelow(firsts.length));
  training.step({ first: batch.map((i) => firsts[i]), second: batch.map((i) => seconds[i]) });
}

// The loss over all pairs, computed from the trained table.
const rows = counts.map((_, i) => logits.slice(i, i + 1).softmax());
const chances = rows.map((row) => Array.from(row.forward()));
const byGradients =
  -counts
    .flatMap((row, i) => row.map((n, j) => n && n * Math.log(chances[i][j])))
    .reduce((a, b) => a + b, 0) / firsts.length;
console.log(`loss ${byGradients.toFixed(4)}, by counting ${byCounting.toFixed(4)}`);

for (let i = 0; i < 5; i++) {
  const name = [];
  for (let token = bos; ; name.push(token)) {
    token = random.weightedIndex(chances[token]);
    if (token === bos) break;
  }
  console.log(tokenizer.decode(name));
}
