/**
 * Wrong arguments that would be ignored silently, and messages that would mislead. Two tests cover all
 * exports, from the rows of valid arguments in test/support/hostile/api.ts: an unknown option is refused by
 * name, and no wrong argument ends in an error of JavaScript's own.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import * as library from '../../lib/index.js';
import { apiRows } from '../support/hostile/api.js';
import type { Call } from '../support/mistakes.js';
import { anyOf } from '../support/pattern.js';
import { Chance } from '../support/hostile/values.js';

const { index, input, parameter, SGD } = library;

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
  'numbersOf 0', // a tensor as readSafetensors gives it
  'saveWeights 2', // texts of the user's own names
  'saveModel 3',
  'saveCheckpoint 4',
  'inference 0', // the user's own names
  'Node.memory set 1', // the library's own
]);
/** What takes any number of values; what only the library calls, and classes that only it makes. */
const UNLIMITED = anyOf(
  /^(?:einsum|Program|Inference|Index|Value|Training|Node\.\w+|Training\.stepSome|Value\.peek|Index\.peek)$/,
  /^Program\.(?:step|takeStep|stepBatch|runEach|runEachAsync|readEach|checkMemory)$/,
);
/** What belongs to no graph, optimiser or program: modules, the study, files. */
const BEYOND = anyOf(
  /^nn\.|^(?:Module|BatchNorm\dd|Conv\dd|Dropout|Embedding(?:Bag)?|LayerNorm|Linear|MLP|RMSNorm)\./,
  /^(?:AdaptiveAvg|Avg|Max)Pool\dd\./,
  /^(?:(?:GRU|LSTM|RNN)(?:Cell)?|Recurrent|\w*Sequences)\./,
  /^(?:Scalar\w+|\w+Attention|Sequential|TransformerBlock)\./,
  /^(?:Corpus|Sampler|Tokenizer|MODELS|BuiltModel)\b|^(?:load|save|read|write|parse)[A-Z]/,
  /^(?:buildModel|embeddedNamesPath|nativeInfo|numbersOf|runExperiment|sample|splitHeldOut|train)$/,
);

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

  it('of graphs, optimisers and programs refuses an argument too many', async function () {
    const { rows, calls } = apiRows(new Chance(1));
    const silent: string[] = [];
    for (const [path, call] of calls) {
      if (/Error$| [gs]et$/.test(path) || UNLIMITED.test(path) || BEYOND.test(path)) continue;
      const right = rows[path]!(new Chance(1), () => undefined);
      const padded = [...right, ...new Array<undefined>(10 - right.length)];
      const error = await thrownBy(() => call(...padded, { zzqq: 1 }));
      if (!(error instanceof TypeError && /^\w+: .* is one argument too many/.test(error.message)))
        silent.push(`${path}: ${String(error)}`);
    }
    assert.deepEqual(silent, []);
  });

  /** Errors of JavaScript itself, or from inside the library, where an argument was not checked. */
  const INTERNAL = anyOf(
    /Cannot read propert|is not a function|undefined \(reading|is not iterable|is not defined|reading '/,
    /Cannot destructure|Cannot convert|Cannot mix|Cannot use 'in'|Invalid array length|Class constructor/,
    /must be an? (?:object|instance)|runSeries|createProgram|\[object |internal/,
  );

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
          'Program.readEach',
          'Inference',
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
    controller.abort(); // which is done before the first of them has ended
    const results = await Promise.allSettled(trainings);
    await setImmediate(); // a warning is emitted on the next tick
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

describe('a method without its object', () => {
  const training = new SGD({ learningRate: 1 }).minimize(parameter(1).mul(2));
  const OBJECTS: readonly [kind: string, object: object, methods: readonly string[]][] = [
    ['a Value', parameter([1, 2]), ['add', 'sqrt', 'rmsNorm', 'reshape', 'at', 'forward']],
    ['an Index', index('i'), ['at']],
    ['a Training', training, ['step', 'stepEach', 'stepBatch', 'evaluate', 'state', 'restore']],
    ['a Program', training.program, ['forward', 'evaluate']],
    ['a Random', new library.Random(1), ['random', 'gauss']],
    ['an Optimizer', new SGD({ learningRate: 1 }), ['minimize']],
  ];
  for (const [kind, object, methods] of OBJECTS)
    for (const name of methods)
      it(`names ${name} of ${kind}`, async () => {
        const method = Reflect.get(object, name) as (this: undefined) => unknown;
        const error = await thrownBy(() => method.call(undefined));
        assert(error instanceof TypeError, inspect(error));
        assert.match(
          error.message,
          new RegExp(`^${name}: called on undefined, expected ${kind}: .* loses its`),
        );
      });
});
