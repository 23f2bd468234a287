/**
 * From a graph of single numbers to the scalar tape: one number per instruction, in the order of
 * the prefix, so that a shorter run is a shorter stretch of the same tape.
 */
import { OP_NAMES, type OpName } from '../ops.js';
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
  chooseGrad: 'choose_grad',
};

function tapeCode(name: string): number {
  return tapeOpcodes.get(name)!;
}
/** A number for each operator, by the compiler's numbering. */
function byOperator(of: (op: OpName) => number): Int32Array {
  return Int32Array.from(OP_NAMES, of);
}
function codes(names: Partial<Record<OpName, string>>): Int32Array {
  return byOperator((op) => (names[op] ? tapeCode(names[op]) : -1));
}
const OWN_CODE = codes(SIMPLE);
const ADDING_CODE = codes(ADDING);
const IS_LEAF = byOperator((op) => Number(LEAVES.has(op)));
const HAS_INSTRUCTION = byOperator((op) =>
  Number(op in SIMPLE || OTHERS.has(op) || LEAVES.has(op)),
);
const COPY = tapeCode('copy');
const ACCUMULATE = tapeCode('accumulate');
const FMA = tapeCode('fma');
const MUL_ADD = tapeCode('mul_add');

/** Whether every node is a single number that the tape can compute. */
export function isScalarGraph(ir: Ir): boolean {
  for (let node = 0; node < ir.count; node++) {
    if (ir.isInteger(node)) {
      if (ir.is(node, 'topk')) return false;
    } else if (!ir.isScalar(node) || !HAS_INSTRUCTION[ir.codeOf(node)]) {
      return false;
    }
  }
  return true;
}

/**
 * The nodes that run outside the order of levels: forward, what depends on a prefix total, which is
 * complete only after the last level; backward, what depends on nothing of any level, which comes
 * before the deepest. Undefined where levels leave no order to run in.
 */
function outsideLevels(ir: Ir): Uint8Array | undefined {
  const { levels } = ir;
  const outside = new Uint8Array(ir.count);
  for (let node = 0; node < ir.forwardEnd; node++) {
    let out = ir.is(node, 'total') && ir.attr(node).prefix === true;
    const n = ir.inputCount(node);
    for (let i = 0; i < n && !out; i++) out = outside[ir.input(node, i)] === 1;
    if (!out) continue;
    outside[node] = 1;
    if (levels[node]! > 0) return undefined;
  }
  for (let node = ir.forwardEnd; node < ir.count; node++) {
    let free = levels[node] === 0;
    const n = ir.inputCount(node);
    for (let i = 0; i < n && free; i++) {
      const input = ir.input(node, i);
      free = input < ir.forwardEnd || outside[input] === 1;
    }
    outside[node] = free ? 1 : 0;
    if (ir.is(node, 'total') && !termsInOrder(ir, node, outside)) return undefined;
  }
  return outside;
}

/** Whether each term of a backward total is computed by the time its level adds it. */
function termsInOrder(ir: Ir, total: number, outside: Uint8Array): boolean {
  const n = termCount(ir, total);
  for (let i = 0; i < n; i++) {
    const term = ir.input(total, i);
    const early = term < ir.forwardEnd || outside[term] === 1 || ir.inputCount(term) === 0;
    if (!early && ir.levels[term] !== termLevel(ir, total, i)) return false;
  }
  return true;
}

/** Tape words in runs of equal opcodes. */
class TapeWriter {
  private words: Uint32Array;
  length = 0;
  private head = -1;
  private opcode = -1;

  constructor(capacity: number) {
    this.words = new Uint32Array(capacity);
  }
  get tape(): Uint32Array {
    return this.words.subarray(0, this.length);
  }

