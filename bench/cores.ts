/**
 * The expected speed-up of one training step on more cores than this machine has: simulations of a compiled
 * program's instructions, with the cost model by which they are spread (native/wide/costs.def). Two ways are
 * compared: one instruction after the other, each split over all cores, as the machine does it; and
 * independent instructions side by side, each on one core, along the graph of what they read and write.
 * Memory bandwidth has no limit here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { instructionWords, opcodeNames, operandsOf } from '../lib/binding/addon.js';
import { UPDATES } from '../lib/compiler/account.js';
import type { Lowered } from '../lib/compiler/lower/layout.js';
import { EXTENT_PLACES, OPERAND_PLACES, WORD } from '../lib/compiler/lower/words.js';
import { packageRoot } from '../lib/core/package.js';
import { SGD } from '../lib/optim/optimizers.js';
import { Random } from '../lib/runtime/random.js';
import { buildModel } from '../lib/study/build-model.js';
import { tokenizer, type Effort, type Row } from './measure.js';

const CORES = [2, 8, 16, 64];

/** Microseconds: as `least_to_spread` and `least_part` of native/wide/spread.h. */
const LEAST_TO_SPREAD = 30;
const LEAST_PART = 5;
/** Sharing out costs so much, and more for each core that joins. */
const FORK = 2;
const JOIN = 0.1;
/** A call of an instruction on small numbers. */
const CALL = 0.025;

/** Numbers of the arena, from `begin` to before `end`. */
interface Interval {
  begin: number;
  end: number;
}

interface Task {
  /** Microseconds on one core. */
  cost: number;
  /** How many parts it can be split into. */
  parts: number;
  reads: Interval[];
  writes: Interval[];
}

/** Picoseconds for each number, by kernel. */
function kernelCosts(): Map<string, number> {
  const text = readFileSync(join(packageRoot(), 'native/wide/costs.def'), 'utf8');
  return new Map(
    [...text.matchAll(/^COST\((\w+), (\d+)\)$/gm)].map(([, name, cost]) => [name!, Number(cost)]),
  );
}

/** The kernels of instructions that have another name. */
const KERNEL_OF: Readonly<Record<string, string>> = {
  rms_norm: 'row_norm',
  rms_norm_grad: 'row_norm_grad',
  gemm_adam: 'gemm',
  check: 'row_dot',
  clip: 'row_dot',
};

/** The instructions of a step at the longest prefix. */
function tasksOf({ code, extents, maxLength }: Lowered): Task[] {
  const costs = kernelCosts();
  const columns = extents.length / (maxLength + 1);
  const tasks: Task[] = [];
  for (let at = 0; at < code.length; at += instructionWords) {
    const word = (i: number): number => code[at + i]!;
    const sizes = EXTENT_PLACES.map((place) => extents[maxLength * columns + word(place)]!);
    const [outer1, outer2, R, C, K] = sizes as [number, number, number, number, number];
    const op = opcodeNames[word(WORD.opcode)]!;
    const isProduct = op.startsWith('gemm');
    const each = costs.get(KERNEL_OF[op] ?? op) ?? 1000;
    const numbers = outer1 * outer2 * R * C * (isProduct ? K : 1);
    const cost = CALL + (numbers * each) / 1e6;
    const rows = isProduct ? Math.floor(R / 24) : R;
    const least = isProduct && outer1 * outer2 > 1 ? outer1 * outer2 : Math.max(rows, 1) * Math.ceil(C / 64);
    const parts = Math.min(256, Math.max(1, Math.min(Math.floor(cost / LEAST_PART), least)));
    const task: Task = { cost, parts, reads: [], writes: [] };
    operandsOf(op).forEach((rule, i) => {
      if (rule === '-' || i === 4) return;
      const [offset, ...strides] = OPERAND_PLACES[i]!.map(word) as [number, number, number, number, number];
      const dims = rule.replace(/^w|[-1B*]/g, '');
      const extent = { R, T: word(WORD.imm0), C, K } as Readonly<Record<string, number>>;
      const [row, column] =
        dims.length > 1 ? [dims[0]!, dims[1]!] : 'RT'.includes(dims) ? [dims] : ['', dims];
      const along = [outer1, outer2, extent[row] ?? 1, extent[column ?? ''] ?? 1];
      const last = along.reduce((sum, count, k) => sum + Math.max(0, count - 1) * strides[k]!, 0);
      const interval = { begin: offset, end: offset + last + 1 };
      const isWritten = rule.startsWith('w');
      if (isWritten) task.writes.push(interval);
      if (!isWritten || word(WORD.accumulate) === 1 || UPDATES.has(op)) task.reads.push(interval);
    });
    tasks.push(task);
  }
  return tasks;
}

