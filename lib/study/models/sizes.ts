/**
 * The names of the models and their sizes: defaults, which models have which, and which must fit each other.
 */

/** The names of the models, from scalar operations to sparse firing. */
export const MODEL_NAMES = ['scalar', 'vector', 'rnn', 'rnn_att'] as const;

/** One of {@link MODEL_NAMES}. */
export type ModelName = (typeof MODEL_NAMES)[number];

/** The sizes of all models; a model ignores those it does not use. */
export interface ModelSizes {
  /** The length of an embedding (16). */
  nEmbd: number;
  /** Attention heads; must divide `nEmbd` (4; scalar, vector). */
  nHead: number;
  /** Layers (1; scalar, vector). */
  nLayer: number;
  /** The most positions read of a document (16). */
  blockSize: number;
  /** The length of the recurrent state (32; rnn, rnn_att). */
  nState: number;
  /** How many coordinates fire; at most `nState` (16; rnn_att). */
  nAtt: number;
}

/** What is known of one size. */
interface SizeInfo {
  /** The default. */
  byDefault: number;
  /** The models that use it. */
  models: readonly ModelName[];
}

const GPT: readonly ModelName[] = ['scalar', 'vector'];

/** Every size: its default, and the models that use it. */
export const SIZES: Readonly<Record<keyof ModelSizes, SizeInfo>> = {
  nEmbd: { byDefault: 16, models: MODEL_NAMES },
  nHead: { byDefault: 4, models: GPT },
  nLayer: { byDefault: 1, models: GPT },
  blockSize: { byDefault: 16, models: MODEL_NAMES },
  nState: { byDefault: 32, models: ['rnn', 'rnn_att'] },
  nAtt: { byDefault: 16, models: ['rnn_att'] },
};

export const SIZE_NAMES = Object.keys(SIZES) as (keyof ModelSizes)[];

export const DEFAULT_SIZES = Object.fromEntries(
  SIZE_NAMES.map((size) => [size, SIZES[size].byDefault]),
) as unknown as ModelSizes;

/** A constraint between two sizes. */
interface SizeRule {
  size: keyof ModelSizes;
  other: keyof ModelSizes;
  fits: (sizes: ModelSizes) => boolean;
  /** The words between the two sizes in a message. */
  misfit: string;
  /** Why the sizes must fit. */
  why: string;
}

/** The constraints between sizes; each applies to the models that use its first size. */
export const SIZE_RULES: readonly SizeRule[] = [
  {
    size: 'nHead',
    other: 'nEmbd',
    fits: ({ nHead, nEmbd }) => nEmbd % nHead === 0,
    misfit: 'does not divide',
    why: 'every head takes an equal part of the embedding',
  },
  {
    size: 'nAtt',
    other: 'nState',
    fits: ({ nAtt, nState }) => nAtt <= nState,
    misfit: 'is more than',
    why: 'only coordinates of the state can fire',
  },
];
