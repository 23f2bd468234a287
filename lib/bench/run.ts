/** Benchmarks this machine. */
import { packageVersion } from '../core/package.js';
import { whenEmulated, type Effort } from './effort.js';
import { measureKernels, measurePeaks } from './kernels.js';
import { describeMachine } from './machine.js';
import { measureBatches } from './batches.js';
import { measureModels, measureStates } from './models.js';
import { SCHEMA, type BenchReport } from './report.js';

/** @param onStage called with a description of what is being measured */
export function runBench(wanted: Effort, onStage: (what: string) => void): BenchReport {
  const machine = describeMachine();
  const effort = machine.emulated ? whenEmulated(wanted) : wanted;
  onStage('the peaks of the machine');
  return {
    schema: SCHEMA,
    vecgrad: packageVersion(),
    date: new Date().toISOString().slice(0, 10),
    quick: effort.quick,
    machine,
    peaks: measurePeaks(effort),
    kernels: measureKernels(effort, (name) => onStage(`kernel ${name}`)),
    models: measureModels(effort, (name) => onStage(`model ${name}`)),
    states: measureStates(effort, (n) => onStage(`n_state ${n}`)),
    batches: measureBatches(effort, machine.cores, (name) => onStage(`batches of ${name}`)),
  };
}
