/** docs/guide.md: every block of vecgrad in it runs, and prints what the comments behind its lines say. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import * as vecgrad from '../lib/index.js';
import { packageRoot } from '../lib/package.js';

const GUIDE = readFileSync(join(packageRoot(), 'docs/guide.md'), 'utf8');
const LIBRARY = pathToFileURL(join(packageRoot(), 'lib/index.ts')).href;

const blocks = Array.from(GUIDE.matchAll(/^## (.*)$|^```js\n([^]*?)^```$/gm));
const cells = Array.from(GUIDE.matchAll(/^\|.*\|(.*)\|$/gm), ([, cell]) => cell!.match(/`[^`]*`/g) ?? []); // prettier-ignore

describe('the guide', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-guide-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  let title = '';
  blocks.forEach(([, heading, code], i) => {
    if (code === undefined) {
      title = heading!;
      return;
    }
    it(`${title}: block ${i}`, async () => {
      const printed: string[] = [];
      const path = join(folder, `block${i}.mjs`);
      writeFileSync(path, `export default async (console) => {\n${bodyOf(code)}\n};\n`);
      const { default: run } = (await import(pathToFileURL(path).href)) as {
        default: (console: object) => Promise<void>;
      };
      await run({ log: (...given: unknown[]) => printed.push(format(...given)) });
      const expected = Array.from(code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm), ([, text]) => text); // prettier-ignore
      assert.ok(expected.length > 0 && expected.length === code.split('console.log').length - 1);
      assert.deepEqual(printed, expected);
    });
  });

  it('has a table of operators, each of which makes a node that runs', () => {
    const { parameter, stack, concat, zeros, Value, Index } = vecgrad;
    const a = parameter([[1, 2, 3], [4, 5, 6]]); // prettier-ignore
    const b = parameter([[2, 1, 0.5], [3, 2, 1]]); // prettier-ignore
    const w = parameter(new Array(12).fill(1), { shape: [3, 4] });
    const v = parameter([3, 1, 2]);
    const names = { a, b, w, v, stack, concat, zeros };
    const written = cells.flat().map((cell) => cell.slice(1, -1));
    assert.ok(written.length > 25, written.join());
    for (const code of written) {
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- code of the repository's own page
      const write = new Function(...Object.keys(names), `return ${code}`) as (...given: unknown[]) => unknown; // prettier-ignore
      const node = write(...Object.values(names));
      assert.ok(node instanceof Value || node instanceof Index, code);
      if (node instanceof Value) assert.ok(node.forward().every(Number.isFinite), code);
    }
  });
});

/** A block as the body of a function: its imports as calls, from the sources. */
function bodyOf(code: string): string {
  return code.replace(/^import (\{.*\}) from '(.*)';$/gm, (_, names: string, from: string) => `const ${names} = await import('${from === 'vecgrad' ? LIBRARY : from}');`); // prettier-ignore
}
