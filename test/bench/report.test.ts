/** The file that `vecgrad bench` writes, and which files are refused. */
import assert from 'node:assert/strict';
import { parseReport } from '../../lib/bench/report.js';
import { benchReport, QEMU } from '../support/bench-report.js';

describe('bench: the file', () => {
  /** A report as JSON.parse gives it, spoiled. */
  type Json = Record<string, unknown>;
  const at = (value: unknown, ...path: (string | number)[]): Json =>
    path.reduce<Json>((inner, key) => (inner as Record<string | number, Json>)[key]!, value as Json);
  const kernel = (json: Json, i = 0): Json => at(json, 'kernels', i);

  const rows: [what: string, spoil: (json: Json) => void, message: RegExp][] = [
    [
      'no schema',
      (json) => delete json['schema'],
      /bad\.json: schema: expected "vecgrad-bench\/1", got nothing/,
    ],
    [
      'another schema',
      (json) => (json['schema'] = 'vecgrad-bench/2'),
      /bad\.json: schema is vecgrad-bench\/2, this vecgrad reads vecgrad-bench\/1/,
    ],
    ['a foreign schema', (json) => (json['schema'] = 'else'), /bad\.json: schema: expected/],
    ['no machine', (json) => delete json['machine'], /bad\.json: machine: expected an object, got nothing/],
    ['a machine of text', (json) => (json['machine'] = 'PC'), /machine: expected an object, got "PC"/],
    ['a list as machine', (json) => (json['machine'] = []), /machine: expected an object/],
    ['no processor', (json) => delete at(json, 'machine')['cpu'], /machine\.cpu: expected a line/],
    ['a processor of two lines', (json) => (at(json, 'machine')['cpu'] = 'a\nb'), /machine\.cpu/],
    ['a processor that turns text', (json) => (at(json, 'machine')['cpu'] = 'a\u202eb'), /machine\.cpu/],
    [
      'a long processor',
      (json) => (at(json, 'machine')['cpu'] = 'x'.repeat(1e4)),
      /machine\.cpu: expected a line of at most 200/,
    ],
    ['half a core', (json) => (at(json, 'machine')['cores'] = 0.5), /machine\.cores: expected a whole/],
    [
      'emulation by true',
      (json) => (at(json, 'machine')['emulated'] = true),
      /machine\.emulated: expected an object, got true/,
    ],
    ['no emulation', (json) => delete at(json, 'machine')['emulated'], /machine\.emulated/],
    [
      'a time of 0',
      (json) => (kernel(json, 3)['nanoseconds'] = 0),
      /kernels\[3\]\.nanoseconds: expected a number between 1e-12 and 1e18, got 0/,
    ],
    ['a time below 0', (json) => (kernel(json)['nanoseconds'] = -1), /kernels\[0\]\.nanoseconds/],
    ['a time of text', (json) => (kernel(json)['nanoseconds'] = '1'), /nanoseconds.*got "1"/],
    [
      'an endless time',
      (json) => (kernel(json)['nanoseconds'] = 1e300),
      /nanoseconds: expected a number between 1e-12 and 1e18, got 1e\+300/,
    ],
    ['no time', (json) => (kernel(json)['nanoseconds'] = null), /nanoseconds.*got null/],
    [
      'a type of old',
      (json) => (kernel(json)['dtype'] = 'float16'),
      /kernels\[0\]\.dtype: expected "float32" or "float64"/,
    ],
    ['markup as kernel', (json) => (kernel(json)['kernel'] = '<b>'), /kernels\[0\]\.kernel: expected a name/],
    ['__proto__ as kernel', (json) => (kernel(json)['kernel'] = '__proto__'), /kernels\[0\]\.kernel/],
    ['a shape of its own', (json) => (kernel(json)['shape'] = 'n!'), /kernels\[0\]\.shape/],
    ['instructions of text', (json) => (kernel(json)['instructions'] = '9'), /kernels\[0\]\.instructions/],
    ['kernels as an object', (json) => (json['kernels'] = {}), /kernels: expected a list/],
    [
      'too many kernels',
      (json) => (json['kernels'] = Array.from({ length: 1e5 + 1 }, () => 0)),
      /kernels: expected a list of at most 100000 items, got 100001/,
    ],
    [
      'a loss of text',
      (json) => (at(json, 'models', 1)['finalLoss'] = 'low'),
      /models\[1\]\.finalLoss: expected a number between -1e18 and 1e18, got "low"/,
    ],
    [
      'work below 0',
      (json) => (kernel(json)['flop'] = -1),
      /flop: expected 0 or a number between 1e-12 and .*, got -1/,
    ],
    [
      'work without end',
      (json) => (kernel(json)['flop'] = 1e18),
      /flop: expected 0 or a number between .*, got 1000000000000000000/,
    ],
    [
      'a loss without end',
      (json) => (at(json, 'models', 1)['heldOutLoss'] = -1e18),
      /heldOutLoss: expected a number between -1e18 and/,
    ],
    [
      'more cores than can be counted',
      (json) => (at(json, 'machine')['cores'] = 1e16),
      /cores: expected a whole number from 1 to 9007199254740991, got 10000000000000000/,
    ],
    [
      'a kernel of a long name',
      (json) => (kernel(json)['kernel'] = 'a'.repeat(41)),
      /kernel: expected a name of at most 40 characters a to z, 0 to 9 and _, the first a letter, got "a/,
    ],
    [
      'a byte order mark in a text',
      (json) => (json['vecgrad'] = '\ufeff1'),
      /vecgrad: expected a line of at most 200 characters, without control and format characters, got/,
    ],
    ['another part', (json) => (at(json, 'states', 0)['part'] = 'all'), /states\[0\]\.part/],
    [
      'batches of none',
      (json) => (at(json, 'batches', 0)['batch'] = 0),
      /batches\[0\]\.batch: expected a whole/,
    ],
    ['a peak of 0', (json) => (at(json, 'peaks', 'flops', 0)['gflops'] = 0), /peaks\.flops\[0\]\.gflops/],
  ];
  for (const [what, spoil, message] of rows) {
    it(`refuses ${what}`, () => {
      const json = JSON.parse(JSON.stringify(benchReport())) as Json;
      spoil(json);
      assert.throws(() => parseReport(JSON.stringify(json), 'bad.json'), { name: 'ReportError', message });
    });
  }
  for (const [what, source, message] of [
    ['nothing', '', /^bad\.json is not JSON/],
    ['half of one', JSON.stringify(benchReport()).slice(0, 500), /^bad\.json is not JSON/],
    ['null', 'null', /^bad\.json: the file: expected an object, got null/],
    ['a number', '5', /^bad\.json: the file: expected an object, got 5/],
    ['a list', '[]', /^bad\.json: the file: expected an object/],
  ] as const) {
    it(`refuses ${what} in place of a report`, () => {
      assert.throws(() => parseReport(source, 'bad.json'), { name: 'ReportError', message });
    });
  }

  it('is taken whole', () => {
    const report = benchReport({ counted: true, emulated: QEMU });
    assert.deepEqual(parseReport(JSON.stringify(report), 'good.json'), report);
  });
  it('may have fields of later versions, which are left out', () => {
    const json = { ...benchReport(), later: { a: 1 } };
    assert.equal('later' in parseReport(JSON.stringify(json), 'good.json'), false);
  });
});
