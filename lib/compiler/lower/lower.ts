/** From the compiler's graph to one flat program over one arena: arrays, any rank. */
import { OPS, type OpName } from '../../graph/ops.js';
import { resolveAxis, sizeOf, type Shape } from '../../core/shape.js';
import { Encoder, type Matrix, type Operand } from './encode.js';
import { Layout, type Lowered, type LoweringOptions } from './layout.js';
import type { Ir } from '../ir/ir.js';
import { type AxisLevels, both } from '../ir/axes.js';
import { emitSteps, fusedUpdates, viewedNodes } from './updates.js';
import { place, source } from './placement.js';
import type { Placement, Step, Term } from './places.js';
import {
  broadcastView,
  denseView,
  isDense,
  reshapeView,
  rowView,
  sliceView,
  transposeView,
  type View,
} from './view.js';

interface Axis {
  n: number;
  strides: number[];
  /** Present where the axis is run up to the prefix only: a level for each n / length numbers. */
  levels?: readonly number[] | undefined;
}

/** From so many numbers on, a transposed operand may be left in place: see `swappedProduct`. */
const LARGE_MATRIX = 1 << 14;

/** What ends in an instruction that can finish its sums. */
const ROW_PRODUCTS: ReadonlySet<OpName> = new Set<OpName>(['gatherMatmul', 'gatherDot', 'scatterOuter']);
const PRODUCTS: ReadonlySet<OpName> = new Set<OpName>(['matmul', 'gatherMatmul']);

/** A fixed size, or an axis. */
type Extent = number | { n: number; levels?: readonly number[] | undefined };

export function lower(ir: Ir, options: LoweringOptions): Lowered {
  return new Lowering(ir, options).run();
}

class Lowering {
  private readonly placement: Placement;
  private readonly layout: Layout;
  private readonly out = new Encoder();
  private readonly views: (View | undefined)[] = [];
  private readonly blocks = new Map<number, View>();
  private readonly seconds = new Map<number, View>();
  /** Where the operands of a join start along its axis. */
  private readonly joins = new Map<number, Int32Array>();
  /** Parameters updated by a product, and what is computed by their update alone. */
  private readonly fused: ReadonlyMap<number, number> = new Map();
  private readonly postponed = new Set<number>();
  private readonly results: ReadonlySet<number>;
  private readonly gradientHome = new Map<number, View>();
  private readonly transposed = new Map<string, View>();
  private readonly leveled = new Map<string, number>();
  private viewed: Int32Array | undefined;
  private readInAnyOrder: ReadonlyMap<number, number> | undefined;
  private node = 0;
  private level = 0;

  constructor(
    private readonly ir: Ir,
    private readonly options: LoweringOptions,
  ) {
    this.results = new Set(options.results);
    const keep = new Set([...options.keep, ...options.gradients.values()]);
    this.placement = place(ir, keep, options.place);
    // Steps before an update need the gradients in memory, and change what products would read.
    if (options.update && !options.update.before && options.fuseUpdate)
      this.fused = fusedUpdates(ir, this.placement, options.gradients);
    this.layout = new Layout(ir, this.placement.live, options, new Set(this.fused.keys()));
    for (const [parameter, gradient] of options.gradients) {
      const offset = this.layout.parameterOffsets.get(parameter);
      if (offset === undefined) continue;
      if (this.fused.has(parameter)) {
        this.postponed.add(gradient).add(this.fused.get(parameter)!);
        continue;
      }
      const at = this.layout.block.gradients + offset - this.layout.block.offset;
      this.gradientHome.set(gradient, denseView(at, ir.shape(parameter)));
    }
  }

  run(): Lowered {
    const { ir, out, layout, options } = this;
    this.section(0, ir.forwardEnd);
    const forward = out.count;
    out.endPart();
    const results = options.results.length ? this.endOf(options.results) : forward;
    this.section(ir.forwardEnd, ir.count);
    const backward = out.count;
    out.endPart();
    this.level = 0;
    if (options.update) {
      emitSteps(
        out,
        layout.block,
        options.update,
        options.watched.map((watched) => this.locate(watched)),
      );
      this.emitUpdate(options.update.op);
    }
    if (options.sequence) out.sortByLevel();
    const { code, extents } = out.finish(ir.maxLevel);
    return {
      code,
      extents,
      tape: new Uint32Array(0),
      arenaSize: layout.size,
      intsSize: layout.ints,
      levels: ir.maxLevel,
      nodes: out.nodes,
      sections: { results, forward, backward, update: out.count },
      parameters: layout.block,
      view: (node) => this.views[node],
      slot: (node) => layout.slot(node),
      constants: layout.constants,
    };
  }

  /** First what products update, then the rest: some of those products read the rest. */
  private emitUpdate(op: 'sgd' | 'adam'): void {
    const { layout, ir } = this;
    const { block } = layout;
    for (const [parameter, product] of this.fused) {
      this.node = product;
      const [a, b] = ir.inputs(product).map((operand) => this.locate(operand)) as [View, View];
      const [m, n] = ir.shape(parameter) as [number, number];
      if (!m || !n) continue;
      const k = a.shape[1]!;
      // A run shorter than the product's level has no gradient, but moments that decay.
      const level = ir.levels[product]!;
      const own = both(this.levelsOf(ir.input(product, 0))?.[1], this.levelsOf(ir.input(product, 1))?.[0]);
      const levels = own ?? (level > 0 ? new Array<number>(k).fill(level) : undefined);
      const right = b.strides[1] === 1 || n === 1 ? b : this.transposedCopy(b, ir.input(product, 1));
      const at = layout.parameterOffsets.get(parameter)! - block.offset;
      this.out.emit(product, {
        op: `gemm_${op}`,
        level: 0,
        extents: this.extents([1, 1, m, n, { n: k, levels: levels?.map((l) => Math.max(l, level)) }]),
        y: [block.offset + at, 0, 0, n, 1],
        a: [a.offset, 0, 0, a.strides[0]!, a.strides[1]!],
        b: [right.offset, 0, 0, right.strides[0]!, 1],
        c: [block.moments[0]! + at, 0, 0, n, 1],
        imm0: block.rule,
        imm1: (block.moments[1] ?? -at) + at,
      });
    }
    this.node = -1;
    if (!block.withGradient) return;
    this.out.emit(-1, {
      op,
      level: 0,
      extents: this.extents([1, 1, 1, block.withGradient, 1]),
      y: [block.offset, 0, 0, 0, 1],
      a: [block.moments[0]!, 0, 0, 0, 1],
      b: [block.gradients, 0, 0, 0, 1],
      c: [block.moments[1] ?? 0, 0, 0, 0, 1],
      imm0: block.rule,
    });
  }

