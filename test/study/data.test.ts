import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkDocuments,
  openDocuments,
  DataError,
  embeddedNamesPath,
  parseDocuments,
  readDocuments,
  splitHeldOut,
  type Documents,
} from '../../lib/study/documents.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { addon } from '../../lib/binding/addon.js';
import { packageRoot, packageVersion } from '../../lib/core/package.js';
import { Random } from '../../lib/runtime/random.js';

interface Fixture {
  spaces: number[];
  cases: { text: string; docs: string[]; characters: string[]; ids: number[][] }[];
}

const fixture = JSON.parse(readFileSync(join(packageRoot(), 'test/fixtures/data.json'), 'utf8')) as Fixture;

describe('documents and tokens are those of Python', () => {
  for (const row of fixture.cases) {
    it(JSON.stringify(row.text), () => {
      const docs = parseDocuments(row.text);
      assert.deepEqual(docs, row.docs);
      const tokenizer = new Tokenizer(docs);
      assert.deepEqual(tokenizer.characters, row.characters);
      assert.equal(tokenizer.bos, row.characters.length);
      assert.equal(tokenizer.vocabSize, row.characters.length + 1);
      docs.forEach((doc, i) => {
        const tokens = tokenizer.encode(doc);
        assert.deepEqual(tokens, [tokenizer.bos, ...row.ids[i]!, tokenizer.bos]);
        assert.equal(tokenizer.decode(tokens), doc);
      });
    });
  }

  it('white space is what str.strip takes for it, in the basic plane', () => {
    const codes = Array.from({ length: 0x10000 }, (_, code) => code);
    // Line ends are the only characters that are no part of a line.
    const inLine = codes.filter((code) => code !== 0x0a && code !== 0x0d);
    const docs = parseDocuments(inLine.map((code) => `${String.fromCodePoint(code)}y`).join('\n'));
    const spaces = inLine.filter((_, i) => docs[i] === 'y');
    spaces.splice(spaces.indexOf(0x0c) + 1, 0, 0x0d);
    spaces.splice(spaces.indexOf(0x09) + 1, 0, 0x0a);
    assert.deepEqual(spaces, fixture.spaces);
  });

  it('a byte order mark at the start is dropped, elsewhere it is a character', () => {
    assert.deepEqual(parseDocuments('\ufeffa\n\ufeffb'), ['a', '\ufeffb']);
  });

  it('a lone surrogate is a character of its own', () => {
    const docs = ['a\ud800', '\udc00b', '\ud800\udc00'];
    const tokenizer = new Tokenizer(docs);
    assert.deepEqual(tokenizer.characters, ['a', 'b', '\ud800', '\udc00', '\ud800\udc00']);
    for (const doc of docs) assert.equal(tokenizer.decode(tokenizer.encode(doc)), doc);
  });
});

describe('splitHeldOut', () => {
  const rows: [count: number, heldOut: number][] = [
    [0, 0],
    [2, 0],
    [9, 0],
    [10, 1],
    [9999, 999],
    [10_000, 1000],
    [32_257, 1000],
  ];
  for (const [count, heldOut] of rows) {
    it(`holds out the last ${heldOut} of ${count}`, () => {
      const docs = Array.from({ length: count }, (_, i) => String(i));
      const split = splitHeldOut(docs);
      assert.equal(split.heldOut.length, heldOut);
      assert.deepEqual([...split.train, ...split.heldOut], docs);
    });
  }
});

