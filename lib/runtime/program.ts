/**
 * A compiled graph with its memory: feeds it, runs it, reads it. One run is one native call.
 */
import { account, type Work } from '../compiler/account.js';
import { differentiate } from '../compiler/passes/differentiate.js';
import type { Ir } from '../compiler/ir/ir.js';
import type { Lowered, UpdateRule } from '../compiler/lower/layout.js';
import { lower } from '../compiler/lower/lower.js';
import { isScalarGraph, lowerScalars } from '../compiler/lower/scalar-bytecode.js';
import { Batch } from './minibatch.js';
import { applyRewrites } from '../compiler/passes/rewrites.js';
import { ALL_PASSES, checkPasses, type PassSet } from '../compiler/passes.js';
import { countUses } from '../compiler/ir/live.js';
import { tidy } from '../compiler/passes/tidy.js';
import { gradientFlow, isTraced, trace, writtenLevels, type Trace } from '../compiler/ir/trace.js';
import { isDense, type View } from '../compiler/lower/view.js';
import { originOf } from './anomaly.js';
import { flatten } from '../graph/flatten.js';
import { Node, shownNode, valueNodes, type Holder, type Memory } from '../graph/node.js';
import type { Numbers, TypedArray, DType } from '../core/array.js';
import {
  checkColumn,
  checkDataset,
  checkDocumentRange,
  isOfKind,
  unshared,
  type Column,
  type Dataset,
} from './dataset.js';
import { clipped } from '../core/escape.js';
import { didYouMean } from '../core/suggest.js';
import {
  byName,
  checkBoolean,
  checkInteger,
  checkObject,
  checkOneOf,
  checkOptions,
  isList,
  MOST,
  MOST_STEPS,
  namesIn,
  shown,
  type Known,
} from '../core/check.js';
import {
  addon,
  chosenIsa,
  type Fault,
  type Handle,
  type SeriesFault,
  type SeriesSpec,
} from '../binding/addon.js';
import { OPS, opsWhere, type OpName } from '../graph/ops.js';
import { Random } from './random.js';
import { contiguousStrides, sameShape, ShapeError, show, sizeOf, type Shape } from '../core/shape.js';

/** Numbers by input name: one number, a flat array, row-major, or nested arrays of the input's shape. */
export type Feeds = Readonly<Record<string, Numbers>>;

/** How a program is compiled. */
export interface ProgramOptions {
  /** The data type of all numbers: float64 by default. */
  dtype?: DType;
  /** An instruction set by name; by default the process's choice. */
  isa?: string;
  /** The compiler's passes that are on: all by default (see compiler/passes.ts). */
  passes?: PassSet;
  /** Whether training takes batches (`stepBatch`): gradients are then kept whole, to be added up. */
  batches?: boolean;
  /**
   * Whether a training step whose loss or gradient is NaN or infinite stops before it changes anything,
   * with a `NonFiniteError` that names the value of the graph from which that comes. Costs a step one
   * pass over the gradients, which are then kept whole; only a step that stops is run again to find the
   * value. False by default.
   */
  detectAnomaly?: boolean;
  /**
   * Groups of values that `generate` is to run as a sequence, in the loss's own program where its
   * levels allow it: without a program of its own to compile.
   */
  sequence?: readonly (readonly Node[])[];
}

export const PROGRAM_OPTIONS: Known<ProgramOptions> = {
  dtype: true,
  isa: true,
  passes: true,
  batches: true,
  sequence: true,
  detectAnomaly: true,
};

/** How `Program.generate` runs a sequence. */
export interface GenerateOptions {
  /** The one input: an index with an element for each level. */
  input: string;
  /** What level 0 reads. */
  start: number;
  /** The integer that ends a sequence. */
  stop: number;
  /** Above 0; the higher, the more random. */
  temperature: number;
  /** Sequences to generate. */
  count: number;
  /**
   * Draws only from as many integers, those whose numbers are largest; of equal ones the lower come
   * first. From 1; all of them by default, and where it is more than there are.
   */
  topK?: number;
  /** What every sequence begins with, given and not drawn: fewer than there are levels, without `stop`. */
  prefix?: Int32Array;
}

const GENERATE_OPTIONS: Known<GenerateOptions> = {
  input: true,
  start: true,
  stop: true,
  temperature: true,
  count: true,
  topK: true,
  prefix: true,
};

/** A feed that is missing, unknown, or wrong. */
export class FeedError extends Error {
  override name = 'FeedError';

  /** Its message names what was fed, which may be called anything: it is cut and escaped. */
  constructor(message?: string, options?: ErrorOptions) {
    super(typeof message === 'string' ? clipped(message, 2000) : message, options);
  }
}

/** A loss or a gradient that is NaN or infinite, with which no parameter was changed. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
}

/** A program that trains in the background was asked for what needs its memory. */
export class BusyError extends Error {
  override name = 'BusyError';
}

/** What came of a series. */
export interface Runs {
  losses: Float64Array;
  /** The update rule's numbers that were asked for, one step's behind the other's. */
  rules: Float64Array;
  /** What ended it early. */
  error?: Error;
}

/** A series to be run. */
interface SeriesRun {
  spec: SeriesSpec;
  fed: readonly IndexFeed[];
  from: number;
  losses: Float64Array;
  /** Whether it is of steps, not of evaluations. */
  trains: boolean;
  /** How many updates had been left out before. */
  skipped: number;
}

/** A parameter in a program's memory. */
interface Held {
  value: Node;
  offset: number;
  /** Whether training changes it. */
  isTrained: boolean;
  /** What the numbers here were copied from, where they live elsewhere, and how often it had changed. */
  source?: Holder | Float64Array | undefined;
  writes?: number | undefined;
  version?: number | undefined;
}

/** What the training, inspecting and sequence programs ask of the compiler. */
export interface Plan {
  /** Groups of roots; several groups are levels of a sequence. */
  groups: readonly (readonly Node[])[];
  /** `all`: data and gradient of every node stay readable; `parameters`: only what training needs. */
  gradients: 'all' | 'parameters' | 'none';
  update?: UpdateRule;
}

interface FloatFeed {
  name: string;
  offset: number;
  /** Whether it must be fed: not where the compiler found that it is multiplied by 0, for example. */
  isRead: boolean;
  shape: Shape;
  size: number;
  label: string;
}

interface IndexFeed {
  name: string;
  slot: number;
  size: number;
  label: string;
  /** Exclusive upper bound of each element, and whose it is. */
  limits: Int32Array;
  users: string[];
  /** The prefix length from which the graph as it is written reads each element; `NONE`: never. */
  levels: Int32Array;
  /** The same of what the compiler left of the graph. */
  left: Int32Array;
  /** The smallest of the limits: below it any element is right. */
  limit: number;
  /** How many elements a run of each length needs. */
  needs: Int32Array;
  /** How many the graph as it is written reads: where they are fed, they are checked. */
  reads: Int32Array;
}

/** Operators, by number, whose last operand is an index that must stay below a limit. */
const READS_INDEX = opsWhere(({ index }) => !['none', 'prefix', 'anything'].includes(index));

/** What gradients are asked of, to inspect a graph and to train it. */
const ALL_LEAVES: ReadonlySet<OpName> = new Set<OpName>(['parameter', 'input']);
const PARAMETERS: ReadonlySet<OpName> = new Set<OpName>(['parameter']);

/** What is read as the number of the training step where none runs. */
const NO_STEP = -1;
/** The limit of a fault that is a number which is not finite. */
const NOT_FINITE = -1;
/** A limit that none is, and a prefix length beyond all. */
const NONE = 2 ** 31 - 1;
const NO_RULES = new Float64Array();
const NO_SLOTS = new Int32Array();

