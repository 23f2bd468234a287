/** A compiled graph with its memory. Feeds it, runs it (a run is one native call), and reads the results. */
import { addon, type Fault, type SeriesFault } from '../binding/addon.js';
import { chosenThreads, threadLimit } from '../binding/threads.js';
import type { DType, TypedArray } from '../core/array.js';
import { checkInteger, shown } from '../core/check.js';
import { sizeOf } from '../core/shape.js';
import { account, type Work } from '../compiler/account.js';
import { compileGraph, type Compiled, type Plan, type ProgramCounts } from '../compiler/compile.js';
import type { Lowered } from '../compiler/lower/layout.js';
import { rangesOf } from '../compiler/lower/view.js';
import { countUses } from '../compiler/ir/live.js';
import type { Node } from '../graph/node.js';
import { originOf } from './anomaly.js';
import { checkExampleRange, type Dataset } from './dataset.js';
import { checkReturnsNumber, FeedError, noUpdate, onlyTrainingSteps } from './errors.js';
import { gradientNotFinite, indexError, isNotFinite, nonFiniteError } from './faults.js';
import { FeedReader, type FeedTarget, type Feeds } from './feeds.js';
import { readGenerateOptions, SequenceSampler, type GenerateOptions } from './generate.js';
import { fedNumbers, inputsOf, type Inputs } from './inputs.js';
import { NO_RUN, NO_STEP, ProgramMemory } from './memory.js';
import { BatchKeeper, listOfFeeds, type Batch, type Batching } from './minibatch.js';
import { readRequest, type ProgramOptions } from './options.js';
import type { Random } from './random.js';
import { readFrom, Residence } from './residence.js';
import { examplesOf, feedsOf, meansOf, seriesError, seriesOf, stepsTaken } from './series.js';
import type { Examples, RulesOf, Runs, SeriesOptions, SeriesRun, SeriesSource } from './series.js';
import { UpdateState } from './update-state.js';

/**
 * A compiled graph with its memory, made by `compile` and by optimisers. Each run is one native call. The
 * memory is garbage-collected with the program.
 */
export class Program {
  /** The data type of all its numbers. */
  readonly dtype: DType;
  /** The instruction set that it runs on. */
  readonly isa: string;
  /** The longest prefix of a run; 1 where there is no prefix length. */
  readonly maxLength: number;
  /** The numbers of nodes and instructions, and of values that share memory. */
  readonly counts: ProgramCounts;
  /** The number of parameters, each element counted. */
  readonly parameterCount: number;
  /** Whether a gradient flows to any parameter. @hidden */
  readonly hasGradients: boolean;
  /** The groups that `generate` runs, in the array that was given. @hidden */
  readonly sequence: Plan['groups'];
  /** Whether this program holds the newest numbers of its parameters, all of which live here. @hidden */
  resident = false;
  /** Whether it was compiled with an update, for training. @hidden */
  readonly trains: boolean;
  /** How often training may have changed numbers that live here. @hidden */
  writes = 0;
  /** Whether `data`, and `grad`, of every node are read from this program: it ran last. @hidden */
  readonly isRead = { data: false, gradient: false };
  /** What training keeps besides the parameters. @hidden */
  readonly update: UpdateState;

  private readonly threadLimit: number;
  private readonly compiled: Compiled;
  private readonly lowered: Lowered;
  /** Copies of the roots, and of the groups that `generate` runs. */
  private readonly roots: readonly Node[];
  private readonly groups: Plan['groups'];
  private readonly memory: ProgramMemory;
  /** @hidden */ readonly inputs: Inputs;
  private readonly feeds: FeedReader;
  /** Where feeds are written: the arena and the integers. */
  private readonly target: FeedTarget;
  /** @hidden */ readonly residence: Residence;
  /** Whether the inputs hold the last feeds: false after feeds that were refused. */
  private isFed = true;
  private sampler: SequenceSampler | undefined;
  private readonly batches: BatchKeeper;
  /** The offset of the first root in the arena; of any number, where it has none. */
  private readonly rootOffset: number;
  /** Whether the data and gradient of every node can be read after a run. */
  private readonly inspects: boolean;
  private readonly detectsAnomaly: boolean;

