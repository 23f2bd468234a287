/** The examples run as they stand, with the built package, and learn what they are to learn. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../lib/core/package.js';

const folder = join(packageRoot(), 'examples');

/** The number that a pattern finds in a text. */
function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  assert(found !== undefined, `${String(pattern)} in ${text}`);
  return Number(found);
}

function near(x: number, expected: number, distance: number): void {
  assert(Math.abs(x - expected) <= distance, `${x}, expected ${expected} within ${distance}`);
}

/** Names of at most this many letters, one a line, after the line with the loss. */
function checkNames(output: string): void {
  const names = output.trimEnd().split('\n').slice(1);
  assert.equal(names.length, 5);
  for (const name of names) assert.match(name, /^[a-z]*$/);
}

// Guessing evenly among 27 letters, the loss is log(27) = 3.30; by bigrams it is 2.45.
const ROWS: Record<string, [args: string[], check: (output: string, place: string) => void]> = {
  'linear-regression.mjs': [
    [],
    (output) => {
      near(numberIn(output, /^y = (\S+) x/), 3, 0.1);
      near(numberIn(output, /x \+ (\S+)$/m), -2, 0.1);
    },
  ],
  'two-moons.mjs': [
    ['moons.svg'],
    (output, place) => {
      assert(numberIn(output, /(\d+) of 100 points on the right side/) >= 98, output);
      const svg = readFileSync(join(place, 'moons.svg'), 'utf8');
      assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 400 280">\n/);
      assert.equal(svg.match(/<circle /g)?.length, 100);
      // Both sides of the boundary are drawn: the cells of the plane, each once.
      const cells = svg
        .split('\n')
        .filter((line) => line.startsWith('<path'))
        .map((line) => line.match(/M/g)?.length ?? 0);
      assert.equal(cells.length, 2);
      assert.equal(cells[0]! + cells[1]!, 80 * 56);
      assert(Math.min(...cells) > 1000, cells.join());
      assert.match(svg, /<\/svg>\n$/);
    },
  ],
  'bigram.mjs': [
    [],
    (output) => {
      const [loss, counted] = [numberIn(output, /^loss (\S+),/), numberIn(output, /by counting (\S+)$/m)];
      assert(loss >= counted && loss < counted + 0.02, output);
      checkNames(output);
    },
  ],
  'names-mlp.mjs': [
    ['500'],
    (output) => {
      assert(numberIn(output, /^held-out loss (\S+)$/m) < 2.4, output);
      checkNames(output);
    },
  ],
  'digits.mjs': [
    [],
    (output) => {
      // Guessing, a tenth would be read, and the loss of odd and even is log(2) = 0.69.
      assert(numberIn(output, /^(\S+) % of 500 new images read$/m) >= 90, output);
      assert(numberIn(output, /^loss of odd and even (\S+),/m) < 0.4, output);
      assert(numberIn(output, /, (\S+) % of the digits still read$/m) >= 90, output);
    },
  ],
  'small-gpt.mjs': [
    ['300'],
    (output) => {
      assert(numberIn(output, /^held-out loss (\S+)$/m) < 2.6, output);
      checkNames(output);
    },
  ],
  'skip-gram.mjs': [
    [],
    (output) => assert(numberIn(output, /^(\d+) % of the neighbours found$/m) >= 90, output),
  ],
  'names-gru.mjs': [
    ['1000'],
    (output) => {
      assert(numberIn(output, /^held-out loss (\S+)$/m) < 2.4, output);
      checkNames(output);
    },
  ],
};

describe('examples', () => {
  it('are all tested', () => {
    assert.deepEqual(readdirSync(folder).sort(), Object.keys(ROWS).sort());
  });

  for (const [script, [args, check]] of Object.entries(ROWS)) {
    it(script, async () => {
      const place = mkdtempSync(join(tmpdir(), 'vecgrad-examples-'));
      try {
        const { stdout } = await promisify(execFile)(process.execPath, [join(folder, script), ...args], {
          cwd: place,
        });
        check(stdout, place);
      } finally {
        rmSync(place, { recursive: true });
      }
    });
  }
});
