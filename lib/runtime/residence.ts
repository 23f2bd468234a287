/** Tracks where the numbers of parameters live, and moves them between programs. */
import type { TypedArray } from '../core/array.js';
import { sizeOf } from '../core/shape.js';
import { parameterChanges, type Holder, type Memory, type Node } from '../graph/node.js';
import type { PlacedParameter } from '../compiler/compile.js';

/** A parameter in a program's memory. */
export interface Held {
  value: Node;
  offset: number;
  /** How many numbers it has. */
  size: number;
  /** How many parameters lie before it. */
  place: number;
  /** Whether training changes it by its gradient. */
  isTrained: boolean;
  /** Whether training changes it at all. */
  isWritten: boolean;
  /** For a copy of a parameter that lives elsewhere: where it came from, and the writes there by then. */
  source?: Holder | Float64Array | undefined;
  writes?: number | undefined;
  /** The parameter's version when it was copied, or in the last forward pass. */
  version?: number | undefined;
  /** How often it was copied from elsewhere. */
  copies: number;
  /** Its numbers in the last forward pass, if somebody had its array by then. */
  seen?: TypedArray | undefined;
}

/** Where parameters lived before a move, or their own numbers. */
export type Homes = readonly (readonly [Node, Pick<Memory, 'home' | 'initial'>])[];

const NONE: Held[] = [];

/**
 * How many times in a row a program reads parameters that a training of its type holds, without a step in
 * between, before they move to it: the training, and its memory, can then be collected.
 */
const READS_BEFORE_MOVE = 100;

/** A program from which parameters were copied, and by then its writes and its arena. */
interface Source {
  holder: Holder;
  writes: number;
  arena: TypedArray;
  held: Held[];
  /** Stretches of its arena, and where they lie in the other: parameters that follow each other in both. */
  runs: { from: number; to: number; at: number; view: TypedArray | undefined }[];
}

/** The parameters of one program. `program.resident` says whether all of them live there. */
export class Residence {
  readonly held: readonly Held[];
  private sources: Source[] = [];
  /** What `parameterChanges` was when they were copied; -1 where numbers can change without a trace. */
  private changes = -1;
  /** How often parameters were read since then, without a change. */
  private reads = 0;

  constructor(
    private readonly program: Holder,
    placed: readonly PlacedParameter[],
  ) {
    const offsets = placed.map(({ offset }) => offset).sort((a, b) => a - b);
    const places = new Map(offsets.map((offset, place) => [offset, place]));
    this.held = placed.map(({ node, offset, isTrained, isWritten }) => ({
      value: node,
      offset,
      size: sizeOf(node.shape),
      place: places.get(offset)!,
      isTrained,
      isWritten,
      source: undefined,
      writes: undefined,
      version: undefined,
      copies: 0,
    }));
  }

  /**
   * Copies the parameters from wherever they live, including numbers that were set through `.data`.
   * Parameters of the program's type then live here, except those that a training holds while this program
   * only reads them. Those, and those of another type, which a copy may round, stay where they are, and are
   * copied again only after they changed.
   */
  takeAll(): readonly Held[] {
    const again = this.copyAgain();
    if (again) return again;
    const { program } = this;
    const copied: Held[] = [];
    // Not before all are here: reading one is refused while its program trains in the background.
    program.resident = false;
    this.changes = -1;
    const moves = this.reads >= READS_BEFORE_MOVE;
    this.reads = 0;
    this.sources = [];
    const { arena } = program;
    let isResident = true;
    let isTraced = true;
    for (const held of this.held) {
      const { value, offset } = held;
      const memory = value.memory!;
      const home = memory.home?.program;
      if (home === program) continue;
      const isOfType = (home?.dtype ?? 'float64') === program.dtype;
      const stays = !isOfType || (home?.trains === true && !program.trains && !moves);
      if (stays) {
        isResident = false;
        if (memory.isLent) isTraced = false;
        home?.checkMemory(); // its numbers may be as they were only because it trains in the background
        if (home) this.addSource(held, home, memory.home!.offset);
        if (!memory.isLent && isCopy(held)) continue;
      }
      arena.set(value.peek('data')!, offset);
      held.copies++;
      copied.push(held);
      if (!stays) {
        this.house(held);
        continue;
      }
      held.source = home ?? memory.initial;
      held.writes = home?.writes;
      held.version = memory.version;
    }
    program.resident = isResident;
    if (isTraced) this.changes = parameterChanges.count;
    return copied;
  }

