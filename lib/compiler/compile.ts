/** The compiler from end to end: traces a graph, rewrites it, differentiates it, tidies it and lowers it. */
import { instructionWords } from '../binding/addon.js';
import { isList, MAX_COUNT, shown } from '../core/check.js';
import { sizeOf } from '../core/shape.js';
import type { DType } from '../core/array.js';
import { isValue, listOfValues, type Node } from '../graph/node.js';
import { GRADIENT_LEAVES, isFed, PARAMETERS } from '../graph/ops.js';
import { fedWith } from '../graph/reachable.js';
import { differentiate } from './passes/differentiate.js';
import type { Ir, Rewritten } from './ir/ir.js';
import { marked } from './ir/live.js';
import { occurrences } from './ir/occurrences.js';
import { WHOLE, type Lowered, type UpdateGroup, type UpdateRule } from './lower/layout.js';
import { lower } from './lower/lower.js';
import type { PassSet } from './passes.js';
import { recompute } from './passes/recompute.js';
import { applyRewrites } from './passes/rewrites.js';
import { isScalarGraph, lowerScalars } from './lower/scalar-bytecode.js';
import { tidy } from './passes/tidy.js';
import { gradientFlow, isTraced, trace, type Trace } from './ir/trace.js';

/** What a program computes: chosen by `compile` (to inspect a graph), by optimisers and by samplers. */
export interface Plan {
  /** Groups of roots. With several groups, group i is position i of a sequence. */
  groups: readonly (readonly Node[])[];
  /** `all`: data and gradient of every node stay readable; `parameters`: only what training needs. */
  gradients: 'all' | 'parameters' | 'none';
  update?: UpdateRule;
}

/** What the compiler is asked for: a plan, checked and copied, and the options. */
export interface CompileRequest {
  groups: readonly (readonly Node[])[];
  gradients: Plan['gradients'];
  update: UpdateRule | undefined;
  /** Groups that `generate` should be able to run in the same program, if their positions allow it. */
  sequence: readonly (readonly Node[])[] | undefined;
  dtype: DType;
  passes: PassSet;
  /** Whether whole gradients are kept in memory, so that those of several examples can be added up. */
  batches: boolean;
  /** Whether the loss is checked to be finite before the update. */
  detectAnomaly: boolean;
  /** Whether the backward pass computes values again that the forward pass does not keep. */
  checkpoint: boolean;
}

/** A parameter, and where its numbers lie in the arena. */
export interface PlacedParameter {
  node: Node;
  offset: number;
  /** Whether the update changes it by its gradient. */
  isTrained: boolean;
  /** Whether a training step changes it, by its gradient or as a buffer. */
  isWritten: boolean;
}

/** An input and its place: an offset in the arena, or for an index a slot among the integers. */
export interface PlacedInput {
  node: Node;
  place: number;
  /** Whether any instruction can read it: false where the compiler found that nothing depends on it. */
  isRead: boolean;
}

/** The leaves of a compiled graph and their places. */
export interface Leaves {
  parameters: PlacedParameter[];
  inputs: PlacedInput[];
  indices: PlacedInput[];
  /** Slots in which a run reads the number of the training step. */
  stepSlots: Int32Array;
  /** The arena offset of 1 / prefix length; -1 where no run reads it. */
  inverseCount: number;
}

/** How large a compiled graph is. */
export interface ProgramCounts {
  /** Nodes of the graph as written. */
  forwardNodes: number;
  /** Nodes including gradients. */
  nodes: number;
  /** Compiled instructions, those of a loop as often as they run. */
  instructions: number;
  /** How many of them the program keeps: those of a loop once. */
  kept: number;
  /** Values that share memory; zeros where each has its own. */
  sharing: {
    /** How many they are. */
    values: number;
    /** The numbers that they have. */
    numbers: number;
    /** The numbers of the memory that they share. */
    memory: number;
  };
}

