/** Writes so many numbers to a file of weights: `save.ts FILE COUNT` prints `saved`, or what it met. */
import { parameter, saveWeights } from '../../lib/index.js';

const [path = '', count = '1'] = process.argv.slice(2);
try {
  saveWeights(path, [parameter(new Array<number>(Number(count)).fill(1), { name: 'w' })]);
  console.log('saved');
} catch (error) {
  console.log(String(error));
}
