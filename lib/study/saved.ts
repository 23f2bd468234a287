/** Uses a model from a file: samples documents, and evaluates it on others. */
import { openDocuments } from './documents.js';
import { quotedPath } from '../core/escape.js';
import { meanOf } from '../core/mean.js';
import type { DType } from '../core/array.js';
import { DEFAULTS } from './defaults.js';
import type { ModelName } from './models/sizes.js';
import { loadModel, type LoadedModel } from './model-file.js';
import { Program } from '../runtime/program.js';
import { Random } from '../runtime/random.js';
import { sample, type SampleOptions } from './sampling.js';
import { WeightsError } from '../weights/tensor-file.js';

/** The result of sampling from a saved model. */
export interface Invented {
  /** The model's name. */
  model: ModelName;
  /** The data type of all numbers. */
  dtype: DType;
  /** The sampled documents. */
  samples: string[];
}

/** The result of evaluating a saved model. */
export interface Evaluated {
  /** The model's name. */
  model: ModelName;
  /** The data type of all numbers. */
  dtype: DType;
  /** The number of documents. */
  docs: number;
  /** The loss in nats per token: the mean over documents of each document's mean over its tokens. */
  loss: number;
}

/**
 * Loads a model and checks its numbers.
 *
 * @throws WeightsError where a number is not finite
 */
function loadUsable(path: string): LoadedModel {
  const loaded = loadModel(path);
  for (const { name, values } of loaded.model.matrices) {
    for (const { data } of values) {
      const wrong = data.find((x) => !Number.isFinite(x));
      if (wrong !== undefined)
        throw new WeightsError(
          `${quotedPath(path)}: array '${name}' holds ${wrong}, expected finite numbers: use an ` +
            'earlier file of the model, or train it anew with a lower --lr',
        );
    }
  }
  return loaded;
}

/** Samples documents from the model in a file, by default as many as `runExperiment` does. */
export function invent(path: string, options: Partial<SampleOptions> & { seed?: number }): Invented {
  const {
    seed = DEFAULTS.seed,
    count = DEFAULTS.samples,
    temperature = DEFAULTS.temperature,
    ...more
  } = options;
  const { model, tokenizer, dtype } = loadUsable(path);
  const how = { count, temperature, ...more, target: { dtype } };
  try {
    const samples = sample(model, tokenizer, new Random(seed), how);
    return { model: model.name, dtype, samples };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WeightsError(`${quotedPath(path)}: ${error.message}`, { cause: error });
  }
}

/** The loss of the model in a file on the documents of another file. */
export function evaluate(path: string, input: string): Evaluated {
  const { model, tokenizer, dtype } = loadUsable(path);
  const docs = openDocuments(input, false);
  const program = new Program({ groups: [[model.loss]], gradients: 'none' }, { dtype });
  const all = Int32Array.from({ length: docs.length }, (_, i) => i);
  const dataset = tokenizer.corpus(docs, all).dataset(model.sizes.blockSize);
  const { losses, error } = program.runEach(dataset, 0, dataset.count);
  if (error) throw error;
  const wrong = losses.findIndex((x) => !Number.isFinite(x));
  if (wrong >= 0)
    throw new WeightsError(
      `${quotedPath(path)}: its loss on document ${wrong + 1} of ${quotedPath(input)} is ` +
        `${losses[wrong]}: its numbers are too large to compute with; train it anew with a lower --lr`,
    );
  const loss = meanOf(losses);
  return { model: model.name, dtype, docs: docs.length, loss };
}
