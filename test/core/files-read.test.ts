/** Files that are read: what is refused, in words, by every function, and what is not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processIo } from '../../lib/cli/io.js';
import { main } from '../../lib/cli/main.js';
import { readDocuments } from '../../lib/study/documents.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { quotedPath } from '../../lib/core/escape.js';
import { buildModel } from '../../lib/study/build-model.js';
import { parameter } from '../../lib/value/leaves.js';
import { loadModel, saveModel } from '../../lib/study/model-file.js';
import { obtainNames } from '../../lib/download/names.js';
import { Random } from '../../lib/runtime/random.js';
import { writeSafetensors } from '../../lib/weights/safetensors.js';
import { loadWeights, saveWeights } from '../../lib/weights/weights.js';
import { folder, inFolders } from '../support/folder.js';
import { pattern } from '../support/pattern.js';

const isPosix = process.platform !== 'win32';

describe('a file that is replaced', () => {
  inFolders();

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
        /big": the arrays take 0 bytes, the file has 439\d+: more bytes follow them$/,
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
              pattern(
                /^vecgrad: /,
                /(--\w+ takes the name of a file|no model given: use |bench compare takes names of files)/,
                /[^\n]*\n$/,
              ),
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
