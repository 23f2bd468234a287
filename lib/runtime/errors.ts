/** The errors that programs throw. */
import { clipped } from '../core/escape.js';

/** A feed that is missing, unknown, or wrong. */
export class FeedError extends Error {
  override name = 'FeedError';

  /** Its message names what was fed, which may be called anything: it is cut and escaped. */
  constructor(message?: string, options?: ErrorOptions) {
    super(typeof message === 'string' ? clipped(message, 2000) : message, options);
  }
}

/** A loss or a gradient that is NaN or infinite, with which no parameter was changed. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
}

/** A program that trains in the background was asked for what needs its memory. */
export class BusyError extends Error {
  override name = 'BusyError';
}
