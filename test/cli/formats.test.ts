/** How the command line writes numbers, names and progress. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunExperiment } from '../../lib/cli/io.js';
import { modelLines } from '../../lib/cli/model-lines.js';
import { progressBar } from '../../lib/cli/progress.js';
import { MODEL_NAMES as MODELS } from '../../lib/study/models/sizes.js';
import { nearest } from '../../lib/core/suggest.js';
import { groupDigits, loss, microseconds, printable, seconds, truncate } from '../../lib/terminal/format.js';
import { fake, vecgrad } from '../support/fake-engine.js';

const CLEAR = '\r\x1b[2K';

describe('the progress bar', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-cli-'));
  const few = join(folder, 'few.txt');
  writeFileSync(few, 'ab\nba\n');
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const term = process.env['TERM'];
  before(() => (process.env['TERM'] = 'xterm'));
  after(() => {
    if (term === undefined) delete process.env['TERM'];
    else process.env['TERM'] = term;
  });

  it('shows on a terminal, on standard error, and is gone at the end', async () => {
    const slow: RunExperiment = (model, options) => {
      const end = performance.now() + 60;
      while (performance.now() < end);
      return fake(model, options);
    };
    const { out, err, runs } = await vecgrad(['train', 'rnn', '--input', few, '--json'], slow, true);
    assert.equal(typeof runs[0]!.options.onStep, 'function');
    assert.ok(err.startsWith(CLEAR) && err.endsWith(CLEAR));
    assert.match(err.split(CLEAR)[1]!, /^rnn {6}[█░]{30} step \d+\/1000 {2}loss \d\.\d{4}$/);
    assert.doesNotThrow(() => JSON.parse(out) as unknown);
  });

  it('draws at most every 50 ms and never wider than the terminal', () => {
    const written: string[] = [];
    let time = 0;
    const sink = { write: (text: string) => written.push(text), isTTY: true, columns: 20 };
    const bar = progressBar(sink, 'rnn', 100, () => time);
    bar.clear();
    assert.equal(written.length, 0);
    for (let step = 1; step <= 100; step++) {
      time += 10;
      bar.onStep?.(step, 2);
    }
    assert.equal(written.length, 20);
    for (const text of written) assert.ok(text.replace(CLEAR, '').length < 20);
    bar.clear();
    assert.equal(written.at(-1), CLEAR);
  });
});

describe('formats', () => {
  const rows: [actual: string, expected: string][] = [
    [groupDigits(0), '0'],
    [groupDigits(999), '999'],
    [groupDigits(32257), '32,257'],
    [groupDigits(-1234567), '-1,234,567'],
    [loss(2.64966), '2.6497'],
    [loss(NaN), '-'],
    [seconds(0.01234), '0.012 s'],
    [seconds(1.234), '1.23 s'],
    [seconds(12.34), '12.3 s'],
    [seconds(123.4), '123 s'],
    [microseconds(2.345), '2.35'],
    [microseconds(23.45), '23.4'],
    [microseconds(1234.5), '1,235'],
    [printable('zoë 😀'), 'zoë 😀'],
    [printable('a\tb\u2028c\u200bd'), 'a\\u{9}b\\u{2028}c\\u{200b}d'],
    [printable('\ud800'), '\\u{d800}'],
    [truncate('abc', 3), 'abc'],
    [truncate('😀😀😀😀', 3), '😀😀…'],
  ];
  for (const [actual, expected] of rows) {
    it(expected, () => {
      assert.equal(actual, expected);
    });
  }
});

describe('nearest', () => {
  const rows: [given: string, expected: string | undefined][] = [
    ['steps', 'steps'],
    ['step', 'steps'],
    ['stesp', 'steps'],
    ['nembd', 'n-embd'],
    ['temp', 'temperature'],
    ['x', undefined],
    ['', undefined],
    ['completely-other', undefined],
  ];
  for (const [given, expected] of rows) {
    it(`${JSON.stringify(given)} is near ${expected ?? 'nothing'}`, () => {
      assert.equal(nearest(given, ['steps', 'seed', 'n-embd', 'temperature']), expected);
    });
  }
});

it('modelLines counts a source file, or says that it does not exist', () => {
  for (const model of MODELS) {
    const lines = modelLines(model);
    assert.ok(Number.isNaN(lines) || lines >= 20, `${model}: ${lines}`);
  }
});
