/**
 * Trains the model of the first argument for as many steps as the second says, and prints after each
 * tenth what memory is in use and how long it took, a line of JSON each. To be run with --expose-gc.
 */
import { setImmediate } from 'node:timers/promises';
import { buildModel, type ModelName } from '../../lib/experiment.js';
import { Adam } from '../../lib/optim.js';
import type { Feeds } from '../../lib/program.js';
import { Random } from '../../lib/random.js';

export interface Tenth {
  /** Bytes, of the process. */
  resident: number;
  /** Bytes, of those what V8 knows of. */
  known: number;
  /** Microseconds of a step. */
  time: number;
  /** The mean loss. */
  loss: number;
}

const VOCAB = 27;
const random = new Random(1);
const { loss } = buildModel(process.argv[2]! as ModelName, VOCAB, {}, random);
const training = new Adam({ learningRate: 1e-4 }).minimize(loss);
const docs = Array.from({ length: 100 }, (): Feeds => {
  const length = 1 + random.randbelow(16);
  const draw = (): number[] => Array.from({ length }, () => random.randbelow(VOCAB));
  return { tokens: draw(), targets: draw(), length };
});

const count = Number(process.argv[3]) / 10;
for (let tenth = 0; tenth < 10; tenth++) {
  let sum = 0;
  const begin = performance.now();
  for (let i = 0; i < count; i++) sum += training.step(docs[i % docs.length]!);
  const time = (1e3 * (performance.now() - begin)) / count;
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc!();
    await setImmediate();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const used: Tenth = { resident: rss, known: heapUsed + external, time, loss: sum / count };
  console.log(JSON.stringify(used));
}
