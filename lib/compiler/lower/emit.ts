/** From an operator to the function that writes its instructions. */
import { OPS, type OpName } from '../../graph/ops.js';
import type { Context } from './context.js';
import { copy, emitChooseGrad, emitDropout, emitKernel, emitPow } from './elementwise.js';
import { emitArgmax, emitGather, emitRowProduct, emitScatterAdd, emitTopk } from './indexing.js';
import { emitChoose, emitJoin, emitPad, emitTotal } from './joins.js';
import { emitMatmul } from './matmul.js';
import { emitCumsum, emitMax, emitSum } from './reductions.js';
import {
  emitCrossEntropy,
  emitCrossEntropyGrad,
  emitRmsNorm,
  emitRmsNormGrad,
  emitSoftmax,
  emitSoftmaxGrad,
} from './rows.js';
import { denseView, reshapeView } from './view.js';

/** Writes the instructions of a node, the current one of the context. */
type Emitter = (c: Context, node: number) => void;

/**
 * Operators that are neither one kernel nor a view; what is missing here only has a place: inputs,
 * constants.
 */
const EMITTERS: Partial<Record<OpName, Emitter>> = {
  pow: emitPow,
  dropout: emitDropout,
  reshape: emitReshape,
  sum: emitSum,
  max: emitMax,
  cumsum: emitCumsum,
  matmul: emitMatmul,
  softmax: emitSoftmax,
  softmaxGrad: emitSoftmaxGrad,
  rmsNorm: emitRmsNorm,
  rmsNormGrad: emitRmsNormGrad,
  crossEntropy: emitCrossEntropy,
  crossEntropyGrad: emitCrossEntropyGrad,
  gather: emitGather,
  scatterAdd: emitScatterAdd,
  gatherMatmul: emitRowProduct,
  gatherDot: emitRowProduct,
  scatterOuter: emitRowProduct,
  topk: emitTopk,
  argmax: emitArgmax,
  concat: emitJoin,
  stack: emitJoin,
  embed: emitPad,
  choose: emitChoose,
  chooseGrad: emitChooseGrad,
  index: placeIndex,
  step: placeIndex,
};

export function emit(c: Context, node: number): void {
  const op = c.ir.opOf(node);
  const { kind } = OPS[op].lower;
  // A sum of two can be planned as a total.
  if (c.placement.totals.has(node)) emitTotal(c, node);
  else if (kind === 'unary' || kind === 'binary') emitKernel(c, node);
  else (EMITTERS[op] ?? place)(c, node);
}

/** Gives a node its place, and writes nothing. */
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
