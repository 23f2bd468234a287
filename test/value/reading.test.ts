/** What `data`, `grad` and `backward` give after runs of other lengths, other numbers, or refused feeds. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SGD } from '../../lib/optim/optimizers.js';
import { compile } from '../../lib/value/compile.js';
import { grad } from '../../lib/value/grad.js';
import { meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter, zeros } from '../../lib/value/leaves.js';
import { constant, type Value } from '../../lib/value/value.js';
import { assertClose } from '../support/check.js';
import { loadWeights, saveWeights } from '../../lib/weights/weights.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { pattern } from '../support/pattern.js';

describe('after a run of a shorter prefix', () => {
  /** The terms exp(x), exp(z): single numbers, or the sums of arrays. */
  const graph = (shape: number[]) => {
    const [x, z, n] = [input('x', shape), input('z', shape), index('n')];
    const second = z.exp();
    const loss = meanOfFirst([x.exp().sum(), second.sum()], n);
    return { x, z, second, loss };
  };
  for (const [what, shape] of [
    ['single numbers', []],
    ['arrays', [2]],
  ] as const) {
    const full = { x: shape.length ? [1, 1] : 1, z: shape.length ? [2, 2] : 2 };
    for (const lengths of [[2, 1], [1]]) {
      it(`${what}, runs of ${lengths.join(', then ')}: no gradient of what only longer runs read`, () => {
        const { x, z, second, loss } = graph([...shape]);
        for (const n of lengths) {
          loss.forward({ ...full, n });
          loss.backward();
        }
        const all = (value: number): number[] => Array.from(z.data, () => value);
        assertClose([...x.grad], all(Math.E), 1e-12, 'x.grad');
        assert.deepEqual([...z.grad], all(0));
        assert.deepEqual([...second.grad], all(0));
        assert.throws(
          () => second.data,
          /was not computed by the last run, whose length is 1: runs of a length from 2 on compute it$/,
        );
        assert.ok(loss.toDot({ data: true, grad: true }).includes('grad'));
        loss.forward({ ...full, n: 2 });
        loss.backward();
        assertClose([...z.grad], all(Math.exp(2) / 2), 1e-12, 'z.grad');
        assertClose([...second.data], all(Math.exp(2)), 1e-12, 'second.data');
      });
    }
  }
});

describe('what forward returns belongs to the caller:', () => {
  for (const dtype of ['float64', 'float32'] as const) {
    const roots: [what: string, isFed: boolean, make: (w: Value, x: Value) => Value][] = [
      ['a sum', true, (w, x) => w.add(x)],
      ['an input', true, (_, x) => x],
      ['a transposed matrix', true, (w, x) => w.add(x).reshape([1, 3]).transpose()],
      ['a parameter', false, (w) => w],
      ['a view of a parameter', false, (w) => w.reshape([3, 1])],
      ['a part of a parameter', false, (w) => w.slice(0, 2)],
    ];
    for (const [what, isFed, make] of roots) {
      it(`${what}, ${dtype}`, () => {
        const w = parameter([1, 2, 3]);
        const y = make(w, input('x', [3]));
        const program = compile(y, { dtype });
        for (const runs of dtype === 'float64' ? [program, y] : [program]) {
          const run = (x: number) => runs.forward(isFed ? { x: [x, 5, 6] } : {});
          const first = run(4);
          const before = [...first];
          run(7).fill(100);
          assert.deepEqual([...first], before);
          assert.deepEqual([...run(4)], before);
          assert.deepEqual([...w.data], [1, 2, 3]);
        }
      });
    }
  }
});

describe('backward says that it computes no gradient of what depends on constants alone', () => {
  const cases: [what: string, make: () => Value, expected: number[]][] = [
    ['zeros', () => zeros([3]), [1, 2, 3]],
    ['computed from zeros', () => zeros([3]).add(1), [1, 2, 3]],
    ['a constant', () => constant(2), [6]],
  ];
  for (const [what, make, expected] of cases) {
    it(what, () => {
      const fixed = make();
      const loss = fixed.mul(parameter([1, 2, 3])).sum();
      loss.forward();
      loss.backward();
      assert.throws(
        () => fixed.grad,
        pattern(
          /depends on no parameter or input, and backward\(\) computes no gradient of it: grad\(loss, /,
          /\[it\]\) does$/,
        ),
      );
      assert.deepEqual([...grad(loss, [fixed])[0]!.forward()], expected);
    });
  }

  it('while a gradient that is stopped is zero', () => {
    const w = parameter([1, 2]);
    const stopped = w.mul(2);
    const loss = stopped.detach().mul(w).sum();
    loss.forward();
    loss.backward();
    assert.deepEqual([...stopped.grad], [0, 0]);
    assert.deepEqual([...w.grad], [2, 4]);
  });
});

