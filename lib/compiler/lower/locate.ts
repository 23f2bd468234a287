/**
 * Where each node's numbers lie: in memory of their own, in a part of the array that they are written into,
 * or in the memory of the node that they view.
 */
import { resolveAxis, sizeOf } from '../../core/shape.js';
import type { Ir } from '../ir/ir.js';
import type { Layout } from './layout.js';
import type { Placement, Step, Term } from './places.js';
import {
  broadcastView,
  denseView,
  reshapeView,
  rowView,
  sliceView,
  transposeView,
  type View,
} from './view.js';

export class Locator {
  /** Where nodes lie, as far as they have been located. */
  readonly views: (View | undefined)[] = [];
  /** The options of each `choose`, stacked. */
  private readonly blocks = new Map<number, View>();
  /** Where the operands of a join start along its axis. */
  private readonly joins = new Map<number, Int32Array>();

  constructor(
    private readonly ir: Ir,
    private readonly placement: Placement,
    private readonly layout: Layout,
    private readonly gradientHome: ReadonlyMap<number, View>,
  ) {}

  /** Gives a node memory of its own. */
  allocate(node: number): View {
    return (this.views[node] = this.own(node));
  }

  /** Where a node's numbers lie. Views are followed to what they view, in a loop: there can be any number. */
  locate(node: number): View {
    const known = this.views[node];
    if (known) return known;
    const path = [node];
    for (;;) {
      const at = path[path.length - 1]!;
      const found = this.find(at);
      if (typeof found === 'number') {
        path.push(found);
        continue;
      }
      this.views[at] = found;
      if (path.length === 1) return found;
      path.pop();
    }
  }

  /** The part of an `addN` that a term fills, in the shape of the term's node. */
  part(addN: number, term: Term): View {
    return follow(this.locate(addN), term.steps);
  }

  /** The part of a concatenation's result that operand i fills. */
  joined(join: number, whole: View, i: number): View {
    const { ir } = this;
    const axis = resolveAxis(ir.attr(join).axis!, ir.shape(join));
    let starts = this.joins.get(join);
    if (!starts) {
      let start = 0;
      starts = Int32Array.from(ir.inputs(join), (input) => {
        const own = start;
        start += ir.shape(input)[axis]!;
        return own;
      });
      this.joins.set(join, starts);
    }
    return sliceView(whole, axis, starts[i]!, starts[i]! + ir.shape(ir.input(join, i))[axis]!);
  }

  /** Memory for the stacked options of a `choose`. */
  chooseBlock(choose: number): View {
    let block = this.blocks.get(choose);
    if (!block) {
      const shape = [this.ir.inputCount(choose) - 1, ...this.ir.shape(choose)];
      block = denseView(this.layout.allocateFor(choose, sizeOf(shape), undefined), shape);
      this.blocks.set(choose, block);
    }
    return block;
  }

  /** Where a node's numbers lie, or the node that has to be located before. */
  private find(node: number): View | number {
    const { ir, placement, views } = this;
    const home = this.gradientHome.get(node);
    if (home) return home;
    const shape = ir.shape(node);
    const op = ir.opOf(node);
    if (op === 'constant') return denseView(this.layout.constant(ir.constantValue(node)), []);
    if (op === 'table') return denseView(this.layout.table(ir.attr(node).numbers!), shape);
    if (op === 'parameter' || op === 'frozen')
      return denseView(this.layout.parameterOffsets.get(node)!, shape);
    if (ir.row(node).lower.kind === 'view' && !placement.hosts.has(node)) {
      const input = views[ir.input(node, 0)];
      if (!input) return ir.input(node, 0);
      const view = this.viewOf(node, input);
      if (view) return view;
    }
    const alias = placement.aliases.get(node);
    if (alias) {
      const stack = views[alias.stack];
      if (!stack) return alias.stack;
      const rows = sliceView(stack, 0, alias.start, alias.start + shape[0]!);
      // The rows may be the same numbers in another shape.
      return reshapeView(rows, shape)!;
    }
    const reused = placement.reused.get(node);
    if (reused !== undefined) return views[reused] ?? reused;
    const parent = placement.parent[node]!;
    if (parent >= 0) return this.insideParent(node, parent);
    return this.own(node);
  }

  /** Memory of its own for a node. */
  private own(node: number): View {
    const { ir, layout } = this;
    const shape = ir.shape(node);
    const positions = ir.axisPositions[node]?.[0];
    return denseView(layout.allocateFor(node, sizeOf(shape), positions), shape);
  }

  /** The view that a node is of its operand; null where it needs a copy of its own. */
  private viewOf(node: number, input: View): View | null {
    const { ir } = this;
    const attr = ir.attr(node);
    switch (ir.opOf(node)) {
      case 'transpose':
        return transposeView(input, attr.axes!);
      case 'broadcastTo':
        return broadcastView(input, ir.shape(node));
      case 'slice':
        return sliceView(input, attr.axis!, attr.start!, attr.stop!);
      case 'reshape':
        return reshapeView(input, ir.shape(node));
      default: // detach
        return input;
    }
  }

  /** The part of its parent that a node is written into, or the parent, to be located before. */
  private insideParent(node: number, parent: number): View | number {
    const { ir, placement } = this;
    const i = placement.operandIndex[node]!;
    if (ir.is(parent, 'choose')) return rowView(this.chooseBlock(parent), i);
    const whole = this.views[parent];
    if (!whole) return parent;
    const addN = placement.addNs.get(parent);
    if (addN) return follow(whole, addN.terms[i]!.steps);
    switch (ir.opOf(parent)) {
      case 'concat':
        return this.joined(parent, whole, i);
      case 'reshape':
        return follow(whole, placement.hosts.get(parent)!);
      default:
        return reshapeView(rowView(whole, i), ir.shape(node))!;
    }
  }
}

/** The part of a whole that steps lead to. */
function follow(view: View, steps: readonly Step[]): View {
  for (const step of steps) {
    if (step.kind === 'slice') view = sliceView(view, step.axis, step.start, step.stop);
    else if (step.kind === 'transpose') view = transposeView(view, step.axes);
    else view = reshapeView(view, step.shape)!;
  }
  return view;
}
