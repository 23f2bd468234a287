/** Files written whole or not at all: on full disks, over what is no file, beside what the killed left. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkReplaceable, replaceFile } from '../lib/files.js';
import { parameter } from '../lib/graph.js';
import { writeSafetensors } from '../lib/safetensors.js';
import { loadWeights } from '../lib/weights.js';

const TSX = import.meta.resolve('tsx');
const SAVE = join(import.meta.dirname, 'support/save.ts');
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

  it('keeps its mode, and the link that leads to it', function () {
    if (!isPosix) this.skip();
    const path = join(folder, 'file');
    writeFileSync(path, 'earlier');
    chmodSync(path, 0o640);
    symlinkSync('file', join(folder, 'link'));
    replaceFile(join(folder, 'link'), Buffer.from('new'));
    assert.deepEqual(readdirSync(folder).sort(), ['file', 'link']);
    assert.equal(text(path), 'new');
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });

  const refused: [what: string, path: () => string, message: RegExp][] = [
    ['in a folder that is not there', () => join(folder, 'gone', 'x'), /^there is no such file or folder \(ENOENT\)$/],
    ['under a file', () => { writeFileSync(join(folder, 'f'), ''); return join(folder, 'f', 'x'); }, /^part of its path is a file, not a directory \(ENOTDIR\)$/],
    ['of a name too long', () => join(folder, 'x'.repeat(256)), /^the name is too long \(ENAMETOOLONG\)$/],
    ['that is a folder', () => { mkdirSync(join(folder, 'd')); return join(folder, 'd'); }, /^it is a directory$/],
    ['that is a pipe', () => { execFileSync('mkfifo', [join(folder, 'p')]); return join(folder, 'p'); }, /^it is neither a file nor a new name$/],
    ['that is a device', () => '/dev/null', /^it is neither a file nor a new name$/],
    ['in a folder of the kernel', () => '/sys/x', /^permission is denied \(E(ACCES|PERM)\)$|^.* only be read \(EROFS\)$/],
  ]; // prettier-ignore
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

  it('takes what killed processes have left with it, and nothing of others', () => {
    const gone = spawnSync(process.execPath, ['--version']).pid;
    const left = [`.vecgrad.${gone}.x.new`, `.vecgrad.${gone}.y.new`];
    const others = [`.vecgrad.${process.pid}.x.new`, '.vecgrad.new', '.vecgrad.x.new', `x.${gone}.new`]; // prettier-ignore
    for (const name of [...left, ...others]) writeFileSync(join(folder, name), '');
    replaceFile(join(folder, 'x'), Buffer.from('new'));
    assert.deepEqual(readdirSync(folder).sort(), [...others, 'x'].sort());
  });

  describe('in a process of its own', () => {
    const save = (prefix: string, path: string, count: number): string => {
      const command = `${prefix} exec "$@"`;
      const argv = ['-c', command, 'sh', process.execPath, '--import', TSX, SAVE, path, String(count)]; // prettier-ignore
      const { stdout, stderr, status } = spawnSync('sh', argv, { encoding: 'utf8' });
      assert.deepEqual([status, stderr], [0, '']);
      return stdout;
    };

    it('stays as it was where it would become too large', function () {
      if (!isPosix) this.skip();
      const path = join(folder, 'file');
      assert.equal(save('', path, 10), 'saved\n');
      const before = readFileSync(path);
      // As much as nothing else that Node or tsx writes takes.
      const large = save('ulimit -f 20000;', path, 2_000_000);
      assert.match(large, /^WeightsError: cannot write ".*file": it would be larger than a file may be \(EFBIG\)\n$/); // prettier-ignore
      assert.deepEqual(readFileSync(path), before);
      assert.deepEqual(readdirSync(folder), ['file']);
    });

    // A disk of 64 kB that only the process and its children see, where the system lets us.
    const mounted = (options: string, then: string): ReturnType<typeof spawnSync> => {
      const script = `mount -t tmpfs -o size=64k none "${folder}" && ${then.replaceAll('SAVE', `"$@" "${folder}/file"`)}`; // prettier-ignore
      return spawnSync('unshare', ['-rm', 'sh', '-c', script.replace('REMOUNT', `mount -o remount,${options} "${folder}"`), 'sh', process.execPath, '--import', TSX, SAVE], { encoding: 'utf8' }); // prettier-ignore
    };
    const canMount = (): boolean => mounted('rw', 'true').status === 0;

    it('stays as it was where the disk is full', function () {
      if (!canMount()) this.skip();
      const { stdout } = mounted('rw', `SAVE 10; SAVE 8000; SAVE 10; ls -A "${folder}"`);
      assert.match(String(stdout), /^saved\nWeightsError: cannot write ".*file": the disk is full \(ENOSPC\)\nsaved\nfile\n$/); // prettier-ignore
    });

    it('stays as it was where the disk can only be read', function () {
      if (!canMount()) this.skip();
      const { stdout } = mounted('ro', `SAVE 10; REMOUNT; SAVE 20; ls -A "${folder}"`);
      assert.match(String(stdout), /^saved\nWeightsError: cannot write ".*file": it is on a file system that can only be read \(EROFS\)\nfile\n$/); // prettier-ignore
    });
  });

  describe('and read', () => {
    const w = parameter([1, 2], { name: 'w' });
    const rows: [what: string, path: () => string, message: RegExp][] = [
      ['not where it is a folder', () => folder, /^".*" is no file$/],
      ['not where it is a pipe', () => { execFileSync('mkfifo', [join(folder, 'p')]); return join(folder, 'p'); }, /p" is no file$/],
      ['not where it is a device without end', () => '/dev/zero', /^"\/dev\/zero" is no file$/],
      ['not where it is none', () => join(folder, 'none'), /^cannot read ".*none": there is no such file or folder \(ENOENT\)$/],
      ['not where it is larger than all memory', () => sparse(2 ** 42), /big": the arrays take 0 bytes, the file has 439\d+: there is more behind them$/],
      ['not where an array of it is', () => sparse(2 ** 42, `{"w":{"dtype":"F64","shape":[${2 ** 39}],"data_offsets":[0,${2 ** 42}]}}`), /big": 'w' has shape \[549755813888\]: expected \[2\]$/],
    ]; // prettier-ignore
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
