/**
 * Wrong arguments that would be ignored silently, and messages that would mislead. Two tests cover all
 * exports, from the rows of valid arguments in test/support/hostile/api.ts: an unknown option is refused by
 * name, and no wrong argument ends in an error of JavaScript's own.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as library from '../../lib/index.js';
import { apiRows } from '../support/hostile/api.js';
import { Chance } from '../support/hostile/values.js';

const { Adam, AdamW, compile, FeedError, index, input, nn, parameter, Random, RMSprop, SGD } = library;

type Call = () => unknown;

/** How many draws of valid arguments each function is tried with: rows choose among several. */
const DRAWS = 12;

/** A plain object: options, feeds, columns. */
function isRecord(x: unknown): x is Record<string, unknown> {
  return typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype;
}

/** What a call, or its promise, throws; undefined where it returns. */
async function thrownBy(call: Call): Promise<unknown> {
  try {
    const result = call();
    if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result)
      await (result as AsyncGenerator).next();
    await result;
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Objects among valid arguments that are not options, with the argument's place. */
const NO_OPTIONS: ReadonlySet<string> = new Set([
  'Program 0', // the compiler's own plan, which the library alone makes
  'Training.restore 1', // what state() gave
  'numbersOf 0', // a tensor as readSafetensors gives it
  'saveWeights 2', // texts of the user's own names
  'saveModel 3',
  'saveCheckpoint 4',
  'Node.memory set 1', // the library's own
]);
/** A model, or a list of documents, can be any object. */
const isTheirs = (given: object): boolean => 'logits' in given || 'at' in given;

describe('every function that is exported', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-mistakes-'));
  const here = process.cwd();
  before(() => process.chdir(folder));
  after(() => {
    process.chdir(here);
    rmSync(folder, { recursive: true });
  });

  it(
    'refuses an option that it does not know, by its name, with the nearest that it ' + 'knows',
    async function () {
      const { rows, calls } = apiRows(new Chance(1));
      const seen = new Map<string, Set<string>>();
      const silent: string[] = [];
      for (const [path, call] of calls) {
        if (path.endsWith('Error')) continue; // JavaScript's own options
        for (let draw = 0; draw < DRAWS; draw++) {
          const args = rows[path]!(new Chance(draw), () => undefined);
          for (const [place, given] of args.entries()) {
            const where = `${path} ${place}`;
            const isMethod = /^[A-Z]\w*\.\w/.test(path) && place === 0; // what `this` is
            if (!isRecord(given) || isTheirs(given) || isMethod || NO_OPTIONS.has(where)) continue;
            const known = Object.keys(given);
            const unknown = 'zzqq';
            const error = await thrownBy(() => call(...args.with(place, { ...given, [unknown]: 1 })));
            if (!(error instanceof Error && error.message.includes(unknown)))
              silent.push(`${where}: ${String(error)}`);
            const count = seen.get(where) ?? new Set<string>();
            seen.set(where, count);
            for (const key of known.filter((name) => name.length > 3)) {
              count.add(key);
              // A slip of the key: the last two letters swapped.
              const slip = `${key.slice(0, -2)}${key.at(-1)!}${key.at(-2)!}`;
              if (slip === key) continue;
              const { [key]: value, ...rest } = given;
              const said = await thrownBy(() => call(...args.with(place, { ...rest, [slip]: value })));
              if (!(
                said instanceof Error &&
                said.message.includes(slip) &&
                said.message.includes(`did you mean ${key}?`)
              ))
                silent.push(`${where}: ${slip}: ${String(said)}`);
            }
          }
        }
      }
      assert.deepEqual([...new Set(silent)], []);
      assert.ok(seen.size >= 25, `options of ${seen.size} arguments: ${[...seen.keys()].join(', ')}`);
    },
  );

  /** Errors of JavaScript itself, or from inside the library, where an argument was not checked. */
  const INTERNAL =
    /Cannot read propert|is not a function|undefined \(reading|runSeries|createProgram|\[object |Cannot destructure|is not iterable|Cannot convert|Cannot mix|Invalid array length|is not defined|reading '|Cannot use 'in'|Class constructor|must be an? (?:object|instance)|internal/;

  it('says of a plain wrong argument what was given and expected, in words of its own', async function () {
    const WRONG: readonly unknown[] = [
      undefined,
      null,
      true,
      false,
      NaN,
      -1,
      1.5,
      7,
      'text',
      '',
      1n,
      Symbol('s'),
      [],
      [
        [1, 2],
        [3, 4],
      ],
      [null],
      [undefined],
      ['a'],
      {},
      { a: 1 },
      () => 1,
      new Map(),
      new Date(0),
      new Float64Array(3),
      Promise.resolve(1),
      index('wrong', 3),
      input('wrong', [5]),
    ];
    const { rows, calls } = apiRows(new Chance(1));
    const found = new Map<string, string>();
    for (const [path, call] of calls) {
      // Errors convert any message to a string; the others take objects that only the library has.
      if (
        path.endsWith('Error') ||
        [
          'Program',
          'Training.stepSome',
          'Program.runEachAsync',
          'Program.runEach',
          'Program.stepBatch',
          'Node.memory set',
        ].includes(path)
      )
        continue;
      for (let draw = 0; draw < (process.env['VECGRAD_LONG'] === '1' ? 2 : 1); draw++) {
        const right = (): unknown[] => rows[path]!(new Chance(draw), () => undefined);
        const places = right().length;
        const isMethod = /^[A-Z]\w*\.\w/.test(path) && !path.startsWith('MODELS.');
        for (let place = isMethod ? 1 : 0; place < places; place++) {
          for (const wrong of WRONG) {
            const tries: [string, unknown[]][] = [['', right().with(place, wrong)]];
            const given = right()[place];
            if (isRecord(given))
              for (const key of Object.keys(given))
                tries.push([`.${key}`, right().with(place, { ...given, [key]: wrong })]);
            if (Array.isArray(given) && given.length > 0)
              tries.push(['[last]', right().with(place, given.with(-1, wrong))]);
            for (const [part, args] of tries) {
              const error = await thrownBy(() => call(...args));
              if (error === undefined) continue;
              const message = error instanceof Error ? error.message : typeof error;
              if (error instanceof Error && !INTERNAL.test(message)) continue;
              const where = `${path} argument ${place}${part}: ${message.slice(0, 100)}`;
              found.set(where, inspect(wrong));
            }
          }
        }
      }
    }
    assert.deepEqual(
      [...found].map(([where, wrong]) => `${where} <- ${wrong}`),
      [],
    );
  });
});

const x = parameter(
  [
    [1, 2, 3],
    [4, 5, 6],
  ],
  { name: 'x' },
);
const v = parameter([1, 2, 3, 4], { name: 'v' });
const empty = input('empty', [2, 0]);
const i = index('i', 2);
const random = new Random(1);
const sgd = new SGD({ learningRate: 0.1 });
const frozen = parameter([1, 2], { name: 'frozen' });
const fed = input('fed', [2]);
/** What a wrong type would be, whatever the types say. */
const any = (given: unknown): never => given as never;

const tokenizer = new library.Tokenizer(['ab', 'ba']);
const rnn = library.buildModel('rnn', tokenizer.vocabSize, { nEmbd: 2, blockSize: 2, nState: 2 }, random);
/** What sampling says of options of which one is wrong. */
const sampled = (options: object): unknown =>
  library.sample(rnn, tokenizer, random, any({ count: 1, temperature: 1, ...options }));
const stopping = (options: object): unknown =>
  new library.Program({ groups: rnn.logits, gradients: 'none' }).generate(
    random,
    any({ input: 'tokens', start: 2, stop: 2, temperature: 1, count: 1, ...options }),
  );

/** A call, and what its error must say; each was once ignored silently. */
const SILENT: [title: string, call: Call, says: RegExp][] = [
  [
    'a loss of several numbers',
    () => sgd.minimize(x.mul(2)),
    /^minimize: the loss #\d+ \(mul, shape \[2, 3\]\) has 6 numbers, expected one: take \.mean\(\) or \.sum\(\) of it$/,
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
    /^minimize: the loss #\d+ \(sum, shape \[\]\) depends on no parameter, only on 'fed' \(input, shape \[2\]\)/,
  ],
  [
    'a loss of a constant',
    () => sgd.minimize(library.constant(2).mul(3)),
    /depends on no parameter, only on constants/,
  ],
  [
    'a loss that a parameter decides by a where',
    () => sgd.minimize(library.where(frozen, 1, 0).sum()),
    /^minimize: no gradient of the loss .* reaches a parameter: between them and 'frozen' .* are only #\d+ \(where, shape \[2\]\), #\d+ \(where, shape \[2\]\), through/,
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
    /^minimize: no gradient of the loss .* reaches a parameter: between them and 'frozen' \(parameter, shape \[2\]\) are only #\d+ \(detach, shape \[2\]\)/,
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
    /^Adam: there is no option "weightdecay"; did you mean weightDecay\? \(options: learningRate, clipGlobalNorm, onNonFinite, beta1,/,
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
    'a gelu that is none',
    () => library.gelu(x, any('erf')),
    /^gelu: approximate "erf": expected 'none' or 'tanh'$/,
  ],
  ['a gelu of true', () => library.gelu(x, any(true)), /^gelu: approximate true: expected 'none' or 'tanh'/],
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
    /^compile: options an array: expected an object \{ dtype, isa, passes,/,
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
    'a step of a program that trains nothing',
    () => compile(x.sum()).step({}),
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
    /^gain NaN: expected a finite number$/,
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
    'threads of an experiment without a batch',
    () => library.runExperiment('rnn', { docs: ['anna', 'bob', 'carl'], steps: 0, threads: any('2') }),
    /^threads "2": expected an integer from 1/,
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
    /^variance: keepDims 1: expected true or false/,
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
    /^parameter 'w': nested arrays of shape \[2, 3\] for shape \[3, 2\]: give the numbers flat, row by row, or nested/,
  ],
  [
    'the data of an index',
    () => x.argmax().data,
    /^#\d+ \(argmax, shape \[2\]\) holds integers, which cannot be read .*parameter\(\[0, 1, 2\]\)\.gather\(index\)/,
  ],
  ['the gradient of an index', () => v.topk(2).grad, /\(topk, shape \[2\]\) holds integers/],
  ['a run of an index', () => any(v.topk(2).forward()), /\(topk, shape \[2\]\) holds integers/],
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
];

/** A call, and what its error must say; each once had a misleading error. */
const MISLEADING: [title: string, call: Call, says: RegExp][] = [
  [
    'the least of nothing',
    () => empty.min(1),
    /^min of 'empty' \(input, shape \[2, 0\]\): \[2, 0\] is empty along the axes: there are no numbers to choose from$/,
  ],
  ['the largest of nothing', () => empty.max(1), /^max of 'empty'/],
  [
    'a row from behind',
    () => x.at(-1),
    /^at of 'x' \(parameter, shape \[2, 3\]\): row -1: expected a row from 0 to 1; counted from the end it is at\(1\)$/,
  ],
  ['a row beyond', () => x.at(2), /^at of 'x' .*: row 2: expected a row from 0 to 1$/],
  [
    'a row of nothing',
    () => x.slice(0, 0).at(0),
    /^at of .*: row 0: expected a first axis that is not empty/,
  ],
  ['half a row', () => x.at(0.5), /^at of 'x' .*: row 0\.5: expected a row/],
  [
    'a row that is no index',
    () => x.at(any('0')),
    /^at of 'x' .*: the index is "0", expected a number or an Index/,
  ],
  [
    'an unknown length beside none',
    () => input('z', [0, 3]).reshape([0, -1]),
    /^reshape of 'z' \(input, shape \[0, 3\]\): to \[0, -1\]: the other lengths hold no numbers, so -1 could be anything/,
  ],
  [
    'an unknown length that is not whole',
    () => x.reshape([4, -1]),
    /^reshape of 'x' .*: to \[4, -1\]: 6 numbers do not divide by 4$/,
  ],
  [
    'where of a flag',
    () => library.where(any(true), x, 0),
    /^where: the condition is true, expected a Value$/,
  ],
  [
    'where of a text',
    () => library.where(x.gt(0), any('a'), 0),
    /^where of #\d+ \(gt, shape \[2, 3\]\): expected a Value or a number, got "a"/,
  ],
  [
    'where of shapes',
    () => library.where(x.gt(0), v, 0),
    /^where of #\d+ \(gt, shape \[2, 3\]\) and 'v' \(parameter, shape \[4\]\) and 0: shapes .* do not broadcast/,
  ],
  [
    'a module without a generator',
    () => new nn.Linear(3, 4, any({})),
    /^Linear: random undefined: expected a Random .*new Random\(42\)/,
  ],
  [
    'a module without options',
    () => new nn.GRU(3, 4, any(undefined)),
    /^GRU: options undefined: expected an object \{ random, name, initializer \}/,
  ],
  [
    'an initialiser that is none',
    () => new nn.Linear(3, 4, { random, initializer: any('zeros') }),
    /^Linear: initializer "zeros": expected a function/,
  ],
  [
    'an index of two axes',
    () => index('t', any([8, 32])),
    /^index 't': length \[8, 32\]: an index has one axis: give its length/,
  ],
  ['compile of nothing', () => compile(any(null)), /^compile: the root is null, expected a Value/],
  [
    'a loss that is an index',
    () => sgd.minimize(any(i)),
    /^minimize: the loss is 'i' \(index, shape \[2\]\), expected a Value/,
  ],
  [
    'a model',
    () => library.buildModel(any('rnn-att'), 4, {}, random),
    /^model "rnn-att": expected scalar, vector, rnn, rnn_att; did you mean rnn_att\?/,
  ],
  ['a Gaussian of a text', () => random.gauss(any('0')), /^mu "0": expected a number/],
  [
    'clip',
    () => x.clip(v, 1),
    /^clip of 'x' \(parameter, shape \[2, 3\]\) and 'v' \(parameter, shape \[4\]\) and 1: shapes/,
  ],
  ['lt', () => x.lt(v), /^lt of 'x' .* and 'v' .*: shapes/],
  ['le', () => x.le(any(null)), /^le of 'x' .*: expected a Value or a number, got null/],
  ['ne', () => x.ne(v), /^ne of 'x' .* and 'v' /],
  ['mean', () => x.mean(2), /^mean of 'x' .*: axis 2 does not exist in shape \[2, 3\]$/],
  ['variance', () => library.variance(x, 2), /^variance of 'x' .*: axis 2 does not exist/],
  ['std', () => library.std(x, 2), /^std of 'x' .*: axis 2 does not exist/],
  ['logSumExp', () => library.logSumExp(x, 2), /^logSumExp of 'x' .*: axis 2 does not exist/],
  [
    'logSumExp of nothing',
    () => library.logSumExp(empty, 2),
    /^logSumExp of 'empty' .*: axis 2 does not exist/,
  ],
  ['logSoftmax', () => library.logSoftmax(x, 2), /^logSoftmax of 'x' .*: axis 2 does not exist/],
  [
    'logSoftmax of a number',
    () => library.logSoftmax(x.sum()),
    /^logSoftmax of #\d+ \(sum, shape \[\]\): axis -1 does not exist/,
  ],
  ['softmax', () => x.softmax(2), /^softmax of 'x' .*: axis 2 does not exist/],
  [
    'layerNorm',
    () => library.layerNorm(x.sum()),
    /^layerNorm of #\d+ \(sum, shape \[\]\): axis -1 does not exist/,
  ],
  ['gather along an axis', () => x.gather(i, 2), /^gather of 'x' .* and 'i' .*: axis 2 does not exist/],
  [
    'gather of an array',
    () => x.gather(any([0, 1])),
    /^gather of 'x' .*: the index is an array, expected an Index/,
  ],
  [
    'embedding',
    () => library.embedding(x.sum(), i),
    /^embedding of #\d+ \(sum, shape \[\]\) and 'i' .*: a single number has no axis/,
  ],
  [
    'embedding of no index',
    () => library.embedding(x, any(0)),
    /^embedding of 'x' .*: the index is 0, expected an Index/,
  ],
  [
    'stack along an axis',
    () => library.stack([x, x], 3),
    /^stack of 'x' .* and 'x' .*: axis 3 does not exist in shape \[2, 2, 3\]/,
  ],
  [
    'vstack',
    () => library.vstack([v, x]),
    /^vstack of 'v' .* and 'x' .*: shapes \[1, 4\] and \[2, 3\] along axis 0/,
  ],
  ['vstack of nothing', () => library.vstack([]), /^vstack: there are no operands/],
  [
    'meanOfFirst',
    () => library.meanOfFirst([x, v], index('n')),
    /^meanOfFirst of 'x' .* and 'v' .*: shapes \[2, 3\] and \[4\]: all must be equal/,
  ],
  [
    'meanOfFirst of nothing',
    () => library.meanOfFirst([], index('n')),
    /^meanOfFirst .*: there are no operands/,
  ],
  [
    'meanOfFirst of a number',
    () => library.meanOfFirst([x], any(1)),
    /^meanOfFirst of 'x' .*: operand 1 is 1, expected an Index/,
  ],
  ['choose of nothing', () => library.choose([], index('n')), /^choose of 'n' .*: there are no operands/],
  ['split', () => library.split(x, 2, 5), /^split of 'x' .*: axis 5 does not exist/],
  ['squeeze', () => x.squeeze(5), /^squeeze of 'x' .*: axis 5 does not exist/],
  ['silu', () => library.silu(any(3)), /^silu: x is 3, expected a Value/],
  [
    'a Random for the options of a layer',
    () => new nn.Linear(2, 2, any(random)),
    /^Linear: options an object of class "Random": expected a plain object \{ random, /,
  ],
  [
    'a Value for options',
    () => library.variance(x, 0, any(x)),
    /^variance: options 'x' \(parameter, shape \[2, 3\]\): expected an object \{ ddof, /,
  ],
  [
    'an initializer that is not called',
    () => new nn.Linear(2, 2, { random, initializer: any(nn.initializers.normal) }),
    /^Linear: initializer normal makes an initializer but is not one: call it, as in initializer: normal\(\)$/,
  ],
  [
    'zeros that are not called',
    () => new nn.Embedding(2, 2, { random, initializer: any(nn.initializers.zeros) }),
    /^Embedding: initializer zeros makes an initializer/,
  ],
  [
    'heNormal that is not called',
    () => new nn.GRU(2, 2, { random, initializer: any(nn.initializers.heNormal) }),
    /^GRU: initializer heNormal makes an initializer/,
  ],
  [
    'a schedule that is not called',
    () => new SGD({ learningRate: any(library.schedules.linear) }),
    /^learningRate linear makes a schedule but is not one: call it, as in learningRate: linear\(\.\.\.\)$/,
  ],
  [
    'decay that is not called',
    () => new Adam({ learningRate: any(library.decay) }),
    /^learningRate decay makes a schedule but is not one/,
  ],
  [
    'an element of an index from the end',
    () => i.at(-1),
    /^at\(-1\) of 'i' .*: no such element: expected an element from 0 to 1; counted from the end it is at\(1\)$/,
  ],
  [
    'an element of one integer',
    () => index('one').at(0),
    /^at\(0\) of 'one' .*: no such element: it is a single integer$/,
  ],
  [
    'a Value for a list',
    () => library.concat(any(x)),
    /^concat: expected an array of Values, got 'x' \(parameter, shape \[2, 3\]\)/,
  ],
  [
    'a Value for a list of gradients',
    () => library.grad(x.sum(), any(x)),
    /^grad: expected an array of Values, got 'x' \(parameter/,
  ],
  ...[
    () => new library.Value(any(undefined)),
    () => new library.Value(any(2)),
    () => new library.Value(any([1, 2])),
    () => new library.Value(any(x)),
    () => new library.Index(any('i'), any(3)),
  ].map((call): (typeof MISLEADING)[number] => [
    'a Value or an Index by new',
    call,
    /^a Value is made by parameter\(\), input\(\), constant\(\) or an operator, and an Index by index\(\)/,
  ]),
  [
    'a Value for a sequence',
    () => sgd.minimize(x.sum(), { sequence: any(x) }),
    /^sequence: expected an array of arrays of Values, got 'x' \(parameter, shape \[2, 3\]\)$/,
  ],
  [
    'null for a sequence',
    () => sgd.minimize(x.sum(), { sequence: any(null) }),
    /^sequence: expected an array of/,
  ],
  [
    'an array of Values for a sequence',
    () => sgd.minimize(x.sum(), { sequence: any([x]) }),
    /^sequence\[0\]: expected an array of Values, got 'x'/,
  ],
  [
    'a power of a Value',
    () => x.pow(any(v)),
    /^pow of 'x' \(.*\): the exponent must be fixed: expected a number, got 'v' \(parameter, shape \[4\]\)$/,
  ],
  [
    'a power of NaN',
    () => x.pow(NaN),
    /^pow of 'x' \(.*\): the exponent must be fixed: expected a number that is not NaN, got NaN$/,
  ],
  [
    'a slice by an index',
    () => x.slice(any(i), 2),
    /^slice of 'x' \(.*\): a bound is 'i' \(index, shape \[2\]\), expected an integer; rows by index are x\.gather/,
  ],
  [
    'a parameter of a Value',
    () => parameter(any(v)),
    /^parameter: 'v' \(parameter, shape \[4\]\): expected a number, or arrays of numbers$/,
  ],
  [
    'a parameter of an array of Values',
    () => parameter(any([v]), { name: 'w' }),
    /^parameter 'w': element \[0\] is 'v' \(parameter, shape \[4\]\): expected a number/,
  ],
  ...[[[1]], [[1, 0]], [[1], [0]], [Int32Array.of(1)]].map((one): (typeof MISLEADING)[number] => [
    'nested arrays for a single index',
    () => x.at(index('one')).forward({ one: any(one) }),
    /^input 'one': nested arrays for 'one' \(index, shape \[\]\), which takes 1 integer$/,
  ]),
  [
    'the largest k of nothing',
    () => parameter([]).topk(0),
    /^topk of #\d+ \(parameter, shape \[0\]\): k 0 of 0 numbers: there are none to take from$/,
  ],
  [
    'a parameter of numbers that were transferred away',
    () => {
      const gone = new Float64Array(2);
      structuredClone(gone, { transfer: [gone.buffer] });
      parameter(gone, { name: 'w' });
    },
    /^parameter 'w': the memory of a Float64Array was transferred away: expected numbers$/,
  ],
  [
    'at of a list',
    () => x.at(any([0, 1])),
    /^at of 'x' .*: the index is an array, expected a number or an Index$/,
  ],
  ['lt', () => x.lt(v), /^lt of 'x' .* and 'v' .*: shapes \[2, 3\] and \[4\] do not broadcast: 3 against 4/],
  [
    'le',
    () => library.le(x, v),
    /^le of 'x' .* and 'v' .*: shapes \[2, 3\] and \[4\] do not broadcast: 3 against 4/,
  ],
  [
    'crossEntropy of no classes',
    () => empty.crossEntropy(i),
    /^crossEntropy of 'empty' .* and 'i' .*: \[2, 0\] has no classes/,
  ],
  ['tensordot', () => library.tensordot(x, any([1])), /^tensordot: b is an array, expected a Value/],
  ['add', () => x.add(any([1, 2, 3])), /^add of 'x' .*: expected a Value or a number, got an array/],
  [
    'a constant of an array',
    () => library.constant(any([1, 2])),
    /^constant an array: expected one number; .*parameter\(numbers\)\.detach\(\)/,
  ],
  [
    'a parameter of texts',
    () =>
      parameter(
        any([
          [1, 2],
          [3, '4'],
        ]),
        { name: 'w' },
      ),
    /^parameter 'w': element \[1, 1\] is "4": expected a number/,
  ],
  [
    'ragged numbers',
    () => parameter([[1, 2], [3]], { name: 'w' }),
    /^parameter 'w': nested arrays of unequal lengths: the first at each depth have shape \[2, 2\]/,
  ],
  [
    'Linear',
    () => new nn.Linear(3, 4, { random }).apply(v),
    /^Linear\.apply of 'v' .*: expected shape \[\.\.\., 3\]$/,
  ],
  [
    'RNN',
    () => new nn.RNN(3, 4, { random }).step(v),
    /^RNN\.step of 'v' .*: expected shape \[3\] or \[samples, 3\]/,
  ],
  [
    'LSTM without a state',
    () => new nn.LSTM(4, 2, { random }).step(v, any({})),
    /^LSTM\.step of 'v' .*: state h is undefined, expected a Value/,
  ],
  [
    'a fraction below zero for an axis',
    () => x.sum(-0.5),
    /^sum of 'x' .*: axis -0\.5 does not exist in shape \[2, 3\]$/,
  ],
  [
    'a fraction below zero for an axis of a slice',
    () => x.slice(0, 1, -1.5),
    /^slice of 'x' .*: axis -1\.5 does not exist/,
  ],
  [
    'a text fed',
    () => fed.forward({ fed: 'ab' as never }),
    /^input 'fed': "ab" for 'fed' .*, which needs 2 numbers$/,
  ],
  [
    'NaN fed for several',
    () => fed.forward({ fed: NaN }),
    /^input 'fed': one number, NaN, for 'fed' .*, which needs 2 numbers$/,
  ],
  [
    'more threads than can be counted',
    () =>
      sgd
        .minimize(x.matmul(fed.reshape([2, 1]).broadcastTo([2, 3]).transpose()).sum(), { batches: true })
        .stepBatch([{ fed: [1, 2] }], { threads: 2 ** 31 }),
    /^threads 2147483648: expected an integer from 1 to 1073741824$/,
  ],
  [
    'a text for a temperature',
    () => sampled({ temperature: '1' }),
    /^temperature "1": expected a finite number above zero$/,
  ],
  ['an array for a count', () => sampled({ count: [1, 2] }), /^count an array: expected an integer from 0$/],
  ['a text for topK', () => sampled({ topK: '3' }), /^topK "3": expected an integer from 1$/],
  [
    'null for a prefix',
    () => sampled({ prefix: null }),
    /^prefix null: expected a string or an array of tokens$/,
  ],
  [
    'a token that is none',
    () => sampled({ prefix: ['a'] }),
    /^the prefix has a token "a": tokens of characters go from 0 to/,
  ],
  [
    'a last integer beyond what is counted',
    () => stopping({ stop: 2 ** 31 }),
    /^stop 2147483648: expected an integer from 0 to 1073741824$/,
  ],
  ['a prefix of numbers', () => stopping({ prefix: [1] }), /^prefix: an array, expected an Int32Array$/],
  [
    'documents that are none',
    () => new library.Tokenizer(any(7)),
    /^the documents are 7: expected an array of strings$/,
  ],
  [
    'a corpus of arrays',
    () => new library.Corpus(any([1, 2]), Int32Array.of(0, 1)),
    /^Corpus: an array and an Int32Array: expected two Int32Arrays/,
  ],
  [
    'the state of a generator',
    () => {
      new Random(1).setstate(any([1]));
    },
    /^setstate takes the 628 words that getstate returned, not an array$/,
  ],
  [
    'a document behind the last',
    () => tokenizer.corpus(['ab'], Int32Array.of(5)),
    /^the documents' numbers: \[0\] is 5: expected a document from 0 to 0$/,
  ],
  [
    'a document of none',
    () => tokenizer.corpus([], Int32Array.of(0)),
    /^the documents' numbers: \[0\] is 0: there are no documents$/,
  ],
  [
    'a set to shuffle',
    () => random.shuffle(any(new Set([1, 2]))),
    /^shuffle: length of the list undefined: expected an integer from 0/,
  ],
  [
    'the gradients of an index',
    () => library.grad(any(i), [x]),
    /^grad: the root is 'i' \(index, shape \[2\]\), expected a Value$/,
  ],
  [
    'what loadModel gives as the model',
    () => library.sample(any({ model: rnn, tokenizer }), tokenizer, random, { count: 1, temperature: 1 }),
    /^sampling: logits of the model undefined: expected a model made by buildModel; of what loadModel gives, take model$/,
  ],
  [
    'a temperature too small to divide by',
    () => sampled({ temperature: 1e-310 }),
    /^temperature 1e-310: too small to divide by, expected at least 1e-38$/,
  ],
  [
    'a state of a graph that was built again',
    () => {
      const loss = (): library.Value => parameter(1).mul(2);
      sgd.minimize(loss()).restore(sgd.minimize(loss()).state());
    },
    /^restore: the state is of other parameters than the 1 that this training changes: .* load a checkpoint$/,
  ],
  [
    'a state of other rates',
    () => {
      const taken = new SGD({ learningRate: library.schedules.linear(1, 0, 5) }).minimize(frozen.sum());
      taken.step({});
      const longer = new SGD({ learningRate: library.schedules.linear(2, 0, 9) }).minimize(frozen.sum());
      longer.restore(taken.state());
    },
    /^restore: step 1 was taken with rates 1, 0, but here, in float64, they are 2, 0: .*number of steps of its schedule/,
  ],
  [
    'arrays by name in an object',
    () => library.writeSafetensors(any({ a: 1 })),
    /^writeSafetensors: an object and a Map: expected two Maps/,
  ],
  [
    'a model without a name to save',
    () => {
      library.saveModel('none', any({ ...rnn, name: 'lstm' }), tokenizer);
    },
    /^the model's name "lstm": expected scalar, vector, rnn, rnn_att: give a model made by buildModel$/,
  ],
  [
    'a model without a size to save',
    () => {
      library.saveModel('none', any({ ...rnn, sizes: { ...rnn.sizes, nEmbd: '4' } }), tokenizer);
    },
    /^the model's size nEmbd "4": expected an integer: give a model/,
  ],
  [
    'a model without matrices to save',
    () => {
      library.saveModel('none', any({ ...rnn, matrices: 3 }), tokenizer);
    },
    /^the model's matrices 3: expected an array: give a model/,
  ],
  [
    'a model with a matrix without a name',
    () => {
      library.saveModel('none', any({ ...rnn, matrices: [{ shape: [1] }] }), tokenizer);
    },
    /^a matrix of the model has the name undefined and the shape an array: give/,
  ],
  [
    'SelfAttention',
    () => new nn.SelfAttention(4, 2, { random }).apply(v),
    /^SelfAttention\.apply of 'v' .*: expected shape \[\.\.\., positions, 4\]/,
  ],
];

describe('a mistake that once passed in silence is refused:', () => {
  for (const [title, call, says] of SILENT) {
    it(title, () => assert.throws(call, (error: Error) => (assert.match(error.message, says), true)));
  }

  for (const shape of [[], [1], [1, 1]]) {
    it(`but not a loss of shape [${shape.join(', ')}], which is one number`, () => {
      const p = parameter(3);
      const training = sgd.minimize(p.mul(p).reshape(shape));
      assert.equal(training.step({}), 9);
      assert.ok(Math.abs(p.data[0]! - 2.4) < 1e-12);
    });
  }

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

describe('an error names a node by the operator that was written:', () => {
  const p = parameter([1, 2]);
  const rows: [op: string, node: library.Value][] = [
    ['sqrt', p.sqrt()],
    ['pow', p.pow(2)],
    ['lt', p.lt(1)],
    ['le', p.le(1)],
    ['ne', p.ne(1)],
    ['where', library.where(p, 1, 2)],
    ['clip', p.clip(0, 1)],
    ['mean', p.mean(0)],
    ['min', p.min(0)],
    ['meanOfFirst', library.meanOfFirst([p, p], index('n'))],
    ['at', p.at(0)],
    ['at', p.at(index('i'))],
    ['expandDims', p.expandDims(0)],
    ['squeeze', p.expandDims(0).squeeze()],
    ['squeeze', p.expandDims(0).squeeze(0)],
    ['softmax', p.reshape([2, 1]).softmax(0)],
    ['gather', p.reshape([1, 2]).gather(index('i'), 1)],
    ['sum', p.sum(0, true)],
    ['max', p.max(0, true)],
    ['stack', library.stack([p, p], 1)],
    ['zeros', library.zeros([2])],
  ];
  for (const [op, { label, id, shape }] of rows)
    it(op, () => assert.equal(label, `#${id} (${op}, shape [${shape.join(', ')}])`));
});

describe('a message that once misled names what was called:', () => {
  for (const [title, call, says] of MISLEADING) {
    it(title, () => assert.throws(call, (error: Error) => (assert.match(error.message, says), true)));
  }

  it('train of a size that is a list, and a checkpoint of losses that are', async () => {
    const nested: unknown[] = [];
    nested.push(nested);
    const model = { ...rnn, sizes: { ...rnn.sizes, vocabSize: nested } };
    await assert.rejects(
      library.train(any(model), ['ab', 'ba']),
      /^DataError: the documents have 3 tokens, the model was built for an array: give/,
    );
    const training = rnn.optimizer(1).minimize(rnn.loss);
    training.step({ tokens: [0, 1], targets: [1, 2], length: 2 });
    assert.throws(() => {
      library.saveCheckpoint('none', rnn, tokenizer, { training, random, losses: any([nested]) });
    }, /^TypeError: saveCheckpoint: losses\[0\] an array: expected a number$/);
  });

  it('of a bounded length, however many operands there are', () => {
    const many = Array.from({ length: 10_000 }, () => parameter(1));
    assert.throws(
      () => library.stack([...many, x]),
      (error: Error) => error.message.length < 1000 && /and 9993 more: shapes/.test(error.message),
    );
  });

  it('stepBatch of a number', () => {
    const single = new SGD({ learningRate: 0.1 }).minimize(x.matmul(parameter([1, 2, 3])).sum());
    if (single.program.counts.instructions > 0)
      assert.throws(
        () => single.stepBatch(any(3)),
        /^TypeError: the examples of a batch: 3, expected an array of feeds/,
      );
  });
});

describe('feeds', () => {
  const a = input('a', [2, 2]);
  const rows = index('rows', 2);
  const length = index('length');
  const w = parameter(
    [
      [1, 2],
      [3, 4],
    ],
    { name: 'w' },
  );
  const loss = a.mul(w).sum().add(w.gather(rows).sum());
  const counted = library.meanOfFirst([w.at(rows.at(0)).sum(), w.at(rows.at(1)).sum()], length);
  const right = { a: [1, 2, 3, 4], rows: [0, 1] };
  const numbers = Float64Array.of(1, 2, 3, 4, 1, 2, 3, 4);
  const columns = { a: { values: numbers }, rows: { values: Int32Array.of(0, 1, 1, 0) } };
  const make = (): library.Training => sgd.minimize(loss, { batches: true });

  it('take nested arrays of the shape of an input, as parameter does', () => {
    const flat = loss.forward(right)[0]!;
    for (const nested of [
      [
        [1, 2],
        [3, 4],
      ],
      [Float64Array.of(1, 2), Float64Array.of(3, 4)],
    ])
      assert.equal(loss.forward({ ...right, a: nested })[0], flat);
    const training = make();
    assert.equal(
      training.evaluate({
        ...right,
        a: [
          [1, 2],
          [3, 4],
        ],
      }),
      flat,
    );
    assert.equal(
      training.stepBatch([
        {
          ...right,
          a: [
            [1, 2],
            [3, 4],
          ],
        },
      ]),
      flat,
    );
    assert.equal(
      input('e', [2, 0])
        .sum()
        .forward({ e: [[], []] })[0],
      0,
    );
    assert.equal(
      input('o', [1, 1])
        .sum()
        .forward({ o: [[5]] })[0],
      5,
    );
    library.gradCheck(a.mul(a), {
      a: [
        [1, 2],
        [3, 4],
      ],
    });
  });

  /** What each way of feeding says. */
  const WAYS: Readonly<Record<string, (given: Record<string, unknown>) => unknown>> = {
    forward: (given) => loss.forward(given as library.Feeds),
    step: (given) => make().step(given as library.Feeds),
    evaluate: (given) => make().evaluate(given as library.Feeds),
    stepBatch: (given) => make().stepBatch([given as library.Feeds]),
  };
  const REFUSED: [title: string, feeds: Record<string, unknown>, says: RegExp][] = [
    [
      'nested arrays of another shape',
      { ...right, a: [[1, 2, 3, 4]] },
      /input 'a': nested arrays of shape \[1, 4\] for 'a' \(input, shape \[2, 2\]\): feed nested arrays of its shape, or 4 numbers in one flat array$/,
    ],
    [
      'ragged arrays',
      { ...right, a: [[1, 2], [3]] },
      /input 'a': nested arrays of unequal lengths: the first at each depth have shape \[2, 2\]: feed 'a'/,
    ],
    [
      'a text in nested arrays',
      {
        ...right,
        a: [
          [1, 2],
          [3, '4'],
        ],
      },
      /input 'a': element \[1, 1\] is "4": expected a number/,
    ],
    [
      'nested arrays for an index',
      { ...right, rows: [[0, 1]] },
      /input 'rows'.*nested arrays for 'rows' \(index, shape \[2\]\): an index has one axis: feed it one flat array$/,
    ],
    [
      'nested arrays for an index of as many',
      { ...right, rows: [[0], [1]] },
      /input 'rows'\[0\] = .*; an index has one axis: feed it one flat array$/,
    ],
    [
      'another batch',
      { ...right, a: [1, 2, 3, 4, 5, 6] },
      /input 'a': 6 numbers for 'a' \(input, shape \[2, 2\]\), which needs 4 numbers; that is 3 rows of 2, not 2: the batch size is fixed in the graph, so build it for 3 rows, .* stepBatch$/,
    ],
    [
      'another batch, nested',
      { ...right, a: [[1, 2]] },
      /input 'a': nested arrays of shape \[1, 2\] .*; that is 1 row of 2, not 2: the batch size/,
    ],
    [
      'another batch of indices',
      { ...right, rows: [0, 1, 1] },
      /input 'rows': 3 integers for 'rows' .*which takes 2; its length is fixed in the graph: index\('rows', 3\)$/,
    ],
    [
      'nested arrays behind a number',
      { ...right, a: [1, [2, 3], 4] },
      /input 'a': nested arrays for 'a' .*, which needs 4 numbers$/,
    ],
    [
      'an array in the place of a number',
      { ...right, a: [1, [2], 3, 4] },
      /input 'a'\[1\] is an array: feed 'a'/,
    ],
    ['a hole', { ...right, a: [1, undefined, 3, 4] }, /input 'a'\[1\] is undefined: feed/],
    [
      'a Value',
      { ...right, a: w },
      /input 'a': 'w' \(parameter, shape \[2, 2\]\) for 'a' .*, which needs 4 numbers$/,
    ],
    [
      'an Index',
      { ...right, rows },
      /input 'rows': 'rows' \(index, shape \[2\]\) for 'rows' .*, which takes 2 integers$/,
    ],
    [
      'no index of a list',
      { ...right, rows: [] },
      /input 'rows': 0 integers for 'rows' .*, of which this run needs at least 2$/,
    ],
    [
      'a misspelt index',
      { a: right.a, row: [0, 1] },
      /no input is named 'row'; did you mean rows\? This program's inputs: 'a', 'rows'$/,
    ],
    [
      'a misspelt input beside the right one',
      { ...right, Rows: [0, 1] },
      /no input is named 'Rows'; did you mean rows\?/,
    ],
  ];
  for (const [title, given, says] of REFUSED) {
    for (const [way, run] of Object.entries(WAYS)) {
      it(`of ${way} refuse ${title}`, () =>
        assert.throws(
          () => run(given),
          (error: Error) => (assert.ok(error instanceof FeedError), assert.match(error.message, says), true),
        ));
    }
  }

  it('say which length was misspelt', () => {
    assert.throws(
      () => counted.forward({ rows: [0, 1], lenght: 2 }),
      /^FeedError: no input is named 'lenght'; did you mean length\? This/,
    );
    assert.throws(() => counted.forward({ rows: [0, 1] }), /^FeedError: input 'length' is missing/);
    assert.throws(
      () =>
        sgd.minimize(counted).stepEach({ count: 1, inputs: { rows: columns.rows, lenght: columns.rows } }),
      /no input is named 'lenght'; did you mean length\?/,
    );
  });

  it('that are an array say what they should be', () => {
    assert.throws(
      () => loss.forward(any([1, 2])),
      /^FeedError: the feeds are an array: expected an object with numbers for each input, \{ a, rows \}/,
    );
  });

  it('that are another object say what they should be', () => {
    const expected = /expected an object with numbers for each input, \{ a, rows \}$/;
    for (const [given, what] of [
      [new Map(Object.entries(right)), /^FeedError: the feeds are a Map: /],
      [new Set([1]), /the feeds are a Set: /],
      [w, /^FeedError: the feeds are 'w' \(parameter, shape \[2, 2\]\): /],
      [a, /the feeds are 'a' \(input/],
      [rows, /the feeds are 'rows' \(index/],
      [[], /the feeds are an array: /],
      [new Float64Array(4), /the feeds are a Float64Array: /],
    ] as const) {
      for (const run of [
        () => loss.forward(any(given)),
        () => make().step(any(given)),
        () => make().evaluate(any(given)),
        () => make().stepBatch([any(given)]),
      ]) {
        assert.throws(
          run,
          (error: Error) => (
            assert.match(String(error), /example 0/.test(error.message) ? /the feeds are/ : what),
            assert.match(error.message, expected),
            true
          ),
        );
      }
    }
  });

  it('of a batch name the document', () => {
    assert.throws(
      () => make().stepBatch([right, { rows: [0, 1] }]),
      /^FeedError: example 1: input 'a' is missing/,
    );
  });

  const COLUMNS: [title: string, dataset: unknown, says: RegExp][] = [
    [
      'a bare array',
      { count: 2, inputs: { ...columns, a: [1, 2, 3, 4, 1, 2, 3, 4] } },
      /^input 'a': its column is an array, expected an object \{ values \} .*\{ values: Float64Array\.from\(\.\.\.\) \}/,
    ],
    [
      'a bare typed array',
      { count: 2, inputs: { ...columns, rows: Int32Array.of(0, 1, 1, 0) } },
      /^input 'rows': its column is an Int32Array, expected .*Int32Array\.from/,
    ],
    [
      'nested arrays',
      {
        count: 2,
        inputs: {
          ...columns,
          a: {
            values: [
              [1, 2],
              [3, 4],
            ],
          },
        },
      },
      /^input 'a': nested arrays: 'a' .* needs a column of Float64Array or Float32Array: all rows in one flat array, Float64Array\.from\(rows\.flat\(\)\)/,
    ],
    [
      'a text',
      { count: 2, inputs: { ...columns, a: 'ab' } },
      /^input 'a': its column is "ab", expected an object \{ values \}/,
    ],
    [
      'a function',
      { count: 2, inputs: { ...columns, a: () => 1 } },
      /^input 'a': its column is a function, expected an object \{ values \}/,
    ],
    [
      'a Map',
      { count: 2, inputs: { ...columns, a: new Map() } },
      /^input 'a': its column is a Map, expected an object \{ values \}/,
    ],
    [
      'values that are a flat array',
      { count: 2, inputs: { ...columns, a: { values: [1, 2, 3, 4, 1, 2, 3, 4] } } },
      /^input 'a': values an array: 'a' .* needs a column of Float64Array or Float32Array: all rows in one flat array, Float64Array\.from\(values\)$/,
    ],
    [
      'integers for numbers',
      { count: 2, inputs: { ...columns, a: { values: Int32Array.of(1, 2, 3, 4, 1, 2, 3, 4) } } },
      /^input 'a': values an Int32Array: .*Float64Array\.from\(values\)$/,
    ],
    [
      'numbers for integers',
      { count: 2, inputs: { ...columns, rows: { values: Float64Array.of(0, 1, 1, 0) } } },
      /^input 'rows': values a Float64Array: .*Int32Array\.from\(values\)$/,
    ],
    [
      'no values',
      { count: 2, inputs: { ...columns, a: {} } },
      /^input 'a': values undefined: .*Float64Array\.from\(\.\.\.\)$/,
    ],
    [
      'starts of numbers that are too far on',
      { count: 2, inputs: { ...columns, a: { values: numbers, starts: Int32Array.of(0, 5) } } },
      /^example 1: input 'a': starts\[1\] is 5, and from there this run needs 4 numbers for 'a' \(input, shape \[2, 2\]\), but its column has 8 values: give more values, or another start$/,
    ],
    [
      'starts that are floats',
      { count: 2, inputs: { ...columns, a: { values: numbers, starts: Float64Array.of(0, 4) } } },
      /^input 'a': starts a Float64Array: expected an Int32Array/,
    ],
    ['nothing', undefined, /^a dataset: undefined: expected an object \{ count, inputs \}/],
    ['an array of feeds', [right, right], /^a dataset: an array: expected an object \{ count, inputs \}/],
    [
      'inputs that are an array',
      { count: 2, inputs: [columns] },
      /^inputs an array: expected an object with a column for each input$/,
    ],
    [
      'inputs that are a Map',
      { count: 2, inputs: new Map(Object.entries(columns)) },
      /^inputs a Map: expected an object with a column for each input$/,
    ],
    [
      'a misspelt key of a column',
      { count: 2, inputs: { ...columns, a: { valeus: numbers } } },
      /^the column of input 'a': there is no option "valeus"; did you mean values\?/,
    ],
    [
      'a column of a class',
      {
        count: 2,
        inputs: {
          ...columns,
          a: new (class Numbers {
            values = numbers;
            get start() {
              return 0;
            }
          })(),
        },
      },
      /^the column of input 'a': options an object of class "Numbers": expected a plain object \{ values, starts \}/,
    ],
    [
      'a dataset of a class',
      new (class Names {
        count = 2;
        inputs = columns;
      })(),
      /^a dataset: options an object of class "Names": expected a plain object \{ count, inputs \}/,
    ],
    [
      'a misspelt key of a dataset',
      { cuont: 2, inputs: columns },
      /^a dataset: there is no option "cuont"; did you mean count\?/,
    ],
    [
      'a misspelt input',
      { count: 2, inputs: { a: columns.a, row: columns.rows } },
      /^no input is named 'row'; did you mean rows\?/,
    ],
    [
      'starts that are no Int32Array',
      { count: 2, inputs: { ...columns, rows: { ...columns.rows, starts: [0, 2] } } },
      /^input 'rows': starts an array: expected an Int32Array/,
    ],
    [
      'values too short behind starts',
      {
        count: 2,
        inputs: { ...columns, rows: { values: Int32Array.of(0, 1, 1), starts: Int32Array.of(0, 2) } },
      },
      /^example 1: input 'rows': starts\[1\] is 2, and from there this run needs 2 integers for 'rows' \(index, shape \[2\]\), but its column has 3 values: give more values, or another start$/,
    ],
    [
      'a start below 0',
      { count: 2, inputs: { ...columns, rows: { ...columns.rows, starts: Int32Array.of(0, -1) } } },
      /^example 1: input 'rows': starts\[1\] is -1, and from there this run needs 2 integers/,
    ],
    [
      'a start behind the end',
      { count: 2, inputs: { ...columns, rows: { ...columns.rows, starts: Int32Array.of(0, 9) } } },
      /^example 1: input 'rows': starts\[1\] is 9, /,
    ],
    ['too few numbers', { count: 3, inputs: columns }, /^input '(a|rows)': \d+ numbers for 3 examples/],
  ];
  for (const [title, dataset, says] of COLUMNS) {
    it(`of stepEach, stepEachAsync and evaluateEach refuse ${title}`, async () => {
      const check = (error: Error): true => (assert.match(error.message, says), true);
      assert.throws(() => make().stepEach(any(dataset)), check);
      assert.throws(() => make().evaluateEach(any(dataset)), check);
      await assert.rejects(make().stepEachAsync(any(dataset)), check);
    });
  }

  it('of stepEach and stepEachAsync may be inherited', async () => {
    const dataset = { count: 2, inputs: Object.create(columns) as typeof columns };
    assert.equal(make().stepEach(dataset).length, 2);
    assert.equal((await make().stepEachAsync(dataset)).length, 2);
  });

  it('of lengths that start behind the end are refused', () => {
    const { rows: column } = columns;
    for (const start of [7, -1]) {
      const inputs = {
        rows: column,
        length: { values: Int32Array.of(1, 2), starts: Int32Array.of(0, start) },
      };
      assert.throws(
        () => sgd.minimize(counted).stepEach({ count: 2, inputs }),
        new RegExp(
          `^FeedError: example 1: input 'length': starts\\[1\\] is ${start}, and from there this run ` +
            'needs an integer, the length, but its column has 2 values',
        ),
      );
    }
  });

  it('of stepEach may lie in shared memory, as those of step may', () => {
    const shared = <A extends Float64Array | Int32Array>(array: A): A => {
      const copy = new (array.constructor as new (buffer: SharedArrayBuffer) => A)(
        new SharedArrayBuffer(array.byteLength),
      );
      copy.set(array);
      return copy;
    };
    const p = parameter([1, 2], { name: 'p' });
    const own = (): library.Training =>
      new SGD({ learningRate: 0.1 }).minimize(
        library.meanOfFirst([p.at(index('t', 1).at(0)), p.mul(input('z', [2])).sum()], index('n')),
      );
    const inputs = {
      t: { values: Int32Array.of(0, 1, 1), starts: Int32Array.of(0, 2) },
      z: { values: Float64Array.of(1, 2, 3, 4) },
      n: { values: Int32Array.of(1, 2) },
    };
    const whole = {
      t: { values: shared(inputs.t.values), starts: shared(inputs.t.starts) },
      z: { values: shared(inputs.z.values) },
      n: { values: shared(inputs.n.values) },
    };
    const expected = own().stepEach({ count: 2, inputs });
    p.data.set([1, 2]);
    assert.deepEqual(own().stepEach({ count: 2, inputs: whole }), expected);
    p.data.set([1, 2]);
    assert.deepEqual(own().evaluateEach({ count: 2, inputs: whole }).length, 2);
  });
});

describe('one AbortSignal', () => {
  const many = async (controller: AbortController): Promise<PromiseSettledResult<Float64Array>[]> => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const values = new Float64Array(40_000).fill(1);
    const trainings = Array.from({ length: 24 }, () => {
      const training = new SGD({ learningRate: 1e-9 }).minimize(parameter(1).mul(input('z')));
      return training.stepEachAsync({ count: values.length, inputs: { z: { values } } }, 0, values.length, {
        signal: controller.signal,
      });
    });
    if (controller.signal.reason === undefined) setTimeout(() => controller.abort(), 1);
    const results = await Promise.allSettled(trainings);
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off('warning', note);
    assert.deepEqual(warnings, []);
    return results;
  };

  it('stops two dozen trainings without a warning of a leak', async function () {
    const results = await many(new AbortController());
    const reasons = results
      .filter(({ status }) => status === 'rejected')
      .map((result) => (result as PromiseRejectedResult).reason as Error);
    assert.ok(reasons.length > 0);
    for (const { name } of reasons) assert.equal(name, 'AbortError');
  });

  it('can be given to one training after another', async function () {
    const { signal } = new AbortController();
    const training = new SGD({ learningRate: 1e-9 }).minimize(parameter(1).mul(input('z')));
    for (let i = 0; i < 30; i++) {
      await training.stepEachAsync({ count: 1, inputs: { z: { values: Float64Array.of(1) } } }, 0, 1, {
        signal,
      });
    }
    assert.equal(training.steps, 30);
  });
});
