// What a TypeScript user sees of the installed package, in an ES module.
import { runExperiment, type ExperimentResult } from 'vecgrad';

const result: ExperimentResult = runExperiment('rnn', { docs: ['ada', 'bea'], steps: 20 });
const losses: number[] = result.losses;
// @ts-expect-error There is no such model.
runExperiment('transformer', { docs: losses.map(String) });