/**
 * A compiled graph with its memory: made by `compile` and by optimisers. One run is one native call.
 * What it takes of the memory is freed when it can no longer be reached.
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
  /**
   * Whether a gradient flows to any parameter.
   *
   * @hidden
   */
  readonly hasGradients: boolean;

  private readonly ir: Ir;
  private readonly lowered: Lowered;
  private readonly numbers: Map<Node, number>;
  /**
   * The groups that `generate` runs, in the array that was given.
   *
   * @hidden
   */
  readonly sequence: Plan['groups'];
  /** The same as they were when they were compiled. */
  private readonly groups: Plan['groups'];
  private readonly isPrefix: boolean;
  private readonly roots: readonly Node[];
  /** The compiler's nodes that a run must compute. */
  private readonly kept: readonly number[];
  private readonly handle: Handle;
  /** Undefined while the program trains in the background. */
  private memory: TypedArray | undefined;
  private readonly ints: Int32Array;
  /** What `runRange` runs: levels from and to, instructions from and to. */
  private readonly range = new Int32Array(4);
  private runRange: () => Fault | undefined;
  private readonly floats = new Map<string, FloatFeed>();
  private readonly indices = new Map<string, IndexFeed>();
  private readonly fedFloats: readonly FloatFeed[];
  private readonly fedIndices: readonly IndexFeed[];
  /** The inputs' names, those of numbers first, and what was fed last. */
  private readonly fedNames: readonly string[];
  private readonly fed: (Feeds[string] | undefined)[];
  /** Whether one of them is a name that all objects have something by. */
  private readonly hasCommonName: boolean;
  /** The names of the last feeds, all known, in their order. */
  private lastNames: readonly string[];
  private readonly parameters: Held[] = [];
  private gradientNodes: Int32Array | undefined;
  /** Where the number of the training step is read, and how many have run. */
  private readonly stepSlots: number[] = [];
  private steps = 0;
  private readonly countName: string | undefined;
  private readonly inverseCount: number = -1;
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
  /** Whether data and gradient of every node are to be read here after a run. */
  private readonly inspects: boolean;
  /**
   * Whether those of every node are read here now: no other program ran with one of them since.
   *
   * @hidden
   */
  readonly isRead = { data: false, gradient: false };
  private hasRun = false;
  /** Feeds are being read: what a getter among them runs would mix its own with them. */
  private isBeingFed = false;
  private results: Int32Array | undefined;
  private batch: Batch | undefined;
  /**
   * How many numbers the update rule has.
   *
   * @hidden
   */
  readonly ruleSize: number;
  private length = 0;
  /** Of the first root, in the arena. */
  private readonly rootOffset: number;
  /** Whether the first root has no numbers. */
  private readonly isEmpty: boolean;
  private readonly detectsAnomaly: boolean;
  /** Whether it was compiled with an update. */
  private readonly trains: boolean;
  /** Whether an update can be left out. */
  private readonly skips: boolean;

  /** @hidden */
  constructor(plan: Plan, options: ProgramOptions = {}) {
    checkObject('a program', plan, 'an object { groups, gradients }, which compile and optimisers make');
    checkOptions('a program', options, PROGRAM_OPTIONS);
    // All is read before anything is traced: what a getter compiles numbers the same nodes.
    const {
      dtype,
      isa,
      passes: given = ALL_PASSES,
      batches,
      sequence: wanted,
      detectAnomaly = false,
    } = options;
    checkBoolean('detectAnomaly', detectAnomaly);
    this.detectsAnomaly = detectAnomaly;
    this.trains = plan.update !== undefined;
    if (detectAnomaly && !this.trains)
      throw new TypeError(
        'detectAnomaly looks at training steps, and this program takes none: give it to minimize, as ' +
          'in minimize(loss, { detectAnomaly: true })',
      );
    this.dtype = checkDType(dtype);
    this.isa = chosenIsa(isa);
    const passes = checkPasses(given);
    if (batches !== undefined) checkBoolean('batches', batches);
    if (batches && !this.trains)
      throw new TypeError(
        'batches is for training by stepBatch, and this program takes no steps: give it to minimize, as in ' +
          'minimize(loss, { batches: true })',
      );
    this.sequence = plan.groups;
    const groups = groupsOf('groups', plan.groups);
    const own = wanted === undefined ? undefined : groupsOf('sequence', wanted);
    this.roots = groups.flat();
    if (this.roots.length === 0) throw new TypeError('a program computes at least one Value: there is none');
    const inspects = plan.gradients === 'all';
    this.inspects = inspects;
    const traced = trace(groups, !inspects && passes.has('simplify'));
    const { count } = traced;
    const forwardNodes = traced.ir.count;
    let { ir, roots } = traced;
    const isScalar = isScalarGraph(ir);
    const sequence = own && hasLevels(traced, own) ? own : undefined;
    const results = sequence?.flat() ?? [];
    let renumber = (node: number): number => node;
    if (!inspects && !isScalar) {
      const kept = [...traced.leaves, ...results].map((node) => node.number);
      const batched = applyRewrites(ir, [...roots, ...kept], passes, groups.length > 1);
      renumber = (node) => batched.numbers[node]!;
      roots = roots.map(renumber);
      ir = batched.ir;
    }
    const gradients = new Map<number, number>();
    const others: number[] = [];
    if (plan.gradients !== 'none') {
      const combine = !inspects && passes.has('combine');
      this.gradientNodes = differentiate(ir, roots[0]!, inspects ? ALL_LEAVES : PARAMETERS, combine);
      this.gradientNodes.forEach((gradient, node) => {
        if (gradient < 0) return;
        if (ir.is(node, 'parameter')) gradients.set(node, gradient);
        else if (inspects) others.push(gradient);
      });
    }
    // Training can read its leaves and roots; the rest is the compiler's to do away with.
    const numbers = new Map<Node, number>();
    for (const node of inspects ? traced.nodes : traced.leaves) {
      numbers.set(node, renumber(node.number));
    }
    this.roots.forEach((root, i) => numbers.set(root, roots[i]!));
    if (sequence) this.sequence = wanted!;
    this.groups = sequence ?? groups;
    this.isPrefix = sequence !== undefined && !isScalar;
    for (const value of results) {
      const number = renumber(value.number);
      numbers.set(value, number);
      roots.push(number);
    }
    if (!inspects && passes.has('tidy') && !isScalar) {
      const wanted = [...numbers.values(), ...gradients.values()].filter((node) => node >= 0);
      const tidied = tidy(ir, wanted);
      if (tidied) ir = tidied.ir;
      const moved = (node: number): number => (node < 0 || !tidied ? node : tidied.numbers[node]!);
      for (const [node, number] of numbers) numbers.set(node, moved(number));
      roots = roots.map(moved);
      const pairs = [...gradients].map(([node, gradient]) => [moved(node), moved(gradient)] as const);
      gradients.clear();
      if (this.gradientNodes) this.gradientNodes = new Int32Array(ir.count).fill(-1);
      for (const [node, gradient] of pairs) {
        gradients.set(node, gradient);
        this.gradientNodes![node] = gradient;
      }
    }
    // A parameter is trained where a gradient flows to it in the graph as it is written: where the
    // compiler found it to be 0, the update still has its weight decay and its moments.
    const unmoved = new Set<number>();
    const left = plan.update
      ? traced.leaves.filter((leaf) => leaf.op === 'parameter' && !gradients.has(numbers.get(leaf)!))
      : [];
    if (left.length > 0) {
      const { reached } = gradientFlow(traced.nodes, this.roots[0]!);
      for (const leaf of left) {
        const number = numbers.get(leaf)!;
        if (!reached.has(leaf)) continue;
        unmoved.add(number);
        ir.positions[number] = Math.min(ir.positions[number]!, ir.maxLength - 1); // one that a run has
      }
    }
    this.ir = ir;
    this.hasGradients = gradients.size + unmoved.size > 0;
    this.numbers = numbers;
    const keep = new Set([...roots, ...others, ...unmoved]);
    if (inspects) {
      for (let node = 0; node < ir.forwardEnd; node++) if (!ir.isInteger(node)) keep.add(node);
    }
    const lowering = {
      align: this.dtype === 'float32' ? 16 : 8,
      keep: [...keep],
      gradients,
      unmoved,
      update: plan.update,
      watched: detectAnomaly ? [roots[0]!] : [],
      sequence: groups.length > 1,
      results: results.map((value) => numbers.get(value)!),
      inPlace: passes.has('in-place'),
      epilogues: passes.has('epilogue'),
      fuseUpdate: passes.has('fuse-update') && batches !== true,
    };
    const compiled = (isScalar ? lowerScalars(ir, lowering) : undefined) ?? lower(ir, lowering);
    const { places, arenaSize, intsSize } = placesOfUnread(numbers, compiled);
    this.lowered = { ...compiled, arenaSize, intsSize };
    const { lowered } = this;
    this.kept = [...keep, ...gradients.values()];
    this.maxLength = Math.min(lowered.maxLength, traced.shortest);
    this.counts = { forwardNodes, nodes: ir.count, instructions: lowered.nodes.length };
    if (lowered.arenaSize > 2 * MOST)
      throw new RangeError(
        `${this.roots[0]!.label} takes ${lowered.arenaSize} numbers with all that it is computed ` +
          `from: a program has at most ${2 * MOST - 1}`,
      );
    this.handle = addon.createProgram({
      float32: this.dtype === 'float32',
      isa: this.isa,
      arenaSize: lowered.arenaSize,
      intsSize: lowered.intsSize,
      levels: lowered.maxLength,
      extents: lowered.extents,
      code: lowered.code,
      scalarBytecode: lowered.bytecode,
    });
    this.memory = allocateAligned(this.dtype, lowered.arenaSize);
    this.ints = new Int32Array(lowered.intsSize);
    this.runRange = this.bind();
    for (const { value, offset } of lowered.constants) this.arena[offset] = value;

    let parameterCount = 0;
    for (const [node, number] of numbers) {
      const view = lowered.view(number);
      if (node.op === 'parameter' && view) {
        const size = sizeOf(node.shape);
        const isTrained = plan.update !== undefined && (gradients.has(number) || unmoved.has(number));
        this.parameters.push({ value: node, offset: view.offset, isTrained });
        parameterCount += size;
      } else if (node.op === 'input')
        this.bindFloat(node, view?.offset ?? places.get(node)!, view !== undefined);
      else if (node.op === 'index') this.bindIndex(node, places.get(node) ?? lowered.slot(number));
      else if (node.op === 'step' && !places.has(node)) this.stepSlots.push(lowered.slot(number));
      else if (node.op === 'inverseCount' && view) this.inverseCount = view.offset;
    }
    this.parameterCount = parameterCount;
    this.limitIndices(traced, groups);
    this.setStep(NO_STEP);
    this.fedFloats = [...this.floats.values()];
    this.fedIndices = [...this.indices.values()];
    this.fedNames = [...this.floats.keys(), ...this.indices.keys()];
    this.fed = this.fedNames.map(() => undefined);
    this.hasCommonName = this.fedNames.some((name) => name in Object.prototype);
    this.lastNames = this.fedNames;
    for (const feed of this.fedIndices) {
      if (feed.slot >= compiled.intsSize) feed.left.fill(NONE);
      feed.limit = feed.limits.reduce((least, limit) => Math.min(least, limit), NONE);
      countElements(feed.needs, feed.left);
      countElements(feed.reads, feed.levels);
    }
    this.countName = count?.name;
    this.ruleSize = plan.update?.numbers ?? 0;
    this.skips = plan.update?.before?.some((step) => step.op === 'check' && step.skips) === true;
    this.length = this.maxLength;
    const root = this.roots[0]!;
    this.rootOffset = lowered.view(numbers.get(root)!)?.offset ?? 0;
    this.isEmpty = sizeOf(root.shape) === 0;
    if (plan.update) this.checkRoot();
  }

  /** Whoever asks for the root's first number asks for one that is there. */
  private checkRoot(): void {
    if (this.isEmpty) throw new ShapeError(`${this.roots[0]!.label} holds no numbers: a loss is one number`);
  }

  /**
   * All the program's numbers.
   *
   * @throws BusyError while the program trains in the background, as does all else that needs them
   */
  get arena(): TypedArray {
    return this.memory ?? this.refuseWhileBusy();
  }

  private refuseWhileBusy(): never {
    throw new BusyError(
      `${this.roots[0]!.label} is being trained in the background: wait for the promise of train, ` +
        'stepEachAsync or the next of steps',
    );
  }

  private bind(): () => Fault | undefined {
    return addon.bind(this.handle, this.arena, this.ints, this.range);
  }

  /**
   * Computes the first root: returns its numbers, row-major, a view into the program's memory.
   *
   * @throws FeedError when an input is missing, unknown, or given what it cannot take
   */
  forward(feeds: Feeds): TypedArray {
    this.feed(feeds);
    this.run(0, this.length, 0, this.lowered.sections.forward);
    return this.read(this.roots[0]!);
  }

  /** Computes group `at` of a sequence, the earlier groups having been computed in order. */
  advance(feeds: Feeds, at: number): void {
    checkInteger('group', at, 0, this.maxLength - 1);
    this.checkMemory();
    this.length = at + 1;
    this.feed(feeds);
    this.run(at, at + 1, 0, this.lowered.sections.forward);
  }

  /**
   * Runs the levels of a sequence `count` times, in one native call: after each level an integer is
   * drawn from softmax(the level's group / temperature), element by element its group, and fed to
   * the next level, until `stop` is drawn or the levels end. Returns the integers of each run, those
   * of the prefix and `stop` included. An integer drawn takes one number of `random`, whatever topK is.
   *
   * @throws RangeError when an option is out of its range, or a group holds what is no distribution:
   * NaN, or infinity
   * @throws FeedError when no level can read `start` or an integer of the prefix
   */
  generate(random: Random, options: GenerateOptions): Int32Array[] {
    this.checkMemory();
    checkOptions('generating', options, GENERATE_OPTIONS);
    const { input, start, stop, temperature, count, topK = Infinity, prefix = NO_SLOTS } = options;
    if (typeof input !== 'string') throw new FeedError(`input ${shown(input)}: expected its name`);
    if (!(random instanceof Random))
      throw new TypeError(`generating draws from a Random, not ${shown(random)}`);
    const { handle } = random;
    this.checkMemory(); // once more: a getter among the options may run anything
    const feed = this.indices.get(input);
    const read = this.sequenceInputs();
    if (read.size !== 1 || !read.has(input) || feed?.size !== this.maxLength) {
      throw new FeedError(
        `generating feeds '${input}' alone, an integer for each of ${this.maxLength} levels; this ` +
          `program's inputs: ${this.inputNames()}`,
      );
    }
    if (!(typeof temperature === 'number' && temperature > 0 && temperature < Infinity)) {
      throw new RangeError(`temperature ${shown(temperature)}: expected a number above zero`);
    }
    checkInteger('stop', stop, 0);
    if (!Number.isInteger(count) || count < 0)
      throw new RangeError(`count ${shown(count)}: expected an integer from 0`);
    if (count * this.maxLength > MOST)
      throw new RangeError(`count ${count}: expected at most ${Math.floor(MOST / this.maxLength)}`);
    if (!(Number.isInteger(topK) || topK === Infinity) || topK < 1) {
      throw new RangeError(`topK ${shown(topK)}: expected an integer from 1`);
    }
    this.checkPrefix(prefix, stop);
    this.length = prefix.length + 1;
    try {
      this.feedIndex(feed, [start, ...prefix]);
    } finally {
      this.length = this.maxLength;
    }
    if (!this.resident) this.takeParameters();
    const drawn = new Int32Array(count * this.maxLength);
    const lengths = new Int32Array(count);
    const results = (this.results ??= this.findResults());
    const spec = {
      program: this.handle,
      arena: this.arena,
      ints: this.ints,
      random: handle,
      results,
      slot: feed.slot,
      start,
      stop,
      prefix,
      temperature,
      top: Math.min(topK, results.length / this.maxLength),
      instructions: this.lowered.sections.results,
      // Whole arrays serve all levels at once: level p runs as a prefix of p + 1.
      isPrefix: this.isPrefix,
    };
    const fault = addon.generate(spec, drawn, lengths);
    this.hasRun = true;
    if (fault) this.refuse(fault);
    return Array.from(lengths, (length, i) =>
      drawn.subarray(i * this.maxLength, i * this.maxLength + length),
    );
  }

  private checkPrefix(prefix: unknown, stop: number): void {
    if (!(prefix instanceof Int32Array))
      throw new TypeError(`prefix: ${shown(prefix)}, expected an Int32Array`);
    const { length } = prefix;
    if (length >= this.maxLength)
      throw new RangeError(
        `prefix: ${length} integers, expected at most ${this.maxLength - 1}: one of ${this.maxLength} ` +
          'levels is left to draw',
      );
    const at = prefix.indexOf(stop);
    if (at >= 0)
      throw new RangeError(
        `prefix[${at}] = ${stop}: nothing is drawn behind the integer that ends a sequence`,
      );
  }

  /** The names of the inputs that the sequence depends on. */
  private sequenceInputs(): ReadonlySet<string> {
    const { ir } = this;
    const { start, list } = ir.edges;
    const names = new Set<string>();
    const reached = new Uint8Array(ir.forwardEnd);
    for (const root of this.groups.flat()) reached[this.numbers.get(root)!] = 1;
    for (let node = ir.forwardEnd - 1; node >= 0; node--) {
      if (reached[node] === 0) continue;
      const end = start[node + 1]!;
      for (let e = start[node]!; e < end; e++) reached[list[e]!] = 1;
    }
    for (const [node, number] of this.numbers) {
      if ((node.op === 'input' || node.op === 'index') && reached[number]) names.add(node.name!);
    }
    return names;
  }

  /** Where in the arena the groups of a sequence lie, number by number. */
  private findResults(): Int32Array {
    const found = this.groups.map((group) =>
      group.flatMap((root) => offsets(this.viewOf(this.numbers.get(root)!))),
    );
    const sizes = new Set(found.map((group) => group.length));
    if (sizes.size > 1)
      throw new Error(
        `the levels of a sequence have ${[...sizes].join(', ')} numbers: generating needs the same ` +
          'count in each',
      );
    return Int32Array.from(found.flat());
  }

  /** Gradients at the numbers of the last forward(). */
  backward(): void {
    if (!this.gradientNodes) throw new Error('this program was compiled without gradients');
    this.checkMemory();
    if (!this.hasRun) throw new Error(`backward() of ${this.roots[0]!.label} before forward()`);
    const { forward, backward } = this.lowered.sections;
    this.run(0, this.length, forward, backward);
    if (this.inspects && !this.isRead.gradient) this.becomeRead('gradient');
  }

  /** Forward, backward and update in one native call; returns the root's first number. */
  step(feeds: Feeds): number {
    this.checkTrains('step');
    this.feed(feeds);
    const { skipped } = this;
    this.setStep(this.steps);
    try {
      this.run(0, this.length, 0, this.lowered.sections.update);
    } finally {
      // Only a training step drops numbers.
      this.setStep(NO_STEP);
    }
    this.steps++; // a step that was refused leaves its number, by which dropout draws, to the next
    if (!this.resident && this.skipped === skipped) this.becomeHome();
    this.writes++;
    return this.arena[this.rootOffset]!;
  }

  /**
   * One update from the mean of several documents' gradients, on so many threads; returns the mean of
   * their losses. The number of threads changes no bit of it.
   */
  stepBatch(documents: readonly Feeds[], threads: number): number {
    // A copy: getters among the feeds may run anything, and change the list.
    this.checkTrains('stepBatch');
    const given = documentsOf(documents);
    const count = given.length;
    checkInteger('threads', threads, 1);
    const { parameters } = this.lowered;
    if (parameters.withGradient < parameters.size) {
      throw new Error('this training was compiled for single documents: minimize(loss, { batches: true })');
    }
    this.checkMemory();
    if (this.batch?.count !== count) this.batch = this.batchOf(count);
    const { batch } = this;
    try {
      for (let i = 0; i < count; i++) {
        try {
          this.feed(given[i]!);
        } catch (error) {
          if (error instanceof FeedError) error.message = `document ${i}: ${error.message}`;
          throw error;
        }
        this.setStep(this.steps + i);
        batch.put(i, this.length);
      }
    } finally {
      this.setStep(NO_STEP);
    }
    this.checkMemory();
    if (!this.resident) this.takeParameters(); // a getter may have run another program with them
    const { skipped } = this;
    const fault = addon.stepBatch(this.handle, this.arena, batch.spec, threads);
    if (fault) {
      const [document, ...where] = fault;
      if (document >= 0) this.refuse(where, ` of document ${document}`);
      this.refuseRun(where, '', given);
    }
    this.steps += count;
    if (!this.resident && this.skipped === skipped) this.becomeHome();
    this.writes++;
    return batch.meanLoss();
  }

  private batchOf(count: number): Batch {
    const { arena, ints, lowered } = this;
    const fed = [...this.floats.values()].flatMap(({ offset, size }) => [offset, size]);
    if (this.inverseCount >= 0) fed.push(this.inverseCount, 1);
    return new Batch(
      {
        arena,
        ints,
        parameters: lowered.parameters,
        loss: this.rootOffset,
        fed: Int32Array.from(fed),
        backward: lowered.sections.backward,
        update: lowered.sections.update,
        allocate: (size) => allocateAligned(this.dtype, size),
      },
      count,
    );
  }

  /** @throws TypeError where there is no update: a step would change nothing */
  private checkTrains(what: string): void {
    if (!this.trains)
      throw new TypeError(
        `${what} of ${this.roots[0]!.label}: this program was compiled without an update: train with ` +
          'an optimiser, as in new SGD({ learningRate }).minimize(loss), or take evaluate(feeds)',
      );
  }

  private setStep(step: number): void {
    for (const slot of this.stepSlots) this.ints[slot] = step;
  }

  /** One part of a step alone, with what was fed last: to measure it. */
  runPart(part: 'forward' | 'backward' | 'update'): void {
    const { forward, backward, update } = this.lowered.sections;
    if (!['forward', 'backward', 'update'].includes(part))
      throw new TypeError(`part ${shown(part)}: expected 'forward', 'backward' or 'update'`);
    const [begin, end] = { forward: [0, forward], backward: [forward, backward], update: [backward, update] }[
      part
    ] as [number, number];
    this.run(0, this.length, begin, end);
  }

  /** Forward alone; returns the root's first number. */
  evaluate(feeds: Feeds): number {
    this.checkRoot();
    this.feed(feeds);
    this.run(0, this.length, 0, this.lowered.sections.forward);
    return this.arena[this.rootOffset]!;
  }

  /**
   * What `step` (where `rulesOf` gives the update rule's numbers for so many steps, one step's behind the
   * other's) or `evaluate` does on documents `from` to before `to`, one after another in one native call;
   * steps, up to a loss that is not finite, unless such steps are skipped. Returns the losses, and the error
   * that ended the runs early.
   *
   * @hidden
   */
  runEach(dataset: Dataset, from: number, to: number, rulesOf?: (count: number) => Float64Array): Runs {
    const series = this.startSeries(dataset, from, to, rulesOf);
    const result = addon.runSeries(this.handle, this.arena, this.ints, series.spec, from, series.losses);
    return this.endSeries(series, result);
  }

  /**
   * What `runEach` does, in the background: until the promise is settled, what needs the program's
   * memory throws a `BusyError`. Ends before the next document when `stop`, on shared memory, is not 0.
   *
   * @hidden
   */
  async runEachAsync(
    dataset: Dataset,
    from: number,
    to: number,
    stop: Int32Array,
    rulesOf: (count: number) => Float64Array,
  ): Promise<Runs> {
    const series = this.startSeries(dataset, from, to, rulesOf);
    // A view that somebody has could be transferred, and its memory freed, while another thread writes
    // there: the numbers move to an array that nobody has seen.
    const homes = this.becomeHome(); // now: until it is over, nobody can read what it writes
    const arena = moved(this.arena);
    this.memory = this.batch = undefined;
    let result: number | SeriesFault;
    try {
      result = await addon.runSeriesAsync(
        this.handle,
        arena,
        this.ints,
        series.spec,
        from,
        series.losses,
        stop,
      );
    } finally {
      this.memory = arena;
      this.runRange = this.bind();
    }
    // Where no step was taken, or all were left out, the numbers stay in the type that they had.
    const runs = typeof result === 'number' ? result : result[0] - from;
    if (runs === this.skipped - series.skipped) this.giveBack(homes);
    return this.endSeries(series, result);
  }

  private startSeries(
    dataset: Dataset,
    from: number,
    to: number,
    rulesOf?: (count: number) => Float64Array,
  ): SeriesRun {
    this.checkRoot();
    const { spec, fed, count } = this.seriesOf(dataset);
    checkDocumentRange(from, to, count);
    this.checkMemory();
    if (rulesOf) {
      spec.rules = rulesOf(to - from);
      spec.ruleSize = this.ruleSize;
      spec.stepSlots = Int32Array.from(this.stepSlots);
      spec.firstStep = this.steps;
      spec.end = this.lowered.sections.update;
      spec.stops = this.skips ? 0 : 1;
    }
    if (!this.resident) this.takeParameters(); // now: what gives rates may have run another program
    return {
      spec,
      fed,
      from,
      losses: new Float64Array(to - from),
      trains: rulesOf !== undefined,
      skipped: this.skipped,
    };
  }

  private endSeries(
    { spec, fed, from, losses, trains, skipped }: SeriesRun,
    result: number | SeriesFault,
  ): Runs {
    this.setStep(NO_STEP);
    this.hasRun = true;
    const isWhole = typeof result === 'number';
    const runs = isWhole ? result : result[0] - from;
    if (trains) {
      this.steps += runs;
      if (!this.resident && runs > this.skipped - skipped) this.becomeHome();
      this.writes++;
    }
    if (runs > 0) this.length = spec.lengths[from + runs - 1] ?? this.maxLength;
    const { rules } = spec;
    const run = { losses: losses.subarray(0, runs), rules };
    return isWhole ? run : { ...run, error: this.faultOf(result, spec, fed) };
  }

  /** What a series of evaluations is fed. */
  private seriesOf(dataset: Dataset): { spec: SeriesSpec; fed: readonly IndexFeed[]; count: number } {
    const { count, inputs } = checkDataset(dataset);
    this.checkNames(inputs);
    // once: they may be getters
    const columns = new Map(this.fedNames.map((name) => [name, byName(inputs, name) ?? undefined]));
    const column = (
      name: string,
      label: string,
      size: number,
      ...types: (new (n: number) => Column['values'])[]
    ): Column => {
      const given = columns.get(name);
      if (given === undefined) throw new FeedError(`input '${name}' is missing: ${label} needs a column`);
      const kinds = types.map(({ name: kind }) => kind).join(' or ');
      checkColumn(name, given, types[0]!.name);
      const { values, starts } = given; // once: they may be getters
      if (starts !== undefined && !isOfKind(starts, Int32Array)) {
        throw new FeedError(
          `input '${name}': starts ${shown(starts)}: expected an Int32Array, a place in the column ` +
            'for each document',
        );
      }
      if (!types.some((type) => isOfKind(values, type))) {
        const isNested = describe(values) === 'nested arrays';
        throw new FeedError(
          `input '${name}': ${isNested ? 'nested arrays' : `values ${shown(values)}`}: ${label} needs ` +
            `a column of ${kinds}: all rows in one flat array, ` +
            `${types[0]!.name}.from(${isNested ? 'rows.flat()' : isArray(values) ? 'values' : '...'})`,
        );
      }
      const places = starts ?? values;
      const needed = starts ? count : count * size;
      if (places.length < needed) {
        throw new FeedError(
          `input '${name}': ${counted(places.length, starts ? 'start' : 'number')} for ` +
            `${counted(count, 'document')}: ${label} needs ${needed}`,
        );
      }
      return { values: unshared(values), ...(starts && { starts: unshared(starts) }) };
    };
    const fed = this.fedIndices.filter(
      ({ name, needs }) => columns.get(name) !== undefined || needs.some((n) => n > 0),
    );
    const spec: SeriesSpec = {
      indices: fed.map(({ name, label, slot, size, reads: needs, limits, levels }) => {
        const { values, starts } = column(name, label, size, Int32Array);
        return { slot, size, values: values as Int32Array, ...(starts && { starts }), needs, limits, levels };
      }),
      numbers: this.fedFloats
        .filter(({ name, isRead }) => isRead || columns.get(name) !== undefined)
        .map(({ name, label, offset, size }) => {
          const { values, starts } = column(name, label, size, Float64Array, Float32Array);
          return { offset, size, values: values as Float64Array | Float32Array, ...(starts && { starts }) };
        }),
      lengths:
        this.countName === undefined
          ? NO_SLOTS
          : lengthsOf(this.countName, column(this.countName, 'the length', 1, Int32Array), count),
      inverseCount: this.inverseCount,
      end: this.lowered.sections.forward,
      loss: this.rootOffset,
      rule: this.lowered.parameters.rule,
      ruleSize: 0,
      rules: NO_RULES,
      stepSlots: NO_SLOTS,
      firstStep: 0,
      stops: 0,
    };
    return { spec, fed, count };
  }

  /** What to say of a series' fault. */
  private faultOf(
    fault: SeriesFault,
    { lengths, indices, numbers }: SeriesSpec,
    fed: readonly IndexFeed[],
  ): Error {
    const [document] = fault;
    const length = lengths[document] ?? this.maxLength;
    try {
      if (fault.length === 4) this.refuseRun([fault[1], fault[2], fault[3]], ` of document ${document}`);
      const [, column, element] = fault;
      if (this.countName !== undefined) this.feedCount(length);
      if (column >= indices.length) {
        const { starts, values, size, offset } = numbers[column - indices.length]!;
        const { name, label } = this.fedFloats.find((feed) => feed.offset === offset)!;
        throw new FeedError(
          `input '${name}': ` +
            `${outOfColumn(document, starts?.[document] ?? document * size, `${counted(size, 'number')} for ${label}`, values)}`,
        );
      }
      const { starts, values, size } = indices[column]!;
      const feed = fed[column]!;
      const at = (starts?.[document] ?? document * size) + element;
      const x = values[at];
      if (x === undefined)
        throw new FeedError(
          `input '${feed.name}': ` +
            `${outOfColumn(document, at - element, `${counted(feed.reads[length], 'integer')} for ${feed.label}`, values)}`,
        );
      this.checkIndex(feed, element, x);
      throw new FeedError('it was changed while it was trained on');
    } catch (error) {
      if (error instanceof FeedError) error.message = `document ${document}: ${error.message}`;
      return error as Error;
    }
  }

  /**
   * Copies the update rule's numbers as they are set, from a place in `to` on.
   *
   * @hidden
   */
  copyRule(to: Float64Array, at: number): void {
    const { arena, ruleSize } = this;
    if (!(to instanceof Float64Array)) throw new TypeError(`copyRule: ${shown(to)}, expected a Float64Array`);
    checkInteger('copyRule: place', at, 0);
    const { rule } = this.lowered.parameters;
    for (let i = 0; i < ruleSize; i++) to[at + i] = arena[rule + i]!;
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
    const { offset, moments, rule } = this.lowered.parameters;
    const of = (value: Node, at: number): TypedArray[] =>
      moments.map((moment) =>
        arena.subarray(moment + at - offset, moment + at - offset + sizeOf(value.shape)),
      );
    return {
      runs,
      rule: Array.from(arena.subarray(rule, rule + this.ruleSize)),
      moments: new Map(
        this.parameters
          .filter(({ isTrained }) => isTrained)
          .map(({ value, offset: at }) => [value, of(value, at)]),
      ),
    };
  }

  /**
   * How many updates were left out.
   *
   * @hidden
   */
  get skipped(): number {
    return this.skips ? this.arena[this.lowered.parameters.skips]! : 0;
  }

  /**
   * Has the next run be the one behind so many that have trained.
   *
   * @hidden
   */
  setRuns(runs: number): void {
    this.steps = checkInteger('runs', runs, 0, MOST_STEPS);
  }

  /** What one run of all instructions does at a prefix length, by opcode. */
  work(length = this.maxLength): Work[] {
    checkInteger('length', length, 0, this.maxLength);
    return account(this.lowered, this.dtype === 'float32' ? 4 : 8, length);
  }

  /** How many of the compiler's nodes the program needs. */
  countNodes(): number {
    return countUses(this.ir, this.kept).filter((uses) => uses > 0).length;
  }

  /** Sets number i of the update rule (learning rate, momentum, ...). */
  setRule(i: number, value: number): void {
    checkInteger('number', i, 0, this.ruleSize - 1);
    if (typeof value !== 'number')
      throw new TypeError(`number ${i} of the update rule: ${shown(value)}, expected a number`);
    this.arena[this.lowered.parameters.rule + i] = value;
  }

  /** A node's numbers after a run, row-major: a view where they lie together, else a copy. */
  read(node: Node): TypedArray {
    return this.numbersOf(this.numberOf(node));
  }
  /** A node's gradient after backward(); zeros where none flowed. */
  readGradient(node: Node): TypedArray {
    const number = this.numberOf(node);
    const gradient = this.gradientNodes?.[number] ?? -1;
    return gradient < 0 ? allocate(this.dtype, sizeOf(node.shape)) : this.numbersOf(gradient);
  }

  /** An index node's integers in the last run. */
  private readIntegers(node: Node): Int32Array {
    const slot = this.lowered.slot(this.numberOf(node));
    return this.ints.subarray(slot, slot + sizeOf(node.shape));
  }

  private numberOf(node: Node): number {
    const number = this.numbers.get(node);
    if (number !== undefined) return number;
    throw new Error(`${node instanceof Node ? node.label : shown(node)} is no part of this program`);
  }

  private viewOf(number: number): View {
    const view = this.lowered.view(number);
    if (!view) throw new Error(`${this.ir.label(number)} holds no numbers`);
    return view;
  }

  private numbersOf(number: number): TypedArray {
    const view = this.viewOf(number);
    const size = sizeOf(view.shape);
    if (isDense(view)) return this.arena.subarray(view.offset, view.offset + size);
    const copy = allocate(this.dtype, size);
    offsets(view).forEach((at, i) => (copy[i] = this.arena[at]!));
    return copy;
  }

  private run(from: number, to: number, begin: number, end: number): void {
    if (!this.resident) this.takeParameters();
    const { range } = this;
    this.checkMemory();
    range[0] = from;
    range[1] = to;
    range[2] = begin;
    range[3] = end;
    if (this.inspects && !this.isRead.data) this.becomeRead('data');
    const fault = this.runRange();
    this.hasRun = true;
    if (fault) this.refuseRun(fault);
  }

  /**
   * Throws where the program's memory is not to be had.
   *
   * @hidden
   */
  checkMemory(): void {
    if (this.isBeingFed)
      throw new FeedError('a getter among the feeds runs the program that they are for: run it before');
    if (this.arena.length !== this.lowered.arenaSize)
      throw new Error(
        "the program's memory is gone: an array of its numbers was transferred; transfer a copy",
      );
  }

  /**
   * Refuses a run on the program's own memory: what it has added so far must not reach the next one.
   *
   * @param documents what a batch was fed
   */
  private refuseRun(fault: Fault, where = '', documents?: readonly Feeds[]): never {
    const { gradients, withGradient } = this.lowered.parameters;
    const error = fault[2] === NOT_FINITE ? this.notFinite(where, documents) : undefined;
    this.arena.fill(0, gradients, gradients + withGradient);
    if (error) throw error;
    this.refuse(fault, where);
  }

  /** What to say of a step that met NaN or infinity, whose gradients are still in memory. */
  private notFinite(where: string, documents?: readonly Feeds[]): NonFiniteError {
    const { gradients, offset: first, withGradient } = this.lowered.parameters;
    let what = `the loss, ${this.roots[0]!.label}, is ${this.arena[this.rootOffset]!}${where}`;
    for (const { value, offset, isTrained } of this.parameters) {
      const at = gradients + offset - first;
      if (!isTrained || offset - first >= withGradient) continue;
      const own = this.arena.subarray(at, at + sizeOf(value.shape));
      const place = own.findIndex((x) => !Number.isFinite(x));
      if (place < 0) continue;
      what = `the gradient of ${value.label} is ${own[place]!} in place ${place}${where}`;
      break;
    }
    if (!this.detectsAnomaly) {
      return new NonFiniteError(
        `${what}. No parameter was changed. Lower the learning rate, or leave such steps out ` +
          "(onNonFinite: 'skip'); minimize(loss, { detectAnomaly: true }) names the value from which it " +
          'comes',
      );
    }
    return new NonFiniteError(`${what}. ${this.origin(documents)}. No parameter was changed`);
  }

  /**
   * Where in the graph NaN or infinity first was: what was fed last, or each document, is run again with
   * every value readable.
   */
  private origin(documents?: readonly Feeds[]): string {
    const root = this.roots[0]!;
    const inspector = new Program(
      { groups: [[root]], gradients: 'all' },
      { dtype: this.dtype, isa: this.isa },
    );
    const { steps: step } = this;
    for (let i = 0; i < (documents?.length ?? 1); i++) {
      if (documents) this.feed(documents[i]!);
      inspector.feed(this.lastFed());
      inspector.setStep(step + i);
      inspector.run(0, inspector.length, 0, inspector.lowered.sections.backward);
      inspector.setStep(NO_STEP);
      const found = originOf(root, {
        data: (node) => inspector.read(node),
        gradient: (node) => inspector.readGradient(node),
        integers: (node) => inspector.readIntegers(node),
        length: inspector.length,
      });
      if (found !== undefined) return documents ? `Of document ${i}: ${found}` : `First of all ${found}`;
    }
    return 'Value by value, as forward() and backward() compute them, all numbers are finite';
  }

  /** What the memory holds of the feeds. */
  private lastFed(): Feeds {
    const fed = Object.create(null) as Record<string, number | ArrayLike<number>>;
    for (const { name, offset, size } of this.fedFloats) fed[name] = this.arena.slice(offset, offset + size);
    for (const { name, slot, reads } of this.fedIndices)
      fed[name] = name === this.countName ? this.length : this.ints.slice(slot, slot + reads[this.length]!);
    return fed;
  }

  private refuse([instruction, index, limit]: Fault, where = ''): never {
    const node = this.lowered.nodes[instruction] ?? -1;
    const who = node < 0 ? 'the tape' : this.ir.label(node);
    throw new RangeError(`index ${index} in ${who}${where}: expected an integer from 0 to ${limit - 1}`);
  }

  /**
   * Has every node's data, or gradient, read here from now on: in one place only, that others can be freed.
   */
  private becomeRead(what: 'data' | 'gradient'): void {
    for (const node of this.numbers.keys()) {
      const memory = (node.memory ??= {});
      if (memory[what]) memory[what].isRead[what] = false;
      memory[what] = this;
    }
    this.isRead[what] = true;
  }

  /**
   * Copies the parameters from wherever they live: numbers set through `.data` travel too. Those of this
   * program's type live here from then on; the others, which a copy may round, stay where they are.
   */
  private takeParameters(): void {
    this.resident = true;
    for (const held of this.parameters) {
      const { value, offset } = held;
      const memory = value.memory!;
      const home = memory.home?.program;
      if (home === this) continue;
      const isOfType = (home?.dtype ?? 'float64') === this.dtype;
      if (!isOfType) {
        this.resident = false;
        const source = home ?? memory.initial;
        if (
          source === held.source &&
          home?.writes === held.writes &&
          memory.version === held.version &&
          !memory.isLent
        )
          continue;
        held.source = source;
        held.writes = home?.writes;
        held.version = memory.version;
      }
      this.arena.set(value.peek('data')!, offset);
      if (isOfType) this.house(held);
    }
  }

  /** Has the parameters that training has changed, or will, live here; returns where they lived. */
  private becomeHome(): [Node, Memory['home']][] {
    const homes: [Node, Memory['home']][] = [];
    this.resident = true;
    for (const held of this.parameters) {
      const { value } = held;
      const { home } = value.memory!;
      if (home?.program === this) continue;
      if (!held.isTrained) {
        this.resident = false;
        continue;
      }
      homes.push([value, home]);
      this.house(held);
    }
    return homes;
  }

  private house(held: Held): void {
    const memory = held.value.memory!;
    if (memory.home) memory.home.program.resident = false;
    memory.home = { program: this, offset: held.offset };
    // What it was copied from before is of no use now, and would be kept alive.
    held.source = undefined;
    memory.isLent = false;
  }

  /**
   * Has the program look for its parameters' numbers anew: one that lived here is set elsewhere.
   *
   * @hidden
   */
  dislodge(): void {
    this.resident = false;
  }

  private giveBack(homes: readonly [Node, Memory['home']][]): void {
    for (const [value, home] of homes) {
      if (home) value.memory!.home = home;
      else delete value.memory!.home;
      this.resident = false;
    }
  }

  // --- feeds ---

  private bindFloat(node: Node, offset: number, isRead: boolean): void {
    this.claim(node);
    this.floats.set(node.name!, {
      name: node.name!,
      offset,
      isRead,
      shape: node.shape,
      size: sizeOf(node.shape),
      label: node.label,
    });
  }
  private bindIndex(node: Node, slot: number): void {
    this.claim(node);
    const size = sizeOf(node.shape);
    this.indices.set(node.name!, {
      name: node.name!,
      slot,
      size,
      label: node.label,
      limits: new Int32Array(size).fill(NONE),
      users: new Array<string>(size).fill(''),
      levels: new Int32Array(size).fill(NONE),
      left: new Int32Array(size).fill(NONE),
      limit: NONE,
      needs: new Int32Array(this.lowered.maxLength + 1),
      reads: new Int32Array(this.lowered.maxLength + 1),
    });
  }
  private claim(node: Node): void {
    const other = this.floats.get(node.name!) ?? this.indices.get(node.name!);
    if (!other) return;
    throw new FeedError(
      `two inputs of one program are called '${clipped(node.name!)}', ${other.label} and ` +
        `${node.label}: name them apart, or use one of them in both places`,
    );
  }

  /** Finds which values and levels each fed index element serves, in the graph as written. */
  private limitIndices({ ir, nodes, dropped }: Trace, groups: Plan['groups']): void {
    if (this.indices.size === 0) return;
    const written = dropped ? writtenLevels(nodes, groups) : undefined;
    for (const node of nodes) {
      if (!READS_INDEX[node.operation.code]) continue;
      const { op, attr, inputs, number } = node;
      const index = inputs.at(-1)!;
      const element = index.op === 'element';
      const vector = element ? index.first! : index;
      const feed = vector.op === 'index' ? this.indices.get(vector.name!) : undefined;
      if (!feed) continue; // found at run time
      const start = element ? index.attr.start! : 0;
      const table = inputs[0]!.shape;
      const limit = {
        none: Infinity,
        prefix: Infinity,
        anything: Infinity,
        lengths: this.maxLength + 1,
        operands: inputs.length - 1,
        classes: table[table.length - 1]!,
        rows: table[attr.batch ? 1 : 0]!,
      }[OPS[op].index];
      // Where a node vanished, its number is that of another.
      const left = ir.is(number, op) ? ir.positions[number]! : NONE;
      const level = written?.get(node) ?? left;
      for (let i = start; i < (element ? start + 1 : feed.size); i++) {
        feed.levels[i] = Math.min(feed.levels[i]!, level);
        feed.left[i] = Math.min(feed.left[i]!, left);
        if (limit < feed.limits[i]!) {
          feed.limits[i] = limit;
          feed.users[i] = node.label;
        }
      }
    }
  }

  private feed(feeds: Feeds): void {
    this.checkMemory();
    checkObject('the feeds', feeds, 'an object with numbers for each input');
    this.isBeingFed = true;
    try {
      this.readFeeds(feeds);
    } catch (error) {
      checkFeeds(feeds, this.names());
      throw error;
    } finally {
      this.isBeingFed = false;
    }
  }

  private readFeeds(feeds: Feeds): void {
    if (this.countName !== undefined) {
      const count = byName(feeds, this.countName) ?? undefined;
      if (count === undefined) this.checkNames(feeds); // it may be there under a misspelt name
      this.feedCount(count);
    }
    // Comparing names with the last ones is faster than looking each of them up.
    const { fed, fedNames, fedFloats, fedIndices, lastNames } = this;
    let known = 0;
    for (const name in feeds) {
      if (name !== lastNames[known]) {
        known = NONE;
        break;
      }
      known++;
    }
    const isOfClass = !isOfNoClass(feeds);
    if (isOfClass) checkFeeds(feeds, this.names());
    if (known === NONE || isOfClass) this.lastNames = this.checkNames(feeds);
    for (let i = 0; i < fed.length; i++) {
      const name = fedNames[i]!;
      fed[i] = (this.hasCommonName ? byName(feeds, name) : feeds[name]) ?? undefined;
    }
    for (let i = 0; i < fedFloats.length; i++) this.feedFloat(fedFloats[i]!, fed[i]);
    for (let i = 0; i < fedIndices.length; i++) this.feedIndex(fedIndices[i]!, fed[fedFloats.length + i]);
  }

  /** The names in an object of feeds or columns. @throws FeedError where one is unknown */
  private checkNames(feeds: Readonly<Record<string, unknown>>): string[] {
    const given = namesIn(feeds);
    for (const name of given) {
      if (this.floats.has(name) || this.indices.has(name)) continue;
      const all = this.names();
      const missing = all.filter((known) => byName(feeds, known) === undefined);
      // A name that was meant is more likely one that is missing.
      const guess = didYouMean(name, missing) || didYouMean(name, all);
      throw new FeedError(
        `no input is called '${name}'${guess}${guess === '' ? '; this' : ' This'} program's inputs: ` +
          `${this.inputNames()}`,
      );
    }
    return given;
  }

  private names(): string[] {
    return [...this.floats.keys(), ...this.indices.keys()];
  }

  private inputNames(): string {
    return (
      this.names()
        .map((name) => `'${name}'`)
        .join(', ') || 'none'
    );
  }

  private feedCount(value: unknown): void {
    const name = this.countName!;
    if (value === undefined)
      throw new FeedError(`input '${name}' is missing: feed a length from 1 to ${this.maxLength}`);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > this.maxLength) {
      throw new FeedError(
        `input '${name}' = ${describe(value)}: expected an integer from 1 to ${this.maxLength}`,
      );
    }
    this.length = value;
    if (this.inverseCount >= 0) this.arena[this.inverseCount] = 1 / value;
  }

  private feedFloat(feed: FloatFeed, value: Feeds[string] | undefined): void {
    const { name } = feed;
    if (value === undefined) {
      if (!feed.isRead) return;
      throw new FeedError(`input '${name}' is missing: ${feed.label} needs ${counted(feed.size, 'number')}`);
    }
    if (typeof value === 'number') {
      if (feed.size !== 1)
        throw new FeedError(
          `input '${name}': one number, ${value}, for ${feed.label}, which needs ` +
            `${counted(feed.size, 'number')}`,
        );
      this.arena[feed.offset] = value;
      return;
    }
    if (typeof value !== 'object')
      throw new FeedError(
        `input '${name}': ${describe(value)} for ${feed.label}, which needs ${counted(feed.size, 'number')}`,
      );
    const isTyped = value instanceof Float64Array || value instanceof Float32Array;
    const numbers = isTyped || typeof value[0] !== 'object' ? value : flatFeed(feed, value);
    if (numbers.length !== feed.size)
      throw new FeedError(
        `input '${name}': ${describe(value)} for ${feed.label}, which needs ` +
          `${counted(feed.size, 'number')}${otherBatch(feed, numbers.length)}`,
      );
    if (numbers instanceof Float64Array || numbers instanceof Float32Array) {
      this.arena.set(numbers, feed.offset);
      return;
    }
    for (let i = 0; i < feed.size; i++) {
      const x: unknown = numbers[i];
      if (typeof x !== 'number') {
        throw new FeedError(
          `input '${name}'[${i}] is ${isArray(x) ? shown(x) : describe(x)}: feed ${feed.label} ` +
            `${counted(feed.size, 'number')}, flat or nested in its shape`,
        );
      }
      this.arena[feed.offset + i] = x;
    }
  }

  private feedIndex(feed: IndexFeed, value: Feeds[string] | undefined): void {
    const { name, slot, limit } = feed;
    const { ints } = this;
    const needed = feed.needs[this.length]!;
    if (value === undefined) {
      if (needed === 0) return;
      throw new FeedError(
        `input '${name}' is missing: ${feed.label} needs ` +
          `${feed.size === 1 ? 'an integer' : `${feed.size} integers`}`,
      );
    }
    const isNumber = typeof value === 'number';
    const given = isNumber ? 1 : value.length;
    if (!isNumber && !(typeof value === 'object' && Number.isInteger(given))) {
      throw new FeedError(
        `input '${name}': ${describe(value)} for ${feed.label}, which takes ${counted(feed.size, 'integer')}`,
      );
    }
    if ((given > feed.size || given < needed) && describe(value) === 'nested arrays') throw nestedFeed(feed);
    if (given > feed.size) {
      throw new FeedError(
        `input '${name}': ${counted(given, 'integer')} for ${feed.label}, which takes ` +
          `${feed.size}${feed.size === 1 ? '' : `; its length is fixed when the graph is written: index('${name}', ` + `${given})`}`,
      );
    }
    if (given < needed) {
      throw new FeedError(
        `input '${name}': ${counted(given, 'integer')} for ${feed.label}, of which this run needs at ` +
          'least ' +
          `${needed}${this.maxLength === 1 && given > 0 ? `; its length is fixed when the graph is written: index('${name}', ` + `${given})` : ''}`,
      );
    }
    for (let i = 0; i < given; i++) {
      const x = isNumber ? value : (value[i]! as number);
      if (typeof x !== 'number' || (x | 0) !== x || x < 0 || x >= limit) this.checkIndex(feed, i, x);
      ints[slot + i] = x;
    }
  }

  /** Throws where x is no integer, or above a limit that this run meets. */
  private checkIndex(feed: IndexFeed, i: number, x: number): void {
    const { name, size, limits, users, levels } = feed;
    const limit = limits[i]!;
    if (typeof x === 'number' && (x | 0) === x && x >= 0 && (x < limit || levels[i]! >= this.length)) return;
    if (size === 1 && isArray(x)) throw nestedFeed(feed);
    const where = size === 1 ? '' : `[${i}]`;
    const expected =
      limit === NONE ? 'an integer from 0' : `an integer from 0 to ${limit - 1}, for ${users[i]!}`;
    const advice = isList(x) ? '; an index has one axis: feed it one flat array' : '';
    throw new FeedError(`input '${name}'${where} = ${describe(x)}: expected ${expected}${advice}`);
  }
}

