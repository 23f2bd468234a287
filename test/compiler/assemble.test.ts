/** The assembler of scalar bytecode: a small graph written by hand, and invalid graphs. */
import assert from 'node:assert/strict';
import {
  addon,
  scalarOpcodeNames,
  scalarOpcodes,
  scalarWords,
  type AssemblerGraph,
  type AssemblerPlan,
} from '../../lib/binding/addon.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { addN, meanOfFirst } from '../../lib/value/joins.js';
import { index, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';

const [LEAF, PLAIN, ADD_N] = [0, 1, 2];

/** x, y, x * y, and the `addN` of x * y and x. */
function graph(): AssemblerGraph {
  return {
    ops: Uint8Array.of(LEAF, LEAF, PLAIN, ADD_N),
    start: Int32Array.of(0, 0, 0, 2, 4),
    list: Int32Array.of(0, 1, 2, 0),
    positions: new Int32Array(4),
    attributeOf: new Int32Array(4),
    attributes: Int32Array.of(0, -1, 0, 0, -1, 0, 0),
    positionsList: new Int32Array(0),
    // leaf, plain, addN (native/compile/assembler_graph.h)
    roles: Int32Array.of(1, 2, 3),
    own: Int32Array.of(-1, scalarOpcodes.get('mul')!, -1),
    adding: Int32Array.of(-1, scalarOpcodes.get('fma')!, -1),
    count: 4,
    forwardEnd: 4,
    maxLength: 1,
  };
}

function plan(): AssemblerPlan {
  return {
    uses: Int32Array.of(2, 1, 1, 1),
    gradients: new Int32Array(0),
    slots: Int32Array.of(0, 1, -1, -1),
    zero: 2,
    arenaSize: 3,
    update: -1,
    parameters: 0,
    moment: 0,
    secondMoment: -1,
    gradientBlock: 0,
    rule: 0,
    blockSize: 0,
  };
}

/** The records of scalar bytecode, in words. */
function records(code: Uint32Array): string[] {
  const found: string[] = [];
  for (let at = 0; at < code.length;) {
    const name = scalarOpcodeNames[code[at]!]!;
    const words = scalarWords(addon.info().scalarOperands[code[at]!]!);
    const count = code[at + 1]!;
    at += 2;
    for (let i = 0; i < count; i++, at += words)
      found.push(`${name} ${code.slice(at, at + words).join(' ')}`);
  }
  return found;
}

/** The opcodes of the groups of a training's scalar bytecode. */
function groupsOf(loss: Value): string[] {
  const { bytecode } = new SGD({ learningRate: 1 }).minimize(loss).program['lowered'];
  const found: string[] = [];
  for (let at = 0; at < bytecode.length;) {
    found.push(scalarOpcodeNames[bytecode[at]!]!);
    at += 2 + bytecode[at + 1]! * scalarWords(addon.info().scalarOperands[bytecode[at]!]!);
  }
  return found;
}

describe('the assembler of scalar bytecode', () => {
  it('counts what is used, and kept', () => {
    assert.deepEqual([...addon.countUses(graph(), Int32Array.of(3))], [2, 1, 1, 1]);
    assert.deepEqual([...addon.countUses(graph(), Int32Array.of(2, 2))], [1, 1, 2, 0]);
  });

  it('lets a term add itself to its `addN`', () => {
    const made = addon.assembleScalarBytecode(graph(), plan())!;
    assert.deepEqual(records(made.words), ['mul 3 0 1', 'accumulate 3 0']);
    assert.deepEqual(made.forward, [0, made.words.length]);
    assert.equal(made.arenaSize, 4);
  });

  it('groups what may run in any order, for any number of sums', () => {
    const dots = (n: number): Value => {
      const x = Array.from({ length: 4 }, (_, i) => parameter(i).exp());
      const rows = Array.from({ length: n }, () => x.map((xi) => parameter(0.1).mul(xi)));
      const loss = addN(rows.map((row) => row.reduce((a, b) => a.add(b)).tanh()));
      return meanOfFirst([parameter(1), loss], index('n')); // what is of position 0 alone comes before
    };
    const groups = groupsOf(dots(16));
    assert.deepEqual(groups, groupsOf(dots(4)));
    assert.ok(groups.length < 20, groups.join());
  });

  // Slots that words of 16 bits can name, and more.
  for (const n of [1000, 70_000]) {
    it(`runs a program of ${n} slots and more`, () => {
      const all = Array.from({ length: n }, (_, i) => parameter(i % 7));
      const loss = addN(all.map((p) => p.mul(p)));
      const training = new SGD({ learningRate: 0.25 }).minimize(loss);
      const sum = all.reduce((total, { data }) => total + data[0]! ** 2, 0);
      assert.equal(training.step({}), sum);
      assert.equal(training.step({}), sum / 4);
      assert.equal(all[n - 1]!.data[0], ((n - 1) % 7) / 4);
    });
  }

  it('leaves no place for what is not needed', () => {
    const without = plan();
    without.uses.set([0, 0, 0, 0]);
    assert.equal(addon.assembleScalarBytecode(graph(), without)!.words.length, 0);
  });

  const bad: [what: string, change: (g: AssemblerGraph, p: AssemblerPlan) => void, message: RegExp][] = [
    ['an operand behind its node', (g) => (g.list[0] = 3), /node 2: an operand that does not come before it/],
    ['a negative operand', (g) => (g.list[0] = -1), /node 2: an operand/],
    ['operands outside their list', (g) => (g.start[4] = 9), /node 3: operands outside their list/],
    ['operands that end before they start', (g) => (g.start[3] = 9), /node 2: operands outside/],
    ['an unknown operator', (g) => (g.ops[2] = 7), /node 2: no such operator/],
    [
      'an operator without a role',
      (g) => (g.roles[1] = 0),
      /node 2: an operator that scalar bytecode does not have/,
    ],
    ['an unknown role', (g) => (g.roles[1] = 99), /node 2: an operator that scalar bytecode does not have/],
    ['a product of one number', (g) => g.start.set([0, 0, 0, 1, 3]), /node 2: operands/],
    ['an unknown attribute', (g) => (g.attributeOf[1] = 1), /node 1: no such attribute/],
    ['positions outside their list', (g) => g.attributes.set([0, 0, 2]), /positions outside their list/],
    [
      'positions that are not the terms',
      (g) =>
        Object.assign(g, {
          positionsList: Int32Array.of(0),
          attributes: Int32Array.of(0, 0, 1, 0, -1, 0, 0),
        }),
      /node 3: terms that do not fit/,
    ],
    [
      'a term whose position does not exist',
      (g) => (g.positionsList = Int32Array.of(4)),
      /a term's position out of range/,
    ],
    [
      'more terms than positions',
      (g) =>
        Object.assign(g, {
          list: Int32Array.of(0, 1, 2, 0, 1),
          start: Int32Array.of(0, 0, 0, 2, 5),
          attributes: Int32Array.of(1, -1, 0, 0, -1, 0, 0),
        }),
      /node 3: more terms than positions/,
    ],
    ['arrays too short', (g) => (g.positions = new Int32Array(3)), /arrays shorter than the graph/],
    ['a wrong type', (g) => (g.ops = new Int32Array(4) as unknown as Uint8Array), /unexpected ops/],
    ['a position of a node', (g) => (g.positions[3] = 1), /a position out of range/],
    ['no positions', (g) => (g.maxLength = 0), /sizes that do not fit/],
    ['more positions than a program has', (g) => (g.maxLength = 2 ** 30), /sizes that do not fit/],
    ['uses of another graph', (_, p) => (p.uses = new Int32Array(3)), /uses or slots/],
    ['slots of another graph', (_, p) => (p.slots = new Int32Array(5)), /uses or slots/],
    ['a gradient that is no node', (_, p) => (p.gradients = Int32Array.of(4)), /gradients that are no nodes/],
    ['an update of what is not there', (_, p) => (p.blockSize = 5), /more numbers than nodes/],
    [
      'an update beyond any arena',
      (_, p) => Object.assign(p, { blockSize: 2, parameters: 2 ** 31 - 2 }),
      /an arena of more than 2\^31 - 1 numbers/,
    ],
    [
      'nodes beyond any arena',
      (_, p) => (p.arenaSize = 2 ** 31 - 1),
      /an arena of more than 2\^31 - 1 numbers/,
    ],
    ['no place for the zero', (_, p) => delete (p as Partial<AssemblerPlan>).zero, /unexpected zero/],
  ];
  for (const [what, change, message] of bad) {
    it(`refuses ${what}`, () => {
      const [g, p] = [graph(), plan()];
      change(g, p);
      assert.throws(() => addon.assembleScalarBytecode(g, p), message);
    });
  }

  it('refuses to keep what is no node', () => {
    assert.throws(() => addon.countUses(graph(), Int32Array.of(4)), /nodes to keep/);
  });
});
