/**
 * From a graph of single numbers to the scalar tape: one number per instruction, in the order of
 * the prefix, so that a shorter run is a shorter stretch of the same tape.
 */
import type { OpName } from '../ops.js';
import { tapeOpcodes } from '../native.js';
import { Encoder } from './encode.js';
import type { Ir } from './ir.js';
import { Layout, type Lowered, type LoweringOptions } from './layout.js';
import { termCount, termLevel } from './trace.js';
import { denseView } from './view.js';

/** Operators that a tape has, and their opcodes. */
const SIMPLE: Partial<Record<OpName, string>> = {
  neg: 'neg',
  exp: 'exp',
  log: 'log',
  relu: 'relu',
  detach: 'copy',
  reshape: 'copy',
  broadcastTo: 'copy',
  sum: 'copy',
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  div: 'div',
  maximum: 'maximum',
  logGrad: 'log_grad',
  maskPositive: 'mask_positive',
};
const LEAVES: ReadonlySet<OpName> = new Set<OpName>(['parameter', 'input', 'constant', 'inverseCount', 'index', 'element']); // prettier-ignore
const OTHERS: ReadonlySet<OpName> = new Set<OpName>(['pow', 'total', 'choose', 'chooseGrad']);
/** What a total's term becomes when its own instruction adds to the total. */
const ADDING: Partial<Record<OpName, string>> = {
  mul: 'fma',
  neg: 'decumulate',
  maskPositive: 'mask_add',
};

/**
 * The nodes that run outside the order of levels: forward, what depends on a prefix total, which is
 * complete only after the last level; backward, what depends on nothing of any level, which comes
 * before the deepest.
 */
function outsideLevels(ir: Ir): Uint8Array {
  const outside = new Uint8Array(ir.count);
  for (let node = 0; node < ir.forwardEnd; node++) {
    outside[node] = ir.is(node, 'total') && ir.attr(node).prefix ? 1 : 0;
    for (let i = 0; i < ir.inputCount(node); i++) outside[node]! |= outside[ir.input(node, i)]!;
  }
  for (let node = ir.forwardEnd; node < ir.count; node++) {
    let free = ir.levels[node] === 0;
    for (let i = 0; i < ir.inputCount(node) && free; i++) {
      const input = ir.input(node, i);
      free = input < ir.forwardEnd || outside[input] === 1;
    }
    outside[node] = free ? 1 : 0;
  }
  return outside;
}

/** Whether each term of a backward total is computed by the time its level adds it. */
function termsInOrder(ir: Ir, total: number, outside: Uint8Array): boolean {
  for (let i = 0; i < termCount(ir, total); i++) {
    const term = ir.input(total, i);
    const early = term < ir.forwardEnd || outside[term] === 1 || ir.inputCount(term) === 0;
    if (!early && ir.levels[term] !== termLevel(ir, total, i)) return false;
  }
  return true;
}

/** Whether every node is a single number that the tape can compute. */
export function isScalarProgram(ir: Ir): boolean {
  const outside = outsideLevels(ir);
  for (let node = 0; node < ir.count; node++) {
    if (outside[node] && ir.levels[node]! > 0) return false;
    if (node >= ir.forwardEnd && ir.is(node, 'total') && !termsInOrder(ir, node, outside)) return false; // prettier-ignore
    const op = ir.opOf(node);
    if (ir.isInteger(node)) {
      if (op === 'topk') return false;
    } else if (ir.shape(node).length || !(op in SIMPLE || LEAVES.has(op) || OTHERS.has(op))) {
      return false;
    }
  }
  return true;
}

/** Tape words in runs of equal opcodes. */
class TapeWriter {
  words = new Uint32Array(1 << 12);
  length = 0;
  private head = -1;
  private opcode = -1;

  /** Ends the current run: what follows can be the start of a range. */
  cut(): number {
    this.head = -1;
    return this.length;
  }
  record(op: string, a: number, b: number, c = -1, d = -1, e = -1): void {
    if (this.length + 6 > this.words.length) {
      const bigger = new Uint32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
    const code = tapeOpcodes.get(op)!;
    if (this.head < 0 || this.opcode !== code) {
      this.head = this.length;
      this.opcode = code;
      this.words[this.length++] = code;
    }
    this.words[this.head]! += 256;
    this.words[this.length++] = a;
    this.words[this.length++] = b;
    if (c >= 0) this.words[this.length++] = c;
    if (d >= 0) this.words[this.length++] = d;
    if (e >= 0) this.words[this.length++] = e;
  }
}

export function lowerTape(ir: Ir, options: LoweringOptions): Lowered {
  return new TapeLowering(ir, options).run();
}

class TapeLowering {
  private readonly live: Uint8Array;
  private readonly uses: Int32Array;
  private readonly slots: Int32Array;
  /** The total that a node's own instruction adds to; -1: none. */
  private readonly total: Int32Array;
  /** Computed by the instruction of another node. */
  private readonly absorbed: Uint8Array;
  private readonly base: Uint8Array;
  private readonly zeroed: number[] = [];
  private readonly isZeroed: Uint8Array;
  private readonly outside: Uint8Array;
  private readonly gradientNodes: ReadonlySet<number>;
  private readonly additions: [total: number, term: number][] = [];
  private readonly layout: Layout;
  private readonly tape = new TapeWriter();

