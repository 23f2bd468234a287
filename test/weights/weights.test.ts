/** Weights in safetensors files: writing, reading, and what is refused. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { input, parameter } from '../../lib/value/leaves.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { Random } from '../../lib/runtime/random.js';
import { numbersOf, readSafetensors, writeSafetensors } from '../../lib/weights/safetensors.js';
import { SafetensorsError } from '../../lib/weights/safetensors-header.js';
import type { TensorType } from '../../lib/weights/element-types.js';
import { loadWeights, saveWeights, WeightsError } from '../../lib/weights/weights.js';

/** A file of a header, given as text, and bytes. */
function file(
  header: string,
  bytes: ArrayLike<number> = [],
  length = BigInt(Buffer.byteLength(header)),
): Buffer {
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(length);
  return Buffer.concat([start, Buffer.from(header), Buffer.from(Array.from(bytes))]);
}

const entry = (type: string, shape: string, offsets: string): string =>
  `{"dtype":"${type}","shape":${shape},"data_offsets":${offsets}}`;
const one = entry('U8', '[1]', '[0,1]');

describe('a safetensors file', () => {
  it('holds what was written, the larger elements first and aligned', () => {
    const tensors = new Map([
      ['single', { shape: [3], data: Float32Array.of(1.5, -0, NaN) }],
      ['a "b"\n\u00e9', { shape: [1, 2], data: Float64Array.of(Math.PI, -Infinity) }],
      ['number', { shape: [], data: Float64Array.of(5e-324) }],
      ['empty', { shape: [2, 0], data: new Float64Array() }],
      ['words', { shape: [2], data: Uint32Array.of(7, 2 ** 32 - 1) }],
    ]);
    const types = { Float64Array: 'F64', Float32Array: 'F32', Uint32Array: 'U32' };
    const metadata = new Map([
      ['made by', 'x'],
      ['__proto__', 'y'],
    ]);
    const bytes = writeSafetensors(tensors, metadata);
    const read = readSafetensors(bytes);
    assert.deepEqual([...read.metadata], [...metadata]);
    assert.equal(read.tensors.size, tensors.size);
    for (const [name, { shape, data }] of tensors) {
      const tensor = read.tensors.get(name)!;
      assert.deepEqual(tensor.shape, shape);
      assert.equal(tensor.type, types[data.constructor.name as keyof typeof types]);
      assert.deepEqual(numbersOf(tensor), Float64Array.from(data));
      assert.equal((tensor.bytes.byteOffset - bytes.byteOffset) % data.BYTES_PER_ELEMENT, 0);
    }
  });

  it('is read as the format says: any order of keys, spaces, escapes, no metadata', () => {
    const header = ' \n';
    const text = `{ "b\\u0061" : {"data_offsets":[1 , 3],"shape":[2],"dtype":"U8"}, "a":${one}}${header}  `;
    const { tensors, metadata } = readSafetensors(file(text, [7, 8, 9]));
    assert.deepEqual([...tensors.keys()], ['ba', 'a']);
    assert.deepEqual([...tensors.get('ba')!.bytes], [8, 9]);
    assert.equal(metadata.size, 0);
    assert.equal(readSafetensors(file('{}')).tensors.size, 0);
  });

  const types: [type: TensorType, bytes: number[], numbers: number[]][] = [
    ['BOOL', [0, 1], [0, 1]],
    ['U8', [255], [255]],
    ['I8', [255], [-1]],
    ['I16', [0, 128], [-32768]],
    ['U16', [0, 128], [32768]],
    ['I32', [254, 255, 255, 255], [-2]],
    ['U32', [254, 255, 255, 255], [4294967294]],
    ['I64', [255, 255, 255, 255, 255, 255, 255, 255], [-1]],
    ['U64', [0, 0, 0, 0, 0, 0, 0, 1], [2 ** 56]],
    [
      'F16',
      [0, 0x3c, 0, 0xc0, 1, 0, 0, 0x7c, 0, 0xfc, 1, 0x7c, 0xff, 0x7b, 0, 0x80],
      [1, -2, 2 ** -24, Infinity, -Infinity, NaN, 65504, -0],
    ],
    ['BF16', [0x80, 0x3f, 0x49, 0xc0, 0x80, 0x7f], [1, -3.140625, Infinity]],
    ['F32', [0, 0, 0x20, 0x40], [2.5]],
    ['F64', [0, 0, 0, 0, 0, 0, 4, 0xc0], [-2.5]],
  ];
  for (const [type, bytes, numbers] of types) {
    it(`can have elements of ${type}`, () => {
      const { tensors } = readSafetensors(
        file(`{"x":${entry(type, `[${numbers.length}]`, `[0,${bytes.length}]`)}}`, bytes),
      );
      assert.deepEqual(numbersOf(tensors.get('x')!), Float64Array.from(numbers));
    });
  }

  const deep = '['.repeat(1_000_000);
  const bad: [what: string, bytes: Uint8Array, message: RegExp][] = [
    [
      'nothing',
      Buffer.alloc(0),
      /^0 bytes: a safetensors file begins with 8 bytes, the length of its header$/,
    ],
    ['seven bytes', Buffer.alloc(7), /^7 bytes: /],
    ['an empty header', file(''), /begins with \{/],
    [
      'a header longer than the file',
      file('{}', [], 9n),
      /a header of 9 bytes in a file of 10: it was cut short/,
    ],
    [
      'a header of 2^63 bytes',
      file('{}', [], 2n ** 63n),
      /a header of 9223372036854775808 bytes: expected at most 4194304/,
    ],
    ['a header that is no text', file('{"\u00e9', [], 3n).subarray(0, 11), /not UTF-8/],
    ['a byte order mark', file('\ufeff{}'), /begins with \{/],
    ['a list', file('[]'), /begins with \{/],
    ['spaces before the header', file(' {}'), /begins with \{/],
    ['something behind the header', file('{}{}'), /character 2: expected only spaces after/],
    ['no end', file(`{"x":${one}`, [1]), /expected \}/],
    ['a comma too many', file(`{"x":${one},}`, [1]), /expected a string in quotes/],
    ['no quotes', file(`{x:${one}}`, [1]), /expected a string in quotes/],
    ['a text without end', file('{"x'), /a string has no end/],
    ['a text with a line break', file(`{"a\nb":${one}}`, [1]), /a string is not valid JSON/],
    ['deep lists', file(`{"x":${deep}`), /expected \{/],
    ['a deep shape', file(`{"x":{"shape":[${deep}`), /expected an integer/],
    ['deep metadata', file(`{"__metadata__":{"x":${deep}`), /expected a string in quotes/],
    ['a number as metadata', file('{"__metadata__":{"x":1}}'), /expected a string in quotes/],
    ['metadata twice', file('{"__metadata__":{},"__metadata__":{}}'), /'__metadata__' is there twice/],
    ['a text twice', file('{"__metadata__":{"x":"","x":""}}'), /'x' is there twice in/],
    ['a name twice', file(`{"x":${one},"\\u0078":${one}}`, [1]), /'x' is there twice/],
    [
      'a key twice',
      file(`{"x":{"shape":[1],"shape":[1],"dtype":"U8","data_offsets":[0,1]}}`, [1]),
      /'x' has 'shape' twice/,
    ],
    ['a key too many', file(`{"x":{"shape":[1],"y":1}}`), /'x' has an unknown 'y'/],
    [
      'a key too few',
      file('{"x":{"shape":[1],"dtype":"U8"}}'),
      /'x' needs dtype, shape and two data_offsets/,
    ],
    ['one offset', file(`{"x":${entry('U8', '[1]', '[0]')}}`, [1]), /'x' needs dtype, shape and two/],
    ['three offsets', file(`{"x":${entry('U8', '[1]', '[0,1,2]')}}`, [1]), /at most 2 integers/],
    [
      'an unknown type',
      file(`{"x":${entry('F4', '[1]', '[0,1]')}}`, [1]),
      /unknown type 'F4': expected BOOL, U8, .*F64/,
    ],
    [
      'a type of every object',
      file(`{"x":${entry('constructor', '[1]', '[0,1]')}}`, [1]),
      /unknown type 'constructor'/,
    ],
    ['a negative size', file(`{"x":${entry('U8', '[-1]', '[0,1]')}}`, [1]), /expected an integer from 0/],
    ['half a size', file(`{"x":${entry('U8', '[0.5]', '[0,1]')}}`, [1]), /expected an integer from 0/],
    ['an exponent', file(`{"x":${entry('U8', '[1e0]', '[0,1]')}}`, [1]), /expected an integer from 0/],
    ['leading zeros', file(`{"x":${entry('U8', '[01]', '[0,1]')}}`, [1]), /expected an integer from 0/],
    ['NaN', file(`{"x":${entry('U8', '[NaN]', '[0,1]')}}`, [1]), /expected an integer from 0/],
    ['null', file(`{"x":${entry('U8', 'null', '[0,1]')}}`, [1]), /expected \[/],
    ['a text as a size', file(`{"x":${entry('U8', '["1"]', '[0,1]')}}`, [1]), /expected an integer from 0/],
    [
      '2^53',
      file(`{"x":${entry('U8', '[9007199254740992]', '[0,1]')}}`, [1]),
      /expected an integer from 0 to 2\^53 - 1/,
    ],
    [
      'sizes whose product is beyond all integers',
      file(`{"x":${entry('F64', '[4294967296,4294967296,4294967296]', '[0,8]')}}`, Array(8).fill(0)),
      /'x' has 8 bytes: F64 of shape/,
    ],
    [
      '33 axes',
      file(`{"x":${entry('U8', `[${Array(33).fill(1).join()}]`, '[0,1]')}}`, [1]),
      /at most 32 integers/,
    ],
    [
      'too many bytes for the shape',
      file(`{"x":${entry('U8', '[1]', '[0,2]')}}`, [1, 2]),
      /'x' has 2 bytes: U8 of shape \[1\] takes 1/,
    ],
    [
      'offsets the wrong way round',
      file(`{"x":${entry('U8', '[1]', '[1,0]')}}`, [1]),
      /'x' begins at byte 1, after a gap/,
    ],
    [
      'an overlap',
      file(`{"x":${entry('U8', '[2]', '[0,2]')},"y":${entry('U8', '[2]', '[1,3]')}}`, [1, 2, 3]),
      /'y' begins at byte 1, inside another array: expected 2/,
    ],
    [
      'the same bytes twice',
      file(`{"x":${one},"y":${one}}`, [1]),
      /'y' begins at byte 0, inside another array/,
    ],
    [
      'a gap',
      file(`{"x":${one},"y":${entry('U8', '[1]', '[2,3]')}}`, [1, 2, 3]),
      /'y' begins at byte 2, after a gap: expected 1/,
    ],
    [
      'a gap at the start',
      file(`{"x":${entry('U8', '[1]', '[1,2]')}}`, [1, 2]),
      /'x' begins at byte 1, after a gap: expected 0/,
    ],
    ['too few bytes', file(`{"x":${one}}`), /the arrays take 1 bytes, the file has 0: it was cut short/],
    [
      'too many bytes',
      file(`{"x":${one}}`, [1, 2]),
      /the arrays take 1 bytes, the file has 2: more bytes follow them/,
    ],
    [
      'half a surrogate pair in a name',
      file(`{"a\\ud800":${one}}`, [1]),
      /character 1: a string has half a surrogate pair/,
    ],
    [
      'half a surrogate pair in a text',
      file(`{"__metadata__":{"k":"\\udc00\\ud800"},"x":${one}}`, [1]),
      /a string has half a surrogate pair/,
    ],
    [
      'half a surrogate pair in a key of the texts',
      file(`{"__metadata__":{"\\udfff":"v"},"x":${one}}`, [1]),
      /a string has half a surrogate pair/,
    ],
    [
      'a long name',
      file(`{"${'n'.repeat(100)}":${one},"${'n'.repeat(100)}":${one}}`, [1]),
      /'n{57}\.\.\.' is there twice/,
    ],
  ];
  for (const [what, bytes, message] of bad) {
    it(`is not ${what}`, () => {
      assert.throws(() => readSafetensors(bytes), { name: 'SafetensorsError', message });
    });
  }

  it('with as many arrays as a header can hold is read or refused', () => {
    const names = (n: number, make: (i: number) => string): string =>
      `{${Array.from({ length: n }, (_, i) => make(i)).join()}}`;
    const empty = entry('U8', '[0]', '[0,0]');
    const many = file(names(75_000, (i) => `"${i.toString(36)}":${empty}`));
    assert(many.length < 4 * 2 ** 20);
    assert.equal(readSafetensors(many).tensors.size, 75_000);
    const twice = file(names(75_000, (i) => `"${(i % 74_999).toString(36)}":${empty}`));
    assert.throws(() => readSafetensors(twice), /'0' is there twice/);
    const slashes = file(`{"${'\\\\'.repeat(1_000_000)}`);
    assert.throws(() => readSafetensors(slashes), /a string has no end/);
  });

  it('of bytes changed anywhere is refused, or read within the bytes', () => {
    const good = file(
      `{"__metadata__":{"k":"v"},"x":${entry('F32', '[2,1]', '[0,8]')},"y":${entry('U8', '[0]', '[8,8]')}}`,
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    readSafetensors(good);
    const change = fc.record({
      at: fc.nat(good.length - 1),
      byte: fc.constantFrom(0, 32, 34, 44, 45, 48, 57, 91, 92, 93, 123, 125, 255),
    });
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        fc.boolean(),
        (changes, cut, isCut) => {
          const bytes = Buffer.from(good);
          for (const { at, byte } of changes) bytes[at] = byte;
          const given = isCut ? bytes.subarray(0, cut) : bytes;
          try {
            for (const tensor of readSafetensors(given).tensors.values()) {
              assert(
                tensor.bytes.byteOffset >= given.byteOffset &&
                  tensor.bytes.byteOffset + tensor.bytes.length <= given.byteOffset + given.length,
              );
              numbersOf(tensor);
            }
          } catch (error) {
            assert(error instanceof SafetensorsError, String(error));
          }
        },
      ),
      { numRuns: 3000, seed: 1 },
    );
  });

  it('is not written with an array of another size, or one called as the texts are', () => {
    const data = Float64Array.of(1);
    for (const shape of [[2], [-1, -1], [0.5, 2], Array<number>(33).fill(1)]) {
      assert.throws(() => writeSafetensors(new Map([['x', { shape, data }]])), {
        name: 'SafetensorsError',
        message: `'x': 1 numbers for shape [${shape.join(', ')}]`,
      });
    }
    assert.throws(
      () => writeSafetensors(new Map([['__metadata__', { shape: [1], data }]])),
      /cannot be called '__metadata__'/,
    );
    assert.throws(
      () => writeSafetensors(new Map([['x'.repeat(9e6), { shape: [1], data }]])),
      /a header of \d+ bytes: at most 4194304/,
    );
  });

  it('is not written with half a surrogate pair in any text, and with whole ones is', () => {
    const array = { shape: [1], data: Float64Array.of(1) };
    const rows: [name: string, key: string, text: string, message: string][] = [
      [
        'w\ud800',
        'k',
        'v',
        `the array's name "w\\u{d800}" has half a surrogate pair (U+D800) as its character 1: a file ` +
          'holds Unicode text only',
      ],
      [
        '\udc00\ud800',
        'k',
        'v',
        `the array's name "\\u{dc00}\\u{d800}" has half a surrogate pair (U+DC00) as its character 0: ` +
          'a file holds Unicode text only',
      ],
      [
        '😀\udbff',
        'k',
        'v',
        `the array's name "😀\\u{dbff}" has half a surrogate pair (U+DBFF) as its character 2: a file ` +
          'holds Unicode text only',
      ],
      [
        'w',
        '\udfff',
        'v',
        `the metadata's name "\\u{dfff}" has half a surrogate pair (U+DFFF) as its character 0: a ` +
          'file holds Unicode text only',
      ],
      [
        'w',
        'k',
        'ab\ud800c',
        'the value of metadata "k" has half a surrogate pair (U+D800) as its character 2: a file holds ' +
          'Unicode text only',
      ],
    ];
    for (const [name, key, text, message] of rows) {
      assert.throws(() => writeSafetensors(new Map([[name, array]]), new Map([[key, text]])), {
        name: 'SafetensorsError',
        message,
      });
    }
    const whole = writeSafetensors(new Map([['\ud83d\ude00', array]]), new Map([['😀', '𝒳']]));
    const { tensors, metadata } = readSafetensors(whole);
    assert.deepEqual([...tensors.keys(), ...metadata.keys(), ...metadata.values()], ['😀', '😀', '𝒳']);
  });
});

describe('weights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-weights-'));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'model.safetensors');
  const build = (name: (typeof MODEL_NAMES)[number], seed: number) =>
    buildModel(name, 7, { nEmbd: 4, nHead: 2, nState: 6, nAtt: 3, blockSize: 4 }, new Random(seed));
  const feeds = { tokens: [6, 1, 2], targets: [1, 2, 6], length: 3 };

  for (const name of MODEL_NAMES) {
    it(`of ${name}, trained, are loaded to the last bit`, () => {
      for (const dtype of ['float64', 'float32'] as const) {
        const { loss, parameters, optimizer } = build(name, 1);
        const training = optimizer(10).minimize(loss, { dtype });
        for (let i = 0; i < 3; i++) training.step(feeds);
        saveWeights(path, parameters, { model: name });
        const other = build(name, 2);
        const loaded = other.optimizer(10).minimize(other.loss, { dtype });
        loaded.evaluate(feeds); // its program holds the parameters by now
        assert.deepEqual(loadWeights(path, other.parameters).metadata, { model: name });
        assert.equal(loaded.evaluate(feeds), training.evaluate(feeds));
        other.parameters.forEach((value, i) => {
          assert.deepEqual([...value.data], [...parameters[i]!.data]);
        });
      }
      assert.deepEqual(readdirSync(folder), ['model.safetensors']);
    });
  }

  it('are not rounded, where a training in float32 wrote the parameter last', async () => {
    const numbers = [0.1, 2 ** 24 + 1];
    const rounded = numbers.map(Math.fround);
    saveWeights(path, [parameter(numbers, { name: 'w' })]);
    const dataset = { count: 1, inputs: { x: { values: Float64Array.of(0, 0) } } };
    const calls: ((training: Training) => unknown)[] = [
      (training) => training.step({ x: [0, 0] }),
      (training) => training.stepEach(dataset),
      (training) => training.stepEachAsync(dataset),
      (training) => training.stepBatch([{ x: [0, 0] }]),
    ];
    for (const call of calls) {
      const value = parameter([1, 2], { name: 'w' });
      const loss = value.mul(input('x', [2])).sum();
      const training = new SGD({ learningRate: 1 }).minimize(loss, {
        dtype: 'float32',
        batches: true,
      });
      await call(training);
      assert.ok(value.data instanceof Float32Array);
      loadWeights(path, [value]);
      assert.deepEqual([...value.data], numbers);
      assert.deepEqual([...value.mul(1).forward()], numbers);
      // The float32 program reads them rounded, and leaves them as they are.
      assert.equal(training.evaluate({ x: [1, 0] }), rounded[0]);
      assert.deepEqual([...value.data], numbers);
      const other = join(folder, 'other.safetensors');
      saveWeights(other, [value]);
      const copy = parameter([0, 0], { name: 'w' });
      loadWeights(other, [copy]);
      assert.deepEqual([...copy.data], numbers);
      rmSync(other);
      // Its next step writes them.
      await call(training);
      assert.deepEqual([...value.data], rounded);
      // What float32 holds exactly stays in its memory.
      saveWeights(path, [parameter([0.5, NaN], { name: 'w' })]);
      loadWeights(path, [value]);
      assert.ok(value.data instanceof Float32Array);
      assert.deepEqual([...value.data], [0.5, NaN]);
      saveWeights(path, [parameter(numbers, { name: 'w' })]);
    }
  });

  const w = (name?: string, numbers = [1, 2]) => parameter(numbers, name === undefined ? {} : { name });
  it('that do not fit are refused, and change nothing', () => {
    saveWeights(path, [w('a'), w('b')], new Map([['made', 'here']]));
    assert.deepEqual(loadWeights(path, [w('a'), w('b')]).metadata, { made: 'here' });
    const a = w('a', [8, 9]);
    const rows: [loaded: ReturnType<typeof w>[], message: RegExp][] = [
      [[a, w('c')], /has no 'c': it has 'a', 'b'$/],
      [[a], /has 'b' too, which no parameter is named$/],
      [[a, w('b', [1, 2, 3])], /'b' has shape \[2\]: expected \[3\]$/],
      [[a, w()], /has no name: give one, as in parameter\(numbers, \{ name \}\)$/],
      [
        [a, w('a', [1, 2, 3])],
        /^two parameters are called 'a', 'a' .*\[2\]\) and 'a' .*\[3\]\): give them different names$/,
      ],
      [[a, w('b'), a], /^'a' \(parameter, shape \[2\]\) is in the list of parameters twice: give it once$/],
      [[a, w('b').mul(2)], /is not a parameter$/],
    ];
    for (const [loaded, message] of rows)
      assert.throws(
        () => loadWeights(path, loaded),
        (error: Error) => error instanceof WeightsError && message.test(error.message),
      );
    assert.deepEqual([...a.data], [8, 9]);
    assert.throws(
      () => saveWeights(path, [w('a\ud800')]),
      /the array's name "a\\u\{d800\}" has half a surrogate pair/,
    );
    assert.throws(() => loadWeights(join(folder, 'none'), [a]), {
      name: 'WeightsError',
      message: /^cannot read ".*none": there is no such file or folder \(ENOENT\)$/,
    });
    writeFileSync(join(folder, 'text'), 'not weights');
    assert.throws(() => loadWeights(join(folder, 'text'), [a]), {
      name: 'SafetensorsError',
      message: /text": it is no safetensors file: one begins .* this one with "not weig"$/,
    });
    rmSync(join(folder, 'text'));
  });

  it('that cannot be written leave the earlier file whole, and no other', function () {
    saveWeights(path, [w('a')]);
    const before = readFileSync(path);
    assert.throws(() => saveWeights(join(folder, 'gone', 'x'), [w('a')]), {
      name: 'WeightsError',
      message: /^cannot write ".*x": there is no such file or folder \(ENOENT\)$/,
    });
    mkdirSync(join(folder, 'taken'));
    assert.throws(() => saveWeights(join(folder, 'taken'), [w('a')]), WeightsError);
    rmSync(join(folder, 'taken'), { recursive: true });
    if (existsSync('/dev/full')) assert.throws(() => saveWeights('/dev/full/x', [w('a')]), WeightsError);
    if (process.getuid?.() !== 0) {
      chmodSync(folder, 0o500);
      try {
        assert.throws(() => saveWeights(path, [w('b')]), WeightsError);
      } finally {
        chmodSync(folder, 0o700);
      }
    }
    assert.deepEqual(readFileSync(path), before);
    assert.deepEqual(readdirSync(folder), ['model.safetensors']);
  });
});
