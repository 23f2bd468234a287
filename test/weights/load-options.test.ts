/** Weights under other names, and in another layout, than the parameters have. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SGD } from '../../lib/optim/optimizers.js';
import { BusyError } from '../../lib/runtime/errors.js';
import { input, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { loadWeights, saveWeights, type LoadOptions, type LoadReport } from '../../lib/weights/weights.js';

const folder = mkdtempSync(join(tmpdir(), 'vecgrad-load-'));
const path = join(folder, 'weights.safetensors');
after(() => rmSync(folder, { recursive: true }));

/** Parameters by name, with their shapes, whose numbers count on from 1. */
type Shapes = Readonly<Record<string, number[]>>;

function made(shapes: Shapes): Value[] {
  let next = 1;
  return Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return parameter(
      Array.from({ length: size }, () => next++),
      { name, shape },
    );
  });
}

/** Zeros in these shapes. */
function empty(shapes: Shapes): Value[] {
  const values = made(shapes);
  for (const value of values) value.data.fill(0);
  return values;
}

const PYTORCH = { 'net.0.weight': [2, 3], 'net.0.bias': [2], 'net.2.weight': [1, 2], other: [2] };

const LOADED: [
  what: string,
  file: Shapes,
  here: Shapes,
  options: LoadOptions,
  numbers: Record<string, number[]>,
  report?: Partial<LoadReport>,
][] = [
  ['as they are', { a: [2], b: [1] }, { b: [1], a: [2] }, {}, { a: [1, 2], b: [3] }],
  [
    'with a prefix',
    { 'm.a': [1], 'm.m.a': [1] },
    { a: [1], 'm.a': [1] },
    { prefix: 'm.' },
    { a: [1], 'm.a': [2] },
  ],
  [
    'with a prefix that other arrays do not have',
    PYTORCH,
    { weight: [2, 3], bias: [2] },
    { prefix: 'net.0.' },
    { weight: [1, 2, 3, 4, 5, 6], bias: [7, 8] },
  ],
  [
    'renamed by replacements, one after the other',
    { 'enc.w': [1], 'enc.b': [1] },
    { 'dec.weight': [1], 'dec.bias': [1] },
    {
      rename: [
        [/^enc\./, 'dec.'],
        ['.w', '.weight'],
        [/b$/, 'bias'],
      ],
    },
    { 'dec.weight': [1], 'dec.bias': [2] },
  ],
  [
    'renamed by a function, which leaves one out',
    { a: [1], b: [1] },
    { A: [1] },
    { rename: (name) => (name === 'b' ? undefined : name.toUpperCase()) },
    { A: [1] },
  ],
  [
    'transposed by a regular expression',
    PYTORCH,
    { '0.weight': [3, 2], '0.bias': [2], '2.weight': [2, 1] },
    { prefix: 'net.', transpose: /weight$/ },
    { '0.weight': [1, 4, 2, 5, 3, 6], '0.bias': [7, 8], '2.weight': [9, 10] },
  ],
  [
    'transposed by a list',
    { a: [2, 2], b: [2, 2] },
    { a: [2, 2], b: [2, 2] },
    { transpose: ['b'] },
    { a: [1, 2, 3, 4], b: [5, 7, 6, 8] },
  ],
  ['transposed by a function', { a: [2, 2] }, { a: [2, 2] }, { transpose: () => true }, { a: [1, 3, 2, 4] }],
  [
    'not strictly',
    { a: [1], b: [1] },
    { a: [1], c: [1] },
    { strict: false, transpose: /nothing/, rename: [['nothing', '']] },
    { a: [1], c: [0] },
    { loaded: ['a'], missing: ['c'], unexpected: ['b'] },
  ],
  [
    "not strictly, by the file's own names",
    { 'x.a': [1], 'x.b': [1], y: [1] },
    { a: [1] },
    { strict: false, prefix: 'x.' },
    { a: [1] },
    { loaded: ['a'], missing: [], unexpected: ['x.b'] },
  ],
];

const any = (given: unknown): never => given as never;

