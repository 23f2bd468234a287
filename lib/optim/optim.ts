/** Optimisers: each compiles a loss to a program whose one call is a whole training step. */
import { BACKGROUND_OPTIONS, checkCallback, inParts, type BackgroundOptions } from '../runtime/background.js';
import type { UpdateRule, UpdateStep } from '../compiler/lower/layout.js';
import { checkDataset, checkDocumentRange, copied, type Dataset } from '../runtime/dataset.js';
import {
  checkBoolean,
  checkFinite,
  checkInteger,
  checkNumber as requireNumber,
  checkObject,
  checkOneOf,
  checkOptions,
  MOST_STEPS,
  shown,
  type Known,
} from '../core/check.js';
import { Value } from '../value/value.js';
import { Node } from '../graph/node.js';
import type { TypedArray } from '../core/array.js';
import { gradientFlow } from '../compiler/ir/trace.js';
import { reachable } from '../graph/reachable.js';
import { Program } from '../runtime/program.js';
import { PROGRAM_OPTIONS, type ProgramOptions } from '../runtime/options.js';
import type { Runs } from '../runtime/series.js';
import type { Feeds } from '../runtime/feeds.js';
import { NonFiniteError } from '../runtime/errors.js';
import * as schedules from './schedules.js';
import { ShapeError, sizeOf } from '../core/shape.js';

/** A learning rate: a number, a function of the step (from 0), or a generator of rates. */
export type Schedule = number | ((step: number) => number) | Iterable<number> | Iterator<number>;

function rates(schedule: Schedule): (step: number) => number {
  const next = ratesOf(schedule);
  return (step) => {
    const rate: unknown = next(step);
    if (Number.isFinite(rate)) return rate as number;
    const Kind = typeof rate === 'number' ? RangeError : TypeError;
    throw new Kind(`learning rate ${shown(rate)} at step ${step}: expected a finite number`);
  };
}

/** What makes a schedule, and is none. */
const MAKERS = { ...schedules, decay };

/** @throws TypeError when it can give no rates */
function checkSchedule(schedule: unknown): asserts schedule is Schedule {
  const maker = Object.entries(MAKERS).find(([, make]) => make === schedule);
  if (maker)
    throw new TypeError(
      `learningRate ${maker[0]} makes a schedule and is none: call it, as in learningRate: ${maker[0]}(...)`,
    );
  if (typeof schedule === 'number') checkFinite('learningRate', schedule);
  if (typeof schedule === 'number' || typeof schedule === 'function') return;
  const isObject = typeof schedule === 'object' && schedule !== null;
  if (
    isObject &&
    (Symbol.iterator in schedule || typeof (schedule as Partial<Iterator<number>>).next === 'function')
  )
    return;
  throw new TypeError(
    `learningRate ${shown(schedule)}: expected a number, a function of the step, or a generator`,
  );
}

function ratesOf(schedule: Schedule): (step: number) => number {
  checkSchedule(schedule);
  if (typeof schedule === 'number') return () => schedule;
  if (typeof schedule === 'function') return schedule;
  const iterator = Symbol.iterator in schedule ? schedule[Symbol.iterator]() : schedule;
  return (step) => {
    const next = iterator.next();
    if (next.done)
      throw new RangeError(`the learning rates ended before step ${step}: give a generator that goes on`);
    return next.value;
  };
}

/** Rates that start at `rate` and are multiplied by `factor` after every step. */
export function* decay(rate: number, factor: number): Generator<number> {
  requireNumber('rate', rate);
  requireNumber('factor', factor);
  for (; ; rate *= factor) yield rate;
}

/**
 * What training keeps from step to step besides the parameters: with their numbers it goes on bit for bit.
 */
