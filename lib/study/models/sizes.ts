/** The models by name, and the sizes they are built with. */

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
