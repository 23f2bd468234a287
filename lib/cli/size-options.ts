/** The options that set a model's sizes, and the checks that such a model is possible and fits in memory. */
import type { OptionName } from './commands.js';
import type { ModelName, ModelSizes } from '../study/models/sizes.js';
import { MODELS } from './study.js';
import { UsageError, list } from './usage.js';
import { graphSize, MOST_NODES } from '../study/models/graph-size.js';

interface SizeSpec {
  option: OptionName;
  byDefault: number;
  /** A guard against slips: beyond it no machine has the memory or the patience. */
  max: number;
  models: readonly ModelName[];
}

const GPT: readonly ModelName[] = ['scalar', 'vector'];

export const SIZES: Record<keyof ModelSizes, SizeSpec> = {
  nEmbd: { option: 'n-embd', byDefault: 16, max: 4096, models: MODELS },
  nHead: { option: 'n-head', byDefault: 4, max: 4096, models: GPT },
  nLayer: { option: 'n-layer', byDefault: 1, max: 256, models: GPT },
  blockSize: { option: 'block-size', byDefault: 16, max: 4096, models: MODELS },
  nState: { option: 'n-state', byDefault: 32, max: 4096, models: ['rnn', 'rnn_att'] },
  nAtt: { option: 'n-att', byDefault: 16, max: 4096, models: ['rnn_att'] },
};

/** A line that names the options of `given` that the model makes no use of; none where there are none. */
export function unusedNote(model: ModelName, given: Partial<ModelSizes>): string {
  const unused = (Object.keys(given) as (keyof ModelSizes)[])
    .filter((size) => !SIZES[size].models.includes(model))
    .map((size) => `--${SIZES[size].option}`);
  return unused.length > 0 ? `vecgrad: note: ${model} makes no use of ${unused.join(', ')}\n` : '';
}

/** Sizes that exclude each other are refused even where the model would ignore the one given. */
export function checkSizes(model: ModelName, chosen: Partial<ModelSizes>): void {
  const value = (size: keyof ModelSizes): number => chosen[size] ?? SIZES[size].byDefault;
  const matters = (size: keyof ModelSizes): boolean => size in chosen || SIZES[size].models.includes(model);
  const shown = (size: keyof ModelSizes): string =>
    `${SIZES[size].option} ${value(size)}${size in chosen ? '' : ' (the default)'}`;
  if (matters('nHead') && value('nEmbd') % value('nHead') !== 0) {
    throw new UsageError(
      `${shown('nHead')} does not divide ${shown('nEmbd')}: ` +
        'every head takes an equal part of the embedding',
    );
  }
  if (matters('nAtt') && value('nAtt') > value('nState')) {
    throw new UsageError(
      `${shown('nAtt')} is more than ${shown('nState')}: ` +
        'no more coordinates can fire than the state has',
    );
  }
}

/** Refuses what would fill the memory: sizes that are fine one by one may not be so together. */
export function checkMemory(model: ModelName, chosen: Partial<ModelSizes>, blockSize = '--block-size'): void {
  const all = Object.fromEntries(
    Object.entries(SIZES).map(([size, { byDefault }]) => [size, byDefault]),
  ) as unknown as ModelSizes;
  Object.assign(all, chosen);
  const { nEmbd, nLayer, nState } = all;
  const isGpt = GPT.includes(model);
  const parameters = isGpt ? nLayer * 12 * nEmbd ** 2 : nState ** 2 + 2 * nEmbd * nState;
  // documents are not read yet
  if (parameters <= 20_000_000 && graphSize(model, { ...all, vocabSize: 1 }) <= MOST_NODES) return;
  const options = isGpt ? ['--n-embd', '--n-layer', blockSize] : ['--n-state', '--n-embd'];
  throw new UsageError(`${model} of these sizes would not fit in memory: lower ${list(options)}`);
}