  constructor(
    private readonly ir: Ir,
    private readonly options: LoweringOptions,
  ) {
    const n = ir.count;
    this.live = new Uint8Array(n);
    this.uses = new Int32Array(n);
    for (const node of [...options.keep, ...options.gradients.values()]) {
      this.live[node] = 1;
      this.uses[node]!++;
    }
    for (let node = n - 1; node >= 0; node--) {
      if (!this.live[node]) continue;
      for (let i = 0; i < ir.inputCount(node); i++) {
        const input = ir.input(node, i);
        this.live[input] = 1;
        this.uses[input]!++;
      }
    }
    this.slots = new Int32Array(n).fill(-1);
    this.total = new Int32Array(n).fill(-1);
    this.absorbed = new Uint8Array(n);
    this.base = new Uint8Array(n);
    this.isZeroed = new Uint8Array(n);
    this.outside = outsideLevels(ir);
    this.gradientNodes = new Set(options.gradients.values());
    this.layout = new Layout(ir, this.live, options);
    this.assignSlots();
    for (let node = 0; node < n; node++) {
      if (this.live[node]) this.plan(node);
    }
  }

  private assignSlots(): void {
    const { ir, layout, slots } = this;
    const { block } = layout;
    for (const [parameter, gradient] of this.options.gradients) {
      const offset = layout.parameterOffsets.get(parameter);
      if (offset !== undefined) slots[gradient] = block.gradients + offset - block.offset;
    }
    for (let node = 0; node < ir.count; node++) {
      if (!this.live[node] || slots[node]! >= 0) continue;
      if (ir.isInteger(node)) layout.slot(node);
      else if (ir.is(node, 'constant')) slots[node] = layout.constant(ir.constantValue(node));
      else if (ir.is(node, 'parameter')) slots[node] = layout.parameterOffsets.get(node)!;
      else slots[node] = layout.allocate(1);
    }
  }

  /** Which nodes are folded into the instruction of the node that uses them. */
  private plan(node: number): void {
    const { ir, uses } = this;
    if (ir.is(node, 'total')) {
      const n = termCount(ir, node);
      const level = ir.levels[node]!;
      let first = -1;
      let uniform = true;
      for (let i = 0; i < n; i++) {
        const term = ir.input(node, i);
        uniform &&= termLevel(ir, node, i) === level;
        const folds = ir.opOf(term) in ADDING || ir.is(term, 'chooseGrad');
        if (folds && uses[term] === 1 && this.total[term] === -1) {
          this.total[term] = node;
          if (first < 0 || this.runsBefore(term, first)) first = term;
        }
      }
      // At one level nodes run in order of their numbers: the first writes, the others add.
      // An update reads every parameter's gradient: a run too short to reach one must leave zero.
      uniform &&= level === 0 || !this.gradientNodes.has(node);
      if (uniform && first >= 0) this.base[first] = 1;
      else if (!uniform) {
        this.isZeroed[node] = 1;
        this.zeroed.push(node);
      }
    } else if (ir.is(node, 'add')) {
      for (let i = 1; i >= 0; i--) {
        const product = ir.input(node, i);
        if (
          ir.is(product, 'mul') &&
          uses[product] === 1 &&
          ir.levels[product] === ir.levels[node]
        ) {
          this.absorbed[product] = i + 1;
          break;
        }
      }
    }
  }

  /** Whether one of two nodes of a level runs before the other. */
  private runsBefore(a: number, b: number): boolean {
    return this.outside[a] === this.outside[b] ? a < b : this.outside[a] === 1;
  }

