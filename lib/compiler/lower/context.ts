/** The argument of every emitter: the graph, where its numbers lie, and the instructions written so far. */
import { sizeOf, type Shape } from '../../core/shape.js';
import type { AxisPositions } from '../ir/axes.js';
import type { Ir } from '../ir/ir.js';
import { marked } from '../ir/live.js';
import { viewedNodes } from '../ir/views.js';
import { Encoder, type Instruction } from './encode.js';
import { Layout, type LoweringOptions } from './layout.js';
import { Locator } from './locate.js';
import { planPlacement } from './placement.js';
import type { Placement } from './places.js';
import { fusedUpdates } from './fused-updates.js';
import { rowUpdates, type RowUpdate } from './row-updates.js';
import { denseView, type View } from './view.js';

/** A fixed size, or the length of an axis of which a short run may have a prefix only. */
export type Extent = number | { n: number; positions?: readonly number[] | undefined };
export type Extents = readonly [Extent, Extent, Extent, Extent, Extent];

/** What is lowered, and where everything lies. */
interface Plan {
  placement: Placement;
  layout: Layout;
  locator: Locator;
  /** Where gradients lie that have a place in the block of gradients, by gradient node. */
  gradientHome: ReadonlyMap<number, View>;
  /** The tables that are updated row by row. */
  byRows: ReadonlyMap<number, RowUpdate>;
  /** The product that updates each parameter without storing its gradient (parameter to product). */
  fused: ReadonlyMap<number, number>;
  /** Nodes that only such an update reads: they are computed as part of it. */
  postponed: ReadonlySet<number>;
}

/** Decides where everything lies before the first instruction is written. */
function plan(ir: Ir, options: LoweringOptions): Plan {
  const isKept = marked(ir, options.keep, options.gradients.values());
  const placement = planPlacement(ir, isKept, options.inPlace);
  const byRows = rowUpdates(ir, placement, options);
  const fused = fusedUpdates(ir, placement, options, byRows);
  const layout = new Layout(ir, placement.uses, options, new Set(fused.keys()), new Set(byRows.keys()));
  const gradientHome = new Map<number, View>();
  const postponed = new Set<number>();
  for (const [parameter, gradient] of options.gradients) {
    const offset = layout.parameterOffsets.get(parameter);
    if (offset === undefined) continue;
    if (fused.has(parameter)) {
      postponed.add(gradient).add(fused.get(parameter)!);
      continue;
    }
    const at = layout.block.gradients + offset - layout.block.offset;
    gradientHome.set(gradient, denseView(at, ir.shape(parameter)));
  }
  const locator = new Locator(ir, placement, layout, gradientHome);
  return { placement, layout, locator, gradientHome, byRows, fused, postponed };
}

/** The state of one lowering. */
export class Context {
  readonly out: Encoder;
  readonly placement: Placement;
  readonly layout: Layout;
  readonly locator: Locator;
  readonly gradientHome: ReadonlyMap<number, View>;
  readonly byRows: ReadonlyMap<number, RowUpdate>;
  readonly fused: ReadonlyMap<number, number>;
  readonly postponed: ReadonlySet<number>;
  /** Nodes that can be asked for before the forward pass ends. */
  readonly results: ReadonlySet<number>;
  /** Transposed copies of parameters, by the view they were made of: one for all uses. */
  readonly transposed = new Map<string, View>();
  /** The node whose instructions are being written; -1 if they belong to no node. */
  node = -1;
  /** The position from which these instructions run. */
  position = 0;
  /** How many products with chosen rows read each index; counted when it is first asked for. */
  rowProductReads: ReadonlyMap<number, number> | undefined;
  /** Parameters whose update by a product has been written. */
  readonly updated = new Set<number>();
  /** How many instructions stand before the first of these updates. */
  firstUpdate = 0;
  private viewed: Int32Array | undefined;
  private lastReads: Int32Array | undefined;
  /** What instructions saved for gradients, by node. */
  private readonly savedViews = new Map<number, View>();
  private readonly lengthExtents = new Map<string, number>();
  private readonly extentsOf = new Map<readonly number[], Map<number, number>>();

  constructor(
    readonly ir: Ir,
    readonly options: LoweringOptions,
  ) {
    const { placement, layout, locator, gradientHome, byRows, fused, postponed } = plan(ir, options);
    this.out = new Encoder(ir.count);
    this.placement = placement;
    this.layout = layout;
    this.locator = locator;
    this.gradientHome = gradientHome;
    this.byRows = byRows;
    this.fused = fused;
    this.postponed = postponed;
    this.results = new Set(options.results);
  }

  // --- where things lie ---

