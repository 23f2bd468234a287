/** The graph a user writes: what it refuses when it is built, and that running does not change it. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import { addN, choose, concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { constant, index, input, parameter, zeros } from '../../lib/value/leaves.js';
import type { Node } from '../../lib/graph/node.js';
import type { Numbers } from '../../lib/core/array.js';
import { ShapeError } from '../../lib/core/shape.js';
import { pattern } from '../support/pattern.js';
import '../../lib/value/operators.js'; // checks the arguments of methods

const w = parameter(
  [
    [1, 2, 3],
    [4, 5, 6],
  ],
  { name: 'w' },
);
const v = parameter([1, 2, 3, 4], { name: 'v' });
const s = parameter(2, { name: 's' });
const i = index('i', 2);

/** A wrong call, and what its error must say: the node, what was given, what was expected. */
const REFUSED: [title: string, write: () => unknown, says: RegExp][] = [
  [
    'a sum of shapes that do not broadcast',
    () => w.add(v),
    pattern(
      /^add of 'w' \(parameter, shape \[2, 3\]\) and 'v' \(parameter, shape \[4\]\): /,
      /.*3 against 4 in axis -1.*equal, or 1/,
    ),
  ],
  [
    'a product of unequal inner axes',
    () => w.matmul(v),
    /^matmul of 'w' .* and 'v' .*\(3\) must equal .*\(4\)/,
  ],
  [
    'a product of batches that do not broadcast',
    () => zeros([2, 3, 3]).matmul(zeros([4, 3, 3])),
    /matmul .*2 against 4/,
  ],
  [
    'a matrix product with a number',
    () => w.matmul(s),
    /'s'.*a single number has no axis to contract: use mul/,
  ],
  ['a reshape to another size', () => w.reshape([4]), /'w'.*to \[4\]: 6 numbers against 4/],
  [
    'a transpose that repeats an axis',
    () => w.transpose([0, 0]),
    /'w'.*axes \[0, 0\] name axis 0 twice: give each once/,
  ],
  ['a transpose of too few axes', () => w.transpose([1]), /'w'.*axes \[1\]: expected each of 2 axes once/],
  [
    'a transpose of axes that do not exist',
    () => w.transpose([0, 2]),
    /'w'.*axis 2 does not exist in shape \[2, 3\]/,
  ],
  ['a sum over an axis that does not exist', () => w.sum(2), /'w'.*axis 2 does not exist in shape \[2, 3\]/],
  ['a sum over an axis before the first', () => w.sum(-3), /'w'.*axis -3 does not exist in shape \[2, 3\]/],
  ['a slice along an axis before the first', () => w.slice(0, 1, -3), /'w'.*axis -3 does not exist/],
  ['a mean over no whole axis', () => w.mean(0.5), /'w'.*axis 0\.5 does not exist/],
  [
    'a slice beyond the end',
    () => w.slice(1, 3),
    /'w'.*from 1 to before 3 in axis 0 of \[2, 3\]: expected integers from -2 to 2/,
  ],
  ['a slice that ends before it starts', () => w.slice(2, 1, 1), /'w'.*from 2 to before 1 in axis 1/],
  ['a slice of no whole numbers', () => w.slice(0, 1.5), /'w'.*from 0 to before 1\.5/],
  ['a row beyond the end', () => w.at(2), /'w'.*row 2: expected a row from -2 to 1$/],
  ['a row of a number', () => s.at(0), /at of 's'.*a single number has no rows/],
  ['a gather from a number', () => s.gather(i), /'s'.*a single number has no axis: give at least one/],
  [
    'an element of an index that has none',
    () => i.at(2),
    /at\(2\) of 'i' \(index, shape \[2\]\): no such element/,
  ],
  ['an element of one index', () => index('n').at(0), /at\(0\) of 'n'/],
  ['a softmax of a number', () => s.softmax(), /'s'.*a single number has no axis: give at least one/],
  ['the top of a number', () => s.topk(1), /topk of 's'.*a single number has no axis: give at least one/],
  ['the top five of four', () => v.topk(5), /'v'.*k 5 of 4 numbers: expected an integer from 1 to 4/],
  ['the top none', () => v.topk(0), /'v'.*k 0 of 4 numbers/],
  ['a stack of nothing', () => stack([]), /stack: there are no operands: give at least one/],
  ['a stack of unequal shapes', () => stack([w, v]), /'w'.*'v'.*\[2, 3\] and \[4\]: all must be equal/],
  ['a join of nothing', () => concat([]), /concat: there are no operands: give at least one/],
  [
    'a join of unequal other axes',
    () => concat([w, zeros([2, 4])]),
    /'w'.*\[2, 3\] and \[2, 4\] along axis 0/,
  ],
  ['a join along an axis that does not exist', () => concat([v, v], 1), /'v'.*axis 1 does not exist/],
  ['addN of nothing', () => addN([]), /addN: there are no operands: give at least one/],
  ['addN of unequal shapes', () => addN([w, v]), /'w'.*'v'.*\[2, 3\] and \[4\]: all must be equal/],
  [
    'a choice among unequal shapes',
    () => choose([w, v], index('n')),
    /'w'.*'v'.*\[2, 3\] and \[4\]: all must be equal/,
  ],
  [
    'a choice of what there is not',
    () => choose([w, v], 2),
    /^choose of .*index 2: expected an integer from -2 to 1$/,
  ],
  ['a choice among nothing', () => choose([], index('n')), /choose/],
  ['the mean of the first of nothing', () => meanOfFirst([], index('n')), /at least one/],
  ['zeros of half a row', () => zeros([0.5]), /\[0\.5\]/],
  [
    'a parameter of too few numbers',
    () => parameter([1, 2, 3], { shape: [2, 2], name: 'p' }),
    /'p': 3 numbers for shape \[2, 2\], which holds 4/,
  ],
  [
    'a parameter of a negative shape',
    () => parameter([], { shape: [-1, 0] }),
    /integers from 0, got \[-1, 0\]/,
  ],
  [
    'a parameter of ragged rows',
    () => parameter([[1, 2], [3]]),
    /unequal lengths: the first at each depth have shape \[2, 2\]/,
  ],
  [
    'an input of half a number',
    () => input('x', [1.5]),
    /input 'x': a shape is an array of integers from 0, got \[1\.5\]/,
  ],
  [
    'an index of negative length',
    () => index('i', -1),
    /index 'i': length -1: expected an integer from 0, a shape, or nothing for a single integer$/,
  ],
];

