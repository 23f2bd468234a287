/** Derives figures from reports: rates, ratios, and the keys of machines. */
import { largest } from '../core/lists.js';
import type { BenchReport, DType, KernelRow } from './report.js';

/** A report with its key beside others. */
export interface Named {
  /** A, B, C, ... */
  key: string;
  /** The name of its file, without folders. */
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

/** The figures that are derived for one kernel. */
export interface Figures {
  row: KernelRow;
  /** GFLOP/s for products, GB/s for all other kernels. */
  rate: number;
  unit: 'GFLOP/s' | 'GB/s';
  /** The speed-up over scalar code. */
  overScalar: number | undefined;
  /** The speed-up over OpenBLAS; for products only. */
  overOpenBlas: number | undefined;
  /** The fraction of the instruction set's peak on this machine. */
  ofPeak: number | undefined;
  /** Scalar code's instruction count divided by this kernel's, where both were counted. */
  fewerInstructions: number | undefined;
}

function isProduct(shape: KernelRow['shape']): boolean {
  return shape === 'n x n x n';
}

/** The figures of all rows, in order. */
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
 * The bandwidth over the largest measured working set that is not larger than the kernel's footprint, and so
 * not slower. `own` is in ascending order.
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

/** The better bandwidth of both types for each working set, smallest first. */
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

/** Groups values by key, in the order in which the keys first occur. */
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

/** The distinct values, in the order in which they first occur. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
