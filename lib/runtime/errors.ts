/** The errors that programs throw. */
import { clipped } from '../core/escape.js';
import { ShapeError, sizeOf } from '../core/shape.js';
import type { Node } from '../graph/node.js';

/** A feed that is missing, unknown, or wrong. */
export class FeedError extends Error {
  override name = 'FeedError';

  /** The message is escaped and cut: it quotes names of feeds, which can be any text. */
  constructor(message?: string, options?: ErrorOptions) {
    super(typeof message === 'string' ? clipped(message, 2000) : message, options);
  }
}

/** A loss or gradient is NaN or infinite; no parameter was changed. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
}

/** The program trains in the background, and its memory cannot be used until that ends. */
export class BusyError extends Error {
  override name = 'BusyError';
}

/**
 * @param otherwise advice for those who want all the numbers
 * @throws ShapeError where a node is not one number; shapes [1] and [1, 1] count as one
 */
export function checkOneNumber(who: string, { shape, label }: Node, otherwise = ''): void {
  const size = sizeOf(shape);
  if (size === 1) return;
  const advice =
    size === 0 ? 'check the slice or shape that made it empty' : `take .mean() or .sum() of it${otherwise}`;
  throw new ShapeError(`${who} ${label} has ${size === 0 ? 'no' : size} numbers, expected one: ${advice}`);
}

/** @throws ShapeError where a call would return one number of a root that has several, or none */
export function checkReturnsNumber(who: string, root: Node): void {
  checkOneNumber(who, root, ', or call forward(feeds), which returns all');
}

/** The error of a training step by a program that was compiled without an update. */
export function noUpdate(what: string, root: string): TypeError {
  return new TypeError(
    `${what} of ${root}: this program was compiled without an update: train with an optimiser, as in ` +
      'new SGD({ learningRate }).minimize(loss), or take evaluate(feeds)',
  );
}

/** The error of a step by the program of a training. */
export function onlyTrainingSteps(root: string): TypeError {
  return new TypeError(
    `step of ${root}: the program of a training takes no steps by itself: call step(feeds) of the training ` +
      'that minimize returned',
  );
}
