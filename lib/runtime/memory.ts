/** The memory of a program: its numbers and integers, bound to the native half that runs on them. */
import { addon, type Fault, type Handle } from '../binding/addon.js';
import type { DType, TypedArray } from '../core/array.js';
import { shown } from '../core/check.js';
import { sizeOf } from '../core/shape.js';
import type { Compiled } from '../compiler/compile.js';
import { activeNodes } from '../compiler/passes/differentiate.js';
import { isDense, offsetsOf } from '../compiler/lower/view.js';
import { Node } from '../graph/node.js';
import { GRADIENT_LEAVES } from '../graph/ops.js';
import { reachable } from '../graph/reachable.js';
import { allocate, allocateAligned, moved } from './arena.js';
import { writeIntegers } from './fixed-integers.js';
import { BusyError } from './errors.js';
import { RowPlans } from './rows.js';

/** The step number that a run reads when it is not a training step. */
export const NO_STEP = -1;

/** What to do where `ranLength` is 0. */
export const NO_RUN =
  'run its program on one example first ' +
  '(batches, and sequences that are generated together, leave no numbers)';

export class ProgramMemory {
  readonly handle: Handle;
  /** How many examples run at once. */
  readonly plans: RowPlans;
  /** The indices of the last run, and the number of the training step. */
  readonly ints: Int32Array;
  /** Undefined while another thread has them. */
  private numbers: TypedArray | undefined;
  /** What `runRange` runs: prefix lengths from and to, instructions from and to, on how many threads. */
  private readonly range = new Int32Array(5);
  private runRange: () => Fault | undefined;
  /** The prefix length of the run whose numbers are here; 0: of none, as before the first. */
  ranLength = 0;
  /** Whether the gradients of a backward pass lie in memory: an update clears them. */
  hasGradients = false;
  /** By the compiler's node: 1 where it depends on a parameter or an input. */
  private active: Uint8Array | undefined;

  /**
   * @param root the program's first root, which errors name
   * @param threads how many threads its runs may use
   */
  constructor(
    private readonly compiled: Compiled,
    private readonly dtype: DType,
    isa: string,
    private readonly root: Node,
    threads: number,
  ) {
    const { arenaSize, intsSize, maxLength, extents, code, repeats, steps, bytecode, constants, tables } =
      compiled.lowered;
    this.handle = addon.createProgram({
      float32: dtype === 'float32',
      isa,
      arenaSize,
      intsSize,
      maxLength,
      extents,
      code,
      repeats,
      steps,
      scalarBytecode: bytecode,
    });
    this.plans = new RowPlans(this.handle, compiled.lowered, dtype);
    this.numbers = allocateAligned(dtype, arenaSize);
    this.ints = new Int32Array(intsSize);
    writeIntegers(compiled.lowered, this.ints, 0);
    this.range[4] = threads;
    this.runRange = this.bind();
    for (const { value, offset } of constants) this.numbers[offset] = value;
    for (const { numbers, offset } of tables) this.numbers.set(numbers, offset);
  }

  /** All numbers. @throws BusyError while another thread has them */
  get arena(): TypedArray {
    return this.numbers ?? this.refuseWhileBusy();
  }

  private refuseWhileBusy(): never {
    throw new BusyError(
      `${this.root.label} is being trained in the background: wait for the promise of train, ` +
        'stepEachAsync or the next of steps',
    );
  }

  private bind(): () => Fault | undefined {
    return addon.bind(this.handle, this.arena, this.ints, this.range);
  }

  /** @throws Error where the numbers were transferred away */
  check(): void {
    if (this.arena.length !== this.compiled.lowered.arenaSize)
      throw new Error(
        "the program's memory is gone: an array of its numbers was transferred; transfer a copy",
      );
  }

  /** Runs the instructions [begin, end) that prefix lengths above `from`, up to `to`, need. */
  run(from: number, to: number, begin: number, end: number): Fault | undefined {
    const { range } = this;
    const { forward, backward, update } = this.compiled.lowered.sections;
    // Without an update, the backward pass clears the gradients itself.
    if (begin <= forward && end > forward && update > backward) this.dropGradients();
    if (end > forward) this.hasGradients = end === backward;
    range[0] = from;
    range[1] = to;
    range[2] = begin;
    range[3] = end;
    this.ranLength = to;
    return this.runRange();
  }

  /**
   * Clears the gradients that a backward pass without an update left. A training step adds to what lies
   * there: it relies on the update before it to leave zeros.
   */
  dropGradients(): void {
    if (this.hasGradients) this.clearGradients();
  }