export interface TrainingState {
  /** Steps taken. */
  steps: number;
  /** Documents that they were taken on, by which dropout draws: of a batch each is one. */
  runs: number;
  /** The update rule's numbers at the last step, learning rate first; none where an error came behind it. */
  rule?: readonly number[];
  /**
   * For each parameter that is trained as many arrays of its size as the optimiser keeps: velocity, or
   * running means.
   */
  moments: ReadonlyMap<Value, readonly TypedArray[]>;
}

/** A loss being trained: `step(feeds)` is one native call. */
export class Training {
  /** Steps taken. */
  steps = 0;

  /**
   * The update rule's numbers of steps that were to come and did not, one step's behind the other's: a
   * schedule gives each rate once.
   */
  private ahead = new Float64Array();
  /** The step whose numbers the update rule has: those of a step that failed serve the next try. */
  private ruleStep = -1;

  constructor(
    /** The compiled program: forward, backward, update. */
    readonly program: Program,
    private readonly prepare: (program: Program, step: number) => void,
  ) {
    if (!((program as unknown) instanceof Program && typeof (prepare as unknown) === 'function'))
      throw new TypeError(
        'a Training is made by an optimiser, as in new Adam({ learningRate }).minimize(loss)',
      );
  }

  private setRule(step: number): void {
    this.program.checkMemory(); // before the schedule gives a rate, which it does once
    if (this.ruleStep === step) return;
    if (this.ahead.length === 0) this.prepare(this.program, step);
    else {
      const { ruleSize } = this.program;
      for (let i = 0; i < ruleSize; i++) this.program.setRule(i, this.ahead[i]!);
      this.ahead = this.ahead.subarray(ruleSize);
    }
    this.ruleStep = step;
  }

  /** A copy of what training keeps from step to step. */
  state(): TrainingState {
    const { runs, rule, moments } = this.program.trained;
    const copies = [...moments].map(
      ([value, arrays]) => [value, arrays.map((array) => array.slice())] as const,
    );
    return {
      steps: this.steps,
      runs,
      moments: new Map(copies) as Map<Value, TypedArray[]>, // parameters are Values
      ...(this.ruleStep === this.steps - 1 && { rule }),
    };
  }

  /**
   * Goes on from the state of a training of the same loss by the same optimiser, whose parameters'
   * numbers are set apart. The schedule gives the rates of the steps taken once more, so that a
   * generator goes on where it was.
   *
   * @throws Error when this training has taken steps, keeps other moments, or had other rates by then
   */
  restore(state: TrainingState): void {
    checkObject('restore', state, 'a state that state() gave');
    const { program } = this;
    const { moments } = program.trained;
    const steps = checkInteger('restore: steps', state.steps, 0, MOST_STEPS);
    const runs = checkInteger('restore: runs', state.runs, 0, MOST_STEPS);
    if (!(state.moments instanceof Map))
      throw new TypeError(`restore: moments ${shown(state.moments)}, expected a Map`);
    if (this.steps > 0 || this.ahead.length > 0)
      throw new Error('restore: this training has taken steps; give the state to a new one');
    for (const [value, arrays] of moments) {
      const given: unknown = state.moments.get(value as Value);
      const fits =
        Array.isArray(given) &&
        given.length === arrays.length &&
        arrays.every((array, i) => isNumbers(given[i]) && array.length === given[i].length);
      if (!fits)
        throw new Error(
          `restore: ${value.label} has ${arrays.length} moments here, and other ones in the state: ` +
            'give the same optimiser',
        );
    }
    const { rule } = state;
    if (rule !== undefined && !(Array.isArray(rule) && rule.length <= program.ruleSize))
      throw new TypeError(`restore: rule ${shown(rule)}, expected what state() gave`);
    for (let step = 0; step < steps; step++) this.setRule(step);
    const here = program.trained.rule.join(', ');
    const there = rule?.map(shown).join(', ') ?? here;
    if (steps > 0 && here !== there)
      throw new Error(
        `restore: step ${steps} was taken with rates of ${there}, which here, in ${program.dtype}, are ` +
          `${here}: give the same optimiser and dtype`,
      );
    for (const [value, arrays] of moments)
      arrays.forEach((array, i) => array.set(state.moments.get(value as Value)![i]!));
    program.setRuns(runs);
    this.steps = steps;
  }

