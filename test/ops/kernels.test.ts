/** The kernels that users can call directly: each on every instruction set, in both types. */
import assert from 'node:assert/strict';
import { kernels, type MatmulOptions } from '../../lib/runtime/kernels.js';
import { addon } from '../../lib/binding/addon.js';
import { nativeInfo } from '../../lib/binding/native-info.js';
import { type Floats, random, numbers, assertNear } from '../support/kernel-numbers.js';

const types = { float64: Float64Array, float32: Float32Array };
const epsilon = { float64: 2 ** -52, float32: 2 ** -23 };
const isas = addon.info().available;
const sizes = Array.from({ length: 68 }, (_, n) => n);

/** Where an array starts in its buffer, in elements: mostly not aligned for vectors. */
const nextOffset = (): number => random.randbelow(9);

/** The numbers, inside a buffer whose other elements are NaN, so that reading one would show. */
function placed(Type: typeof types.float64 | typeof types.float32, numbers: number[]): Floats {
  const offset = nextOffset();
  const whole = new Type(offset + numbers.length + 9).fill(NaN);
  whole.set(numbers, offset);
  return whole.subarray(offset, offset + numbers.length);
}

/** An output inside a larger buffer, and a check that nothing around it was written. */
function guarded(
  Type: typeof types.float64 | typeof types.float32,
  length: number,
): { out: Floats; checkGuards: () => void } {
  const guard = 12345;
  const offset = nextOffset();
  const whole = new Type(offset + length + 67).fill(guard);
  const out = whole.subarray(offset, offset + length).fill(NaN);
  const around = (): Floats[] => [whole.subarray(0, offset), whole.subarray(offset + length)];
  return {
    out,
    checkGuards: () => {
      for (const part of around())
        assert(
          part.every((x) => x === guard),
          'a guard cell changed',
        );
    },
  };
}

function forEachKernelSet(
  run: (isa: string, dtype: keyof typeof types, Type: typeof types.float64 | typeof types.float32) => void,
): void {
  for (const isa of isas) {
    for (const dtype of ['float64', 'float32'] as const) {
      it(`${isa} ${dtype}`, () => run(isa, dtype, types[dtype]));
    }
  }
}

describe('kernels.matmul', () => {
  // Rows, columns and single numbers; what a register tile leaves over; nothing.
  const shapes = [
    [1, 1, 1],
    [1, 16, 64],
    [16, 1, 7],
    [7, 16, 1],
    [1, 1, 67],
    [67, 1, 1],
    [1, 67, 1],
    [2, 33, 65],
    [4, 67, 18],
    [5, 9, 31],
    [64, 64, 64],
    [65, 70, 67],
    [0, 3, 4],
    [3, 0, 4],
    [3, 4, 0],
    [0, 0, 0],
    [1, 0, 1],
    ...Array.from({ length: 60 }, () => [0, 0, 0].map(() => random.randbelow(68))),
  ] as [m: number, k: number, n: number][];

  forEachKernelSet((isa, dtype, Type) => {
    for (const [m, k, n] of shapes) {
      const left = placed(Type, numbers(m * k));
      const right = placed(Type, numbers(k * n));
      const expected: number[] = [];
      const bounds: number[] = [];
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          let magnitude = 0;
          for (let p = 0; p < k; p++) {
            sum += left[i * k + p]! * right[p * n + j]!;
            magnitude += Math.abs(left[i * k + p]! * right[p * n + j]!);
          }
          expected.push(sum);
          bounds.push((k + 1) * epsilon[dtype] * magnitude);
        }
      }
      for (const transposeA of [false, true]) {
        for (const transposeB of [false, true]) {
          const a = transposeA ? placed(Type, transposed(left, m, k)) : left;
          const b = transposeB ? placed(Type, transposed(right, k, n)) : right;
          const { out, checkGuards } = guarded(Type, m * n);
          const what = `${m} x ${k} x ${n}, transposed: ${transposeA}, ${transposeB}`;
          const y = kernels.matmul(a, b, { m, k, n, transposeA, transposeB, out, isa });
          assert.equal(y, out);
          assertNear(out, expected, bounds, what);
          checkGuards();
          const fresh = kernels.matmul(a, b, { m, k, n, transposeA, transposeB, isa });
          assert.deepEqual(fresh, new Type(out), what);
        }
      }
    }
  });

  it('find OpenBLAS beside the addon', () => {
    assert.match(nativeInfo().openblas.version, /^OpenBLAS \d/);
  });

  // Large enough for OpenBLAS in both types (native/blas/blas.cpp); integers make every sum exact.
  const large = { m: 97, k: 3500, n: 101 };
  for (const dtype of ['float64', 'float32'] as const) {
    it(`${dtype}, large: all instruction sets agree`, () => {
      const { m, k, n } = large;
      const draw = (): number => random.randbelow(16) - 8;
      const [a, b] = [placed(types[dtype], numbers(m * k, draw)), placed(types[dtype], numbers(k * n, draw))];
      const expected = kernels.matmul(a, b, { ...large, isa: 'scalar' });
      const turnedA = placed(types[dtype], transposed(a, m, k));
      const turnedB = placed(types[dtype], transposed(b, k, n));
      for (const isa of isas) {
        for (const [left, transposeA] of [
          [a, false],
          [turnedA, true],
        ] as const) {
          for (const [right, transposeB] of [
            [b, false],
            [turnedB, true],
          ] as const) {
            const { out, checkGuards } = guarded(types[dtype], m * n);
            kernels.matmul(left, right, { ...large, transposeA, transposeB, out, isa });
            assert.deepEqual(out, expected, `${isa}, transposed: ${transposeA}, ${transposeB}`);
            checkGuards();
          }
        }
      }
    });
  }

  it('takes one array as both operands, and booleans that are undefined', () => {
    const a = Float64Array.of(1, 2, 3, 4);
    const square: MatmulOptions<Float64Array> = { m: 2, k: 2, n: 2, transposeA: undefined };
    assert.deepEqual([...kernels.matmul(a, a, square)], [7, 10, 15, 22]);
    assert.deepEqual([...kernels.matmul(a, a, { ...square, transposeB: true })], [5, 11, 11, 25]);
  });
});

