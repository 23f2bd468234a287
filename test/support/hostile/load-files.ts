/**
 * Loads files that mean harm, in a process of its own, one after the other: `load-files.ts FILE`, which
 * lists them as JSON. Prints a line of JSON for each as it is done.
 */
import fs from 'node:fs';
import { execFileSync } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { buildModel } from '../../../lib/study/build-model.js';
import { parameter } from '../../../lib/value/leaves.js';
import { loadModel } from '../../../lib/study/model-file.js';
import { loadCheckpoint } from '../../../lib/study/checkpoint-file.js';
import { Random } from '../../../lib/runtime/random.js';
import { readSafetensors } from '../../../lib/weights/safetensors.js';
import { loadWeights } from '../../../lib/weights/weights.js';
import { SIZES, TOKENIZER } from './model-files.js';
import type { Trick, Way } from './file-of.js';

export interface Job {
  path: string;
  way: Way;
  trick?: Trick;
}

export interface Outcome {
  /** The error with its name, or `loaded`, and what. */
  said: string;
  milliseconds: number;
  /** The most memory over what the process had before, in bytes. */
  memory: number;
}

function fresh() {
  const model = buildModel('rnn', TOKENIZER.vocabSize, SIZES, new Random(2));
  return { model, training: model.optimizer(10).minimize(model.loss), random: new Random(2) };
}

/** For the next checkpoint: most are refused before it is touched. */
let ready: ReturnType<typeof fresh> | undefined;

/** What reads, with what it needs made before. */
const WAYS: Readonly<Record<Way, (path: string) => () => string>> = {
  bytes: (path) => {
    const bytes = fs.readFileSync(path);
    return () => [...readSafetensors(bytes).tensors.keys()].slice(0, 9).join();
  },
  weights: (path) => {
    const w = parameter([1], { name: 'w' });
    return () => Object.keys(loadWeights(path, [w]).metadata).join();
  },
  model: (path) => () => loadModel(path).model.name,
  checkpoint: (path) => {
    const { model, ...run } = (ready ??= fresh());
    return () => {
      try {
        const { losses } = loadCheckpoint(path, model, run);
        ready = undefined;
        return `${losses.length} losses`;
      } catch (error) {
        // Its schedule may have given rates.
        if (/restore/.test(String(error))) ready = undefined;
        throw error;
      }
    };
  },
};

const { readSync, statSync } = fs;
/** Has it happen at the call that it is about. */
const TRICKS: Readonly<Record<Trick, (path: string) => void>> = {
  'it is cut': (path) => {
    let calls = 0;
    fs.readSync = ((...args: Parameters<typeof readSync>) => {
      if (++calls === 2) fs.truncateSync(path, 100);
      return readSync(...args);
    }) as typeof readSync;
  },
  'a pipe takes its place': (path) => {
    Object.assign(fs, {
      statSync: (file: fs.PathLike) => {
        const stats = statSync(file);
        fs.rmSync(path);
        execFileSync('mkfifo', [path]);
        return stats;
      },
    });
  },
  'another file takes its place': (path) => {
    fs.readSync = ((...args: Parameters<typeof readSync>) => {
      fs.writeFileSync(`${path}.new`, 'x');
      fs.renameSync(`${path}.new`, path);
      return readSync(...args);
    }) as typeof readSync;
  },
};

/** Of this process, from the system: in bytes. */
function status(key: string): number {
  const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(fs.readFileSync('/proc/self/status', 'utf8'));
  return 1024 * Number(found![1]);
}

/** What the process had when it last collected garbage, in bytes. */
let collected = 0;

/** Collects garbage where there may be much of it: each time would take most of the test's time. */
function collect(): void {
  if (status('VmRSS') < collected + 8e6) return;
  gc!();
  collected = status('VmRSS');
}

function outcome({ path, way, trick }: Job): Outcome {
  const read = WAYS[way](path);
  if (trick) TRICKS[trick](path);
  syncBuiltinESMExports();
  collect();
  fs.writeFileSync('/proc/self/clear_refs', '5'); // the peak begins anew
  const before = status('VmRSS');
  const start = process.cpuUsage();
  let said: string;
  try {
    said = `loaded ${read()}`;
  } catch (error) {
    said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  const { user, system } = process.cpuUsage(start);
  const milliseconds = (user + system) / 1000;
  const memory = status('VmHWM') - before;
  Object.assign(fs, { readSync, statSync });
  syncBuiltinESMExports();
  return { said, milliseconds, memory };
}

const jobs = JSON.parse(fs.readFileSync(process.argv[2]!, 'utf8')) as Job[];
// What is compiled, and the pages of the heap, are not the first file's.
for (const way of ['weights', 'model', 'checkpoint'] as const) outcome({ path: '/dev/null', way });
for (const job of jobs) fs.writeSync(1, `${JSON.stringify(outcome(job))}\n`);
