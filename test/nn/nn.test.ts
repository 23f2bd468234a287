/** Modules: shapes, names, gradients, and values compared with the same formulas in plain TypeScript. */
import assert from 'node:assert/strict';
import { gradCheck } from '../../lib/value/grad-check.js';
import type { Value } from '../../lib/value/value.js';
import { tanh } from '../../lib/value/operators.js';
import { stack } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import * as nn from '../../lib/nn/index.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { Random } from '../../lib/runtime/random.js';
import { assertClose } from '../support/check.js';

type Matrix = number[][];
/** Parameters by name, as rows; a vector is one row. */
type Parameters = Record<string, Matrix>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const matmul = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));
const plus = (a: Matrix, b: Matrix): Matrix =>
  a.map((row, i) => row.map((x, j) => x + b[b.length === 1 ? 0 : i]![j]!));
const columns = (a: Matrix, from: number, to: number): Matrix => a.map((row) => row.slice(from, to));
const rowsOf = (flat: ArrayLike<number>, width: number): Matrix =>
  Array.from({ length: flat.length / width }, (_, i) => Array.from(flat).slice(i * width, (i + 1) * width));
const softmax = (row: number[]): number[] => {
  const exps = row.map(Math.exp);
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((x) => x / sum);
};

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(3 * i + 1) + 0.1);
/** Inputs x0, x1, ... of a shape, and what to feed them. */
function inputs(count: number, shape: number[]): { xs: Value[]; fed: number[][]; feeds: Feeds } {
  const size = shape.reduce((a, b) => a * b, 1);
  const all = numbers(count * size);
  const fed = Array.from({ length: count }, (_, i) => all.slice(i * size, (i + 1) * size));
  const xs = fed.map((_, i) => input(`x${i}`, shape));
  return { xs, fed, feeds: Object.fromEntries(fed.map((x, i) => [`x${i}`, x])) };
}

interface Built {
  module: nn.Module;
  output: Value;
  feeds: Feeds;
  /** The output of these parameters, row-major. */
  expected: (parameters: Parameters) => Matrix;
}

type Row = [
  title: string,
  build: (options: nn.ModuleOptions) => Built,
  names: Record<string, number[]>,
  shape: number[],
];

/** A recurrent module on three positions of two samples. */
function recurrent(
  module: nn.RNNCell | nn.GRUCell | nn.LSTMCell,
  step: (p: Parameters, x: Matrix, state: { h: Matrix; c: Matrix }) => { h: Matrix; c: Matrix },
): Built {
  const { xs, fed, feeds } = inputs(3, [2, 3]);
  const expected = (p: Parameters): Matrix => {
    const zeros = [new Array<number>(4).fill(0), new Array<number>(4).fill(0)];
    let state = { h: zeros, c: zeros };
    return fed.flatMap((x) => (state = step(p, rowsOf(x, 3), state)).h);
  };
  return { module, output: stack(module.apply(xs)), feeds, expected };
}
const each = (f: (...xs: number[]) => number, ...all: Matrix[]): Matrix =>
  all[0]!.map((row, i) => row.map((_, j) => f(...all.map((m) => m[i]![j]!))));

function attention(options: nn.SelfAttentionOptions): Built {
  const module = new nn.SelfAttention(4, 2, options);
  const { xs, fed, feeds } = inputs(1, [2, 3, 4]);
  const expected = (p: Parameters): Matrix =>
    [fed[0]!.slice(0, 12), fed[0]!.slice(12)].flatMap((sample) => {
      const x = rowsOf(sample, 4);
      const [q, k, v] = ['query', 'key', 'value'].map((name) => matmul(x, p[`net.${name}.weight`]!)) as [
        Matrix,
        Matrix,
        Matrix,
      ];
      const heads = [0, 1].map((head) => {
        const part = (m: Matrix): Matrix => columns(m, 2 * head, 2 * head + 2);
        return part(q).map((row, at) => {
          const seen = options.causal === false ? 3 : at + 1;
          const scores = part(k)
            .slice(0, seen)
            .map((other) => (row[0]! * other[0]! + row[1]! * other[1]!) / Math.SQRT2);
          return matmul([softmax(scores)], part(v).slice(0, seen))[0]!;
        });
      });
      return matmul(
        heads[0]!.map((row, i) => [...row, ...heads[1]![i]!]),
        p['net.output.weight']!,
      );
    });
  return { module, output: module.apply(xs[0]!), feeds, expected };
}
const ATTENTION = {
  'net.query.weight': [4, 4],
  'net.key.weight': [4, 4],
  'net.value.weight': [4, 4],
  'net.output.weight': [4, 4],
};