  /** One step: the loss at the fed numbers before the update. */
  step(feeds: Feeds): number {
    this.setRule(this.steps);
    try {
      const loss = this.program.step(feeds);
      this.steps++;
      return loss;
    } catch (error) {
      throw this.inStep(error);
    }
  }

  /**
   * One step on each document from `from` to before `to`, in turn: what `step` does with each, in one
   * native call. Stops after a loss that is not finite; with `onNonFinite: 'skip'` it goes on. Returns the
   * losses of the steps taken, those of skipped steps included.
   *
   * @throws FeedError when a column is missing, unknown, too short or of the wrong type, or, after the
   * steps before it, when a document's integers or length are out of their range
   */
  stepEach(dataset: Dataset, from = 0, to = checkDataset(dataset).count): Float64Array {
    return this.took(this.program.runEach(dataset, from, to, this.rulesOf));
  }

  /**
   * What `stepEach` does, on another thread: the event loop goes on. Until the promise is settled, all
   * that needs the program's numbers or its parameters' throws a `BusyError`, except in `onProgress`,
   * between native calls of some 10 milliseconds. Arrays of those numbers that were read earlier are
   * then empty: read them again. The documents are copied first.
   *
   * An abort ends it before the next step, and rejects with the signal's reason: steps that were taken
   * stay, and count.
   *
   * @throws FeedError as `stepEach` does
   * @throws BusyError when the program is trained in the background already
   */
  async stepEachAsync(
    dataset: Dataset,
    from = 0,
    to = checkDataset(dataset).count,
    options: BackgroundOptions = {},
  ): Promise<Float64Array> {
    checkDocumentRange(from, to, checkDataset(dataset).count);
    checkOptions('stepEachAsync', options, BACKGROUND_OPTIONS);
    const { signal, onProgress } = options;
    checkCallback('onProgress', onProgress);
    const own = copied(dataset);
    const losses = new Float64Array(to - from);
    let done = 0;
    const take = (at: number, count: number, stop: Int32Array): Promise<Float64Array> =>
      this.stepSome(own, from + at, from + at + count, stop);
    for await (const part of inParts(to - from, take, signal)) {
      losses.set(part, done);
      done += part.length;
      if (part.length > 0) await onProgress?.({ step: this.steps, loss: part.at(-1)!, losses: part });
    }
    return losses.subarray(0, done);
  }

  /**
   * `stepEach` in the background, in one native call, which ends before the next document when `stop` is
   * not 0.
   *
   * @hidden
   */
  async stepSome(dataset: Dataset, from: number, to: number, stop: Int32Array): Promise<Float64Array> {
    return this.took(await this.program.runEachAsync(dataset, from, to, stop, this.rulesOf));
  }

  /** The update rule's numbers of so many steps to come, one step's behind the other's. */
  private readonly rulesOf = (count: number): Float64Array => {
    const { program } = this;
    const rules = new Float64Array(count * program.ruleSize);
    for (let i = 0; i < count; i++) {
      this.setRule(this.steps + i);
      program.copyRule(rules, i * program.ruleSize);
    }
    return rules;
  };

  /** Counts steps that were taken; the rule's numbers of those that were not are for the next. */
  private took({ losses, rules, error }: Runs): Float64Array {
    this.steps += losses.length;
    const left = rules.subarray(losses.length * this.program.ruleSize);
    if (left.length > 0) {
      this.ruleStep = -1;
      const ahead = new Float64Array(left.length + this.ahead.length);
      ahead.set(left);
      ahead.set(this.ahead, left.length);
      this.ahead = ahead;
    }
    if (error) throw this.inStep(error);
    return losses;
  }

