/** The memory of programs: where it begins, and the pages that large programs ask for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describeMachine } from '../../lib/bench/machine.js';
import { addon } from '../../lib/binding/addon.js';
import { allocateAligned } from '../../lib/runtime/arena.js';
import { bundled } from '../support/bundled.js';

describe('the memory of programs', () => {
  for (const dtype of ['float32', 'float64'] as const)
    for (const size of [0, 1, 100, 2 ** 21])
      it(`of ${size} numbers of ${dtype} begins on a cache line, with zeros`, () => {
        const array = allocateAligned(dtype, size);
        assert.equal(array.length, size);
        assert.equal(addon.alignment(array), 0);
        assert(array.every((x) => x === 0));
      });

  // An emulator does not show the flags of mappings.
  const canSee =
    existsSync('/sys/kernel/mm/transparent_hugepage/enabled') && describeMachine().emulated === null;
  const rows: [dtype: string, size: number, isMarked: boolean][] = [
    ['float32', 2 ** 20, true],
    ['float64', 2 ** 19, true],
    ['float32', 2 ** 19, false],
  ];
  for (const [dtype, size, isMarked] of rows)
    (canSee ? it : it.skip)(
      `of ${size} numbers of ${dtype} ${isMarked ? 'asks' : 'does not ask'} for huge pages`,
      () => {
        const args = [bundled('huge-pages.ts'), dtype, String(size)];
        const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
        assert.equal(stderr, '');
        assert.equal(stdout, `${Number(isMarked)}\n`);
      },
    );
});
