/** Files that mean harm, made one by one: what each is, and what is said of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { Tokenizer } from '../../../lib/study/tokenizer.js';
import { buildModel } from '../../../lib/study/build-model.js';
import { saveCheckpoint } from '../../../lib/study/checkpoint-file.js';
import { Random } from '../../../lib/runtime/random.js';
import { readSafetensors, writeSafetensors, type WrittenTensor } from '../../../lib/weights/safetensors.js';

/** What reads a file: its bytes by readSafetensors, its path by loadWeights, loadModel, loadCheckpoint. */
export type Way = 'bytes' | 'weights' | 'model' | 'checkpoint';
/** What happens to a file while it is read. */
export type Trick = 'it is cut' | 'a pipe takes its place' | 'another file takes its place';

export interface Row {
  what: string;
  make: (path: string) => void;
  /** What comes of it: an error with its name, or `loaded`, and what. */
  said: Partial<Record<Way, RegExp>>;
  trick?: Trick;
  /** Given in the place of the path that was made. */
  path?: string;
}

/** A header, as long as it says or as it is, and bytes; a larger size is a hole at the end. */
export function fileOf(
  header: string | Buffer,
  { bytes = 0, length = BigInt(Buffer.byteLength(header)), size = 0 } = {},
): (path: string) => void {
  return (path) => {
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(length);
    writeFileSync(path, Buffer.concat([start, Buffer.from(header), Buffer.alloc(bytes)]));
    if (size > 0) truncateSync(path, size);
  };
}

