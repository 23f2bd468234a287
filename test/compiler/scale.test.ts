/**
 * Graphs as deep and as wide as a user makes them: nothing overflows the stack, and time grows linearly. A
 * row with quadratic time would take minutes, far beyond mocha's timeout; `npm run bench -- --only scaling`
 * shows the times. Without VECGRAD_LONG=1 (`npm run test:long`) only a sample of the chains runs, and wide
 * graphs are narrower.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  choose,
  concat,
  grad,
  index,
  nn,
  parameter,
  Random,
  SGD,
  stack,
  addN,
  type Feeds,
  type Value,
} from '../../lib/index.js';
import { bundled } from '../support/bundled.js';
import { WIDTHS } from '../support/widths.js';

const isLong = process.env['VECGRAD_LONG'] === '1';
const DEEP = 10_000;
const matrix = (): Value =>
  parameter([
    [0.1, 0.2],
    [0.3, 0.4],
  ]);

/** One link of a chain, on [2, 2], and its feeds. */
interface Link {
  of: (x: Value, i: number) => Value;
  feeds?: Feeds;
  /** The length of the chain, where the graph holds more than one number for each link. */
  times?: number;
  /** Nodes of one link, of which the sample has as many in all as of others. */
  nodes?: number;
}

const word = index('word', 2);
const which = index('which');
const one = parameter([
  [1, 1],
  [1, 1],
]);

const LINKS: Readonly<Record<string, Link>> = {
  reshape: { of: (x, i) => x.reshape(i % 2 ? [2, 2] : [4]) },
  'a squeeze': { of: (x) => x.reshape([1, 2, 2]).reshape([2, 2]) },
  'slices that are joined again': { of: (x) => concat([x.slice(0, 1), x.slice(1, 2)]), nodes: 3 },
  'rows that are stacked again': { of: (x) => stack([x.at(0), x.at(1)]) },
  'a stack of one': { of: (x) => stack([x]).at(0), nodes: 2 },
  'a concat of one': { of: (x) => concat([x]) },
  broadcastTo: { of: (x) => x.broadcastTo([2, 2]) },
  'broadcastTo a new axis': { of: (x) => x.broadcastTo([1, 2, 2]).at(0) },
  detach: { of: (x) => x.detach() },
  transpose: { of: (x) => x.transpose() },
  'transpose and reshape': { of: (x) => x.transpose().reshape([2, 2]) },
  slice: { of: (x) => x.slice(0, 2) },
  add: { of: (x) => x.add(0.001) },
  sub: { of: (x) => x.sub(0.001) },
  mul: { of: (x) => x.mul(0.999) },
  div: { of: (x) => x.div(1.001) },
  maximum: { of: (x) => x.maximum(0.1) },
  neg: { of: (x) => x.neg() },
  exp: { of: (x) => x.neg().exp() },
  relu: { of: (x) => x.relu() },
  tanh: { of: (x) => x.tanh() },
  sigmoid: { of: (x) => x.sigmoid() },
  pow: { of: (x) => x.pow(0.5) },
  softmax: { of: (x) => x.softmax() },
  rmsNorm: { of: (x) => x.rmsNorm() },
  dropout: { of: (x, i) => x.dropout(0.1, i) },
  cumsum: { of: (x) => x.cumsum().mul(0.5) },
  matmul: { of: (x) => x.matmul(one).mul(0.5) },
  sum: { of: (x) => x.sum(0, true).mul(0.5).broadcastTo([2, 2]) },
  max: { of: (x) => x.max(0, true).broadcastTo([2, 2]) },
  gather: { of: (x) => x.gather(word), feeds: { word: [1, 0] } },
  addN: { of: (x) => addN([x, x]).mul(0.5) },
  choose: { of: (x) => choose([x, x], which), feeds: { which: 1 } },
  'a list that grows': { of: (x) => concat([x, one]), times: 3000 },
};