  /** Says at which step, counted from 1, a number was not finite. */
  private inStep(error: unknown): unknown {
    if (error instanceof NonFiniteError) error.message = `step ${this.steps + 1}: ${error.message}`;
    return error;
  }

  /** How many steps `onNonFinite: 'skip'` has left out, in this process. */
  get skipped(): number {
    return this.program.skipped;
  }

  /** The loss of each document from `from` to before `to`, without an update, in one native call. */
  evaluateEach(dataset: Dataset, from = 0, to = checkDataset(dataset).count): Float64Array {
    const { losses, error } = this.program.runEach(dataset, from, to);
    if (error) throw error;
    return losses;
  }

  /**
   * One step on several documents, which may differ in length: an update from the mean of their
   * gradients. The documents are spread over `threads`, by default one: others are started anew at each
   * step, which takes longer than it saves where documents are short. Their number changes no bit of
   * the result. Returns the mean of the documents' losses.
   *
   * @throws Error where the program keeps no whole gradients, which `minimize(loss, { batches: true })` has
   * it do
   */
  stepBatch(documents: readonly Feeds[], options: { threads?: number } = {}): number {
    checkOptions('stepBatch', options, { threads: true });
    const { threads = 1 } = options;
    this.setRule(this.steps);
    try {
      const loss = this.program.stepBatch(documents, threads);
      this.steps++;
      return loss;
    } catch (error) {
      throw this.inStep(error);
    }
  }

  /** The loss without an update. */
  evaluate(feeds: Feeds): number {
    return this.program.evaluate(feeds);
  }
}

function isNumbers(given: unknown): given is TypedArray {
  return given instanceof Float64Array || given instanceof Float32Array;
}

/** @throws ShapeError when the loss is not one number, as which [1] and [1, 1] count too */
function checkLossShape(loss: Value): void {
  if (!((loss as unknown) instanceof Value))
    throw new TypeError(
      'minimize: the loss is ' +
        `${(loss as unknown) instanceof Node ? (loss as Node).label : shown(loss)}, expected a Value`,
    );
  const size = sizeOf(loss.shape);
  if (size === 1) return;
  const advice = size === 0 ? 'check the slice or the shape that left none' : 'take .mean() or .sum() of it';
  throw new ShapeError(
    `minimize: the loss ${loss.label} has ${size === 0 ? 'no' : size} numbers, expected one: ${advice}`,
  );
}

/** How many nodes a message names. */
const MOST_NAMED = 5;

/**
 * Asked where a program trains no parameter.
 *
 * @throws TypeError when no gradient of the loss can reach a parameter
 */
