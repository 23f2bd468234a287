/**
 * What models hand to the addon, corrupted word by word: programs, graphs, plans, series of runs, of batches
 * and of rows. Whatever is still accepted is run, in memory that ends at a page whose access is a fault.
 */
import { addon, instructionWords, type Handle } from '../../../lib/binding/addon.js';
import type { SeriesSpec } from '../../../lib/binding/series-spec.js';
import { WORD } from '../../../lib/compiler/lower/words.js';
import type { Calls, Recording } from './recorded.js';
import { copyOf, isTyped, type Chance } from './values.js';

const PAGE = 65536;
const ROOM = 2 ** 20;
// Pages that a resizable buffer has reserved but not grown to cannot be accessed.
const Guarded = ArrayBuffer as unknown as new (
  size: number,
  options: { maxByteLength: number },
) => ArrayBuffer;
const guarded = (): ArrayBuffer => new Guarded(ROOM, { maxByteLength: ROOM + 16 * PAGE });
const [numbersRoom, intsRoom, rowsRoom, rowIntsRoom] = [guarded(), guarded(), guarded(), guarded()];

type Spec = Parameters<typeof addon.createProgram>[0];
type RowSpec = Parameters<typeof addon.planRows>[1];

/** The most elements in the loops of a corrupted program: more would be valid, but take long. */
const MAX_WORK = 2e6;

const SCALAR_BYTECODE = addon.info().opcodes.indexOf('scalar_bytecode');

/** How often each instruction of an accepted program runs. */
function timesOf({ code, repeats }: Spec): Float64Array {
  const times = new Float64Array(code.length / instructionWords).fill(1);
  for (let r = 0; r < repeats.length; r += 3)
    times.fill(repeats[r + 2]!, repeats[r], repeats[r]! + repeats[r + 1]!);
  return times;
}

/** An upper bound on the number of elements in the loops of a run. */
function work(spec: Spec): number {
  const { maxLength, extents, code } = spec;
  const columns = extents.length / (maxLength + 1);
  const times = timesOf(spec);
  let most = 0;
  for (let n = 0; n <= maxLength; n++) {
    let sum = 0;
    for (let at = 0; at < code.length; at += instructionWords) {
      const extent = (i: number): number => extents[n * columns + code[at + i]!] ?? 0;
      const outer = extent(WORD.outer1) * extent(WORD.outer2);
      const inner = (1 + extent(WORD.rows)) * (1 + extent(WORD.cols)) * (1 + extent(WORD.inner));
      const own = outer + (code[at + WORD.opcode] === SCALAR_BYTECODE ? 0 : outer * inner);
      sum += own * times[at / instructionWords]!;
    }
    most = Math.max(most, sum);
  }
  return most;
}

/** Runs an accepted program, whole and in part. */
function runAll(handle: Handle, spec: Spec, chance: Chance): void {
  const { arenaSize, intsSize, maxLength, float32 } = spec;
  const bytes = float32 ? 4 : 8;
  if (arenaSize * bytes > ROOM || intsSize * 4 > ROOM || work(spec) > MAX_WORK) return;
  const Made = float32 ? Float32Array : Float64Array;
  const arena = new Made(numbersRoom, ROOM - arenaSize * bytes, arenaSize).fill(0.1);
  const ints = new Int32Array(intsRoom, ROOM - intsSize * 4, intsSize).fill(chance.below(4));
  const range = new Int32Array(5);
  const run = addon.bind(handle, arena, ints, range);
  const instructions = timesOf(spec).reduce((a, b) => a + b, 0);
  for (const to of [maxLength, 1 + chance.below(maxLength)]) {
    range.set([chance.is(0.5) ? 0 : chance.below(to), to, 0, instructions, 2]);
    run();
  }
}