/** Microseconds of a step whose instructions follow each other, each split over the cores. */
function splitTime(tasks: readonly Task[], cores: number): number {
  return tasks.reduce((sum, { cost, parts }) => {
    if (cores === 1 || cost < LEAST_TO_SPREAD || parts === 1) return sum + cost;
    const joining = Math.min(cores, parts);
    return sum + FORK + JOIN * joining + (Math.ceil(parts / joining) * cost) / parts;
  }, 0);
}

const meet = (a: readonly Interval[], b: readonly Interval[]): boolean =>
  a.some((x) => b.some((y) => x.begin < y.end && y.begin < x.end));

/** Microseconds where an instruction runs on one core as soon as what it needs is there. */
function graphTime(tasks: readonly Task[], cores: number): number {
  const before = tasks.map((task, i) =>
    Array.from({ length: i }, (_, j) => j).filter((j) => {
      const { reads, writes } = tasks[j]!;
      return meet(writes, task.reads) || meet(reads, task.writes) || meet(writes, task.writes);
    }),
  );
  // The longest way to the end: what is far from it goes first.
  const rest = tasks.map(({ cost }) => cost);
  for (let i = tasks.length - 1; i >= 0; i--)
    for (const j of before[i]!) rest[j] = Math.max(rest[j]!, tasks[j]!.cost + rest[i]!);
  const ends = new Float64Array(tasks.length).fill(Infinity);
  const free = new Float64Array(cores);
  const left = new Set(tasks.keys());
  while (left.size > 0) {
    const core = free.indexOf(Math.min(...free));
    const startOf = (i: number): number => Math.max(free[core]!, ...before[i]!.map((j) => ends[j]!));
    let best = -1;
    let start = Infinity;
    for (const i of left) {
      const own = startOf(i);
      if (own < start || (own === start && best >= 0 && rest[i]! > rest[best]!)) [best, start] = [i, own];
    }
    free[core] = ends[best] = start + tasks[best]!.cost;
    left.delete(best);
  }
  return Math.max(...ends);
}

/** GPT on 64 positions, one example a step. */
export function coreRows({ quick }: Effort): Row[] {
  return (quick ? [64] : [64, 256, 768]).flatMap((nEmbd) => {
    const sizes = { nEmbd, nHead: nEmbd / 64 > 4 ? nEmbd / 64 : 4, nLayer: 4, blockSize: 64 };
    const { loss } = buildModel('vector', tokenizer.vocabSize, sizes, new Random(42));
    const { program } = new SGD({ learningRate: 0.1, momentum: 0.9 }).minimize(loss, { dtype: 'float32' });
    const tasks = tasksOf(program['lowered']);
    const alone = splitTime(tasks, 1);
    return [
      { what: `n_embd ${nEmbd}, one core`, value: alone, unit: 'us/step' },
      ...CORES.flatMap((cores) => [
        {
          what: `n_embd ${nEmbd}, ${cores} cores, split`,
          value: alone / splitTime(tasks, cores),
          unit: 'times',
        },
        {
          what: `n_embd ${nEmbd}, ${cores} cores, graph`,
          value: alone / graphTime(tasks, cores),
          unit: 'times',
        },
      ]),
    ];
  });
}
