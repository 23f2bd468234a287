/** The training of a loss: takes steps, and holds the state that is needed to resume. */
import { Value } from '../value/value.js';
import type { TypedArray } from '../core/array.js';
import { didYouMean } from '../core/suggest.js';
import { Program } from '../runtime/program.js';
import {
  checkObject,
  checkBoolean,
  checkInteger,
  MAX_BATCH,
  MAX_STEPS,
  shown,
  checkOptions,
  limitArguments,
  type Counts,
  type Known,
} from '../core/check.js';
import type { Feeds } from '../runtime/feeds.js';
import { type Dataset, checkDataset, checkExampleRange, copied } from '../runtime/dataset.js';
import {
  type BackgroundOptions,
  BACKGROUND_OPTIONS,
  checkCallback,
  inParts,
  type Part,
} from '../runtime/background.js';
import type { Batching } from '../runtime/minibatch.js';
import type { Runs } from '../runtime/series.js';
import { NonFiniteError } from '../runtime/errors.js';

/** The training state besides the parameters. Together with their numbers it resumes training bit for bit. */
export interface TrainingState {
  /** Steps taken. */
  steps: number;
  /** Examples trained on, which dropout is seeded by; each example of a batch counts. */
  runs: number;
  /** The update rule's numbers at the last step, learning rate first; absent after a failed step. */
  rule?: readonly number[];
  /** Whose arrays `moments` are: `adam`, say, of `Adam` and of `AdamW`. */
  optimizer?: string;
  /** The optimiser's arrays for each trained parameter, in its size: velocity, or running means. */
  moments: ReadonlyMap<Value, readonly TypedArray[]>;
}

const STATE_KEYS: Known<TrainingState> = {
  steps: true,
  runs: true,
  rule: true,
  optimizer: true,
  moments: true,
};

/** Options of {@link Training.restore}. */
export interface RestoreOptions {
  /** Whether to go on with the numbers of this optimiser, if they are others than the state's. */
  newRates?: boolean;
}

const RESTORE_OPTIONS: Known<RestoreOptions> = { newRates: true };

/** How many examples each step of a series takes. */
export interface BatchOptions {
  /** Examples per step; by default one, for which `minimize` needs no `batches: true`. */
  batch?: number;
  /**
   * The most threads to run the steps on; by default as many as the program may use (see `minimize`). It does
   * not change a bit of the result.
   */
  threads?: number;
}

const BATCH_OPTIONS: Known<BatchOptions> = { batch: true, threads: true };

/** @throws RangeError when there is not an integer from 1 */
function batchingOf({ batch: size, threads }: BatchOptions): Batching {
  if (size !== undefined) checkInteger('batch', size, 1, MAX_BATCH);
  if (threads !== undefined) checkInteger('threads', threads, 1);
  return { size, threads };
}

/** @throws TypeError where options are given in place of the first or last example */
function checkRange(who: string, range: readonly unknown[], options?: object): void {
  const wrong = range.find((example) => typeof example === 'object');
  if (wrong === undefined) return;
  const advice = options
    ? `options come fourth, as in ${who}(dataset, 0, dataset.count, { batch: 2 })`
    : `there are no options`;
  throw new TypeError(`${who}: ${shown(wrong)} in place of an example's number: ${advice}`);
}

/** Writes the update rule's numbers of step `step` into `to`, from `at` on. */
export type WriteRule = (step: number, to: Float64Array, at: number) => void;

/** A loss in training: `step(feeds)` is one native call. */
export class Training {
  /** Steps taken. */
  steps = 0;

  /** The update rule's numbers of step `ruleStep`. If that step fails, the next attempt uses them again. */
  private readonly current: Float64Array;
  private ruleStep = -1;
  /**
   * Rule numbers already computed for steps that were then not taken, in order. They are kept because a
   * schedule may be a generator, which gives each rate once.
   */
  private ahead = new Float64Array();

  /** @hidden */
  constructor(
    /** The compiled program: forward, backward, update. */
    readonly program: Program,
    private readonly rule: WriteRule,
  ) {
    if (!((program as unknown) instanceof Program && typeof (rule as unknown) === 'function'))
      throw new TypeError(
        'a Training is made by an optimiser, as in new Adam({ learningRate }).minimize(loss)',
      );
    this.current = new Float64Array(program.update.ruleSize);
  }

  /** Passes the rule's numbers of a step to the program. */
  private setRule(step: number): void {
    this.program.checkMemory(); // first: a schedule may give each rate only once
    if (this.ruleStep === step) return;
    this.nextRule(step, this.current, 0);
    this.program.update.setRules(this.current);
    this.ruleStep = step;
  }

