/** The study's published figures, after 1000 steps: what our own stand beside. */
import type { ModelName } from '../study/models/sizes.js';

export const STUDY_STEPS = 1000;

export const STUDY: Record<ModelName, { seconds: number; finalLoss: number }> = {
  scalar: { seconds: 160, finalLoss: 2.66 },
  vector: { seconds: 7, finalLoss: 2.63 },
  rnn: { seconds: 1.2, finalLoss: 2.35 },
  rnn_att: { seconds: 1.3, finalLoss: 2.3 },
};

/** The models in the order in which they are compared. */
export const MODELS = Object.keys(STUDY) as ModelName[];