/** A compiled graph, without memory to run in. */
export interface Compiled {
  ir: Ir;
  lowered: Lowered;
  leaves: Leaves;
  /** The compiler's node behind each of the graph's nodes that can be read. */
  numbers: Map<Node, number>;
  /** The compiler's node that holds the first root's numbers after a run. */
  root: number;
  /** The gradient of each of the compiler's nodes, or -1; undefined where none was asked for. */
  gradientNodes: Int32Array | undefined;
  /** Whether a gradient flows to any parameter. */
  hasGradients: boolean;
  /** The compiler's nodes that a run must compute. */
  kept: readonly number[];
  /** Whether `sequence`, where one was asked for, runs in this program. */
  hasSequence: boolean;
  /** How many positions a sequence has that was asked for and does not run here; 0 where there is none. */
  positionsLeftOut: number;
  /** Whether position p of that sequence is computed by running a prefix of p + 1. */
  isPrefix: boolean;
  /** The name of the input that is the prefix length. */
  countName: string | undefined;
  /** The longest prefix; 1 in a graph without one. */
  maxLength: number;
  counts: ProgramCounts;
}

/** A graph on its way through the compiler. */
interface Graph {
  ir: Ir;
  /** The roots that were asked for, then those of the sequence. */
  roots: number[];
  /** How many of the roots, from the last back, are those of the sequence. */
  sequence: readonly Node[];
  numbers: Map<Node, number>;
  /** The gradient of each parameter. */
  gradients: Map<number, number>;
  /** Gradients of other nodes, which stay readable. */
  others: number[];
  gradientNodes: Int32Array | undefined;
  /** The nodes with which the backward pass begins to compute a segment again. */
  recomputes: ReadonlySet<number>;
}

/** Compiles a graph. Returns its trace too, which is needed once, to find what integers may be fed. */
export function compileGraph(request: CompileRequest): { compiled: Compiled; traced: Trace } {
  const { groups, passes, sequence: wanted } = request;
  const inspects = request.gradients === 'all';
  const traced = trace(groups, !inspects && passes.has('simplify'), request.update !== undefined);
  const forwardNodes = traced.ir.count;
  const isScalar = isScalarGraph(traced.ir);
  const sequence = wanted && hasPositions(traced, wanted) ? wanted : undefined;

  const graph = rewritten(traced, request, isScalar, sequence?.flat() ?? []);
  if (request.update) keepRoot(graph, groups.flat()[0]!);
  if (request.gradients !== 'none') addGradients(graph, request);
  if (!inspects && passes.has('tidy') && !isScalar) tidyGraph(graph);
  if (request.checkpoint && !isScalar) recomputeGraph(graph);
  const unmoved = parametersWithoutGradient(graph, traced, request);

  const { ir, numbers, gradients } = graph;
  const keep = keptNodes(graph, unmoved, inspects);
  const bare = lowered(graph, request, isScalar, keep, unmoved);
  const placed = numberedLeaves(numbers, traced);
  const { places, arenaSize: needed, intsSize } = placesOfUnread(placed, bare);
  const arenaSize = Math.max(1, needed); // a series reads the root's first number, even where it has none
  if (arenaSize > 2 * MAX_COUNT)
    throw new RangeError(
      `${groups.flat()[0]!.label} takes ${arenaSize} numbers with all that it is computed ` +
        `from: a program has at most ${2 * MAX_COUNT - 1}`,
    );
  const compiled: Compiled = {
    ir,
    lowered: { ...bare, arenaSize, intsSize },
    leaves: placeLeaves(placed, bare, places, {
      isTrained: (number) => gradients.has(number) || unmoved.has(number),
      isSet: (node) => request.update?.sets?.has(node) === true,
    }),
    numbers,
    root: graph.roots[0]!,
    gradientNodes: graph.gradientNodes,
    hasGradients: gradients.size + unmoved.size > 0,
    kept: [...keep, ...gradients.values()],
    hasSequence: sequence !== undefined,
    positionsLeftOut: sequence === undefined ? (wanted?.length ?? 0) : 0,
    isPrefix: sequence !== undefined && !isScalar,
    countName: traced.count?.name,
    maxLength: Math.min(bare.maxLength, traced.shortest),
    counts: {
      forwardNodes,
      nodes: ir.count,
      instructions: bare.nodes.length,
      kept: bare.code.length / instructionWords,
      sharing: bare.reuse?.sharing ?? { values: 0, numbers: 0, memory: 0 },
    },
  };
  return { compiled, traced };
}

