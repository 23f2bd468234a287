/** The rows of leaves, whose numbers or integers come from outside the graph. */
import { noGradient, noScalar, scalarLeaf, type OpDefinition, type Rows } from './types.js';

/** The row of a leaf; `others` override its defaults. */
function leafRow(shape: OpDefinition['shape'], others: Partial<OpDefinition> = {}): OpDefinition {
  return {
    shape,
    gradient: noGradient,
    isInteger: false,
    index: 'none',
    lower: { kind: 'leaf' },
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

export const LEAVES: Rows<'parameter' | 'input' | 'constant' | 'inverseCount' | 'index' | 'step'> = {
  parameter: leafRow(given),
  input: leafRow(given),
  constant: leafRow(single),
  /** 1 / prefix length, as fed. */
  inverseCount: leafRow(single, { index: 'lengths' }),
  index: leafRow(given, { isInteger: true }),
  /** The number of the current training step, from 0; negative in any other run. */
  step: leafRow(single, { isInteger: true, scalar: noScalar }),
};
