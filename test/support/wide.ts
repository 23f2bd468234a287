/**
 * Compiles, runs and trains the graphs of widths.ts, as wide as the first argument says, and prints a line of
 * JSON for each: its name, and what went wrong, or ''.
 */
import { compile, SGD, type Feeds, type Value } from '../../lib/index.js';
import { WIDTHS } from './widths.js';

function run(loss: Value, feeds: Feeds): void {
  const program = compile(loss);
  const numbers = [...program.forward(feeds)];
  program.backward();
  numbers.push(new SGD({ learningRate: 1e-9 }).minimize(loss).step(feeds));
  if (!numbers.every(Number.isFinite)) throw new Error(`expected finite numbers, got ${numbers.join(', ')}`);
}

const n = Number(process.argv[2]);
for (const [name, of] of Object.entries(WIDTHS)) {
  let wrong = '';
  try {
    const [loss, feeds = {}] = of(n);
    run(loss, feeds);
  } catch (error) {
    wrong = String(error);
  }
  console.log(JSON.stringify([name, wrong]));
}