describe('backward is of one set of numbers where, since forward,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-reading-'));
  after(() => rmSync(folder, { recursive: true }));
  /** Sets p as loadWeights and loadCheckpoint do. */
  const load = (p: Value, x: number): void => {
    const file = join(folder, 'weights');
    saveWeights(file, [parameter(x, { name: 'p' })]);
    loadWeights(file, [p]);
  };
  const changes: [what: string, change: (p: Value, y: Value) => unknown][] = [
    ['a training took a step', (_, y) => new SGD({ learningRate: 0.1 }).minimize(y).step({})],
    [
      'a training in float32 took a step',
      (_, y) => new SGD({ learningRate: 0.1 }).minimize(y, { dtype: 'float32' }).step({}),
    ],
    ['a number was set', (p) => (p.data[0] = 0.5)],
    ['weights were loaded', (p) => load(p, 0.75)],
    [
      'a training in float32 took a step, and weights were loaded',
      (p, y) => {
        new SGD({ learningRate: 0.1 }).minimize(y, { dtype: 'float32' }).step({});
        load(p, 0.75);
      },
    ],
    ['weights were loaded that float32 rounds', (p) => load(p, 0.7)],
    ['nothing changed', (p) => p.data],
  ];
  for (const dtype of ['float64', 'float32'] as const) {
    for (const [what, change] of changes) {
      it(`${what}, ${dtype}`, () => {
        const p = parameter(1, { name: 'p' });
        const held = p.data;
        const y = p.exp().mul(p);
        const program = compile(y, { dtype });
        for (let round = 0; round < 2; round++) {
          program.forward({});
          change(p, y);
          if (round === 1) held[0] = 3; // where the number lived at first
          program.backward();
          const x = p.data[0]!;
          assertClose([...p.grad], [Math.exp(x) * (1 + x)], dtype === 'float32' ? 1e-6 : 1e-12, what);
          assertClose([...y.data], [Math.exp(x) * x], dtype === 'float32' ? 1e-6 : 1e-12, what);
        }
      });
    }
  }

  it('weights of one parameter of two were loaded', () => {
    const [p, q] = [parameter(1, { name: 'p' }), parameter(2)];
    const y = p.exp().mul(q);
    y.forward();
    load(p, 3);
    y.backward();
    assertClose([...p.grad, ...q.grad], [2 * Math.exp(3), Math.exp(3)], 1e-12, 'gradients');
  });

  it('evaluate was fed other numbers: it takes these', () => {
    const x = input('x');
    const program = compile(x.mul(x));
    program.forward({ x: 1 });
    program.evaluate({ x: 3 });
    program.backward();
    assert.deepEqual([...x.grad], [6]);
  });

  it('feeds were refused: it asks for another forward', () => {
    const [a, b] = [input('a'), input('b')];
    const y = a.exp().mul(a).mul(b);
    y.forward({ a: 1, b: 1 });
    assert.throws(() => y.forward({ a: 2, b: 'x' } as unknown as Feeds), /input 'b'/);
    assert.throws(() => y.backward(), /the last forward\(\) was refused: call it again$/);
    y.forward({ a: 1, b: 1 });
    y.backward();
    assertClose([...a.grad], [2 * Math.E], 1e-12, 'a.grad');
  });
});

describe('a program that has not run', () => {
  const p = parameter(1);
  const y = p.exp();
  it('has no numbers to read', () => {
    assert.throws(() => compile(y).read(y), /has no data: run its program on one example first/);
  });
  it('has no gradient to read before backward', () => {
    const program = compile(y);
    program.forward({});
    assert.throws(() => program.readGradient(p), /has no gradient yet: call backward\(\) first$/);
  });
});
