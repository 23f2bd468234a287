/** The models by name, and the sizes they are built with: defaults, which model has which, what must fit. */

/** The models by name, from one number at a time to sparse firing. */
export const MODEL_NAMES = ['scalar', 'vector', 'rnn', 'rnn_att'] as const;

/** One of {@link MODEL_NAMES}. */
export type ModelName = (typeof MODEL_NAMES)[number];

/** Every size of every model; a model ignores the sizes it has no use for. */
export interface ModelSizes {
  /** Length of an embedding (16). */
  nEmbd: number;
  /** Attention heads, dividing `nEmbd` (4; scalar, vector). */
  nHead: number;
  /** Layers (1; scalar, vector). */
  nLayer: number;
  /** Positions read of a document (16). */
  blockSize: number;
  /** Length of the recurrent state (32; rnn, rnn_att). */
  nState: number;
  /** Coordinates that fire, at most `nState` (16; rnn_att). */
  nAtt: number;
}

/** One size of the models. */
interface SizeInfo {
  /** Where none is given. */
  byDefault: number;
  /** The models that have it. */
  models: readonly ModelName[];
}

const GPT: readonly ModelName[] = ['scalar', 'vector'];

/** Every size: its default, and the models that have it. */
export const SIZES: Readonly<Record<keyof ModelSizes, SizeInfo>> = {
  nEmbd: { byDefault: 16, models: MODEL_NAMES },
  nHead: { byDefault: 4, models: GPT },
  nLayer: { byDefault: 1, models: GPT },
  blockSize: { byDefault: 16, models: MODEL_NAMES },
  nState: { byDefault: 32, models: ['rnn', 'rnn_att'] },
  nAtt: { byDefault: 16, models: ['rnn_att'] },
};

/** The names of the sizes. */
export const SIZE_NAMES = Object.keys(SIZES) as (keyof ModelSizes)[];

/** The default of each size. */
export const DEFAULT_SIZES = Object.fromEntries(
  SIZE_NAMES.map((size) => [size, SIZES[size].byDefault]),
) as unknown as ModelSizes;

/** A size that must fit another. */
interface SizeRule {
  size: keyof ModelSizes;
  other: keyof ModelSizes;
  fits: (sizes: ModelSizes) => boolean;
  /** Says, between the two in a message, how they do not fit. */
  misfit: string;
  /** Why they must. */
  why: string;
}

/** The sizes that must fit each other, in the models that have the first of the two. */
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
    why: 'no more coordinates can fire than the state has',
  },
];
