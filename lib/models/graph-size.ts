/** How large a model's graph would be, told before any of it is made. */
import type { ModelName, ModelSizes } from '../experiment.js';

/**
 * More leave no graph below about 2 GB: a node of `scalar` takes some 500 bytes, counted here per
 * product; what `vector` adds for each head and pair of positions, some 1,600.
 */
export const MOST_NODES = 1_000_000;

/** What a model's graph grows by: products, pairs of positions by heads, or positions. */
export function graphSize(model: ModelName, sizes: ModelSizes): number {
  const { nLayer, nHead, nEmbd, blockSize } = sizes;
  return {
    scalar: nLayer * blockSize * (12 * nEmbd ** 2 + blockSize * nEmbd),
    vector: nLayer * nHead * blockSize ** 2,
    rnn: blockSize,
    rnn_att: blockSize,
  }[model];
}