/** What two heads of a query [n, 4] read from a key and a value, where `reads` says so, in plain arrays. */
function attended(
  p: Parameters,
  name: string,
  [query, key, value]: [Matrix, Matrix, Matrix],
  reads: (at: number, other: number, head: number) => boolean,
): Matrix {
  const project = (x: Matrix, part: string): Matrix =>
    plus(matmul(x, p[`${name}.${part}.weight`]!), p[`${name}.${part}.bias`]!);
  const [q, k, v] = [project(query, 'query'), project(key, 'key'), project(value, 'value')];
  const heads = [0, 1].map((head) => {
    const part = (m: Matrix): Matrix => columns(m, 2 * head, 2 * head + 2);
    return part(q).map((row, at) => {
      const others = part(k).flatMap((_, other) => (reads(at, other, head) ? [other] : []));
      const scores = others.map((other) => {
        const [x, y] = part(k)[other]!;
        return (row[0]! * x! + row[1]! * y!) / Math.SQRT2;
      });
      if (others.length === 0) return [0, 0];
      return matmul(
        [softmax(scores)],
        others.map((other) => part(v)[other]!),
      )[0]!;
    });
  });
  return project(
    heads[0]!.map((row, i) => [...row, ...heads[1]![i]!]),
    'output',
  );
}
const projections = (name: string): Record<string, number[]> =>
  Object.fromEntries(
    ['query', 'key', 'value', 'output'].flatMap((part) => [
      [`${name}.${part}.weight`, [4, 4]],
      [`${name}.${part}.bias`, [4]],
    ]),
  );
/** Biases that are not zeros. */
function biased<M extends nn.Module>(module: M): M {
  for (const { name, data } of module.parameters())
    if (name!.endsWith('.bias')) data.set(numbers(data.length));
  return module;
}

/** A perceptron of 3-4-2 on one sample, or on rows of samples. */
function mlpOf(module: nn.MLP, activation: (x: number) => number, shape: number[]): Built {
  const { xs, fed, feeds } = inputs(1, shape);
  const expected = (p: Parameters): Matrix => {
    const linear = (x: Matrix, i: number): Matrix =>
      plus(matmul(x, p[`net.layer[${i}].weight`]!), p[`net.layer[${i}].bias`]!);
    return linear(each(activation, linear(rowsOf(fed[0]!, 3), 0)), 1);
  };
  return { module, output: module.apply(xs[0]!), feeds, expected };
}
const MLP_SHAPES = {
  'net.layer[0].weight': [3, 4],
  'net.layer[0].bias': [4],
  'net.layer[1].weight': [4, 2],
  'net.layer[1].bias': [2],
};

/** Which of three positions may read which. */
const READ = [1, 1, 0, 0, 1, 1, 1, 0, 1];

/** Numbers that nothing changes. */
const constantOf = (data: number[], shape: number[]): Value => parameter(data, { shape }).detach();

/** A normalisation of four rows, whose weight and bias are no longer ones and zeros. */
function normed(module: nn.LayerNorm | nn.RMSNorm, of: (row: number[]) => number[]): Built {
  const { xs, fed, feeds } = inputs(1, [4, 3]);
  for (const value of module.parameters()) value.data.set([0.5, -2, 3]);
  const expected = (p: Parameters): Matrix => {
    const weighed = rowsOf(fed[0]!, 3).map((row) => of(row).map((x, i) => x * p['net.weight']![0]![i]!));
    return p['net.bias'] ? plus(weighed, p['net.bias']) : weighed;
  };
  return { module, output: module.apply(xs[0]!), feeds, expected };
}

