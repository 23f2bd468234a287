/** The defaults of training and sampling, for the library, the command line and its help. */

/** The defaults of experiments; those of model sizes are in models/sizes.ts. */
export const DEFAULTS = {
  /** Training steps. */
  steps: 1000,
  /** The seed of all random numbers. */
  seed: 42,
  /** Documents to sample. */
  samples: 20,
  /** The sampling temperature. */
  temperature: 0.5,
  /** Documents per step. */
  batch: 1,
} as const;
