/** The addon in several threads of Node at once, each with programs and threads of its own. */
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { bundled } from '../support/bundled.js';
import { trained, type Trained } from '../support/trained.js';

const MODULE = bundled('trained.ts');
const WORKERS = 4;

/** What `trained` returns for each model, from a thread of its own. */
function inWorker(): Promise<Trained[]> {
  const source = `
    const { trained } = await import(${JSON.stringify(pathToFileURL(MODULE))});
    const { parentPort } = await import('node:worker_threads');
    parentPort.postMessage(${JSON.stringify(MODEL_NAMES)}.map((name) => trained(name)));
  `;
  return new Promise((resolve, reject) => {
    const worker = new Worker(`(async () => {${source}})()`, { eval: true });
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', (code) => {
      reject(new Error(`the worker ended with ${code} and said nothing`));
    });
  });
}

describe('several threads of Node at once train, to the same bits,', () => {
  let expected: Trained[];
  let found: Trained[][];
  before(async () => {
    expected = MODEL_NAMES.map(trained);
    const workers = Array.from({ length: WORKERS }, inWorker);
    const own = MODEL_NAMES.map(trained); // this thread trains too while they do
    found = [own, ...(await Promise.all(workers))];
  });
  for (const [i, name] of MODEL_NAMES.entries()) {
    it(name, () => {
      for (const all of found) assert.deepEqual(all[i], expected[i]);
    });
  }
});
