/** Builds update rules: the optimiser's instruction, preceded by operations on gradients and parameters. */
import type { DType } from '../core/array.js';
import { Value } from '../value/value.js';
import type { Node } from '../graph/node.js';
import { shown, checkBoolean, checkOneOf, checkOptions } from '../core/check.js';
import { isFed, OPS } from '../graph/ops.js';
import { reachable } from '../graph/reachable.js';
import { setsOf } from '../value/buffers.js';
import { gradientFlow } from '../compiler/ir/trace.js';
import { type Schedule, rates } from './rates.js';
import type { ParameterRule } from './groups.js';
import { checkOneNumber } from '../runtime/errors.js';
import { Program } from '../runtime/program.js';
import type { GradientStep, RowUpdates, ScaleStep, UpdateOp, UpdateRule } from '../compiler/lower/layout.js';
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
  const all = nodes.filter(({ op, extras }) => op === 'parameter' && !extras?.isBuffer);
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
  /**
   * Keeps a running average of the parameters, read by `Training.average`: after each step, average =
   * averageDecay average + (1 - averageDecay) parameter, and after the first, the parameter. No average by
   * default.
   */
  averageDecay?: number;
  /**
   * Updates only the rows of each parameter whose gradient is not all 0: other rows keep their numbers and
   * moments as they are, as by PyTorch's SparseAdam (which adds its eps before the bias correction). A row is
   * what one index of the first axis selects.
   * Where the graph only reads a table by `gather` or `embedding`, the time of a step does not grow with the
   * table then, unless `clipGlobalNorm`, `onNonFinite`, `averageDecay` or `keepGradients` look at all of it.
   * SGD without momentum and weight decay, which moves no other row anyway, does so without being
   * asked where it is faster. False by default. For SGD, Adam and AdamW without amsgrad, RMSprop without
   * momentum and centered, and Adagrad, all without weight decay.
   */
  sparse?: boolean;
}

export const OPTIMIZER_OPTIONS = {
  learningRate: true,
  clipGlobalNorm: true,
  onNonFinite: true,
  averageDecay: true,
  sparse: true,
} as const;

/** A number of an update rule: fixed, or computed from the learning rate and the step (from 0). */
export type RuleNumber = number | ((rate: number, step: number) => number);

/** Rules that can update some rows of a table. */
const BY_ROWS: ReadonlySet<UpdateOp> = new Set(['sgd', 'adam', 'adagrad']);

