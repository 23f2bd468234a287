// What a TypeScript user sees of the installed package, in a CommonJS module.
import vecgrad = require('vecgrad');

const result: vecgrad.ExperimentResult = vecgrad.runExperiment('rnn', {
  docs: ['ada', 'bea'],
  steps: 20,
});
const losses: number[] = result.losses;
// @ts-expect-error There is no such model.
vecgrad.runExperiment('transformer', { docs: losses.map(String) });