  run(): Lowered {
    const { ir, tape, layout, options } = this;
    const levels = ir.maxLevel;
    const out = new Encoder();
    const literal = (n: number): number => out.literal(n);
    const instruction = (rows: number, cols: number, backward = false, byLevel = false): void => {
      const one = literal(1);
      const extents = [one, one, rows, cols, one] as const;
      out.emit(-1, { op: 'tape', level: 0, accumulate: backward, extents, imm0: byLevel ? 1 : 0 });
    };
    const zero = layout.constant(0);
    const clear = (from: number, to: number): void => {
      const start = tape.cut();
      for (const node of this.zeroed) {
        if (node >= from && node < to) tape.record('copy', this.slots[node]!, zero);
      }
      const end = tape.cut();
      if (end > start) instruction(literal(start), literal(end));
    };

    clear(0, ir.forwardEnd);
    // Forward: ends[n] is where the part that a run of length n needs stops.
    const ends: number[] = [tape.cut()];
    const forward = this.byLevel(0, ir.forwardEnd);
    for (let level = 0; level < levels; level++) {
      for (const node of forward[level]!) this.emit(node);
      ends.push(tape.cut());
    }
    const ranges = out.byLevel(ends);
    instruction(ranges, ranges, false, true);
    const unordered = (from: number, to: number): void => {
      const start = tape.cut();
      for (let node = from; node < to; node++) {
        if (this.outside[node] && this.live[node] && !this.absorbed[node]) this.emit(node);
      }
      const stop = tape.cut();
      if (stop > start) instruction(literal(start), literal(stop));
    };
    unordered(0, ir.forwardEnd);
    const forwardCount = out.count;

    clear(ir.forwardEnd, ir.count);
    unordered(ir.forwardEnd, ir.count);
    // Backward: the deepest positions first; a run of length n starts where they are past.
    const starts = new Array<number>(levels + 1);
    const backward = this.byLevel(ir.forwardEnd, ir.count);
    for (let level = levels - 1; level >= 0; level--) {
      starts[level + 1] = tape.cut();
      for (const node of backward[level]!) this.emit(node);
    }
    const end = tape.cut();
    starts[0] = end;
    if (ir.count > ir.forwardEnd) instruction(out.byLevel(starts), literal(end), true, true);
    const backwardCount = out.count;

    if (options.update) {
      const { block } = layout;
      const start = tape.cut();
      for (let i = 0; i < block.size; i++) {
        const [m, v] = block.moments;
        if (options.update.op === 'adam') {
          tape.record('adam', block.offset + i, m! + i, v! + i, block.gradients + i, block.rule);
        } else tape.record('sgd', block.offset + i, m! + i, block.gradients + i, block.rule);
      }
      instruction(literal(start), literal(tape.cut()));
    }
    const { code, extents } = out.finish(levels);
    return {
      code,
      extents,
      tape: tape.words.slice(0, tape.length),
      arenaSize: layout.size,
      intsSize: layout.ints,
      levels,
      nodes: out.nodes,
      sections: { forward: forwardCount, backward: backwardCount, update: out.count },
      parameters: layout.block,
      view: (node) => (this.slots[node]! < 0 ? undefined : denseView(this.slots[node]!, [])),
      slot: (node) => layout.slot(node),
      constants: layout.constants,
    };
  }

  /**
   * What each level runs, in order: node numbers, and ~i for the i-th of `additions`, a term of a
   * total that spans levels: it must add at its own level, or a short run would add stale numbers.
   */
  private byLevel(from: number, to: number): number[][] {
    const { ir } = this;
    const lists: number[][] = Array.from({ length: ir.maxLevel }, () => []);
    for (let node = from; node < to; node++) {
      if (!this.live[node] || this.absorbed[node]) continue;
      if (this.isZeroed[node]) {
        for (let i = 0; i < termCount(ir, node); i++) {
          const term = ir.input(node, i);
          if (this.total[term] === node) continue;
          lists[termLevel(ir, node, i)]!.push(~(this.additions.push([node, term]) - 1));
        }
      } else if (!this.outside[node]) lists[ir.levels[node]!]!.push(node);
    }
    return lists;
  }

