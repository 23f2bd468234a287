/** Element-wise arithmetic on one or two operands, and the operators that its gradients are made of. */
import { binaryRow, elementwise, unaryRow } from './elementwise.js';
import { orNaN, same } from './rules.js';
import {
  firstOperand,
  noGradient,
  noOperand,
  noScalar,
  scalar,
  type CoreName,
  type GradientContext,
  type Rows,
} from './types.js';

/**
 * The gradient of the larger (or smaller) of two operands: all of it for the winner, half for each in a tie,
 * NaN where the result is NaN. Of a bound and a number within or beyond it, see `bounds`.
 */
function winnersGradient<N>(c: GradientContext<N>, i: number, a: 0 | 1): N {
  const { g, dy, inputs, output } = c;
  const [mine, other] = [inputs[i]!, inputs[1 - i]!];
  // `a` says whether `mine` is the comparison's first operand.
  const compared = (op: CoreName): N => g.op(op, a === 0 ? [mine, other] : [other, mine]);
  if (c.attr.bounds) return elementwise(c, i, g.op('maskPositive', [dy, compared(i === 0 ? 'gt' : 'ge')]));
  const half = g.op('mul', [dy, g.constant(0.5)]);
  const won = g.op('maskPositive', [half, compared('gt')]);
  const wonOrTied = g.op('maskPositive', [half, compared('ge')]);
  return elementwise(c, i, orNaN(g, g.op('add', [won, wonOrTied]), output));
}

/** The operators that gradients of this file are made of. */
type Name = CoreName | 'log' | 'round';

/**
 * The gradient of `mod` in its divisor: minus the whole quotient. That is found from the result, since a / b
 * itself may be rounded up to the next whole number, as 1 / 0.1 is.
 */
function quotientGradient<N>(c: GradientContext<N, Name>): N {
  const { g, dy, inputs, output } = c;
  const [a, b] = inputs as [N, N];
  const quotient = g.op('round', [g.op('div', [g.op('sub', [a, output]), b])]);
  return elementwise(c, 1, g.op('neg', [g.op('mul', [dy, quotient])]));
}

/** The gradient of `power` in its base: dy b a^(b - 1), but 0 where b is 0. */
function baseGradient<N>(c: GradientContext<N>): N {
  const { g, dy, inputs } = c;
  const [a, b] = inputs as [N, N];
  const slope = g.op('mul', [b, g.op('power', [a, g.op('sub', [b, g.constant(1)])])]);
  return elementwise(c, 0, g.op('ifNonzero', [g.op('mul', [dy, slope]), b]));
}

/** The gradient of `power` in its exponent: dy a^b log(a), but 0 for 0^b with b >= 0. */
function exponentGradient<N>(c: GradientContext<N, Name>): N {
  const { g, dy, inputs, output } = c;
  const [a, b] = inputs as [N, N];
  const isFlat = g.op('mul', [g.op('eq', [a, g.constant(0)]), g.op('ge', [b, g.constant(0)])]);
  const slope = g.op('mul', [output, g.op('log', [a])]);
  return elementwise(c, 1, g.op('ifZero', [g.op('mul', [dy, slope]), isFlat]));
}

/** The gradient of `ifZero` or `ifNonzero`: dy where the operand was taken, else 0. */
function takenGradient<N>(c: GradientContext<N>, whereZero: boolean): N {
  const { g, dy, inputs } = c;
  const isZero = g.op('eq', [inputs[1]!, g.constant(0)]);
  const isTaken = whereZero ? isZero : g.op('sub', [g.constant(1), isZero]);
  return elementwise(c, 0, g.op('maskPositive', [dy, isTaken]));
}

export const ARITHMETIC: Rows<
  | 'neg'
  | 'pow'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'power'
  | 'maximum'
  | 'minimum'
  | 'gt'
  | 'ge'
  | 'eq'
  | 'logGrad'
  | 'maskPositive'
  | 'ifNonzero'
  | 'ifZero'
  | 'dropout'
