/**
 * Loops. A program with loops must compute, bit for bit, what it computes written out: losses, parameters,
 * and what it says of an index outside its table.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addon, instructionWords, opcodes } from '../../lib/binding/addon.js';
import { account } from '../../lib/compiler/account.js';
import type { Compiled, ProgramCounts } from '../../lib/compiler/compile.js';
import type { Lowered } from '../../lib/compiler/lower/layout.js';
import { NO_LOOPS, unrolled } from '../../lib/compiler/lower/reroll.js';
import { WORD } from '../../lib/compiler/lower/words.js';
import { PASS_NAMES, type PassSet } from '../../lib/compiler/passes.js';
import { allocateAligned } from '../../lib/runtime/arena.js';
import { GRUCell, LSTMCell, RNNCell } from '../../lib/nn/index.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import type { Program } from '../../lib/runtime/program.js';
import { Random } from '../../lib/runtime/random.js';
import { choose, meanOfFirst } from '../../lib/value/joins.js';
import { index, input } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { Leaves } from '../support/check.js';
import { listings, write } from '../support/random-listings.js';
import { TARGETS, type Target } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = (process.env['VECGRAD_LONG'] ? 1000 : 60) * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);

/** All passes but `rows`, with which small programs are written out. */
const LOOPS: PassSet = new Set(PASS_NAMES.filter((name) => name !== 'rows'));
const WRITTEN_OUT: PassSet = new Set([...LOOPS].filter((name) => name !== 'reroll'));

function loweredOf(program: Program): Lowered {
  return (Reflect.get(program, 'compiled') as Compiled).lowered;
}

/** A loss over many positions. */
interface Listing {
  loss: Value;
  feeds: Feeds;
  /** The prefix lengths to run at; none: the listing has no prefix. */
  lengths: readonly number[];
}

/** The states of a recurrence from x[0] on, in as many positions as x has rows. */
function states(x: Value, first: Value, step: (h: Value, x: Value, i: number) => Value): Value[] {
  const all: Value[] = [];
  let h = first;
  for (let i = 0; i < x.shape[0]!; i++) all.push((h = step(h, x.at(i), i)));
  return all;
}

function numbers(n: number): number[] {
  return Array.from({ length: n }, (_, i) => Math.sin(i));
}

/** The mean of the first n states of a recurrence. */
function recurrence(
  positions: number,
  step: (g: Leaves) => (h: Value, x: Value, i: number) => Value,
): Listing {
  const g = new Leaves(3);
  const x = input('x', [positions, 4]);
  const all = states(x, g.p(4), step(g));
  return {
    loss: meanOfFirst(
      all.map((h) => h.mul(h).sum()),
      index('n'),
    ),
    feeds: { x: numbers(4 * positions) },
    lengths: [positions, 1, 2, positions - 1, positions >> 1, positions],
  };
}

/** The states of a cell of `nn`. */
function cell(make: (random: Random) => { apply(x: Value[]): Value[] }, positions = 300): Listing {
  const x = input('x', [positions, 4]);
  const states = make(new Random(1)).apply(Array.from({ length: positions }, (_, i) => x.at(i)));
  return {
    loss: meanOfFirst(
      states.map((h) => h.sum()),
      index('n'),
    ),
    feeds: { x: numbers(4 * positions) },
    lengths: [positions, 1, 2, 3, 7, positions - 1, positions],
  };
}

