/** Files written whole or not at all: on full disks, over what is no file, beside what the killed left. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { readDocuments } from '../../lib/study/documents.js';
import { checkReplaceable, replaceFile } from '../../lib/core/write-file.js';
import { packageRoot } from '../../lib/core/package.js';
import { loadWeights } from '../../lib/weights/weights.js';
import { entries, folder, inFolders, link, text } from '../support/folder.js';

const SAVE = join(packageRoot(), 'test/support/save.mjs');
const PAUSING = join(packageRoot(), 'test/support/pausing.mjs');
const isPosix = process.platform !== 'win32';

describe('a file that is replaced', () => {
  inFolders();

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
    ['a link to itself', () => link('link', 'link'), undefined, /^its symbolic links form a loop/],
    [
      'links in a circle',
      () => {
        link('b', 'a');
        return link('a', 'b');
      },
      undefined,
      /^its symbolic links form a loop/,
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
      /^permission denied \(E(ACCES|PERM)\)$|^.* read-only \(EROFS\)$/,
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
});
