/** The GPT on arrays: the same network as `scalar`, one matrix product at a time. */
import { softmax } from '../../value/softmax.js';
import type { Value } from '../../value/value.js';
import { concat, meanOfFirst, stack } from '../../value/joins.js';
import { SGD } from '../../optim/optimizers.js';
import { decay } from '../../optim/rates.js';
import type { ModelBuilder } from './model.js';

const rmsnorm = (x: Value): Value => x.mul(x.mul(x).mean().add(1e-5).pow(-0.5));

export const vector: ModelBuilder = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, nHead, nLayer, blockSize } = sizes;
  const headDim = nEmbd / nHead;
  const wte = draw.matrix('wte', vocabSize, nEmbd);
  const wpe = draw.matrix('wpe', blockSize, nEmbd);
  const lmHead = draw.matrix('lm_head', nEmbd, vocabSize);
  const layers = Array.from({ length: nLayer }, (_, i) => ({
    wq: draw.matrix(`layer${i}.attn_wq`, nEmbd, nEmbd),
    wk: draw.matrix(`layer${i}.attn_wk`, nEmbd, nEmbd),
    wv: draw.matrix(`layer${i}.attn_wv`, nEmbd, nEmbd),
    wo: draw.matrix(`layer${i}.attn_wo`, nEmbd, nEmbd),
    fc1: draw.matrix(`layer${i}.mlp_fc1`, nEmbd, 4 * nEmbd),
    fc2: draw.matrix(`layer${i}.mlp_fc2`, 4 * nEmbd, nEmbd),
    keys: [] as Value[],
    values: [] as Value[],
  }));

  const logits: Value[] = [];
  const losses: Value[] = [];
  for (let pos = 0; pos < blockSize; pos++) {
    let x = rmsnorm(wte.at(tokens.at(pos)).add(wpe.at(pos)));
    for (const { wq, wk, wv, wo, fc1, fc2, keys, values } of layers) {
      const normed = rmsnorm(x);
      const query = normed.matmul(wq);
      keys.push(normed.matmul(wk));
      values.push(normed.matmul(wv));
      const heads = Array.from({ length: nHead }, (_, head) => {
        const part = (v: Value): Value => v.slice(head * headDim, (head + 1) * headDim, -1);
        const scores = part(stack(keys)).matmul(part(query)).div(Math.sqrt(headDim));
        return softmax(scores).matmul(part(stack(values)));
      });
      x = concat(heads).matmul(wo).add(x);
      x = rmsnorm(x).matmul(fc1).relu().matmul(fc2).add(x);
    }
    const y = x.matmul(lmHead);
    logits.push(y);
    losses.push(softmax(y).at(targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits: logits.map((y) => [y]),
    loss: meanOfFirst(losses, length),
    optimizer: (_, rate = 0.002) => new SGD({ learningRate: decay(rate, 0.998), momentum: 0.99 }),
  };
};