function transposed(x: Floats, rows: number, cols: number): number[] {
  return Array.from({ length: rows * cols }, (_, i) => x[(i % rows) * cols + Math.floor(i / rows)]!);
}

describe('kernels.relu', () => {
  forEachKernelSet((isa, _, Type) => {
    const special = [NaN, Infinity, -Infinity, -0, 0, 1e-310, -1e-310];
    for (const n of sizes) {
      const x = placed(Type, numbers(n));
      for (let i = n % 3; i < n; i += 5) x[i] = special[random.randbelow(special.length)]!;
      const expected = x.map((value) => (value > 0 || Number.isNaN(value) ? value : 0));
      const { out, checkGuards } = guarded(Type, n);
      assert.equal(kernels.relu(x, { out, isa }), out);
      assert.deepEqual(out, expected);
      checkGuards();
      assert.deepEqual(kernels.relu(x, { isa }), expected);
      const place = guarded(Type, n);
      place.out.set(x);
      kernels.relu(place.out, { out: place.out, isa });
      assert.deepEqual(place.out, expected);
      place.checkGuards();
    }
  });
});

describe('kernels.softmax', () => {
  function reference(x: Floats, rows: number, cols: number, eps: number): [number[], number[]] {
    const expected: number[] = [];
    const bounds: number[] = [];
    for (let r = 0; r < rows; r++) {
      const row = Array.from(x.subarray(r * cols, (r + 1) * cols));
      const max = Math.max(...row);
      const powers = row.map((value) => Math.exp(value - max));
      const sum = powers.reduce((total, value) => total + value, 0);
      powers.forEach((power, i) => {
        expected.push(power / sum);
        // The rounded difference, exp, the sum and the quotient; the least normal number.
        const relative = (8 + cols + Math.min(max - row[i]!, 1000)) * eps;
        bounds.push((power / sum) * relative + (eps > 1e-10 ? 1.2e-38 : 2.3e-308));
      });
    }
    return [expected, bounds];
  }

  forEachKernelSet((isa, dtype, Type) => {
    for (const cols of sizes) {
      for (const [rows, scale] of [
        [1, 1],
        [3, 300],
      ] as const) {
        const x = placed(
          Type,
          numbers(rows * cols, () => random.gauss(0, scale)),
        );
        if (cols > 2) x[cols - 1] = -Infinity;
        const [expected, bounds] = reference(x, rows, cols, epsilon[dtype]);
        const { out, checkGuards } = guarded(Type, rows * cols);
        assert.equal(kernels.softmax(x, { rows, cols, out, isa }), out);
        assertNear(out, expected, bounds, `${rows} x ${cols}`);
        checkGuards();
        assert.deepEqual(kernels.softmax(x, { rows, isa }), new Type(out));
        const place = guarded(Type, rows * cols);
        place.out.set(x);
        kernels.softmax(place.out, { rows, cols, out: place.out, isa });
        assert.deepEqual(place.out, out);
        place.checkGuards();
      }
    }
    const large = dtype === 'float64' ? 1e308 : 1e38;
    assert.deepEqual([...kernels.softmax(Type.of(large, large, -large), { isa })], [0.5, 0.5, 0]);
  });

  it('takes one row by default, or finds the number of rows or columns', () => {
    const zeros = new Float64Array(6);
    assert.deepEqual(
      kernels.softmax(zeros),
      zeros.map(() => 1 / 6),
    );
    assert.deepEqual(
      kernels.softmax(zeros, { cols: 2 }),
      zeros.map(() => 1 / 2),
    );
    assert.deepEqual(
      kernels.softmax(zeros, { rows: 2 }),
      zeros.map(() => 1 / 3),
    );
    const none = new Float64Array(0);
    for (const options of [{}, { rows: 0 }, { cols: 0 }, { rows: 2 ** 53 - 1 }, { cols: 5 }]) {
      assert.equal(kernels.softmax(none, options).length, 0);
    }
  });
});

