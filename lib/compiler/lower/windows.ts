/** Convolutions and pooling: one instruction each, whose operands lie image by image. */
import { sizeOf, type Shape } from '../../core/shape.js';
import type { Window } from '../../graph/ops/window.js';
import type { Context } from './context.js';
import { copy, dense, zero } from './elementwise.js';
import { isDense, type View } from './view.js';

/** The numbers by which the machine knows the windows over images: see native/vm/window.h. */
function extentsOf(window: Window, image: Shape): number[] {
  return [0, 1].flatMap((i) => [
    image[i]!,
    window.count[i]!,
    window.size[i]!,
    window.stride[i]!,
    window.before[i]!,
    window.dilation[i]!,
  ]);
}

/** The numbers of one entry of the first axis. */
const numbersOf = (view: View): number => sizeOf(view.shape.slice(1));

/** What a convolution reads or writes: images x, their windows' results y, weights w. */
interface Parts {
  x: View;
  y: View;
  w: View;
}

/** Which of them the result of each operator is, and its operands. */
const ROLES = {
  conv: ['y', 'x', 'w'],
  convInput: ['x', 'y', 'w'],
  convWeights: ['w', 'x', 'y'],
} as const;
const OPCODES = { conv: 'conv', convInput: 'conv_input', convWeights: 'conv_weights' } as const;

export function emitConvolution(c: Context, node: number): void {
  const name = c.ir.opOf(node) as keyof typeof ROLES;
  const [result, first, second] = ROLES[name];
  const window = c.ir.attr(node).window!;
  const place = c.locate(node);
  const to = isDense(place) ? place : c.allocate(place.shape);
  const operands = [dense(c, c.input(node, 0)), dense(c, c.input(node, 1))] as const;
  const parts = { [result]: to, [first]: operands[0], [second]: operands[1] } as unknown as Parts;
  const accumulate = c.accumulates(node) && to === place;
  if (operands.every(({ shape }) => sizeOf(shape) > 0)) convolve(c, name, window, parts, accumulate);
  else if (!accumulate) zero(c, to);
  if (to !== place) copy(c, place, to, c.accumulates(node));
}

/** Outer loops are the groups; rows are the images. */
function convolve(
  c: Context,
  name: keyof typeof ROLES,
  window: Window,
  { x, y, w }: Parts,
  accumulate: boolean,
): void {
  const { groups } = window;
  const [ofX, ofY, ofW] = [numbersOf(x) / groups, numbersOf(y) / groups, sizeOf(w.shape) / groups];
  const operands = {
    x: [x.offset, ofX, 0, ofX * groups, 1],
    y: [y.offset, ofY, 0, ofY * groups, 1],
    w: [w.offset, ofW, 0, 1, 0],
  } as const;
  const [result, first, second] = ROLES[name];
  // The extents of images: as columns where the machine writes x, or reads no y.
  const [columns, inner] = name === 'conv' ? [ofY, ofX] : [ofX, ofY];
  c.emit({
    op: OPCODES[name],
    accumulate,
    extents: [groups, 1, x.shape[0]!, columns, inner],
    y: operands[result],
    a: operands[first],
    b: operands[second],
    imm0: ofW,
    imm1: c.out.group(extentsOf(window, x.shape.slice(-2))),
  });
}

const POOLS = {
  maxPool: 'max_pool',
  maxPoolPick: 'max_pool_pick',
  maxPoolGrad: 'max_pool_grad',
  sumPool: 'sum_pool',
  sumPoolGrad: 'sum_pool_grad',
} as const;

export function emitPool(c: Context, node: number): void {
  const name = c.ir.opOf(node) as keyof typeof POOLS;
  const { window, shape } = c.ir.attr(node);
  const place = c.locate(node);
  if (sizeOf(place.shape) === 0) return;
  const to = isDense(place) ? place : c.allocate(place.shape);
  const operands = c.ir.inputs(node).map((_, i) => dense(c, c.input(node, i)));
  // A gradient, which has a shape, writes planes; the others read them.
  const image = (shape ?? operands[0]!.shape).slice(-2);
  const plane = sizeOf(image);
  const windows = sizeOf(window!.count);
  const [columns, inner] = shape ? [plane, windows] : [windows, plane];
  const [a, b] = operands.map((view) => [view.offset, 0, 0, sizeOf(view.shape.slice(-2)), 1] as const);
  c.emit({
    op: POOLS[name],
    extents: [1, 1, sizeOf(place.shape) / columns, columns, inner],
    y: [to.offset, 0, 0, columns, 1],
    a,
    b,
    imm1: c.out.group(extentsOf(window!, image)),
  });
  if (to !== place) copy(c, place, to, false);
}
