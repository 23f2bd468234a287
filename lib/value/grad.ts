/** Gradients as values of the graph, which can be differentiated again. */
import { checkArguments } from '../core/check.js';
import { fedWith, reachable } from '../graph/reachable.js';
import { checkValue, constant, makeValue, Value, valuesOf } from './value.js';
import { addN } from './joins.js';
import { zeros } from './leaves.js';
import { softmax } from './softmax.js';
import type { Node } from '../graph/node.js';
import { NO_ATTR, OPS, sumTo, type Attr, type Builder } from '../graph/ops.js';
import type { Shape } from '../core/shape.js';

/**
 * The gradients of the sum of `root`'s elements with respect to each of `values`: each in its value's shape,
 * and zeros where `root` does not depend on it. They are ordinary values of the graph: `forward` computes
 * them, they can be part of a loss, and `grad` can differentiate them again (one element of a gradient gives
 * a row of the Hessian). They use the operators' own gradient rules, so that ties and kinks are treated as in
 * `backward`: tied operands of `maximum` share the gradient, and relu's gradient at zero is 0.
 *
 * Nothing is computed here; the graph grows by the nodes of the gradients.
 *
 * @throws Error where `root` depends on one of `values` through `meanOfFirst`, because the number of terms is
 * known only at run time
 */
export function grad(root: Value, values: readonly Value[]): Value[] {
  checkArguments('grad', arguments, 2);
  checkValue('grad', 'the root', root);
  const given = valuesOf('grad', values);
  const nodes = reachable([root]);
  const terms = new Map<Node, Value[]>();
  terms.set(root, [filled(1, root.shape)]);
  for (const node of dependents(nodes, given).reverse()) visit(node, terms);
  const mentions = fedWith(nodes);
  return given.map((value) => {
    const own = terms.get(value);
    const gradient = own ? addN(own) : zeros(value.shape);
    if (mentions.length > 0) (gradient.extras ??= {}).mentions = mentions;
    return gradient;
  });
}

/** The nodes from `values` to the root, both included, of all that the root depends on. */
function dependents(nodes: readonly Node[], values: readonly Value[]): Node[] {
  const depends = new Set<Node>(values);
  return nodes.filter((node) => {
    if (node.inputs.some((input) => depends.has(input))) depends.add(node);
    return depends.has(node);
  });
}

/** Adds a node's contributions to the gradients of its operands. Its own gradient must be complete. */
function visit(node: Node, terms: Map<Node, Value[]>): void {
  const own = terms.get(node);
  if (!own) return;
  // meanOfFirst is the product of a sum, which the user has not seen, and 1 / n.
  if (isSumOfFirst(node) || isSumOfFirst(node.inputs[0])) {
    throw new Error(
      `grad through ${node.label}: how many of its terms count is known only at run time; ` +
        'differentiate a mean of a fixed number of values',
    );
  }
  const dy = addN(own);
  terms.set(node, [dy]);
  const context = { g: builder, inputs: node.inputs, output: node, attr: node.attr, dy };
  node.inputs.forEach((input, i) => {
    if (!(input instanceof Value) || !OPS[node.op].reaches(i, node.attr)) return;
    const term = OPS[node.op].gradient<Node>(context, i);
    const whole = asValue(sumTo(builder, term, input.shape));
    const others = terms.get(input);
    if (others) others.push(whole);
    else terms.set(input, [whole]);
  });
}

function isSumOfFirst(node: Node | undefined): boolean {
  return node?.op === 'addN' && node.attr.prefix === true;
}

/** Builds gradient nodes in the user's graph. */
const builder: Builder<Node> = {
  op: (name, inputs, attr = NO_ATTR) => {
    // These two reuse numbers that their forward operator keeps, which only the compiler can guarantee; here
    // they are composed of other operators.
    if (name === 'rmsNormGrad') return rmsNormGrad(inputs.map(asValue), attr);
    if (name === 'crossEntropyGrad') return crossEntropyGrad(inputs);
    return makeValue(name, inputs, attr);
  },
  constant,
  shape: (node) => node.shape,
};

/** s (u - scale sum(u y) y) with y = s x = rmsNorm(x), row by row: inputs u, x, y. */
function rmsNormGrad(inputs: readonly Value[], { scale, eps }: Attr): Value {
  const [u, x, y] = inputs as [Value, Value, Value];
  const s = x.mul(x).sum(-1).mul(scale!).add(eps!).pow(-0.5);
  const along = u.mul(y).sum(-1).mul(scale!);
  return u.sub(y.mul(asColumn(along))).mul(asColumn(s));
}

/** u (softmax(x) - onehot(target)), row by row: inputs u, x, the losses, target. */
function crossEntropyGrad(inputs: readonly Node[]): Value {
  const [u, x, , target] = inputs as [Value, Value, Value, Node];
  const isMatrix = target.shape.length > 0;
  const ones = filled(1, target.shape);
  const onehot = makeValue('scatterAdd', [ones, target], { shape: x.shape, batch: isMatrix });
  return softmax(x).sub(onehot).mul(asColumn(u));
}

/** The node as a Value; throws for an index. */
function asValue(node: Node): Value {
  if (node instanceof Value) return node;
  throw new TypeError(`${node.label} holds integers: it has no gradient`);
}

/** Turns one number per row into a column that broadcasts over the rows. */
function asColumn(x: Value): Value {
  return x.reshape([...x.shape, 1]);
}

function filled(value: number, shape: Shape): Value {
  return shape.length ? makeValue('broadcastTo', [constant(value)], { shape }) : constant(value);
}