/** The update of one group: the optimiser's instruction, the steps before it, and the numbers they read. */
export class Update {
  readonly numbers: { name: string; number: RuleNumber }[] = [];
  /** Steps on the gradients of all groups. */
  readonly before: GradientStep[] = [];
  readonly scales: ScaleStep[] = [];
  readonly after: ScaleStep[] = [];
  rows: RowUpdates = 'never';
  /**
   * @param numbers what the instruction reads, by name, in the order given in native/kernels/kernels.def
   * @param name where another optimiser uses the same instruction
   */
  constructor(
    readonly op: UpdateOp,
    readonly moments: number,
    numbers: Readonly<Record<string, RuleNumber>>,
    readonly name: string = op,
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
  clip({ clipGlobalNorm: most, onNonFinite }: Partial<OptimizerOptions>): this {
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
    const b = this.add('weightDecay', decay);
    this.scales.push({ op: 'mul', to: 'gradients', a: 'parameters', b, accumulate: true });
    return this;
  }

  /** w *= 1 - rate decay. */
  shrink(decay: number): this {
    if (checkBetween('weightDecay', decay, 0) === 0) return this;
    const b = this.add('1 - learningRate * weightDecay', (rate) => 1 - rate * decay);
    this.scales.push({ op: 'mul', to: 'parameters', a: 'parameters', b });
    return this;
  }

  /** w -= rate g. */
  move(): this {
    const b = this.add('learningRate', (rate) => -rate);
    this.scales.push({ op: 'mul', to: 'parameters', a: 'gradients', b, accumulate: true });
    return this;
  }

  /** average = decay average + (1 - decay) w, the first time w. */
  averaged(decay: number | undefined): this {
    if (decay === undefined) return this;
    checkBetween('averageDecay', decay, 0, 1);
    const keep = this.add('averageDecay', (_, step) => (step === 0 ? 0 : decay));
    const take = this.add('1 - averageDecay', (_, step) => (step === 0 ? 1 : 1 - decay));
    this.after.push({ op: 'mul', to: 'average', a: 'average', b: keep });
    this.after.push({ op: 'mul', to: 'average', a: 'parameters', b: take, accumulate: true });
    return this;
  }

  /** Updates only rows with a gradient, if asked to or, where the rule is `exact`, if it is faster. */
  byRows(sparse: boolean | undefined, exact = false): this {
    if (sparse !== undefined) checkBoolean('sparse', sparse);
    if (exact && this.scales.length === 0) this.rows = 'exact';
    if (!sparse) return this;
    if (!BY_ROWS.has(this.op))
      throw new TypeError(
        'sparse: true is for SGD, Adam and AdamW without amsgrad, RMSprop without momentum and centered, ' +
          'and Adagrad',
      );
    if (this.scales.length > 0)
      throw new TypeError(
        'sparse: true leaves rows without a gradient as they are, but weightDecay and nesterov change ' +
          'every row: give weightDecay: 0 (AdamW has 0.01 by default), here or in a group of their own',
      );
    this.rows = 'always';
    return this;
  }
}

/** The updates of all groups, and which parameters each is of. */
export interface GroupedUpdate {
  /** The update of the parameters of no other group, and their rates. */
  base: { update: Update; learningRate: Schedule };
  groups: readonly { update: Update; learningRate: Schedule | undefined; of: ParameterRule }[];
}

/** Compiles the training of a loss by this update. */
export function minimize(loss: Value, { base, groups }: GroupedUpdate, options: ProgramOptions): Training {
  checkOptions('minimize', options, PROGRAM_OPTIONS);
  checkLoss(loss);
  const updates = [base.update, ...groups.map(({ update }) => update)];
  const numbers = updates.flatMap((update) => update.numbers);
  const rule = ruleOf(updates, options);
  const sets = setsOf(loss);
  if (sets.size > 0 && options.batches)
    throw new TypeError(
      `minimize: ${[...sets.keys()][0]!.label} follows the statistics of a batch, but with batches: true ` +
        'each example is computed by itself: give the loss an axis of examples, and take its steps by step',
    );
  if (sets.size > 0) rule.sets = sets;
  rule.groupOf = (parameter) => 1 + groups.findIndex(({ of }) => of.matches(parameter));
  const program = new Program(
    { groups: [[loss, ...sets.values()]], gradients: 'parameters', update: rule },
    options,
  );
  if (!program.hasGradients) checkReachesParameter(loss);
  const trained = [...program.update.parameters];
  const places = trained.map(rule.groupOf);
  groups.forEach(({ of }, i) => {
    if (!places.includes(1 + i)) throw of.unused(trained);
  });
  for (const { name, number } of numbers)
    if (typeof number === 'number') checkHeld(name, number, program.dtype);
  const largest = LARGEST[program.dtype];
  // Last: a generator is then taken.
  const schedules = [base, ...groups].map(({ learningRate }) =>
    learningRate === undefined ? undefined : rates(learningRate),
  );
  const [first, ...others] = schedules as [Rate, ...(Rate | undefined)[]];
  const ratesAt = others.length > 0 ? ratesOfGroups([first, ...others]) : undefined;
  /** Writes an update's numbers of a step. */
  const write = (
    { numbers: own }: Update,
    rate: number,
    step: number,
    to: Float64Array,
    at: number,
  ): void => {
    for (let i = 0; i < own.length; i++) {
      const { name, number } = own[i]!;
      const x = typeof number === 'number' ? number : number(rate, step);
      if (!(Math.abs(x) <= largest))
        throw new RangeError(
          `learning rate ${rate} at step ${step} (counted from 0): the update's ${name} is ${x}, but ` +
            `${program.dtype} holds numbers up to ${largest.toPrecision(2)}: give a smaller rate` +
            (program.dtype === 'float32' ? " or dtype: 'float64'" : ''),
        );
      to[at + i] = x;
    }
  };
  // A series asks for the numbers of each of its steps: most have one group, which takes no list of rates.
  if (!ratesAt)
    return new Training(program, (step, to, at) => {
      write(base.update, first(step), step, to, at);
    });
  return new Training(program, (step, to, at) => {
    const all = ratesAt(step);
    let from = at;
    updates.forEach((update, group) => {
      write(update, all[group]!, step, to, from);
      from += update.numbers.length;
    });
  });
}

function ruleOf(updates: readonly Update[], options: ProgramOptions): UpdateRule {
  const [{ op, name, moments, before, after }] = updates as [Update];
  let first = 0;
  const groups = updates.map(({ numbers, scales, rows }) => {
    const group = { first, rows, ...(scales.length > 0 && { before: scales }) };
    first += numbers.length;
    return group;
  });
  const rule: UpdateRule = {
    ...{ op, name, moments: moments + Number(after.length > 0), numbers: first, groups },
  };
  // This check comes before the optimiser's own, which may skip the step.
  const steps: GradientStep[] = options.detectAnomaly
    ? [{ op: 'check', skips: false }, ...before]
    : [...before];
  if (options.keepGradients) steps.unshift({ op: 'keep' });
  if (steps.length > 0) rule.before = steps;
  if (after.length > 0) rule.after = after;
  return rule;
}

type Rate = (step: number) => number;

/**
 * The rates of all groups at a step; those that have none have the first one's. Each is asked once for a
 * step, even if the step is tried again after another one failed: a generator gives each rate once.
 */
function ratesOfGroups([base, ...others]: readonly [Rate, ...(Rate | undefined)[]]): (
  step: number,
) => number[] {
  let found: number[] = [];
  let at = -1;
  return (step) => {
    if (at !== step) found = [];
    at = step;
    if (found.length === 0) found.push(base(step));
    for (const other of others.slice(found.length - 1)) found.push(other ? other(step) : found[0]!);
    return found;
  };
}
