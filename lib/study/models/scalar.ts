/** The GPT with every number as a graph node of its own: the study's slow version. */
import { constant, type Value } from '../../value/value.js';
import { choose, meanOfFirst } from '../../value/joins.js';
import { Adam } from '../../optim/optimizers.js';
import type { ModelBuilder } from './model.js';

type Row = Value[];
const sum = (xs: Row): Value => xs.reduce((a, b) => a.add(b));
const dot = (a: Row, b: Row): Value => sum(a.map((x, i) => x.mul(b[i]!)));
const linear = (x: Row, w: Row[]): Row => w.map((row) => dot(row, x));
const plus = (a: Row, b: Row): Row => a.map((x, i) => x.add(b[i]!));
const scale = (x: Row, by: Value): Row => x.map((xi) => xi.mul(by));
const rmsnorm = (x: Row): Row => scale(x, dot(x, x).div(x.length).add(1e-5).pow(-0.5));
const softmax = (x: Row): Row => {
  const max = x.reduce((a, b) => a.maximum(b)).detach();
  const exps = x.map((xi) => xi.sub(max).exp());
  return scale(exps, constant(1).div(sum(exps)));
};
export const scalar: ModelBuilder = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, nHead, nLayer, blockSize } = sizes;
  const headDim = nEmbd / nHead;
  const wte = draw.scalars('wte', vocabSize, nEmbd);
  const column = (i: number): Row => wte.map((row) => row[i]!);
  const wpe = draw.scalars('wpe', blockSize, nEmbd);
  const lmHead = draw.scalars('lm_head', vocabSize, nEmbd);
  const layers = Array.from({ length: nLayer }, (_, i) => {
    const square = (name: string): Row[] => draw.scalars(`layer${i}.attn_${name}`, nEmbd, nEmbd);
    const attn = { wq: square('wq'), wk: square('wk'), wv: square('wv'), wo: square('wo') };
    const fc1 = draw.scalars(`layer${i}.mlp_fc1`, 4 * nEmbd, nEmbd);
    const fc2 = draw.scalars(`layer${i}.mlp_fc2`, nEmbd, 4 * nEmbd);
    return { ...attn, fc1, fc2, keys: [] as Row[], values: [] as Row[] };
  });
  const logits: Row[] = [];
  const losses: Value[] = [];
  for (let pos = 0; pos < blockSize; pos++) {
    const token = wpe[pos]!.map((_, i) => choose(column(i), tokens.at(pos)));
    let x = rmsnorm(plus(token, wpe[pos]!));
    for (const { wq, wk, wv, wo, fc1, fc2, keys, values } of layers) {
      const normed = rmsnorm(x);
      const query = linear(normed, wq);
      keys.push(linear(normed, wk));
      values.push(linear(normed, wv));
      const heads = Array.from({ length: nHead }, (_, head) => {
        const part = (v: Row): Row => v.slice(head * headDim, (head + 1) * headDim);
        const scores = keys.map((k) => dot(part(query), part(k)).div(Math.sqrt(headDim)));
        return softmax(scores)
          .map((w, t) => scale(part(values[t]!), w))
          .reduce(plus);
      });
      x = plus(linear(heads.flat(), wo), x);
      x = plus(
        linear(
          linear(rmsnorm(x), fc1).map((xi) => xi.relu()),
          fc2,
        ),
        x,
      );
    }
    logits.push(linear(x, lmHead));
    losses.push(choose(softmax(logits[pos]!), targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits,
    loss: meanOfFirst(losses, length),
    optimizer: (steps, rate = 0.01) =>
      new Adam({ learningRate: (step) => rate * Math.max(0, 1 - step / steps), beta1: 0.85, beta2: 0.99 }),
  };
};
