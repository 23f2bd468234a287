/** A vanilla recurrent net on arrays: one state vector, one matrix from each state to the next. */
import { softmax } from '../../value/softmax.js';
import type { Value } from '../../value/value.js';
import { meanOfFirst } from '../../value/joins.js';
import { zeros } from '../../value/leaves.js';
import { SGD } from '../../optim/optimizers.js';
import { decay } from '../../optim/rates.js';
import type { ModelBuilder } from './model.js';

export const rnn: ModelBuilder = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, blockSize, nState } = sizes;
  const wte = draw.matrix('wte', vocabSize, nEmbd);
  const wpe = draw.matrix('wpe', blockSize, nEmbd);
  const m = draw.matrix('m', nState, nState);
  const tokenProj = draw.matrix('token_proj', nEmbd, nState);
  const posProj = draw.matrix('pos_proj', nEmbd, nState);
  const lmHead = draw.matrix('lm_head', nState, vocabSize);

  const logits: Value[] = [];
  const losses: Value[] = [];
  let h = zeros([nState]);
  for (let pos = 0; pos < blockSize; pos++) {
    const token = wte.at(tokens.at(pos)).matmul(tokenProj);
    const place = wpe.at(pos).matmul(posProj);
    h = h.matmul(m).add(token).add(place).relu();
    const y = h.matmul(lmHead);
    logits.push(y);
    losses.push(softmax(y).at(targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits: logits.map((y) => [y]),
    loss: meanOfFirst(losses, length),
    optimizer: (_, rate = 0.01) => new SGD({ learningRate: decay(rate, 0.998), momentum: 0.99 }),
  };
};