const LISTINGS: Readonly<Record<string, () => Listing>> = {
  'a plain recurrence': () =>
    recurrence(700, (g) => {
      const [w, a] = [g.p(4, 4).mul(0.3), g.p(4)];
      return (h, x) => h.matmul(w).add(x.mul(a)).tanh();
    }),
  'a recurrence of rectified products': () =>
    recurrence(700, (g) => {
      const w = g.p(4, 4).mul(0.2);
      return (h, x) => h.matmul(w).add(x).relu();
    }),
  'a recurrence that goes two positions back': () => {
    const all: Value[] = [];
    return recurrence(700, (g) => {
      const [w, v] = [g.p(4).mul(0.3), g.p(4).mul(0.3)];
      return (h, x, i) =>
        (all[i] = h
          .mul(w)
          .add((all[i - 2] ?? h).mul(v))
          .add(x)
          .tanh());
    });
  },
  'a recurrence of norms': () =>
    recurrence(700, (g) => {
      const w = g.p(4, 4);
      return (h, x) => {
        const y = h.matmul(w).add(x);
        return y.mul(y.mul(y).mean().add(1e-5).pow(-0.5));
      };
    }),
  'a recurrence of softmax': () =>
    recurrence(700, (g) => {
      const w = g.p(4, 4);
      return (h, x) => h.matmul(w).add(x).softmax();
    }),
  'a recurrence of matrices': () =>
    recurrence(400, (g) => {
      const w = g.p(2, 2).mul(0.4);
      return (h, x) => h.reshape([2, 2]).matmul(w).transpose().reshape([4]).add(x).tanh();
    }),
  'a recurrence of the largest coordinates': () =>
    recurrence(700, (g) => {
      const w = g.p(4, 4).mul(0.3);
      return (h, x) => {
        const largest = h.topk(2);
        return h.gather(largest).matmul(w.gather(largest)).add(x).tanh();
      };
    }),
  RNN: () => cell((random) => new RNNCell(4, 4, { random })),
  GRU: () => cell((random) => new GRUCell(4, 4, { random })),
  LSTM: () => cell((random) => new LSTMCell(4, 4, { random })),
  'sums, and no prefix': () => {
    const g = new Leaves(3);
    const [a, b] = [g.p(4).mul(0.3), g.p(4)];
    let h = g.p(4);
    for (let i = 0; i < 3000; i++) h = h.mul(a).add(b);
    return { loss: h.sum(), feeds: {}, lengths: [0] };
  },
};

/** Losses of evaluations and of steps at each length, and the parameters after each. */
function train({ loss, feeds, lengths }: Listing, target: Target, passes: PassSet): [Program, number[][]] {
  const optimizer =
    target.dtype === 'float32'
      ? new SGD({ learningRate: 1e-3, momentum: 0.9 })
      : new Adam({ learningRate: 1e-3 });
  const training = optimizer.minimize(loss, { ...target, passes });
  const { program } = training;
  const { offset, size } = loweredOf(program).parameters;
  const all = lengths.flatMap((n) => {
    const given = n > 0 ? { ...feeds, n } : feeds;
    const values = [training.evaluate(given), training.step(given)];
    return [values, Array.from(program.arena.subarray(offset, offset + size))];
  });
  return [program, all];
}

describe('a program with loops', () => {
  for (const [what, make] of Object.entries(LISTINGS))
    it(`of ${what} computes what it computes written out, in fewer instructions`, () => {
      for (const target of TARGETS) {
        const [program, all] = train(make(), target, LOOPS);
        const [long, expected] = train(make(), target, WRITTEN_OUT);
        assert.deepEqual(all, expected, JSON.stringify(target));
        assert(all.flat().every(Number.isFinite));
        const { instructions, kept } = program.counts;
        assert.deepEqual(long.counts, { ...program.counts, kept: instructions });
        assert(kept < instructions, `${kept} of ${instructions}`);
        const [looped, written] = [loweredOf(program), loweredOf(long)];
        assert.deepEqual(unrolled(looped), written.code);
        for (const length of [1, program.maxLength])
          assert.deepEqual(account(looped, 8, length), account(written, 8, length));
      }
    });

  const GROWING: readonly [what: string, make: (positions: number) => Listing][] = [
    ['an RNN', (positions) => cell((random) => new RNNCell(4, 4, { random }), positions)],
    ['an LSTM', (positions) => cell((random) => new LSTMCell(4, 4, { random }), positions)],
  ];
  for (const [what, make] of GROWING)
    it(`of ${what} keeps about as many instructions for four times as many positions`, () => {
      const [few, many] = [512, 2048].map((positions) => {
        const { program } = new SGD({ learningRate: 1 }).minimize(make(positions).loss, { passes: LOOPS });
        return program.counts;
      }) as [ProgramCounts, ProgramCounts];
      assert(many.instructions > 3.5 * few.instructions);
      // What is left of the last time of a loop may be written out.
      assert(Math.abs(many.kept - few.kept) < 200, JSON.stringify([few, many]));
    });
});

type Code = Pick<Lowered, 'code' | 'repeats' | 'steps'>;

/** A program of this code, without constants: what it computes is compared, not its sense. */
function create(lowered: Lowered, { code, repeats, steps }: Code, float32: boolean): object {
  const { arenaSize, intsSize, maxLength, extents, bytecode } = lowered;
  const sizes = { arenaSize, intsSize, maxLength };
  const program = { float32, isa: '', ...sizes, extents, code, repeats, steps, scalarBytecode: bytecode };
  return addon.createProgram(program);
}

