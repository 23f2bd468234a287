/**
 * Runs cases of hostile calls, in a process of its own that a fault may end:
 *
 *     node --expose-gc --import tsx run.ts SUITE SEED FIRST COUNT FILE
 *
 * FILE always has the number of the case that runs, for whoever finds this process dead. Prints a line
 * of JSON: how many cases returned and threw, and those that failed. A case depends on the cases of its
 * world before it: to see one again, give FIRST and a COUNT that ends with it.
 */
import { openSync, writeSync } from 'node:fs';
import { addonRows } from './addon.js';
import { fileCase, fileComplaint } from './files.js';
import { programCase } from './programs.js';
import { record } from './recorded.js';
import type { Rows } from './rows.js';
import { Chance, mutate, Sabotage, type Context } from './values.js';

/** Cases share a world of objects, so that what one has spoilt meets the next; then there is a new one. */
export const WORLD = 250;

export interface Report {
  returned: number;
  threw: number;
  failures: string[];
  /** Bytes. */
  resident: number;
}

const [suite = '', seedText = '', firstText = '', countText = '', file = ''] =
  process.argv.slice(2);
const [seed, first, count] = [Number(seedText), Number(firstText), Number(countText)];
const isShown = process.env['VECGRAD_HOSTILE_SHOW'] !== undefined;

const recording = record();
const at = file === '' ? -1 : openSync(file, 'w');
const place = Buffer.alloc(8);

let rows: Rows | undefined;
let paths: string[] = [];

function callCase(chance: Chance, number: number): { what: string; run: () => unknown } {
  if (!rows || number % WORLD === 0) {
    const worldly = new Chance(seed ^ Math.imul(number - (number % WORLD), 0x9e3779b1));
    rows = addonRows(recording, worldly);
    paths = Object.keys(rows.rows);
  }
  const { rows: makers, calls, strangers, large } = rows;
  const path = chance.of(paths);
  let depth = 0;
  const context: Context = {
    chance,
    strangers,
    large: large.has(path),
    again: () => {
      if (depth++ > 2) return;
      // Half of the time the same function.
      const other = chance.is(0.5) ? path : chance.of(paths);
      calls.get(other)!(...makers[other]!(chance));
    },
  };
  return {
    what: path,
    run: () => {
      const args = makers[path]!(chance);
      mutate(args, context);
      return calls.get(path)!(...args);
    },
  };
}

function caseOf(chance: Chance, number: number): { what: string; run: () => unknown } {
  if (suite === 'files') return fileCase(chance);
  return suite === 'programs' ? programCase(recording, chance) : callCase(chance, number);
}

const report: Report = { returned: 0, threw: 0, failures: [], resident: 0 };
const start = suite === 'addon' ? first - (first % WORLD) : first;
for (let number = start; number < first + count; number++) {
  const chance = new Chance(seed ^ Math.imul(number + 1, 0x85ebca6b));
  if (at >= 0) {
    place.writeDoubleLE(number);
    writeSync(at, place, 0, 8, 0);
  }
  const { what, run } = caseOf(chance, number);
  if (isShown) console.error(`${suite} ${seed} ${number}: ${what}`);
  try {
    run();
    report.returned++;
  } catch (error) {
    report.threw++;
    if (isShown) console.error(error);
    const wrong = suite === 'files' ? fileComplaint(error) : complaint(error);
    if (wrong !== undefined) report.failures.push(`${suite} ${seed} ${number} (${what}): ${wrong}`);
  }
}
report.resident = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify(report)}\n`);

/** What is wrong with what was thrown, if anything. */
function complaint(error: unknown): string | undefined {
  if (error instanceof Sabotage) return undefined;
  if (!(error instanceof Error)) return `threw ${typeof error}, which is no Error`;
  const { message } = error;
  if (/internal|vecgrad:|unreachable/i.test(message)) return message;
  if (message === '') return `${error.name} without a message`;
  return undefined;
}
