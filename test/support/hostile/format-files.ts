/** Files whose format is wrong, and strange ones whose format is right: one table. */
import { type Row, type Way, PATHS, fileOf, u8, MILLION, one, entry } from './file-of.js';
import { writeFileSync } from 'node:fs';

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

/** The ways to read a header that is full, which takes half a second each. */
const FULL: readonly Way[] =
  process.env['VECGRAD_LONG'] === '1' ? ['bytes', ...PATHS] : ['bytes', 'checkpoint'];

const HEADER = 'a header of \\d+ bytes: expected at most 4194304$';

export const FORMAT: readonly Row[] = [
  refused('nothing', (path) => writeFileSync(path, ''), /0 bytes: a safetensors file begins with 8/),
  refused('seven bytes', (path) => writeFileSync(path, '1234567'), /7 bytes: a safetensors file begins with/),
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
  refused(
    'a header of 100 MB',
    fileOf('{"x":[0],', { length: 100_000_000n, size: 100_000_008 }),
    new RegExp(HEADER),
  ),
  refused(
    '4 MB of spaces, and a letter',
    fileOf(() => `{${' '.repeat(4e6)}x`),
    /character 4000001: expected a string in quotes/,
  ),
  refused(
    'lists, a million deep',
    fileOf(() => '['.repeat(MILLION)),
    /begins with \{/,
  ),
  refused(
    'objects, a million deep',
    fileOf(() => '{"":'.repeat(MILLION)),
    /'' has an unknown ''/,
  ),
  refused(
    'an entry a million deep',
    fileOf(() => `{"x":${'['.repeat(MILLION)}`),
    /expected \{/,
  ),
  refused(
    'a shape a million deep',
    fileOf(() => `{"x":{"shape":${'['.repeat(MILLION)}`),
    /expected an integer/,
  ),
  refused(
    'texts a million deep',
    fileOf(() => `{"__metadata__":{"x":${'['.repeat(MILLION)}`),
    /expected a string in quotes/,
  ),
  refused(
    'texts in objects, a million deep',
    fileOf(() => `{"__metadata__":${'{"":'.repeat(MILLION)}`),
    /expected a string in quotes/,
  ),
  refused(
    'as many arrays as a header holds, one twice',
    fileOf(() => `{${many(75_000, (i) => short(i % 74_999), empty)}}`),
    /'n0' is there twice/,
    FULL,
  ),
  refused(
    'as many texts as a header holds, one twice',
    fileOf(() => `{"__metadata__":{${many(350_000, (i) => short(i % 349_999), '""')}}}`),
    /'n0' is there twice in '__metadata__'/,
    FULL,
  ),
  refused(
    'a name of 4 MB, twice',
    fileOf(() => `{"${'n'.repeat(2e6)}":${one},"${'n'.repeat(2e6)}":${one}}`, { bytes: 1 }),
    /'n{57}\.\.\.' is there twice/,
  ),
  refused(
    '2 MB of escapes',
    fileOf(() => `{"${'\\\\'.repeat(MILLION)}`),
    /a string has no end/,
  ),
  refused(
    'a million axes',
    fileOf(() => `{"x":${u8(`[${'1,'.repeat(MILLION)}1]`, '[0,1]')}}`),
    /expected at most 32 integers/,
  ),
  refused(
    'a million offsets',
    fileOf(() => `{"x":${u8('[1]', `[${'1,'.repeat(MILLION)}1]`)}}`),
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
      ['a byte that is not UTF-8', [0xff]],
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

export const STRANGE: readonly Row[] = [
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
  noModel(
    '4 MB of spaces',
    fileOf(() => `{}${' '.repeat(4194302)}`),
    /^loaded $/,
  ),
  noModel(
    'as many arrays as a header holds',
    fileOf(() => `{${many(75_000, short, empty)}}`),
    /^loaded n0,n1,n2/,
  ),
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
