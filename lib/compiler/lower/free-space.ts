/**
 * Free space between what is allocated and freed again: takes the smallest hole that fits, nearly. Taking and
 * giving back cost the same however many holes there are.
 */

/** Classes of sizes for each doubling: a hole is at most a quarter larger than another of its class. */
const CLASSES = 4;
/** Of the class of what is asked for, whose holes may be too small, so many are looked at. */
const LOOKS = 16;

export class FreeSpace {
  /** Where the space that was ever in use ends; beyond it all is free. */
  end = 0;
  /** The size of the hole that begins at an offset, and the beginning of the one that ends there. */
  private readonly sizes = new Map<number, number>();
  private readonly beginnings = new Map<number, number>();
  /** Holes by class. Those that are gone, or have another size by now, are dropped when they are met. */
  private readonly classes: { offset: number; size: number }[][] = [];

  /** A place for `size` elements. */
  take(size: number): number {
    const offset = this.holeFor(size) ?? this.lastHole();
    const all = this.sizes.get(offset) ?? 0;
    this.remove(offset, all);
    if (all > size) this.add(offset + size, all - size);
    this.end = Math.max(this.end, offset + size);
    return offset;
  }

  /** Frees a place again. */
  give(offset: number, size: number): void {
    const before = this.beginnings.get(offset);
    const after = this.sizes.get(offset + size);
    let [begin, end] = [offset, offset + size];
    if (before !== undefined) {
      this.remove(before, begin - before);
      begin = before;
    }
    if (after !== undefined) {
      this.remove(end, after);
      end += after;
    }
    this.add(begin, end - begin);
  }

  /** A hole of at least `size`. */
  private holeFor(size: number): number | undefined {
    const own = classOf(size);
    let best: { offset: number; size: number } | undefined;
    const holes = this.classes[own] ?? [];
    for (let i = holes.length - 1, looks = LOOKS; i >= 0 && looks > 0; i--) {
      const hole = holes[i]!;
      if (this.sizes.get(hole.offset) !== hole.size) {
        holes[i] = holes[holes.length - 1]!;
        holes.pop();
        continue;
      }
      looks--;
      if (hole.size >= size && (!best || hole.size < best.size)) best = hole;
    }
    for (let larger = own + 1; !best && larger < this.classes.length; larger++) best = this.anyOf(larger);
    return best?.offset;
  }

  private anyOf(which: number): { offset: number; size: number } | undefined {
    const holes = this.classes[which];
    while (holes?.length) {
      const hole = holes[holes.length - 1]!;
      if (this.sizes.get(hole.offset) === hole.size) return hole;
      holes.pop();
    }
    return undefined;
  }

  /** Where new space begins: in the hole at the end, if there is one. */
  private lastHole(): number {
    return this.beginnings.get(this.end) ?? this.end;
  }

  private add(offset: number, size: number): void {
    this.sizes.set(offset, size);
    this.beginnings.set(offset + size, offset);
    (this.classes[classOf(size)] ??= []).push({ offset, size });
  }

  private remove(offset: number, size: number): void {
    if (!size) return;
    this.sizes.delete(offset);
    this.beginnings.delete(offset + size);
  }
}

/** The class of a size, the smaller the size. */
function classOf(size: number): number {
  return Math.floor(Math.log2(size) * CLASSES);
}