  /** The number of instructions after which nodes are computed. */
  private endOf(nodes: readonly number[]): number {
    const { ir, out } = this;
    const needed = new Uint8Array(ir.count);
    for (const node of nodes) needed[node] = 1;
    for (let node = ir.count - 1; node >= 0; node--) {
      if (needed[node]) for (const input of ir.inputs(node)) needed[input] = 1;
    }
    let end = out.count;
    while (end > 0 && out.nodes[end - 1]! >= 0 && !needed[out.nodes[end - 1]!]) end--;
    return end;
  }

  private section(from: number, to: number): void {
    const { ir, placement } = this;
    // Sums that start from zero lie together: one instruction clears them.
    const zeroed: number[] = [];
    for (let node = from; node < to; node++) {
      if (
        placement.live[node] &&
        placement.totals.get(node)?.zeroed &&
        !this.gradientHome.has(node) &&
        !this.postponed.has(node)
      ) {
        zeroed.push(node);
      }
    }
    const start = this.layout.size;
    for (const node of zeroed) this.own(node);
    this.node = -1;
    this.level = 0;
    this.fill(start, this.layout.size - start);
    // An update leaves zeros behind it.
    const hasGradients = to > ir.forwardEnd && this.gradientHome.size > 0;
    if (hasGradients && !this.options.update)
      this.fill(this.layout.block.gradients, this.layout.block.withGradient);
    for (let node = from; node < to; node++) {
      if (!placement.live[node] || placement.absorbed[node] || this.postponed.has(node)) continue;
      this.node = node;
      this.level = ir.levels[node]!;
      this.emit(node);
    }
  }

  // --- where things lie ---

  private own(node: number): View {
    const shape = this.ir.shape(node);
    const view = denseView(this.layout.allocate(sizeOf(shape)), shape);
    this.views[node] = view;
    return view;
  }

  private scalar(value: number): View {
    return denseView(this.layout.constant(value), []);
  }

