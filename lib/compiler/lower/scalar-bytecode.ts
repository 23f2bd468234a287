/**
 * From a graph of single numbers to scalar bytecode: one number per operation, in the order of positions,
 * so that a shorter run is a shorter stretch of it. native/compile/assemble.cpp decides which operations
 * there are and in what order; here leaves are placed, and stretches of bytecode become instructions.
 */
import { OP_CODE, OP_NAMES, OPS, opsWhere, type OpName, type ScalarForm } from '../../graph/ops.js';
import { addon, scalarOpcodes, type AssembledBytecode, type AssemblerGraph } from '../../binding/addon.js';
import { POWERS } from './elementwise.js';
import { Encoder } from './encode.js';
import type { Ir } from '../ir/ir.js';
import { occurrences } from '../ir/occurrences.js';
import { Layout, type Lowered, type LoweringOptions, NO_REGIONS } from './layout.js';
import { NO_LOOPS } from './reroll.js';
import { emitAfterUpdates, emitGradientSteps, emitWholeUpdates } from './updates.js';
import { denseView } from './view.js';

/** The code of an operation. */
function bytecode(name: string): number {
  const code = scalarOpcodes.get(name);
  if (code === undefined) throw new Error(`the scalar bytecode has no instruction '${name}'`);
  return code;
}
/** A number for each operator, by the compiler's numbering. */
function byOperator(of: (op: OpName) => number): Int32Array {
  return Int32Array.from(OP_NAMES, of);
}
/** The opcode with this name; -1 if there is none. */
function codeOf(name: string | undefined): number {
  return name === undefined ? -1 : bytecode(name);
}
const OWN_CODE = byOperator((op) => codeOf(OPS[op].scalar.opcode));
const ADDING_CODE = byOperator((op) => codeOf(OPS[op].scalar.adding));
/** What the assembler has to know of an operator: the order is that of native/compile/assemble.h. */
const ROLES: readonly ScalarForm['role'][] = [
  'none',
  'leaf',
  'plain',
  'addN',
  'add',
  'pow',
  'choose',
  'chooseGrad',
];
const OWN_ROLE = byOperator((op) => ROLES.indexOf(OPS[op].scalar.role));
const NO_ROLE = ROLES.indexOf('none');
const LEAF = ROLES.indexOf('leaf');
/** The operators of leaves. */
const LEAF_CODES = OP_NAMES.map((_, code) => code).filter((code) => OWN_ROLE[code] === LEAF);
const IS_INTEGER = opsWhere((row) => row.isInteger);

/** Whether every node is a single number that scalar bytecode can compute. */
export function isScalarGraph(ir: Ir): boolean {
  // Lists of indices lie apart, in the integers; topk would have to compute one.
  const isIndex = (code: number): boolean => IS_INTEGER[code] === 1 && code !== OP_CODE.topk;
  for (const code of new Set(ir.arrays.ops.subarray(0, ir.count)))
    if (OWN_ROLE[code] === NO_ROLE && !isIndex(code)) return false;
  return ir.everyArray((node) => isIndex(ir.codeOf(node)));
}

/**
 * How many words the assembler has for an attribute, and which of them holds an exponent
 * (native/compile/assembler_graph.h).
 */
const ATTRIBUTE_WORDS = 7;
const EXPONENT = 4;

/** All attributes as words; exponents that are operands get their place later. */
function attributeWords(ir: Ir): { attributes: Int32Array; positionsList: Int32Array } {
  const all = ir.attributes;
  const attributes = new Int32Array(ATTRIBUTE_WORDS * all.length);
  const list: number[] = [];
  for (let i = 0; i < all.length; i++) {
    const { prefix, positions, exponent, choice, k } = all[i]!;
    const at = ATTRIBUTE_WORDS * i;
    attributes[at] = prefix ? 1 : 0;
    attributes[at + 1] = positions ? list.length : -1;
    if (positions) for (const position of positions) list.push(position);
    attributes[at + 2] = list.length;
    if (exponent !== undefined) attributes[at + 3] = bytecode(powerOf(exponent));
    attributes[at + EXPONENT] = -1;
    attributes[at + 5] = choice ?? 0;
    attributes[at + 6] = k ?? 0;
  }
  return { attributes, positionsList: Int32Array.from(list) };
}

function powerOf(exponent: number): string {
  return POWERS.get(exponent) ?? (exponent === 2 ? 'mul' : 'pow');
}

