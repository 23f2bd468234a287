/** What the command line touches of the world outside, so that a test can stand in for it. */
import { join } from 'node:path';
import type { bench } from '../bench/command.js';
import type { checkpoints } from '../checkpoints.js';
import type { drawing } from '../drawing.js';
import type { explain } from '../explain.js';
import type { ExperimentOptions, ExperimentResult, ModelName } from '../experiment.js';
import type { obtainNames } from '../names.js';
import { packageRoot } from '../package.js';
import type { evaluate, invent } from '../saved.js';
import type { load } from './load.js';
import { processOutput } from './output.js';

/** Where text goes. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** What the native addon says of itself and the machine. */
export interface NativeInfo {
  napiVersion: number;
  isas: { compiled: string[]; available: string[]; chosen: string };
  openblas: { version: string; threads: number; core: string };
  cpu: string;
}

export type RunExperiment = (model: ModelName, options: ExperimentOptions) => ExperimentResult;

/** What of @viz-js/viz is used. */
export interface Graphviz {
  renderString(dot: string, options: { format: 'svg' }): string;
}

export interface Io {
  stdout: Sink;
  stderr: Sink;
  /** The ways into the engine: loaded on demand, because `--help` needs no native addon. */
  load(): Promise<typeof load>;
  run(): Promise<RunExperiment>;
  explain(): Promise<typeof explain>;
  drawing(): Promise<typeof drawing>;
  /** Graphviz, where the optional package is installed. */
  graphviz(): Promise<Graphviz>;
  info(): Promise<NativeInfo>;
  checkpoints(): Promise<typeof checkpoints>;
  saved(): Promise<{ evaluate: typeof evaluate; invent: typeof invent }>;
  names(): Promise<typeof obtainNames>;
  bench(): Promise<typeof bench>;
  /** Runs scripts/build-addon.mjs, which prints for itself; gives its exit code, null where it was killed. */
  buildAddon(args: readonly string[]): Promise<number | null>;
}

/** The process's own output and the real engine. */
export function processIo(): Io {
  return {
    ...processOutput(),
    load: async () => (await import('./load.js')).load,
    run: async () => (await import('../experiment.js')).runExperiment,
    explain: async () => (await import('../explain.js')).explain,
    drawing: async () => (await import('../drawing.js')).drawing,
    graphviz: async () => (await import('@viz-js/viz')).instance(),
    info: async () => (await import('../native.js')).nativeInfo(),
    checkpoints: async () => (await import('../checkpoints.js')).checkpoints,
    saved: () => import('../saved.js'),
    names: async () => (await import('../names.js')).obtainNames,
    bench: async () => (await import('../bench/command.js')).bench,
    buildAddon: async (args) => {
      const { spawnSync } = await import('node:child_process');
      const script = join(packageRoot(), 'scripts/build-addon.mjs');
      return spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' }).status;
    },
  };
}