export function entry(dtype: string, shape: string, offsets: string): string {
  return `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
}
const u8 = (shape: string, offsets: string): string => entry('"U8"', shape, offsets);
const one = u8('[1]', '[0,1]');
const MILLION = 1_000_000;
const PATHS: readonly Way[] = ['weights', 'model', 'checkpoint'];

// ---- The format

const refused = (
  what: string,
  make: Row['make'],
  message: RegExp,
  ways: readonly Way[] = ['bytes', ...PATHS],
): Row => ({
  what,
  make,
  said: Object.fromEntries(
    ways.map((way) => [
      way,
      new RegExp(`^SafetensorsError: ${way === 'bytes' ? '' : '".*": '}.*${message.source}`),
    ]),
  ),
});

/** Rows of a value in the place of a shape, an offset, a type, an entry, a text. */
const inPlace = (
  name: string,
  values: readonly string[],
  header: (value: string) => string,
  message: RegExp,
): Row[] =>
  values.map((value) =>
    refused(
      `${name} ${value.length > 40 ? `${value.slice(0, 40)}...` : value}`,
      fileOf(header(value), { bytes: 1 }),
      message,
      ['bytes', 'model'],
    ),
  );

const NO_INTEGERS = [
  'NaN',
  '-NaN',
  'Infinity',
  '1e308',
  '1e0',
  '-1',
  '-0',
  '1.5',
  '0x1',
  '01',
  '9007199254740992',
  '1'.repeat(400),
  'null',
  'true',
  '"1"',
  '[1]',
  '[[[1]]]',
  '{}',
] as const;

function many(count: number, name: (i: number) => string, value: string): string {
  return Array.from({ length: count }, (_, i) => `"${name(i)}":${value}`).join();
}
const empty = u8('[0]', '[0,0]');
const short = (i: number): string => `n${i.toString(36)}`;

const HEADER = 'a header of \\d+ bytes: expected at most 4194304$';
const FORMAT: readonly Row[] = [
  refused('nothing', (path) => writeFileSync(path, ''), /0 bytes: a file begins with the 8/),
  refused('seven bytes', (path) => writeFileSync(path, '1234567'), /7 bytes: a file begins with/),
  refused('a header of no bytes', fileOf(''), /expected a header that begins with \{/),
  ...[2n ** 63n, 2n ** 64n - 1n, 2n ** 53n, 2n ** 32n, 4194305n].map((length) =>
    refused(`a header that claims ${length} bytes`, fileOf('{}', { length }), new RegExp(HEADER)),
  ),
  refused(
    'a header longer than the file',
    fileOf('{}', { length: 3n }),
    /a header of 3 bytes in a file of 10: it was cut short/,
  ),
  refused(
    'a header that claims 100 MB, in a small file',
    fileOf('{}', { length: 100_000_000n, size: 1000 }),
    new RegExp(HEADER),
  ),
  refused('a header of 100 MB', fileOf(Buffer.alloc(1e8, '{"x":[0],')), new RegExp(HEADER)),
  refused('100 MB of spaces', fileOf(Buffer.from(`{}${' '.repeat(1e8)}`)), new RegExp(HEADER)),
  refused(
    '4 MB of spaces, and a letter',
    fileOf(`{${' '.repeat(4e6)}x`),
    /character 4000001: expected a string in quotes/,
  ),
  refused('lists, a million deep', fileOf('['.repeat(MILLION)), /begins with \{/),
  refused('objects, a million deep', fileOf('{"":'.repeat(MILLION)), /'' has an unknown ''/),
  refused('an entry a million deep', fileOf(`{"x":${'['.repeat(MILLION)}`), /expected \{/),
  refused('a shape a million deep', fileOf(`{"x":{"shape":${'['.repeat(MILLION)}`), /expected an integer/),
  refused(
    'texts a million deep',
    fileOf(`{"__metadata__":{"x":${'['.repeat(MILLION)}`),
    /expected a string in quotes/,
  ),
  refused(
    'texts in objects, a million deep',
    fileOf(`{"__metadata__":${'{"":'.repeat(MILLION)}`),
    /expected a string in quotes/,
  ),
  refused('a million arrays', fileOf(Buffer.alloc(54 * MILLION, `"x":${empty},`)), new RegExp(HEADER)),
  refused(
    'as many arrays as a header holds, one twice',
    fileOf(`{${many(75_000, (i) => short(i % 74_999), empty)}}`),
    /'n0' is there twice/,
  ),
  refused(
    'as many texts as a header holds, one twice',
    fileOf(`{"__metadata__":{${many(350_000, (i) => short(i % 349_999), '""')}}}`),
    /'n0' is there twice in '__metadata__'/,
  ),
  refused(
    'a name of 4 MB, twice',
    fileOf(`{"${'n'.repeat(2e6)}":${one},"${'n'.repeat(2e6)}":${one}}`, { bytes: 1 }),
    /'n{57}\.\.\.' is there twice/,
  ),
  refused('2 MB of escapes', fileOf(`{"${'\\\\'.repeat(MILLION)}`), /a string has no end/),
  refused(
    'a million axes',
    fileOf(`{"x":${u8(`[${'1,'.repeat(MILLION)}1]`, '[0,1]')}}`),
    /expected at most 32 integers/,
  ),
  refused(
    'a million offsets',
    fileOf(`{"x":${u8('[1]', `[${'1,'.repeat(MILLION)}1]`)}}`),
    /expected at most 2 integers/,
  ),
  refused(
    'sizes whose product is 2^96',
    fileOf(`{"x":${u8('[4294967296,4294967296,4294967296]', '[0,1]')}}`, { bytes: 1 }),
    /has 1 bytes: U8 of shape .* takes 7.9\d*e\+28/,
  ),
  refused(
    'sizes whose product is infinite',
    fileOf(`{"x":${u8(`[${Array(32).fill('9007199254740991').join()}]`, '[0,1]')}}`, { bytes: 1 }),
    /takes Infinity/,
  ),
  refused(
    'sizes whose product is NaN',
    fileOf(`{"x":${u8(`[${Array(31).fill('9007199254740991').join()},0]`, '[0,1]')}}`, { bytes: 1 }),
    /takes NaN/,
  ),
  ...inPlace(
    'the size',
    NO_INTEGERS,
    (value) => `{"x":${u8(`[${value}]`, '[0,1]')}}`,
    /expected (an integer from 0|\])/,
  ),
  ...inPlace(
    'the shape',
    ['NaN', 'null', 'true', '1', '"[1]"', '{"0":1}', ''],
    (value) => `{"x":${u8(value, '[0,1]')}}`,
    /expected \[/,
  ),
  ...inPlace(
    'the offset',
    NO_INTEGERS,
    (value) => `{"x":${u8('[1]', `[0,${value}]`)}}`,
    /expected (an integer from 0|\])/,
  ),
  ...inPlace(
    'the offsets',
    ['[]', '[0]'],
    (value) => `{"x":${u8('[1]', value)}}`,
    /needs dtype, shape and two data_offsets/,
  ),
  ...inPlace(
    'the offsets',
    ['null', '"[0,1]"', '{"0":0,"1":1}'],
    (value) => `{"x":${u8('[1]', value)}}`,
    /expected \[/,
  ),
  ...inPlace(
    'the type',
    ['"F4"', '"u8"', '""', '"constructor"', '"__proto__"', '"toString"'],
    (value) => `{"x":${entry(value, '[1]', '[0,1]')}}`,
    /elements of an unknown type/,
  ),
  ...inPlace(
    'the type',
    ['null', '8', '["U8"]', '{}'],
    (value) => `{"x":${entry(value, '[1]', '[0,1]')}}`,
    /expected a string in quotes/,
  ),
  ...inPlace(
    'the entry',
    ['null', '1', 'NaN', '"U8"', '[]', 'true'],
    (value) => `{"x":${value}}`,
    /expected \{/,
  ),
  ...inPlace('the texts', ['null', '1', '"x"', '[]'], (value) => `{"__metadata__":${value}}`, /expected \{/),
  ...inPlace(
    'a text',
    ['null', '1', 'NaN', 'true', '[]', '{}', "'x'"],
    (value) => `{"__metadata__":{"x":${value}}}`,
    /expected a string in quotes/,
  ),
  ...[
    ['beyond the end', '[0,2]', 'has 2 bytes'],
    ['far beyond', '[0,9007199254740991]', 'has 9007199254740991 bytes'],
    ['the wrong way round', '[1,0]', 'after a gap'],
    ['of nothing', '[0,0]', 'has 0 bytes'],
    ['far away', '[9007199254740990,9007199254740991]', 'after a gap'],
  ].map(([what, offsets, message]) =>
    refused(`offsets ${what!}`, fileOf(`{"x":${u8('[1]', offsets!)}}`, { bytes: 1 }), new RegExp(message!)),
  ),
  refused(
    'an overlap',
    fileOf(`{"x":${u8('[2]', '[0,2]')},"y":${u8('[2]', '[1,3]')}}`, { bytes: 3 }),
    /'y' begins at byte 1, inside another array/,
  ),
  refused(
    'the same bytes twice',
    fileOf(`{"x":${one},"y":${one}}`, { bytes: 1 }),
    /'y' begins at byte 0, inside another/,
  ),
  refused(
    'a gap',
    fileOf(`{"x":${one},"y":${u8('[1]', '[2,3]')}}`, { bytes: 3 }),
    /'y' begins at byte 2, after a gap/,
  ),
  refused(
    'a gap at the start',
    fileOf(`{"x":${u8('[1]', '[1,2]')}}`, { bytes: 2 }),
    /'x' begins at byte 1, after a gap/,
  ),
  refused('a name twice', fileOf(`{"a":${one},"a":${one}}`, { bytes: 1 }), /'a' is there twice/),
  refused(
    'a name twice, once as an escape',
    fileOf(`{"a":${one},"\\u0061":${one}}`, { bytes: 1 }),
    /'a' is there twice/,
  ),
  refused(
    'a name of two lines, twice',
    fileOf(`{"a\\nb\\u2028":${one},"a\\nb\\u2028":${one}}`, { bytes: 1 }),
    /'a\\u\{a\}b\\u\{2028\}' is there twice/,
  ),
  refused(
    'a name of two lines, out of place',
    fileOf(`{"a\\nb":${u8('[1]', '[1,2]')}}`, { bytes: 2 }),
    /'a\\u\{a\}b' begins at byte 1/,
  ),
  refused(
    '__proto__ twice',
    fileOf(`{"__proto__":${one},"__proto__":${one}}`, { bytes: 1 }),
    /'__proto__' is there twice/,
  ),
  refused(
    'a key twice, once as an escape',
    fileOf('{"x":{"dtype":"U8","\\u0064type":"U8"}}'),
    /'x' has 'dtype' twice/,
  ),
  refused('an unknown key', fileOf('{"x":{"__proto__":{}}}'), /'x' has an unknown '__proto__'/),
  ...(
    [
      ['a byte that is none', [0xff]],
      ['a long form', [0xc0, 0x80]],
      ['a byte without its first', [0x80]],
      ['half a surrogate pair', [0xed, 0xa0, 0x80]],
      ['a character that is cut', [0xf0, 0x9f]],
    ] as const
  ).map(([what, bytes]) =>
    refused(
      `no UTF-8: ${what}`,
      fileOf(Buffer.from([0x7b, 0x22, ...bytes, 0x22])),
      /the header is not UTF-8 text/,
    ),
  ),
  refused('a byte order mark', fileOf('\ufeff{}'), /begins with \{/),
  refused('spaces before the header', fileOf(' {}'), /begins with \{/),
  refused('something behind the header', fileOf('{}x'), /expected only spaces after the header/),
  refused(
    'a file of 10 GB with a small header',
    fileOf('{}', { size: 1e10 }),
    /the arrays take 0 bytes, the file has 9999999990: more bytes follow them/,
    PATHS,
  ),
];

// ---- What is right, and no model

const noModel = (what: string, make: Row['make'], read: RegExp): Row => ({
  what,
  make,
  said: {
    bytes: read,
    weights: /^WeightsError: ".*" has no 'w': it has /,
    model: /^WeightsError: ".*" has no metadata 'model'/,
    checkpoint: /^WeightsError: ".*" has no metadata 'model'/,
  },
});
const WHOLE = `{"w":${u8('[10000000000]', '[0,10000000000]')}}`;
const STRANGE: readonly Row[] = [
  ...['__proto__', 'constructor', 'toString', '', 'a/../b'].map((name) =>
    noModel(
      `an array called '${name}'`,
      fileOf(`{"${name}":${one}}`, { bytes: 1 }),
      new RegExp(`^loaded ${name}$`),
    ),
  ),
  noModel(
    'texts called as what every object has',
    fileOf('{"__metadata__":{"__proto__":"x","constructor":"x","toString":"x"}}'),
    /^loaded $/,
  ),
  noModel('4 MB of spaces', fileOf(`{}${' '.repeat(4194302)}`), /^loaded $/),
  noModel('as many arrays as a header holds', fileOf(`{${many(75_000, short, empty)}}`), /^loaded n0,n1,n2/),
  {
    what: 'one array of 10 GB',
    make: fileOf(WHOLE, { size: 8 + WHOLE.length + 1e10 }),
    said: {
      weights: /^WeightsError: ".*": 'w' has shape \[10000000000\]: expected \[1\]$/,
      model: /has no metadata 'model'/,
      checkpoint: /has no metadata 'model'/,
    },
  },
];

// ---- Models

export const SIZES = { nEmbd: 4, nState: 6, nHead: 1, nLayer: 1, nAtt: 1, blockSize: 3 };
export const TOKENIZER = new Tokenizer(['abc']);

/** A checkpoint of a recurrent net: also a model. */
export function saveGood(path: string): void {
  const model = buildModel('rnn', TOKENIZER.vocabSize, SIZES, new Random(1));
  const training = model.optimizer(10).minimize(model.loss);
  const losses = [training.step({ tokens: [3, 0, 1], targets: [0, 1, 3], length: 3 })];
  saveCheckpoint(path, model, TOKENIZER, { training, random: new Random(1), losses });
}

type Texts = Readonly<Record<string, string>>;

/** A good file with other texts, and other arrays. */
function changed(
  texts: Texts,
  arrays: Readonly<Record<string, WrittenTensor | undefined>> = {},
): Row['make'] {
  return (path) => {
    saveGood(path);
    const { tensors, metadata } = readSafetensors(readFileSync(path));
    for (const [name, text] of Object.entries(texts)) metadata.set(name, text);
    const written = new Map<string, WrittenTensor>();
    for (const [name, { shape, bytes, type }] of tensors) {
      const copy = Uint8Array.from(bytes).buffer;
      written.set(name, { shape, data: type === 'U32' ? new Uint32Array(copy) : new Float64Array(copy) });
    }
    for (const [name, tensor] of Object.entries(arrays)) {
      if (tensor) written.set(name, tensor);
      else written.delete(name);
    }
    writeFileSync(path, writeSafetensors(written, metadata));
  };
}

/** A model of these sizes whose arrays are holes, of float64 or bytes; without those left out. */
function holes(sizes: Partial<typeof SIZES>, dtype: 'F64' | 'U8', without?: string): Row['make'] {
  const { nEmbd, nState, blockSize, ...rest } = { ...SIZES, ...sizes };
  const shapes = {
    wte: [4, nEmbd],
    wpe: [blockSize, nEmbd],
    m: [nState, nState],
    token_proj: [nEmbd, nState],
    pos_proj: [nEmbd, nState],
    lm_head: [nState, 4],
  };
  let end = 0;
  const entries = Object.entries(shapes)
    .filter(([name]) => name !== without)
    .map(([name, [rows, cols]]) => {
      const begin = end;
      end += rows! * cols! * (dtype === 'F64' ? 8 : 1);
      return `"${name}":${entry(`"${dtype}"`, `[${rows!},${cols!}]`, `[${begin},${end}]`)}`;
    });
  const texts = Object.entries({
    model: 'rnn',
    dtype: 'float64',
    tokenizer: 'abc',
    nEmbd,
    nState,
    blockSize,
    ...rest,
  }).map(([name, text]) => `"${name}":"${text}"`);
  const header = `{"__metadata__":{${texts.join()}},${entries.join()}}`;
  return fileOf(header, { size: 8 + header.length + end });
}

const model = (what: string, make: Row['make'], message: RegExp): Row => ({
  what,
  make,
  said: { model: new RegExp(`^WeightsError: ".*"(:| has) ${message.source}`) },
});
const supplementary = (count: number): string =>
  String.fromCodePoint(...Array.from({ length: 1000 }, (_, i) => 0x10000 + i)).concat(
    ...Array.from({ length: count / 1000 - 1 }, (_, k) =>
      String.fromCodePoint(...Array.from({ length: 1000 }, (_u, i) => 0x10000 + 1000 * (k + 1) + i)),
    ),
  );

const MODELS: readonly Row[] = [
  ...['1e9', '1000000000', '-4', '0', '4.0', 'NaN', 'Infinity', '', 'null', '9'.repeat(1e6)].map((nEmbd) =>
    model(
      `nEmbd ${nEmbd.slice(0, 20)}`,
      changed({ nEmbd }),
      /nEmbd ".*"(\.\.\.)?: expected a whole number from 1 to 9999999$/,
    ),
  ),
  model('nEmbd 9999999', changed({ nEmbd: '9999999' }), /'wte' has shape \[4, 4\]: expected \[4, 9999999\]$/),
  model(
    'nLayer 9999999',
    changed({ model: 'vector', nLayer: '9999999' }),
    /vector of these sizes would not fit in memory$/,
  ),
  model(
    'a million layers',
    changed({ model: 'vector', nLayer: '999999', blockSize: '1' }),
    /'wpe' has shape \[3, 4\]: expected \[1, 4\]$/,
  ),
  model(
    'a million layers, the first arrays of which are there',
    changed(
      { model: 'vector', nLayer: '999999', blockSize: '1' },
      { wpe: zeros(1, 4), lm_head: zeros(4, 4) },
    ),
    /no 'layer0.attn_wq': it has/,
  ),
  model(
    'blockSize 9999999',
    changed({ blockSize: '9999999' }),
    /rnn of these sizes would not fit in memory$/,
  ),
  model(
    'a tokenizer of a million characters',
    changed({ tokenizer: supplementary(MILLION) }),
    /'wte' has shape \[4, 4\]: expected \[1000001, 4\]$/,
  ),
  model(
    'a tokenizer of a million times one character',
    changed({ tokenizer: 'a'.repeat(MILLION) }),
    /tokenizer "a{40}"\.\.\.: expected each character once/,
  ),
  model(
    'a tokenizer of many lines',
    changed({ tokenizer: '\n\r\n' }),
    /tokenizer "\\n\\r\\n": expected each character once/,
  ),
  model(
    'another model',
    changed({ model: 'gpt\n2' }),
    /model "gpt\\n2": expected scalar, vector, rnn, rnn_att$/,
  ),
  model('another type', changed({ dtype: 'float16' }), /dtype "float16": expected float64, float32$/),
  model(
    'sizes that do not fit each other',
    changed({ model: 'rnn_att', nAtt: '7' }),
    /nAtt 7 is more than nState 6/,
  ),
  model(
    'one array too many, of two lines',
    changed({}, { 'x\ny': zeros(1, 1) }),
    /'x\\u\{a\}y' too, which rnn of these sizes does not have$/,
  ),
  model(
    'one array too few, the others of 1.4 GB',
    holes({ nEmbd: 9_999_999, nState: 6, blockSize: 1 }, 'F64', 'lm_head'),
    /no 'lm_head': it has/,
  ),
  model(
    'arrays of 6 GB in 800 MB',
    holes({ nEmbd: 9_999_999, nState: 36, blockSize: 1 }, 'U8'),
    /rnn of \d+ numbers, more than 67108864, would not fit in memory$/,
  ),
];

// ---- Checkpoints

function zeros(rows: number, cols: number): WrittenTensor {
  return { shape: [rows, cols], data: new Float64Array(rows * cols) };
}
const list = (length: number, value: number): WrittenTensor => ({
  shape: [length],
  data: new Float64Array(length).fill(value),
});
const checkpoint = (what: string, make: Row['make'], message: RegExp): Row => ({
  what,
  make,
  said: { checkpoint: new RegExp(`^WeightsError: ".*"(:| has) ${message.source}`) },
});
const CHECKPOINTS: readonly Row[] = [
  ...['-1', 'NaN', '1e9', '1000000000', '1.5', '', 'null', '9'.repeat(1e6)].flatMap((count) => [
    checkpoint(
      `steps ${count.slice(0, 20)}`,
      changed({ steps: count }),
      /steps ".*"(\.\.\.)?: it is not a checkpoint/,
    ),
    checkpoint(
      `runs ${count.slice(0, 20)}`,
      changed({ runs: count }),
      /runs ".*"(\.\.\.)?: it is not a checkpoint/,
    ),
  ]),
  checkpoint(
    'steps 999999999',
    changed({ steps: '999999999' }),
    /999999999 steps were taken already, more than the 10000000 requested/,
  ),
  checkpoint(
    'ten million steps, of which one was taken',
    changed({ steps: '10000000' }),
    /restore: step 10000000 was taken with rates/,
  ),
  checkpoint(
    'a learning rate of NaN',
    changed({}, { 'training/rule': list(2, NaN) }),
    /restore: step 1 was taken with rates NaN, NaN/,
  ),
  checkpoint(
    'two losses of one step',
    changed({}, { 'training/losses': list(2, 1) }),
    /'training\/losses' has 2 numbers: expected at most 1$/,
  ),
  checkpoint(
    'losses in two axes',
    changed({}, { 'training/losses': zeros(1, 1) }),
    /'training\/losses' has shape \[1, 1\]: expected \[1\]$/,
  ),
  checkpoint('no losses', changed({}, { 'training/losses': undefined }), /no 'training\/losses'/),
  ...[NaN, -1, 1.5, 2 ** 32, 1e308, Infinity].map((word) =>
    checkpoint(
      `a generator's state of ${word}`,
      changed({}, { 'training/random': list(628, word) }),
      /'training\/random' is not the state of a random generator$/,
    ),
  ),
  checkpoint(
    "a generator's state whose place is beyond it",
    changed({}, { 'training/random': list(628, 2 ** 32 - 1) }),
    /'training\/random' is not the state of a random generator$/,
  ),
  checkpoint(
    "a generator's state of one word",
    changed({}, { 'training/random': list(1, 1) }),
    /'training\/random' has shape \[1\]: expected \[628\]$/,
  ),
  checkpoint(
    'a velocity of another shape',
    changed({}, { 'optimizer.0/m': zeros(4, 9) }),
    /'optimizer.0\/m' has shape \[4, 9\]: expected \[6, 6\]$/,
  ),
  checkpoint(
    'a second velocity',
    changed({}, { 'optimizer.1/m': zeros(6, 6) }),
    /'optimizer.1\/m' too, which a checkpoint of this training does not have$/,
  ),
];

// ---- What is no file, or another one soon

const noFile = (what: string, make: Row['make'], message: RegExp, path?: string): Row => ({
  what,
  make,
  said: Object.fromEntries(PATHS.map((way) => [way, new RegExp(`^WeightsError: ${message.source}$`)])),
  ...(path !== undefined && { path }),
});
const nothing = (): void => undefined;
const PLACES: readonly Row[] = [
  noFile(
    '/dev/zero',
    nothing,
    /cannot read "\/dev\/zero": it is a device: give the name of a file/,
    '/dev/zero',
  ),
  noFile(
    '/dev/full',
    nothing,
    /cannot read "\/dev\/full": it is a device: give the name of a file/,
    '/dev/full',
  ),
  noFile(
    'a pipe that nobody writes to',
    (path) => execFileSync('mkfifo', [path]),
    /cannot read ".*": it is a pipe: give the name of a file/,
  ),
  noFile(
    'a folder',
    (path) => mkdirSync(path),
    /cannot read ".*": it is a directory: give the name of a file/,
  ),
  noFile(
    'links in a circle',
    (path) => symlinkSync(path, path),
    /cannot read ".*": its symbolic links form a loop \(ELOOP\)/,
  ),
  noFile(
    'a link to nothing',
    (path) => symlinkSync(`${path}.gone`, path),
    /cannot read ".*": it is a link to ".*\.gone", which does not exist \(ENOENT\)/,
  ),
  noFile('no file', nothing, /cannot read ".*": there is no such file or folder \(ENOENT\)/),
  noFile(
    'a folder that is a file',
    nothing,
    /cannot read ".*": part of its path is a file, not a directory \(ENOTDIR\)/,
    '/dev/null/x',
  ),
  noFile(
    'a name of two lines that is too long',
    nothing,
    /cannot read "x\\nx.*": the name is too long \(ENAMETOOLONG\)/,
    'x\n'.repeat(200),
  ),
  noFile(
    'a name with a NUL',
    nothing,
    /cannot read "a\\u\{0\}b": a path cannot contain a NUL character: give the name of a file without one/,
    'a\0b',
  ),
];

const TRICKS: readonly Row[] = [
  { what: 'a good file', make: saveGood, said: { model: /^loaded rnn$/, checkpoint: /^loaded 1 losses$/ } },
  {
    what: 'a file that is cut while it is read',
    make: saveGood,
    trick: 'it is cut',
    said: {
      model: /^WeightsError: ".*" was truncated while it was read$/,
      checkpoint: /^WeightsError: ".*" was truncated while it was read$/,
    },
  },
  {
    what: 'a file whose place a pipe takes when it is found',
    make: saveGood,
    trick: 'a pipe takes its place',
    said: { model: /^WeightsError: cannot read ".*": it is a pipe: give the name of a file$/ },
  },
  {
    what: 'a file whose place another takes while it is read',
    make: saveGood,
    trick: 'another file takes its place',
    said: { model: /^loaded rnn$/ },
  },
];

export const ROWS: readonly Row[] = [...FORMAT, ...STRANGE, ...MODELS, ...CHECKPOINTS, ...PLACES, ...TRICKS];
