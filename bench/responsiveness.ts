/** How training in the background affects the event loop: how late timers are, how long an abort takes. */
import { buildModel } from '../lib/study/build-model.js';
import type { ModelName } from '../lib/study/models/sizes.js';
import { Random } from '../lib/runtime/random.js';
import { train } from '../lib/study/train.js';
import { median, tokenizer, train as documents, type Effort, type Row } from './measure.js';

const TICK = 5;
const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Trains a model until it is aborted. */
function started(name: ModelName, signal: AbortSignal, steps = 5_000_000): Promise<unknown> {
  const model = buildModel(name, tokenizer.vocabSize, {}, new Random(42));
  // With this rate the training never diverges, however many steps it takes.
  return train(model, documents, { steps, lr: 1e-9, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** How many milliseconds a timer of 5 ms is late: the 50th and 99th percentiles, and the maximum. */
async function lateness(models: readonly ModelName[], seconds: number): Promise<number[]> {
  const controller = new AbortController();
  const running = models.map((name) => started(name, controller.signal));
  await sleep(200); // until they have compiled
  const late: number[] = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end;) {
    const began = performance.now();
    await sleep(TICK);
    late.push(performance.now() - began - TICK);
  }
  controller.abort();
  await Promise.all(running);
  late.sort((a, b) => a - b);
  return [0.5, 0.99, 1].map((share) => late[Math.ceil(share * late.length) - 1]!);
}

export async function responsivenessRows(
  models: readonly ModelName[],
  { turns, quick }: Effort,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, names] of [
    ['alone', []],
    [`beside ${models.length} models`, models],
  ] as const) {
    const found = await lateness(names, quick ? 2 : 10);
    ['median', '99th percentile', 'most'].forEach((which, i) => {
      rows.push({ what: `timer late, ${what}: ${which}`, value: found[i]!, unit: 'ms' });
    });
  }
  for (const name of models) {
    const times: number[] = [];
    for (let turn = 0; turn < 3 * turns; turn++) {
      const controller = new AbortController();
      const running = started(name, controller.signal);
      await sleep(60 + 7 * (turn % 5));
      const began = performance.now();
      controller.abort();
      await running;
      times.push(performance.now() - began);
    }
    rows.push({ what: `${name} abort: median`, value: median(times), unit: 'ms' });
    rows.push({ what: `${name} abort: most`, value: Math.max(...times), unit: 'ms' });
  }
  return rows;
}
