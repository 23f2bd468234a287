/** What parts of networks refuse, each in its own name: one table. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import { index, input, zeros } from '../../lib/value/leaves.js';
import * as nn from '../../lib/nn/index.js';
import { Random } from '../../lib/runtime/random.js';

const one = new Random(1);

const of = (name: string, ...shape: number[]): Value => input(name, shape);

const [number, v3, v4, v5, m32, m34, m53, m54, m14, t534] = [
  of('number'),
  of('v3', 3),
  of('v4', 4),
  of('v5', 5),
  of('m32', 3, 2),
  of('m34', 3, 4),
  of('m53', 5, 3),
  of('m54', 5, 4),
  of('m14', 1, 4),
  of('t534', 5, 3, 4),
];

/** The sizes fit, but the result has more numbers than an array can have. */
const rows = of('rows', 2 ** 28, 1);

const tokens = index('tokens', 2 ** 29);

const any = (given: unknown): never => given as never;

type Refusal = [given: string, call: () => unknown, message: RegExp];

type Cell = nn.RNNCell | nn.GRUCell;

const TOO_LARGE = 'shape \\[268435456, \\d+\\]: an array has at most 1073741824 numbers and 32 axes';

/** The error of a cell for x [3] or [samples, 3] and a state of 4. */
function ofCell(name: string, cell: Cell, wide: Cell): Refusal[] {
  const x = /expected shape \[3\] or \[samples, 3\]$/;
  return [
    ['a number for x', () => cell.step(number), x],
    ['another last axis', () => cell.step(v4), x],
    ['a transposed x', () => cell.step(m34), x],
    ['an x of three axes', () => cell.step(of('x', 2, 5, 3)), x],
    [
      'no Value for x',
      () => cell.step(any([1, 2, 3])),
      new RegExp(`^${name}\\.step: x is an array, expected a Value$`),
    ],
    [
      'rows of state beside one x',
      () => cell.step(v3, m54),
      new RegExp(
        `^${name}\\.step of 'v3' \\(input, shape \\[3\\]\\): the state is 'm54' \\(input, shape \\[5, ` +
          '4\\]\\), expected shape \\[4\\]$',
      ),
    ],
    [
      'other rows of state',
      () => cell.step(of('x', 2, 3), m54),
      /the state is 'm54' .*, expected shape \[4\] or \[2, 4\]$/,
    ],
    [
      'one row of state beside five',
      () => cell.step(m53, m14),
      /the state is 'm14' .*, expected shape \[4\] or \[5, 4\]$/,
    ],
    [
      'five rows of state beside one',
      () => cell.step(of('x', 1, 3), m54),
      /the state is 'm54' .*, expected shape \[4\] or \[1, 4\]$/,
    ],
    [
      'another last axis of the state',
      () => cell.step(v3, v5),
      /the state is 'v5' .*, expected shape \[4\]$/,
    ],
    [
      'a number for the state',
      () => cell.step(v3, number),
      /the state is 'number' .*, expected shape \[4\]$/,
    ],
    [
      'a state of three axes',
      () => cell.step(m53, t534),
      /the state is 't534' .*, expected shape \[4\] or \[5, 4\]$/,
    ],
    [
      'null for the state',
      () => cell.step(v3, any({})),
      /^\w+\.step of 'v3' .*: the state is an object, expected a Value$/,
    ],
    ['too many rows', () => wide.step(rows), new RegExp(`^${name}\\.step of 'rows' .*: ${TOO_LARGE}`)],
    [
      'positions of different shapes',
      () => cell.apply([v3, m53]),
      new RegExp(
        `^${name}\\.apply: xs\\[0\\] is 'v3' .* and xs\\[1\\] 'm53' .*: expected one shape for all ` +
          'positions$',
      ),
    ],
    [
      'positions of another last axis',
      () => cell.apply([v4, v4]),
      new RegExp(`^${name}\\.apply of 'v4' .*: expected shape \\[3\\] or \\[samples, 3\\]$`),
    ],
    [
      'a first state that does not fit',
      () => cell.apply([v3, v3], m54),
      new RegExp(`^${name}\\.apply of 'v3' .*: the state is 'm54' .*, expected shape \\[4\\]$`),
    ],
    [
      'a Value for the positions',
      () => cell.apply(any(m53)),
      new RegExp(`^${name}\\.apply: xs: expected an array of Values, got 'm53' `),
    ],
    [
      'a number among the positions',
      () => cell.apply([v3, any(3)]),
      new RegExp(`^${name}\\.apply: xs\\[1\\]: expected a Value, got 3$`),
    ],
  ];
}