  /** Copies again what trainings changed since, where nothing else can have changed; else undefined. */
  private copyAgain(): readonly Held[] | undefined {
    if (this.changes !== parameterChanges.count) return undefined;
    const { program, sources } = this;
    let copied: Held[] = NONE;
    for (const source of sources) {
      const { holder, held, runs } = source;
      holder.checkMemory(); // as above
      const { arena, writes } = holder;
      if (arena !== source.arena) return undefined;
      if (source.writes === writes) continue;
      for (const run of runs) {
        run.view ??= arena.subarray(run.from, run.to);
        program.arena.set(run.view, run.at);
      }
      source.writes = writes;
      for (const each of held) {
        each.copies++;
        each.writes = writes;
      }
      copied = copied.length > 0 ? copied.concat(held) : held;
    }
    if (copied.length > 0) this.reads = 0;
    else if (++this.reads >= READS_BEFORE_MOVE && sources.length > 0) return undefined;
    return copied;
  }

  private addSource(held: Held, holder: Holder, from: number): void {
    const { sources } = this;
    const { offset: at, size } = held;
    let source = sources.find((each) => each.holder === holder);
    if (!source) {
      source = { holder, writes: holder.writes, arena: holder.arena, held: [], runs: [] };
      sources.push(source);
    }
    const before = source.held.at(-1);
    source.held.push(held);
    const last = source.runs.at(-1);
    // What lies between two neighbours here only fills cache lines, whatever lies there.
    const isNext = before?.place === held.place - 1 && last !== undefined;
    if (isNext && from >= last.to && at - from === last.at - last.from) last.to = from + size;
    else source.runs.push({ from, to: from + size, at, view: undefined });
  }

  /**
   * Remembers the version of each parameter, and the numbers of those whose array somebody has: that array
   * can change at any time.
   */
  remember(): void {
    for (const held of this.held) {
      const { isLent, version } = held.value.memory!;
      held.version = version;
      held.seen = isLent ? this.numbersOf(held).slice() : undefined;
    }
  }

  /** Whether a parameter has other numbers than when they were remembered. */
  haveChanged(): boolean {
    const copied = this.program.resident ? [] : this.takeAll();
    const suspects = this.held.filter(
      ({ value, version }) => value.memory!.isLent || value.memory!.version !== version,
    );
    return copied.concat(suspects).some((held) => {
      const { seen } = held;
      return !seen || !this.numbersOf(held).every((x, i) => Object.is(x, seen[i]));
    });
  }

  private numbersOf({ offset, size }: Held): TypedArray {
    return this.program.arena.subarray(offset, offset + size);
  }

  /** Makes the program the home of the parameters that it trains. Returns where they lived before. */
  takeTrained(): Homes {
    const { program } = this;
    const homes: [Node, Pick<Memory, 'home' | 'initial'>][] = [];
    program.resident = true;
    this.sources = []; // they would keep other programs alive
    this.changes = -1;
    for (const held of this.held) {
      const { value } = held;
      const { home, initial } = value.memory!;
      if (home?.program === program) continue;
      if (!held.isWritten) {
        program.resident = false;
        continue;
      }
      homes.push([value, { ...(home && { home }), ...(initial && { initial }) }]);
      this.house(held);
    }
    return homes;
  }

  private house(held: Held): void {
    const memory = held.value.memory!;
    if (memory.home) memory.home.program.resident = false;
    memory.home = { program: this.program, offset: held.offset };
    delete memory.initial; // no longer its numbers: a large model's take as much memory as its parameters
    held.source = undefined; // no longer needed; it would keep the source alive
    memory.isLent = false;
    parameterChanges.count++;
  }

  /** Undoes `takeTrained`. */
  giveBack(homes: Homes): void {
    for (const [value, before] of homes) {
      delete value.memory!.home;
      Object.assign(value.memory!, before);
      this.program.resident = false;
      parameterChanges.count++;
    }
  }
}

/** Whether a parameter's copy has its numbers, if nobody else has its array. */
function isCopy({ value, source, writes, version }: Held): boolean {
  const { home, initial, version: now } = value.memory!;
  return source === (home?.program ?? initial) && writes === home?.program.writes && version === now;
}

/**
 * From now on the data, or the gradient, of these nodes is read from this program and no other, so that other
 * programs can be collected.
 */
export function readFrom(program: Holder, nodes: Iterable<Node>, what: 'data' | 'gradient'): void {
  for (const node of nodes) {
    const memory = (node.memory ??= {});
    if (memory[what]) memory[what].isRead[what] = false;
    memory[what] = program;
  }
  program.isRead[what] = true;
}
