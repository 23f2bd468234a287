/** The table of functions that write the instructions of operators: one for each. */
import { UNARY_NAMES, type OpName, type UnaryName } from '../../graph/ops.js';
import type { Context } from './context.js';
import { copy, emitChooseGrad, emitDropout, emitKernel, emitPow } from './elementwise.js';
import { emitArgmax, emitGather, emitRowProduct, emitScatterAdd, emitTopk } from './indexing.js';
import { emitAddN, emitChoose, emitJoin, emitPad } from './joins.js';
import { emitMatmul } from './matmul.js';
import { emitCumsum, emitMax, emitSum } from './reductions.js';
import {
  emitCrossEntropy,
  emitCrossEntropyGrad,
  emitRmsNorm,
  emitRmsNormGrad,
  emitSoftmax,
  emitSoftmaxColumns,
  emitSoftmaxColumnsGrad,
  emitSoftmaxGrad,
} from './rows.js';
import { denseView, reshapeView } from './view.js';
import { emitConvolution, emitPool } from './windows.js';

/** Writes the instructions of a node, the current one of the context. */
type Emitter = (c: Context, node: number) => void;

const EMITTERS: Readonly<Record<OpName, Emitter>> = {
  ...(Object.fromEntries(UNARY_NAMES.map((name) => [name, emitKernel])) as Record<UnaryName, Emitter>),
  parameter: place,
  frozen: place,
  input: place,
  constant: place,
  table: place,
  inverseCount: place,
  index: placeIndex,
  integers: placeIndex,
  step: placeIndex,
  neg: emitKernel,
  pow: emitPow,
  add: emitKernel,
  sub: emitKernel,
  mul: emitKernel,
  div: emitKernel,
  mod: emitKernel,
  power: emitKernel,
  maximum: emitKernel,
  minimum: emitKernel,
  gt: emitKernel,
  ge: emitKernel,
  eq: emitKernel,
  logGrad: emitKernel,
  maskPositive: emitKernel,
  ifNonzero: emitKernel,
  ifZero: emitKernel,
  dropout: emitDropout,
  sum: emitSum,
  addN: emitAddN,
  max: emitMax,
  cumsum: emitCumsum,
  argmax: emitArgmax,
  topk: emitTopk,
  matmul: emitMatmul,
  gatherMatmul: emitRowProduct,
  gatherDot: emitRowProduct,
  scatterOuter: emitRowProduct,
  softmax: emitSoftmax,
  softmaxGrad: emitSoftmaxGrad,
  softmaxColumns: emitSoftmaxColumns,
  softmaxColumnsGrad: emitSoftmaxColumnsGrad,
  rmsNorm: emitRmsNorm,
  rmsNormGrad: emitRmsNormGrad,
  crossEntropy: emitCrossEntropy,
  crossEntropyGrad: emitCrossEntropyGrad,
  conv: emitConvolution,
  convInput: emitConvolution,
  convWeights: emitConvolution,
  maxPool: emitPool,
  maxPoolPick: emitPool,
  maxPoolGrad: emitPool,
  sumPool: emitPool,
  sumPoolGrad: emitPool,
  detach: place,
  reshape: emitReshape,
  transpose: place,
  broadcastTo: place,
  slice: place,
  pad: emitPad,
  concat: emitJoin,
  stack: emitJoin,
  element: place,
  elements: place,
  gather: emitGather,
  scatterAdd: emitScatterAdd,
  choose: emitChoose,
  chooseGrad: emitChooseGrad,
};

export function emit(c: Context, node: number): void {
  // A sum of two can be planned as an `addN`.
  if (c.placement.addNs.has(node)) emitAddN(c, node);
  else EMITTERS[c.ir.opOf(node)](c, node);
}

/** Gives a node its place, but writes no instruction. */
function place(c: Context, node: number): void {
  c.locate(node);
}

function placeIndex(c: Context, node: number): void {
  c.layout.slot(node);
}

/** A view, unless the numbers lie so that the new shape needs a copy. */
function emitReshape(c: Context, node: number): void {
  const input = c.ir.input(node, 0);
  const isView = c.placement.hosts.has(node) || reshapeView(c.locate(input), c.ir.shape(node)) !== null;
  const target = c.locate(node);
  if (isView) return;
  copy(c, denseView(target.offset, c.ir.shape(input)), c.locate(input), false, c.positionsOf(input));
}