/** The errors of networks for x [N, T, 3] or [T, 3] and states of 4. */
function ofSequences(apply: (x: Value, options?: object) => unknown): Refusal[] {
  const t253 = of('t253', 2, 5, 3);
  return [
    ['a vector', () => apply(v3), /: expected shape \[N, T, 3\] or \[T, 3\], of at least one position$/],
    ['another last axis', () => apply(m54), /of 'm54' .*: expected shape \[N, T, 3\]/],
    ['no positions', () => apply(of('none', 2, 0, 3)), /of 'none' .*, of at least one position$/],
    ['an array', () => apply(any([1])), /\.apply: x is an array, expected a Value$/],
    [
      'a state without its layers',
      () => apply(m53, { state: v4 }),
      /of 'm53' .*: the state is 'v4' .*, expected shape \[1, 4\]$/,
    ],
    [
      'a state of one of two sequences',
      () => apply(t253, { state: of('s', 1, 1, 4) }),
      /of 't253' .*: the state is 's' .*, expected shape \[1, 2, 4\]$/,
    ],
    [
      'one length of two',
      () => apply(t253, { lengths: [3] }),
      /of 't253' .*: lengths are of shape \[1\], expected \[2\]: one for each sequence$/,
    ],
    [
      'a length of more than there is',
      () => apply(t253, { lengths: [3, 6] }),
      /: a length is 6, expected one from 0 to 5, the number of positions$/,
    ],
    [
      'a Value for lengths',
      () => apply(t253, { lengths: of('n', 2) }),
      /: lengths 'n' .*, expected an Index, or integers: one for each sequence$/,
    ],
    ['null for lengths', () => apply(t253, { lengths: null }), /: lengths null, expected an Index/],
    ['a length below 0', () => apply(t253, { lengths: [-1, 5] }), /: a length is -1, expected one from 0/],
    ['a list for one length', () => apply(m53, { lengths: [3] }), /are of shape \[1\], expected \[\]/],
    ['a length and a half', () => apply(t253, { lengths: [1.5, 5] }), /1\.5.*: expected an integer/],
    ['another option', () => apply(m53, { length: 3 }), /\.apply: there is no option "length"/],
  ];
}

/** The error of neurons and layers; x is a list of three. */
function ofNeurons(apply: (x: readonly Value[]) => unknown): Refusal[] {
  return [
    ['too few values', () => apply([number]), /: x has 1 values, expected 3: one for each input$/],
    ['too many values', () => apply([v3, v3, v3, v3]), /: x has 4 values, expected 3/],
    [
      'values of two shapes',
      () => apply([v3, v4, v3]),
      /: x has 'v3' \(input, shape \[3\]\) and 'v4' \(input, shape \[4\]\): expected values of one shape$/,
    ],
    ['a Value for the list', () => apply(any(v3)), /: x: expected an array of Values, got 'v3' /],
    ['a text in the list', () => apply([v3, any('a'), v3]), /: x\[1\]: expected a Value, got "a"$/],
  ];
}

const neurons = {
  Neuron: new nn.ScalarNeuron(3, { random: one }),
  Layer: new nn.ScalarLayer(3, 2, { random: one }),
  MLP: new nn.ScalarMLP(3, [2, 1], { random: one }),
};

const lstm = new nn.LSTMCell(3, 4, { random: one });

const sequences = new nn.LSTM(3, 4, { random: one });

const linear = new nn.Linear(3, 4, { random: one });

const mlp = new nn.MLP(3, [4, 2], { random: one });

const embedding = new nn.Embedding(3, 4, { random: one });

const heads = new nn.SelfAttention(4, 2, { random: one });

