/**
 * From a graph of single numbers to the scalar tape: one number per instruction, in the order of
 * the prefix, so that a shorter run is a shorter stretch of the same tape. What a tape is made of,
 * and in what order, is decided in native/compile/assemble.cpp; here leaves are placed, and the parts of the
 * tape become instructions.
 */
import { OP_NAMES, type OpName } from '../../graph/ops.js';
import { addon, tapeOpcodes, type TapeGraph } from '../../binding/addon.js';
import { Encoder } from './encode.js';
import type { Ir } from '../ir/ir.js';
import { Layout, type Lowered, type LoweringOptions } from './layout.js';
import { emitSteps } from './updates.js';
import { denseView } from './view.js';

/** Operators that a tape has, and their opcodes. */
const SIMPLE: Partial<Record<OpName, string>> = {
  neg: 'neg',
  exp: 'exp',
  log: 'log',
  relu: 'relu',
  detach: 'copy',
  reshape: 'copy',
  broadcastTo: 'copy',
  sum: 'copy',
  max: 'copy',
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  div: 'div',
  maximum: 'maximum',
  minimum: 'minimum',
  gt: 'gt',
  ge: 'ge',
  eq: 'eq',
  sign: 'sign',
  abs: 'abs',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  softplus: 'softplus',
  log1p: 'log1p',
  erf: 'erf',
  arcsin: 'arcsin',
  arcsinh: 'arcsinh',
  arctanh: 'arctanh',
  logGrad: 'log_grad',
  maskPositive: 'mask_positive',
  ifNonzero: 'if_nonzero',
  ifZero: 'if_zero',
};
const LEAVES: ReadonlySet<OpName> = new Set<OpName>([
  'parameter',
  'input',
  'constant',
  'inverseCount',
  'index',
  'element',
]);
const OTHERS: ReadonlySet<OpName> = new Set<OpName>(['pow', 'total', 'choose', 'chooseGrad']);
/** What a total's term becomes when its own instruction adds to the total. */
const ADDING: Partial<Record<OpName, string>> = {
  mul: 'fma',
  neg: 'decumulate',
  maskPositive: 'mask_add',
  chooseGrad: 'choose_grad',
};

function tapeCode(name: string): number {
  return tapeOpcodes.get(name)!;
}
/** A number for each operator, by the compiler's numbering. */
function byOperator(of: (op: OpName) => number): Int32Array {
  return Int32Array.from(OP_NAMES, of);
}
function codes(names: Partial<Record<OpName, string>>): Int32Array {
  return byOperator((op) => (names[op] ? tapeCode(names[op]) : -1));
}
const OWN_CODE = codes(SIMPLE);
const ADDING_CODE = codes(ADDING);
/** What the assembler has to know of an operator: the order is that of native/compile/assemble.h. */
const ROLES = ['none', 'leaf', 'plain', 'total', 'add', 'pow', 'choose', 'chooseGrad'] as const;
type Role = (typeof ROLES)[number];

function roleOf(op: OpName): Role {
  if (LEAVES.has(op)) return 'leaf';
  if (op === 'add' || OTHERS.has(op)) return op as Role;
  return op in SIMPLE ? 'plain' : 'none';
}
const OWN_ROLE = byOperator((op) => ROLES.indexOf(roleOf(op)));
const NONE = ROLES.indexOf('none');
const LEAF = ROLES.indexOf('leaf');

/** Whether every node is a single number that the tape can compute. */
export function isScalarGraph(ir: Ir): boolean {
  const { ops } = ir.arrays;
  for (let node = 0; node < ir.count; node++) {
    if (OWN_ROLE[ops[node]!] !== NONE && ir.isScalar(node)) continue;
    // Lists of indices lie apart, in the integers; topk would have to compute one.
    if (!ir.isInteger(node) || ir.is(node, 'topk')) return false;
  }
  return true;
}

/** Powers that have an instruction of their own, of one number. */
const POWERS: ReadonlyMap<number, string> = new Map([
  [-0.5, 'rsqrt'],
  [0.5, 'sqrt'],
  [-1, 'reciprocal'],
  [1, 'copy'],
]);

/** The assembler's words for an attribute: see `Attribute` in native/compile/assemble.h. */
const ATTRIBUTE_WORDS = 7;
const EXPONENT = 4;