/** The traced graph after the passes that turn positions into whole arrays. */
function rewritten(
  traced: Trace,
  { groups, gradients, passes }: CompileRequest,
  isScalar: boolean,
  sequence: readonly Node[],
): Graph {
  const inspects = gradients === 'all';
  let { ir, roots } = traced;
  let renumber = (node: number): number => node;
  if (!inspects && !isScalar) {
    const kept = [...traced.leaves, ...sequence].map((node) => node.number);
    const batched = applyRewrites(ir, [...roots, ...kept], passes, groups.length > 1);
    renumber = (node) => batched.numbers[node]!;
    roots = roots.map(renumber);
    ir = batched.ir;
  }
  // Training can read its leaves and roots; the compiler may remove all other nodes.
  const numbers = new Map<Node, number>();
  for (const node of inspects ? traced.nodes : traced.leaves) numbers.set(node, renumber(node.number));
  groups.flat().forEach((root, i) => numbers.set(root, roots[i]!));
  for (const value of sequence) {
    const number = renumber(value.number);
    numbers.set(value, number);
    roots.push(number);
  }
  return {
    ir,
    roots,
    sequence,
    numbers,
    gradients: new Map(),
    others: [],
    gradientNodes: undefined,
    recomputes: new Set(),
  };
}

/** Copies a loss that is a parameter, or a view of one: the update would change it before it is read. */
function keepRoot({ ir, roots, numbers }: Graph, loss: Node): void {
  const root = roots[0]!;
  let viewed = root;
  while (ir.row(viewed).lower.kind === 'view') viewed = ir.input(viewed, 0);
  if (!ir.is(viewed, 'parameter')) return;
  ir.position = ir.positions[root]!;
  roots[0] = ir.op('add', [root, ir.constant(-0)]); // of all numbers, 0 included, -0 changes none
  ir.position = 0;
  ir.forwardEnd = ir.count;
  if (loss.op !== 'parameter') numbers.set(loss, roots[0]);
}

/** Adds the nodes that compute the gradients of the first root. */
function addGradients(graph: Graph, { gradients, passes }: CompileRequest): void {
  const { ir, roots } = graph;
  const inspects = gradients === 'all';
  const combine = !inspects && passes.has('combine');
  const nodes = differentiate(ir, roots[0]!, inspects ? GRADIENT_LEAVES : PARAMETERS, combine);
  nodes.forEach((gradient, node) => {
    if (gradient < 0) return;
    if (ir.is(node, 'parameter')) graph.gradients.set(node, gradient);
    else if (inspects) graph.others.push(gradient);
  });
  graph.gradientNodes = nodes;
}

/** Removes what differentiation leaves behind. */
function tidyGraph(graph: Graph): void {
  renumber(graph, tidy(graph.ir, wantedOf(graph)));
}

/** Lets the backward pass compute values again. */
function recomputeGraph(graph: Graph): void {
  const recomputed = recompute(graph.ir, wantedOf(graph));
  renumber(graph, recomputed);
  if (recomputed) graph.recomputes = recomputed.starts;
}

/** The nodes that are needed by name. */
function wantedOf({ numbers, gradients }: Graph): number[] {
  return [...numbers.values(), ...gradients.values()].filter((node) => node >= 0);
}

/** Goes on with a graph that was made from the other, and renumbers everything that refers to its nodes. */
function renumber(graph: Graph, made: Rewritten | null): void {
  const { numbers, gradients } = graph;
  if (made) graph.ir = made.ir;
  const moved = (node: number): number => (node < 0 || !made ? node : made.numbers[node]!);
  for (const [node, number] of numbers) numbers.set(node, moved(number));
  graph.roots = graph.roots.map(moved);
  const pairs = [...gradients].map(([node, gradient]) => [moved(node), moved(gradient)] as const);
  gradients.clear();
  if (graph.gradientNodes) graph.gradientNodes = new Int32Array(graph.ir.count).fill(-1);
  for (const [node, gradient] of pairs) {
    gradients.set(node, gradient);
    graph.gradientNodes![node] = gradient;
  }
}

