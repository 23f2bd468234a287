/** Files of other users and modes, replaced by root and by others. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkReplaceable, replaceFile } from '../../lib/core/write-file.js';
import { packageRoot } from '../../lib/core/package.js';
import { folder, inFolders, text } from '../support/folder.js';

const SAVE = join(packageRoot(), 'test/support/save.mjs');

describe('a file that is replaced', () => {
  inFolders();

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
    const savedBy = (user: number, where = folder): string => {
      const { stdout, stderr } = spawnSync(process.execPath, [SAVE, join(where, 'file'), '1'], {
        uid: user,
        gid: user,
        encoding: 'utf8',
      });
      return `${stdout}${stderr}`;
    };
    before(function () {
      // Whether he may read what he is to run.
      const open = mkdtempSync(join(tmpdir(), 'vecgrad-files-'));
      chmodSync(open, 0o777);
      const said = savedBy(USER, open);
      rmSync(open, { recursive: true });
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
      ['stays as it was where he may not write it', [0, 0, 0o644], 0o777, 'permission denied (EACCES)'],
      [
        'stays as it was where he may write it, and make no other in its folder',
        [USER, USER, 0o666],
        0o755,
        'permission denied (EACCES)',
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
            message:
              'only its owner or the owner of its folder may replace it, or nobody (EPERM): ' +
              'give another name',
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
    it('is refused before time is spent where its folder lets nothing be renamed', function () {
      if (spawnSync('chattr', ['+a', folder]).status !== 0) this.skip();
      try {
        assert.throws(() => checkReplaceable(join(folder, 'new')), {
          message: /^its folder lets no file be renamed or removed, .* stays there: give another folder$/,
        });
      } finally {
        spawnSync('chattr', ['-a', folder]);
      }
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
});
