/** Builds update rules: the optimiser's instruction, preceded by operations on gradients and parameters. */
import type { DType } from '../core/array.js';
import { Value } from '../value/value.js';
import type { Node } from '../graph/node.js';
import { shown, checkOneOf, checkOptions } from '../core/check.js';
import { isFed, OPS } from '../graph/ops.js';
import { reachable } from '../graph/reachable.js';
import { gradientFlow } from '../compiler/ir/trace.js';
import { type Schedule, rates } from './rates.js';
import { checkOneNumber } from '../runtime/errors.js';
import { Program } from '../runtime/program.js';
import type { UpdateStep, UpdateRule } from '../compiler/lower/layout.js';
import { type ProgramOptions, PROGRAM_OPTIONS } from '../runtime/options.js';
import { Training } from './training.js';

/** @throws ShapeError when the loss is not one number */
function checkLoss(loss: Value): void {
  if (!((loss as unknown) instanceof Value))
    throw new TypeError(`minimize: the loss is ${shown(loss)}, expected a Value`);
  checkOneNumber('minimize: the loss', loss);
}

/** The most nodes that a message lists. */
const MAX_NAMED = 5;

/**
 * Called where a program would train no parameter.
 *
 * @throws TypeError when no gradient of the loss can reach a parameter
 */