  /** Ends the current run: what follows can be the start of a range. */
  cut(): number {
    this.head = -1;
    return this.length;
  }
  record(code: number, a: number, b: number, c = -1, d = -1, e = -1): void {
    if (this.length + 6 > this.words.length) {
      const bigger = new Uint32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
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

/** The tape of a graph of single numbers; undefined where its levels leave no order to run in. */
export function lowerTape(ir: Ir, options: LoweringOptions): Lowered | undefined {
  const outside = outsideLevels(ir);
  return outside && new TapeLowering(ir, options, outside).run();
}

/** How an addition is done: which operand is a product to fuse, which a sum to add to in place. */
const PRODUCT = [1, 2] as const;
const IN_PLACE = [4, 8] as const;

class TapeLowering {
  private readonly live: Uint8Array;
  private readonly uses: Int32Array;
  /** Given when a number is first written, so that neighbours in time are neighbours in memory. */
  private readonly slots: Int32Array;
  /** The total that a node's own instruction adds to; -1: none. */
  private readonly total: Int32Array;
  /** Computed by the instruction of another node. */
  private readonly absorbed: Uint8Array;
  /** Of an addition: PRODUCT and IN_PLACE. */
  private readonly fusion: Uint8Array;
  /** Totals whose terms add themselves at several levels, to a zero written before. */
  private readonly zeroed: number[] = [];
  private readonly isZeroed: Uint8Array;
  /** Totals that a term has been written to. */
  private readonly started: Uint8Array;
  private readonly gradientNodes: Uint8Array;
  /** Terms of zeroed totals that do not add themselves, one after another. */
  private readonly additionTotals: number[] = [];
  private readonly additionTerms: number[] = [];
  /** Terms of zeroed totals. */
  private zeroedTerms = 0;
  private readonly layout: Layout;
  private readonly tape: TapeWriter;

  constructor(
    private readonly ir: Ir,
    private readonly options: LoweringOptions,
    private readonly outside: Uint8Array,
  ) {
    const n = ir.count;
    this.live = new Uint8Array(n);
    this.uses = new Int32Array(n);
    this.slots = new Int32Array(n).fill(-1);
    this.total = new Int32Array(n).fill(-1);
    this.absorbed = new Uint8Array(n);
    this.fusion = new Uint8Array(n);
    this.isZeroed = new Uint8Array(n);
    this.started = new Uint8Array(n);
    this.gradientNodes = new Uint8Array(n);
    this.tape = new TapeWriter(4 * n + 1024);
    for (const node of options.gradients.values()) this.gradientNodes[node] = 1;
    this.countUses();
    this.layout = new Layout(ir, this.live, options);
    this.placeGradients();
    for (let node = 0; node < n; node++) {
      if (!this.live[node]) continue;
      if (IS_LEAF[ir.codeOf(node)]) this.placeLeaf(node);
      else if (ir.is(node, 'total')) this.planTotal(node);
      else if (ir.is(node, 'add')) this.planAddition(node);
    }
  }

  private countUses(): void {
    const { ir, live, uses } = this;
    const keep = (node: number): void => {
      live[node] = 1;
      uses[node]!++;
    };
    this.options.keep.forEach(keep);
    for (const node of this.options.gradients.values()) keep(node);
    for (let node = ir.count - 1; node >= 0; node--) {
      if (!live[node]) continue;
      const n = ir.inputCount(node);
      for (let i = 0; i < n; i++) {
        const input = ir.input(node, i);
        live[input] = 1;
        uses[input]!++;
      }
    }
  }

  /** Places the parameters' gradients, which an update reads as one block. */
  private placeGradients(): void {
    const { layout, slots } = this;
    const { block } = layout;
    for (const [parameter, gradient] of this.options.gradients) {
      const offset = layout.parameterOffsets.get(parameter);
      if (offset !== undefined) slots[gradient] = block.gradients + offset - block.offset;
    }
  }

  private placeLeaf(node: number): void {
    const { ir, layout, slots } = this;
    if (ir.isInteger(node)) layout.slot(node);
    else if (ir.is(node, 'constant')) slots[node] = layout.constant(ir.constantValue(node));
    else if (ir.is(node, 'parameter')) slots[node] = layout.parameterOffsets.get(node)!;
    else slots[node] = layout.allocate(1);
  }

  /** Which terms are added by their own instruction. */
  private planTotal(node: number): void {
    const { ir } = this;
    const n = termCount(ir, node);
    const level = ir.levels[node]!;
    let uniform = true;
    for (let i = 0; i < n; i++) {
      const term = ir.input(node, i);
      uniform &&= termLevel(ir, node, i) === level;
      const folds = ADDING_CODE[ir.codeOf(term)]! >= 0 && this.uses[term] === 1;
      if (folds && this.sameSection(term, node)) this.total[term] = node;
    }
    // An update reads every parameter's gradient: a run too short to reach one must leave zero.
    uniform &&= level === 0 || !this.gradientNodes[node];
    if (uniform) return;
    this.isZeroed[node] = 1;
    this.zeroed.push(node);
    this.zeroedTerms += n;
  }

  /** What an addition does by the way: a product of one use, and adding in place. */
  private planAddition(node: number): void {
    const { ir, fusion } = this;
    for (let i = 1; i >= 0; i--) {
      const product = ir.input(node, i);
      if (!ir.is(product, 'mul') || !this.isAlone(product, node)) continue;
      this.absorbed[product] = 1;
      fusion[node] = PRODUCT[i as 0 | 1];
      break;
    }
    for (let i = 0; i < 2; i++) {
      const sum = ir.input(node, i);
      if (!this.isAlone(sum, node) || this.absorbed[sum] || IS_LEAF[ir.codeOf(sum)] || this.isZeroed[sum]) continue; // prettier-ignore
      fusion[node]! |= IN_PLACE[i as 0 | 1];
      break;
    }
  }

  /** Whether nothing but `user` needs an operand, which is computed in the same part of the tape. */
  private isAlone(operand: number, user: number): boolean {
    return (
      this.uses[operand] === 1 &&
      this.ir.levels[operand] === this.ir.levels[user] &&
      this.outside[operand] === this.outside[user] &&
      this.sameSection(operand, user)
    );
  }

  private sameSection(a: number, b: number): boolean {
    return a < this.ir.forwardEnd === b < this.ir.forwardEnd;
  }

  run(): Lowered {
    const { ir, tape, layout, options, slots } = this;
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
        if (node >= from && node < to) tape.record(COPY, this.place(node), zero);
      }
      const end = tape.cut();
      if (end > start) instruction(literal(start), literal(end));
    };
    const unordered = (nodes: readonly number[]): void => {
      const start = tape.cut();
      for (const node of nodes) this.emit(node);
      const stop = tape.cut();
      if (stop > start) instruction(literal(start), literal(stop));
    };

    clear(0, ir.forwardEnd);
    // Forward: ends[n] is where the part that a run of length n needs stops.
    const ends = [tape.cut()];
    const forward = this.schedule(0, ir.forwardEnd, false);
    for (let i = 0; i < levels; i++) {
      for (let k = forward.starts[i]!; k < forward.starts[i + 1]!; k++)
        this.emit(forward.items[k]!);
      ends.push(tape.cut());
    }
    const ranges = out.byLevel(ends);
    instruction(ranges, ranges, false, true);
    unordered(forward.outside);
    const forwardCount = out.count;

    clear(ir.forwardEnd, ir.count);
    const backward = this.schedule(ir.forwardEnd, ir.count, true);
    unordered(backward.outside);
    // Backward: the deepest positions first; a run of length n starts where they are past.
    const starts = new Array<number>(levels + 1);
    for (let i = 0; i < levels; i++) {
      starts[levels - i] = tape.cut();
      for (let k = backward.starts[i]!; k < backward.starts[i + 1]!; k++) this.emit(backward.items[k]!); // prettier-ignore
    }
    const end = tape.cut();
    starts[0] = end;
    if (ir.count > ir.forwardEnd) instruction(out.byLevel(starts), literal(end), true, true);
    const backwardCount = out.count;

    if (options.update) {
      const { block } = layout;
      const code = tapeCode(options.update.op);
      const start = tape.cut();
      for (let i = 0; i < block.size; i++) {
        const [m, v] = block.moments;
        if (v !== undefined)
          tape.record(code, block.offset + i, m! + i, v + i, block.gradients + i, block.rule); // prettier-ignore
        else tape.record(code, block.offset + i, m! + i, block.gradients + i, block.rule);
      }
      instruction(literal(start), literal(tape.cut()));
    }
    const { code, extents } = out.finish(levels);
    return {
      code,
      extents,
      tape: tape.tape,
      arenaSize: layout.size,
      intsSize: layout.ints,
      levels,
      nodes: out.nodes,
      sections: {
        results: forwardCount,
        forward: forwardCount,
        backward: backwardCount,
        update: out.count,
      },
      parameters: layout.block,
      view: (node) => (slots[node]! < 0 ? undefined : denseView(slots[node]!, [])),
      slot: (node) => layout.slot(node),
      constants: layout.constants,
    };
  }

