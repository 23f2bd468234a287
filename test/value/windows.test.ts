/** Convolutions and pooling: what their options mean, their edges, and what is refused. */
import assert from 'node:assert/strict';
import '../../lib/value/operators.js';
import { grad } from '../../lib/value/grad.js';
import { type Value } from '../../lib/value/value.js';
import { addN } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { conv1d, conv2d, maxPool2d, type ConvOptions } from '../../lib/value/windows.js';
import { compile } from '../../lib/value/compile.js';
import { parsePasses } from '../../lib/compiler/passes.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { assertClose, checkGraph, type Leaves } from '../support/check.js';
import { CONVOLUTIONS } from '../support/window-rows.js';
import { pattern } from '../support/pattern.js';
import { TARGETS } from '../support/targets.js';
import * as reference from '../support/window-reference.js';

/** Numbers between -1 and 1 that look random. */
const wave = (size: number, seed = 0): number[] =>
  Array.from({ length: size }, (_, i) => Math.sin((i + 31 * seed + 1) * 12.9898));
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const made = (shape: readonly number[], seed = 0): Value => parameter(wave(sizeOf(shape), seed), { shape });

/** A number for both axes, or one for each. */
type Two = readonly [number, number];
const two = (n: number | Two): Two => (typeof n === 'number' ? [n, n] : n);

/** The numbers of conv2d by the formula in PyTorch's documentation; images are padded first. */
function convolved(
  [n, channels, height, width]: readonly [number, number, number, number],
  [outputs, inputs, h, w]: readonly [number, number, number, number],
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions,
  x: readonly number[],
  weights: readonly number[],
): number[] {
  const [step, apart] = [two(stride), two(dilation)];
  const total: Two = [(h - 1) * apart[0], (w - 1) * apart[1]];
  const before: Two =
    padding === 'same'
      ? [Math.floor(total[0] / 2), Math.floor(total[1] / 2)]
      : two(padding === 'valid' ? 0 : padding);
  const behind: Two = padding === 'same' ? [total[0] - before[0], total[1] - before[1]] : before;
  const rows = Math.floor((height + before[0] + behind[0] - total[0] - 1) / step[0]) + 1;
  const columns = Math.floor((width + before[1] + behind[1] - total[1] - 1) / step[1]) + 1;
  const at = (i: number, c: number, row: number, column: number): number =>
    row < 0 || column < 0 || row >= height || column >= width
      ? 0
      : x[((i * channels + c) * height + row) * width + column]!;
  const y: number[] = [];
  for (let i = 0; i < n; i++)
    for (let o = 0; o < outputs; o++)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          const first = Math.floor(o / (outputs / groups)) * inputs;
          for (let c = 0; c < inputs; c++)
            for (let a = 0; a < h; a++)
              for (let b = 0; b < w; b++)
                sum +=
                  weights[((o * inputs + c) * h + a) * w + b]! *
                  at(
                    i,
                    first + c,
                    row * step[0] + a * apart[0] - before[0],
                    column * step[1] + b * apart[1] - before[1],
                  );
          y.push(sum);
        }
  return y;
}

describe('conv2d is the formula of its options', () => {
  for (const [x, w, options] of CONVOLUTIONS)
    it(`${JSON.stringify(x)} ${JSON.stringify(w)} ${JSON.stringify(options)}`, () => {
      const [images, weights] = [wave(sizeOf(x)), wave(sizeOf(w), 1)];
      const y = conv2d(parameter(images, { shape: x }), parameter(weights, { shape: w }), options);
      const expected = convolved(x as never, w as never, options, images, weights);
      assertClose(y.forward(), expected, 1e-12, 'the value');
    });
});

