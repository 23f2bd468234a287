/**
 * The page of `vecgrad bench compare --html`, in a real browser: Debian's chromium, or the one that
 * CHROMIUM names. Not part of `npm test`: npm test -- test/browser/page.browser.ts
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { figures, named } from '../../lib/bench/figures.js';
import { pageHtml } from '../../lib/bench/page/page.js';
import { benchReport, MODELS } from '../support/bench-report.js';

const QEMU = { by: 'qemu', because: 'a test says so' };
const HOSTILE = `<script>window.hit = 1</script>"'><img src=x onerror="window.hit=1">&amp;`;

const x64 = { file: 'x64.json', report: benchReport() };
const fast = {
  file: 'fast.json',
  report: benchReport({
    cpu: 'A Processor With A Rather Long Name That Goes On And On, 64 Cores, 3.2 GHz',
    slower: 0.4,
    vectors: [
      { name: 'avx512', vectorBits: 512 },
      { name: 'avx2', vectorBits: 256 },
    ],
  }),
};
const arm = {
  file: 'arm.json',
  report: benchReport({
    ...{ cpu: 'Emulated One', arch: 'arm64', slower: 300, emulated: QEMU },
    vectors: [
      { name: 'sve', vectorBits: 512 },
      { name: 'neon', vectorBits: 128 },
    ],
  }),
};
const counted = {
  file: 'counted.json',
  report: benchReport({
    cpu: 'Counted',
    arch: 'riscv64',
    emulated: QEMU,
    counted: true,
    vectors: [{ name: 'rvv', vectorBits: 256 }],
  }),
};
const hostile = {
  file: `${HOSTILE.replaceAll('/', '')}.json`,
  report: benchReport({ cpu: HOSTILE, emulated: { by: HOSTILE, because: HOSTILE } }),
};

const PAGES = {
  'one machine': [x64],
  'three machines, one emulated': [x64, fast, arm],
  'emulated only': [arm],
  'instructions counted': [x64, counted],
  'hostile names': [x64, hostile],
};

const VIEWS = [
  { name: 'phone, light', width: 360, colorScheme: 'light' },
  { name: 'phone, dark', width: 360, colorScheme: 'dark' },
  { name: 'desk, light', width: 1280, colorScheme: 'light' },
  { name: 'desk, dark', width: 1280, colorScheme: 'dark' },
] as const;

/** Where screenshots go, for those who look at them. */
const shots = process.env['VECGRAD_SCREENSHOTS'];

// ---- What is asked of the page, run in it. No type names the browser's objects here.

/** Texts whose contrast with what is behind them is below WCAG's 4.5, or 3 for large letters. */
const LOW_CONTRAST = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      const [, , , alpha = 1] = channels(color);
      if (alpha === 1) return channels(color);
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const element = node.parentElement;
    if (node.data.trim() === '' || element.getClientRects().length === 0) continue;
    if (element.closest('style, script, title, desc, [hidden]')) continue;
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [luminance(channels(color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) low.push(node.data.trim() + ': ' + color + ', ' + ratio.toFixed(2));
  }
  return [...new Set(low)];
})()`;

/** Marks whose contrast with the page is below WCAG's 3 for graphics. */
const PALE_MARKS = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color) => {
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (data) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [...data].slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const page = luminance(rgb(getComputedStyle(document.body).backgroundColor));
  const pale = [...document.querySelectorAll('.mark')].map((mark) => {
    const style = getComputedStyle(mark);
    return style.fill === 'none' ? style.stroke : style.fill;
  });
  return [...new Set(pale)].filter((color) => {
    const own = luminance(rgb(color));
    return (Math.max(own, page) + 0.05) / (Math.min(own, page) + 0.05) < 3;
  });
})()`;

/** Texts of one chart that lie on each other, and texts that leave their chart. */
const CROWDED = `[...document.querySelectorAll('figure svg')].flatMap((svg) => {
  if (svg.getClientRects().length === 0) return [];
  const name = svg.closest('figure').dataset.chart + ': ';
  const outer = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')]
    .map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0);
  const leave = texts.filter(({ box }) =>
    box.left < outer.left - 1 || box.right > outer.right + 1 ||
    box.top < outer.top - 1 || box.bottom > outer.bottom + 1);
  const meet = texts.flatMap((a, i) => texts.slice(i + 1).filter((b) =>
    Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1 &&
    Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 3)
    .map((b) => a.text + ' / ' + b.text));
  return [...leave.map(({ text }) => name + text + ' leaves'), ...meet.map((two) => name + two)];
})`;

const SMALL_TEXT =
  "[...document.querySelectorAll('figure text')].filter((text) => text.getBoundingClientRect().height > " +
  '0 && text.getBoundingClientRect().height < 9).map((text) => text.textContent)';

interface Drawn {
  chart: string;
  label: string;
  marks: number;
  emulated: boolean;
}

const CHARTS = `[...document.querySelectorAll('figure[data-chart]')].map((figure) => ({
  chart: figure.dataset.chart,
  label: [...figure.querySelectorAll('svg')]
    .map((svg) => svg.getAttribute('role') === 'img' && svg.getAttribute('aria-label') || '')
    .join('|'),
  marks: figure.querySelectorAll('figure .mark').length,
  emulated: figure.closest('[data-emulated]') !== null,
}))`;

