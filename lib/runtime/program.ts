/** A compiled graph with its memory: feeds it, runs it, reads it. One run is one native call. */
import { addon, type BatchesSpec, type Fault, type SeriesFault } from '../binding/addon.js';
import type { DType, TypedArray } from '../core/array.js';
import { checkInteger, shown } from '../core/check.js';
import { ShapeError, sizeOf } from '../core/shape.js';
import { account, type Work } from '../compiler/account.js';
import { compileGraph, type Compiled, type Plan } from '../compiler/compile.js';
import type { Lowered } from '../compiler/lower/layout.js';
import { countUses } from '../compiler/ir/live.js';
import type { Node } from '../graph/node.js';
import { originOf } from './anomaly.js';
import { allocateAligned } from './arena.js';
import { checkExampleRange, type Dataset } from './dataset.js';
import { FeedError } from './errors.js';
import { gradientNotFinite, indexError, isNotFinite, nonFiniteError } from './faults.js';
import { FeedReader, type FeedTarget, type Feeds } from './feeds.js';
import { readGenerateOptions, SequenceSampler, type GenerateOptions } from './generate.js';
import { fedNumbers, inputsOf, type Inputs } from './inputs.js';
import { ProgramMemory } from './memory.js';
import { batchesOf, FeedColumns, listOfFeeds, type Batching } from './minibatch.js';
import { readRequest, type ProgramOptions } from './options.js';
import type { Random } from './random.js';
import { readFrom, Residence } from './residence.js';
import { examplesOf, feedsOf, meansOf, seriesError, seriesOf, stepsTaken } from './series.js';
import type { Examples, Runs, SeriesRun, SeriesSource } from './series.js';
import { UpdateState } from './update-state.js';

/** What a run reads as the number of the training step when it is no training step. */
const NO_STEP = -1;

/** Gives the update rule's numbers of so many steps to come, step by step. */
export type RulesOf = (count: number) => Float64Array;

/**
 * A compiled graph with its memory: made by `compile` and by optimisers. One run is one native call.
 * Its memory is freed when the program can no longer be reached.
 */
export class Program {
  /** Of all its numbers. */
  readonly dtype: DType;
  /** The instruction set that runs it. */
  readonly isa: string;
  /** The longest prefix a run can have; 1 without one. */
  readonly maxLength: number;
  /** Nodes after tracing and differentiating, and instructions. */
  readonly counts: {
    /** As the graph was written. */
    forwardNodes: number;
    /** With gradients. */
    nodes: number;
    /** As compiled. */
    instructions: number;
  };
  /** Parameters, counted as numbers. */
  readonly parameterCount: number;
  /** Whether a gradient flows to any parameter. @hidden */
  readonly hasGradients: boolean;
  /** The groups that `generate` runs, in the array that was given. @hidden */
  readonly sequence: Plan['groups'];
  /** Whether this program holds the newest numbers of its parameters, all of which live here. @hidden */
  resident = false;
  /** How often training may have changed numbers that live here. @hidden */
  writes = 0;
  /** Whether `data`, and `grad`, of every node are read from this program: it ran last. @hidden */
  readonly isRead = { data: false, gradient: false };
  /** What training keeps besides the parameters. @hidden */
  readonly update: UpdateState;

  private readonly compiled: Compiled;
  private readonly lowered: Lowered;
  /** The roots, and the groups that `generate` runs, as they were when they were compiled. */
  private readonly roots: readonly Node[];
  private readonly groups: Plan['groups'];
  private readonly memory: ProgramMemory;
  private readonly inputs: Inputs;
  private readonly feeds: FeedReader;
  /** The arena and the integers, as a place to feed to. */
  private readonly target: FeedTarget;
  private readonly residence: Residence;
  private hasRun = false;
  private sampler: SequenceSampler | undefined;
  /** The memory of the last batches, and the columns for their feeds. */
  private batches: BatchesSpec | undefined;
  private fed: FeedColumns | undefined;
  /** Of the first root, in the arena. */
  private readonly rootOffset: number;
  /** Whether data and gradient of every node can be read after a run. */
  private readonly inspects: boolean;
  private readonly detectsAnomaly: boolean;
  /** Whether it was compiled with an update. */
  private readonly trains: boolean;