  /** @hidden */
  constructor(plan: Plan, options: ProgramOptions = {}) {
    // Reads all options before tracing: a getter may compile another graph, which renumbers the same nodes.
    const request = readRequest(plan, options);
    const { update, groups, sequence, dtype, isa, threadLimit } = request;
    this.detectsAnomaly = request.detectAnomaly;
    this.trains = update !== undefined;
    this.dtype = dtype;
    this.isa = isa;
    this.threadLimit = threadLimit;
    this.roots = groups.flat();
    const root = this.roots[0];
    if (!root) throw new TypeError('a program computes at least one Value: there is none');
    this.inspects = request.gradients === 'all';
    const { compiled, traced } = compileGraph(request);
    const { lowered, leaves } = compiled;
    this.compiled = compiled;
    this.lowered = lowered;
    this.sequence = compiled.hasSequence ? request.givenSequence! : request.givenGroups;
    this.groups = compiled.hasSequence ? sequence! : groups;
    this.maxLength = compiled.maxLength;
    this.counts = compiled.counts;
    this.hasGradients = compiled.hasGradients;
    this.memory = new ProgramMemory(compiled, dtype, isa, root, threadLimit);
    this.residence = new Residence(this, leaves.parameters);
    this.parameterCount = leaves.parameters.reduce((count, { node }) => count + sizeOf(node.shape), 0);
    this.inputs = inputsOf(compiled, traced, groups);
    this.feeds = new FeedReader(this.inputs);
    this.batches = new BatchKeeper(this.memory, lowered, this.inputs, dtype);
    this.target = {
      numbers: this.arena,
      offsets: Int32Array.from(this.inputs.floats, ({ offset }) => offset),
      inverseCount: leaves.inverseCount,
      ints: this.memory.ints,
      firstSlot: 0,
    };
    this.memory.setStep(NO_STEP);
    this.update = new UpdateState(this.memory, lowered.parameters, this.residence.held, update);
    this.rootOffset = Math.min(lowered.view(compiled.root)?.offset ?? 0, lowered.arenaSize - 1);
  }

  /** How many threads a run may use at once. */
  get threads(): number {
    return chosenThreads(this.threadLimit);
  }

  private get rootLabel(): string {
    return this.roots[0]!.label;
  }

  /**
   * All the program's numbers.
   *
   * @throws BusyError while the program trains in the background; so does everything else that needs them
   */
  get arena(): TypedArray {
    return this.memory.arena;
  }

  /**
   * Computes the first root, and returns a copy of its numbers, row-major.
   *
   * @throws FeedError when an input is missing, unknown, or of the wrong type or size
   */
  forward(feeds: Feeds): TypedArray {
    this.feed(feeds);
    this.run(0, this.feeds.length, 0, this.lowered.sections.forward);
    return this.read(this.roots[0]!).slice();
  }

  /** Computes group `at` of a sequence; the earlier groups must have been computed, in order. */
  advance(feeds: Feeds, at: number): void {
    checkInteger('group', at, 0, this.maxLength - 1);
    this.checkMemory();
    this.feeds.length = at + 1;
    this.feed(feeds);
    this.run(at, at + 1, 0, this.lowered.sections.forward);
  }

  /**
   * Generates `count` sequences in one native call. After each position an integer is drawn from
   * softmax(logits / temperature), where the position's group holds the logits, and fed to the next position,
   * until `stop` is drawn or the positions end. Returns the integers of each sequence, including the prefix
   * and `stop`. Each drawn integer takes one number from `random`, whatever topK is; but see `together`.
   *
   * @throws RangeError when an option is out of range, or a group holds NaN or infinity, or minus infinity
   *   alone: beside other logits, that is never drawn
   * @throws FeedError when a position cannot read `start` or an integer of the prefix
   */
  generate(random: Random, options: GenerateOptions): Int32Array[] {
    this.checkMemory();
    const request = readGenerateOptions(random, options);
    this.checkMemory(); // once more: a getter among the options may run anything
    this.sampler ??= new SequenceSampler(this.compiled, this.groups, this.inputs, this.feeds);
    const { sampler, memory } = this;
    const index = sampler.prepare(request, memory.ints);
    if (!this.resident) this.residence.takeAll();
    const { sequences, fault } = sampler.run(memory, index, request, this.threadLimit);
    if (fault) throw indexError(this.lowered, this.compiled.ir, fault, '');
    return sequences;
  }