describe('the other forms', () => {
  const same = (title: string, form: () => Value, other: () => Value): void => {
    it(title, () => {
      const [a, b] = [form(), other()];
      assert.deepEqual(a.shape, b.shape);
      assert.deepEqual(Array.from(a.forward()), Array.from(b.forward()));
    });
  };
  same(
    'conv1d is conv2d of one row',
    () => conv1d(made([2, 4, 9]), made([6, 2, 3], 1), { stride: 2, padding: 1, dilation: 2, groups: 2 }),
    () =>
      made([2, 4, 1, 9])
        .conv2d(made([6, 2, 1, 3], 1), { stride: [1, 2], padding: [0, 1], dilation: [1, 2], groups: 2 })
        .squeeze(2),
  );
  same(
    'one image is a batch of one',
    () => made([3, 5, 6]).conv2d(made([2, 3, 2, 2], 1)),
    () =>
      made([1, 3, 5, 6])
        .conv2d(made([2, 3, 2, 2], 1))
        .squeeze(0),
  );
  same(
    'one sequence is a batch of one',
    () => made([3, 8]).conv1d(made([2, 3, 4], 1), { padding: 'same' }),
    () =>
      made([1, 3, 8])
        .conv1d(made([2, 3, 4], 1), { padding: 'same' })
        .squeeze(0),
  );
  same(
    'a bias is added to each channel',
    () => made([2, 3, 4, 5]).conv2d(made([2, 3, 2, 2], 1), { bias: made([2], 2) }),
    () =>
      made([2, 3, 4, 5])
        .conv2d(made([2, 3, 2, 2], 1))
        .add(made([2, 1, 1], 2)),
  );
  same(
    'a bias of sequences',
    () => made([3, 7]).convTranspose1d(made([3, 2, 2], 1), { bias: made([2], 2) }),
    () =>
      made([3, 7])
        .convTranspose1d(made([3, 2, 2], 1))
        .add(made([2, 1], 2)),
  );
  same(
    'convTranspose1d is convTranspose2d of one row',
    () =>
      made([2, 4, 5]).convTranspose1d(made([4, 3, 3], 1), {
        stride: 3,
        padding: 1,
        outputPadding: 2,
        dilation: 2,
        groups: 2,
      }),
    () =>
      made([2, 4, 1, 5])
        .convTranspose2d(made([4, 3, 1, 3], 1), {
          stride: [1, 3],
          padding: [0, 1],
          outputPadding: [0, 2],
          dilation: [1, 2],
          groups: 2,
        })
        .squeeze(2),
  );
  same(
    'maxPool1d is maxPool2d of one row',
    () => made([2, 3, 9]).maxPool1d(3, { stride: 2, padding: 1 }),
    () =>
      made([2, 3, 1, 9])
        .maxPool2d([1, 3], { stride: [1, 2], padding: [0, 1] })
        .squeeze(2),
  );
  same(
    'avgPool1d is avgPool2d of one row',
    () => made([3, 9]).avgPool1d(3, { padding: 1 }),
    () =>
      made([3, 1, 9])
        .avgPool2d([1, 3], { stride: 3, padding: [0, 1] })
        .squeeze(1),
  );
  same(
    'pooling without overlap is a maximum over axes',
    () => made([2, 3, 4, 6]).maxPool2d([2, 3]),
    () => made([2, 3, 4, 6]).reshape([2, 3, 2, 2, 2, 3]).max([3, 5]),
  );
});

describe('convTranspose2d is the transpose of conv2d', () => {
  const rows: [
    x: number[],
    w: number[],
    options: Parameters<Value['convTranspose2d']>[1],
    shape: number[],
  ][] = [
    [[2, 3, 4, 5], [3, 2, 3, 3], {}, [2, 2, 6, 7]],
    [[1, 2, 3, 4], [2, 3, 2, 3], { stride: 2 }, [1, 3, 6, 9]],
    [[1, 2, 3, 4], [2, 3, 3, 3], { stride: [2, 3], padding: 1, outputPadding: [1, 2] }, [1, 3, 6, 12]],
    [[1, 4, 3, 3], [4, 3, 3, 2], { groups: 2, dilation: [2, 3], padding: [1, 0] }, [1, 6, 5, 6]],
    [[1, 1, 2, 2], [1, 1, 1, 1], { dilation: 3, outputPadding: 2 }, [1, 1, 4, 4]],
    [[0, 2, 3, 4], [2, 3, 2, 3], {}, [0, 3, 4, 6]],
  ];
  // <convTranspose(y), x> is <y, conv(x)>, where conv has the same options.
  for (const [y, w, options, shape] of rows)
    it(JSON.stringify([y, w, options]), () => {
      const [small, large] = [made(y), made(shape, 2)];
      const weights = made(w, 1);
      const up = small.convTranspose2d(weights, options);
      assert.deepEqual(up.shape, shape);
      const rest = { ...options };
      delete rest.outputPadding;
      const down = large.conv2d(weights, rest);
      const cut = down.slice(0, y[2], 2).slice(0, y[3], 3);
      assertClose(
        up.mul(large).sum().forward(),
        Array.from(cut.mul(small).sum().forward()),
        1e-12,
        'the product',
      );
    });
});

