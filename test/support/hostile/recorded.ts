/** The calls of the addon that small models of all four kinds make: valid arguments to start from. */
import { parsePasses } from '../../../lib/compiler/passes.js';
import { SGD } from '../../../lib/optim/optimizers.js';
import { grad } from '../../../lib/value/grad.js';
import { meanOfFirst } from '../../../lib/value/joins.js';
import { index, input, parameter } from '../../../lib/value/leaves.js';
import type { Value } from '../../../lib/value/value.js';
import { avgPool2d, conv2d, convTranspose2d, maxPool2d } from '../../../lib/value/windows.js';
import { buildModel } from '../../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../../lib/study/models/sizes.js';
import { Tokenizer } from '../../../lib/study/tokenizer.js';
import { Corpus } from '../../../lib/study/corpus.js';
import { addon } from '../../../lib/binding/addon.js';
import { compile } from '../../../lib/value/compile.js';
import { Random } from '../../../lib/runtime/random.js';
import { Sampler } from '../../../lib/study/sampling.js';
import { copyOf } from './values.js';

type Call = (...args: unknown[]) => unknown;
export type Calls = Record<string, Call>;

/**
 * The arguments of each function of the addon in a model's life, as they were passed; and as `rows` what was
 * given to `createProgram` and to `planRows` for the same program.
 */
export type Recording = Record<string, unknown[][]>;

const RECORDED = [
  'createProgram',
  'bind',
  'planRows',
  'generate',
  'runSeries',
  'countUses',
  'assembleScalarBytecode',
  'numberKinds',
  'differentiateNumbers',
  'reroll',
];
const VOCABULARY = 4;
/** As many examples as are evaluated together. */
const MANY = 40;

/** Trains, evaluates and samples small models, in both data types, and records the calls. */
export function record(): Recording {
  const calls = addon as unknown as Calls;
  const recording: Recording = { rows: [] };
  const programs = new Map<unknown, unknown>();
  const originals = RECORDED.map((name) => [name, calls[name]!] as const);
  for (const [name, call] of originals) {
    const list = (recording[name] = [] as unknown[][]);
    calls[name] = (...args) => {
      list.push(copyOf(args) as unknown[]);
      const result = call(...args);
      if (name === 'createProgram') programs.set(result, args[0]);
      if (name === 'planRows') recording['rows']!.push(copyOf([programs.get(args[0]), args[1]]) as unknown[]);
      return result;
    };
  }
  try {
    for (const name of MODEL_NAMES) {
      for (const dtype of ['float64', 'float32'] as const) {
        for (const batches of [false, true]) liveOf(name, dtype, batches);
      }
    }
    for (const dtype of ['float64', 'float32'] as const) loopsOf(dtype);
    for (const batches of [false, true]) imagesOf(batches);
  } finally {
    for (const [name, call] of originals) calls[name] = call;
  }
  return recording;
}

/** Trains a recurrence over so many positions that its program has loops. */
function loopsOf(dtype: 'float64' | 'float32'): void {
  const [w, v, x] = [parameter([0.3, -0.2]), parameter([0.1, 0.4]), input('x', [300, 2])];
  let h: Value = w;
  const losses = Array.from({ length: 300 }, (_, i) => (h = h.mul(w).add(x.at(i).mul(v)).tanh()).sum());
  const passes = parsePasses('-rows');
  const loss = meanOfFirst(losses, index('n'));
  const training = new SGD({ learningRate: 0.1 }).minimize(loss, { dtype, passes });
  training.step({ x: new Float64Array(600).fill(0.5), n: 300 });
}

/** Trains on images, with every instruction that has windows. */
function imagesOf(batches: boolean): void {
  const [x, w, v] = [
    input('x', [2, 5, 6]),
    parameter(new Array(36).fill(0.1), { shape: [2, 2, 3, 3] }),
    input('v'),
  ];
  const pooled = maxPool2d(conv2d(x, w, { padding: 1 }), 2, { padding: 1 });
  const up = convTranspose2d(pooled.mul(v), w, { stride: 2, groups: 1 });
  const [slope] = grad(maxPool2d(up, 3, { stride: 1 }).pow(3).sum(), [up]);
  const loss = avgPool2d(up, 2).pow(2).sum().add(slope!.pow(2).sum());
  const training = new SGD({ learningRate: 1e-6 }).minimize(loss, { batches, passes: parsePasses('-reuse') });
  const example = { x: new Float64Array(60).fill(0.5), v: 1 };
  if (batches) training.stepBatch([example, example], { threads: 2 });
  else training.step(example);
}

function liveOf(name: (typeof MODEL_NAMES)[number], dtype: 'float64' | 'float32', batches: boolean): void {
  const tokenizer = new Tokenizer(['abc']);
  const sizes = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 3, nState: 5, nAtt: 3 };
  const random = new Random(1);
  const model = buildModel(name, VOCABULARY, sizes, random);
  const training = model.optimizer(10).minimize(model.loss, { dtype, batches, sequence: model.logits });
  const corpus = new Corpus(Int32Array.of(3, 0, 1, 3, 2, 3), Int32Array.of(0, 3, 5));
  const documents = [corpus.example(0, 3), corpus.example(1, 3), corpus.example(0, 3)];
  if (batches) {
    training.stepBatch(documents, { threads: 2 });
    training.stepEach(corpus.dataset(3), 0, 2, { batch: 2, threads: 2 });
  } else training.stepEach(corpus.dataset(3));
  training.evaluateEach(corpus.dataset(3));
  const many = Int32Array.from({ length: MANY }, (_, i) => i % 3);
  training.evaluateEach(tokenizer.corpus(['a', 'ab', 'bac'], many).dataset(3)); // by rows
  for (const together of [false, true]) {
    const options = { count: 5, temperature: 1, together };
    new Sampler(model, tokenizer, { dtype }, training.program).tokens(random, options);
    if (!batches) new Sampler(model, tokenizer, { dtype }).tokens(random, options);
  }
  if (batches) return;
  const whole = compile(model.loss, { dtype });
  whole.forward(documents[0]!);
  whole.backward();
}