const ROWS: Row[] = [
  [
    'ScalarNeuron',
    (options) => {
      const module = new nn.ScalarNeuron(2, options);
      const { xs, fed, feeds } = inputs(2, []);
      const sum = (p: Parameters): number =>
        p['net.weight[0]']![0]![0]! * fed[0]![0]! +
        p['net.weight[1]']![0]![0]! * fed[1]![0]! +
        p['net.bias']![0]![0]!;
      return { module, output: module.apply(xs), feeds, expected: (p) => [[Math.max(0, sum(p))]] };
    },
    { 'net.weight[0]': [], 'net.weight[1]': [], 'net.bias': [] },
    [],
  ],
  [
    'ScalarLayer, of samples at once',
    (options) => {
      const module = new nn.ScalarLayer(1, 2, { ...options, nonlinear: false });
      const { xs, fed, feeds } = inputs(1, [3]);
      const expected = (p: Parameters): Matrix =>
        [0, 1].map((i) =>
          fed[0]!.map(
            (x) => x * p[`net.neuron[${i}].weight[0]`]![0]![0]! + p[`net.neuron[${i}].bias`]![0]![0]!,
          ),
        );
      return { module, output: stack(module.apply(xs)), feeds, expected };
    },
    {
      'net.neuron[0].weight[0]': [],
      'net.neuron[0].bias': [],
      'net.neuron[1].weight[0]': [],
      'net.neuron[1].bias': [],
    },
    [2, 3],
  ],
  [
    'ScalarMLP',
    (options) => {
      const module = new nn.ScalarMLP(1, [2, 1], options);
      const { xs, fed, feeds } = inputs(1, []);
      const expected = (p: Parameters): Matrix => {
        const of = (name: string): number => p[`net.layer${name}`]![0]![0]!;
        const hidden = [0, 1].map((i) =>
          Math.max(0, of(`[0].neuron[${i}].weight[0]`) * fed[0]![0]! + of(`[0].neuron[${i}].bias`)),
        );
        return [
          [
            hidden.reduce(
              (sum, h, i) => sum + h * of(`[1].neuron[0].weight[${i}]`),
              of('[1].neuron[0].bias'),
            ),
          ],
        ];
      };
      return { module, output: module.apply(xs)[0]!, feeds, expected };
    },
    {
      'net.layer[0].neuron[0].weight[0]': [],
      'net.layer[0].neuron[0].bias': [],
      'net.layer[0].neuron[1].weight[0]': [],
      'net.layer[0].neuron[1].bias': [],
      'net.layer[1].neuron[0].weight[0]': [],
      'net.layer[1].neuron[0].weight[1]': [],
      'net.layer[1].neuron[0].bias': [],
    },
    [],
  ],
  [
    'MLP',
    (options) => mlpOf(new nn.MLP(3, [4, 2], options), (x) => Math.max(0, x), [5, 3]),
    MLP_SHAPES,
    [5, 2],
  ],
  [
    'MLP of one sample, with another activation',
    (options) => mlpOf(new nn.MLP(3, [4, 2], { ...options, activation: tanh }), Math.tanh, [3]),
    MLP_SHAPES,
    [2],
  ],
  [
    'MLP of one layer without a bias, which has no activation',
    (options) => {
      const module = new nn.MLP(3, [2], { ...options, bias: false });
      const { xs, fed, feeds } = inputs(1, [4, 3]);
      return {
        module,
        output: module.apply(xs[0]!),
        feeds,
        expected: (p) => matmul(rowsOf(fed[0]!, 3), p['net.layer[0].weight']!),
      };
    },
    { 'net.layer[0].weight': [3, 2] },
    [4, 2],
  ],
  [
    'Linear',
    (options) => {
      const module = new nn.Linear(3, 2, options);
      const { xs, fed, feeds } = inputs(1, [4, 3]);
      return {
        module,
        output: module.apply(xs[0]!),
        feeds,
        expected: (p) => plus(matmul(rowsOf(fed[0]!, 3), p['net.weight']!), p['net.bias']!),
      };
    },
    { 'net.weight': [3, 2], 'net.bias': [2] },
    [4, 2],
  ],
  [
    'Linear without a bias, of a vector',
    (options) => {
      const module = new nn.Linear(3, 2, { ...options, bias: false });
      const { xs, fed, feeds } = inputs(1, [3]);
      return {
        module,
        output: module.apply(xs[0]!),
        feeds,
        expected: (p) => matmul([fed[0]!], p['net.weight']!),
      };
    },
    { 'net.weight': [3, 2] },
    [2],
  ],
  [
    'Embedding',
    (options) => {
      const module = new nn.Embedding(4, 3, options);
      const tokens = [2, 0, 2];
      return {
        module,
        output: module.apply(index('tokens', 3)),
        feeds: { tokens },
        expected: (p) => tokens.map((token) => p['net.weight']![token]!),
      };
    },
    { 'net.weight': [4, 3] },
    [3, 3],
  ],
  [
    'RNN',
    (options) =>
      recurrent(new nn.RNNCell(3, 4, options), (p, x, { h, c }) => ({
        h: each(
          Math.tanh,
          plus(plus(matmul(x, p['net.inputWeight']!), matmul(h, p['net.stateWeight']!)), p['net.bias']!),
        ),
        c,
      })),
    { 'net.inputWeight': [3, 4], 'net.stateWeight': [4, 4], 'net.bias': [4] },
    [3, 2, 4],
  ],
  [
    'GRU',
    (options) =>
      recurrent(new nn.GRUCell(3, 4, options), (p, x, { h, c }) => {
        const gate = (i: number, state: Matrix): Matrix => {
          const part = (name: string): Matrix => columns(p[`net.${name}`]!, 4 * i, 4 * i + 4);
          return plus(plus(matmul(x, part('inputWeight')), matmul(state, part('stateWeight'))), part('bias'));
        };
        const [r, z] = [each(sigmoid, gate(0, h)), each(sigmoid, gate(1, h))];
        const n = each(
          Math.tanh,
          gate(
            2,
            each((a, b) => a * b, r, h),
          ),
        );
        return { h: each((zi, hi, ni) => zi * hi + (1 - zi) * ni, z, h, n), c };
      }),
    { 'net.inputWeight': [3, 12], 'net.stateWeight': [4, 12], 'net.bias': [12] },
    [3, 2, 4],
  ],
  [
    'LSTM',
    (options) =>
      recurrent(new nn.LSTMCell(3, 4, options), (p, x, { h, c }) => {
        const all = plus(
          plus(matmul(x, p['net.inputWeight']!), matmul(h, p['net.stateWeight']!)),
          p['net.bias']!,
        );
        const [i, f, g, o] = [0, 4, 8, 12].map((from) => columns(all, from, from + 4)) as [
          Matrix,
          Matrix,
          Matrix,
          Matrix,
        ];
        const cell = each((ii, fi, gi, ci) => sigmoid(fi) * ci + sigmoid(ii) * Math.tanh(gi), i, f, g, c);
        return { h: each((oi, ci) => sigmoid(oi) * Math.tanh(ci), o, cell), c: cell };
      }),
    { 'net.inputWeight': [3, 16], 'net.stateWeight': [4, 16], 'net.bias': [16] },
    [3, 2, 4],
  ],
  [
    'LayerNorm',
    (options) =>
      normed(new nn.LayerNorm(3, { ...options, eps: 0.1 }), (row) => {
        const mean = row.reduce((sum, x) => sum + x, 0) / 3;
        const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 3;
        return row.map((x) => (x - mean) / Math.sqrt(variance + 0.1));
      }),
    { 'net.weight': [3], 'net.bias': [3] },
    [4, 3],
  ],
  [
    'LayerNorm without a bias, of a random that it does not need',
    ({ name }) =>
      normed(new nn.LayerNorm(3, { ...(name !== undefined && { name }), eps: 1, bias: false }), (row) => {
        const mean = row.reduce((sum, x) => sum + x, 0) / 3;
        const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 3;
        return row.map((x) => (x - mean) / Math.sqrt(variance + 1));
      }),
    { 'net.weight': [3] },
    [4, 3],
  ],
  [
    'RMSNorm',
    (options) =>
      normed(new nn.RMSNorm(3, { ...options, eps: 0.1 }), (row) => {
        const square = row.reduce((sum, x) => sum + x * x, 0) / 3;
        return row.map((x) => x / Math.sqrt(square + 0.1));
      }),
    { 'net.weight': [3] },
    [4, 3],
  ],
  [
    'Conv1d, with padding and a stride',
    (options) => {
      const module = new nn.Conv1d(2, 3, 2, { ...options, padding: 1, stride: 2 });
      const { xs, fed, feeds } = inputs(1, [2, 5]);
      const x = rowsOf(fed[0]!, 5);
      const expected = (p: Parameters): Matrix =>
        [0, 1, 2].map((out) =>
          [-1, 1, 3].map((start) => {
            let sum = p['net.bias']![0]![out]!;
            for (const c of [0, 1])
              for (const k of [0, 1]) sum += (x[c]![start + k] ?? 0) * p['net.weight']![2 * out + c]![k]!;
            return sum;
          }),
        );
      return { module, output: module.apply(xs[0]!), feeds, expected };
    },
    { 'net.weight': [3, 2, 2], 'net.bias': [3] },
    [3, 3],
  ],
  [
    'Conv2d of groups, without a bias, of windows of two sizes',
    (options) => {
      const module = new nn.Conv2d(2, 2, [1, 2], { ...options, groups: 2, bias: false, padding: 'same' });
      const { xs, fed, feeds } = inputs(1, [1, 2, 2, 3]);
      const rows = rowsOf(fed[0]!, 3);
      const expected = (p: Parameters): Matrix =>
        rows.map((row, at) => {
          const w = p['net.weight']![at >> 1]!;
          return row.map((y, i) => y * w[0]! + (row[i + 1] ?? 0) * w[1]!);
        });
      return { module, output: module.apply(xs[0]!), feeds, expected };
    },
    { 'net.weight': [2, 1, 1, 2] },
    [1, 2, 2, 3],
  ],
  [
    'Sequential, with a function and a layer without parameters',
    ({ random }) => {
      const module = new nn.Sequential([
        new nn.Linear(3, 2, { random, name: '0' }),
        tanh,
        new nn.Dropout(0.5, { random }),
        new nn.Linear(2, 2, { random, name: '3', bias: false }),
      ]);
      const { xs, fed, feeds } = inputs(1, [4, 3]);
      const expected = (p: Parameters): Matrix => {
        const first = plus(matmul(rowsOf(fed[0]!, 3), p['0.weight']!), p['0.bias']!);
        return matmul(each(Math.tanh, first), p['3.weight']!);
      };
      return { module, output: module.apply(xs[0]!), feeds, expected };
    },
    { '0.weight': [3, 2], '0.bias': [2], '3.weight': [2, 2] },
    [4, 2],
  ],
  [
    'MultiHeadAttention of a sequence to another, with a mask',
    (options) => {
      const module = biased(new nn.MultiHeadAttention(4, 2, options));
      const mask = constantOf(READ, [3, 3]);
      const [query, other] = [input('query', [3, 4]), input('other', [3, 4])];
      const feeds = { query: numbers(12), other: numbers(24).slice(12) };
      const [q, o] = [rowsOf(feeds.query, 4), rowsOf(feeds.other, 4)];
      return {
        module,
        output: module.apply(query, other, undefined, { mask }),
        feeds,
        expected: (p) => attended(p, 'net', [q, o, o], (i, j) => READ[3 * i + j] === 1),
      };
    },
    projections('net'),
    [3, 4],
  ],
  [
    'MultiHeadAttention that reads a value by a key, each head by a mask of its own',
    (options) => {
      const module = biased(new nn.MultiHeadAttention(4, 2, options));
      const mask = constantOf([1, 0, 0, 1], [2, 1, 2]);
      const x = input('x', [3, 4]);
      const feeds = { x: numbers(12) };
      const all = rowsOf(feeds.x, 4);
      return {
        module,
        output: module.apply(x, x.slice(0, 2), x.slice(1, 3), { mask }),
        feeds,
        expected: (p) => attended(p, 'net', [all, all.slice(0, 2), all.slice(1)], (_, j, head) => j === head),
      };
    },
    projections('net'),
    [3, 4],
  ],
  [
    'MultiHeadAttention of positions of which one reads none, and reads zeros',
    (options) => {
      const module = biased(new nn.MultiHeadAttention(4, 2, options));
      const mask = constantOf([1, 0, 1, 0, 0, 0, 1, 1, 1], [3, 3]);
      const x = input('x', [3, 4]);
      const feeds = { x: numbers(12) };
      const all = rowsOf(feeds.x, 4);
      const expected = (p: Parameters): Matrix =>
        attended(p, 'net', [all, all, all], (i, j) => i === 2 || (i === 0 && j !== 1));
      return { module, output: module.apply(x, x, x, { mask }), feeds, expected };
    },
    projections('net'),
    [3, 4],
  ],
  [
    'MultiHeadAttention, causal and with a mask, whose first position reads none',
    (options) => {
      const module = biased(new nn.MultiHeadAttention(4, 2, options));
      const mask = constantOf([0, 1, 1], [3]);
      const x = input('x', [3, 4]);
      const feeds = { x: numbers(12) };
      const all = rowsOf(feeds.x, 4);
      const expected = (p: Parameters): Matrix =>
        attended(p, 'net', [all, all, all], (i, j) => j > 0 && j <= i);
      return { module, output: module.apply(x, x, x, { causal: true, mask }), feeds, expected };
    },
    projections('net'),
    [3, 4],
  ],
  [
    'TransformerBlock, causal',
    (options) => {
      const module = biased(new nn.TransformerBlock(4, 2, { ...options, hidden: 3, activation: tanh }));
      const x = input('x', [3, 4]);
      const feeds = { x: numbers(12) };
      const expected = (p: Parameters): Matrix => {
        const norm = (rows: Matrix, name: string): Matrix =>
          rows.map((row) => {
            const mean = row.reduce((sum, y) => sum + y, 0) / 4;
            const variance = row.reduce((sum, y) => sum + (y - mean) ** 2, 0) / 4;
            const [w, b] = [p[`${name}.weight`]![0]!, p[`${name}.bias`]![0]!];
            return row.map((y, i) => ((y - mean) / Math.sqrt(variance + 1e-5)) * w[i]! + b[i]!);
          });
        const linear = (rows: Matrix, i: number): Matrix =>
          plus(matmul(rows, p[`net.mlp.layer[${i}].weight`]!), p[`net.mlp.layer[${i}].bias`]!);
        const given = rowsOf(feeds.x, 4);
        const normed = norm(given, 'net.norm1');
        const read = attended(p, 'net.attention', [normed, normed, normed], (i, j) => j <= i);
        const y = plus(given, read);
        return plus(y, linear(each(Math.tanh, linear(norm(y, 'net.norm2'), 0)), 1));
      };
      return { module, output: module.apply(x, { causal: true }), feeds, expected };
    },
    {
      ...{ 'net.norm1.weight': [4], 'net.norm1.bias': [4] },
      ...projections('net.attention'),
      ...{ 'net.norm2.weight': [4], 'net.norm2.bias': [4] },
      ...{ 'net.mlp.layer[0].weight': [4, 3], 'net.mlp.layer[0].bias': [3] },
      ...{ 'net.mlp.layer[1].weight': [3, 4], 'net.mlp.layer[1].bias': [4] },
    },
    [3, 4],
  ],
  ['SelfAttention', (options) => attention(options), ATTENTION, [2, 3, 4]],
  [
    'SelfAttention that is not causal',
    (options) => attention({ ...options, causal: false }),
    ATTENTION,
    [2, 3, 4],
  ],
];