describe('avgPool2d and adaptiveAvgPool2d', () => {
  const x = parameter(
    Array.from({ length: 20 }, (_, i) => i * i),
    { shape: [1, 4, 5] },
  );
  const rows: [title: string, y: () => Value, expected: number[]][] = [
    ['of whole windows', () => x.avgPool2d(2), [15.5, 31.5, 175.5, 231.5]],
    [
      'with padding that counts',
      () => x.slice(0, 1, 1).avgPool2d([1, 3], { stride: 2, padding: [0, 1] }),
      [1 / 3, 14 / 3, 25 / 3],
    ],
    [
      'with padding that does not',
      () => x.slice(0, 1, 1).avgPool2d([1, 3], { stride: 2, padding: [0, 1], countIncludePad: false }),
      [1 / 2, 14 / 3, 25 / 2],
    ],
    ['of the whole image', () => x.adaptiveAvgPool2d(1), [123.5]],
    [
      'in parts that overlap',
      () => x.adaptiveAvgPool2d([1, 2]).mul(12),
      [
        0 + 1 + 4 + 25 + 36 + 49 + 100 + 121 + 144 + 225 + 256 + 289,
        4 + 9 + 16 + 49 + 64 + 81 + 144 + 169 + 196 + 289 + 324 + 361,
      ],
    ],
    ['as large as the image', () => x.adaptiveAvgPool2d([4, 5]), Array.from({ length: 20 }, (_, i) => i * i)],
  ];
  for (const [title, y, expected] of rows)
    it(title, () => {
      assertClose(y().forward(), expected, 1e-12, 'the value');
    });
  it('have gradients', () => {
    checkGraph((g) => g.p(1, 2, 5, 7).adaptiveAvgPool2d([2, 3]));
    checkGraph((g) => g.p(2, 4, 6).avgPool2d([2, 3], { padding: [1, 0], countIncludePad: false }));
  });
});

describe('maxima at the edges', () => {
  const pooled = (numbers: number[], size = 2): { y: number[]; slope: number[] } => {
    const x = parameter(numbers, { shape: [1, numbers.length] });
    const y = x.maxPool1d(size);
    y.forward();
    y.backward();
    return { y: Array.from(y.data), slope: Array.from(x.grad) };
  };
  const rows: [title: string, x: number[], size: number, y: number[], slope: number[]][] = [
    ['ties go to the first', [1, 1, 2, 2], 2, [1, 2], [1, 0, 1, 0]],
    ['NaN wins, before and behind', [NaN, 1, 1, NaN], 2, [NaN, NaN], [1, 0, 0, 1]],
    ['the last NaN gets the gradient', [NaN, 3, NaN], 3, [NaN], [0, 0, 1]],
    ['minus infinities', [-Infinity, -Infinity], 2, [-Infinity], [1, 0]],
    ['infinities', [1, Infinity, -Infinity, 0], 2, [Infinity, 0], [0, 1, 0, 1]],
  ];
  for (const [title, x, size, y, slope] of rows)
    it(title, () => {
      assert.deepEqual(pooled(x, size), { y, slope });
    });
  it('padding is never the largest', () => {
    const x = parameter([-3, -2, -1, -Infinity], { shape: [1, 2, 2] });
    const y = x.maxPool2d(2, { stride: 1, padding: 1 });
    y.forward();
    y.backward();
    assert.deepEqual(Array.from(y.data), [-3, -2, -2, -1, -1, -2, -1, -1, -Infinity]);
    assert.deepEqual(Array.from(x.grad), [1, 3, 4, 1]);
  });
});

describe('in panels and parts', () => {
  const rows: [title: string, x: number[], w: number[], options: ConvOptions][] = [
    ['several rows at a time', [2, 32, 40, 41], [3, 32, 3, 3], { padding: 1 }],
    ['parts of a row', [1, 64, 3, 700], [2, 64, 3, 3], { padding: 2, dilation: 2 }],
    ['parts of a sequence', [1, 64, 1, 2100], [2, 64, 1, 9], { stride: [1, 2] }],
    ['many images', [150, 3, 5, 5], [4, 3, 3, 3], { padding: 1 }],
    ['many images without panels', [37, 8, 5, 5], [4, 8, 1, 1], {}],
  ];
  for (const [title, x, w, options] of rows)
    for (const { isa, dtype } of TARGETS)
      it(`${title}, ${isa}, ${dtype}`, () => {
        const [images, weights] = [made(x), made(w, 1)];
        const y = conv2d(images, weights, options);
        const { window } = y.attr;
        const of = (shape: readonly number[], seed: number) => ({ shape, data: wave(sizeOf(shape), seed) });
        const [tensor, kernel, slope] = [of(x, 0), of(w, 1), of(y.shape, 2)];
        const program = compile(y.mul(parameter(slope.data, { shape: y.shape })), { isa, dtype });
        program.forward({});
        program.backward();
        const tolerance = dtype === 'float64' ? 1e-12 : 1e-5;
        assertClose(program.read(y), reference.conv(window!, tensor, kernel).data, tolerance, 'the value');
        assertClose(
          program.readGradient(images),
          reference.convInput(window!, slope, kernel, x).data,
          tolerance,
          'the gradient of the images',
        );
        assertClose(
          program.readGradient(weights),
          reference.convWeights(window!, tensor, slope, w).data,
          tolerance,
          'the gradient of the weights',
        );
      });
});