  /** Writes the rule's numbers of the next step: those put back, if any, else new ones from the schedule. */
  private nextRule(step: number, to: Float64Array, at: number): void {
    const { ahead } = this;
    const { update } = this.program;
    if (step === 0 && update.hasAverage && update.skips) update.startAverage();
    if (ahead.length === 0) {
      this.rule(step, to, at);
      return;
    }
    const { ruleSize } = update;
    to.set(ahead.subarray(0, ruleSize), at);
    this.ahead = ahead.subarray(ruleSize);
  }

  /** Keeps rule numbers of steps that were not taken. */
  private putBack(rules: Float64Array): void {
    const ahead = new Float64Array(rules.length + this.ahead.length);
    ahead.set(rules);
    ahead.set(this.ahead, rules.length);
    this.ahead = ahead;
    this.ruleStep = -1;
  }

  /** A copy of the training state. */
  state(): TrainingState {
    const { runs, rule, moments, optimizer } = this.program.update;
    const copies = new Map<Value, TypedArray[]>();
    for (const [value, arrays] of moments) {
      // Every parameter is a Value.
      if (value instanceof Value)
        copies.set(
          value,
          arrays.map((array) => array.slice()),
        );
    }
    return {
      steps: this.steps,
      runs,
      ...(optimizer !== undefined && { optimizer }),
      moments: copies,
      ...(this.ruleStep === this.steps - 1 && { rule }),
    };
  }

  /**
   * Resumes from the state of a training of the same loss by the same optimiser. The parameters' numbers are
   * restored separately. The schedule is asked again for the rates of all steps taken, so that a generator
   * resumes at the right rate.
   *
   * With `newRates`, the optimiser may have other numbers than the state's: another learning rate, schedule,
   * weight decay or limit of the norm, from the next step on. Its class, and so its moments, must be the
   * same.
   *
   * @throws Error when this training has already taken steps, or its moments or rates differ from the state's
   */
  restore(state: TrainingState, options: RestoreOptions = {}): void {
    checkOptions('restore', options, RESTORE_OPTIONS);
    const { newRates = false } = options;
    checkBoolean('newRates', newRates);
    checkObject('restore', state, 'a state that state() gave');
    checkOptions('restore', state, STATE_KEYS);
    const { program } = this;
    const { moments } = program.update;
    const steps = checkInteger('restore: steps', state.steps, 0, MAX_STEPS);
    const runs = checkInteger('restore: runs', state.runs, 0, MAX_STEPS);
    if (!(state.moments instanceof Map))
      throw new TypeError(`restore: moments ${shown(state.moments)}, expected a Map`);
    if (this.steps > 0 || this.ahead.length > 0)
      throw new Error('restore: this training has taken steps; give the state to a new one');
    const isOther = (value: unknown): boolean => !state.moments.has(value as Value);
    if ([...moments.keys()].some(isOther) || state.moments.size !== moments.size)
      throw new Error(
        `restore: the state is of other parameters than the ${moments.size} that this training changes: ` +
          'give a training of the same parameters; for those of a graph that was built again, load a ' +
          'checkpoint',
      );
    const { optimizer } = program.update;
    if (state.optimizer !== undefined && state.optimizer !== optimizer)
      throw new Error(
        `restore: the state is of the update rule ${shown(state.optimizer)}, and here it is ` +
          `'${optimizer}': give the same optimiser`,
      );
    for (const [value, arrays] of moments) {
      const given: unknown = state.moments.get(value);
      const fits =
        Array.isArray(given) &&
        given.length === arrays.length &&
        arrays.every((array, i) => isNumbers(given[i]) && array.length === given[i].length);
      if (!fits)
        throw new Error(
          `restore: ${value.label} has ${arrays.length} moments here, but different ones in the state: ` +
            'give the same optimiser',
        );
    }
    const { rule } = state;
    if (rule !== undefined && !Array.isArray(rule))
      throw new TypeError(`restore: rule ${shown(rule)}, expected what state() gave`);
    const { ruleSize } = program.update;
    if (!newRates && rule !== undefined && rule.length !== ruleSize)
      throw new Error(
        `restore: the state's update rule has ${rule.length} numbers, but here it has ${ruleSize}: give ` +
          'the same optimiser, with the same options, such as clipGlobalNorm and weightDecay, or ' +
          'newRates: true to go on with these',
      );
    for (let step = 0; step < steps; step++) this.setRule(step);
    const here = program.update.rule.join(', ');
    const there = rule?.map(shown).join(', ') ?? here;
    if (!newRates && steps > 0 && here !== there)
      throw new Error(
        `restore: step ${steps} was taken with rates ${there}, but here, in ${program.dtype}, they are ` +
          `${here}: give the same optimiser, learning rate, number of steps of its schedule, and dtype, or ` +
          'newRates: true to go on with those given here',
      );
    for (const [value, arrays] of moments) {
      if (!(value instanceof Value)) continue; // every parameter is one
      arrays.forEach((array, i) => array.set(state.moments.get(value)![i]!));
    }
    program.update.setRuns(runs);
    this.steps = steps;
  }

