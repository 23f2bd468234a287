/**
 * `save.mjs FILE COUNT`: writes COUNT numbers to a file of weights, with the built library; prints `saved`,
 * or the error.
 */
import { createRequire } from 'node:module';

const { parameter, saveWeights } = createRequire(import.meta.url)('../../dist/index.cjs');
const [path = '', count = '1'] = process.argv.slice(2);
try {
  saveWeights(path, [parameter(new Array(Number(count)).fill(1), { name: 'w' })]);
  console.log('saved');
} catch (error) {
  console.log(String(error));
}