  private emit(node: number): void {
    if (node < 0) {
      const [total, term] = this.additions[~node]!;
      this.tape.record('accumulate', this.slots[total]!, this.slots[term]!);
      return;
    }
    const { ir, slots, tape } = this;
    const op = ir.opOf(node);
    if (LEAVES.has(op)) return;
    const at = (i: number): number => slots[ir.input(node, i)]!;
    const into = this.total[node]!;
    if (op === 'chooseGrad') {
      this.emitChooseGrad(node, into);
      return;
    }
    if (into >= 0) {
      const name = this.base[node] ? SIMPLE[op]! : ADDING[op]!;
      if (ir.inputCount(node) === 1) tape.record(name, slots[into]!, at(0));
      else tape.record(name, slots[into]!, at(0), at(1));
      return;
    }
    const d = slots[node]!;
    switch (op) {
      case 'add': {
        const product = [ir.input(node, 0), ir.input(node, 1)].findIndex((x, i) => this.absorbed[x] === i + 1); // prettier-ignore
        if (product >= 0) {
          const mul = ir.input(node, product);
          tape.record('mul_add', d, slots[ir.input(mul, 0)]!, slots[ir.input(mul, 1)], at(1 - product)); // prettier-ignore
        } else tape.record('add', d, at(0), at(1));
        break;
      }
      case 'pow': {
        const exponent = ir.attr(node).exponent!;
        const name = { '-0.5': 'rsqrt', '0.5': 'sqrt', '-1': 'reciprocal', '1': 'copy' }[String(exponent)]; // prettier-ignore
        if (name) tape.record(name, d, at(0));
        else if (exponent === 2) tape.record('mul', d, at(0), at(0));
        else tape.record('pow', d, at(0), this.layout.constant(exponent));
        break;
      }
      case 'total':
        this.emitTotal(node);
        break;
      case 'choose':
        this.emitChoose(node);
        break;
      default: {
        const name = SIMPLE[op]!;
        if (ir.inputCount(node) === 1) tape.record(name, d, at(0));
        else tape.record(name, d, at(0), at(1));
      }
    }
  }

  /** The terms that did not add themselves. */
  private emitTotal(node: number): void {
    if (this.isZeroed[node]) return; // each term adds at its own level
    const { ir, slots, tape } = this;
    const d = slots[node]!;
    const n = termCount(ir, node);
    let started = false;
    const rest: number[] = [];
    for (let i = 0; i < n; i++) {
      const term = ir.input(node, i);
      if (this.total[term] === node) started = true;
      else rest.push(term);
    }
    for (const term of rest) {
      tape.record(started ? 'accumulate' : 'copy', d, slots[term]!);
      started = true;
    }
  }

  /** The stride of equally spaced slots, or -1. */
  private strideOf(slots: readonly number[]): number {
    const stride = slots.length > 1 ? slots[1]! - slots[0]! : 1;
    return stride >= 0 && slots.every((slot, i) => slot === slots[0]! + i * stride) ? stride : -1;
  }

  private emitChoose(node: number): void {
    const { ir, slots, tape, layout } = this;
    const n = ir.inputCount(node) - 1;
    let from = Array.from({ length: n }, (_, i) => slots[ir.input(node, i)]!);
    let stride = this.strideOf(from);
    if (stride < 0) {
      const block = layout.allocate(n);
      from.forEach((slot, i) => {
        tape.record('copy', block + i, slot);
      });
      from = [block];
      stride = 1;
    }
    tape.record('pick', slots[node]!, from[0]!, stride, n, layout.slot(ir.input(node, n)));
  }

  /** All the choices of one index at once where their totals are equally spaced. */
  private emitChooseGrad(node: number, into: number): void {
    const { ir, slots, tape, layout } = this;
    if (this.absorbed[node]) return;
    const g = ir.input(node, 0);
    const which = ir.input(node, 1);
    const family: number[] = [];
    for (
      let other = node;
      other < ir.count && this.isSibling(other, g, which, family.length);
      other++
    ) {
      family.push(other);
    }
    const totals = family.map((other) => this.total[other]!);
    if (
      family.length > 1 &&
      family.length === ir.attr(node).k &&
      totals.every((t) => t >= 0 && this.isZeroed[t])
    ) {
      const stride = this.strideOf(totals.map((t) => slots[t]!));
      if (stride > 0) {
        for (const other of family) this.absorbed[other] = 1;
        tape.record('pick_add', slots[g]!, slots[totals[0]!]!, stride, family.length, layout.slot(which)); // prettier-ignore
        return;
      }
    }
    const { choice } = ir.attr(node);
    const d = into >= 0 && this.base[node] ? slots[into]! : slots[node]!;
    tape.record('choose_grad', d, slots[g]!, layout.slot(which), choice);
    if (into >= 0 && !this.base[node]) tape.record('accumulate', slots[into]!, d);
  }

  private isSibling(node: number, g: number, which: number, choice: number): boolean {
    const { ir } = this;
    return (
      this.live[node] === 1 &&
      ir.is(node, 'chooseGrad') &&
      ir.input(node, 0) === g &&
      ir.input(node, 1) === which &&
      ir.attr(node).choice === choice
    );
  }
}