const REFUSED: [what: string, here: Shapes, options: LoadOptions, message: RegExp][] = [
  ['a missing one', { 'net.0.weight': [2, 3], more: [1] }, {}, /has no 'more': it has 'net\.0\.weight', /],
  [
    'a missing one, by its new name',
    { x: [1] },
    { prefix: 'net.' },
    /has no 'x': it has '0\.weight', '0\.bias', /,
  ],
  ['others', { other: [2] }, {}, /has 'net\.0\.weight', .* too, which no parameter is named$/],
  [
    'another shape, by both names',
    { w: [7] },
    { rename: (name) => (name === 'other' ? 'w' : undefined) },
    /: 'other', which is 'w' here, has shape \[2\]: expected \[7\]$/,
  ],
  [
    'a matrix that stands the other way round',
    { weight: [3, 2], bias: [2] },
    { prefix: 'net.0.' },
    /'net\.0\.weight', .* has shape \[2, 3\]: expected \[3, 2\]; transpose turns matrices round/,
  ],
  [
    'a matrix that does not',
    { weight: [2, 3], bias: [2] },
    { prefix: 'net.0.', transpose: /weight/ },
    /has shape \[2, 3\]: expected \[3, 2\], whose transpose the parameter has$/,
  ],
  [
    'the transpose of a vector',
    { weight: [2, 3], bias: [2] },
    { prefix: 'net.0.', transpose: /bias/ },
    /transpose of 'bias', which has shape \[2\]: only a matrix has rows and columns$/,
  ],
  [
    'two arrays of one name',
    { x: [1] },
    { rename: () => 'x' },
    /'net\.0\.weight' and 'net\.0\.bias' are both 'x' by prefix and rename: give rules/,
  ],
  [
    'rules that match nothing',
    PYTORCH,
    { transpose: ['weights'], rename: [[/enc/, '']] },
    /: no name is matched by rename \/enc\/, transpose "weights": mend the rule, or give strict: false$/,
  ],
  [
    'a rule of the wrong kind',
    PYTORCH,
    { rename: any('x') },
    /^rename "x", expected a function of a name, or a list/,
  ],
  ['a replacement of one name', PYTORCH, { rename: any([['x']]) }, /^rename .*, expected a function/],
  [
    'a name that is no name',
    PYTORCH,
    { rename: any(() => 3) },
    /^rename of "net\.0\.weight" gave 3, expected/,
  ],
  [
    'a choice of the wrong kind',
    PYTORCH,
    { transpose: any(true) },
    /^transpose true, expected a regular expression/,
  ],
  [
    'a prefix of no name',
    { w: [1] },
    { prefix: 'nix.' },
    /: no name begins with prefix "nix\.": it has 'net\.0\.weight', /,
  ],
  [
    'an answer that is neither true nor false',
    PYTORCH,
    { transpose: any(() => Promise.resolve(false)) },
    /^transpose: the answer for "net\.0\.weight" .*: expected true or false$/,
  ],
  [
    'a rule with codes of a terminal that matches nothing',
    PYTORCH,
    { rename: [[new RegExp(String.fromCharCode(27, 0x202e)), '']] },
    /rename \/[ -~]+\/: mend the rule/,
  ],
  ['a prefix that is no text', PYTORCH, { prefix: any(1) }, /^prefix 1: expected the beginning of names$/],
  [
    'an unknown option',
    PYTORCH,
    { transposed: /x/ } as LoadOptions,
    /no option "transposed"; did you mean transpose\?/,
  ],
  ['no boolean', PYTORCH, { strict: any(0) }, /^strict 0: expected true or false$/],
];

describe('weights are loaded', () => {
  for (const [what, file, here, options, numbers, report] of LOADED)
    it(what, () => {
      saveWeights(path, made(file), { by: 'hand' });
      const values = empty(here);
      const expected: LoadReport = {
        ...{ loaded: Object.keys(here), missing: [], unexpected: [], metadata: { by: 'hand' } },
        ...report,
      };
      assert.deepEqual(loadWeights(path, values, options), expected);
      for (const { name, data } of values) assert.deepEqual([...data], numbers[name!], name);
    });

  for (const [what, here, options, message] of REFUSED)
    it(`but not ${what}`, () => {
      saveWeights(path, made(PYTORCH));
      const values = empty(here);
      assert.throws(() => loadWeights(path, values, options), { message });
      assert(values.every(({ data }) => data.every((x) => x === 0)));
    });

  it('all or none, where one of them is trained in the background', async () => {
    const here = made({ free: [1], trained: [1] });
    const [free, trained] = here as [Value, Value];
    saveWeights(path, here);
    for (const value of here) value.data.fill(0);
    const training = new SGD({ learningRate: 0.5 }).minimize(trained.mul(input('x')));
    const background = training.stepEachAsync({
      count: 100_000,
      inputs: { x: { values: new Float64Array(100_000) } },
    });
    assert.throws(() => loadWeights(path, here), BusyError);
    await background;
    assert.equal(free.data[0], 0);
    loadWeights(path, here);
    assert.deepEqual([...free.data, ...trained.data], [1, 2]);
  });
});