/** What a run leaves in memory, and its fault. */
function ran(
  lowered: Lowered,
  code: Code,
  float32: boolean,
  range: readonly [from: number, to: number, begin: number, end: number],
  ints: readonly number[] = [],
): unknown[] {
  const handle = create(lowered, code, float32);
  const arena = allocateAligned(float32 ? 'float32' : 'float64', lowered.arenaSize);
  for (let i = 0; i < arena.length; i++) arena[i] = Math.sin(i);
  const integers = new Int32Array(lowered.intsSize);
  integers.set(ints);
  const run = addon.bind(handle, arena, integers, Int32Array.from([...range, 1]));
  return [run(), arena, integers];
}

describe('the instructions of a loop', () => {
  it('name the one whose index is outside its table', () => {
    const { loss } = recurrence(300, (g) => {
      const [w, v] = [g.p(4).mul(0.3), g.p(4).mul(0.3)];
      const which = index('which', 300);
      return (h, x, i) =>
        choose([h.mul(w), h.mul(v)], which.at(i))
          .add(x)
          .tanh();
    });
    const lowered = loweredOf(new SGD({ learningRate: 1 }).minimize(loss, { passes: WRITTEN_OUT }).program);
    const looped = addon.reroll(lowered.code, 100)!;
    const faults = new Set<unknown>();
    for (let slot = 0; slot < lowered.intsSize; slot += 7) {
      const ints = Array.from({ length: lowered.intsSize }, (_, i) => (i === slot ? 2 : 1));
      const range = [0, 300, 0, lowered.sections.forward] as const;
      const [fault, other] = [lowered, looped].map((code) => ran(lowered, code, false, range, ints)[0]);
      assert.deepEqual(other, fault, `slot ${slot}`);
      faults.add(JSON.stringify(fault));
    }
    assert(faults.size > 40, `${faults.size} faults`);
  });

  it('of random networks compute what they compute written out, whatever part of them runs', () => {
    let loops = 0;
    const property = fc.property(listings, fc.boolean(), fc.nat(99), (listing, float32, part) => {
      const { loss } = write({ ...listing, positions: 4 + listing.positions });
      const training = new SGD({ learningRate: 1 }).minimize(loss, { passes: new Set() });
      const lowered = loweredOf(training.program);
      const looped = addon.reroll(lowered.code, 2);
      if (!looped) return;
      loops++;
      assert.deepEqual(unrolled(looped), lowered.code);
      const { maxLength, nodes, code } = lowered;
      const [from, begin] = [part % maxLength, (part * 7919) % nodes.length];
      for (const range of [
        [0, maxLength, 0, nodes.length],
        [from, maxLength, 0, nodes.length],
        [0, from, 0, nodes.length],
        [from, from + 1, 0, nodes.length],
        [0, maxLength, begin, nodes.length],
        [0, maxLength, 0, begin],
      ] as const)
        assert.deepEqual(
          ran(lowered, looped, float32, range),
          ran(lowered, { code, ...NO_LOOPS }, float32, range),
          range.join(),
        );
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
    assert(loops > RUNS / 2, `${loops} programs had loops`);
  });
});

/** The words of an instruction, where they are not 0. */
type Words = Partial<Record<keyof typeof WORD, number>>;

function words(...instructions: readonly Words[]): Int32Array {
  const all = new Int32Array(instructions.length * instructionWords);
  instructions.forEach((instruction, i) => {
    for (const [name, word] of Object.entries(instruction))
      all[i * instructionWords + WORD[name as keyof typeof WORD]] = word;
  });
  return all;
}

/** Copies one of eight numbers. */
const COPY: Words = { opcode: opcodes.get('copy')!, y_col: 1, a_offset: 4, a_col: 1 };
const NEXT: Words = { y_offset: 1, a_offset: 1 };
const BYTECODE: Words = { opcode: opcodes.get('scalar_bytecode')!, rows: 1, cols: 1 };

/** Programs of eight numbers with loops that are unsound, and what is said of them. */
const UNSOUND: readonly (readonly [said: RegExp, repeats: number[], code: Words[], steps: Words[]])[] = [
  [/instruction 0, the last time: y: a slice outside/, [0, 1, 3], [COPY], [{ y_offset: 4 }]],
  [/instruction 0, the last time: a: a slice outside/, [0, 1, 6], [COPY], [{ a_offset: 1 }]],
  [/a step out of range/, [0, 1, 3], [COPY], [{ y_offset: -1 }]],
  [/a step out of range/, [0, 1, 5], [COPY], [{ a_offset: 2 ** 30 }]],
  [/a step out of range/, [0, 1, 3], [COPY], [{ position: -1 }]],
  [/a position out of range/, [0, 1, 3], [COPY], [{ position: 2 ** 30 - 1 }]],
  [/a step of the word rows/, [0, 1, 3], [COPY], [{ rows: 1 }]],
  [/a step of the word opcode/, [0, 1, 3], [COPY], [{ opcode: 1 }]],
  [/a step of the word imm0/, [0, 1, 3], [COPY], [{ imm0: 1 }]],
  [/a step of the word y_col/, [0, 1, 3], [COPY], [{ y_col: 1 }]],
  [/a position that moves unlike/, [0, 2, 3], [COPY, COPY], [{}, { position: 1 }]],
  [/scalar bytecode in a loop/, [0, 1, 3], [BYTECODE], [{}]],
  [/a loop outside the program/, [0, 1, 1], [COPY], [NEXT]],
  [/a loop outside the program/, [0, 0, 3], [COPY], []],
  [/a loop outside the program/, [0, 2, 3], [COPY], [NEXT, NEXT]],
  [/a loop outside the program/, [-1, 1, 3], [COPY], [NEXT]],
  [/a loop outside the program/, [0, 2, 2, 1, 1, 2], [COPY, COPY], [NEXT, NEXT, NEXT]],
  [/a loop outside the program/, [0, 1, 3], [COPY], []],
  [/steps of no loop/, [0, 1, 3], [COPY], [NEXT, NEXT]],
  [/steps of no loop/, [], [COPY], [NEXT]],
  [/a table of loops of the wrong length/, [0, 1], [COPY], [NEXT]],
  [/more than 2\^27 instructions/, [0, 1, 2 ** 31 - 1], [COPY], [{}]],
  [/more than 2\^27 instructions/, [0, 1, 2 ** 27], [COPY, COPY], [{}]],
];

function eightNumbers(repeats: number[], code: Words[], steps: Words[]): object {
  const lowered = { arenaSize: 8, intsSize: 0, maxLength: 1, extents: Int32Array.of(1, 0, 1, 0) };
  const made = { code: words(...code), repeats: Int32Array.from(repeats), steps: words(...steps) };
  return create({ ...lowered, bytecode: new Uint32Array() } as Lowered, made, false);
}

describe('the machine', () => {
  it('runs a sound loop', () => {
    const arena = Float64Array.of(0, 0, 0, 0, 1, 2, 3, 4);
    const handle = eightNumbers([0, 1, 3], [COPY, { ...COPY, y_offset: 3 }], [NEXT]);
    addon.bind(handle, arena, new Int32Array(), Int32Array.of(0, 1, 0, 4, 1))();
    assert.deepEqual([...arena], [1, 2, 3, 1, 1, 2, 3, 4]);
  });

  UNSOUND.forEach(([said, repeats, code, steps], i) => {
    it(`refuses one that is unsound, saying ${said.source} (${i})`, () => {
      assert.throws(() => eightNumbers(repeats, code, steps), said);
    });
  });
});

describe('finding loops', () => {
  const copies = (offsets: readonly number[]): Int32Array =>
    words(...offsets.map((y_offset) => ({ ...COPY, y_offset })));
  const ROWS: readonly [what: string, code: Int32Array, kept: number | undefined][] = [
    ['evenly spaced', copies([0, 1, 2, 3, 4, 5]), 1],
    ['unevenly spaced', copies([0, 1, 3, 6, 10, 15]), undefined],
    ['in pairs', copies([0, 7, 1, 8, 2, 9]), 2],
    ['behind another', copies([9, 0, 1, 2, 3]), 2],
    ['before another', copies([0, 1, 2, 3, 9]), 2],
    ['the same', copies([3, 3, 3, 3]), 1],
    ['two', copies([0, 1]), undefined],
    ['none', copies([]), undefined],
  ];
  for (const [what, code, kept] of ROWS)
    it(`in copies that are ${what}`, () => {
      const found = addon.reroll(code, 2);
      assert.equal(found && found.code.length / instructionWords, kept);
      if (found) assert.deepEqual(unrolled(found), code);
    });

  it('finds none among unlike instructions, however little one may save', () => {
    for (const least of [1, 0, -1]) assert.equal(addon.reroll(copies([0, 1, 3, 6]), least), undefined);
  });

  it('refuses what is no instructions', () => {
    for (const code of [Int32Array.of(1), words({ opcode: -1 }), words({ opcode: 1000 })])
      assert.throws(() => addon.reroll(code, 2), /reroll/);
  });
});
