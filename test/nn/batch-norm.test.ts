/** Batch normalisation against PyTorch's: steps, running statistics, and evaluation in the same program. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/core/package.js';
import * as vg from '../../lib/index.js';
import { constant, index, input, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

const { nn, SGD } = vg;

interface Row {
  name: 'BatchNorm1d' | 'BatchNorm2d';
  channels: number;
  shape: number[];
  options: { momentum?: number; eps?: number; affine?: boolean };
  losses: number[];
  statistics: [number[], number[]][];
  w: number[];
  evaluated: number[];
}

const { batchNorms: ROWS, version } = JSON.parse(
  readFileSync(join(packageRoot(), 'test/fixtures/pytorch.json'), 'utf8'),
) as { batchNorms: Row[]; version: string };

const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1 + i + 7 * seed));

describe(`batch normalisation of ${version}`, () => {
  for (const row of ROWS) {
    const { name, channels, shape, options, losses, statistics } = row;
    it(`${name} of [${shape.join(', ')}], ${JSON.stringify(options)}`, () => {
      const size = shape.reduce((a, b) => a * b, 1);
      for (const { isa, dtype } of TARGETS) {
        const layer = new nn[name](channels, options);
        const w = parameter(numbers(size), { shape });
        const y = layer.apply(w.mul(input('x', shape)));
        const loss = y.mul(constant(numbers(size, 9), { shape })).sum();
        const training = new SGD({ learningRate: 0.1 }).minimize(loss, { isa, dtype });
        const net = vg.inference({ y }, { isa, dtype });
        const tolerance = dtype === 'float64' ? 1e-12 : 5e-5;
        losses.forEach((expected, step) => {
          const found = training.step({ x: numbers(size, step + 1) });
          assertClose([found], [expected], tolerance, `the loss of step ${step}`);
          assertClose(layer.runningMean.data, statistics[step]![0], tolerance, 'the running mean');
          assertClose(layer.runningVariance.data, statistics[step]![1], tolerance, 'the running variance');
        });
        assertClose(w.data, row.w, tolerance, 'what the layer is given');
        const feeds = { x: numbers(size, 20) };
        assertClose(net.run(feeds).y, row.evaluated, tolerance, 'the evaluation');
        assertClose(y.forward(feeds), row.evaluated, tolerance, 'forward');
        const total = row.evaluated.reduce((sum, x, i) => sum + x * numbers(size, 9)[i]!, 0);
        assertClose([training.evaluate(feeds)], [total], tolerance * 10, 'evaluate of the training');
      }
    });
  }

  const feeds = { x: numbers(12) };
  const graph = (layer: vg.nn.BatchNorm1d): { w: Value; loss: Value } => {
    const w = parameter(numbers(3, 1));
    return {
      w,
      loss: layer
        .apply(input('x', [4, 3]).mul(w))
        .pow(3)
        .mean(),
    };
  };

  it('a layer that is applied twice follows both batches', () => {
    const [once, twice] = [new nn.BatchNorm1d(3), new nn.BatchNorm1d(3)];
    const x = input('x', [4, 3]);
    const w = parameter(1);
    const other = twice.apply(x.mul(2).add(1).mul(w));
    const loss = twice.apply(x.mul(w)).sum().add(other.sum());
    const apart = (batch: Value): void => {
      new SGD({ learningRate: 0 }).minimize(once.apply(batch.mul(parameter(1))).sum()).step(feeds);
    };
    apart(x.mul(2).add(1));
    apart(x);
    new SGD({ learningRate: 0 }).minimize(loss).step(feeds);
    assertClose(twice.runningMean.data, [...once.runningMean.data], 1e-15, 'the mean');
    assertClose(twice.runningVariance.data, [...once.runningVariance.data], 1e-15, 'the variance');
  });

  it('a graph that a loss does not compute sets nothing', () => {
    const layer = new nn.BatchNorm1d(3);
    layer.apply(input('other', [2, 3]));
    const { loss } = graph(layer);
    new SGD({ learningRate: 0.1 }).minimize(loss).step(feeds);
    layer.apply(input('third', [2, 3]));
    assert(layer.runningMean.data.every((x) => x !== 0));
  });

  it('a step that is refused, and every run that is none, leave the statistics', () => {
    const layer = new nn.BatchNorm1d(3);
    const { loss } = graph(layer);
    const training = new SGD({ learningRate: 0.1, onNonFinite: 'throw' }).minimize(loss);
    assert.throws(() => training.step({ x: feeds.x.map(() => NaN) }), vg.NonFiniteError);
    training.evaluate(feeds);
    loss.forward(feeds);
    loss.backward();
    assert.deepEqual([...layer.runningMean.data], [0, 0, 0]);
  });

  it('many evaluations together read the running statistics too', () => {
    const layer = new nn.BatchNorm1d(3);
    const { loss } = graph(layer);
    const training = new SGD({ learningRate: 0.1 }).minimize(loss);
    training.step(feeds);
    const values = Float64Array.from(numbers(40 * 12));
    const data = { count: 40, inputs: { x: { values } } };
    const each = Array.from({ length: 40 }, (_, i) =>
      training.evaluate({ x: values.subarray(12 * i, 12 * i + 12) }),
    );
    assertClose(training.evaluateEach(data), each, 1e-13, 'evaluateEach');
    assertClose(vg.inference({ loss }).runEach(data).loss, each, 1e-13, 'runEach');
  });

  it('steps by other ways are the same', async () => {
    const data = { count: 3, inputs: { x: { values: Float64Array.from(numbers(36)) } } };
    const ways: ((training: vg.Training) => unknown)[] = [
      (training) => {
        for (let i = 0; i < 3; i++) training.step({ x: numbers(36).slice(12 * i, 12 * i + 12) });
      },
      (training) => training.stepEach(data),
      (training) => training.stepEachAsync(data),
    ];
    const found: number[][] = [];
    for (const way of ways) {
      const layer = new nn.BatchNorm1d(3);
      const { loss, w } = graph(layer);
      await way(new vg.Adam({ learningRate: 0.1 }).minimize(loss));
      found.push([...layer.runningMean.data, ...layer.runningVariance.data, ...w.data]);
    }
    assert.deepEqual(found[1], found[0]);
    assert.deepEqual(found[2], found[0]);
  });

  it('the statistics are saved and loaded with the weights, and never trained', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vecgrad-norm-'));
    const path = join(folder, 'norm.safetensors');
    const layer = new nn.BatchNorm1d(3, { name: 'norm' });
    const { loss } = graph(layer);
    const training = new SGD({ learningRate: 0.1 }).minimize(loss);
    training.step(feeds);
    vg.saveWeights(path, layer.parameters());
    const other = new nn.BatchNorm1d(3, { name: 'norm' });
    const { loaded } = vg.loadWeights(path, other.parameters());
    rmSync(folder, { recursive: true });
    assert.deepEqual(loaded, ['norm.weight', 'norm.bias', 'norm.runningMean', 'norm.runningVariance']);
    assert.deepEqual([...other.runningVariance.data], [...layer.runningVariance.data]);
    assert(!training.state().moments.has(layer.runningMean));
    vg.unfreeze(layer);
    assert(!layer.runningMean.trainable && layer.weight!.trainable);
  });

  it('a normalisation that every step computes, beside a choice, is followed', () => {
    const layer = new nn.BatchNorm1d(3);
    const y = layer.apply(input('x', [4, 3])).sum();
    const w = parameter([1, 2, 3]).sum();
    const loss = vg.choose([w, y], index('which')).add(y).add(w);
    new SGD({ learningRate: 1 }).minimize(loss).step({ ...feeds, which: 0 });
    assert(layer.runningMean.data.every((x) => x !== 0));
  });

  it('one row is evaluated by the running statistics', () => {
    const y = new nn.BatchNorm1d(3, { eps: 0 }).apply(input('x', [1, 3]));
    assert.deepEqual([...y.forward({ x: [1, 2, 3] })], [1, 2, 3]);
  });

  const w = parameter([1, 2, 3]);
  const minimizing = (make: (y: Value) => Value, shape = [4, 3]): unknown =>
    new SGD({ learningRate: 1 }).minimize(make(new nn.BatchNorm1d(3).apply(input('x', shape)).mul(w)));
  const x = input('x', [4, 3]);
  const any = (given: unknown): never => given as never;
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'other channels',
      () => new nn.BatchNorm1d(2).apply(x),
      /^BatchNorm1d\.apply of 'x' .*: expected shape \[N, 2\] or/,
    ],
    ['an image', () => new nn.BatchNorm2d(3).apply(x), /expected shape \[N, 3, height, width\]$/],
    ['no channels', () => new nn.BatchNorm1d(0), /^BatchNorm1d: channels 0: expected an integer from 1/],
    [
      'a share above 1',
      () => new nn.BatchNorm1d(1, { momentum: 2 }),
      /^BatchNorm1d: momentum 2: expected a number/,
    ],
    ['an unknown option', () => new nn.BatchNorm1d(1, any({ epsilon: 1 })), /no option "epsilon"/],
    [
      'examples that run by themselves',
      () => new SGD({ learningRate: 1 }).minimize(graph(new nn.BatchNorm1d(3)).loss, { batches: true }),
      /^minimize: 'runningMean' .* follows the statistics of a batch, but with batches: true each example/,
    ],
    [
      'a batch of examples',
      () =>
        new SGD({ learningRate: 1 }).minimize(graph(new nn.BatchNorm1d(3)).loss).stepBatch([feeds, feeds]),
      /^the loss follows the statistics of a batch, but the examples of stepBatch/,
    ],
    [
      'a series of batches',
      () =>
        new SGD({ learningRate: 1 })
          .minimize(graph(new nn.BatchNorm1d(3)).loss)
          .stepEach({ count: 2, inputs: { x: { values: new Float64Array(24) } } }, 0, 2, { batch: 2 }),
      /^the loss follows the statistics of a batch/,
    ],
    [
      'a term of a mean of the first',
      () => minimizing((y) => vg.meanOfFirst([w.sum(), y.sum()], index('n'))),
      /^minimize: 'runningMean' .* follows a batch in every step, .* only in some, in a term of meanOfFirst/,
    ],
    [
      'an option of a choice',
      () => minimizing((y) => vg.choose([w.sum(), y.sum()], index('which'))),
      /^minimize: 'runningMean' .* follows a batch in every step/,
    ],
    [
      'what a term is computed from',
      () => minimizing((y) => vg.meanOfFirst([w.sum(), y.exp().mean().mul(2)], index('n')).mul(3)),
      /^minimize: 'runningMean' .* follows a batch in every step/,
    ],
    [
      'a batch of one row',
      () => minimizing((y) => y.sum(), [1, 3]),
      /^minimize: BatchNorm1d\.apply of 'x' .*: a training step needs more than one number in each ch/,
    ],
    [
      'a batch of no rows',
      () => minimizing((y) => y.sum(), [0, 3]),
      /needs more than one number in each channel, and has 0$/,
    ],
    [
      'to train its statistics',
      () => (new nn.BatchNorm1d(1).runningMean.trainable = true),
      /^trainable = true: 'runningMean' .* is a buffer, which no gradient trains$/,
    ],
  ];
  for (const [what, call, message] of REFUSED)
    it(`refuses ${what}`, () => {
      assert.throws(call, { message });
    });
});