/** All attributes in words; the exponents that powers need as numbers are yet to be placed. */
function attributeWords(ir: Ir): { attributes: Int32Array; levelsList: Int32Array } {
  const all = ir.attributes;
  const attributes = new Int32Array(ATTRIBUTE_WORDS * all.length);
  const list: number[] = [];
  for (let i = 0; i < all.length; i++) {
    const { prefix, levels, exponent, choice, k } = all[i]!;
    const at = ATTRIBUTE_WORDS * i;
    attributes[at] = prefix ? 1 : 0;
    attributes[at + 1] = levels ? list.length : -1;
    if (levels) for (const level of levels) list.push(level);
    attributes[at + 2] = list.length;
    if (exponent !== undefined) attributes[at + 3] = tapeCode(powerOf(exponent));
    attributes[at + EXPONENT] = -1;
    attributes[at + 5] = choice ?? 0;
    attributes[at + 6] = k ?? 0;
  }
  return { attributes, levelsList: Int32Array.from(list) };
}

function powerOf(exponent: number): string {
  return POWERS.get(exponent) ?? (exponent === 2 ? 'mul' : 'pow');
}

/** The tape of a graph of single numbers; undefined where its levels leave no order to run in. */
export function lowerTape(ir: Ir, options: LoweringOptions): Lowered | undefined {
  const graph: TapeGraph = {
    ...ir.arrays,
    ...attributeWords(ir),
    roles: OWN_ROLE,
    own: OWN_CODE,
    adding: ADDING_CODE,
    count: ir.count,
    forwardEnd: ir.forwardEnd,
    maxLevel: ir.maxLevel,
  };
  const gradients = [...options.gradients.values()];
  const uses = addon.countUses(graph, Int32Array.from([...options.keep, ...gradients]));
  const layout = new Layout(ir, uses, options);
  const { block } = layout;
  const { ops } = graph;
  const slots = new Int32Array(ir.count).fill(-1);
  for (const [parameter, gradient] of options.gradients) {
    const offset = layout.parameterOffsets.get(parameter);
    // An update reads them as one block.
    if (offset !== undefined) slots[gradient] = block.gradients + offset - block.offset;
  }
  for (let node = 0; node < ir.count; node++) {
    if (OWN_ROLE[ops[node]!] === LEAF && uses[node]! > 0) slots[node] = placeOfLeaf(ir, layout, node);
  }
  const zero = layout.constant(0);
  ir.attributes.forEach(({ exponent }, i) => {
    if (exponent === undefined || powerOf(exponent) !== 'pow') return;
    graph.attributes[ATTRIBUTE_WORDS * i + EXPONENT] = layout.constant(exponent);
  });
  const made = addon.assembleTape(graph, {
    uses,
    gradients: Int32Array.from(gradients),
    slots,
    zero,
    arenaSize: layout.size,
    update: options.update ? tapeCode(options.update.op) : -1,
    parameters: block.offset,
    moment: block.moments[0] ?? -1,
    secondMoment: block.moments[1] ?? -1,
    gradientBlock: block.gradients,
    rule: block.rule,
    blockSize: block.size,
  });
  if (!made) return undefined;
  layout.size = made.arenaSize;

  const out = new Encoder();
  const literal = (n: number): number => out.literal(n);
  const run = (rows: number, cols: number, backward = false, byLevel = false): void => {
    const one = literal(1);
    const extents = [one, one, rows, cols, one] as const;
    out.emit(-1, { op: 'tape', level: 0, accumulate: backward, extents, imm0: byLevel ? 1 : 0 });
  };
  const runAll = ([begin, end]: readonly [number, number]): void => {
    if (end > begin) run(literal(begin), literal(end));
  };
  runAll(made.clearForward);
  const ends = out.byLevel(made.forward);
  run(ends, ends, false, true);
  runAll(made.afterForward);
  const forward = out.count;
  runAll(made.clearBackward);
  runAll(made.beforeBackward);
  if (ir.count > ir.forwardEnd) run(out.byLevel(made.backward), literal(made.backward[0]!), true, true);
  const backward = out.count;
  if (options.update) {
    emitSteps(
      out,
      block,
      options.update,
      options.watched.map((node) => denseView(slots[node]!, [])),
    );
    run(literal(made.update[0]), literal(made.update[1]));
  }
  const { code, extents } = out.finish(ir.maxLevel);
  return {
    code,
    extents,
    tape: made.tape,
    arenaSize: layout.size,
    intsSize: layout.ints,
    levels: ir.maxLevel,
    nodes: out.nodes,
    sections: { results: forward, forward, backward, update: out.count },
    parameters: block,
    view: (node) => (slots[node]! < 0 || ir.isInteger(node) ? undefined : denseView(slots[node]!, [])),
    slot: (node) => layout.slot(node),
    constants: layout.constants,
  };
}

function placeOfLeaf(ir: Ir, layout: Layout, node: number): number {
  if (ir.isInteger(node)) return layout.slot(node);
  if (ir.is(node, 'constant')) return layout.constant(ir.constantValue(node));
  return layout.parameterOffsets.get(node) ?? layout.allocate(1);
}
