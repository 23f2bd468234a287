/** Buffers: parameters that no gradient trains, but that training steps set, such as running statistics. */
import { reachable } from '../graph/reachable.js';
import type { Node, Setting } from '../graph/node.js';
import { ShapeError } from '../core/shape.js';
import { stepIndex } from './indices.js';
import { constant, makeValue, type Value } from './value.js';

/** How many nodes set buffers: where there are none, no graph is searched for them. */
let setters = 0;

/** Makes a parameter a buffer. */
export function asBuffer(parameter: Value): Value {
  parameter.trainable = false;
  parameter.extras!.isBuffer = true;
  return parameter;
}

/** 1 in a training step, 0 in any other run. */
export function isTraining(): Value {
  // The number of the step is -1 in any other run (runtime/memory.ts).
  const isOther = makeValue('chooseGrad', [constant(1), stepIndex()], { choice: -1, k: 1 });
  return isOther.eq(0);
}

/** Lets training steps that compute a node set buffers. */
export function setInSteps(node: Node, setting: Setting): void {
  (node.extras ??= {}).setting = setting;
  setters++;
}

/**
 * What a training step of a loss sets buffers to, in the order in which its nodes were made.
 *
 * @throws TypeError where some steps would not compute what sets them
 * @throws ShapeError where there is too little to set them to
 */
export function setsOf(loss: Node): Map<Node, Node> {
  const found = new Map<Node, Node>();
  if (setters === 0) return found;
  const nodes = reachable([loss]);
  const always = alwaysComputed(nodes, loss);
  for (const node of nodes) {
    const setting = node.extras?.setting;
    if (!setting) continue;
    if (setting.refusal !== undefined) throw new ShapeError(`minimize: ${setting.refusal}`);
    if (!always.has(node))
      throw new TypeError(
        `minimize: ${setting.sets[0]!.parameter.label} follows a batch in every step, but the loss ` +
          `computes ${node.label} only in some, in a term of meanOfFirst or an option of choose: normalise ` +
          'before it',
      );
    for (const { parameter, next } of setting.sets)
      found.set(parameter, next(found.get(parameter) ?? parameter));
  }
  return found;
}

/** The nodes that every run computes: a mean of the first n computes n of its terms, `choose` one option. */
function alwaysComputed(nodes: readonly Node[], root: Node): ReadonlySet<Node> {
  const found = new Set<Node>([root]);
  for (const node of nodes.toReversed()) {
    if (!found.has(node)) continue;
    const { inputs } = node;
    const isPartial = node.op === 'choose' || (node.op === 'addN' && node.attr.prefix === true);
    for (const each of isPartial ? inputs.slice(-1) : inputs) found.add(each);
  }
  return found;
}
