/** Initialisers: the first numbers of parameters, drawn from a `Random` in row-major order. */
import { checkFinite, isList, shown } from '../core/check.js';
import { composed } from '../graph/node.js';
import { Random } from '../runtime/random.js';
import { checkSize, ShapeError, sizeOf, type Shape } from '../core/shape.js';

/**
 * Draws the first numbers of a parameter of this shape, in row-major order. The last axis is the outputs
 * (fan-out), all axes before it together are the inputs (fan-in).
 */
export type Initializer = (shape: Shape, random: Random) => Float64Array;

/** Uniform in [low, high). */
export function uniform(low = -1, high = 1): Initializer {
  checkFinite('low', low);
  checkFinite('high', high);
  if (!Number.isFinite(high - low))
    throw new RangeError(`low ${low} and high ${high}: expected a range that is a finite number`);
  return (shape, random) => {
    checkRandom('uniform', random);
    return Float64Array.from({ length: countOf(shape) }, () => low + (high - low) * random.random());
  };
}

/** Normally distributed, with this mean and standard deviation. */
export function normal(mean = 0, std = 1): Initializer {
  checkFinite('mean', mean);
  checkFinite('std', std, 0);
  return (shape, random) => {
    checkRandom('normal', random);
    return random.gaussians(countOf(shape), mean, std);
  };
}

/** Zeros, for biases. Draws nothing. */
export function zeros(): Initializer {
  return (shape) => new Float64Array(countOf(shape));
}

/** Glorot and Bengio (2010): uniform in ±gain sqrt(6 / (fan-in + fan-out)). */
export function xavierUniform(gain = 1): Initializer {
  checkGain(gain);
  return scaled(uniform, ([fanIn, fanOut]) => gain * Math.sqrt(6 / (fanIn + fanOut)));
}

/** Glorot and Bengio (2010): normal with standard deviation gain sqrt(2 / (fan-in + fan-out)). */
export function xavierNormal(gain = 1): Initializer {
  checkGain(gain);
  return scaled(normal, ([fanIn, fanOut]) => gain * Math.sqrt(2 / (fanIn + fanOut)));
}

/** He et al. (2015), also called Kaiming, for layers with relu: uniform in ±sqrt(6 / fan-in). */
export function heUniform(): Initializer {
  return scaled(uniform, ([fanIn]) => Math.sqrt(6 / fanIn));
}

/** He et al. (2015), for layers with relu: normal with standard deviation sqrt(2 / fan-in). */
export function heNormal(): Initializer {
  return scaled(normal, ([fanIn]) => Math.sqrt(2 / fanIn));
}

function scaled(
  distribution: typeof uniform | typeof normal,
  sizeFor: (fans: [fanIn: number, fanOut: number]) => number,
): Initializer {
  return (shape, random) => {
    // A layer without inputs has no numbers, and a fan-in to divide by neither.
    if (countOf(shape) === 0) return new Float64Array(0);
    const size = sizeFor([sizeOf(shape.slice(0, -1)), shape[shape.length - 1] ?? 1]);
    // `size` is the bound of a range around zero, or the standard deviation with mean zero.
    return distribution(distribution === uniform ? -size : 0, size)(shape, random);
  };
}

/** The bound that it gives must be a finite number for every layer, whose fans sum up to 1 or more. */
function checkGain(gain: number): void {
  checkFinite('gain', gain, 0);
  if (gain > MAX_GAIN) throw new RangeError(`gain ${gain}: expected a number up to ${MAX_GAIN}`);
}
const MAX_GAIN = 1e300;

/**
 * The number of elements of a shape. Checks the shape, since an initialiser runs before the parameter is
 * made.
 */
function countOf(shape: Shape): number {
  if (!isList(shape))
    throw new ShapeError(`an initialiser: ${shown(shape)}, expected a shape: an array of integers from 0`);
  composed('an initialiser', [], () => {
    checkSize(shape);
  });
  return sizeOf(shape);
}

/** @throws TypeError when `random` is not a Random */
function checkRandom(who: string, random: unknown): void {
  if (!(random instanceof Random))
    throw new TypeError(
      `${who}: random ${shown(random)}: expected a Random to draw from, as in normal()([2, 3], new ` +
        'Random(42))',
    );
}
