/** The options of `rmsNorm` and `layerNorm`. */
import { checkFinite, checkOptions, type Known } from '../core/check.js';

/** How a row is normed. */
export interface NormOptions {
  /** What is added to the mean square, or the variance, before its root is taken: from 0, 1e-5 by default. */
  eps?: number;
}

const NORM_OPTIONS: Known<NormOptions> = { eps: true };

/** What is added, checked; `who` is named in errors. */
export function epsOf(who: string, options: NormOptions): number {
  checkOptions(who, options, NORM_OPTIONS);
  const { eps = 1e-5 } = options;
  checkFinite(`${who}: eps`, eps, 0);
  return eps;
}
