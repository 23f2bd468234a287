/** Benchmark reports whose figures are known: what tests compare, draw and spoil. */
import { SCHEMA, type BenchReport, type KernelRow } from '../../lib/bench/report.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/core/package.js';
import { type Effort, QUICK } from '../../lib/bench/effort.js';

export interface Wanted {
  cpu?: string;
  arch?: string;
  /** Best first; scalar follows. */
  vectors?: readonly { name: string; vectorBits: number }[];
  emulated?: BenchReport['machine']['emulated'];
  /** Every time is so many times as long. */
  slower?: number;
  /** Whether instructions were counted. */
  counted?: boolean;
}

const KERNELS = [
  { kernel: 'add', shape: 'n', sizes: [16, 1024, 65536] },
  { kernel: 'exp', shape: 'n', sizes: [16, 1024, 65536] },
  { kernel: 'softmax', shape: '16 x n', sizes: [32, 256] },
  { kernel: 'transpose', shape: 'n x n', sizes: [32, 256] },
  { kernel: 'gemm', shape: 'n x n x n', sizes: [16, 64, 256] },
] as const satisfies { kernel: string; shape: KernelRow['shape']; sizes: readonly number[] }[];

export const DTYPES = ['float32', 'float64'] as const;
export const MODELS = ['scalar', 'vector', 'rnn', 'rnn_att'] as const;
export const PARTS = ['forward', 'backward', 'update'] as const;

/** Vectors of b bits take b / 32 times less time than scalar, in float64 half of that. */
export function benchReport(wanted: Wanted = {}): BenchReport {
  const { slower = 1, counted = false } = wanted;
  const vectors = wanted.vectors ?? [{ name: 'avx2', vectorBits: 256 }];
  const isas = [...vectors, { name: 'scalar', vectorBits: 32 }];
  const speed = (isa: string, dtype: KernelRow['dtype']): number => {
    const bits = isas.find(({ name }) => name === isa)?.vectorBits ?? 128;
    return isa === 'scalar' ? 1 : bits / (dtype === 'float32' ? 32 : 64);
  };
  const kernels = KERNELS.flatMap(({ kernel, shape, sizes }) =>
    sizes.flatMap((n) =>
      DTYPES.flatMap((dtype) =>
        [...isas.map(({ name }) => name), ...(kernel === 'gemm' ? ['openblas'] : [])].map((isa) => {
          const numbers = { n, '16 x n': 16 * n, 'n x n': n * n, 'n x n x n': n ** 3 }[shape];
          const size = dtype === 'float32' ? 4 : 8;
          const operands = shape === 'n x n x n' ? 3 * n * n : 2 * numbers;
          const scalarTime = numbers * slower;
          return {
            ...{ kernel, shape, n, dtype, isa },
            nanoseconds: scalarTime / speed(isa, dtype),
            flop: shape === 'n x n x n' ? 2 * numbers : 0,
            bytes: operands * size,
            footprint: operands * size,
            instructions: counted ? (3 * numbers) / speed(isa, dtype) : undefined,
          };
        }),
      ),
    ),
  );
  return {
    schema: SCHEMA,
    vecgrad: '0.1.0',
    date: '2026-01-02',
    quick: false,
    machine: {
      cpu: wanted.cpu ?? 'Some Processor 3000',
      arch: wanted.arch ?? 'x64',
      platform: 'linux',
      system: 'Linux 6.1',
      cores: 4,
      node: 'v20.1.0',
      isas,
      chosen: isas[0]!.name,
      caches: [
        { level: 1, type: 'data', bytes: 32768 },
        { level: 2, type: 'unified', bytes: 524288 },
      ],
      openblas: { version: 'OpenBLAS 0.3.21', core: 'Some', threads: 1 },
      emulated: wanted.emulated ?? null,
    },
    peaks: {
      flops: isas.flatMap(({ name }) =>
        DTYPES.map((dtype) => ({ isa: name, dtype, gflops: (4 * speed(name, dtype)) / slower })),
      ),
      bandwidth: isas.flatMap(({ name }) =>
        DTYPES.flatMap((dtype) =>
          [4096, 65536, 1048576, 67108864].map((bytes, i) => ({
            ...{ isa: name, dtype, bytes },
            gbs: (40 * speed(name, 'float32')) / 2 ** i / slower,
          })),
        ),
      ),
    },
    kernels,
    models: MODELS.flatMap((model, i) =>
      DTYPES.flatMap((dtype) =>
        isas.map(({ name }) => ({
          ...{ model, dtype, isa: name, steps: 1000 },
          microsecondsPerStep: ((i + 1) * 64 * slower) / speed(name, dtype),
          finalLoss: 2.5 + i / 100,
          heldOutLoss: 2.4 + i / 100,
        })),
      ),
    ),
    batches: MODELS.slice(1).flatMap((model, i) =>
      DTYPES.flatMap((dtype) =>
        [
          { batch: 1, threads: 1 },
          { batch: 32, threads: 1 },
          { batch: 32, threads: 2 },
        ].map(({ batch, threads }) => ({
          ...{ model, dtype, isa: isas[0]!.name, batch, threads },
          microsecondsPerExample: ((i + 1) * 8 * slower) / Math.log2(2 * batch) / threads,
        })),
      ),
    ),
    states: [32, 128, 512, 2048].flatMap((nState) =>
      (['rnn', 'rnn_att'] as const).flatMap((model) =>
        PARTS.map((part, i) => ({
          ...{ model, nState, part, isa: isas[0]!.name },
          microseconds: (i + 1) * slower * (model === 'rnn' ? nState ** 2 / 1000 : nState / 10),
        })),
      ),
    ),
  };
}

export const QEMU = { by: 'qemu', because: 'a test says so' };

/** The names in native/kernels/kernels.def, read as text: the list that the bench must cover. */
export function listedKernels(): string[] {
  const [list, functions] = ['kernels.def', 'elementwise.def'].map((file) =>
    readFileSync(join(packageRoot(), 'native/kernels', file), 'utf8'),
  ) as [string, string];
  const all = list.replace('#include "kernels/elementwise.def"', functions);
  const rows = all.matchAll(/^(?:UNARY|BINARY|KERNEL)\((\w+)|^FUNCTION[12]\((\w+),/gm);
  return [...rows].map(([, kernel, vectorFunction]) => (kernel ?? vectorFunction)!);
}

export const tiny: Effort = {
  ...QUICK,
  turns: 1,
  budget: 1e3,
  sizes: { n: [16], '16 x n': [8], 'n x n': [8], 'n x n x n': [8] },
  workingSets: [4096],
  steps: 20,
  trainings: 1,
  models: ['vector', 'rnn'],
  nStates: [32],
};