interface Model {
  /** The loss of one example, whose inputs have names that end in `suffix`. */
  loss: (suffix: string) => Value;
  parameters: Value[];
}

/** A small classifier of images. */
function classifier(): Model {
  const parameters = [made([4, 2, 3, 3]), made([4], 1), made([6, 2, 2, 2], 2), made([6, 3], 3)];
  const [w1, b1, w2, w3] = parameters as [Value, Value, Value, Value];
  return {
    parameters,
    loss: (suffix) => {
      const x = input(`x${suffix}`, [2, 6, 6]);
      const one = x.conv2d(w1, { padding: 1, bias: b1 }).relu().maxPool2d(2);
      const y = one.conv2d(w2, { groups: 2 }).avgPool2d(2, { padding: 1 }).tanh().sum([-1, -2]);
      return y.matmul(w3).crossEntropy(index(`t${suffix}`));
    },
  };
}

/** A trained image, seen through weights that each example has of its own. */
function picture(): Model {
  const image = made([2, 6, 6]);
  return {
    parameters: [image],
    loss: (suffix) => {
      const w = input(`x${suffix}`, [4, 2, 3, 3]);
      const t = index(`t${suffix}`);
      const y = image.conv2d(w).add(image.maxPool2d(3, { stride: 1 }).sum(0));
      const up = image.convTranspose2d(w.reshape([2, 4, 3, 3]), { stride: 2 }).tanh();
      return y
        .tanh()
        .sum([1, 2])
        .add(up.avgPool2d(2).sum([1, 2]))
        .crossEntropy(t);
    },
  };
}

describe('training on images', () => {
  const examples = Array.from({ length: 7 }, (_, i) => ({ x: wave(72, i), t: i % 3 }));
  for (const [name, model] of Object.entries({ classifier, picture }))
    for (const { isa, dtype } of TARGETS)
      it(`batches of a ${name}, ${isa}, ${dtype}`, () => {
        const optimizer = new SGD({ learningRate: 0.1 });
        const numbers = ({ parameters }: Model): number[] =>
          parameters.flatMap(({ data }) => Array.from(data));
        const batched = model();
        const training = optimizer.minimize(batched.loss(''), { isa, dtype, batches: true });
        const losses = [0, 1, 2].map(() => training.stepBatch(examples, { threads: 2 }));
        const written = model();
        const mean = addN(examples.map((_, i) => written.loss(String(i)))).div(examples.length);
        const other = optimizer.minimize(mean, { isa, dtype });
        const feeds: Record<string, number[] | number> = {};
        for (const [i, { x, t }] of examples.entries()) {
          feeds[`x${i}`] = x;
          feeds[`t${i}`] = t;
        }
        const expected = [0, 1, 2].map(() => other.step(feeds));
        assertClose(
          [...losses, ...numbers(batched)],
          [...expected, ...numbers(written)],
          dtype === 'float64' ? 1e-12 : 1e-5,
          'the training',
        );
      });
  it('with each set of passes', () => {
    const numbers = (passes: string): number[] => {
      const { loss, parameters } = classifier();
      const training = new SGD({ learningRate: 0.1 }).minimize(loss(''), { passes: parsePasses(passes) });
      return [
        ...[0, 1].map(() => training.step(examples[1]!)),
        ...parameters.flatMap(({ data }) => [...data]),
      ];
    };
    assertClose(numbers('all'), numbers('none'), 1e-12, 'all and none');
  });
  const pools: [layout: string, shape: number[], pooled: number[], axes: number[]][] = [
    ['[N, C, H, W]', [8, 6, 28, 28], [8 * 6, 14, 2, 14, 2], [2, 4]],
    ['[N, H, W, C]', [8, 28, 28, 6], [8, 14, 2, 14, 2, 6], [2, 4]],
  ];
  for (const [layout, shape, pooled, axes] of pools)
    it(`a pool by maxima over axes is some instructions, whatever the size: ${layout}`, () => {
      const y = made(shape).mul(2).reshape(pooled).max(axes);
      const { program } = new SGD({ learningRate: 0.1 }).minimize(y.pow(2).mean());
      assert.ok(program.counts.instructions < 50, `${program.counts.instructions} instructions`);
    });
  it('one pool is one instruction, and so is its gradient', () => {
    const x = made([8, 4, 6, 6]);
    const { program } = new SGD({ learningRate: 0.1 }).minimize(x.maxPool2d(2).pow(2).sum());
    const count = (op: string): number => program.work().find((work) => work.op === op)?.instructions ?? 0;
    assert.deepEqual([count('max_pool'), count('max_pool_grad')], [1, 1]);
  });
});

