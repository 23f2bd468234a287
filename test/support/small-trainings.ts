/** Trainings of small models on a few documents, whose bits are compared. */
import type { Feeds } from '../../lib/runtime/feeds.js';
import { Random } from '../../lib/runtime/random.js';
import type { Training } from '../../lib/optim/training.js';
import type { Value } from '../../lib/value/value.js';
import type { ModelName } from '../../lib/study/models/sizes.js';
import type { Target } from './targets.js';
import { buildModel } from '../../lib/study/build-model.js';
import { Adam } from '../../lib/optim/optimizers.js';

export const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 5, nState: 6, nAtt: 3 };

export const VOCAB = 7;

export const STEPS = 4;

export function documents(count: number): Feeds[] {
  const random = new Random(9);
  return Array.from({ length: count }, () => {
    const length = 1 + random.randbelow(SIZES.blockSize);
    const tokens = (): number[] => Array.from({ length }, () => random.randbelow(VOCAB));
    return { tokens: tokens(), targets: tokens(), length };
  });
}

export const DOCS = documents(STEPS);

interface Run {
  training: Training;
  parameters: readonly Value[];
  losses: number[];
}

export function start(name: ModelName, target: Target): Run {
  const { loss, parameters } = buildModel(name, VOCAB, SIZES, new Random(3));
  const training = new Adam({ learningRate: 0.01 }).minimize(loss, { ...target, batches: true });
  return { training, parameters, losses: [] };
}

export function step(run: Run, i: number): void {
  run.losses.push(run.training.step(DOCS[i]!));
}

export const ended = ({ losses, parameters }: Run): number[] => [
  ...losses,
  ...parameters.flatMap((value) => [...value.data]),
];
