// Digits by convolution: images of ten digits, drawn with noise at random places, and what they show.
//
//     node examples/digits.mjs [STEPS]
import { Adam, freeze, index, inference, input, nn, Random, relu } from 'vecgrad';

const steps = Number(process.argv[2] ?? 200);
const [SIDE, BATCH] = [12, 32];
const random = new Random(42);

// The segments of a digit on a clock, as lines: column, row, columns, rows.
const SEGMENTS = { a: [0, 0, 5, 1], b: [4, 0, 1, 4], c: [4, 3, 1, 4], d: [0, 6, 5, 1], e: [0, 3, 1, 4] };
Object.assign(SEGMENTS, { f: [0, 0, 1, 4], g: [0, 3, 5, 1] });
const DIGITS = ['abcdef', 'bc', 'abged', 'abgcd', 'fgbc', 'afgcd', 'afgecd', 'abc', 'abcdefg', 'abcdfg'];

/** An image of a digit, at a random place, with noise on every pixel. */
function draw(digit) {
  const image = random.gaussians(SIDE * SIDE, 0, 0.3);
  const [left, top] = [random.randbelow(SIDE - 5), random.randbelow(SIDE - 7)];
  for (const name of DIGITS[digit]) {
    const [x, y, columns, rows] = SEGMENTS[name];
    for (let i = 0; i < columns * rows; i++)
      image[(top + y + Math.floor(i / columns)) * SIDE + left + x + (i % columns)] = 1;
  }
  return image;
}

/** Images and what they show. */
function examples(count) {
  const digits = Int32Array.from({ length: count }, () => random.randbelow(10));
  return { images: Float32Array.from([...digits].flatMap((digit) => [...draw(digit)])), digits };
}

const block = (channels, into, name) => [
  new nn.Conv2d(channels, into, 3, { random, padding: 1, bias: false, name: `${name}.conv` }),
  new nn.BatchNorm2d(into, { name: `${name}.norm` }),
  relu,
  new nn.MaxPool2d(2),
];
const trunk = new nn.Sequential([...block(1, 8, 'one'), ...block(8, 16, 'two')]);
const head = new nn.Linear(16 * 9, 10, { random, name: 'head' });
const logitsOf = (images, count) => head.apply(trunk.apply(images).reshape([count, 16 * 9]));

const images = input('images', [BATCH, 1, SIDE, SIDE]);
const loss = logitsOf(images, BATCH).crossEntropy(index('digits', BATCH), { reduction: 'mean' });
const training = new Adam({ learningRate: 0.01 }).minimize(loss, { dtype: 'float32' });
for (let step = 0; step < steps; step++) training.step(examples(BATCH));

// A graph of one image serves any number: batch normalisation reads its running statistics here.
const one = logitsOf(input('images', [1, 1, SIDE, SIDE]), 1).reshape([10]);
const net = inference({ best: one.argmax() }, { dtype: 'float32' });
const test = examples(500);
const accuracy = () => {
  const { best } = net.runEach({ count: 500, inputs: { images: { values: test.images } } });
  return test.digits.reduce((right, digit, i) => right + Number(best[i] === digit), 0) / 500;
};
console.log(`${(100 * accuracy()).toFixed(1)} % of 500 new images read`);

// Fine-tuning: odd or even, by a new head on the frozen trunk.
freeze(trunk);
const parity = new nn.Linear(16 * 9, 2, { random, name: 'parity' });
const features = trunk.apply(images).reshape([BATCH, 16 * 9]);
const second = parity.apply(features).crossEntropy(index('digits', BATCH), { reduction: 'mean' });
const tuning = new Adam({ learningRate: 0.01 }).minimize(second, { dtype: 'float32' });
let last = 0;
for (let step = 0; step < steps / 2; step++) {
  const { images: given, digits } = examples(BATCH);
  last = tuning.step({ images: given, digits: digits.map((digit) => digit % 2) });
}
console.log(
  `loss of odd and even ${last.toFixed(3)}, ${(100 * accuracy()).toFixed(1)} % of the digits still read`,
);
