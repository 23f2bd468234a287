/** Files written whole or not at all: on full disks, over what is no file, beside what the killed left. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { processIo } from '../../lib/cli/io.js';
import { main } from '../../lib/cli/main.js';
import { embeddedNamesPath, readDocuments } from '../../lib/study/documents.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { quotedPath } from '../../lib/core/escape.js';
import { buildModel } from '../../lib/study/build-model.js';
import { checkReplaceable, replaceFile } from '../../lib/core/write-file.js';
import { parameter } from '../../lib/value/leaves.js';
import { loadModel, saveModel } from '../../lib/study/model-file.js';
import { obtainNames } from '../../lib/download/names.js';
import { Random } from '../../lib/runtime/random.js';
import { writeSafetensors } from '../../lib/weights/safetensors.js';
import { packageRoot } from '../../lib/core/package.js';
import { loadWeights, saveWeights } from '../../lib/weights/weights.js';
import { benchReport } from '../support/bench-report.js';
import { bundled } from '../support/bundled.js';
import { WATCHDOG } from '../support/watchdog.js';

const SAVE = join(packageRoot(), 'test/support/save.mjs');
const CLI = join(packageRoot(), 'dist/cli.cjs');
const PAUSING = join(packageRoot(), 'test/support/pausing.mjs');
const isPosix = process.platform !== 'win32';

describe('a file that is replaced', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'vecgrad-files-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const text = (path: string): string => readFileSync(path, 'utf8');

  it('is whole, and alone', () => {
    const path = join(folder, 'x'.repeat(255));
    replaceFile(path, Buffer.from('earlier'));
    replaceFile(path, Buffer.from('new'));
    checkReplaceable(path);
    checkReplaceable(join(folder, 'none'));
    assert.equal(text(path), 'new');
    assert.equal(readdirSync(folder).length, 1);
  });

  /**
   * A link, the folder it is in, and where the file is after writing to it; undefined where that is refused.
   */
  const links: [what: string, make: () => string, file: string | undefined, refused?: RegExp][] = [
    ['a link', () => link('link', 'file', 'file'), 'file'],
    ['a link by its whole path', () => link('link', join(folder, 'file'), 'file'), 'file'],
    [
      'links that lead from one to the next',
      () => {
        link('b', 'c', 'c');
        return link('a', 'b');
      },
      'c',
    ],
    ['a link to no file yet', () => link('link', 'new'), 'new'],
    ['a link to no file yet, by its whole path', () => link('link', join(folder, 'new')), 'new'],
    [
      'links to no file yet',
      () => {
        link('b', 'new');
        return link('a', 'b');
      },
      'new',
    ],
    [
      'a link into another folder',
      () => {
        mkdirSync(join(folder, 'd'));
        return link('link', 'd/new');
      },
      'd/new',
    ],
    [
      'a link upwards from behind another',
      () => {
        mkdirSync(join(folder, 'd/e'), { recursive: true });
        link('to', 'd/e');
        return link('link', 'to/../new');
      },
      'd/new',
    ],
    [
      'a name behind a link to a folder',
      () => {
        mkdirSync(join(folder, 'd'));
        return join(link('to', 'd'), 'new');
      },
      'd/new',
    ],
    ['a link to itself', () => link('link', 'link'), undefined, /^its symbolic links lead in a circle/],
    [
      'links in a circle',
      () => {
        link('b', 'a');
        return link('a', 'b');
      },
      undefined,
      /^its symbolic links lead in a circle/,
    ],
    [
      'a link into no folder',
      () => link('link', 'none/new'),
      undefined,
      /^it is a link to "none\/new", and there is no such file or folder \(ENOENT\)$/,
    ],
    [
      'a link to a folder',
      () => {
        mkdirSync(join(folder, 'd'));
        return link('link', 'd');
      },
      undefined,
      /^it is a directory: give the name of a file$/,
    ],
    ['a link to a folder that is none yet', () => link('link', 'new/'), undefined, /^it ends with a slash/],
    ['a name that ends with a slash', () => join(folder, 'new/'), undefined, /^it ends with a slash/],
    [
      'a link to a device',
      () => link('link', '/dev/null'),
      undefined,
      /^it is a device: give the name of a file$/,
    ],
  ];
  const link = (name: string, to: string, file?: string): string => {
    symlinkSync(to, join(folder, name));
    if (file !== undefined) writeFileSync(join(folder, file), 'earlier');
    return join(folder, name);
  };
  for (const [what, make, file, message] of links) {
    it(`written through ${what} ${file === undefined ? 'is refused' : 'leaves it a link'}`, function () {
      if (!isPosix) this.skip();
      const path = make();
      const before = entries();
      if (file === undefined) {
        assert.throws(() => replaceFile(path, Buffer.from('new')), { message });
        assert.throws(() => checkReplaceable(path), { message });
        assert.deepEqual(entries(), before);
        return;
      }
      checkReplaceable(path);
      assert.deepEqual(entries(), before);
      replaceFile(path, Buffer.from('new'));
      assert.equal(text(join(folder, file)), 'new');
      assert.deepEqual(entries(), [...new Set([...before, `${file} file`])].sort());
    });
  }
  /** All entries, each with what it is. */
  const entries = (): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(
        (name) => realpathSync(dirname(join(folder, name))) === join(realpathSync(folder), dirname(name)),
      )
      .map((name) => [name, lstatSync(join(folder, name))] as const)
      .map(
        ([name, stats]) => `${name} ${stats.isSymbolicLink() ? 'link' : stats.isFile() ? 'file' : 'folder'}`,
      )
      .sort();

  for (const mode of [0o644, 0o640, 0o600, 0o666, 0o755, 0o200, 0o620]) {
    it(`keeps mode ${mode.toString(8)}`, function () {
      if (!isPosix) this.skip();
      const path = join(folder, 'file');
      writeFileSync(path, 'earlier');
      chmodSync(path, mode);
      duringSave(
        () => {
          const [made] = readdirSync(folder).filter((name) => name.startsWith('.vecgrad.'));
          assert.equal(
            statSync(join(folder, made!)).mode & 0o777 & ~mode,
            0,
            'nobody may read more meanwhile',
          );
        },
        () => replaceFile(path, Buffer.from('new')),
      );
      assert.equal(statSync(path).mode & 0o777, mode);
    });
  }

  for (const mode of [0o4755, 0o2755, 0o1644, 0o7777]) {
    it(
      `drops the setuid, setgid and sticky bits of mode ${mode.toString(8)}, and keeps the ` + 'rest',
      function () {
        if (!isPosix) this.skip();
        const path = join(folder, 'file');
        writeFileSync(path, 'earlier');
        chmodSync(path, mode);
        replaceFile(path, Buffer.from('new'));
        assert.equal(statSync(path).mode & 0o7777, mode & 0o777);
      },
    );
  }

  for (const mode of [0o444, 0o400, 0o555, 0o000]) {
    it(`is refused where its mode is ${mode.toString(8).padStart(3, '0')}, whoever asks`, function () {
      if (!isPosix) this.skip();
      const path = join(folder, 'file');
      writeFileSync(path, 'earlier');
      chmodSync(path, mode);
      link('link', 'file');
      const message =
        `it is read-only (mode ${mode.toString(8)}): allow writing to it (chmod u+w), or give another ` +
        'name';
      for (const given of [path, join(folder, 'link')]) {
        assert.throws(() => replaceFile(given, Buffer.from('new')), { message });
        assert.throws(() => checkReplaceable(given), { message });
      }
      assert.deepEqual(entries(), ['file file', 'link link']);
      chmodSync(path, 0o600);
      assert.equal(text(path), 'earlier');
    });
  }

  it('leaves other names of the earlier file what they were', function () {
    if (!isPosix) this.skip();
    writeFileSync(join(folder, 'file'), 'earlier');
    linkSync(join(folder, 'file'), join(folder, 'other'));
    replaceFile(join(folder, 'file'), Buffer.from('new'));
    assert.deepEqual([text(join(folder, 'file')), text(join(folder, 'other'))], ['new', 'earlier']);
  });

  describe('by root and others', () => {
    before(function () {
      if (process.getuid?.() !== 0) this.skip();
    });
    const USER = 12345;
    const owned = (uid: number, gid: number, mode: number): string => {
      const path = join(folder, 'file');
      writeFileSync(path, 'earlier');
      chownSync(path, uid, gid);
      chmodSync(path, mode);
      chmodSync(folder, 0o777);
      return path;
    };
    const ownerOf = (path: string): string => {
      const { uid, gid, mode } = statSync(path);
      return `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
    };
    /** What somebody else meets who saves to the file. */
    const savedBy = (user: number): string => {
      const { stdout, stderr } = spawnSync(process.execPath, [SAVE, join(folder, 'file'), '1'], {
        uid: user,
        gid: user,
        encoding: 'utf8',
      });
      return `${stdout}${stderr}`;
    };
    before(function () {
      // Whether he may read what he is to run.
      folder = mkdtempSync(join(tmpdir(), 'vecgrad-files-'));
      chmodSync(folder, 0o777);
      const said = savedBy(USER);
      rmSync(folder, { recursive: true });
      if (said !== 'saved\n') this.skip();
    });

    it('keeps its owner and group where root replaces it', () => {
      const path = owned(USER, USER + 1, 0o640);
      replaceFile(path, Buffer.from('new'));
      assert.equal(ownerOf(path), '12345:12346 640');
    });

    const rows: [what: string, file: Parameters<typeof owned>, folderMode: number, after: string][] = [
      [
        'becomes his who may write it, its group getting what everybody has',
        [0, 0, 0o676],
        0o777,
        '12345:12345 666',
      ],
      ['stays in his group, and becomes his', [0, USER, 0o664], 0o777, '12345:12345 664'],
      ['stays as it was where he may not write it', [0, 0, 0o644], 0o777, 'permission is denied (EACCES)'],
      [
        'stays as it was where he may write it, and make no other in its folder',
        [USER, USER, 0o666],
        0o755,
        'permission is denied (EACCES)',
      ],
      ['is written in a folder that he may not read', [USER, USER, 0o644], 0o733, '12345:12345 644'],
    ];
    /** What another user is told before time is spent. */
    const checkedBy = (user: number, path: string): void => {
      process.seteuid!(user);
      try {
        checkReplaceable(path);
      } finally {
        process.seteuid!(0);
      }
    };
    const sticky: [what: string, file: Parameters<typeof owned>, folderOwner: number, refused: boolean][] = [
      [
        "is refused before time is spent where it is another's, in a folder like /tmp",
        [0, 0, 0o666],
        0,
        true,
      ],
      ['is not where it is his own', [USER, USER, 0o644], 0, false],
      ['is not where the folder is his own', [0, 0, 0o666], USER, false],
    ];
    for (const [what, file, folderOwner, isRefused] of sticky) {
      it(what, () => {
        const path = owned(...file);
        chownSync(folder, folderOwner, 0);
        chmodSync(folder, 0o1777);
        const check = (): void => checkedBy(USER, path);
        if (isRefused)
          assert.throws(check, {
            message: "only its owner or its folder's may replace it, or nobody (EPERM): give another name",
          });
        else check();
        assert.deepEqual([text(path), readdirSync(folder)], ['earlier', ['file']]);
      });
    }

    it('is refused before time is spent where bytes may only be added to it', function () {
      const path = owned(0, 0, 0o644);
      if (spawnSync('chattr', ['+a', path]).status !== 0) this.skip();
      try {
        assert.throws(() => checkReplaceable(path), { message: /^only its owner .* \(EPERM\)/ });
      } finally {
        spawnSync('chattr', ['-a', path]);
      }
      assert.deepEqual([text(path), readdirSync(folder)], ['earlier', ['file']]);
    });
    for (const [what, file, folderMode, after] of rows) {
      it(what, () => {
        const path = owned(...file);
        chmodSync(folder, folderMode);
        const said = savedBy(USER);
        if (after.startsWith('permission')) {
          assert.equal(said, `WeightsError: cannot write "${path}": ${after}\n`);
          assert.equal(text(path), 'earlier');
        } else {
          assert.equal(said, 'saved\n');
          assert.equal(ownerOf(path), after);
        }
        assert.deepEqual(readdirSync(folder), ['file']);
      });
    }
  });

  const refused: [what: string, path: () => string, message: RegExp][] = [
    [
      'in a folder that is not there',
      () => join(folder, 'gone', 'x'),
      /^there is no such file or folder \(ENOENT\)$/,
    ],
    [
      'under a file',
      () => {
        writeFileSync(join(folder, 'f'), '');
        return join(folder, 'f', 'x');
      },
      /^part of its path is a file, not a directory \(ENOTDIR\)$/,
    ],
    ['of a name too long', () => join(folder, 'x'.repeat(256)), /^the name is too long \(ENAMETOOLONG\)$/],
    [
      'that is a folder',
      () => {
        mkdirSync(join(folder, 'd'));
        return join(folder, 'd');
      },
      /^it is a directory: give the name of a file$/,
    ],
    [
      'that is a pipe',
      () => {
        execFileSync('mkfifo', [join(folder, 'p')]);
        return join(folder, 'p');
      },
      /^it is a pipe: give the name of a file$/,
    ],
    ['that is a device', () => '/dev/null', /^it is a device: give the name of a file$/],
    ['of an empty path', () => '', /^the path is empty: give the name of a file$/],
    [
      'of a name with NUL',
      () => join(folder, 'a\0b'),
      /^a path cannot contain a NUL character: give the name of a file without one$/,
    ],
    [
      'of a name with half of a surrogate pair',
      () => join(folder, 'a\ud800b'),
      /^the path has half of a surrogate pair, which no name can hold: give the name of a file without one$/,
    ],
    [
      'of a file and a slash',
      () => {
        writeFileSync(join(folder, 'f'), '');
        return join(folder, 'f/');
      },
      /^it ends with a slash: give the name of a file$/,
    ],
    ['that is a folder and a slash', () => `${folder}/`, /^it ends with a slash: give the name of a file$/],
    ['that is the root', () => '/', /^it ends with a slash: give the name of a file$/],
    [
      'that is the folder itself',
      () => join(folder, 'x', '..') + '/.',
      /^it is a directory: give the name of a file$/,
    ],
    [
      'in a folder of the kernel',
      () => '/sys/x',
      /^permission is denied \(E(ACCES|PERM)\)$|^.* only be read \(EROFS\)$/,
    ],
  ];
  it('is refused, and read, by messages without terminal codes, whatever the system said', () => {
    const path = join(folder, 'x\x1b\u202e');
    const said = `EIO: i/o error '${folder}/x\\u{1b}\\u{202e}'`;
    const { writeSync, readSync } = fs;
    const fails = (): never => {
      throw Object.assign(new Error(`EIO: i/o error '${path}'`), { code: 'EIO', syscall: 'io' });
    };
    replaceFile(path, Buffer.from('earlier'));
    Object.assign(fs, { writeSync: fails, readSync: fails });
    syncBuiltinESMExports();
    try {
      assert.throws(() => replaceFile(path, Buffer.from('new')), { message: said });
      const shown = `cannot read "${folder}/x\\u{1b}\\u{202e}": ${said}`;
      assert.throws(() => readDocuments(path), { message: shown });
      assert.throws(() => loadWeights(path, []), { message: shown });
    } finally {
      Object.assign(fs, { writeSync, readSync });
      syncBuiltinESMExports();
    }
    assert.equal(text(path), 'earlier');
  });

  for (const [what, path, message] of refused) {
    it(`is refused ${what}`, function () {
      if (!isPosix) this.skip();
      const given = path();
      const before = readdirSync(folder);
      assert.throws(() => replaceFile(given, Buffer.from('new')), { message });
      if (given.length < 250) assert.throws(() => checkReplaceable(given), { message });
      assert.deepEqual(readdirSync(folder), before);
    });
  }

  it('is read by every function, and refused by none, where its name only looks odd', function () {
    if (!isPosix) this.skip();
    for (const name of [' ', 'a\\', '\ufffd', '😀', '-']) {
      const path = join(folder, name);
      replaceFile(path, Buffer.from('ab\nba\n'));
      assert.deepEqual([readDocuments(path), existsSync(path)], [['ab', 'ba'], true]);
    }
  });

  /** What a process leaves that is killed while it saves. */
  let left: string | undefined;
  const leftover = (): string => {
    if (left !== undefined) {
      writeFileSync(join(folder, left), '');
      return left;
    }
    const { signal } = spawnSync(process.execPath, ['--import', PAUSING, SAVE, join(folder, 'file'), '1'], {
      env: { ...process.env, VECGRAD_KILLED: '1' },
    });
    assert.equal(signal, 'SIGKILL');
    const [name, ...more] = readdirSync(folder);
    assert.deepEqual(more, []);
    return (left = name!);
  };
  const WHERE = /(?<=^\.vecgrad\.)[^.]+/;
  const NUMBER = /(?<=^\.vecgrad\.[^.]+\.)\d+/;
  const DAY = 24 * 3600;
  const temporaries: [what: string, name: (left: string) => string, seconds: number, stays: boolean][] = [
    ['of a process that was killed', (left) => left, 0, false],
    ['of this process', (left) => left.replace(NUMBER, String(process.pid)), 0, true],
    ['of a process that runs', (left) => left.replace(NUMBER, String(process.ppid)), DAY - 60, true],
    ['of another PID namespace', (left) => left.replace(/(?<=-)\d+/, '17'), 0, true],
    ['of another PID namespace, nearly a day old', (left) => left.replace(/(?<=-)\d+/, '17'), DAY - 60, true],
    [
      'of another PID namespace, more than a day old',
      (left) => left.replace(/(?<=-)\d+/, '17'),
      DAY + 60,
      false,
    ],
    ['of another host', (left) => left.replace(WHERE, `${'0'.repeat(32)}-4026531836`), 0, true],
    [
      'of another host, more than a day old',
      (left) => left.replace(WHERE, `${'0'.repeat(32)}-4026531836`),
      DAY + 60,
      false,
    ],
    ['of who knows where', (left) => left.replace(WHERE, 'unknown'), 0, true],
    ['of who knows where, more than a day old', (left) => left.replace(WHERE, 'unknown'), DAY + 60, false],
    ['of another host, of tomorrow', (left) => left.replace(WHERE, `${'0'.repeat(32)}-1`), -DAY, true],
    ['of another form', () => `.vecgrad.${process.pid}.x.new`, 9 * DAY, true],
    ['of no process', () => '.vecgrad.new', 9 * DAY, true],
    ["of somebody's own", () => 'x.new', 9 * DAY, true],
  ];
  for (const [what, nameOf, seconds, stays] of temporaries) {
    it(`${stays ? 'leaves' : 'takes away'} a temporary file ${what}`, function () {
      if (process.platform !== 'linux') this.skip();
      const there = leftover();
      const name = nameOf(there);
      renameSync(join(folder, there), join(folder, name));
      const time = Date.now() / 1000 - seconds;
      utimesSync(join(folder, name), time, time);
      replaceFile(join(folder, 'x'), Buffer.from('new'));
      assert.deepEqual(readdirSync(folder).sort(), stays ? [name, 'x'].sort() : ['x']);
    });
  }

  it('leaves a folder that is called as a temporary file', () => {
    const name = '.vecgrad.unknown.1.x.new';
    mkdirSync(join(folder, name));
    utimesSync(join(folder, name), 0, 0);
    replaceFile(join(folder, 'x'), Buffer.from('new'));
    assert.deepEqual(readdirSync(folder), [name, 'x']);
  });

  it('is written again where somebody removes its temporary file', () => {
    const path = join(folder, 'file');
    const remove = (): void => {
      for (const name of readdirSync(folder)) if (name.startsWith('.vecgrad.')) rmSync(join(folder, name));
    };
    duringSave(remove, () => replaceFile(path, Buffer.from('new')));
    assert.deepEqual([text(path), readdirSync(folder)], ['new', ['file']]);
  });

  /** Does something at the first time that a file is synced, as in between. */
  function duringSave(between: () => void, save: () => void): void {
    const { fsyncSync } = fs;
    let calls = 0;
    fs.fsyncSync = (descriptor) => {
      if (calls++ === 0) between();
      fsyncSync(descriptor);
    };
    syncBuiltinESMExports();
    try {
      save();
    } finally {
      Object.assign(fs, { fsyncSync });
      syncBuiltinESMExports();
    }
    assert.ok(calls > 0);
  }

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

    const TURNS = process.env['VECGRAD_LONG'] === '1' ? 60 : 1;
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
          const large = spawn('unshare', asLater(argv('large', 3_000_000)));
          let said = '';
          large.stdout.on('data', (piece: Buffer) => (said += piece.toString()));
          await once(large, 'exit');
          assert.equal(said, 'saved\n');
          assert.equal(statSync(join(folder, 'large')).size > 24e6, true);
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
      assert.match(
        large,
        /^WeightsError: cannot write ".*file": it would be larger than a file may be \(EFBIG\)\n$/,
      );
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
        /^saved\nWeightsError: cannot write ".*file": it is on a file system that can only be read \(EROFS\)\nfile\n$/,
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
          /^(vecgrad|Error): cannot write ".*file": it would be larger than a file may be \(EFBIG\)$/m,
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
      it(`is refused before time is spent where it is mounted by itself: ${JSON.stringify(name)}`, function () {
        const path = join(folder, name);
        writeFileSync(path, 'earlier');
        const script =
          `mount --bind "$2" "$2" || exit 0; "$0" "${CLI}" graph rnn --input "$1/none" ` + '--svg "$2"';
        const said = run(script, path, 'unshare', '-rm');
        if (/unshare|mount:/.test(said) || said === '') this.skip();
        assert.match(
          said,
          /^vecgrad: cannot write ".*": the system uses it, as it does a file that is mounted by itself: mount its folder, or give another name \(EBUSY\)\n$/,
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
        /cannot write "\/dev\/stdout": standard output goes there: give the name of another file/,
      );
      assert.deepEqual([text(path), readdirSync(folder)], ['', ['out']]);
    });
  });

  describe('and read', () => {
    const w = parameter([1, 2], { name: 'w' });
    const rows: [what: string, path: () => string, message: RegExp][] = [
      [
        'not where it is a folder',
        () => folder,
        /^cannot read ".*": it is a directory: give the name of a file$/,
      ],
      [
        'not where it is a pipe',
        () => {
          execFileSync('mkfifo', [join(folder, 'p')]);
          return join(folder, 'p');
        },
        /^cannot read ".*p": it is a pipe: give the name of a file$/,
      ],
      [
        'not where it is a device without end',
        () => '/dev/zero',
        /^cannot read "\/dev\/zero": it is a device: give the name of a file$/,
      ],
      [
        'not where it is none',
        () => join(folder, 'none'),
        /^cannot read ".*none": there is no such file or folder \(ENOENT\)$/,
      ],
      [
        'not where it is larger than all memory',
        () => sparse(2 ** 42),
        /big": the arrays take 0 bytes, the file has 439\d+: there is more behind them$/,
      ],
      [
        'not where an array of it is',
        () => sparse(2 ** 42, `{"w":{"dtype":"F64","shape":[${2 ** 39}],"data_offsets":[0,${2 ** 42}]}}`),
        /big": 'w' has shape \[549755813888\]: expected \[2\]$/,
      ],
    ];
    const paths: [what: string, path: string, reason: string][] = [
      ['an empty path', '', 'the path is empty: give the name of a file'],
      ['a NUL', 'a\0b', 'a path cannot contain a NUL character: give the name of a file without one'],
      [
        'half of a surrogate pair',
        'a\udc00',
        'the path has half of a surrogate pair, which no name can hold: give the name of a file without one',
      ],
      ['a slash at the end', 'a/', 'it ends with a slash: give the name of a file'],
    ];
    for (const [what, path, reason] of paths) {
      it(`not by ${what}, nor written, by any function`, async () => {
        const tokenizer = new Tokenizer(['ab']);
        const model = buildModel('rnn', tokenizer.vocabSize, {}, new Random(1));
        const said = `${quotedPath(path)}: ${reason}`;
        const read = { message: `cannot read ${said}` };
        const written = { message: `cannot write ${said}` };
        assert.throws(() => loadWeights(path, [w]), { name: 'WeightsError', ...read });
        assert.throws(() => loadModel(path), { name: 'WeightsError', ...read });
        assert.throws(() => readDocuments(path), { name: 'DataError', ...read });
        assert.throws(() => saveWeights(path, [w]), { name: 'WeightsError', ...written });
        assert.throws(() => saveModel(path, model, tokenizer), {
          name: 'WeightsError',
          ...written,
        });
        await assert.rejects(obtainNames({ out: path, force: true }), written);
        // By the command line too; a shell gives neither NUL nor halves, main may get them.
        const commands: [argv: string[], code: number, reason: string][] = [
          [['train', 'rnn', '--input', path], 1, `cannot read ${said}`],
          [['train', 'rnn', '--save', path], 1, `cannot write ${said}`],
          [['sample', path], 1, `cannot read ${said}`],
          [['graph', 'rnn', '--svg', path], 1, `cannot write ${said}`],
          [['bench', 'compare', path], 1, `cannot read ${said}`],
          [['bench', '--json', path], 1, `cannot write ${said}`],
          [['data', 'names', '--out', path], 1, `cannot write ${said}`],
        ];
        for (const [argv, code, message] of commands) {
          let err = '';
          const stderr = { write: (text: string) => (err += text) };
          const found = await main(argv, { ...processIo(), stdout: stderr, stderr });
          if (path === '')
            assert.match(
              err,
              /^vecgrad: (--\w+ takes the name of a file|no model given: say [^\n]*|bench compare takes names of files)[^\n]*\n$/,
            );
          else assert.equal(err, `vecgrad: ${message}\n`);
          assert.equal(found, path === '' ? 2 : code);
        }
      });
    }
    /** A file of so many bytes behind its header, which alone takes room. */
    const sparse = (size: number, text = '{}'): string => {
      const path = join(folder, 'big');
      const start = Buffer.alloc(8);
      start.writeBigUInt64LE(BigInt(text.length));
      writeFileSync(path, Buffer.concat([start, Buffer.from(text)]));
      truncateSync(path, 8 + text.length + size);
      return path;
    };
    for (const [what, path, message] of rows) {
      it(what, function () {
        if (!isPosix) this.skip();
        assert.throws(() => loadWeights(path(), [w]), { message });
        assert.deepEqual([...w.data], [1, 2]);
      });
    }

    it('where it is a link to one', function () {
      if (!isPosix) this.skip();
      const bytes = writeSafetensors(new Map([['w', { shape: [2], data: Float64Array.of(3, 4) }]]));
      writeFileSync(join(folder, 'file'), bytes);
      symlinkSync('file', join(folder, 'link'));
      const read = parameter([0, 0], { name: 'w' });
      loadWeights(join(folder, 'link'), [read]);
      assert.deepEqual([...read.data], [3, 4]);
      assert(existsSync(join(folder, 'link')));
    });
  });
});
