/**
 * Valid arguments for everything that the package exports: functions, constructors, methods, getters and
 * setters; those with a `this` take it as their first argument. One table, in one function, since its rows
 * share the objects of a world.
 */
import * as library from '../../../lib/index.js';
import { reachable } from '../../../lib/graph/reachable.js';
import { Draw } from '../../../lib/study/models/model.js';
import { writeTensors } from '../../../lib/weights/tensor-file.js';
import type { Rows } from './rows.js';
import { detach, hostile, NUMBERS, sabotage, type Chance, type Context } from './values.js';
import { type Call, exported } from './exported.js';

const {
  Adagrad,
  Adam,
  AdamW,
  Corpus,
  GradCheckError,
  Index,
  Program,
  Random,
  Lion,
  RMSprop,
  Sampler,
  SGD,
  Tokenizer,
  Training,
  Value,
  buildModel,
  compile,
  constant,
  grad,
  index,
  input,
  nn,
  parameter,
  schedules,
} = library;

type Maker = (chance: Chance, again: () => void) => unknown[];

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 3, nState: 5, nAtt: 3 };
const DOCS = ['ab', 'ba', 'cab', 'abc', 'b', 'ca', 'bc', 'a', 'acb', 'cc'];

/** Sizes beyond what an array can have, or a training can take. */
const HUGE = [2 ** 30 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40];

/** Values that only JavaScript can pass where a type was promised. */
const MORE: readonly ((context: Context) => unknown)[] = [
  () => Object.assign([], { length: 2 ** 32 - 1 }),
  () => Object.assign([1], { length: 2 ** 32 - 1 }),
  () => ({ length: 2 ** 32 - 1 }),
  () => {
    const list: unknown[] = [];
    list[0] = list;
    return list;
  },
  ({ again }) =>
    () => {
      again();
      return 0.1;
    },
  ({ again }) => ({
    valueOf: () => {
      again();
      return 1;
    },
  }),
  ({ again }) => ({
    toString: () => {
      again();
      return 'x';
    },
    [Symbol.toPrimitive]: undefined,
  }),
  ({ again }) =>
    new Proxy(
      {},
      {
        get: () => {
          again();
          return undefined;
        },
        has: () => true,
      },
    ),
  ({ again }) =>
    new Proxy([1, 2, 3], {
      get: (list, key) => {
        again();
        return Reflect.get(list, key) as unknown;
      },
    }),
  ({ again }) =>
    (function* () {
      for (let i = 0; i < 5; i++) {
        again();
        yield 0.1;
      }
    })(),
  // A rejected promise that nobody awaits ends the process.
  ({ again }) =>
    async () => {
      await Promise.resolve();
      try {
        again();
      } catch {
        /* looked at by nobody */
      }
    },
  () => ({ then: sabotage }),
  ({ chance, strangers }) => Object.create(Object.getPrototypeOf(chance.of(strangers)) as object) as unknown,
  ({ chance, strangers }) => new Proxy(chance.of(strangers) as object, {}),
  ({ chance, strangers }) => ({ ...(chance.of(strangers) as object) }),
  () => new AbortController().signal,
  () => Object.create(AbortSignal.prototype) as unknown,
];

