/**
 * Makes what the first argument names, as many times as the second says, drops it, and prints the memory in
 * use after each quarter, one line of JSON each. With a third argument, all of it is one turn of the event
 * loop, in which nothing calls the collector. Otherwise run it with --expose-gc.
 */
import { setImmediate } from 'node:timers/promises';
import { compile, input, parameter, Random, SGD, type Value } from '../../lib/index.js';

const SIZE = 64;
const shape = [SIZE, SIZE];
const numbers = new Float64Array(SIZE * SIZE).fill(0.01);
const x = input('x', shape);
const shared = parameter(numbers, { shape });
const feeds = { x: numbers };

/** A graph on leaves that outlive it and one that does not; its program takes about 200 kB. */
function loss(): Value {
  return x.matmul(shared).relu().matmul(parameter(numbers, { shape })).mean();
}

let seed = 0;
const small = parameter([1, 2, 3]);
const training = new SGD({ learningRate: 1e-9 }).minimize(small.mul(input('scale')).exp().sum());

const WORK: Readonly<Record<string, () => void>> = {
  'graphs run by forward and backward': () => {
    const root = loss();
    root.forward(feeds);
    root.backward();
  },
  'graphs compiled and run': () => void compile(loss()).forward(feeds),
  'graphs trained': () => void new SGD({ learningRate: 1e-9 }).minimize(loss()).step(feeds),
  'graphs trained, in float32 and float64 in turn': () =>
    void new SGD({ learningRate: 1e-9 })
      .minimize(loss(), { dtype: ++seed % 2 ? 'float32' : 'float64' })
      .step(feeds),
  'generators of random numbers': () => void new Random(++seed).random(),
  'small graphs trained': () =>
    void new SGD({ learningRate: 0.1 }).minimize(parameter([1, 2]).exp().sum()).step({}),
  'large graphs of single numbers trained': () => {
    const a = parameter(1);
    let y: Value = a;
    for (let i = 0; i < 10_000; i++) y = y.mul(a).add(i);
    new SGD({ learningRate: 0 }).minimize(y).step({});
  },
  steps: () => void training.step({ scale: 0.1 }),
};

interface Used {
  resident: number;
  known: number;
}

function usedNow(): Used {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, known: heapUsed + external };
}

/** Measures after some turns of the event loop, and after garbage collection. */
async function usedLater(): Promise<Used> {
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc!();
    await setImmediate();
  }
  return usedNow();
}

const once = WORK[process.argv[2]!]!;
const times = Number(process.argv[3]);
const isOneTurn = process.argv.length > 4;
const lines: Used[] = [];
for (let quarter = 0; quarter < 4; quarter++) {
  for (let i = 0; i < times / 4; i++) once();
  lines.push(isOneTurn ? usedNow() : await usedLater());
}
for (const line of lines) console.log(JSON.stringify(line));