/** One chain for each way in which the compiler follows chains. */
const SAMPLE: readonly string[] = [
  'reshape',
  'slices that are joined again',
  'a stack of one',
  'broadcastTo',
  'detach',
  'transpose',
  'add',
  'dropout',
  'choose',
  'a list that grows',
];

function chainOf({ of, nodes = 1, times = isLong ? DEEP : DEEP / nodes }: Link, x: Value): Value {
  for (let i = 0; i < times; i++) x = of(x, i);
  return x;
}

const finite = (numbers: Iterable<number>): boolean => Array.from(numbers).every(Number.isFinite);

describe('a chain of 10,000', () => {
  for (const name of isLong ? Object.keys(LINKS) : SAMPLE) {
    const link = LINKS[name]!;
    describe(name, function () {
      const { feeds = {} } = link;
      it('is computed and differentiated', () => {
        const x = matrix();
        const y = chainOf(link, x).add(x.sum());
        assert.ok(finite(y.forward(feeds)));
        y.backward();
        assert.ok(finite(x.grad));
      });
      it('is trained', () => {
        const x = matrix();
        const training = new SGD({ learningRate: 1e-6 }).minimize(chainOf(link, x).sum().add(x.sum()));
        assert.ok(Number.isFinite(training.step(feeds)));
        assert.notDeepEqual([...x.data], [0.1, 0.2, 0.3, 0.4]);
      });
      it('is drawn, and has a gradient in the graph', () => {
        const x = matrix();
        const y = chainOf(link, x).sum();
        assert.ok(y.toDot().length > 1000 && y.toMermaid().length > 1000);
        assert.deepEqual(grad(y, [x])[0]!.shape, [2, 2]);
      });
    });
  }
});

describe('deep graphs of other kinds', function () {
  it('are views of views of which each is used', () => {
    const x = matrix();
    const used: Value[] = [];
    let y = x.exp();
    for (let i = 0; i < DEEP; i++) used.push((y = y.transpose()).mul(2).sum());
    assert.ok(Number.isFinite(new SGD({ learningRate: 0 }).minimize(addN(used)).step({})));
  });
  it('are joins that hold a join twice, which look alike in 2^40 ways', () => {
    const twice = (x: Value): Value => {
      for (let i = 0; i < 40; i++) x = concat([x, x]).slice(0, 2);
      return x.mul(2).relu().sum();
    };
    const x = matrix().exp();
    assert.ok(
      Number.isFinite(
        new SGD({ learningRate: 0 }).minimize(addN([twice(x), twice(x), matrix().sum()])).step({}),
      ),
    );
  });
  it('are gradients of gradients', () => {
    const x = parameter([0.1, 0.2]);
    let y: Value = x;
    for (let i = 0; i < 3000; i++) y = y.mul(0.999).add(0.001);
    const [first] = grad(y.mul(y).sum(), [x]);
    const [second] = grad(first!.sum(), [x]);
    assert.ok(finite(second!.forward()));
  });
});

const WIDE = isLong ? 40_000 : 2000;

/**
 * Kilobytes, an eighth of what Node takes by default: recursion over a list of 2,000 overflows this stack if
 * recursion over 16,000 overflows the default.
 */
const STACK = 120;

describe(`${WIDE.toLocaleString('en')}, computed, differentiated and trained in a small stack:`, () => {
  const wrong = new Map<string, string>();
  before(() => {
    const args = [`--stack-size=${STACK}`, bundled('wide.ts'), String(WIDE)];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
    for (const line of stdout.trim().split('\n')) wrong.set(...(JSON.parse(line) as [string, string]));
  });
  for (const name of Object.keys(WIDTHS)) it(name, () => assert.equal(wrong.get(name), ''));
});

describe('lists longer than the arguments of a call', function () {
  it('are the parameters of a network', () => {
    const random = new Random(1);
    const net = new nn.ScalarMLP(400, [400, 1], { random });
    assert.equal(net.parameters().length, 401 * 400 + 401);
  });
});
