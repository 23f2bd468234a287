/** How much to measure: for about half a minute, or for a few minutes. */
import { DEFAULTS } from '../study/defaults.js';
import type { KernelRow } from './report.js';

export interface Effort {
  quick: boolean;
  /** Each figure is the median of so many turns. */
  turns: number;
  /** Nanoseconds per turn of one kernel. */
  budget: number;
  /** The sizes n to measure, by the shape of a kernel's operands. */
  sizes: Record<KernelRow['shape'], readonly number[]>;
  /** The working sets over which bandwidth is measured, in bytes. */
  workingSets: readonly number[];
  /** Training steps of the league table, and how many times to train. */
  steps: number;
  trainings: number;
  nStates: readonly number[];
  /** The kernels and models to measure; all by default. */
  only?: readonly string[];
  models?: readonly string[];
}

const powersOfTwo = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, i) => 2 ** (from + i * step));

export const QUICK: Effort = {
  quick: true,
  turns: 5,
  budget: 1e6,
  sizes: {
    n: [16, 256, 4096],
    '16 x n': [16, 128, 1024],
    'n x n': [16, 64, 256],
    'n x n x n': [16, 64, 256],
  },
  workingSets: powersOfTwo(12, 26, 2),
  steps: DEFAULTS.steps,
  trainings: 3,
  nStates: [32, 128, 512],
};

export const FULL: Effort = {
  quick: false,
  turns: 7,
  budget: 4e6,
  sizes: {
    n: [16, 64, 256, 1024, 4096, 65536, 1048576],
    '16 x n': [8, 16, 32, 64, 128, 256, 1024, 4096],
    'n x n': [8, 16, 32, 64, 128, 256, 512, 1024],
    'n x n x n': [4, 8, 16, 32, 64, 128, 256, 512],
  },
  workingSets: powersOfTwo(12, 27),
  steps: DEFAULTS.steps,
  trainings: 7,
  nStates: [32, 64, 128, 256, 512, 1024, 2048],
};

/** An emulator's times mean nothing: one turn is enough, for the losses. */
export function whenEmulated(effort: Effort): Effort {
  return { ...effort, turns: 1, budget: Math.min(effort.budget, 1e5), trainings: 1 };
}
