/**
 * Which tables are updated row by row: only the rows whose gradient is not zero, found by the indices through
 * which the graph reads the table, so that the time of a step does not grow with the table.
 */
import { sizeOf } from '../../core/shape.js';
import type { Ir } from '../ir/ir.js';
import type { LoweringOptions, RowUpdates } from './layout.js';
import type { Placement } from './places.js';

/** Tables of fewer numbers for each one that a step may change are updated whole, which is as fast. */
const LEAST_SHARE = 8;

/** The rows of a table that an update changes. */
export interface RowUpdate {
  /** The nodes of the indices that name them; none: any row can be among them, and all are looked at. */
  indices: readonly number[];
}

/** The tables that are updated by rows (parameter to rows). */
export function rowUpdates(ir: Ir, placement: Placement, options: LoweringOptions): Map<number, RowUpdate> {
  const found = new Map<number, RowUpdate>();
  if (!options.update) return found;
  for (const parameter of [...options.gradients.keys(), ...options.unmoved]) {
    const rule: RowUpdates = options.groupOf(parameter).rows ?? 'never';
    if (rule === 'never' || ir.shape(parameter).length === 0) continue;
    const indices = options.batches ? undefined : indicesOf(ir, placement, options.gradients.get(parameter));
    if (rule === 'always') found.set(parameter, { indices: indices ?? [] });
    else if (indices && isWorthwhile(ir, parameter, indices)) found.set(parameter, { indices });
  }
  return found;
}

/** The indices that name all rows with a gradient; undefined where others may have one. */
function indicesOf(ir: Ir, { uses, addNs }: Placement, gradient: number | undefined): number[] | undefined {
  if (gradient === undefined) return [];
  const terms = addNs.get(gradient)?.terms;
  if (!terms || uses[gradient] !== 1) return undefined;
  const isOfRows = terms.every(
    ({ node, steps, placed }) =>
      placed && steps.length === 0 && ir.is(node, 'scatterAdd') && ir.attr(node).batch !== true,
  );
  return isOfRows ? [...new Set(terms.map(({ node }) => ir.input(node, 1)))] : undefined;
}

function isWorthwhile(ir: Ir, table: number, indices: readonly number[]): boolean {
  const rows = indices.reduce((sum, index) => sum + sizeOf(ir.shape(index)), 0);
  return ir.shape(table)[0]! >= LEAST_SHARE * rows;
}
