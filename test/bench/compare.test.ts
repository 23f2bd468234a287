/** What `vecgrad bench compare` shows of reports: as text, and as a page. */
import assert from 'node:assert/strict';
import { named } from '../../lib/bench/figures.js';
import { escape, html } from '../../lib/bench/page/html.js';
import { pageHtml } from '../../lib/bench/page/page.js';
import type { BenchReport } from '../../lib/bench/report.js';
import { comparisonText, EMULATED, reportText } from '../../lib/bench/text.js';
import { benchReport, MODELS, QEMU } from '../support/bench-report.js';

describe('bench: text stays text', () => {
  const rows: [given: string, escaped: string][] = [
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    [`"' onload='x`, '&quot;&#39; onload=&#39;x'],
    ['&amp;', '&amp;amp;'],
    ['plain', 'plain'],
  ];
  for (const [given, escaped] of rows) {
    it(JSON.stringify(given), () => {
      assert.equal(escape(given), escaped);
      assert.equal(
        html`<b title="${given}">${[given, html`<i>${given}</i>`]}</b>`.text,
        `<b title="${escaped}">${escaped}<i>${escaped}</i></b>`,
      );
    });
  }
  it('leaves out what is not there', () => assert.equal(html`a${undefined}${0}`.text, 'a0'));
});

describe('bench compare, as text', () => {
  const real = { file: '/some/where/x64.json', report: benchReport() };
  const other = {
    file: 'fast.json',
    report: benchReport({ cpu: 'Faster One', slower: 0.5, vectors: [{ name: 'avx512', vectorBits: 512 }] }),
  };
  const emulated = {
    file: 'arm.json',
    report: benchReport({
      cpu: 'Emulated One',
      arch: 'arm64',
      emulated: QEMU,
      vectors: [{ name: 'neon', vectorBits: 128 }],
    }),
  };

  it('names machines by letters and files without their folders', () => {
    assert.deepEqual(
      named([real, other]).map(({ key, file }) => `${key} ${file}`),
      ['A x64.json', 'B fast.json'],
    );
  });
  it('has the speed-ups, times and losses of every machine', () => {
    const text = comparisonText(named([real, other]));
    for (const part of [
      'Some Processor 3000',
      'Faster One',
      'A avx2',
      'B avx512',
      '16.0×',
      '8.00×',
      '2.5000',
      ...MODELS,
    ])
      assert(text.includes(part), part);
    assert.doesNotMatch(text, /EMULATED|NaN|undefined/);
    assert(!text.includes(EMULATED));
  });
  it('keeps emulated times apart and says what they are', () => {
    const text = comparisonText(named([real, emulated]));
    assert.match(text, /^B {2}Emulated One, arm64, EMULATED by qemu/m);
    const [before, after] = text.split(EMULATED) as [string, string];
    assert(!before.includes('B neon') && before.includes('A avx2'), before);
    assert(after.includes('B neon') && !after.includes('A avx2'), after);
  });
  it('shows emulated machines where there is no real one', () => {
    const text = comparisonText(named([emulated]));
    assert(text.includes(EMULATED) && text.includes('A neon'));
  });
});

describe('bench compare, as a page', () => {
  it('is one file: it names no other, and runs nothing', () => {
    const page = pageHtml(named([{ file: 'a.json', report: benchReport() }]));
    assert.doesNotMatch(page, /<script|<link|<img|\bsrc=|\bhref=|@import|url\(|https?:/i);
    assert.doesNotMatch(page, /NaN|undefined|Infinity/);
  });
  it('has text of a file as text', () => {
    const hostile = '<script>x</script>"onload="x';
    const report = benchReport({ cpu: hostile, emulated: { by: hostile, because: hostile } });
    const page = pageHtml(named([{ file: `${hostile}.json`, report }]));
    assert(!page.includes('<script'), 'an element');
    assert(!page.includes('"onload'), 'an attribute');
    assert(page.includes('&lt;script&gt;x&lt;/script&gt;&quot;onload=&quot;x'));
  });
  const machines: [what: string, spoil: (report: BenchReport) => void][] = [
    [
      'without any figure',
      (r) => Object.assign(r, { kernels: [], models: [], states: [], peaks: { flops: [], bandwidth: [] } }),
    ],
    [
      'with scalar code only',
      (r) => Object.assign(r.machine, { isas: [{ name: 'scalar', vectorBits: 32 }], chosen: 'scalar' }),
    ],
    [
      'with one row of each',
      (r) =>
        Object.assign(r, {
          kernels: r.kernels.slice(0, 1),
          models: r.models.slice(0, 1),
          states: r.states.slice(0, 1),
          batches: r.batches!.slice(0, 1),
          peaks: { flops: r.peaks.flops.slice(0, 1), bandwidth: r.peaks.bandwidth.slice(0, 1) },
        }),
    ],
    [
      'with instruction sets that it does not list',
      (r) => Object.assign(r.machine, { isas: [], chosen: 'none' }),
    ],
    ['of an earlier version, without batches', (r) => delete r.batches],
    ['with the same row twice', (r) => r.kernels.push(...r.kernels)],
  ];
  for (const [what, spoil] of machines) {
    it(`takes a machine ${what}`, () => {
      const report = benchReport();
      spoil(report);
      const reports = named([{ file: 'odd.json', report }]);
      assert.doesNotMatch(pageHtml(reports), /NaN|undefined|Infinity/);
      assert.doesNotMatch(comparisonText(reports) + reportText(report), /NaN|undefined|Infinity/);
    });
  }
});
