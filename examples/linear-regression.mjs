// Linear regression: finds the slope and the intercept of a noisy line.
import { input, parameter, Random, SGD } from 'vecgrad';

const random = new Random(1);
const xs = Array.from({ length: 50 }, () => random.random() * 2 - 1);
const ys = xs.map((x) => 3 * x - 2 + random.gauss(0, 0.1));

const slope = parameter(0);
const intercept = parameter(0);
const guess = input('x', [50]).mul(slope).add(intercept);
const loss = guess
  .sub(input('y', [50]))
  .pow(2)
  .mean();

const training = new SGD({ learningRate: 0.1, momentum: 0.9 }).minimize(loss);
for (let step = 0; step < 200; step++) training.step({ x: xs, y: ys });
console.log(`y = ${slope.data[0].toFixed(2)} x + ${intercept.data[0].toFixed(2)}`); // 3 x - 2
