/** How many processors and threads a process uses: control groups, the environment, options. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addon } from '../../lib/binding/addon.js';
import { chosenThreads, ThreadsError } from '../../lib/binding/threads.js';
import { folder, inFolders } from '../support/folder.js';

/** Lines of /proc/self/mountinfo. */
const V2 = '31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const V1 = '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct';
const CPUSET = '33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset';
const UNIFIED = '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';
const of = (line: string, top: string): string => line.replace(/0:\d+ \//, `0:28 ${top}`);

type Files = Record<string, string>;
const v1 = (group: string, quota: number, period = 100_000): Files => ({
  [`/sys/fs/cgroup/cpu,cpuacct${group}/cpu.cfs_quota_us`]: `${quota}\n`,
  [`/sys/fs/cgroup/cpu,cpuacct${group}/cpu.cfs_period_us`]: `${period}\n`,
});
const v2 = (group: string, max: string, mount = ''): Files => ({
  [`/sys/fs/cgroup${mount}${group}/cpu.max`]: `${max}\n`,
});

describe('the processors that control groups allow', () => {
  inFolders();
  const rows: [what: string, mounts: string[], groups: string[], files: Files, expected: number][] = [
    ['without files', [], [], {}, 0],
    ['of version 2 without a quota', [V2], ['0::/'], v2('', 'max 100000'), 0],
    ['of version 2', [V2], ['0::/'], v2('', '300000 100000'), 3],
    ['of version 2 in part', [V2], ['0::/'], v2('', '250000 100000'), 2],
    ['of version 2, less than one', [V2], ['0::/'], v2('', '50000 100000'), 1],
    [
      'of a nested group',
      [V2],
      ['0::/a/b'],
      { ...v2('/a/b', '200000 100000'), ...v2('/a', 'max 100000') },
      2,
    ],
    [
      'of a group around it',
      [V2],
      ['0::/a/b'],
      { ...v2('/a/b', 'max 100000'), ...v2('/a', '400000 100000') },
      4,
    ],
    [
      'of the least of both',
      [V2],
      ['0::/a/b'],
      { ...v2('/a/b', '900000 100000'), ...v2('/a', '400000 100000') },
      4,
    ],
    ['not of a sister', [V2], ['0::/a/b'], v2('/a/c', '100000 100000'), 0],
    ['below the top of the mount', [of(V2, '/x')], ['0::/x/y'], v2('/y', '200000 100000'), 2],
    ['not below the top of the mount', [of(V2, '/x')], ['0::/xy'], v2('', '200000 100000'), 2],
    ['of version 1', [V1], ['3:cpu,cpuacct:/'], v1('', 200_000), 2],
    ['of version 1 without a quota', [V1], ['3:cpu,cpuacct:/'], v1('', -1), 0],
    ['of version 1, nested', [V1], ['3:cpu,cpuacct:/a/b'], { ...v1('/a/b', 300_000), ...v1('', -1) }, 3],
    ['of version 1 in another period', [V1], ['3:cpu,cpuacct:/a'], v1('/a', 25_000, 5_000), 5],
    [
      'of both versions',
      [V1, UNIFIED],
      ['3:cpu,cpuacct:/', '0::/u'],
      { ...v1('', 400_000), ...v2('/u', '200000 100000', '/unified') },
      2,
    ],
    [
      'not of other controllers',
      [CPUSET],
      ['4:cpuset:/'],
      { '/sys/fs/cgroup/cpuset/cpu.cfs_quota_us': '100000' },
      0,
    ],
    ['of a file that is damaged', [V2], ['0::/'], v2('', 'some'), 0],
    ['of a period of 0', [V2], ['0::/'], v2('', '100000 0'), 0],
  ];
  for (const [what, mounts, groups, files, expected] of rows) {
    it(what, () => {
      const all: Files = {
        ...files,
        '/proc/self/mountinfo': mounts.map((line) => `${line}\n`).join(''),
        '/proc/self/cgroup': groups.map((line) => `${line}\n`).join(''),
      };
      for (const [path, text] of Object.entries(all)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      assert.equal(addon.processors(folder), expected);
    });
  }
});

describe('the number of threads', () => {
  const most = addon.processors('');
  const before = process.env['VECGRAD_THREADS'];
  afterEach(() => {
    if (before === undefined) delete process.env['VECGRAD_THREADS'];
    else process.env['VECGRAD_THREADS'] = before;
  });
  const rows: [given: number | undefined, environment: string | undefined, expected: number | RegExp][] = [
    [undefined, undefined, most],
    [undefined, '', most],
    [undefined, '1', 1],
    [undefined, '99999999999999999999', most],
    [1, '2', 1],
    [2 ** 30, '1', most],
    [1, 'two', 1], // not read
    [undefined, '0', /^VECGRAD_THREADS "0": expected a whole number from 1/],
    [undefined, '-1', /^VECGRAD_THREADS "-1": expected/],
    [undefined, '1.5', /^VECGRAD_THREADS "1.5": expected/],
    [undefined, 'two', /^VECGRAD_THREADS "two": expected/],
    [0, '2', /^threads 0: expected an integer from 1/],
    [1.5, undefined, /^threads 1.5: expected an integer from 1/],
    [NaN, undefined, /^threads NaN: expected an integer from 1/],
  ];
  for (const [given, environment, expected] of rows) {
    it(`${given}, and ${environment} in the environment`, () => {
      if (environment === undefined) delete process.env['VECGRAD_THREADS'];
      else process.env['VECGRAD_THREADS'] = environment;
      if (typeof expected === 'number') {
        assert.equal(chosenThreads(given), expected);
        return;
      }
      assert.throws(
        () => chosenThreads(given),
        (error: Error) => {
          assert.match(error.message, expected);
          assert.equal(error instanceof ThreadsError, given === undefined);
          return true;
        },
      );
    });
  }
});
