/**
 * Differentiation of graphs of single numbers: the gradient rule of each kind of node is recorded once, over
 * symbols, and native/compile/differentiate.cpp instantiates it for every node.
 */
import { addon, type NumberGraph } from '../../binding/addon.js';
import { append } from '../../core/lists.js';
import {
  GRADIENT_LEAVES,
  NO_ATTR,
  OP_CODE,
  OP_NAMES,
  type Attr,
  type Builder,
  type OpName,
} from '../../graph/ops.js';
import { SCALAR, type Shape } from '../../core/shape.js';
import type { Ir } from '../ir/ir.js';

/** Records a rule as words (native/compile/differentiate.h). */
class Recorder implements Builder<number> {
  private readonly words: number[] = [];
  private steps = 0;

  /** Numbers below `first` stand for the node's operands, the node itself, and its gradient. */
  constructor(
    private readonly ir: Ir,
    private readonly first: number,
  ) {}

  op(name: OpName, inputs: readonly number[], attr: Attr = NO_ATTR): number {
    append(this.words, [OP_CODE[name], this.ir.attribute(attr), inputs.length, ...inputs]);
    return this.first + this.steps++;
  }
  constant(value: number): number {
    return ~this.ir.constant(value);
  }
  shape(): Shape {
    return SCALAR;
  }
  finish(result: number): number[] {
    return [result, this.steps, ...this.words];
  }
}

/** Rules for the kinds of nodes, of which `kinds` are examples. Constants that they need join the graph. */
function rulesOf(ir: Ir, kinds: Int32Array): Int32Array {
  const words = Array.from(kinds, () => 0);
  kinds.forEach((node, kind) => {
    const n = ir.inputCount(node);
    const start = words.length;
    words[kind] = start;
    for (let i = 0; i < n; i++) words.push(-1);
    const inputs = Array.from({ length: n }, (_, k) => k);
    const attr = ir.attr(node);
    const row = ir.row(node);
    for (let i = 0; i < n; i++) {
      if (ir.isInteger(ir.input(node, i)) || !row.reaches(i, attr)) continue;
      const g = new Recorder(ir, n + 2);
      const context = { g, inputs, output: n, attr, dy: n + 1 };
      words[start + i] = words.length;
      append(words, g.finish(row.gradient(context, i)));
    }
  });
  return Int32Array.from(words);
}

/** `differentiate` for a graph of single numbers. */
export function differentiateNumbers(ir: Ir, root: number, wanted: ReadonlySet<OpName>): Int32Array {
  ir.position = 0;
  const seed = ir.constant(1);
  const leaves = Uint8Array.from(
    OP_NAMES,
    (op) => Number(GRADIENT_LEAVES.has(op)) + 2 * Number(wanted.has(op)),
  );
  const graph = (): NumberGraph => ({
    ...ir.arrays,
    prefix: Uint8Array.from(ir.attributes, ({ prefix = false }) => Number(prefix)),
    leaves,
    count: ir.count,
    forwardEnd: ir.forwardEnd,
    root,
    addN: OP_CODE.addN,
  });
  const rules = rulesOf(ir, addon.numberKinds(graph()));
  const made = addon.differentiateNumbers(graph(), rules, seed);
  const positions = Array.from(made.attributes.subarray(1), (end, i) => ({
    positions: Array.from(made.termPositions.subarray(made.attributes[i], end)),
  }));
  ir.replace(made, positions);
  return made.gradients;
}