describe('a graph being written', () => {
  for (const [title, write, says] of REFUSED) {
    it(`refuses ${title}`, () => {
      assert.throws(write, (error: Error) => {
        assert(error instanceof ShapeError || error instanceof RangeError, String(error));
        assert.match(error.message, says);
        return true;
      });
    });
  }

  it('refuses what is no number', () => {
    assert.throws(() => w.add('1' as never), /expected a Value or a number, got "1"/);
    assert.throws(() => w.mul(null as never), /expected a Value or a number, got null/);
    assert.throws(() => w.pow('2' as never), /'w'.*expected a Value or a number .*, got "2"/);
    assert.throws(() => parameter(['1'] as never), /parameter: element \[0\] is "1": expected a number/);
  });

  it('refuses what is a number in the place of an index, or the other way round', () => {
    const rows: [() => unknown, RegExp][] = [
      [
        () => w.gather(v as never),
        /^TypeError: gather of 'w' .*: the index is 'v' \(parameter, .*expected an Index/,
      ],
      [
        () => w.crossEntropy(v),
        /crossEntropy of 'w' .* and 'v' .*: \[2, 3\] with probabilities \[4\]: expected the same shape/,
      ],
      [() => w.matmul(i as never), /matmul of 'w' .*: operand 1 is 'i' \(index, .*expected a Value/],
      [() => w.matmul([1] as never), /matmul of 'w' .*: operand 1 is an array, expected a Value/],
      [() => w.add(i as never), /expected a Value or a number, got 'i' \(index/],
      [() => w.exp.bind(i as never)(), /^TypeError: exp: called on 'i' \(index.*\), expected a Value$/],
      [() => w.add.bind(i as never)(1), /^TypeError: add: called on 'i' \(index.*\), expected a Value$/],
      [
        () => [w].map(Reflect.get(w, 'relu')),
        pattern(
          /^TypeError: relu: called on undefined, expected a Value: /,
          /a method that is passed on loses its value: write \(x\) => x\.relu\(\.\.\.\)$/,
        ),
      ],
      [() => [w].map(Reflect.get(w, 'add')), /^TypeError: add: called on undefined, expected a Value/],
      [() => [w].map(Reflect.get(w, 'lt')), /^TypeError: lt: called on undefined, expected a Value/],
      [() => stack([w, i as never]), /stack\[1\]: expected a Value, got 'i' \(index/],
      [() => meanOfFirst([w], 2 as never), /meanOfFirst of 'w' .*: operand 1 is 2, expected an Index/],
      [
        () => choose([w, w], w as never),
        /choose of 'w' .*: the index is 'w'.*expected an Index, or integers/,
      ],
      [() => input(undefined as never), /input: a name must be a string, got undefined/],
      [() => index('i', 1.5), /index 'i': length 1\.5: expected an integer from 0/],
      [() => constant('1' as never), /constant: "1": expected a number, or arrays of numbers$/],
      [() => parameter(1, null as never), /options null: expected an object/],
      [() => w.named(3 as never), /named: a name must be a string, got 3/],
    ];
    for (const [write, says] of rows) {
      assert.throws(write, (error: Error) => {
        assert.match(`${error.name}: ${error.message}`, says);
        return true;
      });
    }
  });

  it('keeps a shape as it was given', () => {
    const shape = [2, 3];
    const x = input('x', shape);
    shape[0] = 5;
    assert.deepEqual(x.shape, [2, 3]);
    assert.throws(() => (s.shape as number[]).push(1), TypeError); // which all scalars share
  });

  it('takes numbers nested to any depth', () => {
    const cases: [Numbers, number[]][] = [
      [3, []],
      [[1, 2], [2]],
      [Float32Array.of(1, 2, 3), [3]],
      [
        [[1], [2], [3]],
        [3, 1],
      ],
      [
        [[[1, 2]], [[3, 4]]],
        [2, 1, 2],
      ],
      [[], [0]],
      [
        [[], []],
        [2, 0],
      ],
    ];
    for (const [numbers, shape] of cases) assert.deepEqual(parameter(numbers).shape, shape);
    assert.deepEqual(
      Array.from(
        parameter([
          [1, 2],
          [3, 4],
        ]).data,
      ),
      [1, 2, 3, 4],
    );
  });

  it('names nodes by name or number, operator and shape', () => {
    assert.equal(w.label, "'w' (parameter, shape [2, 3])");
    assert.match(w.exp().label, /^#\d+ \(exp, shape \[2, 3\]\)$/);
    assert.equal(w.exp().named('e').label, "'e' (exp, shape [2, 3])");
  });
});

describe('a graph being run', () => {
  /** Everything a node records, apart from its numbers and the programs that hold them. */
  const remembered = (root: Node): unknown[] => {
    const found = new Set([root]);
    for (const node of found) for (const operand of node.inputs) found.add(operand);
    return [...found].map(({ id, op, name, shape, attr, inputs }) => [
      id,
      op,
      name,
      shape,
      { ...attr },
      inputs.map((x) => x.id),
    ]);
  };

  it('stays as it was', () => {
    const x = input('x', [3]);
    const y = parameter([
      [1, 2, 3],
      [4, 5, 6],
    ])
      .matmul(x)
      .add(x.sum())
      .relu()
      .softmax();
    const before = remembered(y);
    for (let run = 0; run < 3; run++) {
      y.forward({ x: [1, 2, 3] });
      y.backward();
    }
    assert.deepEqual(remembered(y), before);
  });

  it('holds the numbers and gradients of every value in it', () => {
    const a = parameter([1, 2]);
    const b = parameter([3, 4]);
    const product = a.mul(b);
    const y = product.add(1).sum();
    assert.deepEqual(Array.from(y.forward()), [13]);
    y.backward();
    const numbers = (value: Value): number[][] => [Array.from(value.data), Array.from(value.grad)];
    assert.deepEqual(numbers(y), [[13], [1]]);
    assert.deepEqual(numbers(product), [
      [3, 8],
      [1, 1],
    ]);
    assert.deepEqual(numbers(a), [
      [1, 2],
      [3, 4],
    ]);
    assert.deepEqual(numbers(b), [
      [3, 4],
      [1, 2],
    ]);
  });

  it('gives zeros where no gradient flows', () => {
    const a = parameter([1, 2], { name: 'a' });
    const y = a.detach().mul(constant(2)).sum();
    y.forward();
    y.backward();
    assert.deepEqual(Array.from(a.grad), [0, 0]);
  });

  it('says what to call first where there are no numbers yet', () => {
    const y = parameter([1], { name: 'a' }).exp().named('y');
    assert.throws(() => y.data, /'y' \(exp, shape \[1\]\) has no data yet: call forward\(\)/);
    assert.throws(() => y.grad, /'y' \(exp, shape \[1\]\) has no gradient yet: call backward\(\)/);
    assert.throws(() => y.backward(), /'y' \(exp, shape \[1\]\).*before forward\(\)/);
    y.forward();
    assert.throws(() => y.grad, /has no gradient yet/);
  });
});
