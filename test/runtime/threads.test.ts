/** The addon in several threads of Node at once, each with programs and threads of its own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import { packageRoot } from '../../lib/core/package.js';
import { trained, type Trained } from '../support/trained.js';

const MODULE = join(packageRoot(), 'test/support/trained.ts');
const LOADER = import.meta.resolve('tsx/esm/api');
const WORKERS = 4;

/** What `trained` returns, from a thread of its own. */
function inWorker(name: ModelName): Promise<Trained> {
  // `--import tsx` reaches no worker of Node 20.
  const source = `
    const { tsImport } = await import(${JSON.stringify(LOADER)});
    const { trained } = await tsImport(${JSON.stringify(MODULE)}, 'file:///');
    (await import('node:worker_threads')).parentPort.postMessage(trained(${JSON.stringify(name)}));
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

describe('several threads of Node', () => {
  for (const name of MODEL_NAMES) {
    it(`train ${name} at once, to the same bits`, async function () {
      this.timeout(60_000);
      const expected = trained(name);
      const workers = Array.from({ length: WORKERS }, () => inWorker(name));
      // This thread trains too while they do.
      assert.deepEqual(trained(name), expected);
      for (const found of await Promise.all(workers)) assert.deepEqual(found, expected);
    });
  }
});
