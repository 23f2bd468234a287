/**
 * A training step of skip-gram with negative sampling, whose tables are updated by rows, on one thread, at
 * two sizes of the vocabulary: processor time. Where `python3` can import PyTorch, its time with sparse
 * gradients stands beside it (bench/skip-gram.py).
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../lib/core/package.js';
import { Adam, SGD, type Optimizer } from '../lib/optim/optimizers.js';
import type { Training } from '../lib/optim/training.js';
import { constant, index, parameter } from '../lib/value/leaves.js';
import { bceWithLogits } from '../lib/value/losses.js';
import type { Value } from '../lib/value/value.js';
import { inTurns, processorTime, type Effort, type Row } from './measure.js';

const PAIRS = 256;
const NEGATIVES = 5;
const COLUMNS = 64;

/** The loss of pairs of words, each with as many others that do not go with the first. */
function skipGram(words: number): Value {
  const table = (): Value =>
    parameter(
      Float64Array.from({ length: words * COLUMNS }, (_, i) => Math.sin(i)),
      { shape: [words, COLUMNS] },
    );
  const center = table().gather(index('center', PAIRS)).reshape([PAIRS, 1, COLUMNS]);
  const around = table().gather(index('around', [PAIRS, 1 + NEGATIVES]));
  const labels = Array.from({ length: PAIRS }, () => [1, ...new Array<number>(NEGATIVES).fill(0)]);
  return bceWithLogits(around.mul(center).sum(2), constant(labels), { reduction: 'sum' }).div(PAIRS);
}

const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  SGD: new SGD({ learningRate: 0.1 }),
  SparseAdam: new Adam({ learningRate: 0.001, sparse: true }),
};

const FEEDS = 20;

/** The words of a step: the same in bench/skip-gram.py. */
function wordsOf(step: number, words: number): { center: Int32Array; around: Int32Array } {
  const some = (count: number, by: number, shift: number): Int32Array =>
    Int32Array.from({ length: count }, (_, i) => (i * by + (step % FEEDS) * shift) % words);
  return {
    center: some(PAIRS, 7919, 104_729),
    around: some(PAIRS * (1 + NEGATIVES), 15_485_863, 32_452_843),
  };
}

/** Microseconds of a step in PyTorch, by optimiser; undefined where there is none. */
function timesOfTorch(words: number, turns: number): Record<string, number> | undefined {
  const script = join(packageRoot(), 'bench/skip-gram.py');
  const { status, stdout, stderr } = spawnSync('python3', [script, String(words), String(turns)], {
    encoding: 'utf8',
  });
  // Python's way to say that there is no such module; `status` is null where there is no Python.
  if (status === null || /No module named 'torch'/.test(stderr)) return undefined;
  if (status !== 0) throw new Error(`bench/skip-gram.py failed: ${stderr}`);
  return JSON.parse(stdout) as Record<string, number>;
}

export function skipGramRows({ turns, quick }: Effort): Row[] {
  const sizes = quick ? [5_000, 20_000] : [50_000, 200_000];
  const steps = quick ? 20 : 100;
  return sizes.flatMap((words) => {
    const feeds = Array.from({ length: FEEDS }, (_, step) => wordsOf(step, words));
    const step = (training: Training) => (): number =>
      (1000 / steps) *
      processorTime(() => {
        for (let i = 0; i < steps; i++) training.step(feeds[i % FEEDS]!);
      });
    const trainings = Object.values(OPTIMIZERS).map((optimizer) =>
      optimizer.minimize(skipGram(words), { dtype: 'float32', threads: 1 }),
    );
    const times = inTurns(trainings.map(step), turns);
    const torch = timesOfTorch(words, turns);
    return Object.keys(OPTIMIZERS).map((name, i): Row => {
      const other = torch?.[name];
      return {
        what: `step of skip-gram, ${words} words of ${COLUMNS} numbers, ${name}, float32`,
        value: times[i]!,
        unit: 'us',
        ...(other !== undefined && { beside: { what: 'PyTorch', value: other } }),
      };
    });
  });
}