/** The error of nested arrays for an index. */
function nestedFeed({ name, label, size }: IndexFeed): FeedError {
  const expected = size === 1 ? ', which takes 1 integer' : ': an index has one axis: feed it one flat array';
  return new FeedError(`input '${name}': nested arrays for ${label}${expected}`);
}

/** Whether an object is a literal, or without a prototype: its names are all to be enumerated. */
function isOfNoClass(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === Object.prototype || prototype === null;
}

/** @throws FeedError where feeds are an object of another kind: a list, a Map, a Value */
function checkFeeds(feeds: object, names: readonly string[]): void {
  if (!(Symbol.iterator in feeds || ArrayBuffer.isView(feeds) || feeds instanceof Node)) return;
  throw new FeedError(
    `the feeds are ${feeds instanceof Node ? feeds.label : shown(feeds)}: expected an object with ` +
      `numbers for each input, { ${names.join(', ') || 'none'} }`,
  );
}

/** The numbers of nested arrays, which must have the input's shape. */
function flatFeed({ name, label, shape, size }: FloatFeed, value: Numbers): Float64Array {
  let found: ReturnType<typeof flatten>;
  try {
    found = flatten(value);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new FeedError(
      `input '${name}': ${error.message}: feed ${label} ${counted(size, 'number')}, flat or nested in ` +
        'its shape',
      { cause: error },
    );
  }
  if (sameShape(found.shape, shape)) return found.data;
  throw new FeedError(
    `input '${name}': nested arrays of shape ${show(found.shape)} for ${label}: feed nested arrays of ` +
      `its shape, or ${counted(size, 'number')} in one flat ` +
      `array${otherBatch({ shape, size }, found.data.length)}`,
  );
}

