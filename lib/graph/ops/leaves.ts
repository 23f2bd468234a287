/** Leaves: their numbers or integers come from outside the graph. */
import { noGradient, noOperand, noScalar, scalarLeaf, type OpDefinition, type Rows } from './types.js';

/** The row of a leaf; some have other traits. */
function leafRow(shape: OpDefinition['shape'], others: Partial<OpDefinition> = {}): OpDefinition {
  return {
    shape,
    gradient: noGradient,
    reaches: noOperand,
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
  /** One over the fed prefix length. */
  inverseCount: leafRow(single, { index: 'lengths' }),
  index: leafRow(given, { isInteger: true }),
  /** The number of the training step that runs, from 0; below 0 in any other run. */
  step: leafRow(single, { isInteger: true, scalar: noScalar }),
};
