/** Measures every kernel by instruction set and size, and the machine's peaks. */
import { addon } from '../binding/addon.js';
import type { Effort } from './effort.js';
import { inTurns, mostInTurns } from './measure.js';
import type { BenchReport, KernelRow } from './report.js';

const DTYPES = ['float32', 'float64'] as const;

/** Measures GFLOP/s of each instruction set, and GB/s over working sets of many sizes. */
export function measurePeaks({ turns, budget, workingSets }: Effort): BenchReport['peaks'] {
  const { available } = addon.info();
  const flops = DTYPES.flatMap((dtype) => {
    const rates = mostInTurns(
      available.map((isa) => () => addon.bench.gflops(dtype === 'float32', isa, budget)),
      turns,
    );
    return available.map((isa, i) => ({ isa, dtype, gflops: rates[i]! }));
  });
  const bandwidth = workingSets.flatMap((bytes) =>
    DTYPES.flatMap((dtype) => {
      const rates = mostInTurns(
        available.map((isa) => () => addon.bench.bandwidth(bytes, dtype === 'float32', isa, budget)),
        turns,
      );
      return available.map((isa, i) => ({ isa, dtype, bytes, gbs: rates[i]! }));
    }),
  );
  return { flops, bandwidth };
}

/** Measures one row for each kernel, size, type and instruction set; instruction sets take turns. */
export function measureKernels(effort: Effort, onKernel: (name: string) => void): KernelRow[] {
  const { available } = addon.info();
  const { turns, budget, only } = effort;
  return addon.bench
    .kernels()
    .filter(({ name }) => only?.includes(name) ?? true)
    .flatMap(({ name, shape, openblas }) => {
      onKernel(name);
      const isas = openblas ? [...available, 'openblas'] : available;
      return effort.sizes[shape].flatMap((n) =>
        DTYPES.flatMap((dtype) => {
          const call = (isa: string, nanoseconds: number) =>
            addon.bench.time(name, n, dtype === 'float32', isa, nanoseconds);
          const { flop, bytes, footprint } = call(isas[0]!, 0);
          const times = inTurns(
            isas.map((isa) => () => call(isa, budget).nanoseconds),
            turns,
          );
          return isas.map((isa, i): KernelRow => ({
            ...{ kernel: name, shape, n, dtype, isa },
            ...{ nanoseconds: times[i]!, flop, bytes, footprint, instructions: undefined },
          }));
        }),
      );
    });
}
