/**
 * Trainings that go on for long: memory does not grow, and losses stay numbers. 20,000 steps of each
 * model, with VECGRAD_LONG=1 (`npm run test:long`) 1,000,000. There, how fast a step still
 * is beside one of a training begun anew is printed, not judged.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { bundled } from '../support/bundled.js';
import type { Ages, Tenth } from '../support/long-run.js';

const MB = 1e6;
const RUN = bundled('long-run.ts');
const isLong = process.env['VECGRAD_LONG'] === '1';
const STEPS = isLong ? 1_000_000 : 20_000;

describe(`${STEPS} steps take no memory`, () => {
  for (const name of MODEL_NAMES) {
    it(name, function () {
      const args = ['--expose-gc', RUN, name, String(STEPS), ...(isLong ? ['ages'] : [])];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      assert.deepEqual([status, stderr], [0, '']);
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
      assert.equal(lines.length, isLong ? 11 : 10, stdout);
      const tenths = lines.slice(0, 10) as Tenth[];
      for (const { loss } of tenths) assert.ok(Number.isFinite(loss), stdout);
      // Until the third tenth V8 compiles. An object kept of every step, of 64 bytes, would take
      // 0.9 MB here, and 45 MB of a million.
      const [early, last] = [tenths[2]!, tenths[9]!];
      assert.ok(last.known - early.known < 0.5 * MB, stdout);
      assert.ok(last.resident - early.resident < 16 * MB, stdout);
      if (isLong) {
        const { old, young } = lines[10] as Ages;
        console.log(
          `      ${name}: ${old.toFixed(2)} µs a step after ${STEPS}, ${young.toFixed(2)} of the first ones`,
        );
      }
    });
  }
});