describe('second derivatives', () => {
  it('of all operands of a convolution at once', () => {
    checkGraph((g: Leaves) => {
      const [x, w] = [g.p(1, 2, 3, 4), g.p(2, 2, 2, 2)];
      const slopes = grad(x.conv2d(w, { padding: 1 }).pow(2).sum(), [x, w]);
      return slopes[0]!.pow(2).sum().add(slopes[1]!.sum());
    });
  });
});

/** Padding alone is no image. */
const [noColumns, noRows] = [input('line', [1, 2, 0]), input('image', [1, 2, 0, 4])];
const NOT_EMPTY: [title: string, call: () => unknown][] = [
  ['conv1d', () => noColumns.conv1d(input('w', [3, 2, 2]), { padding: 2 })],
  ['conv2d', () => noRows.conv2d(input('w', [3, 2, 2, 2]), { padding: 2 })],
  ['convTranspose1d', () => noColumns.convTranspose1d(input('w', [2, 3, 2]))],
  ['convTranspose2d', () => noRows.convTranspose2d(input('w', [2, 3, 3, 3]), { stride: 2 })],
  ['maxPool1d', () => noColumns.maxPool1d(2, { padding: 1 })],
  ['maxPool2d', () => noRows.maxPool2d(2, { padding: 1 })],
  ['avgPool1d', () => noColumns.avgPool1d(2, { padding: 1 })],
  ['avgPool2d', () => noRows.avgPool2d(2, { padding: 1, countIncludePad: false })],
  ['adaptiveAvgPool2d', () => noRows.adaptiveAvgPool2d(1)],
];