const cells = (Made: typeof nn.RNNCell | typeof nn.GRUCell): [Cell, Cell] => [
  new Made(3, 4, { random: one }),
  new Made(1, 8, { random: one }),
];

const attention = new nn.MultiHeadAttention(4, 2, { random: one });

const layers = new nn.Sequential([linear, (x) => x.sum(0)]);

/** For each module, calls with arguments that do not fit: total by type. */
const REFUSALS: Record<Exclude<keyof typeof nn, 'initializers' | 'Module' | 'summary'>, Refusal[]> = {
  EmbeddingBag: [
    [
      'one token',
      () => new nn.EmbeddingBag(3, 2, { random: one }).apply(1),
      /^EmbeddingBag\.apply of 'weight' .*: tokens of shape \[\]: expected bags of at least one token$/,
    ],
    [
      'a token beyond the table',
      () => new nn.EmbeddingBag(3, 2, { random: one }).apply([[1, 3]]),
      /index 3 .*: expected an integer from -3 to 2$/,
    ],
    [
      'weights of a mean',
      () => new nn.EmbeddingBag(3, 2, { random: one }).apply([[1, 2]], { weights: zeros([1, 2]) }),
      /weights are for mode 'sum', and this is 'mean'$/,
    ],
    [
      'weights of another shape',
      () => new nn.EmbeddingBag(3, 2, { random: one, mode: 'sum' }).apply([[1, 2]], { weights: v4 }),
      /weights of shape \[4\]: expected \[1, 2\]$/,
    ],
  ],
  BatchNorm1d: [
    [
      'other channels',
      () => new nn.BatchNorm1d(3).apply(m54),
      /^BatchNorm1d\.apply of 'm54' .*: expected shape \[N, 3\] or \[N, 3, length\]$/,
    ],
    ['a vector', () => new nn.BatchNorm1d(4).apply(v4), /expected shape \[N, 4\] or/],
    [
      'an index',
      () => new nn.BatchNorm1d(4).apply(any(tokens)),
      /^BatchNorm1d\.apply: x is 'tokens' \(index/,
    ],
  ],
  BatchNorm2d: [
    ['a matrix', () => new nn.BatchNorm2d(4).apply(m54), /expected shape \[N, 4, height, width\]$/],
  ],
  Linear: [
    [
      'a number',
      () => linear.apply(number),
      /^Linear\.apply of 'number' \(input, shape \[\]\): expected shape \[\.\.\., 3\]$/,
    ],
    [
      'another last axis',
      () => linear.apply(m54),
      /^Linear\.apply of 'm54' .*: expected shape \[\.\.\., 3\]$/,
    ],
    ['a transposed x', () => linear.apply(m32), /expected shape \[\.\.\., 3\]$/],
    [
      'an index',
      () => linear.apply(any(tokens)),
      /^Linear\.apply: x is 'tokens' \(index, .*, expected a Value$/,
    ],
    [
      'too many rows',
      () => new nn.Linear(1, 8, { random: one }).apply(rows),
      new RegExp(`^Linear\\.apply of 'rows' .*: ${TOO_LARGE}`),
    ],
  ],
  MultiHeadAttention: [
    [
      'a vector',
      () => attention.apply(v4),
      /^MultiHeadAttention\.apply of 'v4' .*: expected shapes \[\.\.\., positions, 4\]$/,
    ],
    [
      'other columns of a key',
      () => attention.apply(m54, m53),
      /^MultiHeadAttention\.apply of 'm54' .* 'm53' .*: expected shapes \[\.\.\., positions, 4\]$/,
    ],
    [
      'fewer values than keys',
      () => attention.apply(m54, m54, m34),
      /^MultiHeadAttention\.apply of .*: expected a key and a value of as many positions$/,
    ],
    [
      'a causal one of other lengths',
      () => attention.apply(m54, m34, m34, { causal: true }),
      /^MultiHeadAttention\.apply of .*: causal: expected a query and a key of as many positions$/,
    ],
    [
      'a mask that does not broadcast',
      () => attention.apply(m54, m34, m34, { mask: m32 }),
      /^MultiHeadAttention\.apply of .*: the mask is 'm32' .*: expected .* broadcasts to \[2, 5, 3\]$/,
    ],
    [
      'a mask of more axes',
      () => attention.apply(m54, m34, m34, { mask: of('mask', 2, 2, 5, 3) }),
      /: the mask is 'mask' .*: expected a shape that broadcasts to \[2, 5, 3\]$/,
    ],
    [
      'a key of more axes',
      () => attention.apply(m34, t534, t534),
      /^MultiHeadAttention\.apply of .*: expected .* whose leading axes broadcast to the query's$/,
    ],
    [
      'an array for a mask',
      () => attention.apply(m54, m34, m34, { mask: any([1]) }),
      /^MultiHeadAttention\.apply: mask is an array, expected a Value$/,
    ],
  ],
  TransformerBlock: [
    [
      'other columns',
      () => new nn.TransformerBlock(4, 2, { random: one }).apply(m53),
      /^TransformerBlock\.apply of 'm53' .*: expected shape \[\.\.\., positions, 4\]$/,
    ],
    [
      'a number',
      () => new nn.TransformerBlock(4, 2, { random: one }).apply(any(1)),
      /^TransformerBlock\.apply: x is 1, expected a Value$/,
    ],
  ],
  Conv1d: [
    [
      'other channels',
      () => new nn.Conv1d(2, 3, 2, { random: one }).apply(of('x', 3, 5)),
      /^Conv1d\.apply of 'x' .*: expected shape \[N, 2, L\] or \[2, L\]$/,
    ],
    [
      'a window that is too long',
      () => new nn.Conv1d(2, 3, 9, { random: one }).apply(of('x', 2, 5)),
      /^Conv1d\.apply of 'x' .*: windows of 9 numbers do not fit into an axis of 5$/,
    ],
  ],
  Conv2d: [
    [
      'a sequence',
      () => new nn.Conv2d(2, 3, 2, { random: one }).apply(of('x', 2, 5)),
      /^Conv2d\.apply of 'x' .*: expected shape \[N, 2, H, W\] or \[2, H, W\]$/,
    ],
    [
      'a number',
      () => new nn.Conv2d(2, 3, 2, { random: one }).apply(any(1)),
      /^Conv2d\.apply: x is 1, expected a Value$/,
    ],
  ],
  MaxPool1d: [
    ['an image of four axes', () => new nn.MaxPool1d(2).apply(of('x', 1, 1, 2, 2)), /expected \[N, C, L\]/],
    [
      'a window that is too long',
      () => new nn.MaxPool1d(9).apply(of('x', 2, 5)),
      /^MaxPool1d\.apply of 'x' .*: windows of 9 numbers do not fit into an axis of 5$/,
    ],
  ],
  MaxPool2d: [
    ['a sequence', () => new nn.MaxPool2d(2).apply(of('x', 2, 5)), /expected \[N, C, H, W\] or \[C, H, W\]$/],
    ['a number', () => new nn.MaxPool2d(2).apply(any(1)), /^MaxPool2d\.apply: x is 1, expected a Value$/],
  ],
  AvgPool1d: [
    ['a vector', () => new nn.AvgPool1d(2).apply(v3), /: images of shape \[3\]: expected \[N, C, L\] or/],
  ],
  AvgPool2d: [
    ['no rows', () => new nn.AvgPool2d(2, { padding: 1 }).apply(of('x', 2, 0, 5)), /at least one number/],
  ],
  AdaptiveAvgPool2d: [
    [
      'too few numbers',
      () => new nn.AdaptiveAvgPool2d(3).apply(of('x', 2, 2, 5)),
      /^AdaptiveAvgPool2d\.apply of 'x' .*: 3 parts of an axis of 2: expected at most 2$/,
    ],
  ],
  LayerNorm: [
    [
      'another last axis',
      () => new nn.LayerNorm(3).apply(m54),
      /^LayerNorm\.apply of 'm54' .*: expected shape \[\.\.\., 3\]$/,
    ],
    ['a number', () => new nn.LayerNorm(3).apply(any(1)), /^LayerNorm\.apply: x is 1, expected a Value$/],
  ],
  RMSNorm: [
    [
      'another last axis',
      () => new nn.RMSNorm(3).apply(m54),
      /^RMSNorm\.apply of 'm54' .*: expected shape \[\.\.\., 3\]$/,
    ],
  ],
  Dropout: [
    [
      'a number for x',
      () => new nn.Dropout(0.5, { random: one }).apply(any(1)),
      /^Dropout\.apply: x is 1, expected a Value$/,
    ],
  ],
  Sequential: [
    [
      'a layer of which nothing comes',
      () => new nn.Sequential([any(() => undefined)]).apply(v3),
      /^Sequential\.apply: layers\[0\]: its result is undefined, expected a Value$/,
    ],
    [
      'an x that does not fit its first layer',
      () => layers.apply(v4),
      /^Sequential\.apply: layers\[0\] of 'v4' .*: expected shape \[\.\.\., 3\]$/,
    ],
  ],
  Embedding: [
    [
      'a Value',
      () => embedding.apply(any(v3)),
      /^Embedding\.apply of .weight. .*: the index is .v3. .*, expected an Index, or integers$/,
    ],
    [
      'a number that is no row',
      () => embedding.apply(3),
      /^Embedding\.apply of 'weight' .*: index 3: expected an integer from -3 to 2$/,
    ],
    [
      'too many tokens',
      () => embedding.apply(tokens),
      /^Embedding\.apply of 'weight' .* and 'tokens' .*: shape \[536870912, 4\]: an array has at most/,
    ],
    [
      'a token of an empty table',
      () => new nn.Embedding(0, 4, { random: one }).apply(index('t')),
      /^Embedding\.apply .*there are no rows/,
    ],
  ],
  MLP: [
    [
      'another last axis',
      () => mlp.apply(m54),
      /^MLP\.apply of 'm54' \(input, shape \[5, 4\]\): expected shape \[\.\.\., 3\]$/,
    ],
    ['a number', () => mlp.apply(number), /^MLP\.apply of 'number' .*: expected shape \[\.\.\., 3\]$/],
    [
      'a list of Values',
      () => mlp.apply(any([number, number, number])),
      /^MLP\.apply: x is an array, expected a Value$/,
    ],
    [
      'an activation of another shape',
      () => new nn.MLP(3, [2, 1], { random: one, activation: (x) => x.sum() }).apply(m53),
      /the activation of .* \(.*, shape \[5, 2\]\) returned .*, shape \[\]\): expected the same shape$/,
    ],
    [
      'an activation that returns nothing',
      () => new nn.MLP(3, [2, 1], { random: one, activation: any(() => undefined) }).apply(m53),
      /: the result of the activation is undefined, expected a Value$/,
    ],
    ['too many rows', () => new nn.MLP(1, [8], { random: one }).apply(rows), new RegExp(`: ${TOO_LARGE}`)],
  ],
  ScalarNeuron: ofNeurons((x) => neurons.Neuron.apply(x)),
  ScalarLayer: ofNeurons((x) => neurons.Layer.apply(x)),
  ScalarMLP: ofNeurons((x) => neurons.MLP.apply(x)),
  RNNCell: ofCell('RNNCell', ...cells(nn.RNNCell)),
  GRUCell: ofCell('GRUCell', ...cells(nn.GRUCell)),
  RNN: ofSequences((x, options) => new nn.RNN(3, 4, { random: one }).apply(x, options)),
  GRU: ofSequences((x, options) => new nn.GRU(3, 4, { random: one }).apply(x, options)),
  LSTM: [
    [
      'a vector',
      () => sequences.apply(v3),
      /^LSTM\.apply of 'v3' .*: expected shape \[N, T, 3\] or \[T, 3\], of at least one position$/,
    ],
    [
      'a Value for the state',
      () => sequences.apply(m53, { state: any(v4) }),
      /: the state h is undefined, expected a Value$/,
    ],
    [
      'a cell state of another shape',
      () => sequences.apply(m53, { state: { h: m14, c: m34 } }),
      /^LSTM\.apply of 'm53' .*: the state c is 'm34' .*, expected shape \[1, 4\]$/,
    ],
    [
      'null for the state',
      () => sequences.apply(m53, { state: any(null) }),
      /^LSTM\.apply: state null: expected an object \{ h, c \}$/,
    ],
  ],
  LSTMCell: [
    [
      'a number for x',
      () => lstm.step(number),
      /^LSTMCell\.step of 'number' .*: expected shape \[3\] or \[samples, 3\]$/,
    ],
    [
      'rows of h beside one x',
      () => lstm.step(v3, { h: m54, c: v4 }),
      /^LSTMCell\.step of 'v3' .*: state h is 'm54' .*, expected shape \[4\]$/,
    ],
    [
      'rows of c beside one x',
      () => lstm.step(v3, { h: v4, c: m54 }),
      /: state c is 'm54' .*, expected shape \[4\]$/,
    ],
    [
      'another last axis of c',
      () => lstm.step(m53, { h: m54, c: m53 }),
      /: state c is 'm53' .*, expected shape \[4\] or \[5, 4\]$/,
    ],
    [
      'a Value for the state',
      () => lstm.step(v3, any(v4)),
      /^LSTMCell\.step of 'v3' .*: state h is undefined, expected a Value$/,
    ],
    [
      'null for the state',
      () => lstm.step(v3, any(null)),
      /^LSTMCell\.step: state null: expected an object \{ h, c \}$/,
    ],
    [
      'too many rows',
      () => new nn.LSTMCell(1, 8, { random: one }).step(rows),
      new RegExp(`^LSTMCell\\.step of 'rows' .*: ${TOO_LARGE}`),
    ],
    [
      'a first state that does not fit',
      () => lstm.apply([v3], { h: m54, c: m54 }),
      /^LSTMCell\.apply of 'v3' .*: state h is 'm54'/,
    ],
    [
      'positions of different shapes',
      () => lstm.apply([m53, m53, v3]),
      /^LSTMCell\.apply: xs\[0\] is 'm53' .* and xs\[2\] 'v3' /,
    ],
  ],
  SelfAttention: [
    [
      'a number',
      () => heads.apply(number),
      /^SelfAttention\.apply of 'number' .*: expected shape \[\.\.\., positions, 4\]$/,
    ],
    ['one position alone', () => heads.apply(v4), /of 'v4' .*: expected shape \[\.\.\., positions, 4\]$/],
    ['another last axis', () => heads.apply(m53), /of 'm53' .*: expected shape/],
    ['an array', () => heads.apply(any([1])), /^SelfAttention\.apply: x is an array, expected a Value$/],
    [
      'too many positions',
      () => heads.apply(of('long', 2 ** 16, 4)),
      /^SelfAttention\.apply of 'long' .*: shape \[2, 65536, 65536\]: an array has at most/,
    ],
  ],
};

describe('nn refuses a method without its module:', () => {
  const methods: [says: string, module: nn.Module, method?: 'step'][] = [
    ['Linear.apply', linear],
    ['Embedding.apply', embedding],
    ['MLP.apply', mlp],
    ['SelfAttention.apply', heads],
    ['ScalarNeuron.apply', neurons.Neuron],
    ['ScalarLayer.apply', neurons.Layer],
    ['ScalarMLP.apply', neurons.MLP],
    ['RNNCell.step', cells(nn.RNNCell)[0], 'step'],
    ['GRUCell.step', cells(nn.GRUCell)[0], 'step'],
    ['LSTMCell.step', lstm, 'step'],
    ['apply of a recurrent module', lstm],
  ];
  for (const [says, module, method = 'apply'] of methods) {
    it(says, () => {
      assert.throws(
        () => [v3].map(Reflect.get(module, method) as never),
        new RegExp(`^TypeError: ${says}: called on undefined, expected a module: a method that is passed on`),
      );
    });
  }
});

describe('nn refuses what does not fit, in the name of the part:', () => {
  for (const [part, rows] of Object.entries(REFUSALS)) {
    for (const [given, call, message] of rows) {
      it(`${part}: ${given}`, () => {
        assert.throws(call, (error: Error) => {
          assert.match(error.message, message);
          assert.match(error.message, new RegExp(`^${part}\\.(apply|step)( of |: )`));
          assert.doesNotMatch(
            error.message.replace(/#\d+ \(.*?\)/g, ''),
            /\b(add|mul|matmul|gather|slice|zeros|reshape|total|neuron|sub)\b/,
          );
          return true;
        });
      });
    }
  }

  const MADE: Refusal[] = [
    [
      'groups that do not divide the channels',
      () => new nn.Conv2d(4, 3, 2, { random: one, groups: 2 }),
      /^Conv2d: 2 groups do not divide 4 channels in and 3 out$/,
    ],
    [
      'windows of three sizes',
      () => new nn.Conv2d(4, 3, any([1, 2, 3]), { random: one }),
      /^Conv2d: size an array of length 3: expected an integer, or a pair of them$/,
    ],
    [
      'too much padding of a pool',
      () => new nn.MaxPool2d(3, { padding: 2 }),
      /^MaxPool2d: padding 2: expected at most half of the size, 3$/,
    ],
    ['a pool of no size', () => new nn.AvgPool1d(0), /^AvgPool1d: size 0: expected an integer from 1/],
    [
      'a flag of a pool that is none',
      () => new nn.AvgPool2d(2, { countIncludePad: any(1) }),
      /^AvgPool2d: countIncludePad 1: expected true or false$/,
    ],
    [
      'an option of another pool',
      () => new nn.MaxPool2d(2, any({ countIncludePad: true })),
      /^MaxPool2d: there is no option "countIncludePad"/,
    ],
    [
      'a pool of three sizes',
      () => new nn.AdaptiveAvgPool2d(any([1, 2, 3])),
      /^AdaptiveAvgPool2d: size .*: expected/,
    ],
    [
      'a block whose heads do not divide its columns',
      () => new nn.TransformerBlock(4, 3, { random: one }),
      /^MultiHeadAttention: 3 heads do not divide 4 columns$/,
    ],
    [
      'attention with a dropout of 1',
      () => new nn.MultiHeadAttention(4, 2, { random: one, dropout: 1 }),
      /^Dropout: rate 1: expected a number from 0 to below 1$/,
    ],
    [
      'an eps below 0',
      () => new nn.LayerNorm(3, { eps: -1 }),
      /^LayerNorm: eps -1: expected a finite number/,
    ],
    ['half a size', () => new nn.RMSNorm(0.5), /^RMSNorm: size 0\.5: expected an integer/],
    [
      'a rate of 1',
      () => new nn.Dropout(1, { random: one }),
      /^Dropout: rate 1: expected a number from 0 to below 1$/,
    ],
    ['no random', () => new nn.Dropout(0.5, any({})), /^Dropout: random undefined: expected a Random/],
    [
      'layers that are no list',
      () => new nn.Sequential(any(linear)),
      /^Sequential: layers an object: expected an array of at most 1000 layers$/,
    ],
    [
      'a number among the layers',
      () => new nn.Sequential([linear, any(1)]),
      /^Sequential: layers\[1\] is 1: expected a module or a function of a Value$/,
    ],
    [
      'a class',
      () => new nn.Sequential([any(nn.Linear)]),
      /^Sequential: layers\[0\] is the class Linear: make one, as in new nn\.Linear\(\.\.\.\)$/,
    ],
  ];
  for (const [given, call, message] of MADE)
    it(`when it is made: ${given}`, () => {
      assert.throws(call, { message });
    });

  it('MLP: the options of its layers', () => {
    assert.throws(
      () => new nn.MLP(3, [2], { random: one, bias: 1 as unknown as boolean }),
      /^TypeError: MLP: bias 1: expected/,
    );
    assert.throws(
      () => new nn.MLP(3, [2], { random: one, initializer: nn.initializers.zeros as never }),
      /^TypeError: MLP: initializer zeros makes an initializer but is not one: call it/,
    );
  });

  it('but not one state for all samples, nor as many rows of it', () => {
    for (const cell of cells(nn.RNNCell)
      .concat(cells(nn.GRUCell))
      .filter((_, i) => i % 2 === 0)) {
      for (const state of [undefined, v4, m54]) assert.deepEqual(cell.step(m53, state).shape, [5, 4]);
      assert.deepEqual(cell.step(v3, v4).shape, [4]);
    }
    for (const state of [v4, m54]) assert.deepEqual(lstm.step(m53, { h: state, c: state }).c.shape, [5, 4]);
  });
});
