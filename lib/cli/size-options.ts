/** The options for a model's sizes, and the checks that such a model is valid and fits in memory. */
import { graphSize, MAX_NODES } from '../study/models/graph-size.js';
import { DEFAULT_SIZES, SIZE_RULES, SIZES, type ModelName, type ModelSizes } from '../study/models/sizes.js';
import type { OptionName } from './commands.js';
import { alternatives, UsageError } from './usage.js';

/**
 * The option of each size, and its largest value: with more a model would not fit in memory, or take forever.
 */
export const SIZE_OPTIONS: Readonly<Record<keyof ModelSizes, { option: OptionName; max: number }>> = {
  nEmbd: { option: 'n-embd', max: 4096 },
  nHead: { option: 'n-head', max: 4096 },
  nLayer: { option: 'n-layer', max: 256 },
  blockSize: { option: 'block-size', max: 4096 },
  nState: { option: 'n-state', max: 4096 },
  nAtt: { option: 'n-att', max: 4096 },
};

/**
 * The most parameters that the command line trains, without those of the vocabulary, which is not read yet.
 */
const MAX_PARAMETERS = 20_000_000;

/** A note on the given options that the model does not use; empty if it uses all. */
export function unusedNote(model: ModelName, chosen: Partial<ModelSizes>): string {
  const unused = (Object.keys(chosen) as (keyof ModelSizes)[])
    .filter((size) => !SIZES[size].models.includes(model))
    .map((size) => `--${SIZE_OPTIONS[size].option}`);
  return unused.length > 0 ? `vecgrad: note: ${model} does not use ${unused.join(', ')}\n` : '';
}

/** Refuses sizes that do not fit each other. Those that the model does not use do not matter. */
export function checkSizes(model: ModelName, chosen: Partial<ModelSizes>): void {
  const all = { ...DEFAULT_SIZES, ...chosen };
  const shown = (size: keyof ModelSizes): string =>
    `${SIZE_OPTIONS[size].option} ${all[size]}${size in chosen ? '' : ' (the default)'}`;
  for (const { size, other, fits, misfit, why } of SIZE_RULES) {
    if (SIZES[size].models.includes(model) && !fits(all))
      throw new UsageError(`${shown(size)} ${misfit} ${shown(other)}: ${why}`);
  }
}

/**
 * Refuses sizes that are each small enough, but do not fit in memory together.
 *
 * @param blockSize the option that sets the positions
 */
export function checkMemory(model: ModelName, chosen: Partial<ModelSizes>, blockSize = '--block-size'): void {
  const all = { ...DEFAULT_SIZES, ...chosen };
  const { nEmbd, nLayer, nState } = all;
  const isGpt = SIZES.nHead.models.includes(model);
  const parameters = isGpt ? nLayer * 12 * nEmbd ** 2 : nState ** 2 + 2 * nEmbd * nState;
  // The documents have not been read yet, so the vocabulary is unknown.
  const fits = parameters <= MAX_PARAMETERS && graphSize(model, { ...all, vocabSize: 1 }) <= MAX_NODES;
  if (fits) return;
  const options = isGpt ? ['--n-embd', '--n-layer', blockSize] : ['--n-state', '--n-embd'];
  throw new UsageError(`${model} of these sizes would not fit in memory: lower ${alternatives(options)}`);
}