/**
 * Fills in how many elements, from the first on, a run of each length has, from the one at which each begins.
 */
function countElements(counts: Int32Array, levels: Int32Array): void {
  levels.forEach((level, i) => {
    if (level + 1 < counts.length) counts[level + 1] = i + 1;
  });
  for (let n = 1; n < counts.length; n++) counts[n] = Math.max(counts[n]!, counts[n - 1]!);
}

/**
 * What to do with a batch of another size than the graph was written for: so many numbers that are whole
 * rows.
 */
function otherBatch({ shape, size }: Pick<FloatFeed, 'shape' | 'size'>, given: number): string {
  const rows = shape[0] ?? 0;
  const row = size / rows;
  const counted = (n: number): string => `${n} row${n === 1 ? '' : 's'}`;
  if (!(given > 0 && row > 0 && given % row === 0) || given === size) return '';
  return (
    `; that is ${counted(given / row)} of ${row}, not ${rows}: a batch's size is fixed when the graph ` +
    `is written, so write it again for ${counted(given / row)}, fill the batch up, or write it for one ` +
    'row and train with stepBatch'
  );
}

/** The documents of a batch, as they are now. */
function documentsOf(documents: readonly Feeds[]): Feeds[] {
  const isObject = typeof documents === 'object' && (documents as unknown) !== null;
  const count: unknown = isObject ? documents.length : undefined;
  if (count === undefined)
    throw new TypeError(
      `the documents of a batch: ${shown(documents)}, expected an array of feeds, an object for each ` +
        'document',
    );
  if (count === 0) throw new FeedError('a batch of no documents: feed at least one');
  const given: Feeds[] = [];
  for (let i = 0; i < checkInteger('documents', count, 1); i++) {
    const document: unknown = documents[i];
    checkObject(`document ${i}`, document, 'an object with numbers for each input');
    given.push(document as Feeds);
  }
  return given;
}