> = {
  // --- one operand ---
  neg: unaryRow('neg', 1, ({ g, dy }) => g.op('neg', [dy]), {
    scalar: scalar('neg', 'decumulate'),
    zero: 'first',
  }),
  pow: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }) => {
      const p = attr.exponent!;
      if (p === 1) return dy;
      const slope = g.op('pow', [inputs[0]!], { exponent: p - 1 });
      return g.op('mul', [dy, g.op('mul', [slope, g.constant(p)])]);
    },
    reaches: (_, { exponent }) => exponent !== 0,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'batched',
    placing: 'adds',
    scalar: { role: 'pow' },
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  // --- two operands, broadcast ---
  add: binaryRow('add', 1, (c, i) => elementwise(c, i, c.dy), {
    scalar: { role: 'add', opcode: 'add' },
    epilogue: 'add',
  }),
  sub: binaryRow('sub', 1, (c, i) => elementwise(c, i, i === 0 ? c.dy : c.g.op('neg', [c.dy]))),
  mul: binaryRow('mul', 1, (c, i) => elementwise(c, i, c.g.op('mul', [c.dy, c.inputs[1 - i]!])), {
    scalar: scalar('mul', 'fma'),
    zero: 'any',
    pad: 'scaled',
  }),
  div: binaryRow(
    'div',
    1,
    (c, i) => {
      const over = c.g.op('div', [c.dy, c.inputs[1]!]);
      return elementwise(c, i, i === 0 ? over : c.g.op('neg', [c.g.op('mul', [over, c.output])]));
    },
    { pad: 'scaled' },
  ),
  /** a - b floor(a / b), which has the sign of b. */
  mod: binaryRow('mod', 1, (c, i) => (i === 0 ? elementwise(c, 0, c.dy) : quotientGradient(c))),
  /** a to the power b, both values; `pow` has a fixed exponent. */
  power: binaryRow('pow', 1, (c, i) => (i === 0 ? baseGradient(c) : exponentGradient(c))),
  /** The larger of two; a tie shares the gradient equally. */
  maximum: binaryRow('maximum', 0, (c, i) => winnersGradient(c, i, 0)),
  /** The smaller of two; a tie shares the gradient equally. */
  minimum: binaryRow('minimum', 0, (c, i) => winnersGradient(c, i, 1)),
  // Comparisons: 1 where they hold, else 0; NaN compares false. No gradient flows.
  gt: binaryRow('greater', 0, noGradient, { reaches: noOperand }),
  ge: binaryRow('greater_equal', 0, noGradient, { reaches: noOperand }),
  eq: binaryRow('equal', 0, noGradient, { reaches: noOperand }),
  /**
   * a / b where b >= 0; NaN where b < 0 or is NaN, but 0 where a is 0. This is the gradient of log, which is
   * NaN outside log's domain, except where no gradient arrives (as behind a `where` that takes the other
   * operand).
   */
  logGrad: binaryRow(
    'log_grad',
    1,
    (c, i) => {
      const b = c.inputs[1]!;
      if (i === 0) return elementwise(c, 0, c.g.op('logGrad', [c.dy, b]));
      const slope = c.g.op('logGrad', [c.g.op('mul', [c.dy, c.output]), b]);
      return elementwise(c, 1, c.g.op('neg', [slope]));
    },
    { batching: 'single', placing: 'own' },
  ),
  /** a where b > 0, NaN where b is NaN, else 0: the gradient of relu. Linear in a. */
  maskPositive: binaryRow(
    'mask_positive',
    0,
    (c) => elementwise(c, 0, c.g.op('maskPositive', [c.dy, c.inputs[1]!])),
    { reaches: firstOperand, scalar: scalar('mask_positive', 'mask_add'), epilogue: 'maskPositive' },
  ),
  /** a where b is not 0 (NaN is not 0), else -0, the neutral element of addition. */
  ifNonzero: binaryRow('if_nonzero', 0, (c) => takenGradient(c, false), { reaches: firstOperand }),
  /** a where b is 0, else -0. */
  ifZero: binaryRow('if_zero', 0, (c) => takenGradient(c, true), { reaches: firstOperand }),
  /**
   * In a training step, whose number is the second operand: zeros in place of a fraction of the elements, the
   * others divided by what is left. In other runs: the operand unchanged. Which elements are dropped depends
   * only on seed, step and index, so that the gradient drops the same ones.
   */
  dropout: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }) => g.op('dropout', [dy, inputs[1]!], attr),
    reaches: firstOperand,
    isInteger: false,
    index: 'anything',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'own',
    scalar: noScalar,
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
};
