/** A model after steps on single examples and on batches, on two threads. */
import { buildModel } from '../../lib/study/build-model.js';
import type { ModelName } from '../../lib/study/models/sizes.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { Adam } from '../../lib/optim/optimizers.js';
import { Random } from '../../lib/runtime/random.js';
import { checkControlState } from './control-state.js';

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 5, nState: 6, nAtt: 3 };
const VOCAB = 7;

export interface Trained {
  losses: number[];
  parameters: number[];
}

/** Returns the same numbers whenever and wherever it is called; the thread's state is then unchanged. */
export function trained(name: ModelName): Trained {
  const { loss, parameters } = buildModel(name, VOCAB, SIZES, new Random(3));
  const training = new Adam({ learningRate: 0.01 }).minimize(loss, { batches: true });
  const random = new Random(9);
  const docs = Array.from({ length: 6 }, (): Feeds => {
    const length = 1 + random.randbelow(SIZES.blockSize);
    const draw = (): number[] => Array.from({ length }, () => random.randbelow(VOCAB));
    return { tokens: draw(), targets: draw(), length };
  });
  const losses: number[] = [];
  for (let round = 0; round < 10; round++) {
    for (const doc of docs) losses.push(training.step(doc));
    losses.push(training.stepBatch(docs, { threads: 2 }), training.evaluate(docs[0]!));
  }
  checkControlState(`training ${name}`);
  return { losses, parameters: parameters.flatMap((value) => Array.from(value.data)) };
}
