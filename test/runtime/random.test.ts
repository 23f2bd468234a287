import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../lib/runtime/random.js';
import { packageRoot } from '../../lib/core/package.js';

interface Case {
  seed: string;
  random: number[];
  getrandbits: [number, number][];
  randbelow: [number, number][];
  shuffle: number[][];
  gauss: number[];
  between: number;
  gaussKept: number;
  choices: [number[], number][];
}

interface LongRun {
  seed: number;
  length: number;
  first: number[];
  sha256: string;
  gauss: number[];
  after: number;
}

const fixture = JSON.parse(readFileSync(join(packageRoot(), 'test/fixtures/random.json'), 'utf8')) as {
  cases: Case[];
  longRun: LongRun;
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function near(actual: number, expected: number): void {
  const error = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  assert.ok(error < 1e-14, `${actual} is not within 1e-14 of ${expected}`);
}

describe('Random draws what CPython draws', () => {
  for (const row of fixture.cases) {
    it(`seed ${row.seed.length > 40 ? `of ${row.seed.length} digits` : row.seed}`, () => {
      const r = new Random(BigInt(row.seed));
      for (const expected of row.random) assert.equal(r.random(), expected);
      for (const [k, expected] of row.getrandbits) assert.equal(r.getrandbits(k), expected);
      for (const [n, expected] of row.randbelow) assert.equal(r.randbelow(n), expected);
      for (const expected of row.shuffle) {
        assert.deepEqual(r.shuffle(range(expected.length)), expected);
      }
      near(r.gauss(0, 0.08), row.gauss[0]!);
      near(r.gauss(1, 2), row.gauss[1]!);
      near(r.gauss(), row.gauss[2]!);
      assert.equal(r.random(), row.between);
      near(r.gauss(-1, 0.5), row.gaussKept);
      for (const [w, expected] of row.choices) assert.equal(r.weightedIndex(w), expected);
    });
  }

  it('goes on from a state, of which a Gaussian draw that waits is part', () => {
    const draws = (r: Random): number[] => [
      r.gauss(),
      r.random(),
      r.gauss(),
      ...r.gaussians(700),
      r.getrandbits(7),
    ];
    for (const before of [0, 1, 2, 623, 624, 625, 1249]) {
      const r = new Random(before);
      for (let i = 0; i < before; i++) r.getrandbits(1);
      if (before % 3 > 0) r.gauss();
      const state = r.getstate();
      const expected = draws(r);
      const other = new Random(99);
      other.gauss();
      const shared = new Uint32Array(new SharedArrayBuffer(state.byteLength));
      shared.set(state);
      other.setstate(before % 2 ? shared : state);
      assert.deepEqual(other.getstate(), state);
      assert.deepEqual(draws(other), expected);
    }
  });

  it('takes no state but its own', () => {
    const r = new Random(1);
    const state = r.getstate();
    const changed = (...changes: [at: number, word: number][]): Uint32Array => {
      const words = Uint32Array.from(state);
      for (const [at, word] of changes) words[at] = word;
      return words;
    };
    const rows: unknown[] = [
      undefined,
      [...state],
      state.subarray(1),
      new Float64Array(state),
      new Uint32Array(628).fill(0x7fffffff, 0, 1),
      changed([624, 625]),
      changed([624, 2 ** 32 - 1]),
      changed([625, 2]),
      changed([627, 0x7ff00000]),
    ];
    for (const words of rows) {
      const message = /^setstate takes the 628 words that getstate returned, not (these \d+|an? \w+|\w+)$/;
      assert.throws(() => r.setstate(words as Uint32Array), { name: 'RangeError', message });
      assert.deepEqual(r.getstate(), state);
    }
  });

  it('takes a seed as number or bigint, and its absolute value', () => {
    for (const seed of [42, 42n, -42, -42n]) {
      assert.equal(new Random(seed).random(), 0.6394267984578837);
    }
    assert.equal(new Random(2 ** 70).random(), new Random(2n ** 70n).random());
  });

  it('drops the kept Gaussian when seeded again', () => {
    const r = new Random(1);
    const first = r.gauss();
    r.seed(1);
    assert.equal(r.gauss(), first);
  });

  it('stays exact over a long run', () => {
    const { longRun } = fixture;
    const r = new Random(longRun.seed);
    const order = r.shuffle(Int32Array.from(range(longRun.length)));
    assert.deepEqual([...order.subarray(0, 5)], longRun.first);
    assert.equal(createHash('sha256').update(order.join(',')).digest('hex'), longRun.sha256);
    for (const expected of longRun.gauss) near(r.gauss(0, 0.08), expected);
    for (let i = 0; i < 4100; i++) r.gauss(0, 0.08);
    assert.equal(r.random(), longRun.after);
  });

  it('draws many at once as one by one', () => {
    const [one, many] = [new Random(7), new Random(7)];
    for (const count of [3, 0, 2, 1]) {
      const draws = range(count).map(() => one.gauss(1, 2));
      assert.deepEqual([...many.gaussians(count, 1, 2)], draws);
    }
    const letters = Array.from('abcdefghij');
    const order = many.permutation(letters.length);
    assert.deepEqual(
      Array.from(order, (i) => letters[i]),
      one.shuffle([...letters]),
    );
  });
});

describe('Random refuses', () => {
  const r = new Random(0);
  const rows: [string, () => unknown, RegExp][] = [
    ['a fractional seed', () => new Random(1.5), /a seed must be an integer, got 1.5/],
    ['a seed that is not a number', () => new Random(NaN), /a seed must be an integer, got NaN/],
    ['a seed that is a text', () => new Random('42' as never), /a seed must be an integer, got "42"/],
    ['half a permutation', () => r.permutation(1.5), /permutation of 1.5: expected an integer/],
    ['a count below zero', () => r.gaussians(-1), /gaussians: -1: expected an integer from 0/],
    [
      'a list without a length',
      () => r.shuffle({} as never),
      /^shuffle: length of the list undefined: expected an integer/,
    ],
    ['33 bits', () => r.getrandbits(33), /from 0 to 32, not 33/],
    ['randbelow(0)', () => r.randbelow(0), /from 1 to 2\^32 - 1, not 0/],
    ['randbelow(2^32)', () => r.randbelow(2 ** 32), /from 1 to 2\^32 - 1/],
    ['no weights', () => r.weightedIndex([]), /finite and above zero, not 0/],
    ['weights of sum zero', () => r.weightedIndex([0, 0]), /finite and above zero, not 0/],
    ['a weight that is NaN', () => r.weightedIndex([1, NaN]), /finite and above zero, not NaN/],
    ['an infinite weight', () => r.weightedIndex([1, Infinity]), /above zero, not Infinity/],
  ];
  for (const [name, act, message] of rows) {
    it(name, () => {
      assert.throws(act, { name: 'RangeError', message });
    });
  }
});