describe('nn', () => {
  for (const [title, build, names, shape] of ROWS) {
    describe(title, () => {
      const make = (): Built => build({ random: new Random(1), name: 'net' });

      it('has named parameters, drawn from the random numbers given', () => {
        const parameters = make().module.parameters();
        assert.deepEqual(Object.fromEntries(parameters.map((p) => [p.name, [...p.shape]])), names);
        assert.deepEqual(
          parameters.map(({ name }) => name),
          Object.keys(names),
        );
        const again = make().module.parameters();
        parameters.forEach((p, i) => assert.deepEqual(p.data, again[i]!.data));
      });

      it('computes its formula', () => {
        const { module, output, feeds, expected } = make();
        assert.deepEqual(output.shape, shape);
        const parameters = module.parameters().map((p) => [p.name!, rowsOf(p.data, p.shape.at(-1) ?? 1)]);
        const numbers = expected(Object.fromEntries(parameters) as Parameters);
        assertClose(output.forward(feeds), numbers.flat(), 1e-12, title);
      });

      it('has the right gradients', () => {
        const { output, feeds } = make();
        const weights = numbers(output.shape.reduce((a, b) => a * b, 1));
        const weighted = output.mul(input('weights', output.shape));
        gradCheck(weighted, { ...feeds, weights });
      });
    });
  }

  it('a summary lists the layers that have parameters', () => {
    const random = new Random(1);
    const linear = new nn.Linear(2, 1200, { random, name: '0' });
    const block = new nn.TransformerBlock(4, 2, { random, name: '1', bias: false, hidden: 3 });
    assert.equal(
      nn.summary(new nn.Sequential([linear, tanh, block, new nn.Dropout(0.5, { random }), linear])),
      `layer               class      parameters  shapes
0                   Linear          3,600  weight [2, 1200], bias [1200]
2.norm1             LayerNorm           4  weight [4]
2.attention.query   Linear             16  weight [4, 4]
2.attention.key     Linear             16  weight [4, 4]
2.attention.value   Linear             16  weight [4, 4]
2.attention.output  Linear             16  weight [4, 4]
2.norm2             LayerNorm           4  weight [4]
2.mlp.layer[0]      Linear             12  weight [4, 3]
2.mlp.layer[1]      Linear             12  weight [3, 4]
                    in all          3,696`,
    );
    assert.match(nn.summary(linear), /^\. +Linear +3,600 /m);
    assert.equal(
      nn.summary(new nn.Dropout(0.5, { random })),
      'layer  class   parameters  shapes\n       in all           0',
    );
  });

  it('modules without a name name their parameters alone', () => {
    const { weight, bias } = new nn.Linear(1, 1, { random: new Random(1) });
    assert.deepEqual([weight.name, bias!.name], ['weight', 'bias']);
  });

  it('a perceptron is a handful of instructions, whatever its size', () => {
    const mlp = new nn.MLP(64, [128, 64, 10], { random: new Random(1) });
    const loss = mlp.apply(input('x', [64])).crossEntropy(index('target'));
    const work = new Adam({ learningRate: 0.01 }).minimize(loss).program.work();
    assert(work.reduce((sum, { instructions }) => sum + instructions, 0) <= 24);
  });

  it('recurrent networks go on from a state, and take vectors', () => {
    for (const module of [
      new nn.RNNCell(2, 3, { random: new Random(1) }),
      new nn.GRUCell(2, 3, { random: new Random(1) }),
    ]) {
      const { xs, feeds } = inputs(2, [2]);
      const all = module.apply(xs);
      const rest = module.apply(xs.slice(1), all[0]);
      assert.deepEqual(all[1]!.shape, [3]);
      assert.deepEqual(Array.from(rest[0]!.forward(feeds)), Array.from(all[1]!.forward(feeds)));
    }
  });

  it('bounded activations stay finite where exp does not', () => {
    const rnn = new nn.RNNCell(1, 2, { random: new Random(1) });
    for (const x of [1e4, -1e4]) {
      const h = rnn.apply([input('x', [1])])[0]!;
      for (const y of h.forward({ x: [x] })) assert(Math.abs(Math.abs(y) - 1) < 1e-15);
      h.backward();
      for (const slope of rnn.inputWeight.grad) assert(Number.isFinite(slope));
    }
  });

  it('dropout of attention and of a block acts in training alone', () => {
    const x = parameter(numbers(12), { shape: [3, 4] });
    const block = new nn.TransformerBlock(4, 2, { random: new Random(5), dropout: 0.5 });
    const loss = block.apply(x).pow(2).sum();
    const training = new SGD({ learningRate: 0 }).minimize(loss);
    const [evaluated, step] = [training.evaluate({}), training.step({})];
    assertClose([evaluated], [loss.forward()[0]!], 1e-12, 'evaluated');
    assert(Math.abs(step - evaluated) > 0.1, `${step} and ${evaluated}`);
  });

  it('normalisation starts from ones and zeros', () => {
    const { weight, bias } = new nn.LayerNorm(2);
    assert.deepEqual([...weight.data, ...bias!.data, ...new nn.RMSNorm(1).weight.data], [1, 1, 0, 0, 1]);
  });

  it('dropout drops other numbers at each call, in training alone', () => {
    const x = parameter(new Float64Array(100).fill(1));
    const make = (): Value => {
      const dropout = new nn.Dropout(0.5, { random: new Random(2) });
      return stack([dropout.apply(x), dropout.apply(x)])
        .mul(input('w', [2, 100]))
        .sum();
    };
    const w = Array.from({ length: 200 }, (_, i) => 1 + i);
    const training = new SGD({ learningRate: 0 }).minimize(make());
    const evaluated = training.evaluate({ w });
    assert.equal(evaluated, 20_100);
    const step = training.step({ w });
    assert.notEqual(step, evaluated);
    assert.equal(new SGD({ learningRate: 0 }).minimize(make()).step({ w }), step);
    // Were both calls alike, exchanging their weights would change nothing.
    assert.notEqual(
      new SGD({ learningRate: 0 }).minimize(make()).step({ w: [...w.slice(100), ...w.slice(0, 100)] }),
      step,
    );
  });

  it('a long short-term memory starts out remembering', () => {
    const { bias } = new nn.LSTMCell(1, 2, { random: new Random(1) });
    assert.deepEqual(Array.from(bias!.data), [0, 0, 1, 1, 0, 0, 0, 0]);
  });

  it('attention can be trained', () => {
    // After this, the second of two positions must be what the first is.
    const attention = new nn.SelfAttention(4, 2, { random: new Random(3) });
    const x = input('x', [2, 4]);
    const loss = attention.apply(x).at(1).sub(x.at(0)).pow(2).mean();
    const training = new Adam({ learningRate: 0.05 }).minimize(loss);
    const losses = Array.from({ length: 150 }, (_, i) => training.step({ x: numbers(8 + 4 * i).slice(-8) }));
    assert(losses.at(-1)! < losses[0]! / 10, `${losses[0]} to ${losses.at(-1)}`);
  });

  it('say what does not fit', () => {
    const random = new Random(1);
    assert.throws(() => new nn.SelfAttention(4, 3, { random }), /3 heads do not divide 4 columns/);
  });
});