  /**
   * What each level runs, in order: node numbers, and ~i for the i-th addition of a term to a
   * total that spans levels: it must add at its own level, or a short run would add stale numbers.
   *
   * Within a level nodes go by depth, so that neighbours do not wait for each other's results: a
   * long sum runs beside others, not alone.
   */
  private schedule(from: number, to: number, descending: boolean): Schedule {
    const { ir, live, outside } = this;
    const { levels, maxLevel } = ir;
    const items = new Int32Array(to - from + this.zeroedTerms);
    const itemLevels = new Int32Array(items.length);
    const itemDepths = new Int32Array(items.length);
    const depths = new Int32Array(to - from);
    const unordered: number[] = [];
    let count = 0;
    let deepest = 0;
    const add = (item: number, level: number, depth: number): void => {
      items[count] = item;
      itemLevels[count] = descending ? maxLevel - 1 - level : level;
      itemDepths[count++] = depth;
      if (depth > deepest) deepest = depth;
    };
    for (let node = from; node < to; node++) {
      if (!live[node]) continue;
      const isLeaf = IS_LEAF[ir.codeOf(node)] === 1;
      if (isLeaf || (outside[node] && !this.isZeroed[node])) {
        if (!isLeaf) unordered.push(node);
        depths[node - from] = -1;
        continue;
      }
      const level = levels[node]!;
      const n = ir.inputCount(node);
      let depth = 0;
      for (let i = 0; i < n; i++) {
        const input = ir.input(node, i);
        if (input < from || levels[input] !== level) continue;
        const after = depths[input - from]! + 1;
        if (after > depth) depth = after;
      }
      if (this.isZeroed[node]) {
        const terms = termCount(ir, node);
        for (let i = 0; i < terms; i++) {
          const term = ir.input(node, i);
          if (this.total[term] === node) continue;
          const own = termLevel(ir, node, i);
          const ready = term >= from && levels[term] === own ? depths[term - from]! + 1 : 0;
          this.additionTotals.push(node);
          add(~(this.additionTerms.push(term) - 1), own, ready);
        }
      } else if (this.absorbed[node]) depth--;
      else add(node, level, depth);
      depths[node - from] = depth;
    }

    // A counting sort by level and depth.
    const columns = deepest + 1;
    const places = new Int32Array(maxLevel * columns + 1);
    const keyOf = (i: number): number => itemLevels[i]! * columns + itemDepths[i]!;
    for (let i = 0; i < count; i++) places[keyOf(i) + 1]!++;
    for (let key = 0; key < places.length - 1; key++) places[key + 1]! += places[key]!;
    const starts = Array.from({ length: maxLevel + 1 }, (_, i) => places[i * columns]!);
    const sorted = new Int32Array(count);
    for (let i = 0; i < count; i++) sorted[places[keyOf(i)]!++] = items[i]!;
    return { items: sorted, starts, outside: unordered };
  }