  /** Where a node's numbers lie; views are followed to what they view, in any number. */
  private locate(node: number): View {
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

  /** Where a node's numbers lie, or the node that has to be located before that can be told. */
  private find(node: number): View | number {
    const { ir, placement, views } = this;
    const home = this.gradientHome.get(node);
    if (home) return home;
    const shape = ir.shape(node);
    const op = ir.opOf(node);
    if (op === 'constant') return this.scalar(ir.constantValue(node));
    if (op === 'parameter') return denseView(this.layout.parameterOffsets.get(node)!, shape);
    if (OPS[op].lower.kind === 'view' && !placement.hosts.has(node)) {
      const input = views[ir.input(node, 0)];
      if (!input) return ir.input(node, 0);
      const view = this.viewOf(node, input);
      if (view) return view;
    }
    const alias = placement.aliases.get(node);
    if (alias) {
      const stack = views[alias.stack];
      return stack ? sliceView(stack, 0, alias.start, alias.start + shape[0]!) : alias.stack;
    }
    const owner = placement.tookOver.get(node);
    if (owner !== undefined) return views[owner] ?? owner;
    const parent = placement.parent[node]!;
    if (parent >= 0) return this.insideParent(node, parent);
    return denseView(this.layout.allocate(sizeOf(shape)), shape);
  }

  /** What a view shows of its operand; null where it needs a copy of its own. */
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

  private insideParent(node: number, parent: number): View | number {
    const { ir, placement } = this;
    const i = placement.position[node]!;
    if (ir.is(parent, 'choose')) return rowView(this.chooseBlock(parent), i);
    const whole = this.views[parent];
    if (!whole) return parent;
    const total = placement.totals.get(parent);
    if (total) return follow(whole, total.terms[i]!.steps);
    switch (ir.opOf(parent)) {
      case 'concat':
        return this.joined(parent, whole, i);
      case 'reshape':
        return follow(whole, placement.hosts.get(parent)!);
      default:
        return reshapeView(rowView(whole, i), ir.shape(node))!;
    }
  }

  /** The part of a total that a term fills, in the shape of the term's node. */
  private part(total: number, term: Term): View {
    return follow(this.locate(total), term.steps);
  }

  /** The part of a join's result that operand i fills. */
  private joined(join: number, whole: View, i: number): View {
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

  private chooseBlock(choose: number): View {
    let block = this.blocks.get(choose);
    if (!block) {
      const shape = [this.ir.inputCount(choose) - 1, ...this.ir.shape(choose)];
      block = denseView(this.layout.allocate(sizeOf(shape)), shape);
      this.blocks.set(choose, block);
    }
    return block;
  }

  // --- instructions ---

  private extents(
    sizes: readonly [Extent, Extent, Extent, Extent, Extent],
  ): [number, number, number, number, number] {
    const id = (extent: Extent): number => {
      if (typeof extent === 'number') return this.out.literal(extent);
      return extent.levels ? this.byLevel(extent.levels, extent.n) : this.out.literal(extent.n);
    };
    return [id(sizes[0]), id(sizes[1]), id(sizes[2]), id(sizes[3]), id(sizes[4])];
  }

  /** The extent of an axis of n numbers, equally many for each of `levels`. */
  private byLevel(levels: readonly number[], n: number): number {
    const key = `${n}:${levels.join()}`;
    let id = this.leveled.get(key);
    if (id === undefined) {
      const each = n / levels.length;
      const counts = new Array<number>(this.ir.maxLevel + 1).fill(0);
      for (const level of levels) if (level < this.ir.maxLevel) counts[level + 1]! += each;
      for (let length = 1; length < counts.length; length++) counts[length]! += counts[length - 1]!;
      id = this.out.byLevel(counts);
      this.leveled.set(key, id);
    }
    return id;
  }

  /** The levels of a node's axes. */
  private levelsOf(node: number): AxisLevels | undefined {
    return this.ir.axisLevels[node];
  }

  private fill(offset: number, size: number, value = 0): void {
    if (!size) return;
    this.out.emit(this.node, {
      op: 'fill',
      level: this.level,
      extents: this.extents([1, 1, 1, size, 1]),
      y: [offset, 0, 0, size, 1],
      a: [this.layout.constant(value), 0, 0, 0, 0],
    });
  }

  /** Whether this node's instruction adds to a total or writes. */
  private accumulates(node: number): boolean {
    const parent = this.placement.parent[node]!;
    const total = this.placement.totals.get(parent);
    return total !== undefined && !total.terms[this.placement.position[node]!]!.base;
  }

  /** Whether what this node adds to needs no zeros first: a sum, or a gradient the update cleared. */
  private addsToZero(node: number): boolean {
    const cleared = this.options.update && this.gradientHome.has(this.placement.parent[node]!);
    return this.accumulates(node) || cleared === true;
  }

  private emit(node: number): void {
    const { ir } = this;
    const op = ir.opOf(node);
    if (this.placement.totals.has(node)) {
      this.emitTotal(node);
      return;
    }
    const lowering = OPS[op].lower;
    const input = (i: number): View => this.locate(ir.input(node, i));
    if (lowering.kind === 'unary' || lowering.kind === 'binary') {
      if (this.finishes(node)) return;
      const operands = lowering.kind === 'unary' ? [input(0)] : [input(0), input(1)];
      this.elementwise(
        lowering.kernel,
        this.locate(node),
        operands,
        this.accumulates(node),
        this.levelsOf(node),
      );
      return;
    }
    switch (op) {
      case 'pow':
        this.emitPow(node);
        break;
      case 'reshape':
        if (this.placement.hosts.has(node)) this.locate(node);
        else if (!reshapeView(input(0), ir.shape(node))) {
          const target = this.locate(node);
          this.copy(
            denseView(target.offset, ir.shape(ir.input(node, 0))),
            input(0),
            false,
            this.levelsOf(ir.input(node, 0)),
          );
        } else this.locate(node);
        break;
      case 'sum':
        this.emitSum(
          this.locate(node),
          input(0),
          ir.attr(node).axes,
          this.accumulates(node),
          this.levelsOf(ir.input(node, 0)),
        );
        break;
      case 'max':
        this.emitMax(node);
        break;
      case 'cumsum':
        this.emitCumsum(node);
        break;
      case 'dropout':
        this.emitDropout(node);
        break;
      case 'argmax':
        this.emitArgmax(node);
        break;
      case 'matmul':
        this.emitMatmul(node);
        break;
      case 'softmax':
        this.rowwise(
          'softmax',
          this.locate(node),
          [this.rows(input(0))],
          false,
          this.levelsOf(node),
          ir.attr(node).lengths,
        );
        break;
      case 'softmaxGrad':
        this.rowwise(
          'softmax_grad',
          this.locate(node),
          [this.rows(input(0)), this.rows(input(1))],
          this.accumulates(node),
          this.levelsOf(node),
        );
        break;
      case 'rmsNorm': {
        const y = this.locate(node);
        const { scale, eps } = ir.attr(node) as { scale: number; eps: number };
        const parts = { y, a: this.rows(input(0)), c: this.second(node, y.shape.slice(0, -1)) };
        const numbers = { imm0: this.layout.constant(scale), imm1: this.layout.constant(eps) };
        this.byRow('rms_norm', parts, this.levelsOf(node), numbers);
        break;
      }
      case 'rmsNormGrad': {
        const y = this.locate(node);
        const c = this.second(ir.input(node, 2), y.shape.slice(0, -1));
        const parts = { y, a: this.rows(input(0)), b: this.rows(input(1)), c };
        const numbers = { imm0: this.layout.constant(ir.attr(node).scale!) };
        this.byRow('rms_norm_grad', parts, this.levelsOf(node), numbers, this.accumulates(node));
        break;
      }
      case 'crossEntropy': {
        const x = this.rows(input(0));
        const p = this.second(node, x.shape);
        const loss = this.locate(node);
        // The machine writes the losses side by side.
        const c = isDense(loss) ? loss : denseView(this.layout.allocate(sizeOf(loss.shape)), loss.shape);
        const numbers = { imm0: x.shape[x.shape.length - 1]! };
        this.byRow(
          'cross_entropy',
          { y: p, a: x, c, x: this.indexView(ir.input(node, 1)) },
          this.levelsOf(ir.input(node, 0)),
          numbers,
        );
        if (c !== loss) this.copy(loss, c, false, this.levelsOf(node));
        break;
      }
      case 'crossEntropyGrad': {
        const y = this.locate(node);
        const a = this.second(ir.input(node, 2), y.shape);
        const numbers = { imm0: y.shape[y.shape.length - 1]! };
        this.byRow(
          'cross_entropy_grad',
          { y, a, b: input(0), x: this.indexView(ir.input(node, 3)) },
          this.levelsOf(node),
          numbers,
          this.accumulates(node),
        );
        break;
      }
      case 'gatherMatmul':
      case 'gatherDot':
      case 'scatterOuter':
        this.emitRowProduct(node);
        break;
      case 'embed': {
        const view = this.locate(node);
        const { axis, start } = ir.attr(node) as { axis: number; start: number };
        this.elementwise('copy', view, [this.scalar(0)], false);
        this.copy(
          sliceView(view, axis, start, start + ir.shape(ir.input(node, 0))[axis]!),
          input(0),
          false,
          this.levelsOf(ir.input(node, 0)),
        );
        break;
      }
      case 'concat':
      case 'stack':
        this.emitJoin(node);
        break;
      case 'gather':
        this.emitGather(node);
        break;
      case 'scatterAdd':
        this.emitScatter(node);
        break;
      case 'choose':
        this.emitChoose(node);
        break;
      case 'chooseGrad':
        this.elementwise(
          'choose_grad',
          this.locate(node),
          [input(0)],
          this.accumulates(node),
          this.levelsOf(node),
          {
            slot: this.layout.slot(ir.input(node, 1)),
            choice: ir.attr(node).choice!,
          },
        );
        break;
      case 'topk': {
        const x = input(0);
        this.out.emit(node, {
          op: 'topk',
          level: this.level,
          extents: this.extents([1, 1, 1, x.shape[0]!, ir.attr(node).k!]),
          a: [x.offset, 0, 0, 0, x.strides[0]!],
          x: [this.layout.slot(node), 0, 0, 0, 1],
          imm0: this.isReadInOrder(node) ? 0 : 1,
        });
        break;
      }
      case 'index':
      case 'step':
        this.layout.slot(node);
        break;
      case 'input':
      case 'inverseCount':
      case 'constant':
      case 'parameter':
        this.locate(node);
        break;
      default: // views
        this.locate(node);
    }
  }

  /** Has the product before do this node's work, where nothing else reads that product. */
  private finishes(node: number): boolean {
    const { ir, placement } = this;
    const op = ir.opOf(node);
    if (!this.options.finish) return false;
    if (op !== 'relu' && op !== 'maskPositive' && op !== 'add') return false;
    const accumulates = this.accumulates(node);
    return (op === 'add' ? [0, 1] : [0]).some((i) => {
      const product = ir.input(node, i);
      const isOwn = placement.uses[product] === 1 && placement.parent[product] === -1;
      if (!isOwn || this.results.has(product)) return false;
      if (!PRODUCTS.has(ir.opOf(product)) && !placement.totals.has(product)) return false;
      const shape = ir.shape(node);
      if (shape.join() !== ir.shape(product).join()) return false;
      const levels = this.levelsOf(node);
      const rank = shape.length;
      const axis = (at: number): Extent => (at < 0 ? 1 : { n: shape[at]!, levels: levels?.[at] });
      const from = matrixOf(this.locate(product));
      const to = matrixOf(this.locate(node));
      const other = op === 'relu' ? undefined : ir.input(node, 1 - i);
      if (other !== undefined && shape.join() !== ir.shape(other).join()) return false;
      const second = other === undefined ? undefined : matrixOf(this.locate(other));
      if (!from || !to || second === null) return false;
      const extents = this.extents([1, 1, axis(rank - 2), axis(rank - 1), 1]).slice(0, 4);
      return this.out.finishProduct(this.level, extents, op, from, to, second, accumulates);
    });
  }

  private copy(to: View, from: View, accumulate: boolean, levels?: AxisLevels): void {
    this.elementwise('copy', to, [from], accumulate, levels);
  }

  /** Numbers whose last axis has unit stride: the view itself, or a copy. */
  private rows(view: View): View {
    const last = view.shape.length - 1;
    if (view.strides[last] === 1 || view.shape[last] === 1) return view;
    return this.dense(view);
  }

  private dense(view: View): View {
    if (isDense(view)) return view;
    const copy = denseView(this.layout.allocate(sizeOf(view.shape)), view.shape);
    this.copy(copy, view, false);
    return copy;
  }

  /**
   * One instruction over the broadcast of the operands: axes of length 1 vanish, adjacent axes that
   * step together merge, and what is left becomes two outer loops, rows and columns.
   */
  private elementwise(
    op: string,
    y: View,
    operands: readonly View[],
    accumulate: boolean,
    levels?: AxisLevels,
    chosen?: { slot: number; choice: number },
  ): void {
    const strides = [y.strides, ...operands.map((view) => broadcastView(view, y.shape).strides)];
    const axes = mergeAxes(y.shape, strides, levels);
    if (!axes) return;
    const inner = axes[axes.length - 1];
    const fits = inner && inner.strides[0] === 1 && inner.strides.every((s) => s === 0 || s === 1);
    if (!fits) axes.push({ n: 1, strides: [1, ...operands.map(() => 0)] });
    this.loops(axes, 4, [y.offset, ...operands.map((view) => view.offset)], (four, offsets) => {
      const operand = (i: number): Operand => [
        offsets[i]!,
        four[0]!.strides[i]!,
        four[1]!.strides[i]!,
        four[2]!.strides[i]!,
        four[3]!.strides[i]!,
      ];
      this.out.emit(this.node, {
        op,
        level: this.level,
        accumulate,
        extents: this.extents([four[0]!, four[1]!, four[2]!, four[3]!, 1]),
        y: operand(0),
        ...(operands.length > 0 && { a: operand(1) }),
        ...(operands.length > 1 && { b: operand(2) }),
        ...(chosen && { x: [chosen.slot, 0, 0, 0, 0] as const, imm1: chosen.choice }),
      });
    });
  }

  /** Pads axes to `count`, or unrolls the leading ones, and calls `emit` for what is left. */
  private loops(
    axes: readonly Axis[],
    count: number,
    offsets: readonly number[],
    emit: (axes: readonly Axis[], offsets: readonly number[]) => void,
  ): void {
    if (axes.length > count) {
      const [lead, ...rest] = axes as [Axis, ...Axis[]];
      const level = this.level;
      for (let i = 0; i < lead.n; i++) {
        if (lead.levels)
          this.level = Math.max(level, lead.levels[Math.floor((i * lead.levels.length) / lead.n)]!);
        this.loops(
          rest,
          count,
          offsets.map((offset, j) => offset + i * lead.strides[j]!),
          emit,
        );
      }
      this.level = level;
      return;
    }
    const unit: Axis = { n: 1, strides: offsets.map(() => 0) };
    emit([...new Array<Axis>(count - axes.length).fill(unit), ...axes], offsets);
  }

  /** An instruction that works along the last axis; the others are rows and outer loops. */
  private rowwise(
    op: string,
    y: View,
    operands: readonly View[],
    accumulate: boolean,
    levels?: AxisLevels,
    lengths?: { first: number; step: number },
  ): void {
    const last = y.shape.length - 1;
    const cols = y.shape[last]!;
    const all = [y, ...operands];
    // Lengths that change by the row need that axis for themselves.
    const marks = lengths?.step ? y.shape.map((_, i) => (i === last - 1 ? 1 : 0)) : undefined;
    const axes = mergeAxes(
      y.shape.slice(0, -1),
      all.map((view) => view.strides.slice(0, -1)),
      levels,
      marks,
    );
    if (!axes || !cols) return;
    this.loops(
      axes,
      3,
      all.map((view) => view.offset),
      (three, offsets) => {
        const operand = (i: number): Operand => [
          offsets[i]!,
          three[0]!.strides[i]!,
          three[1]!.strides[i]!,
          three[2]!.strides[i]!,
          1,
        ];
        this.out.emit(this.node, {
          op,
          level: this.level,
          accumulate,
          extents: this.extents([three[0]!, three[1]!, three[2]!, { n: cols, levels: levels?.[last] }, 1]),
          y: operand(0),
          a: operand(1),
          ...(operands.length > 1 && { b: operand(2) }),
          imm0: lengths?.first ?? cols,
          imm1: lengths?.step ?? 0,
        });
      },
    );
  }

  /**
   * One instruction for all rows of the last axis. Operands of the rows' shape (the others have one
   * axis more) hold one number per row; those of c and x lie side by side.
   */
  private byRow(
    op: string,
    parts: Readonly<Partial<Record<'y' | 'a' | 'b' | 'c' | 'x', View>>> & { y: View },
    levels: AxisLevels | undefined,
    numbers: { imm0?: number; imm1?: number },
    accumulate = false,
  ): void {
    const rank = parts.y.shape.length;
    const cols = parts.y.shape[rank - 1]!;
    const names = Object.keys(parts) as (keyof typeof parts)[];
    const views = names.map((name) => parts[name]!);
    const axes = mergeAxes(
      parts.y.shape.slice(0, -1),
      views.map((view) => view.strides.slice(0, rank - 1)),
      levels,
    );
    if (!axes || !cols) return;
    this.loops(
      axes,
      3,
      views.map((view) => view.offset),
      (three, offsets) => {
        const operands: Partial<Record<keyof typeof parts, Operand>> = {};
        names.forEach((name, i) => {
          const column = views[i]!.shape.length === rank ? 1 : 0;
          operands[name] = [
            offsets[i]!,
            three[0]!.strides[i]!,
            three[1]!.strides[i]!,
            three[2]!.strides[i]!,
            column,
          ];
        });
        this.out.emit(this.node, {
          op,
          level: this.level,
          accumulate,
          extents: this.extents([three[0]!, three[1]!, three[2]!, cols, 1]),
          ...operands,
          ...numbers,
        });
      },
    );
  }

  /** What an instruction computes beside a node's numbers, for the node's gradient. */
  private second(node: number, shape: Shape): View {
    let view = this.seconds.get(node);
    if (!view) {
      view = denseView(this.layout.allocate(sizeOf(shape)), shape);
      this.seconds.set(node, view);
    }
    return view;
  }

  private indexView(node: number): View {
    return denseView(this.layout.slot(node), this.ir.shape(node));
  }

  private emitPow(node: number): void {
    const exponent = this.ir.attr(node).exponent!;
    const y = this.locate(node);
    const x = this.locate(this.ir.input(node, 0));
    const accumulate = this.accumulates(node);
    const kernel = { '-0.5': 'rsqrt', '0.5': 'sqrt', '-1': 'reciprocal', '1': 'copy' }[String(exponent)];
    const levels = this.levelsOf(node);
    if (kernel) this.elementwise(kernel, y, [x], accumulate, levels);
    else if (exponent === 2) this.elementwise('mul', y, [x, x], accumulate, levels);
    else this.elementwise('pow', y, [x, this.scalar(exponent)], accumulate, levels);
  }

  private emitSum(
    y: View,
    x: View,
    axesAttr: readonly number[] | undefined,
    accumulate: boolean,
    levels?: AxisLevels,
  ): void {
    const reduced = new Set((axesAttr ?? x.shape.map((_, i) => i)).map((a) => resolveAxis(a, x.shape)));
    const yStrides: number[] = [];
    let kept = 0;
    x.shape.forEach((_, i) => yStrides.push(reduced.has(i) ? 0 : y.strides[kept++]!));
    const marks = x.shape.map((_, i) => (reduced.has(i) ? 1 : 0));
    // The mark keeps a reduced axis from merging with a kept one of stride 0.
    const axes = mergeAxes(x.shape, [yStrides, x.strides], levels, marks);
    const zero = (): void => {
      if (!accumulate) this.elementwise('copy', y, [this.scalar(0)], false);
    };
    if (!axes) {
      if (sizeOf(y.shape)) zero();
      return;
    }
    const isReduced = (axis: Axis): boolean => axis.strides[0] === 0;
    const inner = axes.findIndex((axis) => axis.strides[1] === 1);
    const others = axes.filter((_, i) => i !== inner);
    const offsets = [y.offset, x.offset];
    if (inner >= 0 && isReduced(axes[inner]!)) {
      const partial = others.some(isReduced);
      if (partial) zero();
      this.loops(others, 3, offsets, (three, at) => {
        this.out.emit(this.node, {
          op: 'row_sum',
          level: this.level,
          accumulate: accumulate || partial,
          extents: this.extents([three[0]!, three[1]!, three[2]!, axes[inner]!, 1]),
          y: [at[0]!, three[0]!.strides[0]!, three[1]!.strides[0]!, three[2]!.strides[0]!, 0],
          a: [at[1]!, three[0]!.strides[1]!, three[1]!.strides[1]!, three[2]!.strides[1]!, 1],
        });
      });
      return;
    }
    const rows = others.findIndex(isReduced);
    if (inner >= 0 && rows >= 0 && axes[inner]!.strides[0] === 1) {
      const outer = others.filter((_, i) => i !== rows);
      const partial = outer.some(isReduced);
      if (partial) zero();
      this.loops(outer, 2, offsets, (two, at) => {
        this.out.emit(this.node, {
          op: 'col_sum',
          level: this.level,
          accumulate: accumulate || partial,
          extents: this.extents([two[0]!, two[1]!, others[rows]!, axes[inner]!, 1]),
          y: [at[0]!, two[0]!.strides[0]!, two[1]!.strides[0]!, 0, 1],
          a: [at[1]!, two[0]!.strides[1]!, two[1]!.strides[1]!, others[rows]!.strides[1]!, 1],
        });
      });
      return;
    }
    // Any strides: add element by element onto a broadcast result.
    zero();
    const spread: View = { offset: y.offset, shape: x.shape, strides: yStrides };
    this.elementwise('copy', spread, [x], true, levels);
  }

  private emitMax(node: number): void {
    const { ir } = this;
    const y = this.locate(node);
    const x = this.locate(ir.input(node, 0));
    const axes = ir.attr(node).axes ?? x.shape.map((_, i) => i);
    const gone = [...new Set(axes.map((axis) => resolveAxis(axis, x.shape)))];
    const kept = x.shape.map((_, i) => i).filter((i) => !gone.includes(i));
    // The axes that vanish come last, as one.
    const turned = transposeView(x, [...kept, ...gone]);
    const n = sizeOf(gone.map((axis) => x.shape[axis]!));
    const shape = [...y.shape, n];
    const rows = this.rows(reshapeView(turned, shape) ?? reshapeView(this.dense(turned), shape)!);
    const outer = mergeAxes(y.shape, [y.strides, rows.strides.slice(0, -1)], this.levelsOf(node));
    if (!outer) return;
    this.loops(outer, 3, [y.offset, rows.offset], (three, at) => {
      const [one, two, row] = three as [Axis, Axis, Axis];
      this.out.emit(this.node, {
        op: 'row_max',
        level: this.level,
        extents: this.extents([one, two, row, n, 1]),
        y: [at[0]!, one.strides[0]!, two.strides[0]!, row.strides[0]!, 0],
        a: [at[1]!, one.strides[1]!, two.strides[1]!, row.strides[1]!, 1],
      });
    });
  }

  private emitCumsum(node: number): void {
    const { ir } = this;
    const { axis, reverse } = ir.attr(node) as { axis: number; reverse?: boolean };
    const [y, x] = [this.locate(node), this.locate(ir.input(node, 0))];
    const along = resolveAxis(axis, y.shape);
    const others = <A>(list: readonly A[]): A[] => list.filter((_, i) => i !== along);
    const levels = this.levelsOf(node);
    const outer = mergeAxes(
      others(y.shape),
      [others(y.strides), others(x.strides)],
      levels && others(levels),
    );
    if (!outer) return;
    this.loops(outer, 3, [y.offset, x.offset], (three, at) => {
      const operand = (i: number, view: View): Operand => [
        at[i]!,
        three[0]!.strides[i]!,
        three[1]!.strides[i]!,
        three[2]!.strides[i]!,
        view.strides[along]!,
      ];
      const length = { n: y.shape[along]!, levels: levels?.[along] };
      this.out.emit(this.node, {
        op: 'cumsum',
        level: this.level,
        extents: this.extents([three[0]!, three[1]!, three[2]!, length, 1]),
        y: operand(0, y),
        a: operand(1, x),
        imm0: reverse ? 1 : 0,
      });
    });
  }

  /** In one piece: a number's place decides whether it is dropped. */
  private emitDropout(node: number): void {
    const { ir } = this;
    const { rate, seed } = ir.attr(node) as { rate: number; seed: number };
    const y = this.locate(node);
    const x = this.dense(this.locate(ir.input(node, 0)));
    const n = sizeOf(y.shape);
    if (!n) return;
    const whole = isDense(y) ? y : denseView(this.layout.allocate(n), y.shape);
    this.out.emit(node, {
      op: 'dropout',
      level: this.level,
      extents: this.extents([1, 1, 1, n, 1]),
      y: [whole.offset, 0, 0, 0, 1],
      a: [x.offset, 0, 0, 0, 1],
      b: [this.layout.constant(1 / (1 - rate)), 0, 0, 0, 0],
      x: [this.layout.slot(ir.input(node, 1)), 0, 0, 0, 0],
      imm0: seed,
      // The machine reads 32 bits without a sign.
      imm1: Math.floor(rate * 2 ** 32) | 0,
    });
    if (whole !== y) this.copy(y, whole, false);
  }

  private emitArgmax(node: number): void {
    const { ir } = this;
    const index = this.indexView(node);
    const x = this.locate(ir.input(node, 0));
    const along = resolveAxis(ir.attr(node).axis!, x.shape);
    const outer = mergeAxes(index.shape, [index.strides, x.strides.filter((_, i) => i !== along)]);
    if (!outer) return;
    this.loops(outer, 2, [index.offset, x.offset], (two, at) => {
      const [one, other] = two as [Axis, Axis];
      this.out.emit(this.node, {
        op: 'topk',
        level: this.level,
        extents: this.extents([one, other, 1, x.shape[along]!, 1]),
        a: [at[1]!, one.strides[1]!, other.strides[1]!, 0, x.strides[along]!],
        x: [at[0]!, one.strides[0]!, other.strides[0]!, 0, 1],
      });
    });
  }

  private emitTotal(node: number): void {
    const { terms } = this.placement.totals.get(node)!;
    const level = this.level;
    const tookOver = this.placement.tookOver.has(node);
    const base = terms.filter((term) => !term.placed && term.base && !tookOver);
    const rest = terms.filter((term) => !term.placed && !term.base);
    this.locate(node);
    // Two whole terms at one level need no copy first.
    const [first] = base;
    if (first && base.length === 1 && first.steps.length === 0) {
      const partner = rest.findIndex((term) => term.steps.length === 0 && term.level === level);
      if (partner >= 0) {
        const second = rest.splice(partner, 1)[0]!;
        this.elementwise(
          'add',
          this.locate(node),
          [this.locate(first.node), this.locate(second.node)],
          false,
          this.levelsOf(node),
        );
        base.length = 0;
      }
    }
    for (const term of [...base, ...rest]) {
      this.level = term.level;
      this.copy(this.part(node, term), this.locate(term.node), !term.base, this.levelsOf(term.node));
    }
    this.level = level;
  }

  private emitJoin(node: number): void {
    if (this.placement.aliases.has(node)) {
      this.locate(node);
      return;
    }
    const whole = this.locate(node);
    const isStack = this.ir.is(node, 'stack');
    const { levels } = this.ir.attr(node);
    const level = this.level;
    for (let i = 0; i < this.ir.inputCount(node); i++) {
      const input = this.ir.input(node, i);
      const member = source(this.ir, this.placement, input);
      if (this.placement.parent[member] === node && this.placement.position[member] === i) continue;
      if (levels) this.level = Math.max(level, levels[i]!);
      this.copy(
        isStack ? rowView(whole, i) : this.joined(node, whole, i),
        this.locate(input),
        false,
        this.levelsOf(input),
      );
    }
    this.level = level;
  }

  /** How a gather or scatter walks its indices: as rows of one table, or one per row of a batch. */
  private indexLoop(node: number, index: number): { rows: Extent; tables: Extent; batch: boolean } {
    const n = sizeOf(this.ir.shape(index));
    const own = both(this.levelsOf(index)?.[0], this.levelsOf(node)?.[0]);
    const batch = this.ir.attr(node).batch === true;
    const extent: Extent = own && this.ir.shape(index).length ? { n, levels: own } : n;
    return batch ? { rows: 1, tables: extent, batch } : { rows: extent, tables: 1, batch };
  }

  private emitGather(node: number): void {
    const { ir } = this;
    const index = ir.input(node, 1);
    if (sizeOf(ir.shape(node)) === 0) {
      this.locate(node);
      return;
    }
    const { rows, tables, batch } = this.indexLoop(node, index);
    const axis = batch ? 1 : 0;
    let x = this.locate(ir.input(node, 0));
    const cols = sizeOf(x.shape.slice(axis + 1));
    if (!isDense(partOf(x, axis + 1))) x = this.dense(x);
    const place = this.locate(node);
    const y = this.inRows(place, ir.shape(index).length);
    const step = ir.shape(index).length ? y.strides[ir.shape(index).length - 1]! : 0;
    this.out.emit(node, {
      op: 'gather',
      level: this.level,
      extents: this.extents([tables, 1, rows, cols, 1]),
      y: [y.offset, batch ? step : 0, 0, batch ? 0 : step, 1],
      a: [x.offset, batch ? x.strides[0]! : 0, 0, x.strides[axis]!, 1],
      x: [this.layout.slot(index), batch ? 1 : 0, 0, 1, 0],
      imm0: x.shape[axis]!,
    });
    if (y !== place) this.copy(place, y, false, this.levelsOf(node));
  }

  /** A place whose rows, behind its first axes, lie in one piece at equal distances: this one, or another. */
  private inRows(place: View, first: number): View {
    const isWhole = isDense(partOf(place, first)) && (first <= 1 || isDense(place));
    return isWhole ? place : denseView(this.layout.allocate(sizeOf(place.shape)), place.shape);
  }

  private emitScatter(node: number): void {
    const { ir } = this;
    const index = ir.input(node, 1);
    const gNode = ir.input(node, 0);
    const g = this.dense(this.locate(gNode));
    const { batch } = this.indexLoop(node, index);
    const axis = batch ? 1 : 0;
    const place = this.locate(node);
    const y = isDense(partOf(place, axis + 1))
      ? place
      : denseView(this.layout.allocate(sizeOf(place.shape)), place.shape);
    const shape = ir.shape(node);
    if (y !== place || !this.addsToZero(node))
      this.elementwise('copy', y, [this.scalar(0)], false, this.levelsOf(node));
    const own = both(this.levelsOf(index)?.[0], this.levelsOf(gNode)?.[0]);
    const n = sizeOf(ir.shape(index));
    const extent: Extent = own && ir.shape(index).length ? { n, levels: own } : n;
    const cols = sizeOf(shape.slice(axis + 1));
    if (sizeOf(ir.shape(gNode)) === 0) return;
    this.out.emit(node, {
      op: 'scatter_add',
      level: this.level,
      extents: this.extents([batch ? extent : 1, 1, batch ? 1 : extent, cols, 1]),
      y: [y.offset, batch ? y.strides[0]! : 0, 0, y.strides[axis]!, 1],
      a: [g.offset, batch ? cols : 0, 0, batch ? 0 : cols, 1],
      x: [this.layout.slot(index), batch ? 1 : 0, 0, 1, 0],
      imm0: shape[axis]!,
    });
    if (y !== place) this.copy(place, y, this.addsToZero(node), this.levelsOf(node));
  }

  /** Whether it matters in which order indices come: not to sums over what they name. */
  private isReadInOrder(index: number): boolean {
    const { ir, placement } = this;
    if (!this.readInAnyOrder) {
      const reads = new Map<number, number>();
      for (let node = 0; node < ir.count; node++) {
        if (!placement.live[node] || !ROW_PRODUCTS.has(ir.opOf(node))) continue;
        reads.set(ir.input(node, 2), (reads.get(ir.input(node, 2)) ?? 0) + 1);
      }
      this.readInAnyOrder = reads;
    }
    return this.readInAnyOrder.get(index) !== placement.uses[index];
  }

  /** A product with the rows of a matrix that the last operand names. */
  private emitRowProduct(node: number): void {
    const { ir } = this;
    const y = this.locate(node);
    const [first, second] = [0, 1].map((i) => this.locate(ir.input(node, i))) as [View, View];
    const index = ir.input(node, 2);
    const op = { gatherMatmul: 'gather_matmul', gatherDot: 'gather_dot', scatterOuter: 'scatter_outer' }[
      ir.opOf(node) as 'gatherDot'
    ];
    const adds = ir.is(node, 'gatherMatmul');
    if (!adds && !this.addsToZero(node)) this.elementwise('copy', y, [this.scalar(0)], false);
    // Rows in one piece, and the vector along them.
    const a = first.shape.length === 2 ? this.rows(first) : first;
    const b = this.rows(second);
    const matrix = adds ? b : first.shape.length === 2 ? a : y;
    const [n, cols] = matrix.shape as [number, number];
    if (!cols || !ir.shape(index)[0]) {
      if (adds && !this.accumulates(node)) this.elementwise('copy', y, [this.scalar(0)], false);
      return;
    }
    const operand = (view: View): Operand => [view.offset, 0, 0, view.strides[0]!, 1];
    // Sums of rows start from as many of c as there are; the others always add to what is there.
    const starts = adds ? Number(this.accumulates(node)) : 1;
    this.out.emit(node, {
      op,
      level: this.level,
      accumulate: !adds,
      extents: this.extents([1, 1, starts, cols, ir.shape(index)[0]!]),
      y: operand(y),
      a: operand(a),
      b: operand(b),
      ...(adds && { c: operand(y) }),
      x: [this.layout.slot(index), 0, 0, 0, 1],
      imm0: n,
    });
  }

  private emitChoose(node: number): void {
    const { ir } = this;
    const block = this.chooseBlock(node);
    const n = ir.inputCount(node) - 1;
    for (let i = 0; i < n; i++) {
      const input = ir.input(node, i);
      if (this.placement.parent[input] === node && this.placement.position[input] === i) continue;
      this.copy(rowView(block, i), this.locate(input), false);
    }
    const y = this.locate(node);
    this.out.emit(node, {
      op: 'gather',
      level: this.level,
      extents: this.extents([1, 1, 1, sizeOf(y.shape), 1]),
      y: [y.offset, 0, 0, 0, 1],
      a: [block.offset, 0, 0, block.strides[0]!, 1],
      x: [this.layout.slot(ir.input(node, n)), 0, 0, 1, 0],
      imm0: n,
    });
  }

  // --- products ---

  private emitMatmul(node: number): void {
    const { ir } = this;
    const accumulate = this.accumulates(node);
    let a = this.locate(ir.input(node, 0));
    let b = this.locate(ir.input(node, 1));
    let y = this.locate(node);
    const vectorA = a.shape.length === 1;
    const vectorB = b.shape.length === 1;
    if (vectorA) a = { offset: a.offset, shape: [1, ...a.shape], strides: [0, ...a.strides] };
    if (vectorB) b = { offset: b.offset, shape: [...b.shape, 1], strides: [...b.strides, 0] };
    const batch = y.shape.slice(0, y.shape.length - (vectorA ? 0 : 1) - (vectorB ? 0 : 1));
    const full = [...batch, a.shape[a.shape.length - 2]!, b.shape[b.shape.length - 1]!];
    const yStrides = [...y.strides];
    const column = vectorB ? 1 : yStrides.pop()!;
    const row = vectorA ? 0 : yStrides.pop()!;
    y = { offset: y.offset, shape: full, strides: [...yStrides, row, column] };
    const levelsY = [...(this.levelsOf(node) ?? full.map(() => undefined))];
    const n = vectorB ? undefined : levelsY.pop();
    const m = vectorA ? undefined : levelsY.pop();
    const rankB = ir.shape(ir.input(node, 1)).length;
    const levelsA = this.levelsOf(ir.input(node, 0));
    const levelsB = this.levelsOf(ir.input(node, 1));
    const k = both(levelsA?.[levelsA.length - 1], levelsB?.[Math.max(0, rankB - 2)]);
    this.product(y, a, b, accumulate, ir.input(node, 1), {
      batch: levelsY.slice(0, batch.length),
      m,
      n,
      k,
    });
  }

  /** y (+)= a @ b: the last two axes are the matrices, the others broadcast batches. */
  private product(
    y: View,
    a: View,
    b: View,
    accumulate: boolean,
    nodeB: number,
    levels: ProductLevels,
  ): void {
    const rank = y.shape.length;
    const m = y.shape[rank - 2]!;
    const n = y.shape[rank - 1]!;
    const k = a.shape[a.shape.length - 1]!;
    if (!m || !n) return;
    const batch = y.shape.slice(0, -2);
    const lead = (view: View): readonly number[] =>
      broadcastView({ offset: 0, shape: view.shape.slice(0, -2), strides: view.strides.slice(0, -2) }, batch)
        .strides;
    const last = (view: View, i: number): number => view.strides[view.strides.length - i]!;
    const unit = (stride: number, size: number): boolean => stride === 1 || size === 1;
    const [mExtent, nExtent, kExtent]: Extent[] = [
      { n: m, levels: levels.m },
      { n, levels: levels.n },
      { n: k, levels: levels.k },
    ];

    /** Operands in the instruction's order; the extents of its rows, columns and inner loop. */
    const emit = (
      op: string,
      views: readonly [View, View, View],
      extents: readonly [Extent, Extent, Extent],
      rows: Strides3,
      cols: Strides3,
    ): void => {
      const [, first, second] = views;
      const axes = mergeAxes(batch, [y.strides.slice(0, -2), lead(first), lead(second)], levels.batch);
      if (!axes) return;
      this.loops(
        axes,
        2,
        views.map((view) => view.offset),
        (two, at) => {
          const operand = (i: number): Operand => [
            at[i]!,
            two[0]!.strides[i]!,
            two[1]!.strides[i]!,
            rows[i]!,
            cols[i]!,
          ];
          this.out.emit(this.node, {
            op,
            level: this.level,
            accumulate,
            extents: this.extents([two[0]!, two[1]!, ...extents]),
            y: operand(0),
            a: operand(1),
            b: operand(2),
            // What it adds to.
            ...(op === 'gemm' && { c: operand(0) }),
          });
        },
      );
    };

    // Matrix times vector along contiguous rows: dot products.
    if (n === 1 && k > 1 && last(a, 1) === 1 && last(b, 2) === 1) {
      emit('row_dot', [y, a, b], [mExtent!, kExtent!, 1], [last(y, 2), last(a, 2), 0], [0, 1, 1]);
      return;
    }
    // Vector times a transposed matrix that is not worth transposing: dot products with its rows.
    if (
      m === 1 &&
      k > 1 &&
      !unit(last(b, 1), n) &&
      last(b, 2) === 1 &&
      last(a, 1) === 1 &&
      !this.isParameter(nodeB)
    ) {
      emit('row_dot', [y, b, a], [nExtent!, kExtent!, 1], [last(y, 1), last(b, 1), 0], [0, 1, 1]);
      return;
    }
    // A transposed left operand and a single column: yᵀ = bᵀ aᵀ streams the rows of aᵀ.
    if (n === 1 && m > 1 && last(a, 2) === 1 && unit(last(y, 2), m)) {
      emit('gemm', [y, b, a], [1, mExtent!, kExtent!], [0, 0, last(a, 1)], [1, last(b, 2), 1]);
      return;
    }
    if (!unit(last(b, 1), n)) {
      const isLarge = k * n >= LARGE_MATRIX && 2 * m * (k + n) < k * n;
      if (isLarge && m > 1 && !batch.length && last(a, 1) === 1 && last(b, 2) === 1) {
        this.swappedProduct(y, a, b, accumulate, levels);
        return;
      }
      b = this.transposedCopy(b, nodeB);
    }
    if (!unit(last(y, 1), n)) {
      const temporary = denseView(this.layout.allocate(sizeOf(y.shape)), y.shape);
      this.product(temporary, a, b, false, nodeB, levels);
      this.copy(y, temporary, accumulate, [...levels.batch, levels.m, levels.n]);
      return;
    }
    emit(
      'gemm',
      [y, a, b],
      [mExtent!, nExtent!, kExtent!],
      [last(y, 2), last(a, 2), last(b, 2)],
      [1, last(a, 1), 1],
    );
  }

  /** y (+)= a b as yᵀ = bᵀ aᵀ: of a large transposed b no copy is made, of the smaller a and y one. */
  private swappedProduct(y: View, a: View, b: View, accumulate: boolean, { m, n, k }: ProductLevels): void {
    const swap = (view: View): View => transposeView(view, [1, 0]);
    const dense = (shape: Shape): View => denseView(this.layout.allocate(sizeOf(shape)), shape);
    const left = swap(b);
    const right = dense(swap(a).shape);
    this.transposeInto(right, swap(a), [k, m]);
    const product = dense(swap(y).shape);
    this.product(product, left, right, false, -1, { batch: [], m: n, n: m, k });
    const isPlain = !accumulate && y.strides[1] === 1;
    const result = isPlain ? y : dense(y.shape);
    this.transposeInto(result, swap(product), [m, n]);
    if (!isPlain) this.copy(y, result, accumulate, [m, n]);
  }

  private isParameter(node: number): boolean {
    this.viewed ??= viewedNodes(this.ir);
    return node >= 0 && this.ir.is(this.viewed[node]!, 'parameter');
  }

  /** The same matrix with unit column stride. A parameter's is made once a step for all its uses. */
  private transposedCopy(b: View, node: number): View {
    const shared = this.isParameter(node);
    const key = `${b.offset}:${b.shape.join()}:${b.strides.join()}`;
    const known = shared ? this.transposed.get(key) : undefined;
    if (known) return known;
    const copy = denseView(this.layout.allocate(sizeOf(b.shape)), b.shape);
    const level = this.level;
    if (shared) this.level = 0;
    const rank = b.shape.length;
    const own = shared ? undefined : this.levelsOf(node);
    const levels = own?.length === rank ? own : undefined;
    if (b.strides[rank - 2] === 1) this.transposeInto(copy, b, levels);
    else this.copy(copy, b, false, levels);
    this.level = level;
    if (shared) this.transposed.set(key, copy);
    return copy;
  }

  /** Copies matrices whose columns lie one after another to where their rows do. */
  private transposeInto(y: View, x: View, levels: AxisLevels | undefined): void {
    const rank = y.shape.length;
    const [rows, columns] = y.shape.slice(-2) as [number, number];
    if (!rows || !columns) return;
    // Matrices side by side, whose transposes lie one below the other, are one.
    const axes = mergeAxes(y.shape.slice(0, -1), [y.strides.slice(0, -1), x.strides.slice(0, -1)], levels);
    if (!axes) return;
    const down: Axis = rows > 1 ? axes.pop()! : { n: 1, strides: [y.strides[rank - 2]!, 1] };
    this.loops(axes, 2, [y.offset, x.offset], ([one, two], at) => {
      this.out.emit(this.node, {
        op: 'transpose',
        level: this.level,
        extents: this.extents([one!, two!, { n: columns, levels: levels?.[rank - 1] }, down, 1]),
        y: [at[0]!, one!.strides[0]!, two!.strides[0]!, down.strides[0]!, 1],
        a: [at[1]!, one!.strides[1]!, two!.strides[1]!, x.strides[rank - 1]!, 1],
      });
    });
  }
}

/** The shape of what lies behind the first axes of a view, at one place of them. */
function partOf({ shape, strides }: View, first: number): View {
  return { offset: 0, shape: shape.slice(first), strides: strides.slice(first) };
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

interface ProductLevels {
  batch: AxisLevels;
  m: readonly number[] | undefined;
  n: readonly number[] | undefined;
  k: readonly number[] | undefined;
}

type Strides3 = readonly [number, number, number];

/** A view as rows of adjacent numbers; null where it is none. */
function matrixOf({ offset, shape, strides }: View): Matrix | null {
  const rank = shape.length;
  const cols = shape[rank - 1] ?? 0;
  if (!cols || (strides[rank - 1] !== 1 && cols !== 1)) return null;
  const rows = shape[rank - 2] ?? 1;
  if (sizeOf(shape) !== rows * cols) return null;
  return { offset, row: rows > 1 ? strides[rank - 2]! : 0 };
}

/**
 * The axes of a loop nest: length 1 dropped, neighbours merged where every operand steps through
 * both as through one. Null where there is nothing to do. Axes with different marks do not merge,
 * nor does an axis with levels into an outer one.
 */
function mergeAxes(
  shape: Shape,
  strides: readonly (readonly number[])[],
  levels?: AxisLevels,
  marks?: readonly number[],
): Axis[] | null {
  const axes: (Axis & { mark: number })[] = [];
  for (let i = 0; i < shape.length; i++) {
    const n = shape[i]!;
    if (n === 0) return null;
    if (n === 1) continue;
    const own = strides.map((s) => s[i]!);
    const mark = marks?.[i] ?? 0;
    const outer = axes[axes.length - 1];
    const merges = outer?.mark === mark && !levels?.[i];
    if (merges && own.every((s, j) => outer.strides[j] === s * n)) {
      outer.n *= n;
      outer.strides = own;
    } else axes.push({ n, strides: own, mark, levels: levels?.[i] });
  }
  return axes;
}
