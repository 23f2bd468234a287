/** A loss being trained: takes steps, and keeps what it needs to go on from where it was. */
import { Value } from '../value/value.js';
import type { TypedArray } from '../core/array.js';
import { Program } from '../runtime/program.js';
import {
  checkObject,
  checkInteger,
  MAX_BATCH,
  MAX_STEPS,
  shown,
  checkOptions,
  type Known,
} from '../core/check.js';
import type { Feeds } from '../runtime/feeds.js';
import { type Dataset, checkDataset, checkDocumentRange, copied } from '../runtime/dataset.js';
import { type BackgroundOptions, BACKGROUND_OPTIONS, checkCallback, inParts } from '../runtime/background.js';
import type { Batching } from '../runtime/minibatch.js';
import type { Runs } from '../runtime/series.js';
import { NonFiniteError } from '../runtime/errors.js';

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

/** How a step of a series takes several documents. */
export interface BatchOptions {
  /** How many documents a step takes; by default one, which `minimize` needs no `batches: true` for. */
  batch?: number;
  /** On how many threads they run: by default one. It changes no bit of the result. */
  threads?: number;
}

const BATCH_OPTIONS: Known<BatchOptions> = { batch: true, threads: true };

/** Undefined where a step takes one document. */
function batchingOf({ batch, threads = 1 }: BatchOptions): Batching | undefined {
  if (batch !== undefined) checkInteger('batch', batch, 1, MAX_BATCH);
  checkInteger('threads', threads, 1);
  return batch === undefined ? undefined : { size: batch, threads };
}

/** Writes the update rule's numbers of a step from a place in an array on. */
export type WriteRule = (step: number, to: Float64Array, at: number) => void;

/** A loss being trained: `step(feeds)` is one native call. */
export class Training {
  /** Steps taken. */
  steps = 0;

  /** The update rule's numbers of the step `ruleStep`: where that failed, its next try uses them again. */
  private readonly current: Float64Array;
  private ruleStep = -1;
  /**
   * Rates already drawn for steps that were not taken: the rule's numbers of those steps, step by step. A
   * schedule gives each rate once.
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

  /** Gives the program the rule's numbers of a step. */
  private setRule(step: number): void {
    this.program.checkMemory(); // before the schedule gives a rate, which it does once
    if (this.ruleStep === step) return;
    this.nextRule(step, this.current, 0);
    this.program.update.setRules(this.current);
    this.ruleStep = step;
  }

  /** Writes the rule's numbers of the next step whose numbers are not drawn yet, or of one put back. */
  private nextRule(step: number, to: Float64Array, at: number): void {
    const { ahead } = this;
    if (ahead.length === 0) {
      this.rule(step, to, at);
      return;
    }
    const { ruleSize } = this.program.update;
    to.set(ahead.subarray(0, ruleSize), at);
    this.ahead = ahead.subarray(ruleSize);
  }

  /** Puts back numbers that were drawn for steps which were not taken. */
  private putBack(rules: Float64Array): void {
    const ahead = new Float64Array(rules.length + this.ahead.length);
    ahead.set(rules);
    ahead.set(this.ahead, rules.length);
    this.ahead = ahead;
    this.ruleStep = -1;
  }

