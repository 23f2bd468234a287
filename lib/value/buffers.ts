/** Buffers: parameters that no gradient trains, but that training steps set, such as running statistics. */
import { reachable } from '../graph/reachable.js';
import type { Node, SetInStep } from '../graph/node.js';
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
export function setInSteps(node: Node, sets: readonly SetInStep[]): void {
  (node.extras ??= {}).sets = sets;
  setters++;
}

/** What a training step of a loss sets buffers to, in the order in which its nodes were made. */
export function setsOf(loss: Node): Map<Node, Node> {
  const found = new Map<Node, Node>();
  if (setters === 0) return found;
  for (const { extras } of reachable([loss]))
    for (const { parameter, next } of extras?.sets ?? [])
      found.set(parameter, next(found.get(parameter) ?? parameter));
  return found;
}
