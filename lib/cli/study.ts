/** The study's published figures, which `vecgrad compare` shows beside ours. */
import type { ModelName } from '../study/models/sizes.js';

/** The number of training steps behind the study's figures. */
export const STUDY_STEPS = 1000;

export const STUDY: Record<ModelName, { seconds: number; finalLoss: number }> = {
  scalar: { seconds: 160, finalLoss: 2.66 },
  vector: { seconds: 7, finalLoss: 2.63 },
  rnn: { seconds: 1.2, finalLoss: 2.35 },
  rnn_att: { seconds: 1.3, finalLoss: 2.3 },
};
