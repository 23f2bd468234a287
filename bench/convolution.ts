/**
 * A training step of a convolutional classifier of 28 x 28 images on one thread, beside the products that its
 * convolutions amount to: processor time, which other work on the machine disturbs little.
 */
import { Random } from '../lib/runtime/random.js';
import { kernels } from '../lib/runtime/kernels.js';
import { index, input, parameter } from '../lib/value/leaves.js';
import { conv2d, maxPool2d } from '../lib/value/windows.js';
import type { Value } from '../lib/value/value.js';
import { SGD } from '../lib/optim/optimizers.js';
import { inTurns, processorTime, type Effort, type Row } from './measure.js';

const IMAGES = 64;
const CLASSES = 10;

/** 1 to 32 to 64 channels, 3 x 3, relu and a pool of 2 x 2 after each, a linear layer, and its loss. */
function classifier(random: Random): Value {
  const made = (...shape: number[]): Value => {
    const size = shape.reduce((a, b) => a * b, 1);
    return parameter(random.gaussians(size, 0, 0.05), { shape });
  };
  const layer = (x: Value, channels: number): Value =>
    maxPool2d(conv2d(x, made(channels, x.shape[1]!, 3, 3), { padding: 1, bias: made(channels) }).relu(), 2);
  const y = layer(layer(input('x', [IMAGES, 1, 28, 28]), 32), 64).reshape([IMAGES, -1]);
  return y.matmul(made(y.shape[1]!, CLASSES)).crossEntropy(index('t', IMAGES)).mean();
}

/** Products with the rows, columns and terms of each convolution: forward, and its gradients. */
function products(): { run: () => void; flop: number } {
  const shapes: [times: number, m: number, n: number, k: number][] = [];
  for (const [inputs, outputs, pixels, gradients] of [
    [1, 32, 784, 1],
    [32, 64, 196, 2],
  ] as const) {
    const taps = 9 * inputs;
    shapes.push([IMAGES, outputs, pixels, taps], [IMAGES, taps, outputs, pixels]);
    if (gradients > 1) shapes.push([IMAGES, taps, pixels, outputs]);
  }
  const calls = shapes.map(([times, m, n, k]) => {
    const [a, b, out] = [m * k, k * n, m * n].map((size) => new Float32Array(size).fill(0.5)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return (): void => {
      for (let i = 0; i < times; i++) kernels.matmul(a, b, { m, k, n, out });
    };
  });
  const flop = shapes.reduce((sum, [times, m, n, k]) => sum + 2 * times * m * n * k, 0);
  return { run: () => calls.forEach((call) => call()), flop };
}

export function convolutionRows({ turns, quick }: Effort): Row[] {
  const random = new Random(1);
  const training = new SGD({ learningRate: 0.01 }).minimize(classifier(random), {
    dtype: 'float32',
    threads: 1,
  });
  const feeds = {
    x: Float32Array.from(random.gaussians(IMAGES * 784)),
    t: Int32Array.from({ length: IMAGES }, (_, i) => i % CLASSES),
  };
  const { run, flop } = products();
  const steps = quick ? 5 : 20;
  const many = (call: () => void) => (): number =>
    processorTime(() => {
      for (let i = 0; i < steps; i++) call();
    }) / steps;
  const [step, limit] = inTurns([many(() => training.step(feeds)), many(run)], turns) as [number, number];
  return [
    { what: 'step of a convolutional classifier, 64 images of 28 x 28, float32', value: step, unit: 'ms' },
    { what: 'the products of its convolutions alone', value: limit, unit: 'ms' },
    { what: 'step / products', value: step / limit, unit: '' },
    { what: 'the products', value: flop / limit / 1e6, unit: 'Gflop/s' },
    { what: 'memory of the training', value: training.program.arena.byteLength / 1e6, unit: 'MB' },
  ];
}
