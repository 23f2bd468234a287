// A CommonJS script that trains a small model with the installed package.
const assert = require('node:assert/strict');
const { runExperiment } = require('vecgrad');

const docs = ['ada', 'bea', 'cleo', 'dora', 'eva', 'fay', 'gina', 'hedda', 'ida', 'jana', 'kira'];
const { losses } = runExperiment('rnn', { docs, steps: 20, samples: 1 });
assert.equal(losses.length, 20);
assert.ok(losses.every(Number.isFinite), `losses ${losses.join(' ')}`);
console.log(`require: loss ${losses.at(-1).toFixed(4)} after 20 steps`);
