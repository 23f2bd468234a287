/**
 * docs/operators.md, "At the edges": checks vecgrad's cells, on every instruction set in both types.
 * (test/support/edges.py checks NumPy's and PyTorch's.) Also checks that each operator is on the page.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from '../../lib/index.js';
import { packageRoot } from '../../lib/core/package.js';
import { TARGETS } from '../support/targets.js';

const { compile, index, Index, parameter, Value } = library;

const PAGE = readFileSync(join(packageRoot(), 'docs/operators.md'), 'utf8');
const section = PAGE.split('## At the edges')[1]!.split('\n## ')[0]!;
const rows = Array.from(
  section.matchAll(/^\| `(.*?)` +\| `(\[.*?\])`(?:, `i = (.*?)`)? +\| (.*?) +\| (.*?) +\|/gm),
);

/** A cell's numbers; undefined where it has none. */
function numbersOf(cell: string): number[] | undefined {
  const list = /^`\[(.*)\]`$/.exec(cell)?.[1];
  return list?.split(', ').flatMap((text) => (text === '' ? [] : [Number(text)]));
}

function assertNumbers(
  found: Iterable<number>,
  expected: readonly number[],
  zeros: (x: number) => unknown,
  what: string,
): void {
  // The page rounds to four decimals.
  const rounded = (x: number): unknown =>
    x === 0 ? zeros(x) : Number.isFinite(x) ? Math.round(x * 1e3) / 1e3 : x;
  assert.deepEqual(Array.from(found, rounded), expected.map(rounded), what);
}

describe('operators at the edges', () => {
  it('has a table on the page, of which no row is left out', () => {
    assert.equal(rows.length, section.split('\n').filter((line) => line.startsWith('| `')).length);
    assert.ok(rows.length > 70, String(rows.length));
  });

  for (const [, call, at, fed, value, gradient] of rows) {
    it(`${call} at ${at}${fed ? `, i = ${fed}` : ''}`, () => {
      const numbers = numbersOf(`\`${at}\``)!;
      const i = fed === undefined ? undefined : (JSON.parse(fed) as number | number[]);
      const leaf = Array.isArray(i) ? index('i', i.length) : index('i');
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- code of the repository's own page
      const write = new Function('x', 'i', 'library', `with (library) return ${call}`) as (
        ...given: unknown[]
      ) => unknown;
      for (const { isa, dtype } of TARGETS) {
        const x = parameter(Float64Array.from(numbers), { shape: [numbers.length] });
        const run = (): [found: Float64Array, gradient: Float64Array] => {
          const made = write(x, leaf, library);
          // An index cannot be read: it is used to gather from 0, 1, 2 and so on.
          const y = made instanceof Index ? parameter(numbers.map((_, place) => place)).gather(made) : made;
          assert.ok(y instanceof Value);
          const program = compile(y, { isa, dtype });
          const found = Float64Array.from(program.forward(i === undefined ? {} : { i }));
          program.backward();
          return [found, Float64Array.from(program.readGradient(x))];
        };
        const where = `on ${isa} in ${dtype}`;
        if (value === 'refused') {
          assert.throws(run, /[a-z]/, where);
          continue;
        }
        const [found, slope] = run();
        assertNumbers(found, numbersOf(value!)!, (zero) => zero, `the value ${where}`);
        const expected = numbersOf(gradient!);
        if (expected) assertNumbers(slope, expected, Math.abs, `the gradient ${where}`);
      }
    });
  }
});

describe('docs/operators.md', () => {
  it('names every operator', () => {
    const methods = Object.entries(Object.getOwnPropertyDescriptors(Value.prototype));
    const made = methods.flatMap(([name, { value }]) =>
      typeof value === 'function' && Object.hasOwn(library, name) ? [name] : [],
    );
    assert.ok(made.length > 55, String(made.length));
    const cells = Array.from(
      PAGE.split('## At the edges')[0]!.matchAll(/^\| (.*?) \|/gm),
      ([, cell]) => cell!,
    ).join(' ');
    const names = new Set(Array.from(cells.matchAll(/[a-zA-Z0-9]+/g), ([name]) => name));
    for (const name of ['where', 'vstack', 'concat', 'stack', 'addN', 'meanOfFirst', 'choose', ...made])
      assert.ok(names.has(name), name);
  });
});
