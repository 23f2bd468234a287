/** The memory of a program: its numbers and integers, bound to the native half that runs on them. */
import { addon, type Fault, type Handle } from '../binding/addon.js';
import type { DType, TypedArray } from '../core/array.js';
import { shown } from '../core/check.js';
import { sizeOf } from '../core/shape.js';
import type { Compiled } from '../compiler/compile.js';
import { isDense, offsetsOf } from '../compiler/lower/view.js';
import { Node } from '../graph/node.js';
import { allocate, allocateAligned, moved } from './arena.js';
import { BusyError } from './errors.js';

export class ProgramMemory {
  readonly handle: Handle;
  /** The indices of the last run, and the number of the training step. */
  readonly ints: Int32Array;
  /** Undefined while another thread has them. */
  private numbers: TypedArray | undefined;
  /** What `runRange` runs: prefix lengths from and to, instructions from and to. */
  private readonly range = new Int32Array(4);
  private runRange: () => Fault | undefined;

  /** @param root the program's first root, which errors name */
  constructor(
    private readonly compiled: Compiled,
    private readonly dtype: DType,
    isa: string,
    private readonly root: Node,
  ) {
    const { arenaSize, intsSize, maxLength, extents, code, bytecode, constants } = compiled.lowered;
    this.handle = addon.createProgram({
      float32: dtype === 'float32',
      isa,
      arenaSize,
      intsSize,
      maxLength,
      extents,
      code,
      scalarBytecode: bytecode,
    });
    this.numbers = allocateAligned(dtype, arenaSize);
    this.ints = new Int32Array(intsSize);
    this.runRange = this.bind();
    for (const { value, offset } of constants) this.numbers[offset] = value;
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
    range[0] = from;
    range[1] = to;
    range[2] = begin;
    range[3] = end;
    return this.runRange();
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

  /** A node's numbers after a run, row-major: a view where they lie together, else a copy. */
  read(node: Node): TypedArray {
    return this.numbersOf(this.numberOf(node));
  }

  /** A node's gradient after a backward run; zeros where none flowed. */
  readGradient(node: Node): TypedArray {
    const number = this.numberOf(node);
    const gradient = this.compiled.gradientNodes?.[number] ?? -1;
    return gradient < 0 ? allocate(this.dtype, sizeOf(node.shape)) : this.numbersOf(gradient);
  }

  /** An index node's integers in the last run. */
  readIntegers(node: Node): Int32Array {
    const slot = this.compiled.lowered.slot(this.numberOf(node));
    return this.ints.subarray(slot, slot + sizeOf(node.shape));
  }

  private numberOf(node: Node): number {
    const number = this.compiled.numbers.get(node);
    if (number !== undefined) return number;
    throw new Error(`${node instanceof Node ? node.label : shown(node)} is no part of this program`);
  }

  private numbersOf(number: number): TypedArray {
    const view = this.compiled.lowered.view(number);
    if (!view) throw new Error(`${this.compiled.ir.label(number)} holds no numbers`);
    const { arena } = this;
    if (isDense(view)) return arena.subarray(view.offset, view.offset + sizeOf(view.shape));
    const copy = allocate(this.dtype, sizeOf(view.shape));
    offsetsOf(view).forEach((at, i) => (copy[i] = arena[at]!));
    return copy;
  }
}
