/** The targets of the tests: every instruction set of this machine, in both data types. */
import '../../lib/value/operators.js'; // gives a Value all its methods
import { nativeInfo } from '../../lib/binding/native-info.js';
import type { DType } from '../../lib/core/array.js';

export interface Target {
  isa: string;
  dtype: DType;
}

export const ISAS: readonly string[] = nativeInfo().isas.available;
export const TARGETS: readonly Target[] = ISAS.flatMap((isa) => [
  { isa, dtype: 'float64' as const },
  { isa, dtype: 'float32' as const },
]);
export const FLOAT64: readonly Target[] = TARGETS.filter(({ dtype }) => dtype === 'float64');

/** The machine's best instruction set in both types, and each of the other targets in turn; or all. */
export function sampled(turn: number): readonly Target[] {
  if (process.env['VECGRAD_LONG'] === '1') return TARGETS;
  const best = TARGETS.filter(({ isa }) => isa === ISAS[0]);
  const others = TARGETS.slice(best.length);
  return others.length === 0 ? best : [...best, others[turn % others.length]!];
}
