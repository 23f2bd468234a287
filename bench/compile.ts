/**
 * Times of compiling graphs that are written out position by position or one operation at a time, each in a
 * new process, where V8 has optimised nothing; and the instructions that alike nodes become.
 *
 * With the name of a graph as its argument, this file is such a process.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { packageRoot } from '../lib/core/package.js';
import { addN, index, input, meanOfFirst, nn, parameter, Random, SGD, type Value } from '../lib/index.js';
import { buildModel } from '../lib/study/build-model.js';
import { median, type Effort, type Row } from './measure.js';

const ADDITIONS = 100_000;

/** 24 layers of long short-term memory over 16 positions. */
function lstm(): Value {
  const random = new Random(1);
  const [layers, positions, width] = [24, 16, 16];
  let xs = Array.from({ length: positions }, (_, i) => parameter(new Float64Array(width).fill(0.1 + i)));
  for (let i = 0; i < layers; i++) xs = new nn.LSTMCell(width, width, { random }).apply(xs);
  return meanOfFirst(
    xs.map((x) => x.sum()),
    index('n'),
  );
}

function additions(start: () => Value): Value {
  let y = start();
  const step = start();
  for (let i = 0; i < ADDITIONS; i++) y = y.add(step);
  return y.sum();
}

/** The losses whose compilation is timed. */
const GRAPHS: Readonly<Record<string, () => Value>> = {
  '24 LSTM layers, 16 positions': lstm,
  'GPT, 4 layers, block 64': () =>
    buildModel('vector', 27, { nEmbd: 64, nHead: 4, nLayer: 4, blockSize: 64 }, new Random(1)).loss,
  '100,000 additions of vectors': () => additions(() => parameter([0.5, 1])),
  '100,000 additions of numbers': () => additions(() => parameter(0.5)),
};

/** What one process measures, in milliseconds. */
interface Timed {
  /** Compiling the loss for training. */
  training: number;
  /** `forward()` and `backward()`, with their compilation; of the additions only. */
  inspecting?: number;
}

function timed(name: string): Timed {
  const milliseconds = (run: () => void): number => {
    const start = performance.now();
    run();
    return performance.now() - start;
  };
  const make = GRAPHS[name]!;
  const [trained, inspected] = [make(), make()];
  return {
    training: milliseconds(() => new SGD({ learningRate: 1e-9, momentum: 0.9 }).minimize(trained)),
    ...(name.includes('additions') && {
      inspecting: milliseconds(() => {
        inspected.forward();
        inspected.backward();
      }),
    }),
  };
}

/** Instructions of a training, of the operators that `counts` names. */
function instructionsOf(loss: Value, counts: (op: string) => boolean): number {
  const { program } = new SGD({ learningRate: 1 }).minimize(loss);
  const work = program.work().filter(({ op }) => counts(op));
  return work.reduce((sum, { instructions }) => sum + instructions, 0);
}

/** 16 products of matrices with one weight, and those of the weight's gradient. */
function products(): number {
  const weight = parameter(new Float64Array(12).fill(0.1), { shape: [3, 4] });
  const x = input('x', [16, 2, 3]);
  const each = Array.from({ length: 16 }, (_, i) => x.at(i).matmul(weight).tanh().sum());
  return instructionsOf(addN(each), (op) => op.startsWith('gemm'));
}

/** The sums and products that are not of the recurrence h = a h + b x itself, 128 positions long. */
function recurrence(): number {
  const [a, b] = [parameter([0.5, 0.6]), parameter([0.7, 0.8])];
  const x = input('x', [128, 2]);
  let h: Value = parameter([0.1, 0.2]);
  for (let i = 0; i < 128; i++) h = a.mul(h).add(b.mul(x.at(i)));
  const all = instructionsOf(h.sum(), () => true);
  return all - 2 * 128;
}

export function compileRows({ processes, quick }: Effort): Row[] {
  // In one file, as users load the package.
  const file = join(packageRoot(), 'build/bench/compile.mjs');
  buildSync({
    entryPoints: [fileURLToPath(import.meta.url)],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
  });
  const rows = Object.keys(GRAPHS).flatMap((name): Row[] => {
    const times = Array.from({ length: quick ? 3 : Math.min(processes, 9) }, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [file, name], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`compiling ${name} failed: ${stderr}`);
      return JSON.parse(stdout) as Timed;
    });
    const of = (what: string, part: keyof Timed): Row => ({
      what: `${name}: ${what}`,
      value: median(times.map((time) => time[part] ?? NaN)),
      unit: 'ms',
    });
    const inspecting = of('forward and backward', 'inspecting');
    return [of('compiled for training', 'training'), ...(inspecting.value > 0 ? [inspecting] : [])];
  });
  return [
    ...rows,
    { what: '16 matrices times one weight, and its gradient', value: products(), unit: 'products' },
    { what: 'h = a h + b x, 128 times: beside the recurrence', value: recurrence(), unit: 'instructions' },
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(timed(process.argv[2]!)));
