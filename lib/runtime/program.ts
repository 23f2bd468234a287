/**
 * A compiled graph with its memory. Feeds it, runs it (each run is one native call), and reads the results.
 */
import {
  addon,
  chosenIsa,
  type BatchesSpec,
  type Fault,
  type Handle,
  type SeriesFault,
} from '../binding/addon.js';
import type { DType, TypedArray } from '../core/array.js';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  checkOptions,
  MAX_BATCH,
  MAX_STEPS,
  shown,
} from '../core/check.js';
import { ShapeError, sizeOf } from '../core/shape.js';
import { account, type Work } from '../compiler/account.js';
import { compileGraph, groupsOf, type Compiled, type Plan } from '../compiler/compile.js';
import type { Lowered } from '../compiler/lower/layout.js';
import { ALL_PASSES, checkPasses } from '../compiler/passes.js';
import { countUses } from '../compiler/ir/live.js';
import { isDense, offsetsOf } from '../compiler/lower/view.js';
import { Node } from '../graph/node.js';
import { originOf } from './anomaly.js';
import { allocate, allocateAligned, moved } from './arena.js';
import { checkExampleRange, type Dataset } from './dataset.js';
import { BusyError, FeedError, NonFiniteError } from './errors.js';
import { gradientNotFinite, indexError, isNotFinite } from './faults.js';
import { FeedReader, type FeedTarget, type Feeds } from './feeds.js';
import { readGenerateOptions, SequenceSampler, type GenerateOptions } from './generate.js';
import { inputsOf, type Inputs } from './inputs.js';
import { batchesOf, FeedColumns, listOfFeeds, type Batching } from './minibatch.js';
import { checkDType, PROGRAM_OPTIONS, type ProgramOptions } from './options.js';
import type { Random } from './random.js';
import { readFrom, Residence } from './residence.js';
import {
  examplesOf,
  feedsOf,
  seriesError,
  seriesOf,
  type Examples,
  type Runs,
  type Series,
  type SeriesSource,
} from './series.js';

/** The step number that a run reads when it is not a training step. */
const NO_STEP = -1;

/** Returns the update rule's numbers of the next `count` steps, one step after another. */
export type RulesOf = (count: number) => Float64Array;

