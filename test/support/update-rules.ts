/** The update rules of the optimisers in plain TypeScript, and learning rates. */

/** Updates all weights by their gradients, both in place. */
export type Rule = (w: number[], g: number[], step: number) => void;

export type Rate = (step: number) => number;

export function sgd(rate: Rate, momentum = 0, nesterov = false): Rule {
  const velocity = START.map(() => 0);
  return (w, g, step) =>
    g.forEach((gradient, i) => {
      velocity[i] = momentum * velocity[i]! + gradient;
      w[i]! -= rate(step) * (nesterov ? gradient + momentum * velocity[i] : velocity[i]);
    });
}

export function adam(rate: Rate, beta1 = 0.9, beta2 = 0.999, eps = 1e-8): Rule {
  const [m, v] = [START.map(() => 0), START.map(() => 0)];
  return (w, g, step) =>
    g.forEach((gradient, i) => {
      m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient ** 2;
      const [mean, square] = [m[i] / (1 - beta1 ** (step + 1)), v[i] / (1 - beta2 ** (step + 1))];
      w[i]! -= (rate(step) * mean) / (Math.sqrt(square) + eps);
    });
}

export function amsgrad(rate: Rate, beta1 = 0.9, beta2 = 0.999, eps = 1e-8): Rule {
  const [m, v, top] = [START.map(() => 0), START.map(() => 0), START.map(() => 0)];
  return (w, g, step) =>
    g.forEach((gradient, i) => {
      m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient ** 2;
      top[i] = Math.max(top[i]!, v[i]);
      const [mean, square] = [m[i] / (1 - beta1 ** (step + 1)), top[i] / (1 - beta2 ** (step + 1))];
      w[i]! -= (rate(step) * mean) / (Math.sqrt(square) + eps);
    });
}

export function rmsprop(rate: Rate, rho: number, eps: number, momentum = 0, centered = false): Rule {
  const [v, m, speed] = [START.map(() => 0), START.map(() => 0), START.map(() => 0)];
  return (w, g, step) =>
    g.forEach((gradient, i) => {
      v[i] = rho * v[i]! + (1 - rho) * gradient ** 2;
      m[i] = rho * m[i]! + (1 - rho) * gradient;
      const square = centered ? v[i] - m[i] ** 2 : v[i];
      speed[i] = momentum * speed[i]! + gradient / (Math.sqrt(square) + eps);
      w[i]! -= rate(step) * speed[i];
    });
}

export function adagrad(rate: Rate, eps: number): Rule {
  const sum = START.map(() => 0);
  return (w, g, step) =>
    g.forEach((gradient, i) => {
      sum[i]! += gradient ** 2;
      w[i]! -= (rate(step) * gradient) / (Math.sqrt(sum[i]!) + eps);
    });
}

export function lion(rate: Rate, beta1 = 0.9, beta2 = 0.99): Rule {
  const m = START.map(() => 0);
  return (w, g, step) =>
    g.forEach((gradient, i) => {
      w[i]! -= rate(step) * Math.sign(beta1 * m[i]! + (1 - beta1) * gradient);
      m[i] = beta2 * m[i]! + (1 - beta2) * gradient;
    });
}

/** Operations on gradients or weights before an update rule. */
export const clipped =
  (most: number, then: Rule): Rule =>
  (w, g, step) => {
    const norm = Math.hypot(...g);
    then(w, norm > most ? g.map((gradient) => (gradient * most) / norm) : g, step);
  };

export const penalized =
  (decay: number, then: Rule): Rule =>
  (w, g, step) =>
    then(
      w,
      g.map((gradient, i) => gradient + decay * w[i]!),
      step,
    );

export const decoupled =
  (decay: number, rate: Rate, then: Rule): Rule =>
  (w, g, step) => {
    w.forEach((x, i) => (w[i] = x - rate(step) * decay * x));
    then(w, g, step);
  };

export const fixed =
  (rate: number): Rate =>
  () =>
    rate;

export const STEPS = 50;

export const START = Array.from({ length: 35 }, (_, i) => Math.sin(i) + 0.1);
