/** Mistakes that once passed in silence: each is refused, and what its error must say. One table. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from '../../lib/index.js';
import { type Call, x, v, i, random, sgd, frozen, fed, any, tokenizer, rnn } from '../support/mistakes.js';
import { pattern } from '../support/pattern.js';

const { Adam, AdamW, compile, index, input, nn, parameter, RMSprop, SGD } = library;

const fewest = { count: 1, inputs: {} };
type Any = (...args: readonly unknown[]) => unknown;
/** Calls with arguments that the types would refuse. */
const given = (f: unknown, ...args: readonly unknown[]): unknown => (f as Any)(...args);
const made = (f: unknown, ...args: readonly unknown[]): unknown =>
  new (f as new (...args: readonly unknown[]) => unknown)(...args);
const on = (self: object, method: string, ...args: readonly unknown[]): unknown =>
  (self as Record<string, Any>)[method]!(...args);
const trainingCall = (method: keyof library.Training, ...args: readonly unknown[]): unknown =>
  on(sgd.minimize(v.sum()), method, ...args);

/** A call, and what its error must say; each was once ignored silently. */
const SILENT: [title: string, call: Call, says: RegExp][] = [
  [
    'a loss of several numbers',
    () => sgd.minimize(x.mul(2)),
    pattern(
      /^minimize: the loss #\d+ \(mul, shape \[2, 3\]\) has 6 numbers, expected one: /,
      /take \.mean\(\) or \.sum\(\) of it$/,
    ),
  ],
  [
    'a loss with an axis left',
    () => new Adam({ learningRate: 1 }).minimize(x.sum(0)),
    /shape \[3\]\) has 3 numbers, expected one: take \.mean\(\)/,
  ],
  [
    'a loss of rows',
    () => new AdamW({ learningRate: 1 }).minimize(x.crossEntropy(i)),
    /has 2 numbers, expected one/,
  ],
  [
    'a loss of no numbers',
    () => new RMSprop({ learningRate: 1 }).minimize(x.slice(0, 0)),
    /^minimize: the loss .* has no numbers, expected one/,
  ],
  [
    'a loss of an input',
    () => sgd.minimize(fed.sum()),
    pattern(
      /^minimize: the loss #\d+ \(sum, shape \[\]\) depends on no parameter, only on 'fed' \(input, /,
      /shape \[2\]\)/,
    ),
  ],
  [
    'a loss of a constant',
    () => sgd.minimize(library.constant(2).mul(3)),
    /depends on no parameter, only on constants/,
  ],
  [
    'a loss that a parameter decides by a where',
    () => sgd.minimize(library.where(frozen, 1, 0).sum()),
    pattern(
      /^minimize: no gradient of the loss .* reaches a parameter: between them and 'frozen' .* are only /,
      /#\d+ \(where, shape \[2\]\), #\d+ \(where, shape \[2\]\), through/,
    ),
  ],
  ...(['lt', 'le', 'ne'] as const).map((op): (typeof SILENT)[number] => [
    `a loss of ${op} alone`,
    () => sgd.minimize(library.meanOfFirst([frozen[op](fed).mean()], index('n'))),
    new RegExp(`'frozen' \\(parameter, shape \\[2\\]\\) are only #\\d+ \\(${op}, shape \\[2\\]\\), through`),
  ]),
  [
    'a loss of a power of 0',
    () => sgd.minimize(frozen.pow(0).sum()),
    /^minimize: no gradient of the loss .* reaches a parameter: between them and 'frozen' .* are only .*pow/,
  ],
  [
    'a loss of what is detached',
    () => sgd.minimize(frozen.detach().mul(fed).sum()),
    pattern(
      /^minimize: no gradient of the loss .* reaches a parameter: between them and 'frozen' \(parameter, /,
      /shape \[2\]\) are only #\d+ \(detach, shape \[2\]\)/,
    ),
  ],
  [
    'a loss of a comparison',
    () => sgd.minimize(frozen.gt(fed).mean()),
    /no gradient of the loss .* 'frozen'.* \(gt, shape \[2\]\), through which none flows/,
  ],
  ['a loss of signs', () => sgd.minimize(frozen.sign().sum()), /no gradient .* \(sign,/],
  ['a loss of an argmax', () => sgd.minimize(fed.gather(frozen.argmax()).sum()), /no gradient .* \(argmax,/],
  [
    'an option of Adam that is written otherwise',
    () => new Adam(any({ learningRate: 1, weightdecay: 1 })),
    pattern(
      /^Adam: there is no option "weightdecay"; did you mean weightDecay\? \(options: learningRate, /,
      /clipGlobalNorm, onNonFinite, averageDecay,/,
    ),
  ],
  [
    'options of other libraries',
    () => new Adam(any({ learningRate: 1, clipNorm: 1 })),
    /^Adam: there is no option "clipNorm".*options: .*clipGlobalNorm/,
  ],
  [
    'an inherited option',
    () => new SGD(any(Object.create({ learningRate: 1, momentun: 1 }))),
    /^SGD: there is no option "momentun"; did you mean momentum\?/,
  ],
  [
    'an unknown option that is undefined',
    () => new SGD(any({ learningRate: 1, momentun: undefined })),
    /no option "momentun"/,
  ],
  [
    'an option of minimize',
    () => sgd.minimize(x.sum(), any({ dType: 'float32' })),
    /^minimize: there is no option "dType"; did you mean dtype\?/,
  ],
  [
    'options of a module',
    () => new nn.SelfAttention(24, 3, any({ random, dropout: 0.1, bias: false })),
    /^SelfAttention: there is no option "dropout" \(options: random, name, causal\)/,
  ],
  [
    'an option of a layer',
    () => new nn.Linear(2, 2, any({ random, bais: false })),
    /^Linear: there is no option "bais"; did you mean bias\?/,
  ],
  [
    'an unknown form of gelu',
    () => library.gelu(x, any('erf')),
    /^gelu of 'x' .*: approximate "erf": expected 'none' or 'tanh'$/,
  ],
  [
    'a gelu of true',
    () => library.gelu(x, any(true)),
    /^gelu of 'x' .*: approximate true: expected 'none' or 'tanh'/,
  ],
  [
    'a data type',
    () => compile(x, { dtype: any('float') }),
    /^dtype "float": expected 'float64' or 'float32'; did you mean float64\?/,
  ],
  ['a data type that is empty', () => compile(x, { dtype: any('') }), /^dtype "": expected/],
  [
    'a pass',
    () => compile(x, { passes: any(new Set(['fuze'])) }),
    /^no pass is called "fuze"; did you mean fuse\? List some of/,
  ],
  [
    'an array for options',
    () => compile(x, any([])),
    /^compile: options an array: expected an object \{ dtype, isa, threads, passes,/,
  ],
  [
    'a Set for options',
    () => compile(x, any(new Set(['fuse']))),
    /^compile: options a Set: expected an object \{ dtype/,
  ],
  [
    'a class with getters for options',
    () =>
      new SGD(
        any(
          new (class Config {
            get learningRate() {
              return 1;
            }
            get momentun() {
              return 1;
            }
          })(),
        ),
      ),
    /^SGD: options an object of class "Config": expected a plain object \{ learningRate, /,
  ],
  [
    'a class with fields for options',
    () =>
      new SGD(
        any(
          new (class Config {
            learningRate = 1;
          })(),
        ),
      ),
    /^SGD: options an object of class "Config": expected a plain object/,
  ],
  ...[
    ['a Date', new Date(0), 'a Date'],
    ['a RegExp', /x/, 'an object of class "RegExp"'],
    ['a Map', new Map(), 'a Map'],
    ['a WeakMap', new WeakMap(), 'an object of class "WeakMap"'],
    ['a typed array', new Float64Array(1), 'a Float64Array'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'an object of class "DataView"'],
    ['an error', new Error(), 'an object of class "Error"'],
    ['a boxed number', Object(1), 'an object of class "Number"'],
    ['a promise', Promise.resolve(), 'a promise'],
  ].map(([title, given, says]): (typeof SILENT)[number] => [
    `${title as string} for options`,
    () => compile(x, any(given)),
    new RegExp(`^compile: options ${says as string}: expected an? (plain )?object \\{ dtype, `),
  ]),
  [
    'a look for NaN where no step is taken',
    () => compile(x, { detectAnomaly: true }),
    /^detectAnomaly looks at training steps, and this program takes none: give it to minimize/,
  ],
  [
    'batches where no step is taken',
    () => compile(x, { batches: true }),
    /^batches is for training by stepBatch, and this program takes no steps: give it to minimize/,
  ],
  [
    'an unknown key of a program',
    () => new library.Program(any({ groups: [[v.sum()]], gradient: 'none' })),
    /^a plan: there is no option "gradient"; did you mean gradients\?/,
  ],
  [
    'gradients of a program that do not exist',
    () => new library.Program(any({ groups: [[v.sum()]], gradients: 'nonne' })),
    /^gradients "nonne": expected 'all' or 'parameters' or 'none'; did you mean none\?/,
  ],
  [
    'a program of nothing',
    () => new library.Program(any(undefined)),
    /^a program undefined: expected an object \{ groups, gradients \}/,
  ],
  [
    'a text for a flag',
    () => sgd.minimize(x.sum(), { batches: any('no') }),
    /^batches "no": expected true or false/,
  ],
  [
    'a flag of SGD',
    () => new SGD({ learningRate: 1, momentum: 0.9, nesterov: any('false') }),
    /^nesterov "false": expected true or false/,
  ],
  [
    'a flag of Linear',
    () => new nn.Linear(2, 2, { random, bias: any(0) }),
    /^Linear: bias 0: expected true or false/,
  ],
  [
    'a flag of SelfAttention',
    () => new nn.SelfAttention(4, 2, { random, causal: any('no') }),
    /causal "no": expected true or false/,
  ],
  [
    'a step of the program of a training',
    () => sgd.minimize(x.sum()).program.step(),
    pattern(
      /^step of #\d+ \(sum, shape \[\]\): the program of a training takes no steps by itself: /,
      /call step\(feeds\) of the training that minimize returned$/,
    ),
  ],
  [
    'a step of a program that trains nothing',
    () => compile(x.sum()).step(),
    /^step of #\d+ \(sum, shape \[\]\): this program was compiled without an update: train with an optimiser/,
  ],
  [
    'a batch of a program that trains nothing',
    () => compile(x.sum()).stepBatch([{}], 1, () => new Float64Array()),
    /^stepBatch of #\d+ .*: this program was compiled without an update/,
  ],
  [
    'an initialiser to infinity',
    () => library.nn.initializers.uniform(0, Infinity),
    /^high Infinity: expected a finite number$/,
  ],
  [
    'an initialiser with no number for a gain',
    () => library.nn.initializers.xavierNormal(NaN),
    /^gain NaN: expected a finite number from 0$/,
  ],
  [
    'an initialiser without a Random',
    () => library.nn.initializers.normal()([2], any(undefined)),
    /^normal: random undefined: expected a Random to draw from/,
  ],
  [
    'several integers for a length',
    () => library.meanOfFirst([v, v], i),
    /^meanOfFirst of 'v' .*: the length .* must be an index of its own: give an index\(name\) of one integer/,
  ],
  [
    'a list that is mapped by topk',
    () => library.topk(x, 1, any([x, x])),
    /^topk of 'x' .*: options an array: expected an object { axis, largest }$/,
  ],
  ...(['softmax', 'logSoftmax'] as const).map((name): (typeof SILENT)[number] => [
    `a list that is mapped by ${name}`,
    () => [x, x].map(any(library[name])),
    new RegExp(`^${name} of 'x' .*: options an array: expected an object { mask }$`),
  ]),
  [
    'a list that is mapped by cumsum',
    () => [x, x].map(any(library.cumsum)),
    /^cumsum of 'x' .*: options an array: expected an object { exclusive, reverse }$/,
  ],
  ...(
    [
      ['cumprod', library.cumprod],
      ['argmax', library.argmax],
      ['pow', library.pow],
      ['expandDims', library.expandDims],
      ['squeeze', library.squeeze],
      ['at', library.at],
      ['stack', library.stack],
      ['concat', library.concat],
      ['add', library.add],
    ] as const
  ).map(([name, call]): (typeof SILENT)[number] => [
    `a list that is mapped by ${name}, which takes the element's index for its argument`,
    () => [x, x].map(any(call)),
    new RegExp(
      `^${name}: an array is one argument too many; map gives an index and the list too: where that is it, ` +
        `write \\(x\\) => ${name}\\(x\\)$`,
    ),
  ]),
  ...(
    [
      ['SGD', () => made(SGD, { learningRate: 1 }, {}), 'an object'],
      ['Random', () => made(library.Random, 1, 2), '2'],
      ['minimize', () => on(sgd, 'minimize', x.sum(), {}, {}), 'an object'],
      ['input', () => given(input, 'x', [2], {}), 'an object'],
      ['zeros', () => given(library.zeros, [2], {}), 'an object'],
      ['constant', () => given(library.constant, 1, {}, 2), '2'],
      ['compile', () => given(compile, x, {}, 1), '1'],
      ['crossEntropy', () => on(x, 'crossEntropy', i, {}, {}), 'an object'],
      ['argmax', () => on(x, 'argmax', 0, true), 'true'],
      ['argmax', () => given(library.argmax, x, 0, true), 'true'],
      ['log', () => on(x, 'log', 10), '10'],
      ['log', () => given(library.log, x, 10), '10'],
      ['relu', () => given(library.relu, x, {}), 'an object'],
      ['relu', () => given(library.relu, x, [1]), 'an array'],
      ['mul', () => given(library.mul, x, 2, 3), '3'],
      ['mul', () => on(x, 'mul', 2, {}), 'an object'],
      ['where', () => given(library.where, x, 1, 2, 3), '3'],
      ['vstack', () => given(library.vstack, [v, v], 1), '1'],
      ['concat', () => given(library.concat, [v, v], 0, 1), '1'],
      ['logSoftmax', () => on(x, 'logSoftmax', 0, {}, 1), '1'],
      ['step', () => trainingCall('step', {}, { threads: 2 }), 'an object'],
      ['evaluate', () => trainingCall('evaluate', {}, {}), 'an object'],
      ['evaluateEach', () => trainingCall('evaluateEach', fewest, 0, 1, { batch: 2 }), 'an object'],
      ['forward', () => on(x, 'forward', {}, {}), 'an object'],
      ['evaluate', () => on(compile(x.sum()), 'evaluate', {}, 1), '1'],
    ] as const
  ).map(([name, call, what], row): (typeof SILENT)[number] => [
    `an argument too many of ${name}, row ${row}`,
    call,
    new RegExp(`^${name}: ${what} is one argument too many(;|$)`),
  ]),
  ...(['stepEach', 'stepEachAsync', 'evaluateEach'] as const).flatMap((name) =>
    [[{ batch: 2 }], [0, { batch: 2 }]].map((range): (typeof SILENT)[number] => [
      `options of ${name} as argument ${range.length + 1}`,
      () => trainingCall(name, fewest, ...range),
      new RegExp(
        `^${name}: an object in place of an example's number: ` +
          (name === 'evaluateEach'
            ? 'there are no options$'
            : `options come fourth, as in ${name}\\(dataset, 0, dataset.count, \\{ batch: 2 \\}\\)$`),
      ),
    ]),
  ),
  [
    'a misspelt part of a state',
    () => {
      const training = sgd.minimize(v.sum());
      training.restore(any({ ...training.state(), stepz: 5 }));
    },
    /^restore: there is no option "stepz"; did you mean steps\? \(options: steps, runs, rule, opt/,
  ],
  ['a negative weight', () => random.weightedIndex([2, -1]), /^weight 1 is -1: expected a number from 0$/],
  [
    'names that are mapped by index, which takes their places for lengths',
    () => ['a', 'b'].map(any(index)),
    /^index: an array is one argument too many; map gives/,
  ],
  ...(['sum', 'mean', 'max', 'min', 'norm', 'logSumExp'] as const).map((name): (typeof SILENT)[number] => [
    `a list that is mapped by ${name}`,
    () => [x, x].map(any(library[name])),
    /: keepDims an array: expected true or false$/,
  ]),
  [
    'several integers for a choice',
    () => library.choose([v, v], i),
    /^choose of 'v' .*: an index of shape \[2\]: expected a single integer/,
  ],
  [
    'a step of gradCheck that goes back',
    () => library.gradCheck(x.sum(), {}, { step: -1 }),
    /^gradCheck: step -1: expected a finite number above zero/,
  ],
  [
    'a step of gradCheck of nothing',
    () => library.gradCheck(x.sum(), {}, { step: 0 }),
    /^gradCheck: step 0: expected/,
  ],
  [
    'a tolerance of gradCheck that is NaN',
    () => library.gradCheck(x.sum(), {}, { tolerance: NaN }),
    /^gradCheck: tolerance NaN: expected a number from 0/,
  ],
  [
    'threads of an experiment that are a text',
    () => library.runExperiment('rnn', { docs: ['anna', 'bob', 'carl'], steps: 0, threads: any('2') }),
    /^threads "2": expected an integer from 1/,
  ],
  [
    'no thread for single steps of a series',
    () => sgd.minimize(v.sum()).stepEach({ count: 1, inputs: {} }, 0, 1, { threads: 0 }),
    /^threads 0: expected an integer from 1/,
  ],
  [
    'half a thread of a program',
    () => library.compile(x.sum(), { threads: 1.5 }),
    /^threads 1.5: expected an integer from 1/,
  ],
  [
    'a flag of minimize',
    () => sgd.minimize(x.sum(), { detectAnomaly: any('no') }),
    /^detectAnomaly "no": expected true or false/,
  ],
  [
    'a flag of a program that is null',
    () => compile(x, { detectAnomaly: any(null) }),
    /^detectAnomaly null: expected true or false/,
  ],
  [
    'onNonFinite that is null',
    () => new SGD({ learningRate: 1, onNonFinite: any(null) }),
    /^onNonFinite null: expected 'throw' or 'skip' or 'apply'/,
  ],
  [
    'onNonFinite that is written otherwise',
    () => new SGD({ learningRate: 1, onNonFinite: any('Skip') }),
    /^onNonFinite "Skip": .*did you mean skip\?/,
  ],
  ['a flag of a drawing', () => x.toDot({ data: any('no') }), /^toDot: data "no": expected true or false/],
  [
    'options in the place of keepDims',
    () => x.sum(0, any({ keepDims: false })),
    /^sum of 'x' .*: keepDims an object: expected true or false/,
  ],
  [
    'keepDims of logSumExp',
    () => library.logSumExp(x, 0, any('no')),
    /^logSumExp of 'x' .*: keepDims "no": expected true or false/,
  ],
  [
    'keepDims of variance',
    () => library.variance(x, 0, { keepDims: any(1) }),
    /^variance of 'x' .*: keepDims 1: expected true or false/,
  ],
  ['no learning rate', () => new Adam(any({})), /^learningRate undefined: expected a number, a function/],
  [
    'texts beside weights that are one text',
    () => library.saveWeights(join(tmpdir(), 'vecgrad-none'), [x], any('abc')),
    /^saveWeights: metadata "abc": expected a plain object of strings, or a Map$/,
  ],
  ...(
    [
      ['an array', [['a', 'b']], 'an array'],
      ['a Set', new Set(['a']), 'a Set'],
      ['an object of a class', random, 'an object of class "Random"'],
    ] as const
  ).flatMap(([what, given, shown]): (typeof SILENT)[number][] => {
    const says = new RegExp(`metadata ${shown}: expected a plain object of strings, or a Map$`);
    const none = join(tmpdir(), 'vecgrad-none');
    const run = { training: rnn.optimizer(10).minimize(rnn.loss), random };
    return [
      [`texts beside weights that are ${what}`, () => library.saveWeights(none, [x], any(given)), says],
      [
        `texts beside a model that are ${what}`,
        () => library.saveModel(none, rnn, tokenizer, any(given)),
        says,
      ],
      [
        `texts beside a checkpoint that are ${what}`,
        () => library.saveCheckpoint(none, rnn, tokenizer, run, any(given)),
        says,
      ],
    ];
  }),
  ...[
    () => new library.Training(any(undefined), any(undefined)),
    () => new library.Training(compile(x), any(3)),
  ].map((call): (typeof SILENT)[number] => [
    'a Training that no optimiser makes',
    call,
    /^a Training is made by an optimiser, as in new Adam\(\{ learningRate \}\)\.minimize\(loss\)$/,
  ]),
  [
    'an array to write with a key that is not known',
    () =>
      library.writeSafetensors(
        new Map([['a', any({ shape: [1], data: new Float64Array(1), dtype: 'F32' })]]),
      ),
    /^array "a": there is no option "dtype" \(options: shape, data\)$/,
  ],
  [
    'sizes',
    () => library.buildModel('rnn', 4, any({ nembd: 4 }), random),
    /^buildModel: sizes: there is no option "nembd"; did you mean nEmbd\?/,
  ],
  [
    'nested numbers of another shape',
    () =>
      parameter(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        { name: 'w', shape: [3, 2] },
      ),
    pattern(
      /^parameter 'w': nested arrays of shape \[2, 3\] for shape \[3, 2\]: give the numbers flat, /,
      /row by row, or nested/,
    ),
  ],
  [
    'the data of an index',
    () => x.argmax().data,
    /^#\d+ \(argmax, shape \[2\]\) holds integers, which have no gradient .*: forward\(feeds\) computes/,
  ],
  ['the gradient of an index', () => v.topk(2).grad, /\(topk, shape \[2\]\) holds integers/],
  ['a run of a fed index', () => any(i.forward()), /^forward of 'i' .*: its integers are fed/],
  ...(['sum', 'mean', 'max', 'min'] as const).flatMap((op): [string, Call, RegExp][] => [
    [
      `${op} over one axis twice`,
      () => x[op]([0, -2]),
      new RegExp(`^${op} of 'x' \\(parameter, shape \\[2, 3\\]\\): axes \\[0, -2\\] name axis 0 twice`),
    ],
    [
      `${op} over one axis twice, kept`,
      () => x[op]([1, 0, 1].slice(0, 2).with(1, 1), true),
      /name axis 1 twice/,
    ],
  ]),
  [
    'variance over one axis twice',
    () => library.variance(x, [1, -1]),
    /^variance of 'x' .*name axis 1 twice/,
  ],
  ['std over one axis twice', () => library.std(x, [1, -1]), /^std of 'x' .*name axis 1 twice/],
  [
    'logSumExp over one axis twice',
    () => library.logSumExp(x, [0, 0]),
    /^logSumExp of 'x' .*name axis 0 twice/,
  ],
  ['a transpose with an axis twice', () => x.transpose([1, -1]), /^transpose of 'x' .*name axis 1 twice/],
  [
    'more examples than a step takes',
    () => sgd.minimize(x.sum(), { batches: true }).stepBatch(new Array<object>(1_000_001).fill({}) as never),
    /^batch 1000001: expected an integer from 1 to 1000000$/,
  ],
  [
    'a document before the first',
    () => tokenizer.corpus(['ab'], Int32Array.of(0, -1)),
    /^the documents' numbers: \[1\] is -1: expected a document from 0 to 0$/,
  ],
  [
    'a negative standard deviation',
    () => nn.initializers.normal(0, -1),
    /^std -1: expected a finite number from 0$/,
  ],
  [
    'a tokenizer of another vocabulary to sample with',
    () => new library.Sampler(rnn, new library.Tokenizer(['a'])),
    /^sampling: a tokenizer of 2 tokens for a model of 3: give the tokenizer that the model was built with$/,
  ],
  [
    'a state of more parameters than are trained',
    () => {
      const [p, q] = [parameter(1), parameter(2)];
      sgd.minimize(p.mul(2)).restore(sgd.minimize(p.mul(q)).state());
    },
    /^restore: the state is of other parameters than the 1 that this training changes: give/,
  ],
  [
    'a name that is undefined',
    () => input('x').named(any(undefined)),
    /^named: a name must be a string, got undefined$/,
  ],
  [
    'a size of null',
    () => library.buildModel('rnn', 5, any({ nState: null }), random),
    /^nState null: expected an integer from 1$/,
  ],
  [
    'a tokenizer of null',
    () => library.train(rnn, ['ab', 'ba'], any({ steps: 0, tokenizer: null })),
    /^tokenizer null: expected a Tokenizer$/,
  ],
  [
    'a callback of steps, which a loop takes',
    () => rnn.steps(['ab', 'ba'], any({ onProgress() {} })).next(),
    /^steps: there is no option "onProgress" /,
  ],
];

type Lists = { shape: number[]; inputs: unknown[]; attr: { axes: number[] } };

/** Writes to the lists of a node, which other nodes share. */
const WRITES: [title: string, write: (node: Lists) => unknown][] = [
  ['a shape that is made shorter', ({ shape }) => shape.pop()],
  ['a shape that is made longer', ({ shape }) => shape.push(1)],
  ['a shape that is turned round', ({ shape }) => shape.reverse()],
  ['a length that is set', ({ shape }) => (shape[0] = 1)],
  ['operands that are turned round', ({ inputs }) => inputs.reverse()],
  ['axes that are set', ({ attr }) => (attr.axes[0] = 1)],
  ['axes that are replaced', ({ attr }) => (attr.axes = [])],
];

describe('a mistake that once passed in silence is refused:', () => {
  for (const [title, write] of WRITES) {
    it(title, () => {
      const p = parameter([1, 2, 3, 4, 5, 6], { shape: [3, 2] });
      const joined = library.concat([p, p.mul(1), p.mul(2)]);
      const turned = joined.transpose([1, 0]);
      const node = { shape: p.mul(3).shape, inputs: joined.inputs, attr: turned.attr };
      assert.throws(() => write(any(node)), TypeError);
      assert.deepEqual([...turned.forward()], [1, 3, 5, 1, 3, 5, 2, 6, 10, 2, 4, 6, 2, 4, 6, 4, 8, 12]);
    });
  }

  for (const [title, call, says] of SILENT) {
    it(title, () =>
      assert.rejects(
        async () => {
          await call();
        },
        (error: Error) => (assert.match(error.message, says), true),
      ),
    );
  }

  for (const shape of [[], [1], [1, 1]]) {
    it(`but not a loss of shape [${shape.join(', ')}], which is one number`, () => {
      const p = parameter(3);
      const training = sgd.minimize(p.mul(p).reshape(shape));
      assert.equal(training.step({}), 9);
      assert.ok(Math.abs(p.data[0]! - 2.4) < 1e-12);
    });
  }

  it('no thread for single steps in stepEachAsync', async () => {
    const training = sgd.minimize(v.sum());
    await assert.rejects(
      training.stepEachAsync({ count: 1, inputs: {} }, 0, 1, { threads: 0 }),
      /^RangeError: threads 0: expected an integer from 1/,
    );
  });

  it('but not a loss whose only term is switched off by a 0, which has a gradient: 0', () => {
    const p = parameter(3);
    assert.equal(sgd.minimize(p.mul(0)).step({}), 0);
    assert.deepEqual([...p.data], [3]);
  });

  it('nor known options that are undefined, nor ones without a prototype, nor symbols', () => {
    const options = Object.assign(Object.create(null) as object, {
      learningRate: 0.1,
      momentum: undefined,
      [Symbol('mine')]: 1,
    });
    const p = parameter(3);
    assert.equal(
      new SGD(options as library.SGDOptions).minimize(p.mul(2), { dtype: any(undefined) }).step({}),
      6,
    );
  });
});