/** A copy of groups, all of them of values. */
function groupsOf(what: string, given: Plan['groups']): Node[][] {
  if (!isList(given))
    throw new TypeError(`${what}: expected an array of arrays of Values, got ${shownNode(given)}`);
  const groups: Node[][] = [];
  for (let i = 0; i < given.length; i++) groups.push(valueNodes(`${what}[${i}]`, given[i]));
  return groups;
}

/** The arena offset of every number of a view, row-major. */
function offsets({ offset, shape, strides }: View): number[] {
  const steps = contiguousStrides(shape);
  return Array.from({ length: sizeOf(shape) }, (_, i) =>
    shape.reduce((at, n, axis) => at + (Math.floor(i / steps[axis]!) % n) * strides[axis]!, offset),
  );
}

/** Whether every group of values in a graph is computed at its own level, and there is one for each. */
function hasLevels(traced: Trace, groups: Plan['groups']): boolean {
  const { positions, maxLength } = traced.ir;
  const isAt = (value: Node, level: number): boolean =>
    isTraced(traced, value) && positions[value.number] === level;
  return groups.length === maxLength && groups.every((group, i) => group.every((x) => isAt(x, i)));
}

/** `1 number`, `2 numbers`. */
function counted(n: unknown, what: string): string {
  return `${shown(n)} ${what}${n === 1 ? '' : 's'}`;
}