  locate(node: number): View {
    return this.locator.locate(node);
  }
  /** Where operand i of a node lies. */
  input(node: number, i: number): View {
    return this.locator.locate(this.ir.input(node, i));
  }
  /** New memory for an array, without gaps. */
  allocate(shape: Shape): View {
    return denseView(this.layout.allocateFor(-1, sizeOf(shape), undefined), shape);
  }
  /** A constant as an operand. */
  scalar(value: number): View {
    return denseView(this.layout.constant(value), []);
  }
  /** Residuals: what a node's instruction saves, besides its result, for the node's gradient. */
  saved(node: number, shape: Shape): View {
    let view = this.savedViews.get(node);
    if (!view) {
      const { ir } = this;
      const positions = shape[0] === ir.shape(node)[0] ? ir.axisPositions[node]?.[0] : undefined;
      view = denseView(this.layout.allocateFor(node, sizeOf(shape), positions), shape);
      this.savedViews.set(node, view);
    }
    return view;
  }
  /** Where an index node's integers lie. */
  indexView(node: number): View {
    return denseView(this.layout.slot(node), this.ir.shape(node));
  }

  // --- constraints on a node's instructions ---

  /** Whether a node is a parameter, trained or frozen, or a view of one. */
  isParameter(node: number): boolean {
    if (node < 0) return false;
    this.viewed ??= viewedNodes(this.ir);
    const viewed = this.viewed[node]!;
    return this.ir.is(viewed, 'parameter') || this.ir.is(viewed, 'frozen');
  }

  /** The last node that reads a parameter, itself or through views or padding that vanish in a sum. */
  lastRead(parameter: number): number {
    this.lastReads ??= lastReads(this.ir, this.placement, this.postponed);
    return this.lastReads[parameter]!;
  }

  /** The positions of a node's axes. */
  positionsOf(node: number): AxisPositions | undefined {
    return this.ir.axisPositions[node];
  }
  /** Whether this node's instruction adds to an `addN` instead of writing. */
  accumulates(node: number): boolean {
    const addN = this.placement.addNs.get(this.placement.parent[node]!);
    return addN !== undefined && !addN.terms[this.placement.operandIndex[node]!]!.base;
  }
  /** Whether this node can add to its memory as it is: to a sum, or to a gradient that the update cleared. */
  addsToZero(node: number): boolean {
    const cleared = this.options.update && this.gradientHome.has(this.placement.parent[node]!);
    return this.accumulates(node) || cleared === true;
  }

  // --- writing ---

  /** Writes an instruction of the current node, from the current position on. */
  emit(instruction: Instruction & { extents: Extents }): void {
    this.out.emit(this.node, this.position, this.extents(instruction.extents), instruction);
  }

  /** The ids of extents. */
  extents(sizes: Extents): [number, number, number, number, number] {
    return [
      this.extent(sizes[0]),
      this.extent(sizes[1]),
      this.extent(sizes[2]),
      this.extent(sizes[3]),
      this.extent(sizes[4]),
    ];
  }

  private extent(extent: Extent): number {
    if (typeof extent === 'number') return this.out.literal(extent);
    return extent.positions ? this.byLength(extent.positions, extent.n) : this.out.literal(extent.n);
  }

  /** The extent of an axis of n entries, equally many at each of `positions`. */
  private byLength(positions: readonly number[], n: number): number {
    // Most axes share their list with many others: that is found without reading it.
    let ids = this.extentsOf.get(positions);
    if (!ids) this.extentsOf.set(positions, (ids = new Map<number, number>()));
    let id = ids.get(n);
    if (id !== undefined) return id;
    const key = `${n}:${positions.join()}`;
    id = this.lengthExtents.get(key);
    if (id === undefined) {
      const each = n / positions.length;
      const { maxLength } = this.ir;
      const counts = new Array<number>(maxLength + 1).fill(0);
      for (const position of positions) if (position < maxLength) counts[position + 1]! += each;
      for (let length = 1; length < counts.length; length++) counts[length]! += counts[length - 1]!;
      id = this.out.byLength(counts);
      this.lengthExtents.set(key, id);
    }
    ids.set(n, id);
    return id;
  }
}

/** The last reader of each node that is no view; products whose parameter they update are none. */
function lastReads(ir: Ir, { uses, absorbed }: Placement, postponed: ReadonlySet<number>): Int32Array {
  const own = viewedNodes(ir);
  const last = new Int32Array(ir.count).fill(-1);
  for (let node = 0; node < ir.count; node++) {
    if (absorbed[node]) own[node] = own[ir.input(node, 0)]!;
    if (!uses[node] || postponed.has(node)) continue;
    for (const input of ir.inputs(node)) last[own[input]!] = node;
  }
  return last;
}
