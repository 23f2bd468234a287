/** Nobody frees anything: what is dropped is gone, whatever else goes on, and steps take no memory. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { compile, parameter } from '../../lib/index.js';
import { bundled } from '../support/bundled.js';

const MB = 1e6;
const DROP = bundled('drop.ts');

/** Bytes: of the process, and of those what V8 knows of. */
interface Used {
  resident: number;
  known: number;
}

/** Work for test/support/drop.ts. */
const WORK = [
  '300 graphs run by forward and backward',
  '300 graphs compiled and run',
  '300 graphs trained, in float32 and float64 in turn',
  '200,000 steps',
];

/** Runs test/support/drop.ts; what was in use after each quarter. */
function quartersOf(flags: readonly string[], work: readonly string[]): Used[] {
  const args = [...flags, DROP, ...work];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  const quarters = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Used);
  assert.equal(quarters.length, 4, stdout);
  return quarters;
}

describe('memory does not grow with', () => {
  for (const work of WORK) {
    it(work, function () {
      const quarters = quartersOf(['--expose-gc'], [work]);
      // Until the second quarter allocators, and what V8 compiles, may still grow. 150 graphs that
      // were kept would take 30 MB.
      const [before, after] = [quarters[1]!, quarters[3]!];
      assert.ok(after.known - before.known < 3 * MB, JSON.stringify(quarters));
      assert.ok(after.resident - before.resident < 80 * MB, JSON.stringify(quarters));
    });
  }
});

/**
 * Work for test/support/drop.ts that is one turn of the event loop; kept, each would take more than 200 MB.
 */
const ONE_TURN = [
  '100,000 generators of random numbers',
  '300 graphs compiled and run',
  '300 graphs trained',
  '2,000 small graphs trained',
  '20 large graphs of single numbers trained',
];

describe('in one turn of the event loop memory does not grow with', () => {
  for (const work of ONE_TURN) {
    it(work, function () {
      const quarters = quartersOf([], [work, 'one turn']);
      const [first, last] = [quarters[0]!, quarters[3]!];
      assert.ok(last.resident - first.resident < 100 * MB, JSON.stringify(quarters));
      assert.ok(last.resident < 400 * MB, JSON.stringify(quarters));
    });
  }
});

describe('numbers and gradients that can still be read stay', () => {
  it('of the graph that ran last, where others share its nodes', () => {
    const a = parameter([1, 2]);
    const square = a.mul(a).named('square');
    const run = (root: typeof a): number[] => [...root.forward(), ...square.data];
    const [sum, double] = [square.sum(), square.mul(2)];
    assert.deepEqual(run(sum), [5, 1, 4]);
    sum.backward();
    assert.deepEqual([...square.grad], [1, 1]);
    assert.deepEqual(run(double), [2, 8, 1, 4]);
    a.data.set([3, 4]);
    assert.deepEqual([...square.data], [1, 4]);
    assert.deepEqual(run(sum), [25, 9, 16]);
    assert.deepEqual([...square.grad], [1, 1]);
    double.forward();
    double.backward();
    assert.deepEqual(
      [[...square.grad], [...a.grad]],
      [
        [2, 2],
        [12, 16],
      ],
    );
    sum.backward();
    assert.deepEqual(
      [[...square.grad], [...a.grad]],
      [
        [1, 1],
        [6, 8],
      ],
    );
  });

  it('of a graph whose root and program are dropped', () => {
    const a = parameter([1, 2]);
    const hidden = a.exp();
    const run = (): void => {
      const program = compile(hidden.sum());
      program.forward({});
      program.backward();
    };
    run();
    compile(hidden.sum()); // one that has not run takes nothing over
    assert.deepEqual([...a.grad], [...hidden.data]);
  });
});