describe('nn.initializers', () => {
  const { heNormal, heUniform, normal, uniform, xavierNormal, xavierUniform, zeros } = nn.initializers;
  const shape = [60, 90];
  // Each draws 5,400 numbers: their standard deviation is accurate to 3 %, their mean to 3 / sqrt(5400).
  const rows: [
    title: string,
    initializer: nn.initializers.Initializer,
    mean: number,
    std: number,
    limit: number,
  ][] = [
    ['uniform', uniform(), 0, 1 / Math.sqrt(3), 1],
    ['uniform from 2 to 3', uniform(2, 3), 2.5, 1 / Math.sqrt(12), 3],
    ['normal', normal(), 0, 1, Infinity],
    ['normal around 5', normal(5, 0.1), 5, 0.1, Infinity],
    ['xavierUniform', xavierUniform(), 0, Math.sqrt(2 / 150), Math.sqrt(6 / 150)],
    ['xavierUniform with a gain', xavierUniform(2), 0, 2 * Math.sqrt(2 / 150), 2 * Math.sqrt(6 / 150)],
    ['xavierNormal', xavierNormal(), 0, Math.sqrt(2 / 150), Infinity],
    ['heUniform', heUniform(), 0, Math.sqrt(2 / 60), Math.sqrt(6 / 60)],
    ['heNormal', heNormal(), 0, Math.sqrt(2 / 60), Infinity],
    ['zeros', zeros(), 0, 0, 0],
  ];
  for (const [title, initializer, mean, std, limit] of rows) {
    it(title, () => {
      const drawn = Array.from(initializer(shape, new Random(7)));
      assert.equal(drawn.length, 5400);
      const found = drawn.reduce((a, b) => a + b, 0) / drawn.length;
      const deviation = Math.sqrt(drawn.reduce((sum, x) => sum + (x - found) ** 2, 0) / drawn.length);
      assert(Math.abs(found - mean) <= (4 * std) / Math.sqrt(drawn.length), `mean ${found}`);
      assert(Math.abs(deviation - std) <= 0.05 * std, `standard deviation ${deviation}`);
      assert(drawn.every((x) => Math.abs(x) <= limit));
    });
  }
});