  /** @hidden */
  constructor(plan: Plan, options: ProgramOptions = {}) {
    // All is read before anything is traced: what a getter compiles numbers the same nodes.
    const request = readRequest(plan, options);
    const { update, groups, sequence, dtype, isa } = request;
    this.detectsAnomaly = request.detectAnomaly;
    this.trains = update !== undefined;
    this.dtype = dtype;
    this.isa = isa;
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
    this.memory = new ProgramMemory(compiled, dtype, isa, root);
    this.residence = new Residence(this, leaves.parameters);
    this.parameterCount = leaves.parameters.reduce((count, { node }) => count + sizeOf(node.shape), 0);
    this.inputs = inputsOf(compiled, traced, groups);
    this.feeds = new FeedReader(this.inputs);
    this.target = {
      numbers: this.arena,
      offsets: Int32Array.from(this.inputs.floats, ({ offset }) => offset),
      inverseCount: leaves.inverseCount,
      ints: this.memory.ints,
      firstSlot: 0,
    };
    this.memory.setStep(NO_STEP);
    this.update = new UpdateState(this.memory, lowered.parameters, this.residence.held, update);
    this.rootOffset = lowered.view(compiled.numbers.get(root)!)?.offset ?? 0;
    if (update) this.checkRoot();
  }

  /** @throws ShapeError where the first root has no first number, which a loss is */
  private checkRoot(): void {
    if (sizeOf(this.roots[0]!.shape) === 0)
      throw new ShapeError(`${this.rootLabel} holds no numbers: a loss is one number`);
  }

  private get rootLabel(): string {
    return this.roots[0]!.label;
  }

  /**
   * All the program's numbers.
   *
   * @throws BusyError while the program trains in the background, as does all else that needs them
   */
  get arena(): TypedArray {
    return this.memory.arena;
  }

  // --- runs ---

  /**
   * Computes the first root: returns its numbers, row-major, a view into the program's memory.
   *
   * @throws FeedError when an input is missing, unknown, or given what it cannot take
   */
  forward(feeds: Feeds): TypedArray {
    this.feed(feeds);
    this.run(0, this.feeds.length, 0, this.lowered.sections.forward);
    return this.read(this.roots[0]!);
  }

  /** Computes group `at` of a sequence, the earlier groups having been computed in order. */
  advance(feeds: Feeds, at: number): void {
    checkInteger('group', at, 0, this.maxLength - 1);
    this.checkMemory();
    this.feeds.length = at + 1;
    this.feed(feeds);
    this.run(at, at + 1, 0, this.lowered.sections.forward);
  }

  /**
   * Runs the positions of a sequence `count` times, in one native call: after each position an integer is
   * drawn from softmax(the position's group / temperature), element by element its group, and fed to
   * the next position, until `stop` is drawn or the positions end. Returns the integers of each run, those
   * of the prefix and `stop` included. An integer drawn takes one number of `random`, whatever topK is.
   *
   * @throws RangeError when an option is out of its range, or a group holds what is no distribution:
   * NaN, or infinity
   * @throws FeedError when no position can read `start` or an integer of the prefix
   */
  generate(random: Random, options: GenerateOptions): Int32Array[] {
    this.checkMemory();
    const request = readGenerateOptions(random, options);
    this.checkMemory(); // once more: a getter among the options may run anything
    this.sampler ??= new SequenceSampler(this.compiled, this.groups, this.inputs, this.feeds);
    const { sampler, memory } = this;
    const index = sampler.prepare(request, memory.ints);
    if (!this.resident) this.residence.takeAll();
    const { sequences, fault } = sampler.run(memory, index, request);
    this.hasRun = true;
    if (fault) throw indexError(this.lowered, this.compiled.ir, fault, '');
    return sequences;
  }

  /** Gradients at the numbers of the last forward(). */
  backward(): void {
    if (!this.compiled.gradientNodes) throw new Error('this program was compiled without gradients');
    this.checkMemory();
    if (!this.hasRun) throw new Error(`backward() of ${this.rootLabel} before forward()`);
    const { forward, backward } = this.lowered.sections;
    this.run(0, this.feeds.length, forward, backward);
    if (this.inspects && !this.isRead.gradient) readFrom(this, this.compiled.numbers.keys(), 'gradient');
  }

