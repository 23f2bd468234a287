/** Draws a model's loss as a graph, in DOT or Mermaid. */
import { checkDocuments, listed, type Documents } from './documents.js';
import { Tokenizer } from './tokenizer.js';
import { countBoxes } from '../graph/to-dot.js';
import { ExperimentError } from './train.js';
import { DEFAULTS } from './defaults.js';
import { buildModel } from './build-model.js';
import type { ModelName, ModelSizes } from './models/sizes.js';
import { Random } from '../runtime/random.js';

export interface ModelGraphOptions {
  docs: Documents;
  /** The number of positions to draw. */
  positions: number;
  /** Show numbers and gradients, for the first document with at least so many positions. */
  data: boolean;
  /** Mermaid instead of DOT. */
  mermaid: boolean;
  sizes: Partial<ModelSizes>;
  seed?: number;
}

/** The drawing, and the number of its boxes; a parameter is drawn once for each position that reads it. */
export function modelGraph(name: ModelName, options: ModelGraphOptions): { text: string; boxes: number } {
  const { docs, positions, data, sizes, seed = DEFAULTS.seed } = options;
  checkDocuments(docs);
  const tokenizer = new Tokenizer(docs);
  const { loss } = buildModel(
    name,
    tokenizer.vocabSize,
    { ...sizes, blockSize: positions },
    new Random(seed),
  );
  if (data) {
    const doc = listed(docs).find((text) => tokenizer.encode(text).length > positions);
    if (doc === undefined)
      throw new ExperimentError(`no document has ${positions} positions (its characters and an end)`);
    loss.forward(tokenizer.corpus([doc], Int32Array.of(0)).example(0, positions));
    loss.backward();
  }
  const shown = { data, grad: data, parametersByPosition: true };
  return {
    text: options.mermaid ? loss.toMermaid(shown) : loss.toDot(shown),
    boxes: countBoxes(loss, shown.parametersByPosition),
  };
}
