/**
 * The element-wise functions of one number. Each is declared once, here: its name, its FLOP and its gradient;
 * the rest of the row is the same for all. The exports are the public functions; the methods of `Value` and
 * all that the compiler needs are derived from them.
 */
import { unaryOperator, unaryRow, type UnaryOperator } from './elementwise.js';
import {
  noGradient,
  noOperand,
  type CoreName,
  type FlopPerNumber,
  type GradientContext,
  type OpDefinition,
} from './types.js';

/** Each name is that of an export below. */
type Name =
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'relu'
  | 'sign'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'abs'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'erf'
  | 'ndtr'
  | 'arcsin'
  | 'arctan'
  | 'arcsinh'
  | 'arctanh';

/** The arguments of a gradient rule: x, y = f(x), dy, and g to make nodes. */
interface Context<N> {
  g: GradientContext<N, CoreName | Name>['g'];
  x: N;
  y: N;
  dy: N;
}

/** A gradient rule: dy f'(x), or null where no gradient flows. */
type Gradient = (<N>(c: Context<N>) => N) | null;

/** Declares a function that native/kernels/elementwise.def has under the same name. */
function operator<K extends Name>(
  name: K,
  flop: FlopPerNumber,
  gradient: Gradient,
  others: Partial<Omit<OpDefinition, 'gradient'>> = {},
): UnaryOperator<K> {
  const row = gradient
    ? unaryRow<CoreName | Name>(
        name,
        flop,
        ({ g, dy, inputs, output }) => gradient({ g, dy, x: inputs[0]!, y: output }),
        others,
      )
    : unaryRow<CoreName | Name>(name, flop, noGradient, { ...others, reaches: noOperand });
  return unaryOperator(name, row);
}

/** e to the power x. @function */
export const exp = operator('exp', 1, ({ g, y, dy }) => g.op('mul', [dy, y]));

/** e to the power x, minus 1; accurate near 0. @function */
export const expm1 = operator('expm1', 1, ({ g, x, dy }) => g.op('mul', [dy, g.op('exp', [x])]));

/**
 * The natural logarithm; NaN below zero, -Infinity at zero. Below zero the gradient is NaN too, but 0 where
 * no gradient arrives, as behind a `where` that takes the other operand. @function
 */
export const log = operator('log', 1, ({ g, x, dy }) => g.op('logGrad', [dy, x]));

/** log(1 + x), accurate near 0; NaN below -1. @function */
export const log1p = operator('log1p', 1, ({ g, x, dy }) =>
  g.op('logGrad', [dy, g.op('add', [x, g.constant(1)])]),
);

/** The larger of x and 0; no gradient at 0. At NaN both value and gradient are NaN. @function */
export const relu = operator(
  'relu',
  0,
  // The output is positive where the input is, and is in use anyway.
  ({ g, y, dy }) => g.op('maskPositive', [dy, y]),
  { zero: 'first', epilogue: 'relu' },
);

/** -1, 0 or 1; NaN at NaN. No gradient flows. @function */
export const sign = operator('sign', 0, null);

/** The largest whole number up to x. No gradient flows, as in `ceil` and `round`. @function */
export const floor = operator('floor', 0, null);

/** The smallest whole number from x on. No gradient flows. @function */
export const ceil = operator('ceil', 0, null);

/** The nearest whole number, of two the even one, as in NumPy and PyTorch. No gradient flows. @function */
export const round = operator('round', 0, null);

/** The absolute value; gradient 0 at zero. @function */
export const abs = operator('abs', 0, ({ g, x, dy }) => g.op('mul', [dy, g.op('sign', [x])]));

/** The sine of x, in radians; NaN at infinities. @function */
export const sin = operator('sin', 1, ({ g, x, dy }) => g.op('mul', [dy, g.op('cos', [x])]));

/** The cosine of x, in radians; NaN at infinities. @function */
export const cos = operator('cos', 1, ({ g, x, dy }) => g.op('neg', [g.op('mul', [dy, g.op('sin', [x])])]));

/** The tangent of x, in radians; NaN at infinities. @function */
export const tan = operator('tan', 1, ({ g, y, dy }) =>
  g.op('mul', [dy, g.op('add', [g.op('mul', [y, y]), g.constant(1)])]),
);

/** The hyperbolic tangent. @function */
export const tanh = operator('tanh', 1, ({ g, y, dy }) => {
  const square = g.op('mul', [y, y]);
  return g.op('mul', [dy, g.op('sub', [g.constant(1), square])]);
});

/** 1 / (1 + exp(-x)). @function */
export const sigmoid = operator('sigmoid', 1, ({ g, y, dy }) => {
  const slope = g.op('mul', [y, g.op('sub', [g.constant(1), y])]);
  return g.op('mul', [dy, slope]);
});

/** log(1 + exp(x)), without overflow. @function */
export const softplus = operator('softplus', 1, ({ g, x, dy }) => g.op('mul', [dy, g.op('sigmoid', [x])]));

/** The error function: 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x. @function */
export const erf = operator('erf', 1, ({ g, x, dy }) => {
  const bell = g.op('exp', [g.op('neg', [g.op('mul', [x, x])])]);
  return g.op('mul', [dy, g.op('mul', [bell, g.constant(2 / Math.sqrt(Math.PI))])]);
});

/**
 * The standard normal distribution function: (1 + erf(x / √2)) / 2, accurate in its tail, where it is nearly
 * 0. @function
 */
export const ndtr = operator('ndtr', 1, ({ g, x, dy }) => {
  const bell = g.op('exp', [g.op('mul', [g.op('mul', [x, x]), g.constant(-0.5)])]);
  return g.op('mul', [dy, g.op('mul', [bell, g.constant(1 / Math.sqrt(2 * Math.PI))])]);
});

/** The inverse of the sine; NaN outside -1 to 1. @function */
export const arcsin = operator('arcsin', 1, (c) =>
  c.g.op('mul', [c.dy, c.g.op('pow', [oneMinusSquare(c)], { exponent: -0.5 })]),
);

/** The inverse of the tangent, from -π/2 to π/2. @function */
export const arctan = operator('arctan', 1, (c) => c.g.op('div', [c.dy, onePlusSquare(c)]));

/** The inverse of the hyperbolic sine. @function */
export const arcsinh = operator('arcsinh', 1, (c) =>
  c.g.op('mul', [c.dy, c.g.op('pow', [onePlusSquare(c)], { exponent: -0.5 })]),
);

/** The inverse of the hyperbolic tangent; NaN outside -1 to 1. @function */
export const arctanh = operator('arctanh', 1, (c) => c.g.op('logGrad', [c.dy, oneMinusSquare(c)]));

/** 1 - x², computed as (1 + x)(1 - x); the derivatives of the inverse functions divide by it. */
function oneMinusSquare<N>({ g, x }: Context<N>): N {
  const one = g.constant(1);
  return g.op('mul', [g.op('add', [one, x]), g.op('sub', [one, x])]);
}
/** 1 + x². */
function onePlusSquare<N>({ g, x }: Context<N>): N {
  return g.op('add', [g.op('mul', [x, x]), g.constant(1)]);
}
