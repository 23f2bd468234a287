// Two moons: a multi-layer perceptron separates two interleaved half circles with a max-margin loss.
// Draws its decision regions. After micrograd's demo.
//
//     node examples/two-moons.mjs [FILE.svg]
import { writeFileSync } from 'node:fs';
import { Adam, constant, input, nn, Random, schedules } from 'vecgrad';

const [file = 'two-moons.svg'] = process.argv.slice(2);
const random = new Random(1337);
const COUNT = 100;
const STEPS = 300;

// Points of the upper moon have the label 1, those of the lower one -1.
const points = Array.from({ length: COUNT }, (_, i) => {
  const label = i % 2 ? 1 : -1;
  const angle = Math.PI * random.random();
  const [x, y] = [Math.cos(angle), Math.sin(angle)];
  const noise = () => random.gauss(0, 0.1);
  return label > 0
    ? { x: x + noise(), y: y + noise(), label }
    : { x: 1 - x + noise(), y: 0.5 - y + noise(), label };
});

// Two hidden layers of 16; each row of the input is a point, and has one score.
const model = new nn.MLP(2, [16, 16, 1], { random });
const score = model.apply(input('points', [COUNT, 2])).reshape([COUNT]);

// Each score should have its label's sign and be at least 1 from zero. The penalty keeps weights small.
const margin = constant(1)
  .sub(input('label', [COUNT]).mul(score))
  .relu()
  .mean();
const penalty = model.parameters().reduce((sum, w) => sum.add(w.mul(w).sum()), constant(0));
const loss = margin.add(penalty.mul(1e-4));

const training = new Adam({ learningRate: schedules.linear(0.05, 0.005, STEPS) }).minimize(loss);
const rowsOf = (some) => some.flatMap(({ x, y }) => [x, y]);
const feeds = { points: rowsOf(points), label: points.map(({ label }) => label) };
for (let step = 0; step < STEPS; step++) training.step(feeds);

const found = score.forward({ points: feeds.points });
const right = found.reduce((sum, s, i) => sum + (s * points[i].label > 0), 0);
console.log(`loss ${training.evaluate(feeds).toFixed(4)}, ${right} of ${COUNT} points on the right side`);

// The picture: the plane in cells coloured by the sign of the score, and the points over it.
const SCALE = 100;
const CELL = 0.05;
const [left, top, width, height] = [-1.5, 1.6, 4, 2.8];
const centres = [];
for (let row = top - CELL / 2; row > top - height; row -= CELL) {
  for (let at = left + CELL / 2; at < left + width; at += CELL) centres.push({ x: at, y: row });
}
const scores = [];
for (let start = 0; start < centres.length; start += COUNT) {
  // The graph takes COUNT points at a time: repeat a point to fill the last batch.
  const some = Array.from({ length: COUNT }, (_, i) => centres[start + i] ?? centres[0]);
  scores.push(...score.forward({ points: rowsOf(some) }));
}
const place = (p) => `${((p.x - left) * SCALE).toFixed(1)},${((top - p.y) * SCALE).toFixed(1)}`;
const size = CELL * SCALE;
const regions = [1, -1].map((side) => {
  const cells = centres.filter((_, i) => scores[i] > 0 === side > 0);
  const corner = (p) => place({ x: p.x - CELL / 2, y: p.y + CELL / 2 });
  const path = cells.map((p) => `M${corner(p)}h${size}v${size}h-${size}z`).join('');
  return `<path d="${path}" fill="${side > 0 ? '#f6c9c0' : '#c3d9f2'}"/>`;
});
const dots = points.map((p) => {
  const [cx, cy] = place(p).split(',');
  return `<circle cx="${cx}" cy="${cy}" r="4" fill="${p.label > 0 ? '#c0392b' : '#1f5fa8'}"/>`;
});
const viewBox = `0 0 ${width * SCALE} ${height * SCALE}`;
writeFileSync(
  file,
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}">`,
    '<title>Two moons, and where the network decides</title>',
    ...regions,
    ...dots,
    '</svg>\n',
  ].join('\n'),
);
console.log(`wrote ${file}`);
