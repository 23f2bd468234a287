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

const isLong = process.env['VECGRAD_LONG'] === '1';

/** Work for test/support/drop.ts, and how often it is done: in `npm test`, and in `npm run test:long`. */
type Work = readonly [work: string, times: number, timesInLong: number];

const WORK: readonly Work[] = [
  ['graphs run by forward and backward', 300, 2000],
  ['graphs compiled and run', 300, 600],
  ['graphs trained, in float32 and float64 in turn', 300, 600],
  ['steps', 200_000, 200_000],
];

/** The arguments for a row, and its title. */
function planned([work, times, timesInLong]: Work): { title: string; args: string[] } {
  const n = isLong ? timesInLong : times;
  return { title: `${n.toLocaleString('en')} ${work}`, args: [work, String(n)] };
}

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
  for (const { title, args } of WORK.map(planned)) {
    it(title, function () {
      const quarters = quartersOf(['--expose-gc'], args);
      // Until the second quarter allocators, and what V8 compiles, may still grow. 150 graphs that
      // were kept would take 30 MB.
      const [before, after] = [quarters[1]!, quarters[3]!];
      assert.ok(after.known - before.known < 3 * MB, JSON.stringify(quarters));
      assert.ok(after.resident - before.resident < 80 * MB, JSON.stringify(quarters));
    });
  }
});

/** Work that is one turn of the event loop; kept, each would take more than 200 MB. */
const ONE_TURN: readonly Work[] = [
  ['generators of random numbers', 100_000, 400_000],
  ['graphs compiled and run', 300, 600],
  ['graphs trained', 300, 600],
  ['small graphs trained', 2000, 4000],
  ['large graphs of single numbers trained', 20, 40],
];

describe('in one turn of the event loop memory does not grow with', () => {
  for (const { title, args } of ONE_TURN.map(planned)) {
    it(title, function () {
      const quarters = quartersOf([], [...args, 'one turn']);
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
