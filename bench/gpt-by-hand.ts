/**
 * The GPT of lib/study/models/vector.ts in batched form, written by hand: forward, backward and SGD by direct
 * calls of the kernels that compiled programs use. Compiled programs are compared with it, so it does what a
 * skilled author would: all positions at once, one product for query, key and value, heads as strides, and
 * updates fused with the products that are their gradients.
 */
import type { Value } from '../lib/value/value.js';
import type { ModelSizes } from '../lib/study/models/sizes.js';
import { addon } from '../lib/binding/addon.js';
import { matrices } from './matrices.js';

type Sizes = Pick<ModelSizes, 'nEmbd' | 'nHead' | 'nLayer' | 'blockSize'>;

const EPS = 1e-5;
export const MOMENTUM = 0.99;
const kernels = { ...addon.kernels, ...matrices };

/**
 * One matrix or `count` matrices in an array: strides of rows and columns, and `step` from each matrix to the
 * next.
 */
interface Matrix {
  data: Float32Array;
  rows: number;
  cols: number;
  row: number;
  col: number;
  step: number;
  count: number;
}

interface Weight extends Matrix {
  momentum: Float32Array;
  transposed: Matrix;
}

function matrix(rows: number, cols: number, count = 1): Matrix {
  const data = new Float32Array(count * rows * cols);
  return { data, rows, cols, row: cols, col: 1, step: rows * cols, count };
}

/** The same numbers, transposed. */
function transpose(x: Matrix): Matrix {
  return { ...x, rows: x.cols, cols: x.rows, row: x.col, col: x.row };
}

/** Columns of x from `start` on, as `count` matrices side by side. */
function heads(x: Matrix, count: number, start: number, cols: number): Matrix {
  const width = cols / count;
  return { ...x, data: x.data.subarray(start), cols: width, step: width, count };
}

/** A parameter made of the model's parameters side by side, with their initial numbers. */
function weight(...parts: Value[]): Weight {
  const rows = parts[0]!.shape[0]!;
  const w = matrix(
    rows,
    parts.reduce((sum, { shape }) => sum + shape[1]!, 0),
  );
  let start = 0;
  for (const { data, shape } of parts) {
    const cols = shape[1]!;
    for (let r = 0; r < rows; r++) w.data.set(data.subarray(r * cols, (r + 1) * cols), r * w.row + start);
    start += cols;
  }
  return { ...w, momentum: new Float32Array(w.data.length), transposed: transpose(w) };
}

/** y = a b, or y += a b, for each matrix in y. */
function multiply(y: Matrix, a: Matrix, b: Matrix, accumulate = 0): void {
  kernels.gemm(
    y.data,
    y.row,
    y.step,
    a.data,
    a.row,
    a.col,
    a.step,
    b.data,
    b.row,
    b.col,
    b.step,
    y.rows,
    y.cols,
    a.cols,
    y.count,
    accumulate,
  );
}

/** The size of a gradient block that stays in the second-level cache until the update has read it. */
const CACHED = 1 << 16;
const gradient = new Float32Array(2 * CACHED);

/**
 * A step of SGD on w, whose gradient is xᵀ dy: a few rows at a time, so that the gradient is never stored.
 */
function update({ data, momentum, rows, cols }: Weight, x: Matrix, dy: Matrix, rate: number): void {
  const some = Math.ceil(CACHED / cols);
  for (let r = 0; r < rows; r += some) {
    const m = Math.min(some, rows - r);
    kernels.gemm(
      gradient,
      cols,
      0,
      x.data.subarray(r),
      1,
      x.row,
      0,
      dy.data,
      dy.row,
      1,
      0,
      m,
      cols,
      x.rows,
      1,
      0,
    );
    kernels.sgd(data.subarray(r * cols), momentum.subarray(r * cols), gradient, m * cols, rate, MOMENTUM);
  }
}

/** RMS normalisation of rows, and what its gradient needs. */
class RmsNorm {
  readonly y: Matrix;
  private readonly inv: Float32Array;

