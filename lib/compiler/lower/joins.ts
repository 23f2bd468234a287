/** Instructions that join several nodes or add them up: `addN`, `stack`, `concat`, `choose`, `pad`. */
import { sizeOf } from '../../core/shape.js';
import { MAX_VIEWS } from '../ir/views.js';
import type { Context } from './context.js';
import { copy, elementwise, zero } from './elementwise.js';
import { source } from './placement.js';
import { fills, type Term } from './places.js';
import { isDense, reshapeView, rowView, sliceView, type View } from './view.js';

/** Adds the terms that their own instructions have not written into the `addN`. */
export function emitAddN(c: Context, node: number): void {
  const { terms } = c.placement.addNs.get(node)!;
  const { position } = c;
  const isReused = c.placement.reused.has(node);
  const base = terms.filter((term) => !term.placed && term.base && !isReused);
  const rest = terms.filter((term) => !term.placed && !term.base);
  c.locate(node);
  // Two whole terms at one position need no copy first.
  const [first] = base;
  if (first && base.length === 1 && first.steps.length === 0) {
    const isWhole = (term: Term): boolean =>
      term.steps.length === 0 && term.position === position && fills(c.ir, node, term);
    const partner = rest.findIndex(isWhole);
    if (partner >= 0) {
      const second = rest.splice(partner, 1)[0]!;
      const operands = [c.locate(first.node), c.locate(second.node)];
      elementwise(c, 'add', c.locate(node), operands, false, c.positionsOf(node));
      base.length = 0;
    }
  }
  for (const term of [...base, ...rest]) {
    c.position = term.position;
    copy(c, c.locator.part(node, term), c.locate(term.node), !term.base, c.positionsOf(term.node));
  }
  c.position = position;
}

/** Copies the operands of a stack or concatenation that were not written in place. */
export function emitJoin(c: Context, node: number): void {
  const { ir, placement } = c;
  if (placement.aliases.has(node)) {
    c.locate(node);
    return;
  }
  const whole = c.locate(node);
  const isStack = ir.is(node, 'stack');
  const n = ir.inputCount(node);
  const isInPlace = (i: number): boolean => {
    const member = source(ir, placement, ir.input(node, i));
    return placement.parent[member] === node && placement.operandIndex[member] === i;
  };
  for (let i = 0; i < n; i++) {
    if (isInPlace(i)) continue;
    const input = ir.input(node, i);
    if (isStack) {
      const first = i;
      const step = i + 1 < n ? stepBetween(c, input, ir.input(node, i + 1)) : undefined;
      while (step !== undefined && i + 1 < n && !isInPlace(i + 1)) {
        if (stepBetween(c, ir.input(node, i), ir.input(node, i + 1)) !== step) break;
        i++;
      }
      copyRows(c, node, whole, first, i + 1, step ?? 0);
    } else copy(c, c.locator.joined(node, whole, i), c.locate(input), false, c.positionsOf(input));
  }
}

/**
 * How far behind one node another lies in the same memory, laid out like it, both whole in every run; else
 * undefined.
 */
function stepBetween(c: Context, one: number, next: number): number | undefined {
  if (c.positionsOf(one) || c.positionsOf(next)) return undefined;
  const [from, to] = [c.locate(one), c.locate(next)];
  const step = to.offset - from.offset;
  if (step < 0 || !from.strides.every((stride, i) => stride === to.strides[i])) return undefined;
  return hostOf(c, one) === hostOf(c, next) ? step : undefined;
}

/**
 * The node in whose memory another lies, as far as `MAX_VIEWS` steps lead to it; ~node: the memory for the
 * options of a `choose`.
 */
function hostOf(c: Context, node: number): number {
  const { ir, placement, gradientHome } = c;
  for (let i = 0; i < MAX_VIEWS && !gradientHome.has(node); i++) {
    const isView = ir.row(node).lower.kind === 'view' && !placement.hosts.has(node);
    if (isView && ir.is(node, 'reshape') && !reshapeView(c.input(node, 0), ir.shape(node))) break; // a copy
    const parent = placement.parent[node]!;
    if (isView) node = ir.input(node, 0);
    else if (parent >= 0 && ir.is(parent, 'choose'))
      return ~parent; // the options have memory of their own
    else if (parent >= 0) node = parent;
    else {
      const host = placement.aliases.get(node)?.stack ?? placement.reused.get(node);
      if (host === undefined) break;
      node = host;
    }
  }
  return node;
}

/** Copies operands `from` to before `to`, which lie `step` numbers apart, to these rows of a stack. */
function copyRows(c: Context, node: number, whole: View, from: number, to: number, step: number): void {
  const { position } = c;
  const { positions } = c.ir.attr(node);
  const input = c.ir.input(node, from);
  const first = c.locate(input);
  if (positions) c.position = Math.max(position, positions[from]!);
  if (to - from === 1) copy(c, rowView(whole, from), first, false, c.positionsOf(input));
  else {
    const rows = { ...first, shape: [to - from, ...first.shape], strides: [step, ...first.strides] };
    const own = positions?.slice(from, to).map((each) => Math.max(position, each));
    copy(c, sliceView(whole, 0, from, to), rows, false, [own, ...first.shape.map(() => undefined)]);
  }
  c.position = position;
}

/** Stacks the options and gathers the one that the last operand, an index, names. */
export function emitChoose(c: Context, node: number): void {
  const { ir, placement } = c;
  const block = c.locator.chooseBlock(node);
  const n = ir.inputCount(node) - 1;
  for (let i = 0; i < n; i++) {
    const input = ir.input(node, i);
    if (placement.parent[input] === node && placement.operandIndex[input] === i) continue;
    copy(c, rowView(block, i), c.locate(input), false);
  }
  // The instruction writes one row, in one piece; the place can have gaps, as a part of a join has.
  const place = c.locate(node);
  const y = isDense(place) ? place : c.allocate(place.shape);
  c.emit({
    op: 'gather',
    extents: [1, 1, 1, sizeOf(y.shape), 1],
    y: [y.offset, 0, 0, 0, 1],
    a: [block.offset, 0, 0, block.strides[0]!, 1],
    x: [c.layout.slot(ir.input(node, n)), 0, 0, 1, 0],
    imm0: n,
  });
  if (y !== place) copy(c, place, y, false, c.positionsOf(node));
}

/** The operand in the middle of zeros. */
export function emitPad(c: Context, node: number): void {
  const { ir } = c;
  const view = c.locate(node);
  const { axis, start } = ir.attr(node) as { axis: number; start: number };
  zero(c, view);
  const input = ir.input(node, 0);
  const part = sliceView(view, axis, start, start + ir.shape(input)[axis]!);
  copy(c, part, c.locate(input), false, c.positionsOf(input));
}