describe('the page in a browser', function () {
  this.timeout(120_000);
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      headless: true,
      chromiumSandbox: false,
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  after(() => browser.close());

  /** The page opened as a file's would be, and all that it complained of or asked a network for. */
  async function open(
    machines: readonly (typeof x64)[],
    view: { width: number; colorScheme: 'light' | 'dark' },
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({
      viewport: { width: view.width, height: 800 },
      colorScheme: view.colorScheme,
    });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith('data:text/html')) complaints.push(`asks for ${request.url()}`);
    });
    const source = Buffer.from(pageHtml(named(machines))).toString('base64');
    await page.goto(`data:text/html;charset=utf-8;base64,${source}`);
    return { page, complaints };
  }

  for (const [what, machines] of Object.entries(PAGES)) {
    for (const view of VIEWS) {
      it(`${what}, ${view.name}: no complaint, no overflow, legible`, async () => {
        const { page, complaints } = await open(machines, view);
        try {
          if (shots !== undefined) {
            mkdirSync(shots, { recursive: true });
            const name = `${what}-${view.name}`.replace(/\W+/g, '-');
            await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
          }
          assert.deepEqual(complaints, []);
          const [scroll, client] = await page.evaluate<[number, number]>(
            '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
          );
          assert.equal(scroll, client, 'the page scrolls sideways');
          assert.equal(client, view.width);
          assert.deepEqual(await page.evaluate(LOW_CONTRAST), [], 'texts without contrast');
          assert.deepEqual(await page.evaluate(PALE_MARKS), [], 'marks without contrast');
          assert.deepEqual(await page.evaluate(CROWDED), [], 'texts that lie on each other');
          assert.deepEqual(await page.evaluate(SMALL_TEXT), [], 'letters too small to read');
        } finally {
          await page.close();
        }
      });
    }

    it(`${what}: accessible, by axe's rules`, async () => {
      const { page } = await open(machines, VIEWS[0]);
      try {
        const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
        await page.evaluate(readFileSync(axe, 'utf8'));
        const found = await page.evaluate<string[]>(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + " +
            "nodes.map((node) => node.html).join(' ')))",
        );
        assert.deepEqual(found, []);
      } finally {
        await page.close();
      }
    });

    it(`${what}: the charts have a mark for every figure, real ones and emulated ones apart`, async () => {
      const { page } = await open(machines, VIEWS[0]);
      try {
        const drawn = await page.evaluate<Drawn[]>(CHARTS);
        assert.deepEqual(
          drawn.filter(({ label }) => label.split('|').some((one) => one.length < 10)),
          [],
          'charts without a text',
        );
        const marks = (kind: string, emulated: boolean): number =>
          drawn
            .filter((one) => one.chart.split(' ')[0] === kind && one.emulated === emulated)
            .reduce((sum, one) => sum + one.marks, 0);
        const real = machines.filter(({ report }) => report.machine.emulated === null);
        const rows = real.flatMap(({ report }) => figures(report));
        const isVector = ({ row }: (typeof rows)[number]): boolean =>
          !['scalar', 'openblas'].includes(row.isa);
        assert.equal(marks('speed-up', false), rows.filter(isVector).length, 'speed-ups');
        assert.equal(
          marks('states', false),
          real.reduce((sum, { report }) => sum + report.states.length, 0),
          'the n_state curves',
        );
        assert.equal(
          marks('models', false),
          real.reduce((sum, { report }) => sum + report.models.length, 0),
          'the trainings',
        );
        // What was emulated is drawn as instructions only.
        assert.deepEqual([marks('speed-up', true), marks('states', true), marks('models', true)], [0, 0, 0]);
        const counts = machines.flatMap(({ report }) =>
          figures(report).filter((one) => one.fewerInstructions !== undefined && isVector(one)),
        );
        assert.equal(marks('instructions', true) + marks('instructions', false), counts.length);
      } finally {
        await page.close();
      }
    });

    it(`${what}: the tables have the figures of the files`, async () => {
      const { page } = await open(machines, VIEWS[2]);
      try {
        const values = new Set(
          await page.evaluate<string[]>(
            `[...document.querySelectorAll('[data-value]')].map((cell) => cell.dataset.value)`,
          ),
        );
        const text = await page.evaluate<string>('document.body.textContent');
        for (const { report } of machines) {
          for (const model of MODELS) assert(text.includes(model), model);
          assert(text.includes(report.machine.cpu), report.machine.cpu);
          assert.equal(
            text.includes('emulated'),
            machines.some((one) => one.report.machine.emulated !== null),
          );
          if (report.machine.emulated) assert(text.includes(report.machine.emulated.by));
          const expected = [
            ...report.models.flatMap((row) => [row.microsecondsPerStep, row.finalLoss]),
            ...report.kernels.map((row) => row.nanoseconds),
            ...report.peaks.flops.map((row) => row.gflops),
            ...report.peaks.bandwidth.map((row) => row.gbs),
            ...report.states.map((row) => row.microseconds),
            ...(report.machine.emulated
              ? []
              : (report.batches ?? []).map((row) => row.microsecondsPerExample)),
          ];
          const lacking = expected.filter((value) => !values.has(String(value)));
          assert.deepEqual(lacking, [], `of ${report.machine.cpu}`);
        }
      } finally {
        await page.close();
      }
    });
  }

  it('runs nothing that a file brings', async () => {
    const { page } = await open(PAGES['hostile names'], VIEWS[2]);
    assert.equal(await page.evaluate('window.hit'), undefined);
    assert.equal(await page.evaluate(`document.querySelectorAll('img, script').length`), 0);
    await page.close();
  });
});
