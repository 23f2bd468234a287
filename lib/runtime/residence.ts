/** Tracks where the numbers of parameters live, and moves them between programs. */
import type { TypedArray } from '../core/array.js';
import { sizeOf } from '../core/shape.js';
import type { Holder, Memory, Node } from '../graph/node.js';
import type { PlacedParameter } from '../compiler/compile.js';

/** A parameter in a program's memory. */
export interface Held {
  value: Node;
  offset: number;
  /** Whether training changes it. */
  isTrained: boolean;
  /** For a copy of a parameter that lives elsewhere: where it came from, and the writes there by then. */
  source?: Holder | Float64Array | undefined;
  writes?: number | undefined;
  /** The parameter's version when it was copied, or in the last forward pass. */
  version?: number | undefined;
  /** How often it was copied from elsewhere. */
  copies?: number;
  /** Its numbers in the last forward pass, if somebody had its array by then. */
  seen?: TypedArray | undefined;
}

/** Where parameters lived before a move, or their own numbers. */
export type Homes = readonly (readonly [Node, Pick<Memory, 'home' | 'initial'>])[];

/** The parameters of one program. `program.resident` says whether all of them live there. */
export class Residence {
  readonly held: readonly Held[];

  constructor(
    private readonly program: Holder,
    placed: readonly PlacedParameter[],
  ) {
    this.held = placed.map(({ node, offset, isTrained }) => ({ value: node, offset, isTrained }));
  }

  /**
   * Copies the parameters from wherever they live, including numbers that were set through `.data`.
   * Parameters of the program's type then live here. Those of another type, which a copy may round, stay
   * where they are, and are copied again only after they changed.
   */
  takeAll(): readonly Held[] {
    const { program } = this;
    const copied: Held[] = [];
    // Not before all are here: reading one is refused while its program trains in the background.
    program.resident = false;
    let isResident = true;
    for (const held of this.held) {
      const { value, offset } = held;
      const memory = value.memory!;
      const home = memory.home?.program;
      if (home === program) continue;
      const isOfType = (home?.dtype ?? 'float64') === program.dtype;
      const from = { source: home ?? memory.initial, writes: home?.writes, version: memory.version };
      if (!isOfType) {
        isResident = false;
        home?.checkMemory(); // its numbers may be as they were only because it trains in the background
        const isSame =
          from.source === held.source && from.writes === held.writes && from.version === held.version;
        if (isSame && !memory.isLent) continue;
      }
      program.arena.set(value.peek('data')!, offset);
      held.copies = (held.copies ?? 0) + 1;
      copied.push(held);
      if (isOfType) this.house(held);
      else Object.assign(held, from);
    }
    program.resident = isResident;
    return copied;
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

  private numbersOf({ value, offset }: Held): TypedArray {
    return this.program.arena.subarray(offset, offset + sizeOf(value.shape));
  }

  /** Makes the program the home of the parameters that it trains. Returns where they lived before. */
  takeTrained(): Homes {
    const { program } = this;
    const homes: [Node, Pick<Memory, 'home' | 'initial'>][] = [];
    program.resident = true;
    for (const held of this.held) {
      const { value } = held;
      const { home, initial } = value.memory!;
      if (home?.program === program) continue;
      if (!held.isTrained) {
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
  }

  /** Undoes `takeTrained`. */
  giveBack(homes: Homes): void {
    for (const [value, before] of homes) {
      delete value.memory!.home;
      Object.assign(value.memory!, before);
      this.program.resident = false;
    }
  }
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
