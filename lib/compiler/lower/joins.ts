/** Instructions that join several nodes or add them up: `addN`, `stack`, `concat`, `choose`, `pad`. */
import { sizeOf } from '../../core/shape.js';
import type { Context } from './context.js';
import { copy, elementwise, zero } from './elementwise.js';
import { source } from './placement.js';
import { isDense, rowView, sliceView } from './view.js';

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
    const partner = rest.findIndex((term) => term.steps.length === 0 && term.position === position);
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
  const { positions } = ir.attr(node);
  const { position } = c;
  for (let i = 0; i < ir.inputCount(node); i++) {
    const input = ir.input(node, i);
    const member = source(ir, placement, input);
    if (placement.parent[member] === node && placement.operandIndex[member] === i) continue;
    if (positions) c.position = Math.max(position, positions[i]!);
    const to = isStack ? rowView(whole, i) : c.locator.joined(node, whole, i);
    copy(c, to, c.locate(input), false, c.positionsOf(input));
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