/** Lowers a graph of single numbers; undefined where its positions leave no order to run in. */
export function lowerScalars(ir: Ir, options: LoweringOptions): Lowered | undefined {
  const graph: AssemblerGraph = {
    ...ir.arrays,
    ...attributeWords(ir),
    roles: OWN_ROLE,
    own: OWN_CODE,
    adding: ADDING_CODE,
    count: ir.count,
    forwardEnd: ir.forwardEnd,
    maxLength: ir.maxLength,
  };
  const gradients = [...options.gradients.values()];
  const uses = addon.countUses(graph, Int32Array.from([...options.keep, ...gradients]));
  const layout = new Layout(ir, uses, options);
  const { block } = layout;
  const { update } = options;
  // One rule for all is part of the bytecode; groups have an instruction each.
  const isOne = block.stretches.every(({ group }) => group.first === 0);
  const inBytecode = isOne && (update?.op === 'sgd' || update?.op === 'adam');
  const slots = placeLeaves(ir, layout, uses, options.gradients);
  const zero = layout.constant(0);
  ir.attributes.forEach(({ exponent }, i) => {
    if (exponent === undefined || powerOf(exponent) !== 'pow') return;
    graph.attributes[ATTRIBUTE_WORDS * i + EXPONENT] = layout.constant(exponent);
  });
  const made = addon.assembleScalarBytecode(graph, {
    uses,
    gradients: Int32Array.from(gradients),
    slots,
    zero,
    arenaSize: layout.size,
    update: inBytecode ? bytecode(options.update!.op) : -1,
    parameters: block.offset,
    moment: block.moments[0] ?? -1,
    secondMoment: update?.op === 'adam' ? block.moments[1]! : -1,
    gradientBlock: block.gradients,
    rule: block.rule,
    blockSize: block.size,
  });
  if (!made) return undefined;
  layout.size = made.arenaSize;
  const out = new Encoder();
  const sections = emitStretches(out, made, ir.count > ir.forwardEnd, () => {
    if (!update) return;
    const placed = { block, update };
    clearUncomputed(out, layout, options.unmoved);
    const watched = options.watched.map((node) => denseView(slots[node]!, []));
    emitGradientSteps(out, placed, watched);
    emitWholeUpdates(out, placed, inBytecode);
    if (inBytecode) emitStretch(out, out.literal(made.update[0]), out.literal(made.update[1]));
    emitAfterUpdates(out, placed);
  });
  const { code, extents } = out.encode(ir.maxLength);
  return {
    code,
    ...NO_LOOPS,
    extents,
    bytecode: made.words,
    arenaSize: layout.size,
    intsSize: layout.ints,
    maxLength: ir.maxLength,
    nodes: out.nodes,
    sections,
    parameters: block,
    view: (node) => (slots[node]! >= 0 && !ir.isInteger(node) ? denseView(slots[node]!, []) : undefined),
    slot: (node) => layout.slot(node),
    constants: layout.constants,
    tables: [],
    integers: layout.integers,
    regions: NO_REGIONS,
    reuse: undefined,
  };
}

/**
 * Clears the gradients that no node computes: the steps before an update add to all gradients, and its
 * bytecode, unlike the instruction that updates arrays, leaves them as they are.
 */
function clearUncomputed(out: Encoder, layout: Layout, unmoved: ReadonlySet<number>): void {
  const { block, parameterOffsets } = layout;
  const one = out.literal(1);
  const zero = layout.constant(0);
  const places = [...unmoved].map((node) => parameterOffsets.get(node)!).sort((a, b) => a - b);
  for (let i = 0; i < places.length;) {
    const first = i;
    while (++i < places.length && places[i] === places[i - 1]! + 1);
    out.emit(-1, 0, [one, one, one, out.literal(i - first), one], {
      op: 'fill',
      y: [block.gradients + places[first]! - block.offset, 0, 0, 0, 1],
      a: [zero, 0, 0, 0, 0],
    });
  }
}

/**
 * The places of leaves, and of the gradients that an update reads as one block; -1 where the assembler
 * chooses the place.
 */
function placeLeaves(
  ir: Ir,
  layout: Layout,
  uses: Int32Array,
  gradients: ReadonlyMap<number, number>,
): Int32Array {
  const { ops } = ir.arrays;
  const slots = new Int32Array(ir.count).fill(-1);
  for (const [parameter, gradient] of gradients) {
    const offset = layout.parameterOffsets.get(parameter);
    if (offset !== undefined) slots[gradient] = layout.block.gradients + offset - layout.block.offset;
  }
  const leaves = LEAF_CODES.flatMap((code) => occurrences(ops, code, ir.count));
  for (const node of leaves.sort((a, b) => a - b))
    if (uses[node]! > 0) slots[node] = placeOfLeaf(ir, layout, node);
  return slots;
}

/** Writes the instructions that run the bytecode's stretches, and between them what `emitUpdate` writes. */
function emitStretches(
  out: Encoder,
  made: AssembledBytecode,
  hasBackward: boolean,
  emitUpdate: () => void,
): Lowered['sections'] {
  const all = ([begin, end]: readonly [number, number]): void => {
    if (end > begin) emitStretch(out, out.literal(begin), out.literal(end));
  };
  all(made.clearForward);
  const ends = out.byLength(made.forward);
  emitStretch(out, ends, ends, false, true);
  all(made.afterForward);
  const forward = out.count;
  all(made.clearBackward);
  all(made.beforeBackward);
  if (hasBackward) emitStretch(out, out.byLength(made.backward), out.literal(made.backward[0]!), true, true);
  const backward = out.count;
  emitUpdate();
  return { results: forward, forward, backward, update: out.count };
}

/**
 * Writes an instruction that runs a stretch of bytecode, between two extents, or up to each position's end.
 */
function emitStretch(out: Encoder, begin: number, end: number, backward = false, byPosition = false): void {
  const one = out.literal(1);
  const extents = [one, one, begin, end, one] as const;
  out.emit(-1, 0, extents, { op: 'scalar_bytecode', accumulate: backward, imm0: byPosition ? 1 : 0 });
}

function placeOfLeaf(ir: Ir, layout: Layout, node: number): number {
  if (ir.isInteger(node)) return layout.slot(node);
  if (ir.is(node, 'constant')) return layout.constant(ir.constantValue(node));
  return layout.parameterOffsets.get(node) ?? layout.allocate(1);
}
