/** The GPT with every coefficient a graph node of its own: the study's slow version. */
import { choose, constant, meanOfFirst, type Value } from '../graph.js';
import { Adam } from '../optim.js';
import type { ModelBuilder } from './model.js';

type Row = Value[];
const sum = (xs: Row): Value => xs.reduce((a, b) => a.add(b));
const dot = (a: Row, b: Row): Value => sum(a.map((x, i) => x.mul(b[i]!)));
const linear = (x: Row, w: Row[]): Row => w.map((row) => dot(row, x));
const plus = (a: Row, b: Row): Row => a.map((x, i) => x.add(b[i]!));

function rmsnorm(x: Row): Row {
  const scale = dot(x, x).div(x.length).add(1e-5).pow(-0.5);
  return x.map((xi) => xi.mul(scale));
}
function softmax(x: Row): Row {
  const max = x.reduce((a, b) => a.maximum(b)).detach();
  const exps = x.map((xi) => xi.sub(max).exp());
  const scale = constant(1).div(sum(exps));
  return exps.map((e) => e.mul(scale));
}

export const scalar: ModelBuilder = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, nHead, nLayer, blockSize } = sizes;
  const headDim = nEmbd / nHead;
  const wte = draw.scalars('wte', vocabSize, nEmbd);
  const wpe = draw.scalars('wpe', blockSize, nEmbd);
  const lmHead = draw.scalars('lm_head', vocabSize, nEmbd);
  const layers = Array.from({ length: nLayer }, (_, i) => ({
    wq: draw.scalars(`layer${i}.attn_wq`, nEmbd, nEmbd),
    wk: draw.scalars(`layer${i}.attn_wk`, nEmbd, nEmbd),
    wv: draw.scalars(`layer${i}.attn_wv`, nEmbd, nEmbd),
    wo: draw.scalars(`layer${i}.attn_wo`, nEmbd, nEmbd),
    fc1: draw.scalars(`layer${i}.mlp_fc1`, 4 * nEmbd, nEmbd),
    fc2: draw.scalars(`layer${i}.mlp_fc2`, nEmbd, 4 * nEmbd),
    keys: [] as Row[],
    values: [] as Row[],
  }));

  const logits: Row[] = [];
  const losses: Value[] = [];
  for (let pos = 0; pos < blockSize; pos++) {
    const token = wte[0]!.map((_, i) => choose(wte.map((row) => row[i]!), tokens.at(pos))); // prettier-ignore
    let x = rmsnorm(plus(token, wpe[pos]!));
    for (const { wq, wk, wv, wo, fc1, fc2, keys, values } of layers) {
      const normed = rmsnorm(x);
      const query = linear(normed, wq);
      keys.push(linear(normed, wk));
      values.push(linear(normed, wv));
      const heads = Array.from({ length: nHead }, (_, head) => {
        const part = (v: Row): Row => v.slice(head * headDim, (head + 1) * headDim);
        const scores = keys.map((k) => dot(part(query), part(k)).div(Math.sqrt(headDim)));
        const weights = softmax(scores);
        return part(query).map((_, i) => dot(weights, values.map((v) => part(v)[i]!))); // prettier-ignore
      });
      x = plus(linear(heads.flat(), wo), x);
      x = plus(linear(linear(rmsnorm(x), fc1).map((xi) => xi.relu()), fc2), x); // prettier-ignore
    }
    const y = linear(x, lmHead);
    logits.push(y);
    losses.push(choose(softmax(y), targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits,
    loss: meanOfFirst(losses, length),
    optimizer: (steps, rate = 0.01) =>
      new Adam({ learningRate: (step) => rate * (1 - step / steps), beta1: 0.85, beta2: 0.99 }),
  };
};
