/** The kernels that users can call directly: each on every instruction set, in both types. */
import assert from 'node:assert/strict';
import { kernels, type MatmulOptions } from '../../lib/runtime/kernels.js';
import { matrices } from '../../bench/matrices.js';
import { addon, nativeInfo } from '../../lib/binding/addon.js';
import { Random } from '../../lib/runtime/random.js';

type Floats = Float64Array | Float32Array;
const types = { float64: Float64Array, float32: Float32Array };
const epsilon = { float64: 2 ** -52, float32: 2 ** -23 };
const isas = addon.info().available;
const sizes = Array.from({ length: 68 }, (_, n) => n);
const random = new Random(1);

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

function numbers(count: number, draw: () => number = () => random.gauss()): number[] {
  return Array.from({ length: count }, draw);
}

function assertNear(actual: Floats, expected: number[], bounds: number[], what: string): void {
  assert.equal(actual.length, expected.length, what);
  expected.forEach((y, i) => {
    const error = Math.abs(actual[i]! - y);
    if (!(error <= bounds[i]!)) {
      assert.fail(`${what}: element ${i} is ${actual[i]!}, expected ${y} within ${bounds[i]!}`);
    }
  });
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

type ResizableBuffer = ArrayBuffer & { resize(size: number): void };

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

describe('bad calls of kernels', () => {
  const f64 = (n: number): Float64Array => new Float64Array(n);
  const f32 = (n: number): Float32Array => new Float32Array(n);
  const i32 = (...values: number[]): Int32Array => Int32Array.from(values);
  /** A value in a place where the types forbid it. */
  const wrong = (value: unknown): never => value as never;
  const hint = 'check the sizes, or pass a part of a longer array (subarray)';

  function detach(x: Float64Array): Float64Array {
    structuredClone(x.buffer, { transfer: [x.buffer as ArrayBuffer] });
    return x;
  }
  const detached = (n: number): Float64Array => detach(f64(n));

  /** An array of 4 on a buffer that has since shrunk to 1 element. */
  function shrunk(length?: number): Float64Array {
    // ES2024, ahead of the project's library of types.
    const Buffer = ArrayBuffer as unknown as new (size: number, o: object) => ResizableBuffer;
    const buffer = new Buffer(32, { maxByteLength: 64 });
    const x = new Float64Array(buffer, 0, length);
    buffer.resize(8);
    return x;
  }

  function shared(...values: number[]): Int32Array {
    const x = new Int32Array(new SharedArrayBuffer(values.length * 4));
    x.set(values);
    return x;
  }

  const whole = new Float64Array(20);
  const part = (from: number, to: number): Float64Array => whole.subarray(from, to);
  const sizes222 = { m: 2, k: 2, n: 2 };
  const twice = new SharedArrayBuffer(64);
  const again = structuredClone(twice);

  const calls: Record<string, [call: () => unknown, kind: ErrorConstructor, message: string]> = {
    'matmul without options': [
      () => kernels.matmul(f64(4), f64(4), wrong(undefined)),
      TypeError,
      'matmul: options undefined: expected an object { isa, out, m, k, n, transposeA, transposeB }',
    ],
    'matmul without a size': [
      () => kernels.matmul(f64(4), f64(4), wrong({ m: 2, k: 2 })),
      TypeError,
      'matmul: n must be an integer from 0 up, got undefined',
    ],
    'matmul of an array': [
      () => kernels.matmul(wrong([1, 2, 3, 4]), f64(4), sizes222),
      TypeError,
      'matmul: a must be a Float64Array or a Float32Array, got Array; convert it by Float64Array.from',
    ],
    'matmul of integers': [
      () => kernels.matmul(f64(4), wrong(i32(1, 2, 3, 4)), sizes222),
      TypeError,
      'matmul: b must be a Float64Array or a Float32Array, got Int32Array',
    ],
    'matmul of two types': [
      () => kernels.matmul(f64(4), wrong(f32(4)), sizes222),
      TypeError,
      'matmul: b is a Float32Array but a is a Float64Array; convert one of them, all arrays of a call ' +
        'must have one type',
    ],
    'matmul into another type': [
      () => kernels.matmul(f64(4), f64(4), { ...sizes222, out: wrong(f32(4)) }),
      TypeError,
      'matmul: out is a Float32Array but a is a Float64Array; convert one of them, all arrays of a ' +
        'call must have one type',
    ],
    'matmul with a flag that is no boolean': [
      () => kernels.matmul(f64(4), f64(4), { ...sizes222, transposeB: wrong('T') }),
      TypeError,
      'matmul: transposeB must be true or false, got "T"',
    ],
    'matmul of a wrong left size': [
      () => kernels.matmul(f64(5), f64(4), sizes222),
      RangeError,
      `matmul: a has 5 elements, but m x k = 2 x 2 = 4; ${hint}`,
    ],
    'matmul of a wrong right size': [
      () => kernels.matmul(f64(4), f64(3), sizes222),
      RangeError,
      `matmul: b has 3 elements, but k x n = 2 x 2 = 4; ${hint}`,
    ],
    'matmul into a wrong size': [
      () => kernels.matmul(f64(4), f64(4), { ...sizes222, out: f64(2) }),
      RangeError,
      `matmul: out has 2 elements, but m x n = 2 x 2 = 4; ${hint}`,
    ],
    'matmul of a negative size': [
      () => kernels.matmul(f64(4), f64(4), { ...sizes222, m: -2 }),
      RangeError,
      'matmul: m must be an integer from 0 up, got -2',
    ],
    'matmul of half a column': [
      () => kernels.matmul(f64(4), f64(4), { ...sizes222, n: 2.5 }),
      RangeError,
      'matmul: n must be an integer from 0 up, got 2.5',
    ],
    'matmul of NaN columns': [
      () => kernels.matmul(f64(4), f64(4), { ...sizes222, k: NaN }),
      RangeError,
      'matmul: k must be an integer from 0 up, got NaN',
    ],
    'matmul of sizes whose product overflows': [
      () => kernels.matmul(f64(0), f64(0), { m: 2 ** 32, k: 2 ** 32, n: 1 }),
      RangeError,
      `matmul: a has 0 elements, but m x k = 4294967296 x 4294967296 = 18446744073709552000; ${hint}`,
    ],
    'matmul with a result that no memory holds': [
      () => kernels.matmul(f64(0), f64(0), { m: 2 ** 50, k: 0, n: 2 ** 50 }),
      RangeError,
      'matmul: there is no memory for a result of m x n = 1.2676506002282294e+30 elements',
    ],
    'matmul in place': [
      () => kernels.matmul(part(0, 4), f64(4), { ...sizes222, out: part(0, 4) }),
      RangeError,
      'matmul: out overlaps an operand; give it memory of its own',
    ],
    'matmul into part of an operand': [
      () => kernels.matmul(f64(4), part(0, 4), { ...sizes222, out: part(3, 7) }),
      RangeError,
      'matmul: out overlaps an operand; give it memory of its own',
    ],
    'matmul into the same shared memory by another name': [
      () =>
        kernels.matmul(new Float64Array(twice, 0, 4), f64(4), {
          ...sizes222,
          out: new Float64Array(again, 0, 4),
        }),
      RangeError,
      'matmul: out overlaps an operand; give it memory of its own',
    ],
    'matmul of an array that its own options detach': [
      () => {
        const a = f64(4);
        kernels.matmul(a, f64(4), {
          ...sizes222,
          get m() {
            return detach(a).length + 2;
          },
        });
      },
      RangeError,
      `matmul: a has 0 elements, but m x k = 2 x 2 = 4; ${hint}`,
    ],
    'matmul with options that throw': [
      () =>
        kernels.matmul(f64(4), f64(4), {
          ...sizes222,
          get n(): number {
            throw new TypeError('mine');
          },
        }),
      TypeError,
      'mine',
    ],
    'relu of a string': [
      () => kernels.relu(wrong('1, 2')),
      TypeError,
      'relu: x must be a Float64Array or a Float32Array, got "1, 2"',
    ],
    'relu of null': [
      () => kernels.relu(wrong(null)),
      TypeError,
      'relu: x must be a Float64Array or a Float32Array, got null',
    ],
    'relu of an array behind a proxy': [
      () => kernels.relu(new Proxy(f64(4), {})),
      TypeError,
      'relu: x must be a Float64Array or a Float32Array, got object',
    ],
    'relu with options that are none': [
      () => kernels.relu(f64(4), wrong(7)),
      TypeError,
      'relu: options 7: expected an object { isa, out }',
    ],
    'relu into no array': [
      () => kernels.relu(f64(4), { out: wrong({ length: 4 }) }),
      TypeError,
      'relu: out must be a Float64Array or a Float32Array, got object',
    ],
    'relu into another length': [
      () => kernels.relu(f64(4), { out: f64(5) }),
      RangeError,
      `relu: out has 5 elements, but x.length = 4; ${hint}`,
    ],
    'relu into a detached array': [
      () => kernels.relu(f64(4), { out: detached(4) }),
      RangeError,
      `relu: out has 0 elements, but x.length = 4; ${hint}`,
    ],
    'relu into a shrunken buffer': [
      () => kernels.relu(f64(4), { out: shrunk(4) }),
      RangeError,
      `relu: out has 0 elements, but x.length = 4; ${hint}`,
    ],
    'relu into a shrunken buffer whose length is tracked': [
      () => kernels.relu(f64(4), { out: shrunk() }),
      RangeError,
      `relu: out has 1 elements, but x.length = 4; ${hint}`,
    ],
    'relu into part of its operand': [
      () => kernels.relu(part(0, 4), { out: part(1, 5) }),
      RangeError,
      'relu: out overlaps x in part; give x itself or memory of its own',
    ],
    'relu into an array that lies about its length': [
      () => kernels.relu(f64(4), { out: Object.defineProperty(f64(1), 'length', { value: 4 }) }),
      RangeError,
      'relu: out must be as long as x',
    ],
    'relu of an instruction set that does not exist': [
      () => kernels.relu(f64(4), { isa: 'mmx' }),
      Error,
      `instruction set "mmx" (given): unknown in this build; available: ${isas.join(', ')}`,
    ],
    'softmax of uneven rows': [
      () => kernels.softmax(f64(7), { rows: 2 }),
      RangeError,
      `softmax: x has 7 elements, but rows x cols = 2 x 3 = 6; ${hint}`,
    ],
    'softmax of uneven columns': [
      () => kernels.softmax(f64(7), { cols: 0 }),
      RangeError,
      `softmax: x has 7 elements, but rows x cols = 0 x 0 = 0; ${hint}`,
    ],
    'softmax of infinite rows': [
      () => kernels.softmax(f64(7), { rows: Infinity }),
      RangeError,
      'softmax: rows must be an integer from 0 up, got Infinity',
    ],
    'softmax of columns in words': [
      () => kernels.softmax(f64(7), { cols: wrong('7') }),
      TypeError,
      'softmax: cols must be an integer from 0 up, got "7"',
    ],
    'softmax into part of its operand': [
      () => kernels.softmax(part(1, 5), { out: part(0, 4) }),
      RangeError,
      'softmax: out overlaps x in part; give x itself or memory of its own',
    ],
    'topk of more than there are': [
      () => kernels.topk(f64(4), 5),
      RangeError,
      'topk: k is 5, but x has only 4 elements; ask for fewer',
    ],
    'topk of a negative number': [
      () => kernels.topk(f64(4), -1),
      RangeError,
      'topk: k must be an integer from 0 up, got -1',
    ],
    'topk of a detached array': [
      () => kernels.topk(detached(4), 1),
      RangeError,
      'topk: k is 1, but x has only 0 elements; ask for fewer',
    ],
    'topk without a number': [
      () => kernels.topk(f64(4), wrong(undefined)),
      TypeError,
      'topk: k must be an integer from 0 up, got undefined',
    ],
    'topk of integers': [
      () => kernels.topk(wrong(i32(1, 2, 3)), 1),
      TypeError,
      'topk: x must be a Float64Array or a Float32Array, got Int32Array',
    ],
    'gather without a row length': [
      () => kernels.gather(f64(4), i32(0), wrong({})),
      TypeError,
      'gather: cols must be an integer from 1 up, got undefined',
    ],
    'gather of empty rows': [
      () => kernels.gather(f64(0), i32(0), { cols: 0 }),
      RangeError,
      'gather: cols must be an integer from 1 up, got 0',
    ],
    'gather of broken rows': [
      () => kernels.gather(f64(7), i32(0), { cols: 2 }),
      RangeError,
      'gather: x has 7 elements, not a multiple of cols = 2; give the length of a row',
    ],
    'gather by plain numbers': [
      () => kernels.gather(f64(4), wrong([0, 1]), { cols: 2 }),
      TypeError,
      'gather: indices must be an Int32Array, got Array; convert it by Int32Array.from',
    ],
    'gather by shared indices': [
      () => kernels.gather(f64(4), shared(0, 1), { cols: 2 }),
      TypeError,
      'gather: indices must not lie in a SharedArrayBuffer, where another thread could change them ' +
        'after they are checked; give a copy, indices.slice()',
    ],
    'gather of a row after the last': [
      () => kernels.gather(f64(6), i32(0, 2, 3), { cols: 2 }),
      RangeError,
      'gather: indices[2] is 3, but x has 3 rows, counted from 0',
    ],
    'gather of a row before the first': [
      () => kernels.gather(f64(6), i32(-1), { cols: 2 }),
      RangeError,
      'gather: indices[0] is -1, but x has 3 rows, counted from 0',
    ],
    'gather into another size': [
      () => kernels.gather(f64(6), i32(0, 1), { cols: 2, out: f64(6) }),
      RangeError,
      `gather: out has 6 elements, but indices.length x cols = 2 x 2 = 4; ${hint}`,
    ],
    'gather into its table': [
      () => kernels.gather(part(0, 6), i32(0, 1), { cols: 2, out: part(4, 8) }),
      RangeError,
      'gather: out overlaps x or indices; give it memory of its own',
    ],
    'gather into its indices': [
      () => {
        const memory = new ArrayBuffer(16);
        const indices = new Int32Array(memory, 0, 4);
        kernels.gather(f32(6), indices, { cols: 1, out: new Float32Array(memory) });
      },
      RangeError,
      'gather: out overlaps x or indices; give it memory of its own',
    ],
  };

  for (const [name, [call, kind, message]] of Object.entries(calls)) {
    it(name, () => {
      assert.throws(call, (error: Error) => {
        assert.equal(error.message, message);
        return error instanceof kind;
      });
    });
  }

  it('leave every result as it was', () => {
    assert(whole.every((x) => x === 0));
  });

  // Native code trusts nothing: any value in any place is refused or harmless.
  describe('reach native code', () => {
    const natives = addon.kernels as unknown as Record<string, (...args: unknown[]) => unknown>;
    const good: Record<keyof typeof kernels, () => unknown[]> = {
      matmul: () => [f64(4), f64(4), f64(4), 2, 2, 2, false, false, 'scalar'],
      relu: () => [f64(4), f64(4), 'scalar'],
      softmax: () => [f64(4), f64(4), 2, 2, 'scalar'],
      topk: () => [i32(0, 0), f64(4), 'scalar'],
      gather: () => [f64(4), f64(4), i32(0, 1), 2, 'scalar'],
    };
    const junk: Record<string, () => unknown> = {
      undefined: () => undefined,
      null: () => null,
      'a string': () => 'x'.repeat(1000),
      'a boolean': () => true,
      'a symbol': () => Symbol('s'),
      'a bigint': () => 2n,
      'a function': () => () => 2,
      'an object that throws': () => new Proxy({}, { get: () => assert.fail('it was asked') }),
      'an object with a value': () => ({ valueOf: () => 2, length: 4 }),
      'an array': () => [1, 2, 3, 4],
      'a DataView': () => new DataView(new ArrayBuffer(32)),
      'an ArrayBuffer': () => new ArrayBuffer(32),
      'a proxy of an array': () => new Proxy(f64(4), {}),
      'a detached array': () => detached(4),
      'an array out of bounds': () => shrunk(4),
      'an array of tracked length': () => shrunk(),
      'an empty array': () => f64(0),
      'a longer array': () => f64(5),
      'an array of bytes': () => new Uint8Array(32),
      'an array of bigints': () => new BigInt64Array(4),
      'an array of the other type': () => f32(4),
      'shared integers': () => shared(0, 0),
      'integers too large': () => i32(2 ** 31 - 1, -(2 ** 31)),
      ...Object.fromEntries(
        [NaN, Infinity, -1, 0.5, 3, 2 ** 31, 2 ** 32, 2 ** 52, 2 ** 53, 2 ** 62, 1e300].map((x) => [
          String(x),
          () => x,
        ]),
      ),
    };
    // No instruction set means the best one, a flag may be true, and topk takes any array of numbers
    // that is long enough and any integers to overwrite.
    const fits = ['undefined', 'a boolean'];
    const fitsTopk = ['a longer array', 'an array of the other type', 'integers too large'];

    for (const [kernel, args] of Object.entries(good)) {
      const native = (...given: unknown[]): unknown => natives[kernel]!(...given);

      it(`${kernel}: a good call passes`, () => {
        assert.equal(native(...args()), undefined);
      });

      it(`${kernel}: junk in each place is refused`, () => {
        const passed: string[] = [];
        for (let place = 0; place < args().length; place++) {
          for (const [name, make] of Object.entries(junk)) {
            try {
              native(...args().with(place, make()));
              passed.push(name);
            } catch (error) {
              assert(error instanceof TypeError || error instanceof RangeError, String(error));
              assert.match(error.message, new RegExp(`^(${kernel}: |isa is not )`));
            }
          }
        }
        const expected = kernel === 'topk' ? [...fits, ...fitsTopk] : fits;
        assert.deepEqual(
          passed.filter((name) => !expected.includes(name)),
          [],
        );
      });

      it(`${kernel}: missing arguments are refused`, () => {
        for (let count = 0; count < args().length - 1; count++) {
          assert.throws(() => native(...args().slice(0, count)), TypeError);
        }
      });
    }

    it('sizes whose product wraps around are refused', () => {
      const rows = 4 * (2 ** 31 - 2 ** 16 + 1);
      const cols = 2 ** 31 + 2 ** 16 + 1;
      assert.equal(BigInt(rows) * BigInt(cols), 2n ** 64n + 4n);
      assert.throws(() => addon.kernels.softmax(f64(4), f64(4), rows, cols), RangeError);
      assert.throws(
        () => addon.kernels.matmul(f64(4), f64(4), f64(4), rows, cols, 1, false, false),
        RangeError,
      );
    });

    it('sizes without elements end at once', () => {
      const huge = 2 ** 53 - 1;
      addon.kernels.matmul(f64(0), f64(0), f64(0), huge, 0, 0, false, false);
      addon.kernels.matmul(f64(0), f64(0), f64(0), 0, huge, 0, true, true);
      addon.kernels.matmul(f64(0), f64(0), f64(0), 0, 0, huge, false, true);
      addon.kernels.softmax(f64(0), f64(0), huge, 0);
      addon.kernels.softmax(f64(0), f64(0), 0, huge);
      addon.kernels.gather(f64(0), f64(0), i32(), huge);
    });
  });
});

describe('the matrices that models written by hand call', () => {
  const [x, few] = [new Float32Array(64), new Float32Array(3)];

  it('multiply within arrays, whichever way an operand lies', () => {
    const [count, m, n, k] = [2, 3, 5, 4];
    const [a, b] = [count * m * k, count * k * n].map((size) => Float64Array.from(numbers(size)));
    const plain = new Float64Array(count * m * n);
    matrices.gemm(plain, n, m * n, a!, k, 1, m * k, b!, n, 1, k * n, m, n, k, count, 0);
    const expected = Array.from(plain, (_, at) => {
      const [i, r, c] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
      return Array.from({ length: k }, (_, p) => a![(i * m + r) * k + p]! * b![(i * k + p) * n + c]!).reduce(
        (x, y) => x + y,
      );
    });
    const bounds = expected.map(() => 1e-14);
    assertNear(plain, expected, bounds, 'rows');
    const turned = b!.map(
      (_, at) => b![Math.floor(at / (k * n)) * k * n + (at % k) * n + (Math.floor(at / k) % n)]!,
    );
    const accumulated = new Float64Array(plain.length).fill(1);
    matrices.gemm(accumulated, n, m * n, a!, k, 1, m * k, turned, 1, k, k * n, m, n, k, count, 1);
    assertNear(
      accumulated.map((y) => y - 1),
      expected,
      bounds,
      'columns of b, accumulated',
    );
    // One row times many columns, which is computed transposed.
    const [row, wide] = [Float64Array.from(numbers(40)), Float64Array.from(numbers(40 * 30))];
    const y = new Float64Array(30);
    matrices.gemm(y, 30, 0, row, 40, 1, 0, wide, 1, 40, 0, 1, 30, 40, 1, 0);
    const dots = Array.from(y, (_, c) => row.reduce((sum, u, p) => sum + u * wide[c * 40 + p]!, 0));
    assertNear(
      y,
      dots,
      dots.map(() => 1e-12),
      'a large transposed b',
    );
  });

  it('refuse operands that leave their arrays', () => {
    const targets = Int32Array.of(0, 9);
    const calls: Record<string, () => void> = {
      'gemm, out': () => {
        matrices.gemm(few, 2, 0, x, 2, 1, 0, x, 2, 1, 0, 2, 2, 2, 1, 0);
      },
      'gemm, a': () => {
        matrices.gemm(x, 2, 0, few, 2, 1, 0, x, 2, 1, 0, 2, 2, 2, 1, 0);
      },
      'gemm, b': () => {
        matrices.gemm(x, 2, 0, x, 2, 1, 0, few, 2, 1, 0, 2, 2, 2, 1, 0);
      },
      'gemm, count': () => {
        matrices.gemm(x, 2, 4, x, 2, 1, 4, x, 2, 1, 31, 2, 2, 2, 3, 0);
      },
      sgd: () => {
        matrices.sgd(x, x.slice(), few, 4, 0.1, 0.9);
      },
      causalSoftmax: () => {
        matrices.causalSoftmax(x, x, 1, 9);
      },
      'causalSoftmax, huge': () => {
        matrices.causalSoftmax(x, x, 2 ** 29, 2 ** 29);
      },
      softmaxGrad: () => {
        matrices.softmaxGrad(x, x, few, 2, 2);
      },
      rmsNorm: () => {
        matrices.rmsNorm(x, few, x, 4, 4, 0);
      },
      rmsNormGrad: () => {
        matrices.rmsNormGrad(x, x, x, few, 4, 4, 0);
      },
      crossEntropy: () => {
        matrices.crossEntropy(few, x, x, targets, 2, 9);
      },
      crossEntropyGrad: () => {
        matrices.crossEntropyGrad(x, x, 1, targets, 3, 10);
      },
      add: () => {
        matrices.add(x, x, few, 4);
      },
      maskPositive: () => {
        matrices.maskPositive(few, x, x, 4);
      },
      scale: () => {
        matrices.scale(x, 60, 2, 2, 5);
      },
      scatterAdd: () => {
        matrices.scatterAdd(x, 9, x, targets, 2, 8);
      },
    };
    for (const [name, call] of Object.entries(calls)) assert.throws(call, RangeError, name);
  });

  it('refuse arguments of other types', () => {
    const float64 = new Float64Array(64);
    assert.throws(() => {
      matrices.add(x, x, float64, 4);
    }, TypeError);
    assert.throws(() => {
      matrices.add(x, x, x, -1);
    }, TypeError);
    assert.throws(() => {
      matrices.add(x, x, x, 2 ** 30);
    }, TypeError);
    assert.throws(() => {
      matrices.causalSoftmax(x, x, 1, 2 ** 32);
    }, TypeError);
  });
});