function checkReachesParameter(loss: Value): void {
  const nodes = reachable([loss]);
  const named = (found: readonly Node[]): string => {
    const more = found.length - MOST_NAMED;
    return `${found
      .slice(0, MOST_NAMED)
      .map(({ label }) => label)
      .join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  };
  const parameters = nodes.filter(({ op }) => op === 'parameter');
  if (parameters.length === 0) {
    const inputs = nodes.filter(({ op }) => op === 'input' || op === 'index');
    throw new TypeError(
      `minimize: the loss ${loss.label} depends on no parameter, only on ` +
        `${inputs.length > 0 ? named(inputs) : 'constants'}: compute it from what parameter() made`,
    );
  }
  const { reached, stops } = gradientFlow(nodes, loss);
  if (parameters.some((parameter) => reached.has(parameter))) return;
  // The operators that were written: a mean of a prefix is divided by its length, which nobody wrote.
  const between = [...stops].filter(({ op, inputCount }) => inputCount > 0 && op !== 'inverseCount');
  throw new TypeError(
    `minimize: no gradient of the loss ${loss.label} reaches a parameter: between them and ` +
      `${named(parameters)} are only ${named(between)}, through which none flows`,
  );
}

/** A way of learning. */
export interface Optimizer {
  /**
   * Compiles the training of all parameters to which a gradient of `loss` flows in the graph as it is
   * written, be it 0, as behind a constant 0: they have moments and decay, whatever the compiler drops.
   * Others
   * (behind a `detach`, in the condition of a `where`) stay as they are.
   *
   * @throws ShapeError when the loss is not one number
   * @throws TypeError when no gradient of it reaches a parameter, or an option is unknown
   */
  minimize(loss: Value, options?: ProgramOptions): Training;
}

/** A finite number from `low` to below `high`, or an error that names it. */
function checkNumber(name: string, x: number, low: number, high = Infinity): number {
  if (typeof x === 'number' && x >= low && x < high) return x;
  const expected =
    high === Infinity ? `a finite number from ${low}` : `a number from ${low} to below ${high}`;
  throw new RangeError(`${name} ${shown(x)}: expected ${expected}`);
}

/** What every optimiser takes. */
export interface OptimizerOptions {
  /** By step. */
  learningRate: Schedule;
  /**
   * The most that the norm of all gradients together may be: where it is larger, all are multiplied by
   * clipGlobalNorm / norm before anything else is done with them (Pascanu, Mikolov and Bengio, 2013).
   * By default they are left as they are.
   */
  clipGlobalNorm?: number;
  /**
   * What a step does where a gradient is NaN or infinite. `throw`: a `NonFiniteError` that names the
   * step and the first such parameter; no parameter, moment or count of steps is changed. `skip`: the
   * step leaves parameters and moments as they are, and counts: see `Training.skipped`. `apply`: nothing
   * is looked for, and what such a gradient reaches becomes NaN. The default is `throw` with
   * `clipGlobalNorm`, which would carry it to all parameters; without, it is `apply`, since looking takes
   * a step one pass over all gradients, which are then kept whole.
   */
  onNonFinite?: 'throw' | 'skip' | 'apply';
}

const OPTIMIZER_OPTIONS = { learningRate: true, clipGlobalNorm: true, onNonFinite: true } as const;

/**
 * Given the learning rates by step, what sets the numbers of an update's own instruction before each step.
 */
type Prepare = (rateOf: (step: number) => number) => (program: Program, step: number) => void;

/** An update being put together: the instruction, its numbers, and the steps before it with theirs. */
class Update {
  private readonly numbers: number[];
  private readonly before: UpdateStep[] = [];
  /** Numbers of the steps that the learning rate changes, by place. */
  private readonly byRate: (readonly [place: number, number: (rate: number) => number])[] = [];

  /**
   * @param numbers what the instruction reads, in its order (see native/kernels/kernels.def); 0 for what
   * `prepare` sets
   */
  constructor(
    private readonly op: UpdateRule['op'],
    private readonly moments: number,
    numbers: readonly number[],
    private readonly prepare: Prepare,
  ) {
    this.numbers = [...numbers];
  }

  private add(number: number | ((rate: number) => number)): number {
    if (typeof number === 'number') return this.numbers.push(number) - 1;
    const place = this.add(0);
    this.byRate.push([place, number]);
    return place;
  }

  /**
   * What is done with gradients that are not finite, and g *= most / max(|g|, most), the norm being that of
   * all gradients.
   */
  clip({ clipGlobalNorm: most, onNonFinite }: OptimizerOptions): this {
    if (onNonFinite !== undefined) checkOneOf('onNonFinite', onNonFinite, ['throw', 'skip', 'apply']);
    const way = onNonFinite ?? (most === undefined ? 'apply' : 'throw');
    if (way !== 'apply') this.before.push({ op: 'check', skips: way === 'skip' });
    if (most === undefined) return this;
    if (!(Number.isFinite(most) && most > 0))
      throw new RangeError(`clipGlobalNorm ${shown(most)}: expected a finite number above zero`);
    this.before.push({ op: 'clip', most: this.add(most) });
    return this;
  }

  /** g += decay w: the gradient of decay / 2 times the sum of all squares. */
  penalize(decay: number): this {
    if (checkNumber('weightDecay', decay, 0) === 0) return this;
    this.before.push({ op: 'mul', to: 'gradients', a: 'parameters', b: this.add(decay), accumulate: true });
    return this;
  }

  /** w *= factor. */
  scale(factor: (rate: number) => number): this {
    this.before.push({ op: 'mul', to: 'parameters', a: 'parameters', b: this.add(factor) });
    return this;
  }

  /** w += factor g. */
  move(factor: (rate: number) => number): this {
    this.before.push({ op: 'mul', to: 'parameters', a: 'gradients', b: this.add(factor), accumulate: true });
    return this;
  }

  minimize(loss: Value, learningRate: Schedule, options: ProgramOptions): Training {
    checkOptions('minimize', options, PROGRAM_OPTIONS);
    checkLossShape(loss);
    const rateOf = rates(learningRate);
    const { op, moments, numbers, before, byRate, prepare } = this;
    const update: UpdateRule = { op, moments, numbers: numbers.length };
    // Before what the optimiser does about it.
    const own: UpdateStep[] = options.detectAnomaly ? [{ op: 'check', skips: false }, ...before] : before;
    if (own.length > 0) update.before = own;
    const program = new Program({ groups: [[loss]], gradients: 'parameters', update }, options);
    if (!program.hasGradients) checkReachesParameter(loss);
    numbers.forEach((number, i) => program.setRule(i, number));
    if (byRate.length === 0) return new Training(program, prepare(rateOf));
    // A generator gives each rate once.
    let rate = 0;
    const setOwn = prepare(() => rate);
    return new Training(program, (p, step) => {
      rate = rateOf(step);
      setOwn(p, step);
      for (const [place, number] of byRate) p.setRule(place, number(rate));
    });
  }
}

/** An optimiser that is an update, which is put together anew for each training. */
abstract class UpdateOptimizer<Options extends OptimizerOptions> implements Optimizer {
  constructor(protected readonly options: Options) {
    this.update(); // throws now what is wrong with the options
    checkSchedule(options.learningRate);
  }

  protected abstract update(): Update;

  minimize(loss: Value, options: ProgramOptions = {}): Training {
    return this.update().minimize(loss, this.options.learningRate, options);
  }
}

/** What {@link SGD} takes. */
export interface SGDOptions extends OptimizerOptions {
  /** How much of the last step's velocity is kept, from 0 to below 1; 0 by default. */
  momentum?: number;
  /** Whether the step looks ahead along the velocity; needs a momentum. False by default. */
  nesterov?: boolean;
  /** Adds weightDecay w to each gradient, biases' included; 0 by default. */
  weightDecay?: number;
}

const SGD_OPTIONS: Known<SGDOptions> = {
  ...OPTIMIZER_OPTIONS,
  momentum: true,
  nesterov: true,
  weightDecay: true,
};

/**
 * Stochastic gradient descent with momentum: v = momentum v + gradient; w -= rate v. With `nesterov`
 * (Nesterov, 1983, as Sutskever et al., 2013, and PyTorch write it): w -= rate (gradient + momentum v).
 *
 * @throws RangeError on numbers out of their range
 */
export class SGD extends UpdateOptimizer<SGDOptions> {
  protected update(): Update {
    checkOptions('SGD', this.options, SGD_OPTIONS);
    const { momentum = 0, nesterov = false, weightDecay = 0 } = this.options;
    checkNumber('momentum', momentum, 0, 1);
    checkBoolean('nesterov', nesterov);
    if (nesterov && momentum === 0) throw new RangeError('nesterov needs a momentum above zero');
    const share = nesterov ? momentum : 1;
    const update = new Update('sgd', 1, [0, momentum], (rateOf) => (p, step) => {
      p.setRule(0, share * rateOf(step));
    });
    update.clip(this.options).penalize(weightDecay);
    // rate momentum v is the instruction's part of the step.
    return nesterov ? update.move((rate) => -rate) : update;
  }
}

/** What {@link Adam} and {@link AdamW} take. */
export interface AdamOptions extends OptimizerOptions {
  /** How much the running mean of the gradient keeps; 0.9 by default. */
  beta1?: number;
  /** How much the running mean of the gradient's square keeps; 0.999 by default. */
  beta2?: number;
  /** Added to the root; 1e-8 by default. */
  eps?: number;
  /** Adam: adds weightDecay w to each gradient; 0 by default. AdamW: see there. */
  weightDecay?: number;
}

const ADAM_OPTIONS: Known<AdamOptions> = {
  ...OPTIMIZER_OPTIONS,
  beta1: true,
  beta2: true,
  eps: true,
  weightDecay: true,
};

/** The update that Adam and AdamW share. */
function adamUpdate({ beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }: AdamOptions): Update {
  checkNumber('beta1', beta1, 0, 1);
  checkNumber('beta2', beta2, 0, 1);
  checkNumber('eps', eps, 0);
  return new Update('adam', 2, [0, beta1, beta2, eps, 0, 0], (rateOf) => (p, step) => {
    p.setRule(0, rateOf(step));
    p.setRule(4, 1 / (1 - beta1 ** (step + 1)));
    p.setRule(5, 1 / (1 - beta2 ** (step + 1)));
  });
}

/**
 * Adam (Kingma and Ba, 2015), bias-corrected: m and v are running means of the gradient and its
 * square; w -= rate m̂ / (sqrt(v̂) + eps).
 *
 * @throws RangeError on numbers out of their range
 */
export class Adam extends UpdateOptimizer<AdamOptions> {
  protected update(): Update {
    checkOptions('Adam', this.options, ADAM_OPTIONS);
    const { weightDecay = 0 } = this.options;
    return adamUpdate(this.options).clip(this.options).penalize(weightDecay);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019, as PyTorch writes it): first
 * w *= 1 - rate weightDecay, then Adam's step, of whose means the decay is no part. `weightDecay` is
 * 0.01 by default, and decays all parameters, biases included.
 *
 * @throws RangeError on numbers out of their range
 */
export class AdamW extends UpdateOptimizer<AdamOptions> {
  protected update(): Update {
    checkOptions('AdamW', this.options, ADAM_OPTIONS);
    const { weightDecay = 0.01 } = this.options;
    checkNumber('weightDecay', weightDecay, 0);
    const update = adamUpdate(this.options).clip(this.options);
    return update.scale((rate) => 1 - rate * weightDecay);
  }
}

/** What {@link RMSprop} takes. */
export interface RMSpropOptions extends OptimizerOptions {
  /** How much the running mean of the gradient's square keeps; 0.9 by default. */
  rho?: number;
  /** Added to the root; 1e-8 by default. */
  eps?: number;
  /** Adds weightDecay w to each gradient; 0 by default. */
  weightDecay?: number;
}

const RMSPROP_OPTIONS: Known<RMSpropOptions> = {
  ...OPTIMIZER_OPTIONS,
  rho: true,
  eps: true,
  weightDecay: true,
};

/**
 * RMSprop (Tieleman and Hinton, 2012): v is a running mean of the gradient's square;
 * w -= rate gradient / (sqrt(v) + eps).
 *
 * @throws RangeError on numbers out of their range
 */
export class RMSprop extends UpdateOptimizer<RMSpropOptions> {
  protected update(): Update {
    checkOptions('RMSprop', this.options, RMSPROP_OPTIONS);
    const { rho = 0.9, eps = 1e-8, weightDecay = 0 } = this.options;
    checkNumber('rho', rho, 0, 1);
    checkNumber('eps', eps, 0);
    // Adam whose mean of gradients keeps nothing, without corrections.
    const update = new Update('adam', 2, [0, 0, rho, eps, 1, 1], (rateOf) => (p, step) => {
      p.setRule(0, rateOf(step));
    });
    return update.clip(this.options).penalize(weightDecay);
  }
}
