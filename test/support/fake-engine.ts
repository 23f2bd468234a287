/** The command line with an engine that trains nothing: what it prints, and what it asks the engine for. */
import type { Io, RunExperiment } from '../../lib/cli/io.js';
import type { NativeInfo } from '../../lib/binding/native-info.js';
import { main } from '../../lib/cli/main.js';
import { load } from '../../lib/cli/load.js';
import type { NamesOptions } from '../../lib/download/names.js';
import type { ExperimentOptions, ExperimentResult } from '../../lib/study/experiment.js';
import type { ModelName } from '../../lib/study/models/sizes.js';

export const NATIVE: NativeInfo = {
  napiVersion: 9,
  isas: {
    compiled: ['avx512', 'avx2', 'scalar'],
    available: ['avx2', 'scalar'],
    chosen: 'avx2',
  },
  openblas: { version: '0.3.21', threads: 1, core: 'Haswell' },
  processors: 4,
  threads: 3,
  cpu: 'Some Processor With A Rather Long Name That Goes On For More Than The Table Is Wide, 3.2 GHz',
};

export const fake: RunExperiment = (model, options) => {
  const steps = options.steps ?? 1000;
  const losses = Array.from({ length: steps }, (_, i) => 3 - i / steps);
  losses.forEach((value, i) => options.onStep?.(i + 1, value));
  return {
    model,
    dtype: options.dtype ?? 'float64',
    isa: options.isa ?? 'avx2',
    seed: options.seed ?? 42,
    steps,
    batch: options.batch ?? 1,
    docs: options.docs.length,
    vocabSize: 27,
    params: 4192,
    losses,
    finalLoss: losses.at(-1)!,
    last50Loss: 2.5,
    heldOutLoss: options.docs.length < 10 ? NaN : 2.4426194,
    samples: Array.from({ length: options.samples ?? 20 }, (_, i) => `name${i}`),
    seconds: {
      load: 0.01,
      graph: 0.01,
      compile: 0.02,
      train: 0.5,
      evaluate: 0.03,
      sample: 0.04,
      total: 0.6,
    },
    microsecondsPerStep: 500,
  } satisfies ExperimentResult;
};

export interface Outcome {
  code: number;
  out: string;
  err: string;
  runs: { model: ModelName; options: ExperimentOptions }[];
  /** Lists of names that were asked for. */
  lists: NamesOptions[];
  /** The arguments of each build of the native addon. */
  builds: (readonly string[])[];
  /** How often the native addon was asked for. */
  natives: number;
}

/** How a build of the native addon ends: its exit code; null: it was killed. */
export const built: { status: number | null } = { status: 0 };

export async function vecgrad(argv: string[], engine = fake, isTTY = false): Promise<Outcome> {
  const outcome: Outcome = { code: -1, out: '', err: '', runs: [], lists: [], builds: [], natives: 0 };
  const io: Io = {
    stdout: { write: (text) => (outcome.out += text) },
    stderr: { write: (text) => (outcome.err += text), isTTY, columns: 80 },
    load: () => Promise.resolve(load),
    run: () => {
      outcome.natives++;
      return Promise.resolve((model, options) => {
        outcome.runs.push({ model, options });
        return engine(model, options);
      });
    },
    explain: () => Promise.reject(new Error('not here: see explain.test.ts')),
    modelGraph: () => Promise.reject(new Error('not here: see cli.e2e.test.ts')),
    graphviz: () => Promise.reject(new Error('not here: see cli.e2e.test.ts')),
    info: () => {
      outcome.natives++;
      return Promise.resolve(NATIVE);
    },
    checkpoints: () => Promise.reject(new Error('not here: see saved.test.ts')),
    saved: () => Promise.reject(new Error('not here: see saved.test.ts')),
    names: () =>
      Promise.resolve((options) => {
        outcome.lists.push(options);
        const from = options.url && { from: options.url.host };
        return Promise.resolve({ path: options.out, names: 32033, ...from });
      }),
    bench: () => Promise.reject(new Error('not here: see bench.test.ts')),
    buildAddon: (args) => {
      outcome.builds.push(args);
      return Promise.resolve(built.status);
    },
  };
  outcome.code = await main(argv, io);
  return outcome;
}
