/** Calls of kernels that are refused, and what each is told: one table. */
import assert from 'node:assert/strict';
import { ISAS } from '../support/targets.js';
import { kernels } from '../../lib/runtime/kernels.js';
import { addon } from '../../lib/binding/addon.js';

type ResizableBuffer = ArrayBuffer & { resize(size: number): void };

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
    'relu with a value that is not options': [
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
      `instruction set "mmx" (given): unknown in this build; available: ${ISAS.join(', ')}`,
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