  /** One step. Returns the loss before the update. */
  step(feeds: Feeds): number {
    this.setRule(this.steps);
    try {
      const loss = this.program.takeStep(feeds);
      this.steps++;
      return loss;
    } catch (error) {
      throw this.inStep(error);
    }
  }

  /**
   * One step on each example from `from` to before `to`, in turn: as `step` for each, in one native call.
   * With `batch: n`, one step on every n of them, as `stepBatch` does; the last batch may be smaller. Stops
   * after a non-finite loss, unless `onNonFinite` is 'skip'. Returns the losses of the steps, skipped ones
   * included.
   *
   * @throws FeedError when a column is missing, unknown, too short or of the wrong type; or, after the steps
   * before it, when an example has an index or a length out of range
   */
  stepEach(
    dataset: Dataset,
    from = 0,
    to = checkDataset(dataset).count,
    options: BatchOptions = {},
  ): Float64Array {
    checkRange('stepEach', [from, to], options);
    checkOptions('stepEach', options, BATCH_OPTIONS);
    return this.took(this.program.runEach(dataset, from, to, this.rulesOf, batchingOf(options)));
  }

  /**
   * As `stepEach`, on another thread, so that the event loop is not blocked. The dataset is copied first.
   * Until the promise settles, anything that needs the numbers of the program or of its parameters throws a
   * `BusyError`, except inside `onProgress`, which is called between native calls of about 10 ms. Arrays of
   * those numbers that were read earlier become empty: read them again.
   *
   * An abort ends the training before its next step and rejects with the signal's reason. Steps already taken
   * stay.
   *
   * @throws FeedError as `stepEach` does
   * @throws BusyError when the program is already being trained in the background
   */
  async stepEachAsync(
    dataset: Dataset,
    from = 0,
    to = checkDataset(dataset).count,
    options: BackgroundOptions & BatchOptions = {},
  ): Promise<Float64Array> {
    checkRange('stepEachAsync', [from, to], options);
    checkExampleRange(from, to, checkDataset(dataset).count);
    checkOptions('stepEachAsync', options, { ...BACKGROUND_OPTIONS, ...BATCH_OPTIONS });
    const { signal, onProgress } = options;
    checkCallback('onProgress', onProgress);
    const batching = batchingOf(options);
    const own = copied(dataset);
    const size = batching.size ?? 1;
    const steps = Math.ceil((to - from) / size);
    const losses = new Float64Array(steps);
    let done = 0;
    const take = (at: number, count: number, stop: Int32Array): Promise<Part> =>
      this.stepSome(own, from + at * size, Math.min(from + (at + count) * size, to), stop, batching);
    for await (const part of inParts(steps, take, signal)) {
      losses.set(part, done);
      done += part.length;
      if (part.length > 0) await onProgress?.({ step: this.steps, loss: part.at(-1)!, losses: part });
    }
    return losses.subarray(0, done);
  }

  /**
   * `stepEach` in the background, in one native call. It ends before the next example when `stop` is not 0.
   *
   * @hidden
   */
  async stepSome(
    dataset: Dataset,
    from: number,
    to: number,
    stop: Int32Array,
    batching?: Batching,
  ): Promise<Part> {
    const runs = await this.program.runEachAsync(dataset, from, to, stop, this.rulesOf, batching);
    return { losses: this.took(runs), stopped: runs.stopped };
  }

  /**
   * The rule's numbers of the next `count` steps, one after another: a series passes them to native code at
   * once.
   */
  private readonly rulesOf = (count: number): Float64Array => {
    const { program, steps } = this;
    const { ruleSize } = program.update;
    const rules = new Float64Array(count * ruleSize);
    let asked = 0;
    try {
      program.checkMemory(); // before the first rate is taken from a schedule
      for (; asked < count; asked++) {
        if (this.ruleStep === steps + asked) rules.set(this.current, asked * ruleSize);
        else this.nextRule(steps + asked, rules, asked * ruleSize);
      }
      program.checkMemory(); // a schedule is user code
    } catch (error) {
      this.putBack(rules.subarray(0, asked * ruleSize));
      throw error;
    }
    return rules;
  };