function checkReachesParameter(loss: Value): void {
  const nodes = reachable([loss]);
  const named = (found: readonly Node[]): string => {
    const more = found.length - MAX_NAMED;
    return `${found
      .slice(0, MAX_NAMED)
      .map(({ label }) => label)
      .join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  };
  const all = nodes.filter(({ op }) => op === 'parameter');
  const parameters = all.filter(({ extras }) => !extras?.isFrozen);
  if (parameters.length === 0 && all.length > 0)
    throw new TypeError(
      `minimize: the loss ${loss.label} depends on no parameter that is to be trained: ${named(all)} ` +
        `${all.length === 1 ? 'is' : 'are'} frozen, and trainable = true changes that`,
    );
  if (parameters.length === 0) {
    const inputs = nodes.filter(({ op }) => isFed(op));
    throw new TypeError(
      `minimize: the loss ${loss.label} depends on no parameter, only on ` +
        `${inputs.length > 0 ? named(inputs) : 'constants'}: compute it from parameters, made by parameter()`,
    );
  }
  const { reached, stops } = gradientFlow(nodes, loss);
  if (parameters.some((parameter) => reached.has(parameter))) return;
  const between = [...stops].filter(({ op }) => OPS[op].lower.kind !== 'leaf');
  throw new TypeError(
    `minimize: no gradient of the loss ${loss.label} reaches a parameter: between them and ` +
      `${named(parameters)} are only ${named(between)}, through which none flows`,
  );
}

/** A finite number from `low` to below `high`; otherwise an error that names it. */
export function checkBetween(name: string, x: number, low: number, high = Infinity): number {
  if (typeof x === 'number' && x >= low && x < high) return x;
  const expected =
    high === Infinity ? `a finite number from ${low}` : `a number from ${low} to below ${high}`;
  throw new RangeError(`${name} ${shown(x)}: expected ${expected}`);
}

/** The largest finite number of each type. */
const LARGEST = { float32: (2 - 2 ** -23) * 2 ** 127, float64: Number.MAX_VALUE };

/** Refuses what float32 turns into Infinity or 0: `eps` of 1e-50 would divide 0 by 0. */
function checkHeld(name: string, x: number, dtype: DType): void {
  if (dtype === 'float64' || x === 0) return;
  const held = Math.abs(Math.fround(x));
  if (held >= 2 ** -126 && held < Infinity) return;
  throw new RangeError(
    `${name} ${x}: float32 makes it ${held < 1 ? 0 : held}: give a number from 1.2e-38 to 3.4e+38, or ` +
      "dtype: 'float64'",
  );
}

/** What every optimiser takes. */
export interface OptimizerOptions {
  /** A number, or the rate of each step. */
  learningRate: Schedule;
  /**
   * The limit on the norm of all gradients taken together. Where the norm is larger, all gradients are first
   * multiplied by clipGlobalNorm / norm (Pascanu, Mikolov and Bengio, 2013). No limit by default.
   */
  clipGlobalNorm?: number;
  /**
   * What a step does when a gradient is NaN or infinite. `throw`: throws a `NonFiniteError` that names the
   * step and the first such parameter; parameters, moments and the step count stay as they are. `skip`:
   * leaves parameters and moments as they are, but counts the step (see `Training.skipped`). `apply`: does
   * not check; whatever such a gradient reaches becomes NaN. The default is `throw` with `clipGlobalNorm`,
   * which would spread the NaN to all parameters, else `apply`, since the check costs one pass over all
   * gradients, and they must be kept whole.
   */
  onNonFinite?: 'throw' | 'skip' | 'apply';
}

export const OPTIMIZER_OPTIONS = { learningRate: true, clipGlobalNorm: true, onNonFinite: true } as const;

/** A number of an update rule: fixed, or computed from the learning rate and the step (from 0). */
export type RuleNumber = number | ((rate: number, step: number) => number);

/** An update rule: the optimiser's instruction, the operations before it, and the numbers that they read. */
export class Update {
  private readonly numbers: { name: string; number: RuleNumber }[] = [];
  private readonly before: UpdateStep[] = [];

  /** @param numbers what the instruction reads, by name, in the order given in native/kernels/kernels.def */
  constructor(
    private readonly op: UpdateRule['op'],
    private readonly moments: number,
    numbers: Readonly<Record<string, RuleNumber>>,
  ) {
    for (const name in numbers) this.add(name, numbers[name]!);
  }

  private add(name: string, number: RuleNumber): number {
    return this.numbers.push({ name, number }) - 1;
  }

  /**
   * Checks the gradients if asked to, then clips them: g *= most / max(|g|, most), where |g| is the norm of
   * all gradients together.
   */
  clip({ clipGlobalNorm: most, onNonFinite }: OptimizerOptions): this {
    if (onNonFinite !== undefined) checkOneOf('onNonFinite', onNonFinite, ['throw', 'skip', 'apply']);
    const way = onNonFinite ?? (most === undefined ? 'apply' : 'throw');
    if (way !== 'apply') this.before.push({ op: 'check', skips: way === 'skip' });
    if (most === undefined) return this;
    if (!(Number.isFinite(most) && most > 0))
      throw new RangeError(`clipGlobalNorm ${shown(most)}: expected a finite number above zero`);
    this.before.push({ op: 'clip', most: this.add('clipGlobalNorm', most) });
    return this;
  }

  /** g += decay w: adds the gradient of decay / 2 times the sum of all squares. */
  penalize(decay: number): this {
    if (checkBetween('weightDecay', decay, 0) === 0) return this;
    this.before.push({
      op: 'mul',
      to: 'gradients',
      a: 'parameters',
      b: this.add('weightDecay', decay),
      accumulate: true,
    });
    return this;
  }

  /** w *= 1 - rate decay. */
  shrink(decay: number): this {
    const factor = this.add('1 - learningRate * weightDecay', (rate) => 1 - rate * decay);
    this.before.push({ op: 'mul', to: 'parameters', a: 'parameters', b: factor });
    return this;
  }

  /** w -= rate g. */
  move(): this {
    const factor = this.add('learningRate', (rate) => -rate);
    this.before.push({ op: 'mul', to: 'parameters', a: 'gradients', b: factor, accumulate: true });
    return this;
  }

  minimize(loss: Value, learningRate: Schedule, options: ProgramOptions): Training {
    checkOptions('minimize', options, PROGRAM_OPTIONS);
    checkLoss(loss);
    const { op, moments, numbers, before } = this;
    const update: UpdateRule = { op, moments, numbers: numbers.length };
    // This check comes before the optimiser's own, which may skip the step.
    const own: UpdateStep[] = options.detectAnomaly ? [{ op: 'check', skips: false }, ...before] : before;
    if (own.length > 0) update.before = own;
    const program = new Program({ groups: [[loss]], gradients: 'parameters', update }, options);
    if (!program.hasGradients) checkReachesParameter(loss);
    for (const { name, number } of numbers)
      if (typeof number === 'number') checkHeld(name, number, program.dtype);
    const largest = LARGEST[program.dtype];
    const rateOf = rates(learningRate); // last: a generator is then taken
    return new Training(program, (step, to, at) => {
      const rate = rateOf(step); // called once per step: a generator gives each rate once
      for (let i = 0; i < numbers.length; i++) {
        const { name, number } = numbers[i]!;
        const x = typeof number === 'number' ? number : number(rate, step);
        if (!(Math.abs(x) <= largest))
          throw new RangeError(
            `learning rate ${rate} at step ${step} (counted from 0): the update's ${name} is ${x}, but ` +
              `${program.dtype} holds numbers up to ${largest.toPrecision(2)}: give a smaller rate` +
              (program.dtype === 'float32' ? " or dtype: 'float64'" : ''),
          );
        to[at + i] = x;
      }
    });
  }
}