/** Runs a batch, evaluations and generations, of examples that are fed nothing, by a plan of the program. */
function runRows(handle: Handle, plan: Handle, spec: Spec, rows: RowSpec, chance: Chance): void {
  const { arenaSize, intsSize, maxLength, float32 } = spec;
  const { gradients, gradientsSize, end } = rows;
  if (arenaSize * (float32 ? 4 : 8) > ROOM || intsSize * 4 > ROOM || work(spec) > MAX_WORK) return;
  const piece = 2 + chance.below(3);
  const [numbers, ints] = addon.pieceSizes(handle, plan, piece);
  const bytes = float32 ? 4 : 8;
  const [stride, intStride] = [arenaSize + numbers, intsSize + ints];
  if (numbers === 0 || stride * bytes > ROOM || intStride * 4 > ROOM) return;
  const Made = float32 ? Float32Array : Float64Array;
  const parameters = Math.min(gradientsSize, arenaSize - gradients);
  const count = 5;
  const memory = {
    numbers: new Made(rowsRoom, ROOM - stride * bytes, stride).fill(0.1),
    ints: new Int32Array(rowIntsRoom, ROOM - intStride * 4, intStride).fill(chance.below(4)),
  };
  const series: SeriesSpec = {
    indices: [],
    numbers: [],
    lengths: Int32Array.from({ length: count }, () => 1 + chance.below(maxLength)),
    ...{ inverseCount: -1, end, loss: chance.below(arenaSize), rule: 0, ruleSize: 0 },
    ...{ rules: new Float64Array(), stepSlots: new Int32Array(), firstStep: 0, stops: false, threads: 2 },
  };
  const batches = {
    ...{ size: count, parameters: 0, parameterCount: parameters, gradients },
    ...{ backward: end, lanes: 2, plan, piece, copies: 1, stride, intStride },
    ...memory,
    sums: new Made(2 * parameters),
  };
  const arena = new Made(numbersRoom, ROOM - arenaSize * bytes, arenaSize).fill(0.1);
  const own = new Int32Array(intsRoom, ROOM - intsSize * 4, intsSize).fill(chance.below(4));
  addon.runSeries(handle, arena, own, { ...series, batches }, 0, new Float64Array(count));
  const together = { plan, piece, numbers: memory.numbers, ints: memory.ints };
  addon.runSeries(handle, arena, own, { ...series, rows: together }, 0, new Float64Array(count));
  if (intsSize < maxLength || maxLength * 3 > arenaSize) return;
  const random = addon.random.create();
  addon.random.seed(random, Uint32Array.of(chance.below(9)));
  addon.generate(
    {
      ...{ program: handle, arena, ints: own, random, slot: 0, start: 0, stop: 1, top: 1 + chance.below(3) },
      results: Int32Array.from({ length: 3 * maxLength }, () => chance.below(arenaSize)),
      ...{ prefix: new Int32Array(chance.below(maxLength)), temperature: 1, instructions: end },
      ...{ isPrefix: chance.is(0.5), isTogether: true, rows: together, threads: 2 },
    },
    new Int32Array(count * maxLength),
    new Int32Array(count),
  );
}

const WORDS = [0, -1, 1, 2, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 2, 1 << 30, 65535, 0x7fff0000];

/** Changes one word somewhere in the arguments. */
function corrupt(args: unknown[], chance: Chance): void {
  let holder = args as unknown as Record<string, unknown>;
  for (;;) {
    // Arguments, and objects and arrays among them, contain words; handles and flags do not.
    const keys = Object.keys(holder).filter((key) => ['number', 'object'].includes(typeof holder[key]));
    if (keys.length === 0) return;
    const key = chance.of(keys);
    const value = holder[key];
    if (typeof value === 'number') {
      holder[key] = worse(value, chance);
      return;
    }
    if (isTyped(value)) {
      if (value.length === 0) return;
      const at = chance.below(value.length);
      value[at] = worse(value[at]!, chance);
      return;
    }
    holder = value as Record<string, unknown>;
  }
}

function worse(word: number, chance: Chance): number {
  const kind = chance.below(4);
  if (kind === 0) return word + 1;
  if (kind === 1) return word - 1;
  if (kind === 2) return Math.floor(chance.next() * 2 ** 32) | 0;
  return chance.of(WORDS);
}

/** The names of the recorded calls; programs are listed as often as all others together. */
const NAMES = [
  'planRows',
  'runSeries',
  'generate',
  'countUses',
  'assembleScalarBytecode',
  'numberKinds',
  'differentiateNumbers',
  'reroll',
];

/** One case: a call with one word changed, or a few. */
export function programCase(recording: Recording, chance: Chance): { what: string; run: () => unknown } {
  const name = chance.is(0.5) ? chance.of(['createProgram', 'rows']) : chance.of(NAMES);
  const which = chance.below(recording[name]!.length);
  const args = copyOf(recording[name]![which]) as unknown[];
  const changes = chance.of([1, 1, 2, 2, 3]);
  const calls = addon as unknown as Calls;
  return {
    what: `${name}, as call ${which} of the recording, with ${changes} words changed`,
    run: () => {
      for (let i = 0; i < changes; i++) corrupt(args, chance);
      if (name === 'rows') {
        const [spec, rows] = args as [Spec, RowSpec];
        const handle = addon.createProgram(spec);
        const plan = addon.planRows(handle, rows);
        if (plan) runRows(handle, plan, spec, rows, chance);
      } else if (name === 'createProgram') {
        const spec = args[0] as Spec;
        runAll(addon.createProgram(spec), spec, chance);
      } else {
        calls[name]!(...args);
      }
    },
  };
}