  /**
   * Computes the gradients at the numbers fed last, to forward(), evaluate() or advance(). Where parameters
   * have changed since, the forward pass runs again: all is computed at their new numbers.
   */
  backward(): void {
    if (!this.compiled.gradientNodes) throw new Error('this program was compiled without gradients');
    this.checkMemory();
    const what = `backward() of ${this.rootLabel}`;
    if (this.memory.ranLength === 0) throw new Error(`${what} before forward(): ${NO_RUN}`);
    if (!this.isFed) throw new Error(`${what}: the last forward() was refused: call it again`);
    const { forward, backward } = this.lowered.sections;
    const begin = this.residence.haveChanged() ? 0 : forward;
    this.run(0, this.memory.ranLength, begin, backward);
    this.memory.hasGradients = true;
    if (this.inspects && !this.isRead.gradient) readFrom(this, this.compiled.numbers.keys(), 'gradient');
  }

  /** Only a training knows the rates of its steps. @throws TypeError always @hidden */
  step(): never {
    throw this.trains ? onlyTrainingSteps(this.rootLabel) : noUpdate('step', this.rootLabel);
  }

  /** Runs forward, backward and update in one native call; returns the first root's number. @hidden */
  takeStep(feeds: Feeds): number {
    this.checkTrains('step');
    this.feed(feeds);
    const { skipped } = this.update;
    this.memory.setStep(this.update.runs);
    try {
      this.run(0, this.feeds.length, 0, this.lowered.sections.update);
    } finally {
      this.memory.setStep(NO_STEP); // only a training step drops numbers
    }
    this.update.runs++; // a step that was refused leaves its number, by which dropout draws, to the next
    if (!this.resident && this.update.skipped === skipped) this.residence.takeTrained();
    this.writes++;
    return this.arena[this.rootOffset]!;
  }

  /**
   * One update by the mean gradient of several examples, on at most `threads` threads; their number does not
   * change a bit of the result. The loss is the mean of the examples' losses.
   *
   * @hidden
   */
  stepBatch(examples: readonly Feeds[], threads: number | undefined, rulesOf: RulesOf): Runs {
    this.checkTrains('stepBatch');
    const given = listOfFeeds(examples); // a copy: getters among the feeds may change the list
    this.batches.check(given.length, this.update.setsBuffers);
    this.checkMemory();
    const columns = this.batches.columns(given, this.feeds);
    this.checkMemory();
    const batching = { size: given.length, threads };
    return this.runSeries(this.startSeries(columns, 0, given.length, rulesOf, batching));
  }

  /** @throws TypeError where the program has no update, so that a step would change nothing */
  private checkTrains(what: string): void {
    if (!this.trains) throw noUpdate(what, this.rootLabel);
  }

  /** Runs one part of a step, with the last feeds, to measure it. */
  runPart(part: 'forward' | 'backward' | 'update'): void {
    const ends = this.lowered.sections;
    const starts = { forward: 0, backward: ends.forward, update: ends.backward };
    if (!['forward', 'backward', 'update'].includes(part))
      throw new TypeError(`part ${shown(part)}: expected 'forward', 'backward' or 'update'`);
    this.run(0, this.feeds.length, starts[part], ends[part]);
    if (part !== 'update') return;
    this.residence.takeTrained();
    this.writes++;
  }

  /**
   * Computes the first root, which must be one number, and returns it.
   *
   * @throws ShapeError when it is not one number: `forward` returns all
   * @throws FeedError as `forward` does
   */
  evaluate(feeds: Feeds): number {
    checkReturnsNumber('evaluate:', this.roots[0]!);
    this.feed(feeds);
    this.run(0, this.feeds.length, 0, this.lowered.sections.forward);
    return this.arena[this.rootOffset]!;
  }

  private feed(feeds: Feeds): void {
    this.checkMemory();
    this.isFed = false;
    this.feeds.read(feeds, this.target);
    this.isFed = true;
  }

  private run(from: number, to: number, begin: number, end: number): void {
    if (!this.resident) this.residence.takeAll();
    this.checkMemory();
    if (this.inspects && !this.isRead.data) readFrom(this, this.compiled.numbers.keys(), 'data');
    if (this.inspects && begin === 0) this.residence.remember();
    const fault = this.memory.run(from, to, begin, end);
    if (fault) this.refuseRun(fault);
  }

  /**
   * Runs examples `from` to before `to` of a series, in order, in one native call: as `evaluate`, as `step`
   * (with `rulesOf`) or as `stepBatch` (with `batching` too). Training ends after a non-finite loss, unless
   * such steps are skipped. Returns the losses, and the error that ended the series early, if any.
   *
   * @hidden
   */
  runEach(dataset: Dataset, from: number, to: number, rulesOf?: RulesOf, batching?: Batching): Runs {
    checkReturnsNumber('a series:', this.roots[0]!);
    const examples = examplesOf(this.seriesSource, dataset);
    return this.runSeries(this.startSeries(examples, from, to, rulesOf, batching));
  }