/** How many elements are looked at to say what a list holds. */
const MOST_LOOKED_AT = 1000;

function describe(value: unknown): string {
  if (value instanceof Node) return value.label;
  if (isList(value) && value.slice(0, MOST_LOOKED_AT).some(isArray)) return 'nested arrays';
  if (typeof value === 'object' && value !== null)
    return 'length' in value ? counted(value.length, 'number') : shown(value);
  return shown(value);
}

function isArray(given: unknown): boolean {
  return isList(given) || ArrayBuffer.isView(given);
}

/**
 * The first places behind a program's memory, for inputs that nothing reads: they can be fed all the same.
 */
function placesOfUnread(
  numbers: ReadonlyMap<Node, number>,
  lowered: Lowered,
): { places: Map<Node, number>; arenaSize: number; intsSize: number } {
  let { arenaSize, intsSize } = lowered;
  const places = new Map<Node, number>();
  for (const [node, number] of numbers) {
    const size = sizeOf(node.shape);
    if (node.op === 'input' && !lowered.view(number)) {
      places.set(node, arenaSize);
      arenaSize += size;
    } else if (
      (node.op === 'index' || node.op === 'step') &&
      (number < 0 || lowered.slot(number) + size > lowered.intsSize)
    ) {
      places.set(node, intsSize);
      intsSize += size;
    }
  }
  return { places, arenaSize, intsSize };
}