/**
 * Parameters that the update changes although no gradient of them is computed. A parameter is trained where
 * a gradient flows to it in the graph as it is written: where the compiler found that gradient to be 0, the
 * update still has its weight decay and its moments.
 */
function parametersWithoutGradient(
  { ir, numbers, gradients }: Graph,
  traced: Trace,
  { groups, update }: CompileRequest,
): Set<number> {
  const unmoved = new Set<number>();
  if (!update) return unmoved;
  const left = traced.leaves.filter(
    (leaf) => ir.is(numbers.get(leaf)!, 'parameter') && !gradients.has(numbers.get(leaf)!),
  );
  if (left.length === 0) return unmoved;
  const { reached } = gradientFlow(traced.nodes, groups.flat()[0]!);
  for (const leaf of left) {
    const number = numbers.get(leaf)!;
    if (!reached.has(leaf)) continue;
    unmoved.add(number);
    ir.positions[number] = Math.min(ir.positions[number]!, ir.maxLength - 1); // a position that a run has
  }
  return unmoved;
}

/** The instructions: scalar bytecode for a graph of single numbers that has an order to run in. */
function lowered(
  { ir, roots, sequence, numbers, gradients, recomputes }: Graph,
  request: CompileRequest,
  isScalar: boolean,
  keep: readonly number[],
  unmoved: ReadonlySet<number>,
): Lowered {
  const { passes, update } = request;
  const options = {
    groupOf: groupsOfParameters(numbers, update),
    batches: request.batches,
    sets: numbersOfSets(numbers, update),
    align: request.dtype === 'float32' ? 16 : 8,
    keep,
    gradients,
    unmoved,
    update,
    watched: request.detectAnomaly ? [roots[0]!] : [],
    sequence: request.groups.length > 1,
    results: sequence.map((value) => numbers.get(value)!),
    inPlace: passes.has('in-place'),
    epilogues: passes.has('epilogue'),
    fuseUpdate: passes.has('fuse-update') && !request.batches,
    rows: passes.has('rows'),
    recomputes,
    // Everything can be read where a program is inspected; a sequence keeps what earlier positions computed;
    // and batches always run by rows, which places the values of each example itself.
    reuse:
      passes.has('reuse') &&
      request.gradients !== 'all' &&
      request.groups.length === 1 &&
      !(request.batches && passes.has('rows')),
    reroll: passes.has('reroll'),
  };
  return (isScalar ? lowerScalars(ir, options) : undefined) ?? lower(ir, options);
}

/** The group of each parameter, by its number. */
function groupsOfParameters(
  numbers: ReadonlyMap<Node, number>,
  update: UpdateRule | undefined,
): (parameter: number) => UpdateGroup {
  const { groups, groupOf } = update ?? {};
  if (!groups || !groupOf) return () => WHOLE;
  const found = new Map<number, UpdateGroup>();
  for (const [node, number] of numbers)
    if (node.op === 'parameter') found.set(number, groups[groupOf(node)]!);
  return (parameter) => found.get(parameter)!;
}

/** What a step sets buffers to, by the compiler's nodes. */
function numbersOfSets(
  numbers: ReadonlyMap<Node, number>,
  update: UpdateRule | undefined,
): Map<number, number> {
  const sets = [...(update?.sets ?? [])];
  return new Map(sets.map(([buffer, next]) => [numbers.get(buffer)!, numbers.get(next)!]));
}

/** The nodes that must be readable after a run, besides the gradients of parameters. */
function keptNodes({ ir, roots, others }: Graph, unmoved: Iterable<number>, inspects: boolean): number[] {
  const kept = marked(ir, [...roots, ...unmoved], others);
  if (inspects) {
    for (let node = 0; node < ir.forwardEnd; node++) if (!ir.isInteger(node)) kept[node] = 1;
  }
  return occurrences(kept, 1, ir.count);
}