describe('a Sequential', () => {
  it('of Sequentials to any depth applies them all', () => {
    let net = new nn.Sequential([(x) => x.add(1)]);
    for (let depth = 0; depth < 5000; depth++) net = new nn.Sequential([net, (x) => x]);
    net = new nn.Sequential([net, (x) => x.mul(2), net]);
    assert.deepEqual([...net.apply(input('x')).forward({ x: 3 })], [9]);
  });

  it('of a class derived from it applies that as it is', () => {
    class Twice extends nn.Sequential {
      override apply(x: Value): Value {
        return super.apply(super.apply(x));
      }
    }
    const net = new nn.Sequential([new Twice([(x) => x.add(1)]), (x) => x.mul(2)]);
    assert.deepEqual([...net.apply(input('x')).forward({ x: 3 })], [10]);
  });
});

describe('pools as layers', () => {
  const [line, image] = [input('x', [2, 3, 7]), input('x', [2, 3, 7, 6])];
  const rows: [what: string, layer: nn.Sequential, expected: Value][] = [
    ['MaxPool1d', new nn.Sequential([new nn.MaxPool1d(3, { stride: 2 })]), line.maxPool1d(3, { stride: 2 })],
    ['MaxPool2d', new nn.Sequential([new nn.MaxPool2d([2, 3])]), image.maxPool2d([2, 3])],
    [
      'AvgPool1d',
      new nn.Sequential([new nn.AvgPool1d(2, { padding: 1 })]),
      line.avgPool1d(2, { padding: 1 }),
    ],
    [
      'AvgPool2d',
      new nn.Sequential([new nn.AvgPool2d(2, { padding: 1, countIncludePad: false })]),
      image.avgPool2d(2, { padding: 1, countIncludePad: false }),
    ],
    [
      'AdaptiveAvgPool2d',
      new nn.Sequential([new nn.AdaptiveAvgPool2d([3, 2])]),
      image.adaptiveAvgPool2d([3, 2]),
    ],
  ];
  for (const [what, net, expected] of rows)
    it(what, () => {
      const given = what.endsWith('1d') ? line : image;
      const x = Array.from({ length: given.shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));
      const found = net.apply(given);
      assert.deepEqual(found.shape, expected.shape);
      assert.deepEqual(found.forward({ x }), expected.forward({ x }));
      assert.deepEqual(net.parameters(), []);
    });
});
