/**
 * Trains the model of the first argument for as many steps as the second says, and prints the memory in use
 * after each tenth, one line of JSON each. With a third argument, `ages`, it then prints the time of a step
 * beside that of the same training begun anew, in turns, because a machine's speed changes. Run it with
 * --expose-gc.
 */
import { setImmediate } from 'node:timers/promises';
import { buildModel } from '../../lib/study/build-model.js';
import type { ModelName, ModelSizes } from '../../lib/study/models/sizes.js';
import { Adam } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { Random } from '../../lib/runtime/random.js';

export interface Tenth {
  /** Memory of the process, in bytes. */
  resident: number;
  /** The part of it that V8 knows of, in bytes. */
  known: number;
  /** The mean loss. */
  loss: number;
}

/** Median microseconds of a step. */
export interface Ages {
  old: number;
  young: number;
}

const VOCAB = 27;
const TURNS = 21;
const TURN_STEPS = 200;

/** The scalar model is smaller here: at its usual size a step takes ten times as long as the others'. */
const SIZES: Partial<Record<string, Partial<ModelSizes>>> = { scalar: { nEmbd: 4, nHead: 2 } };

function begun(): { training: Training; random: Random } {
  const random = new Random(1);
  const name = process.argv[2]! as ModelName;
  const { loss } = buildModel(name, VOCAB, SIZES[name] ?? {}, random);
  return { training: new Adam({ learningRate: 1e-4 }).minimize(loss), random };
}

const { training, random } = begun();
const docs = Array.from({ length: 100 }, (): Feeds => {
  const length = 1 + random.randbelow(16);
  const draw = (): number[] => Array.from({ length }, () => random.randbelow(VOCAB));
  return { tokens: draw(), targets: draw(), length };
});

const count = Number(process.argv[3]) / 10;
for (let tenth = 0; tenth < 10; tenth++) {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += training.step(docs[i % docs.length]!);
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc!();
    await setImmediate();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const used: Tenth = { resident: rss, known: heapUsed + external, loss: sum / count };
  console.log(JSON.stringify(used));
}

if (process.argv[4] === 'ages') {
  const timed = (one: Training): number => {
    const begin = performance.now();
    for (let i = 0; i < TURN_STEPS; i++) one.step(docs[i % docs.length]!);
    return (1e3 * (performance.now() - begin)) / TURN_STEPS;
  };
  const young = begun().training;
  const turns = Array.from({ length: TURNS }, () => [training, young].map(timed));
  const middle = (which: number): number =>
    turns.map((turn) => turn[which]!).sort((a, b) => a - b)[(TURNS - 1) / 2]!;
  const ages: Ages = { old: middle(0), young: middle(1) };
  console.log(JSON.stringify(ages));
}