  /** A copy of what training keeps from step to step. */
  state(): TrainingState {
    const { runs, rule, moments } = this.program.update;
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
      moments: copies,
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
    const { moments } = program.update;
    const steps = checkInteger('restore: steps', state.steps, 0, MAX_STEPS);
    const runs = checkInteger('restore: runs', state.runs, 0, MAX_STEPS);
    if (!(state.moments instanceof Map))
      throw new TypeError(`restore: moments ${shown(state.moments)}, expected a Map`);
    if (this.steps > 0 || this.ahead.length > 0)
      throw new Error('restore: this training has taken steps; give the state to a new one');
    for (const [value, arrays] of moments) {
      const given: unknown = state.moments.get(value);
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
    if (rule !== undefined && !(Array.isArray(rule) && rule.length <= program.update.ruleSize))
      throw new TypeError(`restore: rule ${shown(rule)}, expected what state() gave`);
    for (let step = 0; step < steps; step++) this.setRule(step);
    const here = program.update.rule.join(', ');
    const there = rule?.map(shown).join(', ') ?? here;
    if (steps > 0 && here !== there)
      throw new Error(
        `restore: step ${steps} was taken with rates of ${there}, which here, in ${program.dtype}, are ` +
          `${here}: give the same optimiser, learning rate and dtype`,
      );
    for (const [value, arrays] of moments) {
      if (!(value instanceof Value)) continue; // every parameter is one
      arrays.forEach((array, i) => array.set(state.moments.get(value)![i]!));
    }
    program.update.setRuns(runs);
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
   * native call. With `batch: n`, one step on each n of them in turn, as `stepBatch` takes it; the last
   * may have fewer. Stops after a loss that is not finite; with `onNonFinite: 'skip'` it goes on. Returns
   * the losses of the steps taken, those of skipped steps included.
   *
   * @throws FeedError when a column is missing, unknown, too short or of the wrong type, or, after the
   * steps before it, when a document's integers or length are out of their range
   */
  stepEach(
    dataset: Dataset,
    from = 0,
    to = checkDataset(dataset).count,
    options: BatchOptions = {},
  ): Float64Array {
    checkOptions('stepEach', options, BATCH_OPTIONS);
    return this.took(this.program.runEach(dataset, from, to, this.rulesOf, batchingOf(options)));
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
    options: BackgroundOptions & BatchOptions = {},
  ): Promise<Float64Array> {
    checkDocumentRange(from, to, checkDataset(dataset).count);
    checkOptions('stepEachAsync', options, { ...BACKGROUND_OPTIONS, ...BATCH_OPTIONS });
    const { signal, onProgress } = options;
    checkCallback('onProgress', onProgress);
    const batching = batchingOf(options);
    const own = copied(dataset);
    const size = batching?.size ?? 1;
    const steps = Math.ceil((to - from) / size);
    const losses = new Float64Array(steps);
    let done = 0;
    const take = (at: number, count: number, stop: Int32Array): Promise<Float64Array> =>
      this.stepSome(own, from + at * size, Math.min(from + (at + count) * size, to), stop, batching);
    for await (const part of inParts(steps, take, signal)) {
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
  async stepSome(
    dataset: Dataset,
    from: number,
    to: number,
    stop: Int32Array,
    batching?: Batching,
  ): Promise<Float64Array> {
    return this.took(await this.program.runEachAsync(dataset, from, to, stop, this.rulesOf, batching));
  }

  /** The update rule's numbers of so many steps to come, step by step: a series takes them straight down. */
  private readonly rulesOf = (count: number): Float64Array => {
    const { program, steps } = this;
    const { ruleSize } = program.update;
    const rules = new Float64Array(count * ruleSize);
    for (let i = 0; i < count; i++) {
      try {
        program.checkMemory(); // before each rate: a schedule may do anything
        if (this.ruleStep === steps + i) rules.set(this.current, i * ruleSize);
        else this.nextRule(steps + i, rules, i * ruleSize);
      } catch (error) {
        this.putBack(rules.subarray(0, i * ruleSize));
        throw error;
      }
    }
    return rules;
  };

  /** Counts the steps that a series took, and puts back the numbers of those that it did not take. */
  private took({ losses, rules, error }: Runs): Float64Array {
    this.steps += losses.length;
    const left = rules.subarray(losses.length * this.program.update.ruleSize);
    if (left.length > 0) this.putBack(left);
    else if (losses.length > 0) this.ruleStep = this.steps - 1;
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
    return this.program.update.skipped;
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
    return this.took(this.program.stepBatch(documents, threads, this.rulesOf))[0]!;
  }

  /** The loss without an update. */
  evaluate(feeds: Feeds): number {
    return this.program.evaluate(feeds);
  }
}

function isNumbers(given: unknown): given is TypedArray {
  return given instanceof Float64Array || given instanceof Float32Array;
}