describe('what is refused', () => {
  const x = input('x', [2, 3, 5, 6]);
  const s = input('s', [2, 3, 5]);
  const w = input('w', [4, 3, 2, 2]);
  const any = (value: unknown): never => value as never;
  const rows: [title: string, call: () => unknown, message: RegExp][] = [
    [
      'images of two axes',
      () => input('v', [2, 3]).conv2d(w),
      /^conv2d of 'v' .* and 'w' .*: images of shape \[2, 3\]: expected \[N, C, H, W\] or \[C, H, W\]$/,
    ],
    [
      'sequences of four axes',
      () => x.conv1d(w),
      /: images of shape \[2, 3, 5, 6\]: expected \[N, C, L\] or \[C, L\]$/,
    ],
    [
      'weights of three axes',
      () => x.conv2d(s),
      /: weights of shape \[2, 3, 5\]: expected \[O, C \/ groups, h, w\], which is not empty$/,
    ],
    [
      'empty weights',
      () => x.conv2d(input('e', [4, 3, 0, 2])),
      /expected \[O, C \/ groups, h, w\], which is not empty$/,
    ],
    [
      'other channels',
      () => x.conv2d(input('o', [4, 2, 2, 2])),
      /images of 3 channels, weights of shape \[4, 2, 2, 2\]: expected weights \[O, 3, h, w\], or imag/,
    ],
    [
      'other groups',
      () => x.conv2d(input('o', [4, 1, 2, 2]), { groups: 3 }),
      /: groups 3: expected a number that divides the 4 channels of the result$/,
    ],
    [
      'windows that do not fit',
      () => x.conv2d(input('o', [4, 3, 6, 2])),
      /: windows of 6 numbers do not fit into an axis of 5$/,
    ],
    [
      'windows that do not fit with padding',
      () => x.conv2d(w, { dilation: 9, padding: 1 }),
      /: windows of 10 numbers do not fit into an axis of 5 and padding of 2$/,
    ],
    [
      'a stride of 0',
      () => x.conv2d(w, { stride: 0 }),
      /^conv2d of 'x' .*: stride 0: expected an integer from 1/,
    ],
    [
      'a triple',
      () => x.conv2d(w, { stride: any([1, 2, 3]) }),
      /: stride an array of length 3: expected an integer, or a pair of them$/,
    ],
    [
      'a pair for sequences',
      () => s.conv1d(s, { stride: any([1, 2]) }),
      /^conv1d of .*: stride an array: expected an integer from 1/,
    ],
    ['a fraction', () => x.conv2d(w, { padding: 0.5 }), /: padding 0.5: expected an integer from 0/],
    [
      'another word',
      () => x.conv2d(w, { padding: any('full') }),
      /: padding "full": expected integers from 0, 'same' or 'valid'$/,
    ],
    [
      'same with a stride',
      () => x.conv2d(w, { padding: 'same', stride: 2 }),
      /: padding 'same': expected a stride of 1, not \[2, 2\]$/,
    ],
    [
      'an unknown option',
      () => x.conv2d(w, any({ strides: 2 })),
      /there is no option "strides"; did you mean stride/,
    ],
    [
      'a bias that does not fit',
      () => x.conv2d(w, { bias: input('b', [3]) }),
      /: a bias of shape \[3\]: expected \[4\], one for each channel$/,
    ],
    [
      'a bias that is no value',
      () => x.conv2d(w, { bias: any(1) }),
      /^conv2d: the bias is 1, expected a Value$/,
    ],
    ['weights that are none', () => x.conv2d(any(2)), /^conv2d: w is 2, expected a Value$/],
    [
      'transposed: other channels',
      () => x.convTranspose2d(w),
      /of shape \[4, 3, 2, 2\]: expected weights \[3, O \/ groups, h, w\], or images of 4 channels$/,
    ],
    [
      'groups that do not divide the channels',
      () => x.conv2d(w, { groups: 2 }),
      /^conv2d of 'x' .*: groups 2: expected a number that divides the 3 channels of images$/,
    ],
    [
      'transposed: groups that do not divide the channels',
      () => x.convTranspose2d(input('o', [3, 2, 2, 2]), { groups: 2 }),
      /^convTranspose2d of 'x' .*: groups 2: expected a number that divides the 3 channels of images$/,
    ],
    ...NOT_EMPTY.map(([title, call]): [string, () => unknown, RegExp] => [
      `${title} of images without numbers`,
      call,
      new RegExp(`^${title} of .*: images of shape \\[1, 2, 0(, 4)?\\]: expected at least one number along `),
    ]),
    [
      'transposed: nothing left',
      () => x.convTranspose2d(input('o', [3, 1, 1, 1]), { padding: 3 }),
      /: padding 3 leaves nothing of an axis of 5$/,
    ],
    [
      'transposed: outputPadding',
      () => x.convTranspose2d(input('o', [3, 1, 1, 1]), { outputPadding: 1 }),
      /: outputPadding 1: expected less than the stride or the dilation, 1$/,
    ],
    [
      'too much padding',
      () => x.maxPool2d(3, { padding: 2 }),
      /^maxPool2d of .*: padding 2: expected at most half of the size, 3$/,
    ],
    [
      'a window larger than the image',
      () => x.avgPool2d(7),
      /^avgPool2d of .*: windows of 7 numbers do not fit into an axis of 5$/,
    ],
    ['no size', () => x.maxPool2d(any(undefined)), /: size undefined: expected an integer from 1/],
    [
      'a flag that is none',
      () => x.avgPool2d(2, { countIncludePad: any(1) }),
      /: countIncludePad 1: expected true or false$/,
    ],
    [
      'too many parts',
      () => x.adaptiveAvgPool2d(6),
      /^adaptiveAvgPool2d of .*: 6 parts of an axis of 5: expected at most 5$/,
    ],
    [
      'more numbers than an array has',
      () => x.conv2d(input('o', [4, 3, 1, 1]), { padding: 2 ** 20 }),
      pattern(/^conv2d of 'x' .*/, /an array has at most/),
    ],
    [
      'a window with too many numbers',
      () => maxPool2d(input('l', [1, 2 ** 13, 2 ** 13]), 2 ** 13),
      /: windows of 67108864 numbers: expected at most 16777216$/,
    ],
  ];
  for (const [title, call, message] of rows) it(title, () => assert.throws(call, { message }));
});
