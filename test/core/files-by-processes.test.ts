/** Files replaced by processes of their own: in two PID namespaces, on full disks, by commands. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { embeddedNamesPath } from '../../lib/study/documents.js';
import { packageRoot } from '../../lib/core/package.js';
import { benchReport } from '../support/bench-report.js';
import { bundled } from '../support/bundled.js';
import { WATCHDOG } from '../support/watchdog.js';
import { entries, folder, inFolders, link, text } from '../support/folder.js';
import { pattern } from '../support/pattern.js';

const SAVE = join(packageRoot(), 'test/support/save.mjs');
const CLI = join(packageRoot(), 'dist/cli.cjs');
const PAUSING = join(packageRoot(), 'test/support/pausing.mjs');
const isPosix = process.platform !== 'win32';

describe('a file that is replaced', () => {
  inFolders();

  describe('from two PID namespaces', () => {
    const NAMESPACE = ['-p', '-f', '--mount-proc'];
    before(function () {
      if (spawnSync('unshare', [...NAMESPACE, 'true']).status !== 0) this.skip();
    });
    const argv = (file: string, count: number, ...before: string[]): string[] => [
      ...NAMESPACE,
      process.execPath,
      ...before,
      SAVE,
      join(folder, file),
      String(count),
    ];

    /** As a process of a number that the other namespace, whose threads have the first, has not. */
    const asLater = (command: string[]): string[] => {
      const own = NAMESPACE.length;
      return [
        ...NAMESPACE,
        'sh',
        '-c',
        'for i in $(seq 90); do (:); done; "$@"; exit "$?"',
        'sh',
        ...command.slice(own),
      ];
    };

    it('stays while it is written in one, and another saves', async function () {
      const paused = join(folder, 'paused');
      const env = { ...process.env, VECGRAD_PAUSED: paused };
      const slow = spawn('unshare', asLater(argv('slow', 100_000, '--import', PAUSING)), {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      slow.stdout.on('data', (piece: Buffer) => (said += piece.toString()));
      const ended = once(slow, 'exit');
      while (!existsSync(paused)) {
        assert.equal(slow.exitCode, null, 'it ends before it saves');
        await setTimeout(10);
      }
      const before = readdirSync(folder).sort();
      assert.equal(before.length, 2, 'paused, and a temporary file');
      const other = spawnSync('unshare', argv('quick', 1), { encoding: 'utf8' });
      assert.deepEqual([other.stdout, other.stderr], ['saved\n', '']);
      assert.deepEqual(readdirSync(folder).sort(), [...before, 'quick'].sort());
      rmSync(paused);
      await ended;
      assert.equal(said, 'saved\n');
      assert.deepEqual(readdirSync(folder).sort(), ['quick', 'slow']);
    });

    const [TURNS, LARGE] = process.env['VECGRAD_LONG'] === '1' ? [60, 3_000_000] : [1, 1_000_000];
    it(`is saved ${TURNS} times, large, while others start and save beside it`, async function () {
      let isSaving = true;
      const others = async (i: number): Promise<void> => {
        while (isSaving) {
          const child = spawn('unshare', argv(`other ${i}`, 1));
          await once(child, 'exit');
        }
      };
      const beside = [others(0), others(1)];
      try {
        for (let turn = 0; turn < TURNS; turn++) {
          const large = spawn('unshare', asLater(argv('large', LARGE)));
          let said = '';
          large.stdout.on('data', (piece: Buffer) => (said += piece.toString()));
          await once(large, 'exit');
          assert.equal(said, 'saved\n');
          assert.equal(statSync(join(folder, 'large')).size > 8 * LARGE, true);
        }
      } finally {
        isSaving = false;
        await Promise.all(beside);
      }
      assert.deepEqual(readdirSync(folder).sort(), ['large', 'other 0', 'other 1']);
    });
  });

  describe('in a process of its own', () => {
    const save = (prefix: string, path: string, count: number): string => {
      const command = `${prefix} exec "$@"`;
      const argv = ['-c', command, 'sh', process.execPath, SAVE, path, String(count)];
      const { stdout, stderr, status } = spawnSync('sh', argv, { encoding: 'utf8' });
      assert.deepEqual([status, stderr], [0, '']);
      return stdout;
    };

    it('stays as it was where it would become too large', function () {
      if (!isPosix) this.skip();
      const path = join(folder, 'file');
      assert.equal(save('', path, 10), 'saved\n');
      const before = readFileSync(path);
      // As much as nothing else that Node writes takes.
      const large = save('ulimit -f 20000;', path, 2_000_000);
      assert.match(large, /^WeightsError: cannot write ".*file": the file would be too large \(EFBIG\)\n$/);
      assert.deepEqual(readFileSync(path), before);
      assert.deepEqual(readdirSync(folder), ['file']);
    });

    // A disk of 64 kB that only the process and its children see, where the system lets us.
    const mounted = (options: string, then: string): ReturnType<typeof spawnSync> => {
      const script =
        `mount -t tmpfs -o size=64k none "${folder}" && ` + then.replaceAll('SAVE', `"$@" "${folder}/file"`);
      return spawnSync(
        'unshare',
        [
          '-rm',
          'sh',
          '-c',
          script.replace('REMOUNT', `mount -o remount,${options} "${folder}"`),
          'sh',
          process.execPath,
          SAVE,
        ],
        { encoding: 'utf8' },
      );
    };
    const canMount = (): boolean => mounted('rw', 'true').status === 0;

    it('stays as it was where the disk is full', function () {
      if (!canMount()) this.skip();
      const { stdout } = mounted('rw', `SAVE 10; SAVE 8000; SAVE 10; ls -A "${folder}"`);
      assert.match(
        String(stdout),
        /^saved\nWeightsError: cannot write ".*file": the disk is full \(ENOSPC\)\nsaved\nfile\n$/,
      );
    });

    it('stays as it was where the disk can only be read', function () {
      if (!canMount()) this.skip();
      const { stdout } = mounted('ro', `SAVE 10; REMOUNT; SAVE 20; ls -A "${folder}"`);
      assert.match(
        String(stdout),
        /^saved\nWeightsError: cannot write ".*file": the file system is read-only \(EROFS\)\nfile\n$/,
      );
    });
  });

  describe('by a command', () => {
    const names = embeddedNamesPath();
    const BENCH_JSON = bundled('bench-json.ts');
    /** What writes "$2" by each way to write a file; $1 is a folder beside it, for what it reads. */
    const commands: [what: string, command: string][] = [
      ['graph --svg', `"$0" "${CLI}" graph rnn --positions 1 --input "${names}" --svg "$2"`],
      ['bench compare --html', `"$0" "${CLI}" bench compare "$1/report.json" --html "$2"`],
      ['train --save', `"$0" "${CLI}" train rnn --steps 1 --input "${names}" --save "$2"`],
      ['bench --json', `"$0" "${BENCH_JSON}" "$2"`],
    ];
    let beside: string;
    before(() => {
      beside = mkdtempSync(join(tmpdir(), 'vecgrad-beside-'));
      writeFileSync(join(beside, 'report.json'), JSON.stringify(benchReport()));
    });
    after(() => rmSync(beside, { recursive: true }));
    const run = (script: string, path: string, ...prefix: string[]): string => {
      const [program, ...args] = [...prefix, 'sh', '-c', script, process.execPath, beside, path];
      const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: WATCHDOG });
      return `${stdout}${stderr}`;
    };
    for (const [what, command] of commands) {
      it(`${what} replaces it whole, and keeps its mode and the link to it`, function () {
        if (!isPosix) this.skip();
        const path = join(folder, 'file');
        writeFileSync(path, 'earlier');
        chmodSync(path, 0o640);
        run(command, link('link', 'file'));
        assert.ok(statSync(path).size > 1000);
        assert.equal(statSync(path).mode & 0o777, 0o640);
        assert.deepEqual(entries(), ['file file', 'link link']);
      });

      it(`${what} leaves it where the disk is full`, function () {
        const path = join(folder, 'file');
        const mounted =
          `mount -t tmpfs -o size=8k none "${folder}" || exit 0; printf earlier > "$2"; ${command}; cat ` +
          `"$2"; ls -A "${folder}"`;
        const said = run(mounted, path, 'unshare', '-rm');
        if (/unshare|mount/.test(said) || said === '') this.skip();
        assert.match(said, /^(vecgrad|Error): cannot write ".*file": the disk is full \(ENOSPC\)$/m);
        assert.match(said, /earlierfile\n/);
      });

      it(`${what} leaves it where files may not be so large`, function () {
        if (!isPosix) this.skip();
        const path = join(folder, 'file');
        writeFileSync(path, 'earlier');
        assert.match(
          run(`ulimit -f 1; ${command}`, path),
          /^(vecgrad|Error): cannot write ".*file": the file would be too large \(EFBIG\)$/m,
        );
        assert.deepEqual([text(path), readdirSync(folder)], ['earlier', ['file']]);
      });

      for (const [place, make, reason] of [
        [
          'a pipe',
          () => {
            execFileSync('mkfifo', [join(folder, 'p')]);
            return join(folder, 'p');
          },
          'it is a pipe: give the name of a file',
        ],
        ['/dev/null', () => '/dev/null', 'it is a device: give the name of a file'],
        ['/dev/stdout, a pipe', () => '/dev/stdout', 'it is a (pipe|socket): give the name of a file'],
        [
          'a file of mode 444',
          () => {
            writeFileSync(join(folder, 'r'), '');
            chmodSync(join(folder, 'r'), 0o444);
            return join(folder, 'r');
          },
          'it is read-only \\(mode 444\\): allow writing to it \\(chmod u\\+w\\), or give another name',
        ],
        ['a folder', () => folder, 'it is a directory: give the name of a file'],
      ] as const) {
        if (what === 'bench --json' && place.startsWith('a ')) continue; // a second each
        it(`${what} refuses ${place} at once`, function () {
          if (!isPosix) this.skip();
          const said = run(command, make());
          assert.match(said, new RegExp(`^(vecgrad|Error): cannot write "[^\\n]*": ${reason}$`, 'm'));
        });
      }
    }

    for (const name of ['file', 'a \\ ż\n\x1b']) {
      it(`is refused early where it is mounted by itself: ${JSON.stringify(name)}`, function () {
        const path = join(folder, name);
        writeFileSync(path, 'earlier');
        const script =
          `mount --bind "$2" "$2" || exit 0; "$0" "${CLI}" graph rnn --input "$1/none" ` + '--svg "$2"';
        const said = run(script, path, 'unshare', '-rm');
        if (/unshare|mount:/.test(said) || said === '') this.skip();
        assert.match(
          said,
          pattern(
            /^vecgrad: cannot write ".*": the system is using it, perhaps as a mount point: /,
            /mount its folder instead, or give another name \(EBUSY\)\n$/,
          ),
        );
        assert.deepEqual([text(path), readdirSync(folder)], ['earlier', [name]]);
      });
    }

    it('is not where standard output goes', function () {
      if (!isPosix) this.skip();
      const path = join(folder, 'out');
      const said = run(`${commands[0]![1].replace('"$2"', '/dev/stdout')} > "$2"`, path);
      assert.match(
        said,
        /cannot write "\/dev\/stdout": standard output is written to it: give the name of another file/,
      );
      assert.deepEqual([text(path), readdirSync(folder)], ['', ['out']]);
    });
  });
});
