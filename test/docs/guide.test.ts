/**
 * docs/guide.md: every block of it runs with the built package, and prints what the comments behind its lines
 * say. The code and the commands of README.md and docs/operators.md run too.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { parseCommand } from '../../lib/cli/parse-command.js';
import * as vecgrad from '../../lib/index.js';
import { packageRoot } from '../../lib/core/package.js';

const pageOf = (path: string): string => readFileSync(join(packageRoot(), path), 'utf8');
const GUIDE = pageOf('docs/guide.md');
const LIBRARY = pathToFileURL(join(packageRoot(), 'dist/index.mjs')).href;

const blocks = Array.from(GUIDE.matchAll(/^## (.*)$|^```js\n([^]*?)^```$/gm));
const cells = Array.from(GUIDE.matchAll(/^\|.*\|(.*)\|$/gm), ([, cell]) => cell!.match(/`[^`]*`/g) ?? []);

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
      const printed = (await logged(folder, `block${i}`, code)).map((given) => format(...given));
      const expected = Array.from(code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm), ([, text]) => text);
      assert.ok(expected.length > 0 && expected.length === code.split('console.log').length - 1);
      assert.deepEqual(printed, expected);
    });
  });

  it('has a table of operators, each of which makes a node that runs', () => {
    const { parameter, stack, concat, einsum, zeros, Value, Index } = vecgrad;
    const a = parameter([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const b = parameter([
      [2, 1, 0.5],
      [3, 2, 1],
    ]);
    const w = parameter(new Array(12).fill(1), { shape: [3, 4] });
    const v = parameter([3, 1, 2]);
    const names = { a, b, w, v, stack, concat, einsum, zeros };
    const written = cells.flat().map((cell) => cell.slice(1, -1));
    assert.ok(written.length > 25, written.join());
    for (const code of written) {
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- code of the repository's own page
      const write = new Function(...Object.keys(names), `return ${code}`) as (...given: unknown[]) => unknown;
      const node = write(...Object.values(names));
      assert.ok(node instanceof Value || node instanceof Index, code);
      if (node instanceof Value) assert.ok(node.forward().every(Number.isFinite), code);
    }
  });
});

describe('the code of other pages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-guide-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const codeOf = (page: string): string[] =>
    Array.from(page.matchAll(/^```js\n([^]*?)^```$/gm), ([, code]) => code!);

  it('README.md: learns XOR', async () => {
    const [code, ...others] = codeOf(pageOf('README.md'));
    assert.deepEqual(others, []);
    const [[guess]] = (await logged(folder, 'readme', code!)) as [[Float64Array]];
    assert.equal(guess.length, 4);
    [0, 1, 1, 0].forEach((expected, i) =>
      assert.ok(Math.abs(guess[i]! - expected) < 0.05, `${i}: ${guess[i]}`),
    );
  });

  it('README.md: has commands that the command line takes', () => {
    const block = pageOf('README.md').split('## The command line\n')[1]!.split('\n`')[0]!;
    // What a command does stands behind it from column 40, or on the next line.
    const commands = Array.from(block.matchAll(/^ {4}npx vecgrad (.*)$/gm), ([line, command]) =>
      (line[39] === ' ' ? line.slice(16, 39) : command!).trim(),
    );
    assert.ok(commands.length >= 9, commands.join());
    for (const command of commands)
      assert.equal(parseCommand(command.split(/ +/)).name, command.split(' ')[0]);
  });

  it('docs/operators.md: has a gradient of 0 where a function is kept inside its domain', async () => {
    const [code, ...others] = codeOf(pageOf('docs/operators.md'));
    assert.deepEqual(others, []);
    const run =
      "import { parameter, where } from 'vecgrad';\nconst x = parameter([-1, 0, " +
      `4]);\n${code}y.forward();\ny.backward();\nconsole.log(...y.data, ...x.grad);\n`;
    assert.deepEqual(await logged(folder, 'operators', run), [[0, 0, 2, 0, 0, 0.25]]);
  });
});

/** Runs a block, and gives what it was to print, call by call. */
async function logged(folder: string, name: string, code: string): Promise<unknown[][]> {
  const printed: unknown[][] = [];
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, `export default async (console) => {\n${bodyOf(code)}\n};\n`);
  const { default: run } = (await import(pathToFileURL(path).href)) as {
    default: (console: object) => Promise<void>;
  };
  await run({ log: (...given: unknown[]) => printed.push(given) });
  return printed;
}

/** A block as the body of a function: its imports as calls, from the sources. */
function bodyOf(code: string): string {
  return code.replace(
    /^import (\{.*\}) from '(.*)';$/gm,
    (_, names: string, from: string) =>
      `const ${names} = await import('${from === 'vecgrad' ? LIBRARY : from}');`,
  );
}
