/** Estimates the size of a model's graph and matrices before building it. */
import { MAX_COUNT } from '../../core/check.js';
import type { ModelName, ModelSizes } from './sizes.js';
import type { Sizes } from './model.js';

/**
 * The largest `graphSize`: a graph of that size takes about 2 GB. A product of `scalar` takes some 500 bytes;
 * a head at a pair of positions of `vector`, some 1,600; a position of the recurrent nets, which counts as
 * eight, some 4,000.
 */
export const MAX_NODES = 1_000_000;

/** The sizes that {@link graphSize} grows with. */
export const GRAPH_SIZES: Readonly<Record<ModelName, readonly (keyof ModelSizes)[]>> = {
  scalar: ['blockSize', 'nLayer', 'nEmbd'],
  vector: ['blockSize', 'nLayer', 'nHead'],
  rnn: ['blockSize'],
  rnn_att: ['blockSize'],
};

/** The sizes that the matrices grow with most. */
export const MATRIX_SIZES: Readonly<Record<ModelName, readonly (keyof ModelSizes)[]>> = {
  scalar: ['nEmbd', 'nLayer'],
  vector: ['nEmbd', 'nLayer'],
  rnn: ['nEmbd', 'nState'],
  rnn_att: ['nEmbd', 'nState'],
};

/**
 * The most numbers in a model's matrices: a program holds `MAX_COUNT`, and training keeps of each parameter
 * its number, its gradient and two moments.
 */
export const MAX_PARAMETERS = MAX_COUNT / 4;

/** What dominates the size of a model's graph: products, heads times pairs of positions, or positions. */
export function graphSize(model: ModelName, sizes: Sizes): number {
  const { nLayer, nHead, nEmbd, blockSize, vocabSize } = sizes;
  return {
    scalar: blockSize * (nLayer * (12 * nEmbd ** 2 + blockSize * nEmbd) + vocabSize * nEmbd),
    vector: nLayer * nHead * blockSize ** 2,
    rnn: 8 * blockSize,
    rnn_att: 8 * blockSize,
  }[model];
}

/** The matrices of a model, in the order in which it draws them. */
export function* matricesOf(
  model: ModelName,
  { vocabSize, nEmbd, nState, nLayer, blockSize }: Sizes,
): Generator<[name: string, shape: readonly [rows: number, cols: number]]> {
  yield ['wte', [vocabSize, nEmbd]];
  yield ['wpe', [blockSize, nEmbd]];
  if (model === 'rnn' || model === 'rnn_att') {
    yield ['m', [nState, nState]];
    yield ['token_proj', [nEmbd, nState]];
    yield ['pos_proj', [nEmbd, nState]];
    yield ['lm_head', [nState, vocabSize]];
    return;
  }
  // Those of `scalar` are transposed: they multiply from the left.
  const linear = (rows: number, cols: number) =>
    model === 'scalar' ? ([cols, rows] as const) : ([rows, cols] as const);
  yield ['lm_head', linear(nEmbd, vocabSize)];
  for (let i = 0; i < nLayer; i++) {
    for (const name of ['wq', 'wk', 'wv', 'wo']) yield [`layer${i}.attn_${name}`, [nEmbd, nEmbd]];
    yield [`layer${i}.mlp_fc1`, linear(nEmbd, 4 * nEmbd)];
    yield [`layer${i}.mlp_fc2`, linear(4 * nEmbd, nEmbd)];
  }
}

/** How many numbers the matrices of a model hold. */
export function parameterCount(model: ModelName, sizes: Sizes): number {
  let count = 0;
  for (const [, [rows, cols]] of matricesOf(model, sizes)) count += rows * cols;
  return count;
}