  /** Forward, backward and update in one native call; returns the root's first number. */
  step(feeds: Feeds): number {
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
   * One update from the mean of several examples' gradients, on so many threads, whose number changes no
   * bit of it. Its loss is the mean of theirs.
   *
   * @hidden
   */
  stepBatch(examples: readonly Feeds[], threads: number, rulesOf: RulesOf): Runs {
    this.checkTrains('stepBatch');
    const given = listOfFeeds(examples); // a copy: getters among the feeds may change the list
    const size = given.length;
    this.checkBatching({ size, threads });
    this.checkMemory();
    if (this.fed?.count !== size) this.fed = new FeedColumns(this.inputs, this.memory.ints.length, size);
    this.fed.read(this.feeds, given);
    this.checkMemory();
    return this.runSeries(this.fed, 0, size, rulesOf, { size, threads });
  }

  private checkBatching({ size, threads }: Batching): void {
    checkInteger('batch', size, 1);
    checkInteger('threads', threads, 1);
    const { withGradient, size: all } = this.lowered.parameters;
    if (withGradient < all)
      throw new Error('this training was compiled for single examples: minimize(loss, { batches: true })');
  }

  /** The memory for batches of a size, made once. */
  private memoryOf(batching: Batching): BatchesSpec {
    const { batches, arena, lowered } = this;
    const { size, threads } = batching;
    if (batches?.size === size) return (this.batches = { ...batches, threads });
    return (this.batches = batchesOf(lowered, arena, (n) => allocateAligned(this.dtype, n), batching));
  }

  /** @throws TypeError where there is no update: a step would change nothing */
  private checkTrains(what: string): void {
    if (!this.trains)
      throw new TypeError(
        `${what} of ${this.rootLabel}: this program was compiled without an update: train with ` +
          'an optimiser, as in new SGD({ learningRate }).minimize(loss), or take evaluate(feeds)',
      );
  }

  /** One part of a step alone, with what was fed last: to measure it. */
  runPart(part: 'forward' | 'backward' | 'update'): void {
    const { forward, backward, update } = this.lowered.sections;
    const starts = { forward: 0, backward: forward, update: backward };
    const ends = { forward, backward, update };
    if (!['forward', 'backward', 'update'].includes(part))
      throw new TypeError(`part ${shown(part)}: expected 'forward', 'backward' or 'update'`);
    this.run(0, this.feeds.length, starts[part], ends[part]);
  }

  /** Forward alone; returns the root's first number. */
  evaluate(feeds: Feeds): number {
    this.checkRoot();
    this.feed(feeds);
    this.run(0, this.feeds.length, 0, this.lowered.sections.forward);
    return this.arena[this.rootOffset]!;
  }

  private feed(feeds: Feeds): void {
    this.checkMemory();
    this.feeds.read(feeds, this.target);
  }

  private run(from: number, to: number, begin: number, end: number): void {
    if (!this.resident) this.residence.takeAll();
    this.checkMemory();
    if (this.inspects && !this.isRead.data) readFrom(this, this.compiled.numbers.keys(), 'data');
    const fault = this.memory.run(from, to, begin, end);
    this.hasRun = true;
    if (fault) this.refuseRun(fault);
  }

  // --- series ---

  /**
   * Does what `step` (with `rulesOf`), `stepBatch` (with `batching` too) or `evaluate` does, on examples
   * `from` to before `to`, one after another in one native call. Steps end after a loss that is not finite,
   * unless such steps are skipped. Returns the losses, and the error that ended the runs early.
   *
   * @hidden
   */
  runEach(dataset: Dataset, from: number, to: number, rulesOf?: RulesOf, batching?: Batching): Runs {
    this.checkRoot();
    return this.runSeries(examplesOf(this.seriesSource, dataset), from, to, rulesOf, batching);
  }

  private runSeries(
    examples: Examples,
    from: number,
    to: number,
    rulesOf?: RulesOf,
    batching?: Batching,
  ): Runs {
    const series = this.startSeries(examples, from, to, rulesOf, batching);
    const { handle, arena, ints } = this.memory;
    return this.endSeries(series, addon.runSeries(handle, arena, ints, series.spec, from, series.losses));
  }

  /**
   * What `runEach` does, in the background: until the promise is settled, what needs the program's
   * memory throws a `BusyError`. Ends before the next example when `stop`, on shared memory, is not 0.
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
    this.checkRoot();
    const examples = examplesOf(this.seriesSource, dataset);
    const series = this.startSeries(examples, from, to, rulesOf, batching);
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
    // Where no step was taken, or all were skipped, the numbers stay in the type that they had.
    if (stepsTaken(series, result) === this.update.skipped - series.skipped) this.residence.giveBack(homes);
    return this.endSeries(series, result);
  }

  private get seriesSource(): SeriesSource {
    const { inputs, feeds, lowered, rootOffset: loss } = this;
    return { inputs, feeds, lowered, inverseCount: this.target.inverseCount, loss };
  }

  private startSeries(
    examples: Examples,
    from: number,
    to: number,
    rulesOf?: RulesOf,
    batching?: Batching,
  ): SeriesRun {
    const series = seriesOf(this.seriesSource, examples);
    checkExampleRange(from, to, series.count);
    if (batching) this.checkBatching(batching);
    this.checkMemory();
    const size = batching?.size ?? 1;
    if (rulesOf) {
      Object.assign(series.spec, {
        rules: rulesOf(Math.ceil((to - from) / size)),
        ruleSize: this.update.ruleSize,
        stepSlots: Int32Array.from(this.compiled.leaves.stepSlots),
        firstStep: this.update.runs,
        end: this.lowered.sections.update,
        stops: this.update.skips ? 0 : 1,
        batches: batching && this.memoryOf(batching),
      });
    }
    if (!this.resident) this.residence.takeAll(); // now: what gives rates may have run another program
    const losses = new Float64Array(to - from);
    return { ...series, from, losses, trains: rulesOf !== undefined, skipped: this.update.skipped };
  }

  private endSeries(series: SeriesRun, result: number | SeriesFault): Runs {
    const { spec, from, trains, skipped } = series;
    this.memory.setStep(NO_STEP);
    this.hasRun = true;
    const isWhole = typeof result === 'number';
    const steps = stepsTaken(series, result);
    const size = spec.batches?.size ?? 1;
    const runs = Math.min(steps * size, series.losses.length);
    if (trains) {
      this.update.runs += runs;
      if (!this.resident && steps > this.update.skipped - skipped) this.residence.takeTrained();
      this.writes++;
    }
    if (runs > 0) this.feeds.length = spec.lengths[from + runs - 1] ?? this.maxLength;
    const run = { losses: meansOf(series.losses.subarray(0, runs), size), rules: spec.rules };
    if (isWhole) return run;
    const refuse = (fault: Fault, where: string): never => {
      if (!spec.batches || !isNotFinite(fault)) this.refuseRun(fault, where);
      // All examples of the batch, which begins where the steps before it end.
      const count = Math.min(size, series.losses.length - runs);
      const feeds = Array.from({ length: count }, (_, i) =>
        feedsOf(this.seriesSource, series, from + runs + i),
      );
      this.refuseRun(fault, '', feeds);
    };
    return { ...run, error: seriesError(this.seriesSource, series, result, refuse) };
  }

  // --- reading ---

  /** What one run of all instructions does at a prefix length, by opcode. */
  work(length = this.maxLength): Work[] {
    checkInteger('length', length, 0, this.maxLength);
    return account(this.lowered, this.dtype === 'float32' ? 4 : 8, length);
  }

  /** How many of the compiler's nodes the program needs. */
  countNodes(): number {
    const { ir, kept } = this.compiled;
    return countUses(ir, kept).filter((uses) => uses > 0).length;
  }

  /** A node's numbers after a run, row-major: a view where they lie together, else a copy. */
  read(node: Node): TypedArray {
    return this.memory.read(node);
  }

  /** A node's gradient after backward(); zeros where none flowed. */
  readGradient(node: Node): TypedArray {
    return this.memory.readGradient(node);
  }

  // --- faults ---

  /** Throws where the program's memory cannot be used. @hidden */
  checkMemory(): void {
    if (this.feeds.isReading)
      throw new FeedError('a getter among the feeds runs the program that they are for: run it before');
    this.memory.check();
  }

  /**
   * Refuses a run on the program's own memory: the gradients added so far must not reach the next one.
   *
   * @param examples what a batch was fed
   */
  private refuseRun(fault: Fault, where = '', examples?: readonly Feeds[]): never {
    const { gradients, withGradient } = this.lowered.parameters;
    const error = isNotFinite(fault) ? this.nonFiniteError(where, examples) : undefined;
    this.arena.fill(0, gradients, gradients + withGradient);
    throw error ?? indexError(this.lowered, this.compiled.ir, fault, where);
  }

  /** The error of a step that met NaN or infinity, whose gradients are still in memory. */
  private nonFiniteError(where: string, examples?: readonly Feeds[]): Error {
    const found =
      gradientNotFinite(this.arena, this.lowered, this.residence.held) ??
      `the loss, ${this.rootLabel}, is ${this.arena[this.rootOffset]!}`;
    return nonFiniteError(`${found}${where}`, this.detectsAnomaly ? this.origin(examples) : undefined);
  }

  /**
   * Where in the graph NaN or infinity appeared first: what was fed last, or each example, is run again
   * with every value readable.
   */
  private origin(examples?: readonly Feeds[]): string {
    const root = this.roots[0]!;
    const { dtype, isa } = this;
    const { runs } = this.update;
    const inspector = new Program({ groups: [[root]], gradients: 'all' }, { dtype, isa });
    for (let i = 0; i < (examples?.length ?? 1); i++) {
      inspector.feed(
        examples?.[i] ?? fedNumbers(this.inputs, this.arena, this.memory.ints, this.feeds.length),
      );
      const { length } = inspector.feeds;
      inspector.memory.setStep(runs + i);
      inspector.run(0, length, 0, inspector.lowered.sections.backward);
      inspector.memory.setStep(NO_STEP);
      const found = originOf(root, {
        data: (node) => inspector.read(node),
        gradient: (node) => inspector.readGradient(node),
        integers: (node) => inspector.memory.readIntegers(node),
        length,
      });
      if (found !== undefined) return examples ? `Example ${i}: first, ${found}` : `First, ${found}`;
    }
    return 'Value by value, as forward() and backward() compute them, all numbers are finite';
  }
}