describe('readDocuments', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-data-'));
  const path = (name: string): string => join(folder, name);
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const good: [name: string, content: string | Buffer, docs: string[]][] = [
    ['two documents', 'ab\ncd\n', ['ab', 'cd']],
    ['no newline at the end', 'ab\ncd', ['ab', 'cd']],
    ['Windows line ends and a byte order mark', '\ufeffab\r\ncd\r\n', ['ab', 'cd']],
    ['letters outside the BMP', '😀a\n𝒳\n', ['😀a', '𝒳']],
    ['one-character documents', 'a\nb\n', ['a', 'b']],
    ['the same document twice', 'ab\nab\n', ['ab', 'ab']],
    ['a control character', 'a\x01b\nc\n', ['a\x01b', 'c']],
    ['all printable characters', '!~\n0aZ', ['!~', '0aZ']],
    ['spaces within', 'a b\nc', ['a b', 'c']],
    ['a delete character', 'a\x7f\nc\n', ['a\x7f', 'c']],
    ['blank lines between', 'ab\n\ncd', ['ab', 'cd']],
    ['a blank line first', '\nab\ncd\n', ['ab', 'cd']],
    ['blank lines last', 'ab\ncd\n\n', ['ab', 'cd']],
  ];
  for (const [name, content, docs] of good) {
    it(`reads ${name}`, () => {
      writeFileSync(path('good'), content);
      assert.deepEqual(readDocuments(path('good')), docs);
      const opened = openDocuments(path('good'));
      assert.equal(opened.length, docs.length);
      assert.equal(opened.at(docs.length), undefined);
      assert.deepEqual(new Tokenizer(opened), new Tokenizer(docs));
    });
  }

  const bad: [name: string, content: string | Buffer, message: RegExp][] = [
    ['an empty file', '', /"[^"]*bad" is empty: give a UTF-8 text file with one document/],
    ['blank lines', ' \n\r\n\t\n', /has only blank lines: give/],
    ['a byte order mark alone', '\ufeff', /has only blank lines: give/],
    ['NUL bytes', 'ab\ncd\0\n', /is a binary file \(it has NUL bytes\): give/],
    ['UTF-16', Buffer.from('\ufeffab\ncd', 'utf16le'), /is a binary file/],
    ['Latin-1', Buffer.from('zoé\nana\n', 'latin1'), /is not UTF-8 text: give/],
    ['an encoded surrogate', Buffer.from([0x61, 10, 0xed, 0xa0, 0x80]), /is not UTF-8 text/],
    ['a PNG', Buffer.from('89504e470d0a1a0a', 'hex'), /is not UTF-8 text/],
    ['one line', 'emma\n', /has only one document: training needs two or more/],
    ['one character', 'a', /has no character other than "a": training needs at least two/],
    ['one character repeated', 'aa\na\n', /has no character other than "a"/],
    ['one emoji repeated', '😀\n😀😀\n', /has no character other than "😀"/],
  ];
  for (const [name, content, message] of bad) {
    it(`refuses ${name}`, () => {
      writeFileSync(path('bad'), content);
      refuses(() => readDocuments(path('bad')), message);
    });
  }

  it('refuses what is no file', () => {
    mkdirSync(path('folder'));
    writeFileSync(path('file'), 'ab\ncd\n');
    const rows: [string, RegExp][] = [
      [path('missing'), /^cannot read ".*missing": there is no such file or folder \(ENOENT\); give/],
      [path('folder'), /folder" is a directory: give/],
      [path('file/below'), /part of its path is a file/],
      ['a\0b', /cannot contain a NUL/],
      ['x'.repeat(5000), /the name is too long/],
    ];
    if (existsSync('/dev/zero')) rows.push(['/dev/zero', /neither a file nor a pipe/]);
    for (const [given, message] of rows) refuses(() => readDocuments(given), message);
  });

  it('reads a pipe', function () {
    if (process.platform === 'win32') this.skip();
    const pipe = path('pipe');
    execFileSync('mkfifo', [pipe]);
    execFileSync('sh', ['-c', '(printf "ab\\ncd\\n" > "$1") >/dev/null 2>&1 &', 'sh', pipe]);
    assert.deepEqual(readDocuments(pipe), ['ab', 'cd']);
  });

  function refuses(act: () => unknown, message: RegExp): void {
    assert.throws(act, (error) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
});

describe('the embedded names', () => {
  it('are found, and shuffle and encode as in the reference run', () => {
    const golden = JSON.parse(readFileSync(join(packageRoot(), 'test/fixtures/golden/rnn.json'), 'utf8')) as {
      num_docs: number;
      vocab_size: number;
      first_docs: string[];
    };
    const docs = readDocuments(embeddedNamesPath());
    assert.equal(docs.length, golden.num_docs);
    new Random(42).shuffle(docs);
    assert.deepEqual(docs.slice(0, 5), golden.first_docs);
    const tokenizer = new Tokenizer(docs);
    assert.equal(tokenizer.vocabSize, golden.vocab_size);
    assert.equal(tokenizer.characters.join(''), 'abcdefghijklmnopqrstuvwxyz');
    assert.deepEqual(tokenizer.encode('bad'), [26, 1, 0, 3, 26]);
  });
});

describe('a corpus refuses', () => {
  const corpus = new Tokenizer(['ab']).corpus(['ab', 'b'], Int32Array.of(0, 1));
  const rows: [string, () => unknown, RegExp][] = [
    ['a document that there is not', () => corpus.example(2, 3), /^document 2: .* from 0 to 1$/],
    ['no positions', () => corpus.example(0, 0), /^blockSize 0: expected an integer from 1/],
    ['half a position', () => corpus.dataset(0.5), /^blockSize 0.5: expected an integer from 1/],
  ];
  for (const [name, act, message] of rows) {
    it(name, () => {
      assert.throws(act, { name: 'RangeError', message });
    });
  }
});

describe('the tokenizer and the checks refuse', () => {
  /** Says two, and then whatever would never end. */
  const shrinking = (): Documents => {
    let asked = 0;
    const length = (): number => (asked++ === 0 ? 2 : Infinity);
    return {
      get length() {
        return length();
      },
      at: (i) => ['ab'][i],
    };
  };
  const tokenizer = new Tokenizer(['ab']);
  const rows: [string, () => unknown, RegExp][] = [
    ['an unknown character', () => tokenizer.encode('abc'), /"abc".*vocabulary: "c" \(U\+0063\)/],
    ['an unknown emoji', () => tokenizer.encode('😀'), /\(U\+1F600\)/],
    ['an unknown id', () => tokenizer.decode([0, 3]), /no token 3: ids go from 0 to 2/],
    ['a text for an id', () => tokenizer.decode(['length'] as never), /no token "length": ids/],
    ['half an id', () => tokenizer.decode([0.5]), /no token 0.5: ids/],
    ['a number to encode', () => tokenizer.encode(5 as never), /a document must be a string, got 5/],
    ['a list with a hole', () => new Tokenizer(['a', undefined] as never), /document 1 is undefined/],
    ['half a document', () => new Tokenizer({ length: 0.5, at: () => 'a' }), /^0.5 documents: expected/],
    ['fewer than at first', () => new Tokenizer(shrinking()), /document 1 is undefined/],
    ['no list', () => new Tokenizer(7 as never), /expected an array of strings/],
    ['no documents', () => checkDocuments([]), /^the list has no documents: training needs an array of two/],
    [
      'a list of one document',
      () => checkDocuments(['ab']),
      /^the list has one document: training needs an arr/,
    ],
    ['one document', () => checkDocuments(['ab'], 'it'), /^it has only one document/],
  ];
  for (const [name, act, message] of rows) {
    it(name, () => {
      assert.throws(act, { name: 'DataError', message });
    });
  }
});

describe('the native search for lines', () => {
  const text = Buffer.from('ab\ncd');
  const find = (...given: unknown[]): unknown =>
    addon.text.lines(...(given as Parameters<typeof addon.text.lines>));
  const room = new Int32Array(3);
  const occurs = new Uint8Array(128);
  const wrong: [string, unknown[]][] = [
    ['nothing', []],
    ['a string', ['ab', room, occurs]],
    ['floats', [text, new Float32Array(3), occurs]],
    ['a short table of characters', [text, room, new Uint8Array(127)]],
  ];
  for (const [name, given] of wrong) {
    it(`refuses ${name}`, () => {
      assert.throws(() => find(...given), { name: 'TypeError', message: /^text\.lines: expected/ });
    });
  }
  const rooms: [size: number, count: number][] = [
    [0, -1],
    [1, -1],
    [2, -1],
    [3, 2],
  ];
  for (const [size, count] of rooms) {
    it(`says ${count} with room for ${size} places`, () => {
      assert.equal(find(text, new Int32Array(size), occurs), count);
    });
  }
});

describe('a corpus holds what encoding each document gives', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-corpus-'));
  after(() => rmSync(folder, { recursive: true }));
  const opened = (text: string): ReturnType<typeof openDocuments> => {
    writeFileSync(join(folder, 'text'), text);
    return openDocuments(join(folder, 'text'));
  };
  const texts: [name: string, text: string][] = [
    ['plain lines', 'emma\nolivia\nava\n'],
    ['plain lines, the last without an end', 'b\nab\ncab'],
    ['characters outside ASCII', 'Zoë\n😀a\nb\n'],
    ['spaces', 'a b\nc\n'],
  ];
  for (const [name, text] of texts) {
    it(name, () => {
      const docs = opened(text);
      const tokenizer = new Tokenizer(docs);
      const numbers = Int32Array.of(2, 0, 0, 1).filter((number) => number < docs.length);
      const corpus = tokenizer.corpus(docs, numbers);
      assert.equal(corpus.length, numbers.length);
      numbers.forEach((number, i) => {
        const encoded = tokenizer.encode(docs.at(number)!);
        for (const blockSize of [1, 2, 100]) {
          const length = Math.min(blockSize, encoded.length - 1);
          const { tokens, targets, length: found } = corpus.example(i, blockSize);
          assert.deepEqual(
            [[...tokens], [...targets], found],
            [encoded.slice(0, length), encoded.slice(1, length + 1), length],
          );
        }
      });
      assert.equal(tokenizer.corpus(docs, new Int32Array(0)).length, 0);
    });
  }

  it('says which character has no token', () => {
    const tokenizer = new Tokenizer(['ab', 'c']);
    for (const text of ['ab\ncd\n', 'ab\nc\u00e9\n', 'a!\nb\n']) {
      assert.throws(() => tokenizer.corpus(opened(text), Int32Array.of(0, 1)), {
        name: 'DataError',
        message: /has a character that is not in the vocabulary/,
      });
    }
  });

  const text = Buffer.from('ab\ncd');
  const starts = Int32Array.of(0, 3, 6);
  const ids = new Int32Array(128).fill(1);
  const firsts = new Int32Array(2);
  const wrong: [string, unknown[], string][] = [
    ['nothing', [], 'TypeError'],
    ['too few places', [text, starts, ids, 2, Int32Array.of(0, 1), firsts], 'TypeError'],
    ['a negative line', [text, starts, ids, 2, Int32Array.of(-1), firsts], 'RangeError'],
    ['a line after the last', [text, starts, ids, 2, Int32Array.of(2), firsts], 'RangeError'],
    ['a line outside the text', [text, Int32Array.of(0, 9), ids, 2, Int32Array.of(0), firsts], 'RangeError'],
    [
      'a line that ends before it begins',
      [text, Int32Array.of(4, 2), ids, 2, Int32Array.of(0), firsts],
      'RangeError',
    ],
    ['a line before the text', [text, Int32Array.of(-2, 2), ids, 2, Int32Array.of(0), firsts], 'RangeError'],
  ];
  for (const [name, given, error] of wrong) {
    it(`the native encoder refuses ${name}`, () => {
      assert.throws(() => addon.text.encode(...(given as Parameters<typeof addon.text.encode>)), {
        name: error,
        message: /^text\.encode: /,
      });
    });
  }
});

it('packageVersion is that of package.json', () => {
  assert.match(packageVersion(), /^\d+\.\d+\.\d+/);
});
