/** Builds small graphs with random numbers, and compares the engine with the plain reference. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import type { Index } from '../../lib/value/indices.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { TypedArray, DType } from '../../lib/core/array.js';
import { Program } from '../../lib/runtime/program.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import { evaluate, slopes, type Tensor } from './reference.js';
import { sampled, type Target } from './targets.js';
import { spoil } from './spoil.js';

/** Makes leaves with random numbers, and records what to feed and which leaves to differentiate by. */
export class Leaves {
  readonly values: Value[] = [];
  readonly numbers = new Map<Value, Tensor>();
  readonly feeds: Record<string, number | number[]> = {};
  readonly random: Random;

  constructor(seed = 1) {
    this.random = new Random(seed);
  }

  /** From 0.2 to 1.7, of either sign: away from the kinks at zero and from overflow. */
  draw(): number {
    const size = 0.2 + 1.5 * this.random.random();
    return this.random.random() < 0.5 ? -size : size;
  }
  private drawAll(shape: readonly number[], draw: () => number): number[] {
    return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw);
  }

  /** A parameter with these numbers. */
  of(data: number[], shape: readonly number[] = [data.length]): Value {
    const value = parameter(data, { shape, name: `p${this.values.length}` });
    this.numbers.set(value, { shape, data });
    this.values.push(value);
    return value;
  }
  /** A parameter. */
  p(...shape: number[]): Value {
    return this.of(
      this.drawAll(shape, () => this.draw()),
      shape,
    );
  }
  /** A parameter with positive numbers. */
  positive(...shape: number[]): Value {
    return this.of(
      this.drawAll(shape, () => Math.abs(this.draw())),
      shape,
    );
  }
  /** A fed array. */
  x(...shape: number[]): Value {
    const name = `x${this.values.length}`;
    const value = input(name, shape);
    this.feeds[name] = this.drawAll(shape, () => this.draw());
    this.values.push(value);
    return value;
  }
  /** Fed indices: a vector, or one. */
  fed(integers: number[] | number): Index {
    const name = `i${Object.keys(this.feeds).length}`;
    this.feeds[name] = integers;
    return index(name, typeof integers === 'number' ? undefined : integers.length);
  }
}

/**
 * How far a result may be from the reference, relative to the largest number involved (at least 1).
 *
 * float64: a sum of 100 products of numbers near 1 is off by at most 100 * 2^-53 = 1e-14, and the vector
 * kernels' exp and log by 2 ULP; gradients are compared with differences that are good to 1e-10. float32:
 * leaves are rounded to 2^-24 = 6e-8, and so is each of at most about 100 successive roundings; these graphs
 * enlarge an error a few times.
 */
const TOLERANCE: Record<DType, { value: number; gradient: number }> = {
  float64: { value: 1e-12, gradient: 1e-8 },
  float32: { value: 2e-5, gradient: 5e-5 },
};

/** Checks equality within a tolerance relative to the largest number expected; NaN must be NaN. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: how many numbers`);
  const scale = expected.reduce((most, y) => (Number.isFinite(y) ? Math.max(most, Math.abs(y)) : most), 1);
  expected.forEach((y, i) => {
    const x = actual[i]!;
    const good = Number.isFinite(y) ? Math.abs(x - y) <= tolerance * scale : Object.is(x, y);
    if (!good) assert.fail(`${what}: [${i}] is ${x}, expected ${y} within ${tolerance * scale}`);
  });
}

/**
 * On each target, by default those that `sampled` gives for the seed, compares the values of what `build`
 * builds; the gradients of their weighted sum by all leaves; and the same gradients from a training's
 * program, which reuses memory and adds in place.
 * `differentiable: false` compares values only.
 */
export function checkGraph(
  build: (leaves: Leaves) => Value,
  options: { seed?: number; differentiable?: boolean; targets?: readonly Target[] } = {},
): void {
  let expected: { y: Tensor; total: number; gradients: Tensor[] } | undefined;
  for (const { isa, dtype } of options.targets ?? sampled(options.seed ?? 1)) {
    // Build the graph anew for each target: a parameter's numbers live where they ran last, and float32
    // rounds them.
    const leaves = new Leaves(options.seed);
    const { feeds, numbers } = leaves;
    const y = build(leaves);
    const values = [...leaves.values];
    const weighted = y.mul(leaves.p(...y.shape));
    if (!expected) {
      const gradients = options.differentiable === false ? [] : slopes(weighted, values, feeds, numbers);
      const found = evaluate(weighted, feeds, numbers);
      const total = found.get(weighted)!.data.reduce((a, b) => a + b, 0);
      expected = { y: found.get(y)!, total, gradients };
    }
    assert.deepEqual(y.shape, expected.y.shape, 'the shape');
    const on = `on ${isa} in ${dtype}`;
    const tolerance = TOLERANCE[dtype];
    const target = { isa, dtype };

    const program = compile(weighted, target);
    program.forward(feeds);
    assertClose(program.read(y), expected.y.data, tolerance.value, `the value ${on}`);
    const bare = new Program({ groups: [[y]], gradients: 'none' }, target);
    assertClose(bare.forward(feeds), expected.y.data, tolerance.value, `the value without gradients ${on}`);
    if (options.differentiable === false) continue;

    program.backward();
    values.forEach((leaf, i) => {
      assertClose(
        program.readGradient(leaf),
        expected!.gradients[i]!.data,
        tolerance.gradient,
        `the gradient by ${leaf.label} ${on}`,
      );
    });

    const { step } = trainingStep(weighted.sum(), target);
    const result = step(feeds, numbers);
    assertClose([result.loss], [expected.total], tolerance.value * 10, `the loss of a training step ${on}`);
    values.forEach((leaf, i) => {
      const found = result.gradients.get(leaf);
      if (found)
        assertClose(
          found,
          leaf.trainable ? expected!.gradients[i]!.data : found.map(() => 0),
          tolerance.gradient,
          `the training's gradient by ${leaf.label} ${on}`,
        );
    });
  }
}

/**
 * Compiles a loss as for training. A step with learning rate 1 and no momentum changes each parameter by
 * minus its gradient, which shows the gradient; the parameters are reset before the step, and all else that
 * a run writes is NaN then.
 */
export function trainingStep(
  loss: Value,
  target: Target,
): {
  step: (
    feeds: Feeds,
    numbers: ReadonlyMap<Value, Tensor>,
  ) => { loss: number; gradients: Map<Value, number[]> };
} {
  const program = new Program(
    { groups: [[loss]], gradients: 'parameters', update: { op: 'sgd', moments: 1, numbers: 2 } },
    target,
  );
  program.update.setRule(0, 1);
  program.update.setRule(1, 0);
  return {
    step: (feeds, numbers) => {
      for (const [value, { data }] of numbers) value.data.set(data);
      const before = new Map<Value, TypedArray>();
      for (const value of numbers.keys()) before.set(value, value.data.slice());
      spoil(program);
      const y = program.takeStep(feeds);
      const gradients = new Map<Value, number[]>();
      for (const value of numbers.keys()) {
        gradients.set(
          value,
          Array.from(before.get(value)!, (x, i) => x - value.data[i]!),
        );
      }
      return { loss: y, gradients };
    },
  };
}
