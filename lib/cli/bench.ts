/**
 * `vecgrad bench`: measures this machine, or compares the reports of several. It is bundled separately, as
 * dist/bench.cjs, so that other commands do not load it.
 */
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { quoted, quotedPath } from '../core/escape.js';
import { checkWritable, writeFile } from '../core/write-file.js';
import { readWhole } from '../core/read-file.js';
import { reasonOf, wrongPath } from '../core/path.js';
import { truncate } from '../terminal/format.js';
import type { Sink } from '../terminal/output.js';
import { checkNoInput, UsageError } from './usage.js';
import { didYouMean } from '../core/suggest.js';
import { FULL, QUICK, type Effort } from '../bench/effort.js';
import { named } from '../bench/figures.js';
import { pageHtml } from '../bench/page/page.js';
import { ReportError } from '../bench/check.js';
import { parseReport, type BenchReport } from '../bench/report.js';
import { runBench } from '../bench/run.js';
import { comparisonText, reportText } from '../bench/text.js';

export type BenchArguments =
  | { action: 'help' }
  | { action: 'run'; quick: boolean; json?: string }
  | { action: 'compare'; files: readonly string[]; html?: string };

const HELP = `vecgrad bench [options]: time every kernel, the four models and this machine's peaks

  --quick             a rough run of about 30 seconds, instead of a few minutes
  --json FILE         also write every figure to FILE, for vecgrad bench compare
  --help              explain the command

vecgrad bench compare FILE... [options]: compare such files from several machines

  --html FILE         write one page with tables and charts instead of text

Set VECGRAD_EMULATED=NAME in the environment if NAME emulates the processor and this is not detected;
its times are then kept apart from real ones. VECGRAD_EMULATED=0 means that the processor is real.
`;

const MAX_BYTES = 50e6; // a full run writes less than 1 MB

/** Runs `vecgrad bench` with these arguments. */
export function bench(
  argv: readonly string[],
  { stdout, stderr }: { stdout: Sink; stderr: Sink },
  efforts: { quick: Effort; full: Effort } = { quick: QUICK, full: FULL },
): void {
  const options = parseBench(argv);
  switch (options.action) {
    case 'help':
      stdout.write(HELP);
      return;
    case 'run': {
      if (options.json !== undefined) checkWritable(options.json);
      const effort = options.quick ? efforts.quick : efforts.full;
      const report = measured(effort, stderr);
      if (options.json !== undefined) writeFile(options.json, `${fileText(report)}\n`);
      stdout.write(reportText(report));
      return;
    }
    case 'compare': {
      if (options.html !== undefined) {
        checkNoInput('--html', options.html, options.files);
        checkWritable(options.html);
      }
      const machines = named(options.files.map((file) => ({ file, report: read(file) })));
      if (options.html === undefined) stdout.write(comparisonText(machines));
      else writeFile(options.html, pageHtml(machines));
    }
  }
}

/** @throws UsageError when the arguments make no sense */
export function parseBench(argv: readonly string[]): BenchArguments {
  const [first, ...rest] = argv;
  const compares = first === 'compare';
  const { values, positionals } = parsed(compares ? 'bench compare' : 'bench', compares ? rest : argv);
  if (values.help === true) return { action: 'help' };
  const { json, html, quick = false } = values;
  for (const [name, path] of Object.entries({ json, html })) {
    if (path === '') throw new UsageError(`--${name} takes the name of a file, not ""`);
  }
  if (!compares) {
    if (positionals.length > 0) {
      const given = positionals[0]!;
      const guess = given.endsWith('.json')
        ? '; to compare files, use vecgrad bench compare FILE...'
        : given === 'compare'
          ? '; compare comes first: use vecgrad bench compare FILE...'
          : didYouMean(given, ['compare']);
      throw new UsageError(`nothing is expected after bench: ${quoted(given)}${guess}`);
    }
    return { action: 'run', quick, ...(json !== undefined && { json }) };
  }
  if (positionals.length === 0) {
    throw new UsageError(
      'no file given: use vecgrad bench compare FILE..., with files from vecgrad bench --json FILE',
    );
  }
  if (positionals.includes('')) throw new UsageError('bench compare takes names of files, not ""');
  return { action: 'compare', files: positionals, ...(html !== undefined && { html }) };
}

const OPTIONS = { bench: ['quick', 'json'], 'bench compare': ['html'] } as const;

interface Values {
  quick?: boolean;
  json?: string;
  html?: string;
  help?: boolean;
}

function parsed(
  command: 'bench' | 'bench compare',
  args: readonly string[],
): { values: Values; positionals: string[] } {
  const own = OPTIONS[command];
  const known = ['help', ...own] as const;
  const options = Object.fromEntries(
    known.map((name) => [
      name,
      name === 'help' || name === 'quick'
        ? { type: 'boolean' as const, ...(name === 'help' && { short: 'h' }) }
        : { type: 'string' as const },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const given = /'(-[^' =,]*)/.exec(message)?.[1] ?? '';
    const name = given.replace(/^-+/, '');
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
      const other = command === 'bench' ? 'bench compare' : 'bench';
      const isOther = OPTIONS[other].some((option) => option === name);
      const guess = isOther ? `, only ${other} has` : didYouMean(name, known, '--');
      throw new UsageError(`${command} has no option ${quoted(given)}${guess} (see vecgrad bench --help)`);
    }
    if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
      const said = /--(\w+)/.exec(message)?.[1] ?? name;
      const takesFile = said === 'json' || said === 'html';
      throw new UsageError(
        takesFile ? `--${said} needs a value: --${said} FILE` : `--${said} takes no value`,
      );
    }
    throw error;
  }
}

/** Runs the benchmark; on a terminal, one line shows what is being measured. */
function measured(effort: Effort, stderr: Sink): BenchReport {
  const isWatched = stderr.isTTY === true && process.env['TERM'] !== 'dumb';
  if (!isWatched) return runBench(effort, () => undefined);
  const width = (stderr.columns || 80) - 1; // a terminal of unknown width reports 0
  try {
    return runBench(effort, (what) => {
      stderr.write(`\r\x1b[2K${truncate(`measuring ${what}`, width)}`);
    });
  } finally {
    stderr.write('\r\x1b[2K');
  }
}

/** JSON with one line per row, so that two reports can be compared by eye. */
function fileText(report: BenchReport): string {
  const { machine, ...others } = report;
  const lines = Object.entries({ ...others, machine }).map(([key, value]) => {
    const rows = Array.isArray(value)
      ? `[\n${value.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`
      : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${rows}`;
  });
  return `{\n${lines.join(',\n')}\n}`;
}

function read(path: string): BenchReport {
  let source: string;
  try {
    const wrong = wrongPath(path);
    if (wrong !== undefined) throw new Error(wrong);
    const stats = statSync(path);
    // Opening a device may have effects, and reading it may never end.
    if (!stats.isFile() && !stats.isFIFO() && !stats.isDirectory())
      throw new Error('it is neither a file nor a pipe');
    if (stats.size > MAX_BYTES) {
      throw new ReportError(
        `${quotedPath(path)} has ${stats.size} bytes: it is not a file from vecgrad bench --json`,
      );
    }
    source = readWhole(path, MAX_BYTES).toString('utf8');
  } catch (error) {
    if (error instanceof ReportError) throw error;
    throw new Error(`cannot read ${quotedPath(path)}: ${reasonOf(error, path)}`, { cause: error });
  }
  return parseReport(source, quotedPath(path));
}
