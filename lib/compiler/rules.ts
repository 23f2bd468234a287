/**
 * Gradient rules of single numbers, each recorded once and then written out by copying: a graph of
 * single numbers asks the same few rules hundreds of thousands of times.
 */
import { NO_ATTR, OP_CODE, OP_NAMES, OPS, type Attr, type Builder, type OpName } from '../ops.js';
import { SCALAR, type Shape } from '../shape.js';
import type { Ir } from './ir.js';

/** A node that a rule makes. Operands are counted: the operator's, its output, dy, the nodes made. */
interface Step {
  code: number;
  inputs: readonly number[];
  attr: Attr;
}

/** What a rule makes and which of it is the gradient; null where none flows. */
type Rule = { steps: Step[]; result: number } | null;

class Recorder implements Builder<number> {
  readonly steps: Step[] = [];
  constructor(private readonly first: number) {}

  op(name: OpName, inputs: readonly number[], attr: Attr = NO_ATTR): number {
    return this.first + this.steps.push({ code: OP_CODE[name], inputs, attr }) - 1;
  }
  constant(value: number): number {
    return this.op('constant', [], { value });
  }
  shape(): Shape {
    return SCALAR;
  }
}

/** Whether a node's gradient follows from its operator alone. */
export function hasRecordedRule(ir: Ir, node: number): boolean {
  if (!ir.isPlain(node)) return false;
  const n = ir.inputCount(node);
  for (let i = 0; i < n; i++) if (!ir.isScalar(ir.input(node, i))) return false;
  return true;
}

/** By operator, number of operands, operand. */
const rules: (Rule | undefined)[][][] = OP_NAMES.map(() => []);

function ruleOf(code: number, n: number, i: number): Rule {
  const known = (rules[code]![n] ??= [])[i];
  if (known !== undefined) return known;
  const g = new Recorder(n + 2);
  const inputs = Array.from({ length: n }, (_, k) => k);
  const result = OPS[OP_NAMES[code]!].gradient(
    { g, inputs, output: n, attr: NO_ATTR, dy: n + 1 },
    i,
  );
  const rule = result === null ? null : { steps: g.steps, result };
  rules[code]![n][i] = rule;
  return rule;
}

/** Appends the gradient of a node with a recorded rule with respect to operand i; -1: none flows. */
export function writeGradient(ir: Ir, node: number, dy: number, i: number): number {
  const n = ir.inputCount(node);
  const rule = ruleOf(ir.codeOf(node), n, i);
  if (rule === null) return -1;
  const { steps, result } = rule;
  // What the symbols stand for.
  for (let k = 0; k < n; k++) numbers[k] = ir.input(node, k);
  numbers[n] = node;
  numbers[n + 1] = dy;
  for (let k = 0; k < steps.length; k++) {
    const { code, inputs, attr } = steps[k]!;
    let made: number;
    if (code === CONSTANT) {
      made = ir.constant(attr.value!);
    } else if (attr === NO_ATTR && inputs.length <= 2) {
      made = ir.pushScalar(code, numbers[inputs[0]!]!, inputs.length === 2 ? numbers[inputs[1]!]! : -1); // prettier-ignore
    } else {
      made = ir.push(OP_NAMES[code]!, inputs.map((symbol) => numbers[symbol]!), attr, SCALAR); // prettier-ignore
    }
    numbers[n + 2 + k] = made;
  }
  return numbers[result]!;
}

const CONSTANT = OP_CODE.constant;
/** The nodes that the symbols of the rule being written stand for. */
const numbers: number[] = [];
