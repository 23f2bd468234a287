/** What parameters start from, drawn from a `Random`, row by row. */
import { checkFinite, isList, shown } from '../core/check.js';
import { composed } from '../graph/node.js';
import { Random } from '../runtime/random.js';
import { checkSize, ShapeError, sizeOf, type Shape } from '../core/shape.js';

/**
 * The first numbers of a parameter of a shape, row-major. A matrix is [inputs, outputs]: its fan-in is
 * its rows, its fan-out its columns; of more axes all but the last are inputs.
 */
export type Initializer = (shape: Shape, random: Random) => Float64Array;

/** Evenly from [low, high). */
export function uniform(low = -1, high = 1): Initializer {
  checkFinite('low', low);
  checkFinite('high', high);
  return (shape, random) => {
    checkRandom('uniform', random);
    return Float64Array.from({ length: countOf(shape) }, () => low + (high - low) * random.random());
  };
}

/** Gaussians of a mean and a standard deviation. */
export function normal(mean = 0, std = 1): Initializer {
  checkFinite('mean', mean);
  checkFinite('std', std);
  return (shape, random) => {
    checkRandom('normal', random);
    return random.gaussians(countOf(shape), mean, std);
  };
}

/** Zeros: for biases. Draws nothing. */
export function zeros(): Initializer {
  return (shape) => new Float64Array(countOf(shape));
}

/** Glorot and Bengio (2010), also called Glorot: uniform in ±gain sqrt(6 / (fan-in + fan-out)). */
export function xavierUniform(gain = 1): Initializer {
  checkFinite('gain', gain);
  return scaled(uniform, ([fanIn, fanOut]) => gain * Math.sqrt(6 / (fanIn + fanOut)));
}

/** Glorot and Bengio (2010): normal with standard deviation gain sqrt(2 / (fan-in + fan-out)). */
export function xavierNormal(gain = 1): Initializer {
  checkFinite('gain', gain);
  return scaled(normal, ([fanIn, fanOut]) => gain * Math.sqrt(2 / (fanIn + fanOut)));
}

/** He et al. (2015), also called Kaiming, for what a relu follows: uniform in ±sqrt(6 / fan-in). */
export function heUniform(): Initializer {
  return scaled(uniform, ([fanIn]) => Math.sqrt(6 / fanIn));
}

/** He et al. (2015), for what a relu follows: normal with standard deviation sqrt(2 / fan-in). */
export function heNormal(): Initializer {
  return scaled(normal, ([fanIn]) => Math.sqrt(2 / fanIn));
}

function scaled(
  distribution: typeof uniform | typeof normal,
  sizeFor: (fans: [fanIn: number, fanOut: number]) => number,
): Initializer {
  return (shape, random) => {
    countOf(shape);
    const size = sizeFor([sizeOf(shape.slice(0, -1)), shape[shape.length - 1] ?? 1]);
    // A range around zero, or a mean of zero.
    return distribution(distribution === uniform ? -size : 0, size)(shape, random);
  };
}

/** How many numbers a shape has, which is checked: an initialiser is asked before the parameter is made. */
function countOf(shape: Shape): number {
  if (!isList(shape))
    throw new ShapeError(`an initialiser: ${shown(shape)}, expected a shape: an array of integers from 0`);
  composed('an initialiser', [], () => {
    checkSize(shape);
  });
  return sizeOf(shape);
}

/** @throws TypeError when an initialiser is given something else to draw from */
function checkRandom(who: string, random: unknown): void {
  if (!(random instanceof Random))
    throw new TypeError(
      `${who}: random ${shown(random)}: expected a Random to draw from, as in normal()([2, 3], new ` +
        'Random(42))',
    );
}