/** What a document needs from its start on, which a column does not hold. */
function outOfColumn(document: number, start: number, needed: string, values: Column['values']): string {
  return (
    `starts[${document}] is ${start}, and from there this run needs ${needed}, but its column has ` +
    `${values.length} values: give more values, or another start`
  );
}

/** Each document's length, from a column. */
function lengthsOf(name: string, { values, starts }: Column, count: number): Int32Array {
  if (!starts) return values as Int32Array;
  return Int32Array.from({ length: count }, (_, i) => {
    const length = values[starts[i]!];
    if (length === undefined)
      throw new FeedError(
        `document ${i}: input '${name}': ${outOfColumn(i, starts[i]!, 'an integer, the length', values)}`,
      );
    return length;
  });
}

function checkDType(dtype: unknown = 'float64'): DType {
  return checkOneOf<DType>('dtype', dtype, ['float64', 'float32']);
}

function allocate(dtype: DType, size: number): TypedArray {
  return dtype === 'float32' ? new Float32Array(size) : new Float64Array(size);
}

/** Numbers that start on a cache line. */
function allocateAligned(dtype: DType, size: number): TypedArray {
  const line = dtype === 'float32' ? 16 : 8;
  const array = allocate(dtype, size + line);
  const start = (line - addon.alignment(array) / array.BYTES_PER_ELEMENT) % line;
  return array.subarray(start, start + size);
}

/** The same numbers in an array whose memory was the first one's, which is left with none. */
function moved(array: TypedArray): TypedArray {
  const { buffer, byteOffset, length } = array;
  const own = structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] });
  return array instanceof Float32Array
    ? new Float32Array(own, byteOffset, length)
    : new Float64Array(own, byteOffset, length);
}