  constructor(private readonly x: Matrix) {
    this.y = matrix(x.rows, x.cols);
    this.inv = new Float32Array(x.rows);
  }

  forward(): void {
    kernels.rmsNorm(this.y.data, this.inv, this.x.data, this.x.rows, this.x.cols, EPS);
  }

  /** Writes or adds the gradient to dx; dx may be dy. */
  backward(dx: Matrix, dy: Matrix, accumulate: number): void {
    kernels.rmsNormGrad(dx.data, dy.data, this.x.data, this.inv, dx.rows, dx.cols, accumulate);
  }
}

/** Gradients that exist only during a layer's backward pass. */
function makeScratch({ nEmbd: n, nHead, blockSize: t }: Sizes) {
  const [dAttended, dqkv] = [matrix(t, n), matrix(t, 3 * n)];
  const dShares = matrix(t, t, nHead);
  return {
    dNorm: matrix(t, n),
    dHidden: matrix(t, 4 * n),
    dAttended,
    dHeads: heads(dAttended, nHead, 0, n),
    dShares,
    dScores: transpose(dShares),
    dqkv,
    dq: heads(dqkv, nHead, 0, n),
    dk: heads(dqkv, nHead, n, n),
    dv: heads(dqkv, nHead, 2 * n, n),
  };
}
type Scratch = ReturnType<typeof makeScratch>;

/** The weights of a layer, what its forward pass keeps, and the views of both. */
function makeLayer(sizes: Sizes, parameter: (name: string) => Value, x: Matrix) {
  const { nEmbd: n, nHead, blockSize: t } = sizes;
  const [qkv, shares, attended, middle] = [matrix(t, 3 * n), matrix(t, t, nHead), matrix(t, n), matrix(t, n)];
  const [k, v] = [heads(qkv, nHead, n, n), heads(qkv, nHead, 2 * n, n)];
  return {
    wqkv: weight(parameter('attn_wq'), parameter('attn_wk'), parameter('attn_wv')),
    wo: weight(parameter('attn_wo')),
    fc1: weight(parameter('mlp_fc1')),
    fc2: weight(parameter('mlp_fc2')),
    x,
    norm1: new RmsNorm(x),
    qkv,
    q: heads(qkv, nHead, 0, n),
    k,
    v,
    kTransposed: transpose(k),
    vTransposed: transpose(v),
    shares,
    sharesTransposed: transpose(shares),
    attended,
    attendedHeads: heads(attended, nHead, 0, n),
    middle,
    norm2: new RmsNorm(middle),
    hidden: matrix(t, 4 * n),
    y: matrix(t, n), // the next layer's input
    scale: 1 / Math.sqrt(n / nHead),
  };
}
type Layer = ReturnType<typeof makeLayer>;

function forward(layer: Layer): void {
  const { x, norm1, qkv, shares, middle, norm2, hidden, y } = layer;
  norm1.forward();
  multiply(qkv, norm1.y, layer.wqkv);
  kernels.scale(layer.q.data, qkv.row, layer.scale, qkv.rows, x.cols);
  multiply(shares, layer.q, layer.kTransposed);
  kernels.causalSoftmax(shares.data, shares.data, shares.count, shares.rows);
  multiply(layer.attendedHeads, shares, layer.v);
  middle.data.set(x.data);
  multiply(middle, layer.attended, layer.wo, 1);
  norm2.forward();
  multiply(hidden, norm2.y, layer.fc1);
  kernels.relu(hidden.data, hidden.data);
  y.data.set(middle.data);
  multiply(y, hidden, layer.fc2, 1);
}

/**
 * Turns dx, the gradient of the layer's output, into that of its input. Each weight is updated after its last
 * use.
 */
