/**
 * Every operator by element and over axes: nanoseconds an element on one core, of the value alone and of the
 * value with its gradient, in both types. Where `python3` can import PyTorch, its time stands beside
 * (bench/operators.py).
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { UNARY_NAMES, type UnaryName } from '../lib/graph/ops.js';
import { Random } from '../lib/runtime/random.js';
import { packageRoot } from '../lib/core/package.js';
import type { DType } from '../lib/core/array.js';
import { compile, parameter, where, type Value } from '../lib/index.js';
import { inTurns, microseconds, type Effort, type Row } from './measure.js';

/** Rows and columns of every operand: numbers that stay in a core's second cache, also in float64. */
const SIDE = 256;
const NUMBERS = SIDE * SIDE;

interface Timed {
  /** Of x and y; the numbers of both are from 0.1 to 0.9. */
  of: (x: Value, y: Value) => Value;
  /** The same in Python, of tensors x and y. */
  torch: string;
}

/** What PyTorch calls a function of one number, where its name is another. */
const IN_TORCH: Readonly<Partial<Record<UnaryName, string>>> = {
  softplus: 'F.softplus(x)',
  ndtr: 'torch.special.ndtr(x)',
  arcsin: 'torch.asin(x)',
  arcsinh: 'torch.asinh(x)',
  arctanh: 'torch.atanh(x)',
};

const OF_ONE: Record<string, Timed> = Object.fromEntries(
  UNARY_NAMES.map((name) => [name, { of: (x) => x[name](), torch: IN_TORCH[name] ?? `torch.${name}(x)` }]),
);

const POWERS: Record<string, Timed> = Object.fromEntries(
  [2, 3, 4, -1, -2, 0.5, -0.5, 1.5].map((p) => [
    `pow(${p})`,
    { of: (x) => x.pow(p), torch: `torch.pow(x, ${p})` },
  ]),
);

const OTHERS: Readonly<Record<string, Timed>> = {
  neg: { of: (x) => x.neg(), torch: '-x' },
  silu: { of: (x) => x.silu(), torch: 'F.silu(x)' },
  gelu: { of: (x) => x.gelu(), torch: 'F.gelu(x)' },
  "gelu('tanh')": { of: (x) => x.gelu('tanh'), torch: "F.gelu(x, approximate='tanh')" },
  clip: { of: (x) => x.clip(0.2, 0.8), torch: 'torch.clamp(x, 0.2, 0.8)' },
  add: { of: (x, y) => x.add(y), torch: 'x + y' },
  sub: { of: (x, y) => x.sub(y), torch: 'x - y' },
  mul: { of: (x, y) => x.mul(y), torch: 'x * y' },
  div: { of: (x, y) => x.div(y), torch: 'x / y' },
  mod: { of: (x, y) => x.mod(y), torch: 'torch.remainder(x, y)' },
  'pow of two values': { of: (x, y) => x.pow(y), torch: 'torch.pow(x, y)' },
  maximum: { of: (x, y) => x.maximum(y), torch: 'torch.maximum(x, y)' },
  minimum: { of: (x, y) => x.minimum(y), torch: 'torch.minimum(x, y)' },
  gt: { of: (x, y) => x.gt(y), torch: '(x > y).to(x.dtype)' },
  where: { of: (x, y) => where(x.gt(0.5), x, y), torch: 'torch.where(x > 0.5, x, y)' },
  sum: { of: (x) => x.sum(), torch: 'x.sum()' },
  'sum(0)': { of: (x) => x.sum(0), torch: 'x.sum(0)' },
  'sum(1)': { of: (x) => x.sum(1), torch: 'x.sum(1)' },
  'max(0)': { of: (x) => x.max(0), torch: 'x.amax(0)' },
  'max(1)': { of: (x) => x.max(1), torch: 'x.amax(1)' },
  'variance(1)': { of: (x) => x.variance(1), torch: 'x.var(1, unbiased=False)' },
  'cumsum(0)': { of: (x) => x.cumsum(0), torch: 'x.cumsum(0)' },
  'cumsum(1)': { of: (x) => x.cumsum(1), torch: 'x.cumsum(1)' },
  'softmax(0)': { of: (x) => x.softmax(0), torch: 'x.softmax(0)' },
  'softmax(1)': { of: (x) => x.softmax(1), torch: 'x.softmax(1)' },
  'logSoftmax(0)': { of: (x) => x.logSoftmax(0), torch: 'x.log_softmax(0)' },
  'logSoftmax(1)': { of: (x) => x.logSoftmax(1), torch: 'x.log_softmax(1)' },
  'logSumExp(1)': { of: (x) => x.logSumExp(1), torch: 'x.logsumexp(1)' },
  layerNorm: { of: (x) => x.layerNorm(), torch: `F.layer_norm(x, [${SIDE}])` },
};

const OPERATORS: Readonly<Record<string, Timed>> = { ...OF_ONE, ...POWERS, ...OTHERS };

/** Microseconds of each operator in PyTorch, forward and with its gradient; undefined where there is none. */
function timesOfTorch(dtype: DType, turns: number): readonly (readonly [number, number])[] | undefined {
  const calls = Object.values(OPERATORS).map(({ torch }) => torch);
  const { status, stdout, stderr } = spawnSync('python3', [join(packageRoot(), 'bench/operators.py')], {
    input: JSON.stringify({ dtype, side: SIDE, turns, calls }),
    encoding: 'utf8',
  });
  // Python's way to say that there is no such module; `status` is null where there is no Python.
  if (status === null || /No module named 'torch'/.test(stderr)) return undefined;
  if (status !== 0) throw new Error(`bench/operators.py failed: ${stderr}`);
  return JSON.parse(stdout) as [number, number][];
}

export function operatorRows({ turns, quick }: Effort): Row[] {
  const random = new Random(1);
  const draw = (): Value =>
    parameter(
      Float64Array.from({ length: NUMBERS }, () => 0.1 + 0.8 * random.random()),
      { shape: [SIDE, SIDE] },
    );
  const calls = quick ? 5 : 20;
  return (['float32', 'float64'] as const).flatMap((dtype) => {
    const inTorch = timesOfTorch(dtype, turns);
    return Object.entries(OPERATORS).flatMap(([name, { of }], i): Row[] => {
      const program = compile(of(draw(), draw()), { dtype, threads: 1 });
      program.forward({});
      const run = (part: 'forward' | 'backward') => () => microseconds(calls, () => program.runPart(part));
      const parts = inTurns([run('forward'), run('backward')], turns);
      const [forward, backward] = parts as [number, number];
      return [forward, forward + backward].map((time, j) => {
        const torch = inTorch?.[i]![j];
        return {
          what: `${name} ${dtype}${j === 1 ? ' with gradient' : ''}`,
          value: (time * 1000) / NUMBERS,
          unit: 'ns/element',
          ...(torch !== undefined && { beside: { what: 'PyTorch', value: (torch * 1000) / NUMBERS } }),
        };
      });
    });
  });
}