  /** Counts the steps that a series took, and keeps the rule numbers of those it did not take. */
  private took({ losses, rules, error }: Runs): Float64Array {
    this.steps += losses.length;
    const left = rules.subarray(losses.length * this.program.update.ruleSize);
    if (left.length > 0) this.putBack(left);
    else if (losses.length > 0) this.ruleStep = this.steps - 1;
    if (error) throw this.inStep(error);
    return losses;
  }

  /** Prefixes the error of a non-finite number with the step, counted from 1. */
  private inStep(error: unknown): unknown {
    if (error instanceof NonFiniteError) error.message = `step ${this.steps + 1}: ${error.message}`;
    return error;
  }

  /**
   * A copy of the gradient of a parameter, given itself or by its name, at the last step of a training that
   * was compiled with `keepGradients: true`: what `backward` computes, of a batch the mean; zeros before the
   * first step.
   *
   * @throws Error when gradients are not kept, or it is no parameter that this training changes
   */
  gradient(parameter: Value | string): TypedArray {
    const value = this.trainedBy('gradient', parameter);
    const gradient = this.program.update.gradient(value);
    if (gradient) return gradient.slice();
    throw new Error('gradient: this training keeps none: minimize(loss, { keepGradients: true })');
  }

  /**
   * A copy of the running average of a parameter, given itself or by its name, in a training by an optimiser
   * with `averageDecay`; zeros before the first step.
   *
   * @throws Error when there is no average, or it is no parameter that this training changes
   */
  average(parameter: Value | string): TypedArray {
    const value = this.trainedBy('average', parameter);
    const average = this.program.update.average(value);
    if (average) return average.slice();
    throw new Error('average: this training keeps none: give the optimiser averageDecay, such as 0.999');
  }

  /** The parameter that is this one, or has this name. */
  private trainedBy(who: string, parameter: Value | string): Value {
    if (typeof parameter !== 'string' && !((parameter as unknown) instanceof Value))
      throw new TypeError(`${who}: ${shown(parameter)}, expected a parameter, or its name`);
    const { update } = this.program;
    if (parameter instanceof Value && update.isTrained(parameter)) return parameter;
    const trained = [...update.parameters];
    const found = trained.filter(({ name }) => name === parameter);
    if (found.length === 1) return found[0] as Value;
    if (found.length > 1)
      throw new Error(
        `${who}: ${found.length} parameters are called ${shown(parameter)}: give the one that you mean`,
      );
    const names = trained.flatMap(({ name }) => name ?? []);
    const guess = typeof parameter === 'string' ? didYouMean(parameter, names) : '';
    throw new Error(`${who}: ${shown(parameter)} is no parameter that this training changes${guess}`);
  }

  /** How many steps `onNonFinite: 'skip'` has skipped in this process. */
  get skipped(): number {
    return this.program.update.skipped;
  }

  /** The loss of each example from `from` to before `to`, without updates, in one native call. */
  evaluateEach(dataset: Dataset, from = 0, to = checkDataset(dataset).count): Float64Array {
    checkRange('evaluateEach', [from, to]);
    const { losses, error } = this.program.runEach(dataset, from, to);
    if (error) throw error;
    return losses;
  }

  /**
   * One step on a batch: one update by the mean of the examples' gradients. Examples may differ in length.
   * Returns the mean of their losses.
   *
   * The work is spread over at most `threads` threads, by default as many as the program may use (see
   * `minimize`). Their number does not change a bit of the result.
   *
   * @throws Error where the program does not keep whole gradients: pass `{ batches: true }` to `minimize`
   */
  stepBatch(examples: readonly Feeds[], options: { threads?: number } = {}): number {
    checkOptions('stepBatch', options, { threads: true });
    const { threads } = batchingOf({ threads: options.threads });
    return this.took(this.program.stepBatch(examples, threads, this.rulesOf))[0]!;
  }

  /** The loss without an update. */
  evaluate(feeds: Feeds): number {
    return this.program.evaluate(feeds);
  }
}

limitArguments('Training', Training.prototype, {
  ...{ state: 0, restore: 2, step: 1, stepEach: 4, stepEachAsync: 4, evaluateEach: 3 },
  ...{ stepBatch: 2, evaluate: 1, gradient: 1, average: 1 },
} satisfies Counts<Training, 'stepSome'>);

function isNumbers(given: unknown): given is TypedArray {
  return given instanceof Float64Array || given instanceof Float32Array;
}
