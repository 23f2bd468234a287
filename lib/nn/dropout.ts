/** Dropout as a layer. */
import { shown } from '../core/check.js';
import { dropout } from '../value/functions.js';
import { checkValue, type Value } from '../value/value.js';
import { composed } from '../graph/node.js';
import { checkModule, Module, type ModuleOptions } from './module.js';

/** Seeds of dropout have 31 bits. */
const SEEDS = 2 ** 31;

/**
 * Drops numbers in training steps (Srivastava et al., 2014): see `Value.dropout`. It has no parameters; its
 * seed is drawn from `random`.
 */
export class Dropout extends Module {
  private seed: number;

  /**
   * @param rate the fraction that is dropped, from 0 to below 1
   * @throws RangeError when the rate is out of range
   */
  constructor(
    private readonly rate: number,
    options: ModuleOptions,
  ) {
    super(options);
    if (!(typeof rate === 'number' && rate >= 0 && rate < 1))
      throw new RangeError(`Dropout: rate ${shown(rate)}: expected a number from 0 to below 1`);
    this.seed = options.random.randbelow(SEEDS);
  }

  /**
   * @param x of any shape; each call drops other numbers
   * @returns the same shape
   */
  apply(x: Value): Value {
    checkModule('Dropout.apply', this);
    checkValue('Dropout.apply', 'x', x);
    const { rate, seed } = this;
    this.seed = (seed + 1) % SEEDS;
    return composed('Dropout.apply', [x], () => dropout(x, rate, seed));
  }
}
