/** From which value of a graph NaN or infinity comes, once every value and gradient of it can be read. */
import { reachable } from './compiler/trace.js';
import { Value, type Node, type TypedArray } from './graph.js';
import type { OpName } from './ops.js';

type Read = (node: Value) => TypedArray;

/** Through these no gradient flows. */
const NO_SLOPE: ReadonlySet<OpName> = new Set<OpName>(['gt', 'ge', 'eq', 'sign', 'detach']);

/** In words; undefined where root and all gradients of parameters are finite. */
export function originOf(root: Value, valueOf: Read, gradientOf: Read): string | undefined {
  return originOfValue(root, valueOf) ?? originOfGradient(root, valueOf, gradientOf);
}

/** Goes back from a root that is not finite: along NaN, and then along infinities. */
function originOfValue(root: Value, valueOf: Read): string | undefined {
  if (!find(root, valueOf, isNotFinite)) return undefined;
  const node = earliest(root, valueOf, Number.isNaN);
  const infinite = earliest(node, valueOf, isNotFinite);
  if (infinite === node) return `${found(node, valueOf)}${operandsIn(node)}`;
  const begin = `${found(infinite, valueOf)}${operandsIn(infinite)}`;
  return find(node, valueOf, Number.isNaN) ? `${found(node, valueOf)}, since ${begin}` : begin;
}

/** The node itself, or one that it comes from: whose own operands hold no such number. */
function earliest(node: Value, valueOf: Read, is: (x: number) => boolean): Value {
  for (;;) {
    const before = operandsOf(node).find((operand) => find(operand, valueOf, is));
    if (!before) return node;
    node = before;
  }
}

/** Goes on from a parameter's gradient that is not finite, to the last value whose gradient is not. */
function originOfGradient(root: Value, valueOf: Read, gradientOf: Read): string | undefined {
  const nodes = reachable([root]);
  let node = nodes.filter(isParameter).find((x) => find(x, gradientOf, isNotFinite));
  if (!node) return undefined;
  const users = usersIn(nodes);
  let last = node;
  while (node) {
    last = node;
    node = users.get(last)?.find((user) => find(user, gradientOf, isNotFinite));
  }
  const { place, number } = find(last, gradientOf, isNotFinite)!;
  const slopes = (users.get(last) ?? []).map(({ label }) => label).join(' or ');
  return `the gradient of ${last.label} is ${number}${inPlace(last, place)}, by the slope of ${slopes} at ${valueOf(last)[place]!}`;
}

/** The nodes that a gradient reaches each node from. */
function usersIn(nodes: readonly Node[]): Map<Node, Value[]> {
  const users = new Map<Node, Value[]>();
  for (const user of nodes) {
    if (!(user instanceof Value) || NO_SLOPE.has(user.op)) continue;
    for (const operand of new Set(user.inputs)) {
      const others = users.get(operand);
      if (others) others.push(user);
      else users.set(operand, [user]);
    }
  }
  return users;
}

function isParameter(node: Node): node is Value {
  return node instanceof Value && node.op === 'parameter';
}

function isNotFinite(x: number): boolean {
  return !Number.isFinite(x);
}

function operandsOf(node: Value): Value[] {
  return node.inputs.filter((operand) => operand instanceof Value);
}

function operandsIn(node: Value): string {
  const operands = operandsOf(node).map(({ label }) => label);
  return operands.length > 0 ? ` (of ${operands.join(' and ')}, which is finite)` : '';
}

function find(node: Value, read: Read, is: (x: number) => boolean): { place: number; number: number } | undefined {
  const numbers = read(node);
  const place = numbers.findIndex(is);
  return place < 0 ? undefined : { place, number: numbers[place]! };
} // prettier-ignore

function found(node: Value, valueOf: Read): string {
  const { place, number } = find(node, valueOf, Number.isNaN) ?? find(node, valueOf, isNotFinite)!;
  return `${node.label} is ${number}${inPlace(node, place)}`;
}

/** Of more than one number. */
function inPlace({ shape }: Value, place: number): string {
  return shape.length > 0 ? ` in place ${place}` : '';
}
