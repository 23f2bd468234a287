/** Products of scalar bytecode that run as nests of loops: to the last bit what one after another gives. */
import assert from 'node:assert/strict';
import { addon, scalarOpcodeNames, scalarWords } from '../../lib/binding/addon.js';
import type { DType } from '../../lib/core/array.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { Random } from '../../lib/runtime/random.js';
import { addN } from '../../lib/value/joins.js';
import { parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';

/** Where the words of each nest begin. */
function nestsOf(bytecode: Uint32Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < bytecode.length;) {
    const [op, count] = [bytecode[at]!, bytecode[at + 1]!];
    const words = scalarWords(addon.info().scalarOperands[op]!);
    at += 2;
    for (let i = 0; i < count; i++, at += words) if (scalarOpcodeNames[op] === 'fma_nest') found.push(at);
  }
  return found;
}

/**
 * Draws numbers of so few bits that a product of two is exact, whether or not it is fused with an addition,
 * but of such different sizes that the order of additions shows.
 */
function drawing(dtype: DType, seed: number): (n: number) => Value[] {
  const random = new Random(seed);
  const bits = dtype === 'float32' ? 11 : 25;
  const draw = (): number => {
    const mantissa = Math.round((2 * random.random() - 1) * 2 ** bits);
    return (mantissa || 1) * 2 ** (Math.floor(random.random() * 9) - bits);
  };
  return (n) => Array.from({ length: n }, () => parameter(draw()));
}

/** A layer of single numbers, and a loss that is linear in its outputs. */
function layer(rows: number, cols: number, dtype: DType) {
  const draw = drawing(dtype, 100 * rows + cols);
  const weights = Array.from({ length: rows }, () => draw(cols));
  const [below, above] = [draw(cols), draw(rows)];
  const inputs = below.map((x) => x.neg());
  const outputs = weights.map((row) => row.map((w, j) => w.mul(inputs[j]!)).reduce((a, b) => a.add(b)));
  const loss = addN(outputs.map((y, i) => y.mul(above[i]!)));
  return { weights, below, above, loss };
}

function trainingOf(loss: Value, dtype: DType): Training {
  return new SGD({ learningRate: 1 }).minimize(loss, { dtype });
}

const numbers = (values: readonly Value[]): number[] => values.map(({ data }) => data[0]!);

describe('nests of scalar bytecode', () => {
  // Sums eight, four and one side by side; one row; one column; more rows than columns, and the reverse.
  const shapes: [rows: number, cols: number, isNest: boolean][] = [
    [16, 16, true],
    [8, 13, true],
    [27, 16, true],
    [13, 5, true],
    [5, 64, true],
    [1, 40, true],
    [40, 1, true],
    [2, 3, false],
  ];
  for (const dtype of ['float32', 'float64'] as const) {
    const round = dtype === 'float32' ? Math.fround : (x: number): number => x;
    const dot = (a: readonly number[], b: readonly number[]): number =>
      a.map((x, i) => x * b[i]!).reduce((sum, product) => round(sum + product));
    for (const [rows, cols, isNest] of shapes) {
      it(`compute a product of ${rows} x ${cols} and its gradients, ${dtype}`, () => {
        const { weights, below, above, loss } = layer(rows, cols, dtype);
        const [w, x, c] = [weights.map(numbers), numbers(below).map((n) => -n), numbers(above)];
        const training = trainingOf(loss, dtype);
        assert.equal(nestsOf(training.program['lowered'].bytecode).length > 0, isNest);
        training.step({});
        // Each parameter minus its gradient.
        const stepped = w.map((row, i) => row.map((n, j) => round(n - c[i]! * x[j]!)));
        assert.deepEqual(weights.map(numbers), stepped);
        assert.deepEqual(
          numbers(above),
          w.map((row, i) => round(c[i]! - dot(row, x))),
        );
        // The backward pass goes from the last output to the first.
        const fromLast = [...c].reverse();
        const column = (j: number): number[] => w.map((row) => row[j]!).reverse();
        assert.deepEqual(
          numbers(below),
          x.map((n, j) => round(-n + dot(fromLast, column(j)))),
        );
      });
    }
  }

  const bad: [what: string, change: (words: Uint32Array) => void, message: RegExp][] = [
    ['without rows', (w) => (w[0] = 0), /a nest without records/],
    ['without columns', (w) => (w[1] = 0), /a nest without records/],
    ['of too many rows', (w) => (w[0] = 2 ** 16), /a nest out of range/],
    ['with a stride too long', (w) => (w[4] = 2 ** 16), /a nest out of range/],
    ['of sums behind the arena', (w) => (w[2] = 2 ** 30), /an arena slot out of range/],
    ['that leaves the arena ahead', (w) => (w[6] = w[9] = 0), /an arena slot out of range/],
    ['that leaves the arena behind', (w) => (w[6] = w[9] = 65535), /an arena slot out of range/],
    ['that reads its own sums', (w) => w.copyWithin(5, 2, 5), /a nest that reads its own sums/],
  ];
  for (const [what, change, message] of bad) {
    it(`refuses a nest ${what}`, () => {
      const program = trainingOf(layer(16, 16, 'float64').loss, 'float64').program;
      const { arenaSize, intsSize, maxLength, extents, code, repeats, steps, bytecode } = program['lowered'];
      const create = (scalarBytecode: Uint32Array): unknown =>
        addon.createProgram({
          ...{ float32: false, isa: 'scalar', arenaSize, intsSize, maxLength, extents },
          ...{ code, repeats, steps, scalarBytecode },
        });
      create(bytecode.slice());
      const changed = bytecode.slice();
      const first = nestsOf(changed)[0]!;
      change(changed.subarray(first, first + scalarWords('N')));
      assert.throws(() => create(changed), message);
    });
  }
});
