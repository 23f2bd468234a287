/**
 * The differentiation of graphs of single numbers: a small graph written by hand, and invalid graphs and
 * rules.
 */
import assert from 'node:assert/strict';
import { addon, type NumberGraph } from '../../lib/binding/addon.js';

const [LEAF, MUL, ADD_N, SEED] = [0, 1, 2, 3];

/** x, y, x * y, x * y + x by an `addN` of a prefix of length n, and the seed. */
function graph(): NumberGraph {
  return {
    ops: Uint8Array.of(LEAF, LEAF, SEED, MUL, ADD_N, SEED),
    start: Int32Array.of(0, 0, 0, 0, 2, 5, 5),
    list: Int32Array.of(0, 1, 0, 3, 2),
    positions: Int32Array.of(0, 0, 0, 1, 0, 0),
    attributeOf: Int32Array.of(0, 0, 0, 0, 1, 0),
    prefix: Uint8Array.of(0, 1),
    leaves: Uint8Array.of(3, 0, 0, 1),
    count: 6,
    forwardEnd: 5,
    root: 4,
    addN: ADD_N,
  };
}

/**
 * The rules of a product a b: dy b, and dy a. Numbers 0 and 1 are a and b, 3 is dy, 4 is the result of the
 * step.
 */
function rules(): Int32Array {
  const toA = [4, 1, MUL, 0, 2, 3, 1];
  const toB = [4, 1, MUL, 0, 2, 3, 0];
  return Int32Array.of(1, 3, 10, ...toA, ...toB);
}

describe('the differentiation of single numbers', () => {
  it('names a node of each kind that needs rules', () => {
    assert.deepEqual([...addon.numberKinds(graph())], [3]);
  });

  it('gives operands their terms, each from its position on', () => {
    const made = addon.differentiateNumbers(graph(), rules(), 5);
    // Behind the graph: dy * y, dy * x (position 1), then the sums of y and of x.
    assert.deepEqual([...made.ops.subarray(6)], [MUL, MUL, ADD_N, ADD_N]);
    assert.deepEqual([...made.list.subarray(5)], [5, 1, 5, 0, 7, 5, 6]);
    assert.deepEqual([...made.positions.subarray(6)], [1, 1, 0, 0]);
    assert.deepEqual([...made.gradients], [9, 8, -1, 5, 5]);
    // y's only term is of position 1, x's are of positions 0 and 1.
    assert.deepEqual([...made.attributeOf.subarray(6)], [0, 0, 2, 3]);
    assert.deepEqual([...made.attributes], [0, 1, 3]);
    assert.deepEqual([...made.termPositions], [1, 0, 1]);
  });

  it('asks about nothing: no gradient', () => {
    const g = graph();
    g.leaves[LEAF] = 1;
    const made = addon.differentiateNumbers(g, new Int32Array(0), 5);
    assert.deepEqual([...made.gradients], [-1, -1, -1, -1, -1]);
  });

  const bad: [what: string, change: (g: NumberGraph, rules: Int32Array) => unknown, message: RegExp][] = [
    [
      'an operand behind its node',
      (g) => {
        g.list[1] = 3;
      },
      /node 3: an operand that does not come before it/,
    ],
    [
      'a negative operand',
      (g) => {
        g.list[0] = -1;
      },
      /node 3: an operand/,
    ],
    [
      'operands outside their list',
      (g) => {
        g.start[5] = 9;
      },
      /node 4: operands outside their list/,
    ],
    [
      'operands that end before they start',
      (g) => {
        g.start[4] = 0;
        g.start[3] = 2;
      },
      /node 3: operands outside/,
    ],
    [
      'operands that start late',
      (g) => {
        g.start[0] = 1;
      },
      /operands that do not start at 0/,
    ],
    [
      'an unknown operator',
      (g) => {
        g.ops[3] = 7;
      },
      /node 3: no such operator/,
    ],
    [
      'an unknown attribute',
      (g) => {
        g.attributeOf[3] = 2;
      },
      /node 3: no such attribute/,
    ],
    [
      'arrays too short',
      (g) => {
        g.positions = new Int32Array(3);
      },
      /arrays shorter than the graph/,
    ],
    [
      'a root that is no forward node',
      (g) => {
        g.root = 5;
      },
      /sizes that do not fit/,
    ],
    [
      'a number for addN that is no operator',
      (g) => {
        g.addN = 4;
      },
      /no such operator as addN/,
    ],
    [
      'a wrong type',
      (g) => {
        g.ops = new Int32Array(6) as unknown as Uint8Array;
      },
      /unexpected ops/,
    ],
    ['no rules', () => new Int32Array(0), /fewer rules than kinds of nodes/],
    [
      'rules that lie nowhere',
      (_, r) => {
        r[0] = 16;
      },
      /like 3: words outside the rules/,
    ],
    [
      'a rule that lies nowhere',
      (_, r) => {
        r[1] = 99;
      },
      /like 3: words outside the rules/,
    ],
    [
      'a rule that ends nowhere',
      (_, r) => {
        r[11] = 2;
      },
      /like 3: words outside the rules/,
    ],
    [
      'a gradient that is not made',
      (_, r) => {
        r[3] = 5;
      },
      /like 3: a gradient that is not known/,
    ],
    [
      'an operand that is made later',
      (_, r) => {
        r[8] = 4;
      },
      /like 3: an operand that is not known yet/,
    ],
    [
      'an operand that is no node',
      (_, r) => {
        r[8] = ~6;
      },
      /like 3: an operand that is not known yet/,
    ],
    [
      'a step of no operator',
      (_, r) => {
        r[5] = 9;
      },
      /like 3: no such operator/,
    ],
    [
      'a step of no attribute',
      (_, r) => {
        r[6] = 2;
      },
      /like 3: no such attribute/,
    ],
    ['a seed that is no node', () => 6, /a seed that is no node/],
  ];
  for (const [what, change, message] of bad) {
    it(`refuses ${what}`, () => {
      const [g, r] = [graph(), rules()];
      const changed = change(g, r);
      const given = changed instanceof Int32Array ? changed : r;
      const seed = typeof changed === 'number' ? changed : 5;
      assert.throws(() => addon.differentiateNumbers(g, given, seed), message);
    });
  }
});