  /** A node's slot, given now if it has none. */
  private place(node: number): number {
    if (this.slots[node]! < 0) this.slots[node] = this.layout.allocate(1);
    return this.slots[node]!;
  }

  private emit(node: number): void {
    if (node < 0) {
      const total = this.additionTotals[~node]!;
      this.tape.record(ACCUMULATE, this.slots[total]!, this.slots[this.additionTerms[~node]!]!);
      return;
    }
    const { ir, slots, tape } = this;
    const op = ir.opOf(node);
    const code = ir.codeOf(node);
    if (IS_LEAF[code] || this.absorbed[node]) return;
    const a = slots[ir.input(node, 0)]!;
    if (op === 'chooseGrad') this.emitChooseGrad(node);
    else if (op === 'add') this.emitAddition(node);
    else if (op === 'pow') this.emitPower(node);
    else if (op === 'total') this.emitTotal(node);
    else if (op === 'choose') this.emitChoose(node);
    else {
      const into = this.total[node]!;
      const name = into >= 0 && this.hasStarted(into) ? ADDING_CODE[code]! : OWN_CODE[code]!;
      const d = this.place(into >= 0 ? into : node);
      if (ir.inputCount(node) === 1) tape.record(name, d, a);
      else tape.record(name, d, a, slots[ir.input(node, 1)]);
    }
  }

