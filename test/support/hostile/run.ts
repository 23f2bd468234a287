/**
 * Runs cases of hostile calls, in a process of its own that a fault may end:
 *
 *     node --expose-gc run.mjs SUITE SEED FIRST COUNT FILE
 *
 * FILE always has the number of the case that runs, for whoever finds this process dead. Prints a line
 * of JSON: how many cases returned and threw, and those that failed, of their own or in that sound work
 * between them no longer gives the numbers of the first time. A promise is waited for. A case depends on the
 * cases of its
 * world before it: to see one again, give FIRST and a COUNT that ends with it.
 */
import { openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import * as library from '../../../lib/index.js';
import { addonRows } from './addon.js';
import { apiRows } from './api.js';
import { sing } from './canary.js';
import { fileCase, fileComplaint } from './files.js';
import { programCase } from './programs.js';
import { record } from './recorded.js';
import type { Rows } from './rows.js';
import { anyOf } from '../pattern.js';
import { arraysIn, Chance, detach, mutate, Sabotage, type Context } from './values.js';

/** Cases share a world of objects, so that what one has spoilt meets the next; then there is a new one. */
export const WORLD = 250;

export interface Report {
  returned: number;
  threw: number;
  failures: string[];
  /** Bytes. */
  resident: number;
}

const [suite = '', seedText = '', firstText = '', countText = '', file = ''] = process.argv.slice(2);
const [seed, first, count] = [Number(seedText), Number(firstText), Number(countText)];
const isShown = process.env['VECGRAD_HOSTILE_SHOW'] !== undefined;

// What a case takes for a file's name is written beside FILE.
if (file !== '') process.chdir(dirname(file));
const song = sing();
const recording = suite === 'api' ? {} : record();
const at = file === '' ? -1 : openSync(file, 'w');
const place = Buffer.alloc(8);

/** What calls that were made while another was running have begun. */
const others: Promise<unknown>[] = [];
const ERRORS = new Set(
  Object.values(library).filter((value) => typeof value === 'function' && value.prototype instanceof Error),
) as ReadonlySet<unknown>;
/**
 * What the library says by errors that have no class of their own, and what the addon says of what goes past
 * it.
 */
const KNOWN = anyOf(
  /^((runSeries(Async)?|generate)\b|an error as an argument$|a message$|restore: |grad through )/,
  /^(prefix lengths |the positions of a sequence |this program was compiled without)/,
  /^this training was compiled for single examples/,
  /^(gradient|average): (this training keeps none|\d+ parameters are called|.* is no parameter that this)/s,
  /^(the program's memory is gone|a program's memory was transferred|backward\(\) of .* before forward)/,
  /^.* (has no (data|gradient) yet|is no part of this program|holds no numbers)/s,
);
let rows: Rows | undefined;
let paths: string[] = [];

function callCase(chance: Chance, number: number): { what: string; run: () => unknown } {
  if (!rows || number % WORLD === 0) {
    const worldly = new Chance(seed ^ Math.imul(number - (number % WORLD), 0x9e3779b1));
    rows = suite === 'api' ? apiRows(worldly) : addonRows(recording, worldly);
    paths = Object.keys(rows.rows);
  }
  const { rows: makers, calls, strangers, large, more, use, during } = rows;
  const path = chance.of(paths);
  let depth = 0;
  const again = (): void => {
    if (depth++ > 2) return;
    // Half of the time the same function.
    const other = chance.is(0.5) ? path : chance.of(paths);
    const result = calls.get(other)!(...makers[other]!(chance, again));
    if (result instanceof Promise) others.push(result.catch(() => undefined));
  };
  const context: Context = {
    chance,
    strangers,
    large: large(path),
    again,
    ...(more && { more: more(path) }),
  };
  during?.(again);
  return {
    what: path,
    run: () => {
      const args = makers[path]!(chance, again);
      mutate(args, context);
      if (isShown && number === first + count - 1)
        console.error(inspect(args, { showProxy: true, depth: 3 }));
      const result = calls.get(path)!(...args);
      // Hidden methods run on arrays that only the library has.
      const isHidden = ['Program.runEachAsync', 'Training.stepSome'].includes(path);
      if (result instanceof Promise && !isHidden && chance.is(0.3)) {
        result.catch(() => undefined); // it may be rejected before it is waited for
        arraysIn(args).forEach(detach);
      }
      return use ? use(result, path, context) : result;
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
    const result = run();
    if (result instanceof Promise) await result;
    report.returned++;
  } catch (error) {
    report.threw++;
    if (isShown) console.error(error);
    const wrong = suite === 'files' ? fileComplaint(error) : complaint(error);
    if (wrong !== undefined) report.failures.push(`${suite} ${seed} ${number} (${what}): ${wrong}`);
  }
  while (others.length > 0) {
    await others.pop();
  }
  if (number % WORLD === WORLD - 1 || number === first + count - 1) {
    const now = sing();
    if (now !== song)
      report.failures.push(
        `${suite} ${seed} ${number} (${what}), or one of those before: sound work gives ${now}, not ${song}`,
      );
  }
}
report.resident = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify(report)}\n`);

/** What is wrong with what was thrown, if anything. */
function complaint(error: unknown): string | undefined {
  if (error instanceof Sabotage) return undefined;
  if (!(error instanceof Error)) return `threw ${typeof error}, which is no Error`;
  const { message } = error;
  if (suite === 'api' && !isExpected(error)) return `${error.constructor.name}: ${message}`;
  if (/internal|vecgrad:|unreachable/i.test(message)) return message;
  if (message === '') return `${error.name} without a message`;
  return undefined;
}

/** Whether an error is of a class that the library says it throws. */
function isExpected(error: Error): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  if (error.constructor !== Error) return ERRORS.has(error.constructor) || error.name === 'AbortError';
  return KNOWN.test(error.message);
}