/** A series in progress. */
interface SeriesRun extends Series {
  from: number;
  losses: Float64Array;
  /** Whether it takes steps; otherwise it evaluates. */
  trains: boolean;
  /** How many updates had been skipped before it. */
  skipped: number;
}

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
  /** The numbers of nodes and instructions. */
  readonly counts: {
    /** Nodes of the graph as written. */
    forwardNodes: number;
    /** Nodes including gradients. */
    nodes: number;
    /** Compiled instructions. */
    instructions: number;
  };
  /** The number of parameters, each element counted. */
  readonly parameterCount: number;
  /**
   * Whether a gradient flows to any parameter.
   *
   * @hidden
   */
  readonly hasGradients: boolean;
  /**
   * The groups that `generate` runs, in the array that was given.
   *
   * @hidden
   */
  readonly sequence: Plan['groups'];
  /**
   * Whether this program holds the newest numbers of its parameters, all of which live here.
   *
   * @hidden
   */
  resident = false;
  /**
   * How often training may have changed numbers that live here.
   *
   * @hidden
   */
  writes = 0;
  /**
   * Whether the data, or the gradient, of every node are read here now: no other program ran with one of
   * them since.
   *
   * @hidden
   */
  readonly isRead = { data: false, gradient: false };
  /**
   * How many numbers the update rule has.
   *
   * @hidden
   */
  readonly ruleSize: number;

  private readonly compiled: Compiled;
  private readonly lowered: Lowered;
  /** Copies of the roots, and of the groups that `generate` runs. */
  private readonly roots: readonly Node[];
  private readonly groups: Plan['groups'];
  private readonly handle: Handle;
  /** Undefined while the program trains in the background. */
  private memory: TypedArray | undefined;
  private readonly ints: Int32Array;
  /** What `runRange` runs: prefix lengths from and to, instructions from and to. */
  private readonly range = new Int32Array(4);
  private runRange: () => Fault | undefined;
  private readonly inputs: Inputs;
  private readonly feeds: FeedReader;
  /** Where feeds are written: the arena and the integers. */
  private readonly target: FeedTarget;
  private readonly residence: Residence;
  /** How many runs have trained: what a training step reads as its number. */
  private steps = 0;
  private hasRun = false;
  private sampler: SequenceSampler | undefined;
  /** The memory for batches of the last size used, and the columns for their feeds. */
  private batches: BatchesSpec | undefined;
  private fed: FeedColumns | undefined;
  /** The offset of the first root in the arena. */
  private readonly rootOffset: number;
  /** Whether the first root has no numbers. */
  private readonly isEmpty: boolean;
  /** Whether the data and gradient of every node can be read after a run. */
  private readonly inspects: boolean;
  private readonly detectsAnomaly: boolean;
  /** Whether it was compiled with an update, for training. */
  private readonly trains: boolean;
  /** Whether an update can be skipped. */
  private readonly skips: boolean;

  /** @hidden */
  constructor(plan: Plan, options: ProgramOptions = {}) {
    checkObject('a program', plan, 'an object { groups, gradients }, which compile and optimisers make');
    checkOptions('a program', options, PROGRAM_OPTIONS);
    // Read all options before tracing: a getter may compile another graph, which renumbers the same nodes.
    const { dtype, isa, passes = ALL_PASSES, batches, sequence, detectAnomaly = false } = options;
    const { gradients, update } = plan;
    checkBoolean('detectAnomaly', detectAnomaly);
    this.detectsAnomaly = detectAnomaly;
    this.trains = update !== undefined;
    if (detectAnomaly && !this.trains)
      throw new TypeError(
        'detectAnomaly looks at training steps, and this program takes none: give it to minimize, as ' +
          'in minimize(loss, { detectAnomaly: true })',
      );
    this.dtype = checkDType(dtype);
    this.isa = chosenIsa(isa);
    const request = { gradients, update, detectAnomaly, dtype: this.dtype, passes: checkPasses(passes) };
    if (batches !== undefined) checkBoolean('batches', batches);
    if (batches && !this.trains)
      throw new TypeError(
        'batches is for training by stepBatch, and this program takes no steps: give it to minimize, as in ' +
          'minimize(loss, { batches: true })',
      );
    const groups = groupsOf('groups', plan.groups);
    const own = sequence === undefined ? undefined : groupsOf('sequence', sequence);
    this.roots = groups.flat();
    const root = this.roots[0];
    if (!root) throw new TypeError('a program computes at least one Value: there is none');
    this.inspects = gradients === 'all';
    const { compiled, traced } = compileGraph({
      ...request,
      groups,
      sequence: own,
      batches: batches === true,
    });
    const { lowered, leaves } = compiled;
    this.compiled = compiled;
    this.lowered = lowered;
    this.sequence = compiled.hasSequence ? sequence! : plan.groups;
    this.groups = compiled.hasSequence ? own! : groups;
    this.maxLength = compiled.maxLength;
    this.counts = compiled.counts;
    this.hasGradients = compiled.hasGradients;
    this.handle = createHandle(lowered, this.dtype, this.isa);
    this.memory = allocateAligned(this.dtype, lowered.arenaSize);
    this.ints = new Int32Array(lowered.intsSize);
    this.runRange = this.bind();
    for (const { value, offset } of lowered.constants) this.arena[offset] = value;
    this.residence = new Residence(this, leaves.parameters);
    this.parameterCount = leaves.parameters.reduce((count, { node }) => count + sizeOf(node.shape), 0);
    this.inputs = inputsOf(compiled, traced, groups);
    this.feeds = new FeedReader(this.inputs);
    this.target = {
      numbers: this.memory,
      offsets: Int32Array.from(this.inputs.floats, ({ offset }) => offset),
      inverseCount: leaves.inverseCount,
      ints: this.ints,
      firstSlot: 0,
    };
    this.setStep(NO_STEP);
    this.ruleSize = update?.numbers ?? 0;
    this.skips = update?.before?.some((step) => step.op === 'check' && step.skips) === true;
    this.rootOffset = lowered.view(compiled.numbers.get(root)!)?.offset ?? 0;
    this.isEmpty = sizeOf(root.shape) === 0;
    if (update) this.checkRoot();
  }

  /** Whoever asks for the root's first number asks for one that is there. */
  private checkRoot(): void {
    if (this.isEmpty) throw new ShapeError(`${this.rootLabel} holds no numbers: a loss is one number`);
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
    return this.memory ?? this.refuseWhileBusy();
  }

  private refuseWhileBusy(): never {
    throw new BusyError(
      `${this.rootLabel} is being trained in the background: wait for the promise of train, ` +
        'stepEachAsync or the next of steps',
    );
  }

  private bind(): () => Fault | undefined {
    return addon.bind(this.handle, this.arena, this.ints, this.range);
  }

  // --- runs ---

  /**
   * Computes the first root, and returns its numbers, row-major, as a view into the program's memory.
   *
   * @throws FeedError when an input is missing, unknown, or of the wrong type or size
   */
  forward(feeds: Feeds): TypedArray {
    this.feed(feeds);
    this.run(0, this.feeds.length, 0, this.lowered.sections.forward);
    return this.read(this.roots[0]!);
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
   * and `stop`. Each drawn integer takes one number from `random`, whatever topK is.
   *
   * @throws RangeError when an option is out of range, or a group holds NaN or infinity
   * @throws FeedError when a position cannot read `start` or an integer of the prefix
   */
  generate(random: Random, options: GenerateOptions): Int32Array[] {
    this.checkMemory();
    const request = readGenerateOptions(random, options);
    this.checkMemory(); // once more: a getter among the options may run anything
    const sampler = (this.sampler ??= new SequenceSampler(
      this.compiled,
      this.groups,
      this.inputs,
      this.feeds,
    ));
    const index = sampler.prepare(request, this.ints);
    if (!this.resident) this.residence.takeAll();
    const { sequences, fault } = sampler.run(this.handle, this.arena, this.ints, index, request);
    this.hasRun = true;
    if (fault) throw indexError(this.lowered, this.compiled.ir, fault, '');
    return sequences;
  }

  /** Computes the gradients at the numbers of the last forward(). */
  backward(): void {
    if (!this.compiled.gradientNodes) throw new Error('this program was compiled without gradients');
    this.checkMemory();
    if (!this.hasRun) throw new Error(`backward() of ${this.rootLabel} before forward()`);
    const { forward, backward } = this.lowered.sections;
    this.run(0, this.feeds.length, forward, backward);
    if (this.inspects && !this.isRead.gradient) readFrom(this, this.compiled.numbers.keys(), 'gradient');
  }

  /** Runs forward, backward and update in one native call; returns the root's first number, the loss. */
  step(feeds: Feeds): number {
    this.checkTrains('step');
    this.feed(feeds);
    const { skipped } = this;
    this.setStep(this.steps);
    try {
      this.run(0, this.feeds.length, 0, this.lowered.sections.update);
    } finally {
      // Only a training step drops numbers.
      this.setStep(NO_STEP);
    }
    this.steps++; // a step that was refused leaves its number, by which dropout draws, to the next
    if (!this.resident && this.skipped === skipped) this.residence.takeTrained();
    this.writes++;
    return this.arena[this.rootOffset]!;
  }

  /**
   * One update by the mean gradient of several examples, on `threads` threads; their number does not change a
   * bit of the result. The loss is the mean of the examples' losses.
   *
   * @hidden
   */
  stepBatch(examples: readonly Feeds[], threads: number, rulesOf: RulesOf): Runs {
    this.checkTrains('stepBatch');
    const given = listOfFeeds(examples); // a copy: getters among the feeds may change the list
    const size = given.length;
    this.checkBatching({ size, threads });
    this.checkMemory();
    if (this.fed?.count !== size) this.fed = new FeedColumns(this.inputs, this.ints.length, size);
    this.fed.read(this.feeds, given);
    this.checkMemory();
    return this.runSeries(this.fed, 0, size, rulesOf, { size, threads });
  }

  private checkBatching({ size, threads }: Batching): void {
    checkInteger('batch', size, 1, MAX_BATCH);
    checkInteger('threads', threads, 1);
    const { withGradient, size: all } = this.lowered.parameters;
    if (withGradient < all)
      throw new Error('this training was compiled for single examples: minimize(loss, { batches: true })');
  }

  /** The memory for batches of this size, reused while the size stays the same. */
  private memoryOf(batching: Batching): BatchesSpec {
    const { batches, arena, lowered } = this;
    const { size, threads } = batching;
    if (batches?.size === size) return (this.batches = { ...batches, threads });
    return (this.batches = batchesOf(lowered, arena, (n) => allocateAligned(this.dtype, n), batching));
  }

  /** @throws TypeError where the program has no update, so that a step would change nothing */
  private checkTrains(what: string): void {
    if (!this.trains)
      throw new TypeError(
        `${what} of ${this.rootLabel}: this program was compiled without an update: train with ` +
          'an optimiser, as in new SGD({ learningRate }).minimize(loss), or take evaluate(feeds)',
      );
  }

  private setStep(step: number): void {
    for (const slot of this.compiled.leaves.stepSlots) this.ints[slot] = step;
  }

  /** Runs one part of a step, with the last feeds, to measure it. */
  runPart(part: 'forward' | 'backward' | 'update'): void {
    const { forward, backward, update } = this.lowered.sections;
    if (!['forward', 'backward', 'update'].includes(part))
      throw new TypeError(`part ${shown(part)}: expected 'forward', 'backward' or 'update'`);
    const [begin, end] = { forward: [0, forward], backward: [forward, backward], update: [backward, update] }[
      part
    ] as [number, number];
    this.run(0, this.feeds.length, begin, end);
  }

  /** Runs forward only; returns the root's first number. */
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
    const { range } = this;
    this.checkMemory();
    range[0] = from;
    range[1] = to;
    range[2] = begin;
    range[3] = end;
    if (this.inspects && !this.isRead.data) readFrom(this, this.compiled.numbers.keys(), 'data');
    const fault = this.runRange();
    this.hasRun = true;
    if (fault) this.refuseRun(fault);
  }

  // --- series ---

  /**
   * Runs examples `from` to before `to` of a series, in order, in one native call: as `evaluate`, as `step`
   * (with `rulesOf`) or as `stepBatch` (with `batching` too). Training ends after a non-finite loss, unless
   * such steps are skipped. Returns the losses, and the error that ended the series early, if any.
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
    const result = addon.runSeries(this.handle, this.arena, this.ints, series.spec, from, series.losses);
    return this.endSeries(series, result);
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
    this.checkRoot();
    const examples = examplesOf(this.seriesSource, dataset);
    const series = this.startSeries(examples, from, to, rulesOf, batching);
    // Whoever has a view of the memory could transfer it, and so free it while another thread writes to it:
    // the numbers move to an array that nobody has seen.
    const homes = this.residence.takeTrained(); // now, so that nobody can read what is being written
    const { ints } = this;
    const arena = moved(this.arena);
    this.memory = undefined;
    let result: number | SeriesFault;
    try {
      result = await addon.runSeriesAsync(this.handle, arena, ints, series.spec, from, series.losses, stop);
    } finally {
      this.memory = this.target.numbers = arena;
      this.runRange = this.bind();
    }
    // If no step was taken, or all were skipped, the parameters keep their type and home.
    if (stepsTaken(series, result) === this.skipped - series.skipped) this.residence.giveBack(homes);
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
        ruleSize: this.ruleSize,
        stepSlots: Int32Array.from(this.compiled.leaves.stepSlots),
        firstStep: this.steps,
        end: this.lowered.sections.update,
        stops: this.skips ? 0 : 1,
        batches: batching && this.memoryOf(batching),
      });
    }
    if (!this.resident) this.residence.takeAll(); // now: what gives rates may have run another program
    const losses = new Float64Array(to - from);
    return { ...series, from, losses, trains: rulesOf !== undefined, skipped: this.skipped };
  }

  private endSeries(series: SeriesRun, result: number | SeriesFault): Runs {
    const { spec, from, trains, skipped } = series;
    this.setStep(NO_STEP);
    this.hasRun = true;
    const isWhole = typeof result === 'number';
    const steps = stepsTaken(series, result);
    const size = spec.batches?.size ?? 1;
    const runs = Math.min(steps * size, series.losses.length);
    if (trains) {
      this.steps += runs;
      if (!this.resident && steps > this.skipped - skipped) this.residence.takeTrained();
      this.writes++;
    }
    if (runs > 0) this.feeds.length = spec.lengths[from + runs - 1] ?? this.maxLength;
    const { rules } = spec;
    const run = { losses: meansOf(series.losses.subarray(0, runs), size), rules };
    if (isWhole) return run;
    const refuse = (fault: Fault, where: string): never => {
      if (!spec.batches || !isNotFinite(fault)) this.refuseRun(fault, where);
      // All examples of the batch that failed, which begins after the completed steps.
      const count = Math.min(size, series.losses.length - runs);
      const feeds = Array.from({ length: count }, (_, i) =>
        feedsOf(this.seriesSource, series, from + runs + i),
      );
      this.refuseRun(fault, '', feeds);
    };
    return { ...run, error: seriesError(this.seriesSource, series, result, refuse) };
  }

  // --- what training keeps ---

  /** Sets number i of the update rule (learning rate, momentum, ...). */
  setRule(i: number, value: number): void {
    checkInteger('number', i, 0, this.ruleSize - 1);
    if (typeof value !== 'number')
      throw new TypeError(`number ${i} of the update rule: ${shown(value)}, expected a number`);
    this.arena[this.lowered.parameters.rule + i] = value;
  }

  /**
   * Sets all numbers of the update rule.
   *
   * @hidden
   */
  setRules(numbers: Float64Array): void {
    if (!(numbers instanceof Float64Array) || numbers.length !== this.ruleSize)
      throw new TypeError(
        `numbers of the update rule: ${shown(numbers)}, expected a Float64Array of ${this.ruleSize}`,
      );
    const { arena, ruleSize } = this;
    const { rule } = this.lowered.parameters;
    for (let i = 0; i < ruleSize; i++) arena[rule + i] = numbers[i]!; // faster than set: there are few
  }

  /**
   * What training keeps from step to step besides the parameters: how many runs have trained, by which
   * dropout draws; the update rule's numbers; the moments of each parameter that is trained, views of
   * the memory.
   *
   * @hidden
   */
  get trained(): { runs: number; rule: number[]; moments: Map<Node, TypedArray[]> } {
    const { arena, steps: runs } = this;
    const { offset: first, moments, rule } = this.lowered.parameters;
    const trained = this.residence.held.filter(({ isTrained }) => isTrained);
    const momentsOf = ({ value, offset }: (typeof trained)[number]): TypedArray[] =>
      moments.map((moment) => {
        const at = moment + offset - first;
        return arena.subarray(at, at + sizeOf(value.shape));
      });
    return {
      runs,
      rule: Array.from(arena.subarray(rule, rule + this.ruleSize)),
      moments: new Map(trained.map((held) => [held.value, momentsOf(held)])),
    };
  }

  /**
   * How many updates were skipped.
   *
   * @hidden
   */
  get skipped(): number {
    return this.skips ? this.arena[this.lowered.parameters.skips]! : 0;
  }

  /**
   * Sets how many runs have trained, as if they had run here.
   *
   * @hidden
   */
  setRuns(runs: number): void {
    this.steps = checkInteger('runs', runs, 0, MAX_STEPS);
  }

  // --- reading ---

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

  /** A node's numbers after a run, row-major: a view where they are contiguous, otherwise a copy. */
  read(node: Node): TypedArray {
    return this.numbersOf(this.numberOf(node));
  }

  /** A node's gradient after backward(); zeros where no gradient flowed. */
  readGradient(node: Node): TypedArray {
    const number = this.numberOf(node);
    const gradient = this.compiled.gradientNodes?.[number] ?? -1;
    return gradient < 0 ? allocate(this.dtype, sizeOf(node.shape)) : this.numbersOf(gradient);
  }

  /** An index node's integers in the last run. */
  private readIntegers(node: Node): Int32Array {
    const slot = this.lowered.slot(this.numberOf(node));
    return this.ints.subarray(slot, slot + sizeOf(node.shape));
  }

  private numberOf(node: Node): number {
    const number = this.compiled.numbers.get(node);
    if (number !== undefined) return number;
    throw new Error(`${node instanceof Node ? node.label : shown(node)} is no part of this program`);
  }

  private numbersOf(number: number): TypedArray {
    const view = this.lowered.view(number);
    if (!view) throw new Error(`${this.compiled.ir.label(number)} holds no numbers`);
    const size = sizeOf(view.shape);
    if (isDense(view)) return this.arena.subarray(view.offset, view.offset + size);
    const copy = allocate(this.dtype, size);
    offsetsOf(view).forEach((at, i) => (copy[i] = this.arena[at]!));
    return copy;
  }

  // --- faults ---

  /**
   * Throws if the program's memory cannot be used.
   *
   * @hidden
   */
  checkMemory(): void {
    if (this.feeds.isReading)
      throw new FeedError('a getter among the feeds runs the program that they are for: run it before');
    if (this.arena.length !== this.lowered.arenaSize)
      throw new Error(
        "the program's memory is gone: an array of its numbers was transferred; transfer a copy",
      );
  }

  /**
   * Throws the error of a run's fault. Clears the gradients first, which must not reach the next run.
   *
   * @param examples the feeds of a batch
   */
  private refuseRun(fault: Fault, where = '', examples?: readonly Feeds[]): never {
    const { gradients, withGradient } = this.lowered.parameters;
    const error = isNotFinite(fault) ? this.nonFiniteError(where, examples) : undefined;
    this.arena.fill(0, gradients, gradients + withGradient);
    throw error ?? indexError(this.lowered, this.compiled.ir, fault, where);
  }

  /** The error of a step with NaN or infinity; its gradients are still in memory. */
  private nonFiniteError(where: string, examples?: readonly Feeds[]): Error {
    const found =
      gradientNotFinite(this.arena, this.lowered, this.residence.held) ??
      `the loss, ${this.rootLabel}, is ${this.arena[this.rootOffset]!}`;
    if (this.detectsAnomaly)
      return new NonFiniteError(`${found}${where}. ${this.origin(examples)}. No parameter was changed`);
    return new NonFiniteError(
      `${found}${where}. No parameter was changed. Lower the learning rate, or leave such steps out ` +
        "(onNonFinite: 'skip'); minimize(loss, { detectAnomaly: true }) names the value from which it comes",
    );
  }

  /**
   * Finds where in the graph NaN or infinity first appears: runs the last feeds, or each example, again in a
   * program whose values can all be read.
   */
  private origin(examples?: readonly Feeds[]): string {
    const root = this.roots[0]!;
    const { dtype, isa, steps } = this;
    const inspector = new Program({ groups: [[root]], gradients: 'all' }, { dtype, isa });
    for (let i = 0; i < (examples?.length ?? 1); i++) {
      inspector.feed(examples?.[i] ?? this.lastFed());
      const { length } = inspector.feeds;
      inspector.setStep(steps + i);
      inspector.run(0, length, 0, inspector.lowered.sections.backward);
      inspector.setStep(NO_STEP);
      const found = originOf(root, {
        data: (node) => inspector.read(node),
        gradient: (node) => inspector.readGradient(node),
        integers: (node) => inspector.readIntegers(node),
        length,
      });
      if (found !== undefined) return examples ? `Example ${i}: first, ${found}` : `First, ${found}`;
    }
    return 'Value by value, as forward() and backward() compute them, all numbers are finite';
  }

  /** What the memory holds of the feeds. */
  private lastFed(): Feeds {
    const { floats, indices, countName } = this.inputs;
    const { length } = this.feeds;
    const fed = Object.create(null) as Record<string, number | ArrayLike<number>>;
    for (const { name, offset, size } of floats) fed[name] = this.arena.slice(offset, offset + size);
    for (const { name, slot, reads } of indices)
      fed[name] = name === countName ? length : this.ints.slice(slot, slot + reads[length]!);
    return fed;
  }
}

/** How many steps a series completed. */
function stepsTaken({ spec, from }: SeriesRun, result: number | SeriesFault): number {
  const size = spec.batches?.size ?? 1;
  return typeof result === 'number' ? Math.ceil(result / size) : Math.floor((result[0] - from) / size);
}

/** The mean of each batch of so many losses, added in their order. */
function meansOf(losses: Float64Array, size: number): Float64Array {
  if (size === 1) return losses;
  return Float64Array.from({ length: Math.ceil(losses.length / size) }, (_, i) => {
    const batch = losses.subarray(i * size, (i + 1) * size);
    return batch.reduce((sum, loss) => sum + loss, 0) / batch.length;
  });
}

/** The native half of a program. */
function createHandle(lowered: Lowered, dtype: DType, isa: string): Handle {
  const { arenaSize, intsSize, maxLength, extents, code, bytecode } = lowered;
  return addon.createProgram({
    float32: dtype === 'float32',
    isa,
    arenaSize,
    intsSize,
    maxLength,
    extents,
    code,
    scalarBytecode: bytecode,
  });
}