  /** Runs examples as `forward`, and writes the numbers of all roots of each, one after another. @hidden */
  readEach(dataset: Dataset, from: number, to: number, results: TypedArray): Runs {
    const examples = examplesOf(this.seriesSource, dataset);
    const ranges = rangesOf(this.roots.map((root) => this.lowered.view(this.compiled.numbers.get(root)!)!));
    const series = this.startSeries(examples, from, to);
    return this.runSeries({ ...series, spec: { ...series.spec, outputs: { ranges, results } } });
  }

  private runSeries(series: SeriesRun): Runs {
    const { spec, from, losses, trains } = series;
    if (trains) this.memory.dropGradients();
    const { handle, arena, ints } = this.memory;
    return this.endSeries(series, addon.runSeries(handle, arena, ints, spec, from, losses));
  }

  /**
   * As `runEach`, in the background: until the promise settles, anything that needs the program's memory
   * throws a `BusyError`. Ends before the next example when `stop` (shared memory) is not 0.
   *
   * @hidden
   */
  async runEachAsync(
    dataset: Dataset,
    from: number,
    to: number,
    stop: Int32Array,
    rulesOf: RulesOf,
    batching?: Batching,
  ): Promise<Runs> {
    checkReturnsNumber('a series:', this.roots[0]!);
    const examples = examplesOf(this.seriesSource, dataset);
    const series = this.startSeries(examples, from, to, rulesOf, batching);
    this.memory.dropGradients();
    const homes = this.residence.takeTrained(); // now, so that nobody can read what is being written
    const { handle, ints } = this.memory;
    const arena = this.memory.lend();
    let result: number | SeriesFault;
    try {
      result = await addon.runSeriesAsync(handle, arena, ints, series.spec, from, series.losses, stop);
    } finally {
      this.memory.takeBack(arena);
      this.target.numbers = arena;
    }
    // If no step was taken, or all were skipped, the parameters keep their type and home.
    if (stepsTaken(series, result) === this.update.skipped - series.skipped) this.residence.giveBack(homes);
    return this.endSeries(series, result);
  }

  private get seriesSource(): SeriesSource {
    const { inputs, feeds, lowered, threadLimit: threads, rootOffset: loss } = this;
    const { inverseCount, stepSlots } = this.compiled.leaves;
    return { inputs, feeds, lowered, threads, inverseCount, loss, stepSlots };
  }

  private startSeries(
    examples: Examples,
    from: number,
    to: number,
    rulesOf?: RulesOf,
    batching?: Batching,
  ): SeriesRun {
    checkExampleRange(from, to, examples.count);
    const { size: batch, threads: given } = batching ?? {};
    if (batch !== undefined) this.batches.check(batch, this.update.setsBuffers);
    const most = threadLimit(given ?? this.threadLimit);
    const threads = batch === undefined ? most : chosenThreads(most); // a batch has memory for each thread
    this.checkMemory();
    const options: SeriesOptions = rulesOf
      ? {
          rules: rulesOf(Math.ceil((to - from) / (batch ?? 1))),
          ruleSize: this.update.ruleSize,
          firstStep: this.update.runs,
          end: this.lowered.sections.update,
          stops: !this.update.skips,
          threads,
          batches: batch === undefined ? undefined : this.batches.memory(batch, threads, this.arena),
        }
      : { rows: this.memory.plans.ofEvaluation(to - from) };
    const series = seriesOf(this.seriesSource, examples, options);
    if (!this.resident) this.residence.takeAll(); // now: what gives rates may have run another program
    if (batch !== undefined) this.batches.keepUp(this.residence.held, this.arena);
    const losses = new Float64Array(to - from);
    return { ...series, from, losses, trains: rulesOf !== undefined, skipped: this.update.skipped };
  }