/** The rows, on objects that all cases of a world share; files are written to the working directory. */
export function apiRows(chance: Chance): Rows {
  // --- what graphs are made of ---
  const numbers = (c: Chance, n: number): number[] => Array.from({ length: n }, () => c.next() * 2 - 1);
  const leaves = {
    x: input('x', [2, 3]),
    v: input('v', [4]),
    one: input('one'),
    w: parameter(numbers(chance, 6), { name: 'w', shape: [3, 2] }),
    b: parameter(numbers(chance, 2), { name: 'b' }),
    p: parameter(numbers(chance, 1)[0]!, { name: 'p' }),
    table: parameter([numbers(chance, 3), numbers(chance, 3), numbers(chance, 3)], { name: 'table' }),
    cube: parameter(numbers(chance, 24), { name: 'cube', shape: [2, 3, 4] }),
  };
  const { x, v, w, b, p, table } = leaves;
  const weights = {
    conv1d: parameter(numbers(chance, 18), { shape: [2, 3, 3] }),
    conv2d: parameter(numbers(chance, 16), { shape: [2, 2, 2, 2] }),
    convTranspose1d: parameter(numbers(chance, 18), { shape: [3, 2, 3] }),
  };
  const ids = index('ids', 2);
  const id = index('id');
  const feeds = (c: Chance) =>
    ({
      x: c.is(0.5) ? numbers(c, 6) : Float64Array.from(numbers(c, 6)),
      v: numbers(c, 4),
      one: c.next(),
      ids: Int32Array.of(c.below(3), 1),
      id: c.below(2),
    }) as Record<string, unknown>;
  const hidden = x.matmul(w).add(b).tanh();
  const loss = hidden.sum().add(table.gather(ids).mul(0.1).sum()).add(p).pow(2).dropout(0.1, 3);
  const lossFeeds = (c: Chance) => {
    const { x: fed, ids: rows } = feeds(c);
    return { x: fed, ids: rows };
  };
  const values: library.Value[] = [...Object.values(leaves), hidden, loss, v.exp(), constant(2)];
  const any = (c: Chance): library.Value => c.of(values);
  const vectors = [v, b, parameter([1, 2])];
  const matrices = [x, w, table, hidden];
  // A name, memory or number stays set: try setters on separate nodes.
  const own = (): library.Value => parameter([1, 2, 3], { name: 'own' });
  hidden.forward({ x: [1, 2, 3, 4, 5, 6] });
  hidden.backward();

  // --- programs, trainings ---
  const rate = (c: Chance, again: () => void) =>
    c.of<() => unknown>([
      () => 0.1,
      () => (step: number) => {
        if (c.is(0.3)) again();
        return 0.1 / (step + 1);
      },
      () => library.decay(0.1, 0.9),
    ])();
  const optimizers = [SGD, Adam, AdamW, RMSprop, Adagrad, Lion] as unknown as (new (
    options: object,
  ) => library.Optimizer)[];
  const options = (c: Chance, again: () => void) => ({
    learningRate: rate(c, again),
    ...(c.is(0.3) && { clipGlobalNorm: 1 }),
    ...(c.is(0.3) && { weightDecay: 0.1 }),
    ...(c.is(0.5) && { averageDecay: 0.5 }),
    ...(c.is(0.2) && {
      groups: [{ parameters: c.of<unknown>([/b/, [w], () => c.is(0.5)]), learningRate: 0.01 }],
    }),
  });
  const optimizer = (c: Chance, again: () => void): library.Optimizer =>
    new (c.of(optimizers))(options(c, again));
  const programs = [compile(loss), compile(hidden, { dtype: 'float32' }), compile(v.softmax())];
  const inferred = library.inference({ loss, hidden });
  const program = (c: Chance): library.Program => c.of(programs);
  let call: () => void = () => undefined;
  const trainings: library.Training[] = [];
  const make = (c: Chance): library.Training =>
    optimizer(c, () => call()).minimize(loss, {
      batches: c.is(0.5),
      keepGradients: c.is(0.5),
      dtype: c.of(['float64', 'float32']),
    });
  /** A typed array that still has its memory: many calls take it away. */
  const training = (c: Chance): library.Training => {
    const at = c.below(3);
    const found = trainings[at];
    try {
      if (found && found.program.arena.length > 0) return found;
    } catch {
      // The program trains in the background.
      if (c.is(0.5)) return found!;
    }
    return (trainings[at] = make(c));
  };
  const column = (c: Chance, count: number) => ({
    x: { values: Float64Array.from(numbers(c, 6 * count)) },
    ids: { values: Int32Array.from({ length: 2 * count }, () => c.below(3)) },
  });
  const dataset = (c: Chance, count = 3) => ({ count, inputs: column(c, count) });
  /** What a callback does to its training, or to what the training shares. */
  const meddle = (c: Chance, it: () => library.Training, again: () => void) => (): number => {
    if (c.is(0.4)) return 0.1;
    const { program: its } = it();
    c.of<() => unknown>([
      again,
      () => it().step(lossFeeds(c) as library.Feeds),
      () => it().stepEach(dataset(c)),
      () =>
        it()
          .stepEachAsync(dataset(c))
          .catch(() => undefined),
      () => it().restore(it().state()),
      () => it().evaluate(lossFeeds(c) as library.Feeds),
      () => compile(loss).forward(lossFeeds(c) as library.Feeds),
      () => make(c).step(lossFeeds(c) as library.Feeds),
      () => detach(its.arena),
      () => w.data.fill(NaN),
    ])();
    return 0.1;
  };
  const state = (c: Chance): unknown => {
    const { moments, ...rest } = make(c).state();
    return { ...rest, moments };
  };

  // --- documents, models ---
  const random = new Random(1);
  const tokenizer = new Tokenizer(DOCS);
  const docs = (c: Chance): unknown =>
    c.of<() => unknown>([() => [...DOCS], () => ({ length: 2, at: (i: number) => DOCS[i] })])();
  const corpus = tokenizer.corpus(DOCS, Int32Array.of(0, 1, 2, 3));
  const built = library.MODEL_NAMES.map((name) =>
    buildModel(name, 4, { ...SIZES, nEmbd: 2, nHead: 1 }, random),
  );
  const rnn = buildModel('rnn', 4, SIZES, random);
  const model = (c: Chance): library.BuiltModel => (c.is(0.9) ? rnn : c.of(built));
  const rnnTraining = rnn.optimizer(10).minimize(rnn.loss, { sequence: rnn.logits });
  for (let step = 0; step < 2; step++) rnnTraining.step({ tokens: [0, 1], targets: [1, 2], length: 2 });
  const sampler = new Sampler(rnn, tokenizer, {}, rnnTraining.program);
  const sizes = (c: Chance) => ({ ...SIZES, nEmbd: c.of([2, 4]) });
  const steps = (c: Chance) => 1 + c.below(3);
  const sampling = (c: Chance) => ({
    count: c.below(3),
    temperature: 0.5,
    ...(c.is(0.3) && { topK: 2 }),
    ...(c.is(0.3) && { prefix: c.of<unknown>(['a', [1], Int32Array.of(0)]) }),
    ...(c.is(0.3) && { together: true }),
  });
  const background = (c: Chance, it: () => library.Training, again: () => void) => ({
    ...(c.is(0.5) && { onProgress: meddle(c, it, again) }),
    ...(c.is(0.3) && { signal: c.is(0.3) ? AbortSignal.abort() : new AbortController().signal }),
  });
  const target = (c: Chance) => ({
    ...(c.is(0.3) && { dtype: c.of(['float64', 'float32']) }),
    ...(c.is(0.2) && { passes: library.parsePasses(c.of(['all', 'none', '-auto-batch'])) }),
    ...(c.is(0.2) && { isa: 'scalar' }),
  });
  const draw = (c: Chance) => ({ data: c.is(0.5), grad: c.is(0.5), parametersByPosition: c.is(0.5) });

  // --- files ---
  const [weightsFile, modelFile, checkpointFile] = ['weights.api', 'model.api', 'checkpoint.api'] as const;
  writeTensors(weightsFile, new Map([['w', { shape: [3, 2], data: new Float64Array(6) }]]), new Map());
  library.saveModel(modelFile, rnn, tokenizer);
  library.saveCheckpoint(checkpointFile, rnn, tokenizer, { training: rnnTraining, random, losses: [1] });
  const tensors = (c: Chance) =>
    new Map<unknown, unknown>([
      ['a', { shape: [2, 3], data: Float64Array.from(numbers(c, 6)) }],
      ['b', { shape: [2], data: new Uint32Array(2) }],
    ]);
  const bytes = library.writeSafetensors(tensors(chance) as never);

  // --- parts of networks ---
  const module = (c: Chance) => ({ random, ...(c.is(0.5) && { name: 'part' }) });
  const parts = {
    Linear: new nn.Linear(3, 2, { random }),
    Embedding: new nn.Embedding(3, 2, { random }),
    EmbeddingBag: new nn.EmbeddingBag(3, 2, { random, mode: 'sum' }),
    MLP: new nn.MLP(3, [2, 1], { random }),
    ScalarNeuron: new nn.ScalarNeuron(2, { random }),
    ScalarLayer: new nn.ScalarLayer(2, 2, { random }),
    ScalarMLP: new nn.ScalarMLP(2, [2, 1], { random }),
    RNNCell: new nn.RNNCell(3, 2, { random }),
    GRUCell: new nn.GRUCell(3, 2, { random }),
    LSTMCell: new nn.LSTMCell(3, 2, { random }),
    RNN: new nn.RNN(3, 2, { random }),
    GRU: new nn.GRU(3, 2, { random, numLayers: 2, resetAfter: true }),
    LSTM: new nn.LSTM(3, 2, { random, bidirectional: true }),
    SelfAttention: new nn.SelfAttention(4, 2, { random }),
    MultiHeadAttention: new nn.MultiHeadAttention(4, 2, { random }),
    TransformerBlock: new nn.TransformerBlock(4, 2, { random }),
    Conv1d: new nn.Conv1d(3, 2, 1, { random }),
    Conv2d: new nn.Conv2d(3, 2, 1, { random }),
    MaxPool1d: new nn.MaxPool1d(1),
    MaxPool2d: new nn.MaxPool2d(1),
    AvgPool1d: new nn.AvgPool1d(1),
    AvgPool2d: new nn.AvgPool2d([1, 1]),
    AdaptiveAvgPool2d: new nn.AdaptiveAvgPool2d(1),
    BatchNorm1d: new nn.BatchNorm1d(3),
    BatchNorm2d: new nn.BatchNorm2d(3),
    LayerNorm: new nn.LayerNorm(3),
    RMSNorm: new nn.RMSNorm(3),
    Dropout: new nn.Dropout(0.5, { random }),
    Sequential: new nn.Sequential([library.tanh]),
  };
  const fan = (c: Chance): number => 1 + c.below(4);
  const cell = (c: Chance): unknown[] => [fan(c), fan(c), module(c)];

  const rows: Record<string, Maker> = {};
  const unaries =
    'neg exp expm1 log log1p sqrt abs sign relu sin cos tan floor ceil round tanh sigmoid softplus ' +
    'erf ndtr arcsin arctan arcsinh arctanh detach';
  for (const name of unaries.split(' ')) rows[`Value.${name}`] = (c) => [any(c)];
  for (const name of 'add sub mul div mod maximum minimum gt ge lt le eq ne'.split(' '))
    rows[`Value.${name}`] = (c) => [
      c.of([p, leaves.one, hidden]),
      c.is(0.3) ? c.next() : c.of([p, b, hidden]),
    ];
  for (const name of ['sum', 'mean', 'max', 'min', 'prod'])
    rows[`Value.${name}`] = (c) => [
      c.of([...matrices, leaves.cube]),
      c.of<unknown>([undefined, 0, -1, [0, 1], [1]]),
      c.is(0.5),
    ];
  for (const name of ['op', 'attr', 'shape', 'name', 'memory', 'inputCount', 'inputs', 'label'])
    rows[`Node.${name} get`] = (c) => [c.of<unknown>([any(c), ids, id])];
  for (const name of ['scalar', 'vector', 'rnn', 'rnn_att'])
    rows[`MODELS.${name}`] = () => [
      { ...SIZES, vocabSize: 4 },
      new Draw((_, r, k) => random.gaussians(r * k)),
      { tokens: index('tokens', 3), targets: index('targets', 3), length: index('length') },
    ];
  for (const name of [
    'BusyError',
    'DataError',
    'ExperimentError',
    'FeedError',
    'IsaError',
    'NonFiniteError',
    'PassError',
    'SafetensorsError',
    'ShapeError',
    'ThreadsError',
    'WeightsError',
  ])
    rows[name] = () => ['a message', { cause: 1 }];
  for (const name of ['Adagrad', 'Adam', 'AdamW', 'Lion', 'RMSprop', 'SGD'])
    rows[name] = (c, again) => [options(c, again)];
  for (const name of ['GRUCell', 'LSTMCell', 'RNNCell', 'Linear', 'Embedding']) rows[`nn.${name}`] = cell;
  for (const name of ['heNormal', 'heUniform', 'zeros']) rows[`nn.initializers.${name}`] = () => [];
  for (const name of ['xavierNormal', 'xavierUniform']) rows[`nn.initializers.${name}`] = (c) => [c.next()];
  for (const name of ['normal', 'uniform']) rows[`nn.initializers.${name}`] = (c) => [c.next(), 1 + c.next()];
  for (const name of ['silu', 'gelu', 'layerNorm', 'logSumExp', 'norm', 'variance', 'std'])
    rows[name] = (c) => [
      c.of(matrices),
      ...(name === 'gelu'
        ? [c.of(['none', 'tanh'])]
        : name === 'layerNorm'
          ? [{ eps: 1e-5 }]
          : name === 'silu'
            ? []
            : [
                c.of([0, -1]),
                ...(['variance', 'std'].includes(name) ? [{ ddof: c.below(2), keepDims: c.is(0.5) }] : []),
              ]),
    ];

  Object.assign(rows, {
    // graphs
    input: (c) => ['x', c.of([[], [2], [2, 3]])],
    index: (c) => ['i', c.of([undefined, 2, [2, 3]])],
    constantIndex: (c) => [c.of<unknown>([1, [0, 1], [[0], [1]]]), c.is(0.5) ? {} : { name: 'i' }],
    parameter: (c) => [
      c.of<unknown>([
        1,
        numbers(c, 6),
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        Float64Array.from(numbers(c, 6)),
      ]),
      c.is(0.5) ? {} : { name: 'n', shape: c.of([[6], [2, 3]]) },
    ],
    constant: (c) => [c.of<unknown>([c.next(), numbers(c, 6), [[1, 2]]]), c.is(0.5) ? {} : { name: 'n' }],
    zeros: (c) => [c.of([[], [2, 3]])],
    stack: (c) => [[b, b, hidden.at(0)], c.below(2)],
    concat: (c) => [
      c.of<unknown>([
        [v, b],
        [x, x],
      ]),
      0,
    ],
    addN: () => [[b, b, b]],
    choose: () => [[p, p, leaves.one], id],
    meanOfFirst: (c) => [[b, b.mul(2), b.exp()], c.is(0.8) ? id : index('n')],
    where: (c) => [b.gt(0), c.of<unknown>([b, 1]), c.of<unknown>([b, 0])],
    embedding: () => [table, ids],
    split: (c) => [x, c.of<unknown>([3, [1, 2]]), 1],
    tensordot: (c) => [x, w, c.below(2)],
    conv1d: (c) => [
      leaves.cube,
      weights.conv1d,
      { stride: 1 + c.below(2), padding: c.of<unknown>([0, 1, 'same', 'valid']), dilation: 1, groups: 1 },
    ],
    conv2d: (c) => [
      leaves.cube,
      weights.conv2d,
      { stride: c.of<unknown>([1, [1, 2]]), padding: c.of<unknown>([0, [1, 0], 'valid']), bias: b },
    ],
    convTranspose1d: (c) => [
      leaves.cube,
      weights.convTranspose1d,
      { stride: 2, padding: c.below(2), outputPadding: c.below(2), dilation: 1, groups: 1, bias: b },
    ],
    convTranspose2d: (c) => [
      leaves.cube,
      weights.conv2d,
      { stride: c.of<unknown>([2, [2, 3]]), padding: c.below(2), outputPadding: c.of<unknown>([0, [1, 0]]) },
    ],
    maxPool1d: (c) => [leaves.cube, 2, { stride: 1 + c.below(2), padding: c.below(2) }],
    maxPool2d: (c) => [leaves.cube, c.of<unknown>([2, [2, 3]]), { stride: c.of<unknown>([1, [2, 1]]) }],
    avgPool1d: (c) => [leaves.cube, 2, { padding: 1, countIncludePad: c.is(0.5) }],
    avgPool2d: (c) => [leaves.cube, c.of<unknown>([2, [2, 3]]), { padding: 1, countIncludePad: c.is(0.5) }],
    adaptiveAvgPool2d: (c) => [leaves.cube, c.of<unknown>([1, [2, 3]])],
    ...Object.fromEntries(
      ['mse', 'mae', 'huber', 'bce', 'bceWithLogits', 'klDivergence'].map((name): [string, Maker] => [
        name,
        (c) => [
          c.of(matrices),
          c.of<unknown>([0.5, p]),
          { reduction: c.of(['mean', 'sum', 'none']), ...(name === 'huber' && { delta: 1 + c.next() }) },
        ],
      ]),
    ),
    nll: (c) => [c.of(matrices), c.of<unknown>([ids, [0, 1]]), { reduction: c.of(['mean', 'sum', 'none']) }],
    vstack: (c) => [
      c.of([
        [b, b],
        [x, x],
      ]),
    ],
    grad: (c) => [c.of([loss, hidden]), [c.of([w, p]), b]],
    gradCheck: (c) => [hidden, { x: numbers(c, 6) }, { step: 1e-5, tolerance: 1e-4 }],
    Value: (c) => {
      const { operation, first, second } = any(c);
      return [operation, first, second];
    },
    Index: (c) => {
      const { operation, first } = c.of([ids, id]);
      return [operation, first];
    },
    'Node.name set': () => [own(), 'name'],
    'Node.memory set': () => [own(), { initial: new Float64Array(3) }],
    'Value.named': () => [own(), 'name'],
    'Value.clip': (c) => [any(c), -1, 1],
    'Value.pow': (c) => [any(c), c.of<unknown>([2, 0.5, -1, 0, 1, p])],
    'Value.matmul': (c) => [c.of([x, x.at(0)]), c.of([w, w.matmul(x)])],
    'Value.transpose': (c) => [leaves.cube, c.of([undefined, [2, 0, 1]])],
    'Value.reshape': (c) => [x, c.of([[6], [3, 2], [-1], [2, -1]])],
    'Value.expandDims': (c) => [any(c), c.of<unknown>([0, -1, [0, 1]])],
    'Value.squeeze': (c) => [b.expandDims(0), c.of<unknown>([undefined, 0, [0]])],
    'Value.broadcastTo': (c) => [b, c.of([[2], [3, 2]])],
    'Value.slice': (c) =>
      c.of<() => unknown[]>([
        () => [x, c.below(2), 2, c.below(2)],
        () => [x, undefined, undefined, 1, { step: c.of([1, 2, -1, -2]) }],
        () => [x, -1],
      ])(),
    'Value.flip': (c) => [x, c.of<unknown>([undefined, 0, [0, 1]])],
    'Value.pad': (c) => [
      x,
      c.of<unknown>([
        1,
        [0, 1],
        [
          [1, 0],
          [0, 2],
        ],
      ]),
      c.next(),
    ],
    'Value.tile': (c) => [x, c.of<unknown>([2, [1, 2]])],
    'Value.takeAlongAxis': (c) => [
      c.of([x, table.slice(0, 2)]),
      c.of<unknown>([[[0], [1]], x.argmax().reshape([2, 1])]),
      1,
    ],
    'Value.scatterAdd': (c) => [
      table,
      c.of<unknown>([ids, [0, 1]]),
      c.of<unknown>([1, b.expandDims(1)]),
      c.below(2),
    ],
    einsum: (c) => [c.of(['ij,jk->ik', 'ij,jk', 'ij,...k->i']), x, w],
    oneHot: (c) => [c.of<unknown>([ids, id, [0, 1]]), 3],
    'Value.at': (c) => [x, c.of<unknown>([0, 1, -1, id, ids, [0, 1]])],
    'Value.gather': (c) => [c.of([table, leaves.cube]), c.of<unknown>([ids, id, [0, 1]]), c.of([0, 1, -1])],
    'Value.topk': (c) => [c.of([v, leaves.cube]), 1 + c.below(4), { largest: c.is(0.5) }],
    'Value.argmax': (c) => [c.of(matrices), c.of([undefined, 0])],
    'Value.argmin': (c) => [c.of(matrices), c.of([undefined, 0])],
    'Value.cumsum': (c) => [c.of(matrices), c.below(2), { exclusive: c.is(0.5), reverse: c.is(0.5) }],
    'Value.cumprod': (c) => [c.of(matrices), c.below(2)],
    softmax: (c) => [c.of(matrices), c.of([-1, 0]), c.is(0.5) ? {} : { mask: constant([1]) }],
    logSoftmax: (c) => [c.of(matrices), c.of([-1, 0]), c.is(0.5) ? {} : { mask: constant([1]) }],
    'Value.dropout': (c) => [any(c), 0.5, c.below(9)],
    'Value.rmsNorm': (c) => [c.of(matrices), { eps: 1e-5 }],
    'Value.crossEntropy': (c) => [
      c.of([x, table.slice(0, 2)]),
      c.of<unknown>([ids, [0, 1]]),
      { labelSmoothing: c.next() / 2 },
    ],
    'Value.forward': (c) =>
      c.of([
        () => [hidden, { x: numbers(c, 6) }],
        () => [loss, lossFeeds(c)],
        () => [v.exp(), { v: numbers(c, 4) }],
      ])(),
    'Value.backward': (c) => [c.of([hidden, loss])],
    'Value.trainable get': (c) => [any(c)],
    'Value.trainable set': (c) => [own(), c.is(0.5)],
    'Value.data get': (c) => [any(c)],
    'Value.data set': (c) => [any(c), numbers(c, 2)],
    'Value.grad set': (c) => [any(c), numbers(c, 2)],
    'Value.grad get': (c) => [any(c)],
    'Value.peek': (c) => [any(c), c.of(['data', 'grad'])],
    'Value.toDot': (c) => [any(c), draw(c)],
    'Value.toMermaid': (c) => [any(c), draw(c)],
    'Index.at': (c) => [ids, c.below(2) - c.below(2)],
    'Index.slice': (c) => [ids, c.below(2), c.of([undefined, 2, -1])],
    'Index.reshape': (c) => [ids, c.of([[2, 1], [-1]])],
    'Index.data get': () => [ids],
    'Index.grad get': () => [ids],
    'Index.forward': () => [x.argmax(), { x: [1, 2, 3, 4, 5, 6] }],
    'Index.peek': () => [ids],
    // kernels
    'kernels.matmul': (c) => [
      Float64Array.from(numbers(c, 6)),
      Float64Array.from(numbers(c, 6)),
      { m: 2, k: 3, n: 2, ...(c.is(0.3) && { out: new Float64Array(4) }) },
    ],
    'kernels.relu': (c) => [Float64Array.from(numbers(c, 6)), {}],
    'kernels.softmax': (c) => [Float32Array.from(numbers(c, 6)), { cols: 3 }],
    'kernels.topk': (c) => [Float64Array.from(numbers(c, 6)), 2, {}],
    'kernels.gather': (c) => [Float64Array.from(numbers(c, 6)), Int32Array.of(0, 1), { cols: 3 }],
    nativeInfo: () => [],
    parsePasses: (c) => [c.of(['all', '-auto-batch', 'fuse,tidy'])],
    // programs
    compile: (c) => [any(c), target(c)],
    Program: (c) => [
      { groups: [[c.of([loss, hidden])]], gradients: c.of(['all', 'none', 'parameters']) },
      { ...target(c), sequence: [[b]] },
    ],
    'Program.arena get': (c) => [program(c)],
    'Program.threads get': (c) => [program(c)],
    'Program.forward': (c) =>
      c.of([
        () => [programs[0], lossFeeds(c)],
        () => [programs[1], { x: numbers(c, 6) }],
        () => [programs[2], { v: numbers(c, 4) }],
      ])(),
    'Program.advance': (c) => [programs[1], { x: numbers(c, 6) }, 0],
    'Program.generate': (c) => [
      rnnTraining.program,
      random,
      {
        input: 'tokens',
        start: 3,
        stop: 3,
        temperature: 1,
        count: c.below(3),
        ...(c.is(0.3) && { topK: 2, prefix: Int32Array.of(1) }),
        ...(c.is(0.3) && { together: true }),
      },
    ],
    'Program.backward': (c) => [program(c)],
    'Program.step': (c) => [training(c).program],
    'Program.takeStep': (c) => [training(c).program, lossFeeds(c)],
    'Program.stepBatch': (c) => {
      const { program } = training(c);
      return [program, [lossFeeds(c), lossFeeds(c)], 1, () => new Float64Array(program.update.ruleSize)];
    },
    'Program.runPart': (c) => [program(c), c.of(['forward', 'backward', 'update'])],
    'Program.evaluate': (c) => [training(c).program, lossFeeds(c)],
    'Program.readEach': (c) => [inferred.program, dataset(c), 0, 2, new Float64Array(1000)],
    'Program.runEach': (c) => [training(c).program, dataset(c), 0, 3],
    'Program.runEachAsync': (c) => {
      const it = training(c);
      return [
        it.program,
        dataset(c),
        0,
        3,
        new Int32Array(new SharedArrayBuffer(4)),
        (n: number) => new Float64Array(n * it.program.update.ruleSize).fill(0.01),
      ];
    },
    'Program.work': (c) => [program(c)],
    'Program.countNodes': (c) => [program(c)],
    'Program.read': (c) => [programs[1], c.of([hidden, w, x])],
    'Program.readGradient': (c) => [programs[1], c.of([hidden, w, x])],
    'Program.checkMemory': (c) => [program(c)],
    // trainings
    'UpdateOptimizer.minimize': (c, again) => [
      optimizer(c, again),
      c.of([loss, hidden.mul(hidden).sum()]),
      { ...target(c), batches: c.is(0.3) },
    ],
    Training: (c, again) => {
      const it = training(c);
      return [it.program, meddle(c, () => it, again)];
    },
    'Training.state': (c) => [training(c)],
    'Training.restore': (c) => {
      const to = make(c);
      return [to, c.is(0.5) ? to.state() : state(c)];
    },
    'Training.step': (c) => [training(c), lossFeeds(c)],
    'Training.stepEach': (c) => [training(c), dataset(c), c.below(2), 2 + c.below(2)],
    'Training.stepEachAsync': (c, again) => {
      const it = training(c);
      return [it, dataset(c), 0, 3, background(c, () => it, again)];
    },
    'Training.stepSome': (c) => [training(c), dataset(c), 0, 3, new Int32Array(new SharedArrayBuffer(4))],
    'Training.evaluateEach': (c) => [training(c), dataset(c), c.below(2), 2 + c.below(2)],
    'Training.stepBatch': (c) => [training(c), [lossFeeds(c), lossFeeds(c)], { threads: 1 + c.below(2) }],
    'Training.skipped get': (c) => [training(c)],
    explain: (c) => [c.of<unknown>([program(c), training(c), inferred])],
    inference: (c) => [{ loss, hidden, best: hidden.argmax() }, { dtype: c.of(['float64', 'float32']) }],
    Inference: (c) => [program(c), []],
    'Inference.run': (c) => [inferred, lossFeeds(c)],
    'Inference.runEach': (c) => [inferred, dataset(c), c.below(2), 2 + c.below(2)],
    'Training.gradient': (c) => [training(c), c.of<unknown>(['table', w])],
    'Training.average': (c) => [training(c), c.of<unknown>(['table', w])],
    'Training.evaluate': (c) => [training(c), lossFeeds(c)],
    decay: () => [0.1, 0.9],
    'schedules.constant': (c) => [c.next()],
    'schedules.linear': (c) => [c.next(), c.next(), 10],
    'schedules.cosine': (c) => [{ peak: c.next(), steps: 10, warmup: 2, end: 0 }],
    'schedules.stepDecay': (c) => [c.next(), 0.5, 3],
    'schedules.exponential': (c) => [c.next(), 0.5],
    // random numbers
    Random: (c) => [c.of<unknown>([1, -5, 2n ** 70n])],
    'Random.seed': (c) => [random, c.below(99)],
    'Random.getstate': () => [random],
    'Random.setstate': () => [random, random.getstate()],
    'Random.random': () => [random],
    'Random.getrandbits': (c) => [random, c.below(33)],
    'Random.randbelow': (c) => [random, 1 + c.below(99)],
    'Random.permutation': (c) => [random, c.below(20)],
    'Random.shuffle': (c) => [random, c.of<unknown>([[1, 2, 3], Float64Array.of(1, 2)])],
    'Random.gauss': () => [random, 0, 1],
    'Random.gaussians': (c) => [random, c.below(20), 0, 1],
    'Random.weightedIndex': (c) => [random, c.of<unknown>([[1, 2, 3], Float64Array.of(1, 2)])],
    // documents
    parseDocuments: (c) => [c.of(['a\nb', 'a\r\nb', '\ufeffab'])],
    readDocuments: () => [library.embeddedNamesPath().replace(/[^/]*$/, 'README.md')],
    embeddedNamesPath: () => [],
    splitHeldOut: (c) => [c.of<unknown>([[...DOCS], Int32Array.of(1, 2, 3)])],
    Tokenizer: (c) => [docs(c)],
    'Tokenizer.encode': (c) => [tokenizer, c.of(DOCS)],
    'Tokenizer.decode': (c) => [tokenizer, c.of<unknown>([[1, 2, 3], Int32Array.of(0, 3)])],
    'Tokenizer.corpus': (c) => [tokenizer, docs(c), Int32Array.of(0, c.below(2))],
    Corpus: () => [Int32Array.of(3, 0, 1, 3), Int32Array.of(0, 3)],
    'Corpus.length get': () => [corpus],
    'Corpus.example': (c) => [corpus, c.below(4), 3],
    'Corpus.dataset': () => [corpus, 3],
    // models
    buildModel: (c) => [c.of(library.MODEL_NAMES), 4, { ...sizes(c), nEmbd: 2, nHead: 1 }, random],
    'BuiltModel.steps': (c) => [model(c), docs(c), { ...target(c), steps: steps(c), seed: 1, tokenizer }],
    'BuiltModel.optimizer': (c) => [model(c), 10, 0.1],
    train: (c, again) => [
      model(c),
      docs(c),
      {
        ...target(c),
        ...background(c, () => training(c), again),
        steps: steps(c),
        tokenizer,
        ...(c.is(0.3) && { seed: 1 }),
      },
    ],
    runExperiment: (c, again) => {
      const batch = 1 + c.below(2);
      // A keeper's `every` can be any number of steps; Infinity means never.
      const keeper = { every: 2, resume: () => (again(), []), save: again };
      return [
        'rnn',
        {
          docs: docs(c),
          steps: steps(c),
          batch,
          threads: 1,
          sizes: sizes(c),
          samples: c.below(3),
          ...target(c),
          ...(c.is(0.5) && { onStep: meddle(c, () => training(c), again) }),
          ...(c.is(0.3) && { keeper }),
        },
      ];
    },
    sample: (c) => [
      model(c),
      tokenizer,
      random,
      { ...sampling(c), ...(c.is(0.7) && { trained: rnnTraining.program }) },
    ],
    Sampler: (c) => [model(c), tokenizer, target(c), c.is(0.8) ? rnnTraining.program : undefined],
    'Sampler.tokens': (c) => [sampler, random, sampling(c)],
    // files
    writeSafetensors: (c) => [tensors(c), new Map([['a', 'b']])],
    readSafetensors: () => [bytes.slice()],
    numbersOf: (c) => [{ type: c.of(['F64', 'F32', 'U8', 'BF16']), shape: [2], bytes: new Uint8Array(16) }],
    saveWeights: (c) => [`w${c.below(3)}.api`, [w, b], { a: 'b' }],
    loadPyTorch: () => [weightsFile, parts.Linear, { strict: false }],
    loadWeights: (c) => [weightsFile, [w], { strict: c.is(0.5) }],
    saveModel: (c) => [`m${c.below(3)}.api`, model(c), tokenizer, { a: 'b' }],
    loadModel: () => [modelFile],
    saveCheckpoint: (c) => [
      `c${c.below(3)}.api`,
      rnn,
      tokenizer,
      { training: rnnTraining, random, losses: [1, 2] },
      { a: 'b' },
    ],
    loadCheckpoint: () => [checkpointFile, rnn, { training: rnn.optimizer(10).minimize(rnn.loss), random }],
    // Its elements are made by the library, from checked numbers and texts.
    GradCheckError: (c) => [any(c), []],
    // parts of networks
    'nn.Module': (c) => [module(c)],
    'nn.MLP': (c) => [
      fan(c),
      [fan(c), fan(c)],
      { ...module(c), ...(c.is(0.5) && { activation: (y: library.Value) => y.tanh() }) },
    ],
    'nn.ScalarNeuron': (c) => [fan(c), module(c)],
    'nn.ScalarLayer': (c) => [fan(c), fan(c), module(c)],
    'nn.ScalarMLP': (c) => [fan(c), [fan(c), fan(c)], module(c)],
    'nn.SelfAttention': (c) => [4, c.of([1, 2, 4]), { ...module(c), causal: c.is(0.5) }],
    'nn.MultiHeadAttention': (c) => [4, c.of([1, 2, 4]), { ...module(c), bias: c.is(0.5), dropout: 0.5 }],
    'nn.TransformerBlock': (c) => [4, 2, { ...module(c), bias: c.is(0.5), dropout: 0.5, hidden: 3 }],
    'nn.RNN': (c) => [fan(c), fan(c), { ...module(c), numLayers: fan(c), dropout: 0.5, bias: c.is(0.5) }],
    'nn.GRU': (c) => [fan(c), fan(c), { ...module(c), bidirectional: c.is(0.5), resetAfter: c.is(0.5) }],
    'nn.LSTM': (c) => [fan(c), fan(c), { ...module(c), bidirectional: c.is(0.5), numLayers: fan(c) }],
    'nn.Conv1d': (c) => [fan(c), fan(c), fan(c), { ...module(c), padding: 'same' }],
    'nn.Conv2d': (c) => [fan(c), fan(c), c.of([2, [1, 2]]), { ...module(c), stride: 2, bias: c.is(0.5) }],
    'nn.MaxPool1d': (c) => [fan(c), { stride: fan(c), padding: 0 }],
    'nn.MaxPool2d': (c) => [c.of([2, [1, 2]]), { stride: fan(c), padding: 0 }],
    'nn.AvgPool1d': (c) => [fan(c), { countIncludePad: c.is(0.5) }],
    'nn.AvgPool2d': (c) => [c.of([2, [1, 2]]), { countIncludePad: c.is(0.5), stride: fan(c) }],
    'nn.AdaptiveAvgPool2d': (c) => [c.of([2, [1, 2]])],
    'nn.EmbeddingBag': (c) => [
      4,
      fan(c),
      { ...module(c), mode: c.of(['sum', 'mean', 'max']), paddingIndex: c.below(4) },
    ],
    'nn.BatchNorm1d': (c) => [fan(c), { ...module(c), momentum: c.next() / 2, affine: c.is(0.5) }],
    'nn.BatchNorm2d': (c) => [fan(c), { ...module(c), eps: 1e-3 }],
    'nn.LayerNorm': (c) => [fan(c), { ...module(c), bias: c.is(0.5), eps: 1e-3 }],
    'nn.RMSNorm': (c) => [fan(c), { ...module(c), eps: 1e-3 }],
    'nn.Dropout': (c) => [c.of([0, 0.5]), module(c)],
    'nn.Sequential': (c) => [[parts.Linear, c.of([library.tanh, library.relu])]],
    freeze: (c) => [c.of<unknown>([parts.Embedding, [parts.Embedding]])],
    unfreeze: (c) => [c.of<unknown>([...Object.values(parts), Object.values(parts)])],
    'nn.summary': (c) => [c.of(Object.values(parts))],
    'Module.namedModules': (c) => [c.of(Object.values(parts))],
    'Module.parameters': (c) => [c.of(Object.values(parts))],
    'Linear.apply': () => [parts.Linear, x],
    'EmbeddingBag.apply': () => [parts.EmbeddingBag, ids, { weights: library.zeros([2]) }],
    'Embedding.apply': () => [parts.Embedding, ids],
    'MLP.apply': () => [parts.MLP, x],
    'ScalarNeuron.apply': () => [parts.ScalarNeuron, [p, p]],
    'ScalarLayer.apply': () => [parts.ScalarLayer, [p, p]],
    'ScalarMLP.apply': () => [parts.ScalarMLP, [p, p]],
    'RNNCell.step': () => [parts.RNNCell, x],
    'GRUCell.step': () => [parts.GRUCell, x],
    'LSTMCell.step': () => [parts.LSTMCell, x],
    'Recurrent.apply': (c) => [c.of([parts.RNNCell, parts.GRUCell, parts.LSTMCell]), [x, x]],
    'Sequences.apply': (c) => [c.of([parts.RNN, parts.GRU, parts.LSTM]), x, c.is(0.5) ? {} : { lengths: 1 }],
    'MultiHeadAttention.apply': (c) => [
      parts.MultiHeadAttention,
      leaves.cube,
      leaves.cube,
      leaves.cube,
      { causal: c.is(0.5) },
    ],
    'TransformerBlock.apply': (c) => [parts.TransformerBlock, leaves.cube, { causal: c.is(0.5) }],
    'Conv1d.apply': () => [parts.Conv1d, x.expandDims(-1)],
    'Conv2d.apply': () => [parts.Conv2d, x.expandDims([-1, -2])],
    'MaxPool1d.apply': () => [parts.MaxPool1d, x.expandDims(-1)],
    'MaxPool2d.apply': () => [parts.MaxPool2d, x.expandDims([-1, -2])],
    'AvgPool1d.apply': () => [parts.AvgPool1d, x.expandDims(-1)],
    'AvgPool2d.apply': () => [parts.AvgPool2d, x.expandDims([-1, -2])],
    'AdaptiveAvgPool2d.apply': () => [parts.AdaptiveAvgPool2d, x.expandDims([-1, -2])],
    'BatchNorm1d.apply': () => [parts.BatchNorm1d, x],
    'BatchNorm2d.apply': () => [parts.BatchNorm2d, library.zeros([2, 3, 2, 2])],
    'LayerNorm.apply': () => [parts.LayerNorm, x],
    'RMSNorm.apply': () => [parts.RMSNorm, x],
    'Dropout.apply': () => [parts.Dropout, x],
    'Sequential.apply': () => [parts.Sequential, x],
    'SelfAttention.apply': () => [parts.SelfAttention, leaves.cube],
  } satisfies Record<string, Maker>);
  // Both forms of an operator are called alike: the method with its `this` as the first argument.
  for (const method of exported().calls.keys()) {
    const name = /^Value\.(\w+)$/.exec(method)?.[1];
    if (name !== undefined && Object.hasOwn(library, name))
      [rows[name], rows[method]] = [rows[name] ?? rows[method]!, rows[method] ?? rows[name]!];
  }

  const wholes = values.concat(vectors);
  return {
    calls: exported().calls,
    rows,
    strangers: [
      ...wholes,
      ids,
      id,
      ...programs,
      make(chance),
      rnn,
      rnnTraining,
      sampler,
      tokenizer,
      corpus,
      random,
      dataset(chance),
      bytes,
      new SGD({ learningRate: 0.1 }),
      parts.Linear,
      schedules,
      GradCheckError,
      grad,
      Index,
      Program,
      Training,
      Value,
      Corpus,
    ],
    large: (name) => (name.endsWith('Error') ? [] : HUGE),
    // An error converts its message to a string, which takes a minute for four billion holes.
    more: (name) => (name.endsWith('Error') ? [] : MORE),
    use: (result, name, context) => use(result, name, context, feeds),
    during: (again) => {
      call = again;
    },
  };
}

