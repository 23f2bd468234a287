/** A result as the JSON that the command line promises, with its fields in this order. */
import type { ExperimentResult } from '../study/experiment.js';

/** Losses that are NaN (nothing was held out) become null, as JSON requires. */
export function resultJson(result: ExperimentResult): Record<keyof ExperimentResult, unknown> {
  const { load, graph, compile, train, evaluate, sample, total } = result.seconds;
  return {
    model: result.model,
    dtype: result.dtype,
    isa: result.isa,
    seed: result.seed,
    steps: result.steps,
    batch: result.batch,
    docs: result.docs,
    vocabSize: result.vocabSize,
    params: result.params,
    losses: Array.from(result.losses),
    finalLoss: result.finalLoss,
    last50Loss: result.last50Loss,
    heldOutLoss: result.heldOutLoss,
    samples: result.samples,
    seconds: { load, graph, compile, train, evaluate, sample, total },
    microsecondsPerStep: result.microsecondsPerStep,
  };
}