describe('kernels.topk', () => {
  /** Larger first, NaN last, ties by place. */
  function reference(x: Floats, k: number): number[] {
    const value = (i: number): number => x[i]!;
    const places = Array.from(x.keys()).sort((i, j) => {
      if (Number.isNaN(value(i)) || Number.isNaN(value(j))) {
        return Number(Number.isNaN(value(i))) - Number(Number.isNaN(value(j))) || i - j;
      }
      if (value(i) === value(j)) return i - j;
      return value(i) > value(j) ? -1 : 1;
    });
    return places.slice(0, k);
  }

  forEachKernelSet((isa, _, Type) => {
    const special = [NaN, Infinity, -Infinity, -0, 0];
    for (const n of [...sizes, 127, 128, 129, 1000]) {
      const inputs = {
        distinct: placed(Type, numbers(n)),
        ties: placed(
          Type,
          numbers(n, () => random.randbelow(4)),
        ),
        special: placed(
          Type,
          numbers(n, () => special[random.randbelow(8)] ?? random.gauss()),
        ),
        equal: new Type(n).fill(-1),
        nan: new Type(n).fill(NaN),
        ascending: Type.from(Array(n).keys()),
      };
      for (const [name, x] of Object.entries(inputs)) {
        for (const k of new Set([0, Math.min(n, 1), Math.min(n, 5), n >> 1, n])) {
          const places = kernels.topk(x, k, { isa });
          assert.deepEqual([...places], reference(x, k), `${name}: ${k} of ${n}`);
        }
      }
    }
  });
});

describe('kernels.gather', () => {
  forEachKernelSet((isa, _, Type) => {
    for (const cols of sizes.slice(1)) {
      const rows = 1 + random.randbelow(9);
      const x = placed(Type, numbers(rows * cols));
      for (const count of [0, 1, 7]) {
        const indices = Int32Array.from({ length: count }, () => random.randbelow(rows));
        const expected = new Type(count * cols);
        indices.forEach((row, i) => expected.set(x.subarray(row * cols, (row + 1) * cols), i * cols));
        const { out, checkGuards } = guarded(Type, count * cols);
        assert.equal(kernels.gather(x, indices, { cols, out, isa }), out);
        assert.deepEqual(out, expected);
        checkGuards();
        assert.deepEqual(kernels.gather(x, indices, { cols, isa }), expected);
      }
    }
  });

  it('gathers nothing from an empty table', () => {
    const empty = kernels.gather(new Float32Array(0), new Int32Array(0), { cols: 3 });
    assert.deepEqual(empty, new Float32Array(0));
  });
});