  /** Clears the gradients of all parameters, whatever left them. */
  clearGradients(): void {
    const { gradients, withGradient } = this.compiled.lowered.parameters;
    this.arena.fill(0, gradients, gradients + withGradient);
    this.hasGradients = false;
  }

  /**
   * Moves the numbers to an array for another thread, until they are taken back. Whoever has a view of them
   * could transfer it, and so free it while the other thread writes there: nobody has seen the new array.
   */
  lend(): TypedArray {
    const arena = moved(this.arena);
    this.numbers = undefined;
    return arena;
  }

  takeBack(arena: TypedArray): void {
    this.numbers = arena;
    this.runRange = this.bind();
  }

  /** Sets the number of the training step, by which dropout draws. */
  setStep(step: number): void {
    for (const slot of this.compiled.leaves.stepSlots) this.ints[slot] = step;
  }

  /** A node's numbers, row-major: a view where they lie together, else a copy. */
  read(node: Node): TypedArray {
    this.checkReading(node, 'data');
    return this.numbersOf(node);
  }

  /** A node's gradient; zeros where none flowed. */
  readGradient(node: Node): TypedArray {
    this.checkReading(node, 'gradient');
    const isReached = this.positionOf(node) < this.ranLength;
    return isReached ? this.gradientOf(node) : allocate(this.dtype, sizeOf(node.shape));
  }

  /** Why a node's numbers, or its gradient, cannot be read now; undefined where they can. */
  whyUnread(node: Node, what: 'data' | 'gradient'): string | undefined {
    const { ranLength } = this;
    const position = this.positionOf(node);
    if (what === 'gradient') {
      if (!this.hasGradients) return `${node.label} has no gradient yet: call backward() first`;
      if (this.hasLeaf(node)) return undefined;
      return (
        `${node.label} depends on no parameter or input, and backward() computes no gradient of it: ` +
        'grad(loss, [it]) does'
      );
    }
    if (ranLength === 0) return `${node.label} has no data: ${NO_RUN}`;
    if (position < ranLength || !node.first) return undefined;
    return (
      `${node.label} was not computed by the last run, whose length is ${ranLength}: ` +
      `runs of a length from ${position + 1} on compute it`
    );
  }

  private checkReading(node: Node, what: 'data' | 'gradient'): void {
    if (!this.numbers) this.refuseWhileBusy();
    const reason = this.whyUnread(node, what);
    if (reason !== undefined) throw new Error(reason);
  }

  /** The first position that needs a node: runs of a longer prefix compute it. */
  private positionOf(node: Node): number {
    return this.compiled.ir.positions[this.numberOf(node)]!;
  }

  /** Whether a node depends on a parameter or an input. */
  private hasLeaf(node: Node): boolean {
    const { ir } = this.compiled;
    this.active ??= activeNodes(ir, ir.forwardEnd - 1, GRADIENT_LEAVES);
    return this.active[this.numberOf(node)] === 1;
  }

  /** What the memory holds of a node, whatever run computed it. */
  numbersOf(node: Node): TypedArray {
    return this.at(this.numberOf(node));
  }

  /** The same of its gradient; zeros where none flows. */
  gradientOf(node: Node): TypedArray {
    const gradient = this.compiled.gradientNodes?.[this.numberOf(node)] ?? -1;
    return gradient < 0 ? allocate(this.dtype, sizeOf(node.shape)) : this.at(gradient);
  }

  /** An index node's integers in the last run. */
  readIntegers(node: Node): Int32Array {
    const slot = this.compiled.lowered.slot(this.numberOf(node));
    return this.ints.subarray(slot, slot + sizeOf(node.shape));
  }

  private numberOf(node: Node): number {
    const number = this.compiled.numbers.get(node);
    if (number !== undefined) return number;
    throw new Error(
      node instanceof Node && reachable([this.root]).includes(node)
        ? `${node.label} is not stored by itself: the compiler computes it together with others. Read its ` +
            'data after its own forward(), or compile it'
        : `${node instanceof Node ? node.label : shown(node)} is no part of this program`,
    );
  }

  private at(number: number): TypedArray {
    const view = this.compiled.lowered.view(number);
    if (!view) throw new Error(`${this.compiled.ir.label(number)} holds no numbers`);
    const { arena } = this;
    if (isDense(view)) return arena.subarray(view.offset, view.offset + sizeOf(view.shape));
    const copy = allocate(this.dtype, sizeOf(view.shape));
    offsetsOf(view).forEach((at, i) => (copy[i] = arena[at]!));
    return copy;
  }
}
