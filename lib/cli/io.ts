/** Everything outside the process that the command line uses, so that tests can replace it. */
import { join } from 'node:path';
import type { NativeInfo } from '../binding/native-info.js';
import type { bench } from './bench.js';
import type { checkpoints } from '../study/checkpoint.js';
import type { modelGraph } from '../study/model-graph.js';
import type { explain } from '../study/explain.js';
import type { ExperimentOptions, ExperimentResult } from '../study/experiment.js';
import type { ModelName } from '../study/models/sizes.js';
import type { obtainNames } from '../download/names.js';
import { packageRoot } from '../core/package.js';
import type { evaluate, invent } from '../study/saved.js';
import type { load } from './load.js';
import { processOutput, type Sink } from '../terminal/output.js';

export type RunExperiment = (model: ModelName, options: ExperimentOptions) => ExperimentResult;

/** The part of @viz-js/viz that is used. */
export interface Graphviz {
  renderString(dot: string, options: { format: 'svg' }): string;
}

export interface Io {
  stdout: Sink;
  stderr: Sink;
  /** The parts of the engine, loaded on demand: `--help` needs no native addon. */
  load(): Promise<typeof load>;
  run(): Promise<RunExperiment>;
  explain(): Promise<typeof explain>;
  modelGraph(): Promise<typeof modelGraph>;
  /** Graphviz, if the optional package is installed. */
  graphviz(): Promise<Graphviz>;
  info(): Promise<NativeInfo>;
  checkpoints(): Promise<typeof checkpoints>;
  saved(): Promise<{ evaluate: typeof evaluate; invent: typeof invent }>;
  names(): Promise<typeof obtainNames>;
  bench(): Promise<typeof bench>;
  /**
   * Runs scripts/build-addon.mjs, which prints by itself. Returns its exit code, or null if it was killed.
   */
  buildAddon(args: readonly string[]): Promise<number | null>;
}

/** The process's real output, and the real engine. */
export function processIo(): Io {
  return {
    ...processOutput(),
    load: async () => (await import('./load.js')).load,
    run: async () => (await import('../study/experiment.js')).runExperiment,
    explain: async () => (await import('../study/explain.js')).explain,
    modelGraph: async () => (await import('../study/model-graph.js')).modelGraph,
    graphviz: async () => (await import('@viz-js/viz')).instance(),
    info: async () => (await import('../binding/native-info.js')).nativeInfo(),
    checkpoints: async () => (await import('../study/checkpoint.js')).checkpoints,
    saved: () => import('../study/saved.js'),
    names: async () => (await import('../download/names.js')).obtainNames,
    bench: async () => (await import('./bench.js')).bench,
    buildAddon: async (args) => {
      const { spawnSync } = await import('node:child_process');
      const script = join(packageRoot(), 'scripts/build-addon.mjs');
      return spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' }).status;
    },
  };
}
