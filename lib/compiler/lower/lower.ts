/** From the compiler's graph of arrays to one flat program over one arena. */
import type { Ir } from '../ir/ir.js';
import { countUses } from '../ir/live.js';
import { Context } from './context.js';
import { clear, copy } from './elementwise.js';
import { emit } from './emit.js';
import { NO_REGIONS, type Lowered, type LoweringOptions } from './layout.js';
import { reuseMemory } from './reuse.js';
import { rerolled } from './reroll.js';
import { emitFusedUpdates, emitGradientSteps, emitUpdate } from './updates.js';

const CACHE_LINE = 64;
/** Programs of fewer bytes keep a place for each value, where examples may run together. */
const SHARED_FROM = 2 ** 20;

export function lower(ir: Ir, options: LoweringOptions): Lowered {
  const c = new Context(ir, options);
  const { out, layout, locator } = c;
  lowerPart(c, 0, ir.forwardEnd);
  const forward = out.count;
  out.endPart();
  const results = options.results.length ? endOf(c, options.results) : forward;
  lowerPart(c, ir.forwardEnd, ir.count);
  // Updates amid the backward pass: from the first of them on, it is part of the update.
  const backward = c.updated.size ? c.firstUpdate : out.count;
  out.endPart();
  c.position = 0;
  if (options.update) {
    const watched = options.watched.map((node) => c.locate(node));
    emitGradientSteps(out, { block: layout.block, update: options.update }, watched);
    emitUpdate(c, options.update);
    for (const [buffer, next] of options.sets) copy(c, c.locate(buffer), c.locate(next), false, undefined);
  }
  if (options.sequence) out.sortByPosition();
  const { code, extents } = out.encode(ir.maxLength);
  const reuse = sharesMemory(c)
    ? reuseMemory({ code, extents }, layout.blocks, keptOffsets(c), options.align)
    : undefined;
  const { numbers, ints } = layout.regions;
  const regions = reuse ? NO_REGIONS : { numbers: numbers.words, ints: ints.words };
  const moved = reuse?.moved ?? ((offset: number): number => offset);
  return {
    ...rerolled(code, options.reroll && regions.numbers.length === 0),
    extents,
    bytecode: new Uint32Array(0),
    arenaSize: reuse?.arenaSize ?? layout.size,
    intsSize: layout.ints,
    maxLength: ir.maxLength,
    nodes: out.nodes,
    sections: { results, forward, backward, update: out.count },
    parameters: layout.block,
    view: (node) => {
      const view = locator.views[node];
      return view && { ...view, offset: moved(view.offset) };
    },
    slot: (node) => layout.slot(node),
    constants: layout.constants.map(({ value, offset }) => ({ value, offset: moved(offset) })),
    tables: layout.tables.map(({ numbers, offset }) => ({ numbers, offset: moved(offset) })),
    integers: layout.integers,
    regions,
    reuse,
  };
}

/**
 * Whether values share memory. Examples that run together need a place of their own for each value: small
 * programs gain more by that than by less memory.
 */
function sharesMemory({ options, layout }: Context): boolean {
  const bytes = (layout.size * CACHE_LINE) / options.align;
  return options.reuse && (!options.rows || bytes >= SHARED_FROM);
}

/** Where the numbers lie that can be read after a run. */
function keptOffsets({ options, locator }: Context): number[] {
  return [...options.keep, ...options.results].flatMap((node) => locator.views[node]?.offset ?? []);
}

/** The number of instructions after which nodes are computed. */
function endOf({ ir, out }: Context, nodes: readonly number[]): number {
  const uses = countUses(ir, nodes);
  let end = out.count;
  while (end > 0 && out.nodes[end - 1]! >= 0 && !uses[out.nodes[end - 1]!]) end--;
  return end;
}

/** Writes the instructions of the forward or the backward pass: nodes from `from` up to `to`. */
function lowerPart(c: Context, from: number, to: number): void {
  const { ir, placement, gradientHome, postponed, layout, options } = c;
  // Totals that start from zero lie together: one instruction clears them.
  const start = layout.startLine();
  for (let node = from; node < to; node++) {
    const isZeroed = placement.uses[node] && placement.addNs.get(node)?.zeroed;
    if (isZeroed && !gradientHome.has(node) && !postponed.has(node)) c.locator.allocate(node);
  }
  layout.keepTogether(start);
  c.node = -1;
  c.position = 0;
  clear(c, start, layout.size - start);
  // An update leaves zeros behind it.
  const hasGradients = to > ir.forwardEnd && gradientHome.size > 0;
  if (hasGradients && !options.update) clear(c, layout.block.gradients, layout.block.withGradient);
  for (let node = from; node < to; node++) {
    if (!placement.uses[node] || placement.absorbed[node] || postponed.has(node)) continue;
    if (options.recomputes.has(node)) updateBefore(c, node);
    c.node = node;
    c.position = ir.positions[node]!;
    emit(c, node);
  }
}

/** Updates the parameters that no node from this one on reads, so that what their products read is free. */
function updateBefore(c: Context, node: number): void {
  if (!c.options.update) return;
  const { size } = c.updated;
  const { count } = c.out;
  c.position = 0;
  emitFusedUpdates(c, c.options.update.op, node);
  if (!size && c.updated.size) c.firstUpdate = count;
}
