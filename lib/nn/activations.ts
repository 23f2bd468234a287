/** The bounded activations, composed of operators. */
import type { Value } from '../graph.js';

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: Value): Value {
  // exp(-x) must stay finite in float32, or its gradient would be 0 times infinity.
  return x.maximum(-40).neg().exp().add(1).pow(-1);
}

/** (exp(x) - exp(-x)) / (exp(x) + exp(-x)). */
export function tanh(x: Value): Value {
  return sigmoid(x.mul(2)).mul(2).sub(1);
}
