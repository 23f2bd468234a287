/**
 * Starts workers that do the work which the first argument names, terminates each in the middle of it, and
 * prints the memory of the process after each, one line of JSON each:
 *
 *     node terminated.mjs WORK TIMES LIBRARY [loaded]
 *
 * With `loaded` this thread has loaded the addon too; without, the addon is loaded and unloaded with the
 * workers.
 */
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const [work, times, library, loaded] = /** @type {[string, string, string, string?]} */ (
  process.argv.slice(2)
);
if (loaded) createRequire(import.meta.url)(library);

/** Each worker reports that it has begun, and never ends by itself. */
const WORK = {
  stepEach: 'begin(); for (;;) training.stepEach(dataset);',
  stepEachAsync: '(async () => { begin(); for (;;) await training.stepEachAsync(dataset); })();',
  // On threads of the pool too, which stay when the addon's last worker has ended.
  batches: 'begin(); for (;;) training.stepEach(dataset, 0, 5000, { batch: 32, threads: 2 });',
  'large steps': `
    const { parameter } = library;
    const x = parameter(new Float64Array(90000).fill(0.01), { shape: [300, 300] });
    const large = new SGD({ learningRate: 1e-6 }).minimize(x.matmul(x).pow(2).mean(), { threads: 2 });
    begin(); for (;;) large.step({});`,
  'two stepEachAsync': `
    const other = train(buildModel('rnn', vocabSize, {}, random));
    const on = async (one) => { for (;;) await one.stepEachAsync(dataset); };
    on(training); on(other); begin();`,
  compile: "begin(); for (;;) train(buildModel('vector', vocabSize, {}, random));",
};
const code = `
  const library = require(${JSON.stringify(library)});
  const { buildModel, Random, SGD, Tokenizer } = library;
  const { parentPort } = require('node:worker_threads');
  const begin = () => parentPort.postMessage('begun');
  const train = (model) => new SGD({ learningRate: 0 }).minimize(model.loss, { batches: true });
  const random = new Random(1);
  const docs = Array.from({ length: 5000 }, (_, i) => 'abcdefgh'.slice(i % 7));
  const tokenizer = new Tokenizer(docs);
  const { vocabSize } = tokenizer;
  const training = train(buildModel('rnn', vocabSize, {}, random));
  const dataset = tokenizer.corpus(docs, Int32Array.from(docs, (_, i) => i)).dataset(16);
  ${WORK[/** @type {keyof typeof WORK} */ (work)]}`;

for (let i = 0; i < Number(times); i++) {
  const worker = new Worker(code, { eval: true });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  await setTimeout((i * 7) % 12); // somewhere in the middle
  await worker.terminate();
  console.log(JSON.stringify({ resident: process.memoryUsage().rss }));
}