/** Uses the result of a call, where wrong arguments may show only then. */
function use(
  result: unknown,
  name: string,
  context: Context,
  feeds: (c: Chance) => Record<string, unknown>,
): unknown {
  const { chance } = context;
  if (result instanceof Promise || chance.is(0.5)) return result;
  if (result instanceof Value) {
    // Only the library makes instances of these two.
    if (name === 'Value' || name === 'Index') return undefined;
    result.toDot({ data: true });
    const all = feeds(chance);
    const leaves = reachable([result]).flatMap((node) =>
      node.op === 'input' || node.op === 'index' ? [node.name!] : [],
    );
    if (leaves.every((leaf) => leaf in all)) {
      const fed = Object.fromEntries(leaves.map((leaf) => [leaf, all[leaf]]));
      result.forward(fed as library.Feeds);
      result.backward();
    }
    return undefined;
  }
  if (typeof result === 'function') {
    // Only the library calls functions that compute with a step, or they are called for a step.
    if (name.startsWith('schedules.')) return (result as Call)(chance.of(NUMBERS));
    return (result as Call)(
      chance.is(0.7) ? [2, 3] : hostile(context),
      chance.is(0.7) ? new Random(1) : hostile(context),
    );
  }
  if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result) {
    return (async () => {
      let left = 3;
      for await (const part of result as AsyncIterable<unknown>)
        if (part === undefined || --left === 0) break;
    })();
  }
  if (typeof result === 'object' && result !== null && Symbol.iterator in result && 'next' in result) {
    const iterator = result as Iterator<unknown>;
    for (let i = 0; i < 3; i++) iterator.next();
  }
  return undefined;
}
