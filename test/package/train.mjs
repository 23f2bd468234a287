// An ES module that trains a small model with the installed package.
import assert from 'node:assert/strict';
import * as vecgrad from 'vecgrad';
import { runExperiment } from 'vecgrad';
import { createRequire } from 'node:module';

const docs = ['ada', 'bea', 'cleo', 'dora', 'eva', 'fay', 'gina', 'hedda', 'ida', 'jana', 'kira'];
const { losses } = runExperiment('rnn', { docs, steps: 20, samples: 1 });
assert.equal(losses.length, 20);
assert.ok(losses.every(Number.isFinite), `losses ${losses.join(' ')}`);

// One instance, however it is loaded, with every name of the library.
const required = createRequire(import.meta.url)('vecgrad');
assert.equal(required.runExperiment, runExperiment);
assert.deepEqual(Object.keys(vecgrad).sort(), Object.keys(required).sort());
console.log(`import: loss ${losses.at(-1).toFixed(4)} after 20 steps`);