  private endSeries(series: SeriesRun, result: number | SeriesFault): Runs {
    const { spec, from, trains, skipped } = series;
    this.memory.setStep(NO_STEP);
    const steps = stepsTaken(series, result);
    const size = spec.batches?.size ?? 1;
    const runs = Math.min(steps * size, series.losses.length);
    if (trains) {
      this.update.runs += runs;
      if (!this.resident && steps > this.update.skipped - skipped) this.residence.takeTrained();
      this.writes++;
    }
    // An example that met a fault has run too; one that could not be fed has not.
    const fault = typeof result === 'number' ? undefined : result;
    const last = fault?.length === 4 ? fault[0] : from + runs - 1;
    if (last >= from) {
      this.feeds.length = spec.lengths[last] ?? this.maxLength;
      this.memory.ranLength = spec.batches ? 0 : this.feeds.length; // a batch runs in memory of its own
    }
    if (fault !== undefined || runs > 0) this.isFed = fault?.length !== 3;
    const losses = meansOf(series.losses.subarray(0, runs), size);
    const stopped = spec.stops && runs > 0 && !Number.isFinite(this.arena[this.rootOffset]);
    const run = { losses, rules: spec.rules, stopped };
    if (typeof result === 'number') return run;
    const source = this.seriesSource;
    const refuse = (fault: Fault, where: string): never => {
      if (!spec.batches || !isNotFinite(fault)) this.refuseRun(fault, where);
      // All examples of the batch that failed, which begins after the completed steps.
      const count = Math.min(size, series.losses.length - runs);
      const feeds = Array.from({ length: count }, (_, i) => feedsOf(source, series, from + runs + i));
      this.refuseRun(fault, '', { feeds, first: from + runs });
    };
    return { ...run, error: seriesError(source, series, result, refuse) };
  }

  /** The work of one run of all instructions at a prefix length, by opcode. */
  work(length = this.maxLength): Work[] {
    checkInteger('length', length, 0, this.maxLength);
    return account(this.lowered, this.dtype === 'float32' ? 4 : 8, length);
  }

  /** The number of compiled nodes that the program needs. */
  countNodes(): number {
    const { ir, kept } = this.compiled;
    return countUses(ir, kept).filter((uses) => uses > 0).length;
  }

  /**
   * A node's numbers after a run, row-major: a view where they are contiguous, otherwise a copy.
   *
   * @throws Error where the last run did not compute it
   */
  read(node: Node): TypedArray {
    return this.memory.read(node);
  }

  /**
   * A node's gradient after backward(); zeros where no gradient flowed.
   *
   * @throws Error before backward(), and for a node that depends on no parameter or input
   */
  readGradient(node: Node): TypedArray {
    return this.memory.readGradient(node);
  }

  /** See {@link Holder.whyUnread}. @hidden */
  whyUnread(node: Node, what: 'data' | 'gradient'): string | undefined {
    return this.memory.whyUnread(node, what);
  }

  /** Throws if the program's memory cannot be used. @hidden */
  checkMemory(): void {
    if (this.feeds.isReading)
      throw new FeedError('a getter among the feeds runs the program that they are for: run it before');
    this.memory.check();
  }

  /** Throws the error of a run's fault. Clears the gradients first, which must not reach the next run. */
  private refuseRun(fault: Fault, where = '', batch?: Batch): never {
    const error = isNotFinite(fault) ? this.nonFiniteError(where, batch) : undefined;
    this.memory.clearGradients();
    throw error ?? indexError(this.lowered, this.compiled.ir, fault, where);
  }

  /** The error of a step with NaN or infinity; its gradients are still in memory. */
  private nonFiniteError(where: string, batch?: Batch): Error {
    const found =
      gradientNotFinite(this.arena, this.lowered, this.residence.held) ??
      `the loss, ${this.rootLabel}, is ${this.arena[this.rootOffset]!}`;
    return nonFiniteError(`${found}${where}`, this.detectsAnomaly ? this.origin(batch) : undefined);
  }

  /**
   * Finds where in the graph NaN or infinity first appears: runs the last feeds, or each example, again in a
   * program whose values can all be read.
   */
  private origin(batch?: Batch): string {
    const root = this.roots[0]!;
    const { dtype, isa, threads } = this;
    const inspector = new Program({ groups: [[root]], gradients: 'all' }, { dtype, isa, threads });
    const given = batch?.feeds ?? [fedNumbers(this.inputs, this.arena, this.memory.ints, this.feeds.length)];
    for (const [i, feeds] of given.entries()) {
      inspector.feed(feeds);
      const { length } = inspector.feeds;
      inspector.memory.setStep(this.update.runs + i);
      inspector.run(0, length, 0, inspector.lowered.sections.backward);
      inspector.memory.setStep(NO_STEP);
      const found = originOf(root, {
        data: (node) => inspector.memory.numbersOf(node),
        gradient: (node) => inspector.memory.gradientOf(node),
        integers: (node) => inspector.memory.readIntegers(node),
        length,
      });
      if (found !== undefined)
        return batch ? `Example ${batch.first + i}: first, ${found}` : `First, ${found}`;
    }
    return 'Value by value, as forward() and backward() compute them, all numbers are finite';
  }
}
