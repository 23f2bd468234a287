/**
 * What training and sampling take where nothing is asked for: the library, the command line and its help read
 * it.
 */

/** The defaults of experiments; those of model sizes are in models/sizes.ts. */
export const DEFAULTS = {
  /** Training steps. */
  steps: 1000,
  /** The seed of all random numbers. */
  seed: 42,
  /** Documents to invent. */
  samples: 20,
  /** The temperature of sampling. */
  temperature: 0.5,
  /** Documents a step. */
  batch: 1,
} as const;