  /** Whether a total has its first term; from now on it does. */
  private hasStarted(total: number): boolean {
    if (this.isZeroed[total] || this.started[total]) return true;
    this.started[total] = 1;
    return false;
  }

  private emitAddition(node: number): void {
    const { ir, slots, tape } = this;
    const fusion = this.fusion[node]!;
    const left = slots[ir.input(node, 0)]!;
    const right = slots[ir.input(node, 1)]!;
    const product = fusion & PRODUCT[0] ? 0 : fusion & PRODUCT[1] ? 1 : -1;
    // What is added in place, and what a product is added to.
    const sum = fusion & IN_PLACE[0] ? left : fusion & IN_PLACE[1] ? right : -1;
    if (sum >= 0 && slots[node]! < 0) slots[node] = sum;
    const d = this.place(node);
    if (product >= 0) {
      const mul = ir.input(node, product);
      const a = slots[ir.input(mul, 0)]!;
      const b = slots[ir.input(mul, 1)]!;
      if (d === sum) tape.record(FMA, d, a, b);
      else tape.record(MUL_ADD, d, a, b, product === 0 ? right : left);
    } else if (d === sum) tape.record(ACCUMULATE, d, fusion & IN_PLACE[0] ? right : left);
    else tape.record(OWN_CODE[ir.codeOf(node)]!, d, left, right);
  }

  private emitPower(node: number): void {
    const { ir, slots, tape } = this;
    const exponent = ir.attr(node).exponent!;
    const a = slots[ir.input(node, 0)]!;
    const d = this.place(node);
    const name = { '-0.5': 'rsqrt', '0.5': 'sqrt', '-1': 'reciprocal', '1': 'copy' }[String(exponent)]; // prettier-ignore
    if (name) tape.record(tapeCode(name), d, a);
    else if (exponent === 2) tape.record(tapeCode('mul'), d, a, a);
    else tape.record(tapeCode('pow'), d, a, this.layout.constant(exponent));
  }

  /** The terms that did not add themselves. */
  private emitTotal(node: number): void {
    if (this.isZeroed[node]) return; // each term adds at its own level
    const { ir, slots, tape } = this;
    const d = this.place(node);
    const n = termCount(ir, node);
    for (let i = 0; i < n; i++) {
      const term = ir.input(node, i);
      if (this.total[term] === node) continue;
      tape.record(this.hasStarted(node) ? ACCUMULATE : COPY, d, slots[term]!);
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
        tape.record(COPY, block + i, slot);
      });
      from = [block];
      stride = 1;
    }
    tape.record(tapeCode('pick'), this.place(node), from[0]!, stride, n, layout.slot(ir.input(node, n))); // prettier-ignore
  }

  /** All the choices of one index at once where their totals are equally spaced. */
  private emitChooseGrad(node: number): void {
    const { ir, slots, tape, layout } = this;
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
        tape.record(tapeCode('pick_add'), slots[g]!, slots[totals[0]!]!, stride, family.length, layout.slot(which)); // prettier-ignore
        return;
      }
    }
    const { choice } = ir.attr(node);
    const into = this.total[node]!;
    const adds = into >= 0 && this.hasStarted(into);
    const d = this.place(into >= 0 && !adds ? into : node);
    tape.record(tapeCode('choose_grad'), d, slots[g]!, layout.slot(which), choice);
    if (adds) tape.record(ACCUMULATE, slots[into]!, d);
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

interface Schedule {
  items: Int32Array;
  /** Where the items of each level begin in the order of running. */
  starts: number[];
  /** What runs outside the order of levels. */
  outside: number[];
}
