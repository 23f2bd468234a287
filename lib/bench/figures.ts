/** What is read off the reports: rates, ratios, and which machine is which. */
import { largest } from '../core/lists.js';
import type { BenchReport, DType, KernelRow } from './report.js';

/** A report and what it is called beside others. */
export interface Named {
  /** A, B, C, ... */
  key: string;
  /** Its file, without folders. */
  file: string;
  report: BenchReport;
}

export function named(reports: readonly { file: string; report: BenchReport }[]): Named[] {
  return reports.map(({ file, report }, i) => ({
    key: i < 26 ? String.fromCharCode(65 + i) : `M${i + 1}`,
    file: file.replace(/^.*[/\\]/, ''),
    report,
  }));
}

/** A kernel's figures in terms of others. */
export interface Figures {
  row: KernelRow;
  /** GFLOP/s of a product, GB/s of everything else. */
  rate: number;
  unit: 'GFLOP/s' | 'GB/s';
  /** How many times as fast as one number at a time. */
  overScalar: number | undefined;
  /** How many times as fast as OpenBLAS; of products only. */
  overOpenBlas: number | undefined;
  /** The part of what the instruction set can do at most here. */
  ofPeak: number | undefined;
  /** Scalar's instructions divided by these, where both were counted. */
  fewerInstructions: number | undefined;
}

function isProduct(shape: KernelRow['shape']): boolean {
  return shape === 'n x n x n';
}

/** The figures of all rows, in their order. */
export function figures({ kernels, peaks }: BenchReport): Figures[] {
  const key = (row: KernelRow, isa: string): string =>
    [row.kernel, row.shape, row.n, row.dtype, isa].join(' ');
  const found = new Map(kernels.map((row) => [key(row, row.isa), row]));
  const flops = new Map(peaks.flops.toReversed().map((peak) => [`${peak.isa} ${peak.dtype}`, peak.gflops]));
  const bandwidths = grouped(peaks.bandwidth, ({ isa, dtype }) => `${isa} ${dtype}`);
  for (const own of bandwidths.values()) own.sort((a, b) => a.bytes - b.bytes);
  return kernels.map((row) => {
    const product = isProduct(row.shape);
    const rate = (product ? row.flop : row.bytes) / row.nanoseconds;
    const times = (isa: string): number | undefined => {
      const other = found.get(key(row, isa));
      return other && other.nanoseconds / row.nanoseconds;
    };
    const scalar = found.get(key(row, 'scalar'));
    const kind = `${row.isa} ${row.dtype}`;
    const peak = product ? flops.get(kind) : bandwidth(bandwidths.get(kind) ?? [], row.footprint);
    return {
      row,
      rate,
      unit: product ? 'GFLOP/s' : 'GB/s',
      overScalar: times('scalar'),
      overOpenBlas: product ? times('openblas') : undefined,
      ofPeak: peak === undefined ? undefined : rate / peak,
      fewerInstructions:
        scalar?.instructions !== undefined && row.instructions !== undefined
          ? scalar.instructions / row.instructions
          : undefined,
    };
  });
}

export function peakFlops({ flops }: BenchReport['peaks'], isa: string, dtype: DType): number | undefined {
  return flops.find((peak) => peak.isa === isa && peak.dtype === dtype)?.gflops;
}

/**
 * Over the largest working set, of those in ascending order, that is no larger than the kernel's, so
 * that it is no slower.
 */
function bandwidth(own: readonly { bytes: number; gbs: number }[], footprint: number): number | undefined {
  let low = 0;
  let high = own.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (own[middle]!.bytes <= footprint) low = middle + 1;
    else high = middle;
  }
  return own[Math.max(low - 1, 0)]?.gbs;
}

/** The best of both types over each working set, the smallest first. */
export function bandwidthOf(
  { bandwidth: all }: BenchReport['peaks'],
  isa: string,
): { bytes: number; gbs: number }[] {
  const own = all.filter((peak) => peak.isa === isa);
  return [...grouped(own, (peak) => peak.bytes)]
    .map(([bytes, peaks]) => ({ bytes, gbs: largest(peaks.map(({ gbs }) => gbs)) }))
    .sort((a, b) => a.bytes - b.bytes);
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** The values by what `key` gives for them, in the order in which each comes first. */
export function grouped<K, T>(values: readonly T[], key: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const of = key(value);
    const group = groups.get(of);
    if (group) group.push(value);
    else groups.set(of, [value]);
  }
  return groups;
}

/** The values in the order in which they come first. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