function backward(layer: Layer, dx: Matrix, scratch: Scratch, rate: number): void {
  const { dNorm, dHidden, dAttended, dHeads, dShares, dScores, dqkv, dq, dk, dv } = scratch;
  const { norm1, shares, norm2, hidden } = layer;
  multiply(dHidden, dx, layer.fc2.transposed);
  update(layer.fc2, hidden, dx, rate);
  kernels.maskPositive(dHidden.data, dHidden.data, hidden.data, hidden.data.length);
  multiply(dNorm, dHidden, layer.fc1.transposed);
  update(layer.fc1, norm2.y, dHidden, rate);
  norm2.backward(dx, dNorm, 1);
  multiply(dAttended, dx, layer.wo.transposed);
  update(layer.wo, layer.attended, dx, rate);
  multiply(dShares, dHeads, layer.vTransposed);
  multiply(dv, layer.sharesTransposed, dHeads);
  kernels.softmaxGrad(dShares.data, shares.data, dShares.data, shares.count * shares.rows, shares.cols);
  multiply(dq, dShares, layer.k);
  kernels.scale(dq.data, dqkv.row, layer.scale, dqkv.rows, dx.cols);
  multiply(dk, dScores, layer.q);
  multiply(dNorm, dqkv, layer.wqkv.transposed);
  update(layer.wqkv, norm1.y, dqkv, rate);
  norm1.backward(dx, dNorm, 1);
}

export class GptByHand {
  private readonly wte: Weight;
  private readonly wpe: Weight;
  private readonly lmHead: Weight;
  private readonly embedded: Matrix;
  private readonly norm: RmsNorm;
  private readonly layers: Layer[] = [];
  private readonly y: Matrix;
  private readonly dx: Matrix;
  private readonly logits: Matrix;
  private readonly losses: Float32Array;
  private readonly dWte: Float32Array;
  private readonly scratch: Scratch;

  /** Starts from the current numbers of `parameters`, those of the model of these sizes. */
  constructor(sizes: Sizes, parameters: readonly Value[]) {
    const { nEmbd: n, blockSize: t, nLayer } = sizes;
    const parameter = (name: string): Value => parameters.find((value) => value.name === name)!;
    this.wte = weight(parameter('wte'));
    this.wpe = weight(parameter('wpe'));
    this.lmHead = weight(parameter('lm_head'));
    this.embedded = matrix(t, n);
    this.norm = new RmsNorm(this.embedded);
    this.y = this.norm.y;
    for (let i = 0; i < nLayer; i++) {
      const layer = makeLayer(sizes, (name) => parameter(`layer${i}.${name}`), this.y);
      this.layers.push(layer);
      this.y = layer.y;
    }
    this.dx = matrix(t, n);
    this.logits = matrix(t, this.lmHead.cols);
    this.losses = new Float32Array(t);
    this.dWte = new Float32Array(this.wte.data.length);
    this.scratch = makeScratch(sizes);
  }

  /** One step on a document as long as the block; returns the mean loss before the update. */
  step(tokens: Int32Array, targets: Int32Array, rate: number): number {
    const { wte, wpe, lmHead, embedded, y, dx, logits, losses, dWte } = this;
    const { rows, cols } = logits;
    kernels.gather(embedded.data, wte.data, tokens, wte.cols);
    kernels.add(embedded.data, embedded.data, wpe.data, embedded.data.length);
    this.norm.forward();
    for (const layer of this.layers) forward(layer);
    multiply(logits, y, lmHead);
    kernels.crossEntropy(losses, logits.data, logits.data, targets, rows, cols);

    kernels.crossEntropyGrad(logits.data, logits.data, 1 / rows, targets, rows, cols);
    multiply(dx, logits, lmHead.transposed);
    update(lmHead, y, logits, rate);
    for (const layer of this.layers.toReversed()) backward(layer, dx, this.scratch, rate);
    this.norm.backward(dx, dx, 0);
    kernels.sgd(wpe.data, wpe.momentum, dx.data, dx.data.length, rate, MOMENTUM);
    kernels.scatterAdd(dWte.fill(0), wte.rows, dx.data, tokens, dx.rows, dx.cols);
    kernels.sgd(wte.data, wte.momentum, dWte, dWte.length, rate, MOMENTUM);
    return losses.reduce((sum, loss) => sum + loss, 0) / rows;
  }
}