/** Where the leaves lie: in what was lowered or, for those that nothing reads, in `places`. */
function placeLeaves(
  numbers: Iterable<readonly [Node, number]>,
  bare: Lowered,
  places: ReadonlyMap<Node, number>,
  { isTrained, isSet }: { isTrained: (number: number) => boolean; isSet: (node: Node) => boolean },
): Leaves {
  const stepSlots: number[] = [];
  const leaves: Omit<Leaves, 'stepSlots'> = { parameters: [], inputs: [], indices: [], inverseCount: -1 };
  for (const [node, number] of numbers) {
    const view = bare.view(number);
    const unread = places.get(node);
    if (node.op === 'parameter' && view)
      leaves.parameters.push({
        ...{ node, offset: view.offset, isTrained: isTrained(number) },
        isWritten: isTrained(number) || isSet(node),
      });
    else if (node.op === 'input')
      leaves.inputs.push({ node, place: view?.offset ?? unread!, isRead: view !== undefined });
    else if (node.op === 'index')
      leaves.indices.push({ node, place: unread ?? bare.slot(number), isRead: unread === undefined });
    else if (node.op === 'step' && unread === undefined) stepSlots.push(bare.slot(number));
    else if (node.op === 'inverseCount' && view) leaves.inverseCount = view.offset;
  }
  return { ...leaves, stepSlots: Int32Array.from(stepSlots) };
}

/**
 * The leaves with their numbers: -1 for inputs that a gradient dropped, which are no nodes of this graph. An
 * input of the graph comes before a dropped one of the same name.
 */
function numberedLeaves(
  all: ReadonlyMap<Node, number>,
  { nodes, leaves, special }: Trace,
): readonly (readonly [Node, number])[] {
  const numbers = leaves.map((leaf) => [leaf, all.get(leaf)!] as const);
  if (!special.some((at) => nodes[at]!.extras?.mentions)) return numbers;
  const names = new Set(nodes.filter(({ op }) => isFed(op)).map(({ name }) => name));
  const mentioned = fedWith(nodes).filter((node) => !all.has(node) && !names.has(node.name));
  return [...numbers, ...mentioned.map((node) => [node, -1] as const)];
}

/** Places behind a program's memory for inputs that no instruction reads: they can be fed all the same. */
function placesOfUnread(
  numbers: Iterable<readonly [Node, number]>,
  bare: Lowered,
): { places: Map<Node, number>; arenaSize: number; intsSize: number } {
  let { arenaSize, intsSize } = bare;
  const places = new Map<Node, number>();
  for (const [node, number] of numbers) {
    const size = sizeOf(node.shape);
    if (node.op === 'input' && !bare.view(number)) {
      places.set(node, arenaSize);
      arenaSize += size;
    } else if (
      (node.op === 'index' || node.op === 'step') &&
      (number < 0 || bare.slot(number) + size > bare.intsSize)
    ) {
      places.set(node, intsSize);
      intsSize += size;
    }
  }
  return { places, arenaSize, intsSize };
}

/** Whether a graph computes group i of a sequence at position i, and has no other positions. */
function hasPositions(traced: Trace, groups: Plan['groups']): boolean {
  const { positions, maxLength } = traced.ir;
  const isAt = (value: Node, position: number): boolean =>
    isTraced(traced, value) && positions[value.number] === position;
  return groups.length === maxLength && groups.every((group, i) => group.every((x) => isAt(x, i)));
}

/** A copy of groups of values. @throws TypeError where they are anything else */
export function groupsOf(what: string, given: Plan['groups']): Node[][] {
  if (!isList(given))
    throw new TypeError(`${what}: expected an array of arrays of Values, got ${shown(given)}`);
  const groups: Node[][] = [];
  for (let i = 0; i < given.length; i++) groups.push(listOfValues(`${what}[${i}]`, given[i], isValue));
  return groups;
}
