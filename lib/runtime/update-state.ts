/** What training keeps from step to step besides the parameters: the update rule's numbers, and moments. */
import type { TypedArray } from '../core/array.js';
import { checkInteger, MAX_STEPS, shown } from '../core/check.js';
import { sizeOf } from '../core/shape.js';
import type { ParameterBlock, UpdateRule } from '../compiler/lower/layout.js';
import type { Node } from '../graph/node.js';
import type { ProgramMemory } from './memory.js';
import type { Held } from './residence.js';

export class UpdateState {
  /** How many runs have trained: what a training step reads as its number, by which dropout draws. */
  runs = 0;
  /** Whose moments these are, such as `adam`; undefined where there is no update. */
  readonly optimizer: string | undefined;
  private byNode: ReadonlyMap<Node, Held> | undefined;
  /** How many numbers the update rule has (learning rate, momentum, ...). */
  readonly ruleSize: number;
  /** Whether an update can be skipped. */
  readonly skips: boolean;
  /** Whether the last moments are averages of the parameters. */
  readonly hasAverage: boolean;
  /** Whether a step sets buffers, by what it computes of its one example. */
  readonly setsBuffers: boolean;

  /** @param held the parameters in the program's memory */
  constructor(
    private readonly memory: ProgramMemory,
    private readonly block: ParameterBlock,
    private readonly held: readonly Held[],
    update: UpdateRule | undefined,
  ) {
    this.optimizer = update?.name ?? update?.op;
    this.ruleSize = update?.numbers ?? 0;
    this.hasAverage = update?.after !== undefined;
    this.setsBuffers = update?.sets !== undefined;
    this.skips = update?.before?.some((step) => step.op === 'check' && step.skips) === true;
  }

  /** How many updates were skipped. */
  get skipped(): number {
    return this.skips ? this.memory.arena[this.block.skips]! : 0;
  }

  /** Sets how many runs have trained, as if they had run here. */
  setRuns(runs: number): void {
    this.runs = checkInteger('runs', runs, 0, MAX_STEPS);
  }

  /** Sets number i of the update rule. */
  setRule(i: number, value: number): void {
    checkInteger('number', i, 0, this.ruleSize - 1);
    if (typeof value !== 'number')
      throw new TypeError(`number ${i} of the update rule: ${shown(value)}, expected a number`);
    this.memory.arena[this.block.rule + i] = value;
  }

  /** Sets all numbers of the update rule. */
  setRules(numbers: Float64Array): void {
    const { ruleSize } = this;
    if (!(numbers instanceof Float64Array) || numbers.length !== ruleSize)
      throw new TypeError(
        `numbers of the update rule: ${shown(numbers)}, expected a Float64Array of ${ruleSize}`,
      );
    const { arena } = this.memory;
    const { rule } = this.block;
    for (let i = 0; i < ruleSize; i++) arena[rule + i] = numbers[i]!; // faster than set: there are few
  }

  /** The numbers of the update rule. */
  get rule(): number[] {
    const { rule } = this.block;
    return Array.from(this.memory.arena.subarray(rule, rule + this.ruleSize));
  }

  /** The moments of each parameter that is trained, the average last; views of the memory. */
  get moments(): Map<Node, TypedArray[]> {
    const { moments } = this.block;
    return new Map(
      Array.from(this.trained, ([value, held]) => [value, moments.map((first) => this.part(held, first))]),
    );
  }

  /**
   * Sets the average of each parameter to its numbers. The first update does so too, but may be skipped, and
   * all later ones add to the average.
   */
  startAverage(): void {
    const last = this.block.moments.at(-1)!;
    for (const held of this.trained.values()) this.part(held, last).set(held.value.peek('data')!);
  }

  /** The gradient of a parameter at the last step, a view of the memory; undefined where none is kept. */
  gradient(parameter: Node): TypedArray | undefined {
    const held = this.trained.get(parameter);
    return held && this.block.kept >= 0 ? this.part(held, this.block.kept) : undefined;
  }

  /** The average of a parameter, a view of the memory; undefined where none is kept. */
  average(parameter: Node): TypedArray | undefined {
    const held = this.trained.get(parameter);
    return held && this.hasAverage ? this.part(held, this.block.moments.at(-1)!) : undefined;
  }

  /** The parameters that are trained. */
  get parameters(): Iterable<Node> {
    return this.trained.keys();
  }

  isTrained(parameter: Node): boolean {
    return this.trained.has(parameter);
  }

  /** The parameters that are trained, and where they lie. */
  private get trained(): ReadonlyMap<Node, Held> {
    return (this.byNode ??= new Map(
      this.held.filter(({ isTrained }) => isTrained).map((held) => [held.value, held]),
    ));
  }

  /** A parameter's part of a block that lies as the parameters do. */
  private part({ value, offset }: Held, first: number): TypedArray {
    const at = first + offset - this.block.offset;
    return this.memory.arena.subarray(at, at + sizeOf(value.shape));
  }
}
