/**
 * `bench-json.ts FILE`: runs `vecgrad bench --json FILE` with almost nothing to measure; prints `saved`, or
 * the error.
 */
import { bench } from '../../lib/cli/bench.js';
import { QUICK, type Effort } from '../../lib/bench/effort.js';

const least: Effort = {
  ...QUICK,
  turns: 1,
  budget: 1e3,
  sizes: { n: [16], '16 x n': [8], 'n x n': [8], 'n x n x n': [8] },
  workingSets: [4096],
  steps: 2,
  trainings: 1,
  models: ['rnn'],
  nStates: [32],
};
const silent = { write: () => undefined };
try {
  bench(['--json', process.argv[2] ?? ''], { stdout: silent, stderr: silent }, { quick: least, full: least });
  console.log('saved');
} catch (error) {
  console.log(String(error));
}
