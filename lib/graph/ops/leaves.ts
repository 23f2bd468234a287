/** The rows of leaves, whose numbers or integers come from outside the graph. */
import {
  noGradient,
  noOperand,
  noScalar,
  scalarLeaf,
  type LeafSource,
  type OpDefinition,
  type Rows,
} from './types.js';

/** The row of a leaf; `others` override its defaults. */
function leafRow(
  source: LeafSource,
  shape: OpDefinition['shape'],
  others: Partial<OpDefinition> = {},
): OpDefinition {
  return {
    shape,
    gradient: noGradient,
    reaches: noOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'leaf', source },
    batching: 'leaf',
    placing: 'own',
    scalar: scalarLeaf,
    axes: 'none',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
    ...others,
  };
}

const given: OpDefinition['shape'] = (_, { shape }) => shape!;
const single: OpDefinition['shape'] = () => [];

export const LEAVES: Rows<
  'parameter' | 'frozen' | 'input' | 'constant' | 'table' | 'inverseCount' | 'index' | 'integers' | 'step'
> = {
  parameter: leafRow('parameter', given),
  /** A parameter that is not trained: only the compiler makes this of it. */
  frozen: leafRow('frozen', given),
  input: leafRow('fed', given),
  constant: leafRow('graph', single),
  /** An array of fixed numbers. */
  table: leafRow('graph', given, { scalar: noScalar }),
  /** 1 / prefix length, as fed. */
  inverseCount: leafRow('program', single, { index: 'lengths' }),
  index: leafRow('fed', given, { isInteger: true }),
  /** An array of fixed integers. */
  integers: leafRow('graph', given, { isInteger: true }),
  /** The number of the current training step, from 0; negative in any other run. */
  step: leafRow('program', single, { isInteger: true, scalar: noScalar }),
};
