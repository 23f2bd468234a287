/** Keeps an experiment in a file from which another process goes on, bit for bit. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Documents } from './documents.js';
import type { Keeper, Run } from './experiment.js';
import { ExperimentError } from './train.js';
import { checkKeepable } from './model-file.js';
import { loadCheckpoint, saveCheckpoint } from './checkpoint-file.js';
import { clipped, quotedPath } from '../core/escape.js';
import { checkWritable } from '../weights/tensor-file.js';

/** Where and when to save. */
export interface CheckpointOptions {
  /** The file. */
  path: string;
  /** Steps after which to save, beside the last. */
  every: number;
  /** Whether to go on from what the file has, where there is one. */
  resume: boolean;
}

/**
 * Saves to `path`, and goes on from there.
 *
 * @throws WeightsError when the file could not be replaced, or a run's model not be read again
 */
export function checkpoints({ path, every, resume }: CheckpointOptions): Keeper {
  const shown = quotedPath(path);
  checkWritable(path);
  let about: Record<string, string> = {};
  return {
    every,
    resume(run) {
      checkKeepable(path, run.model);
      about = known(run);
      if (!resume || !existsSync(path)) return [];
      const { model, training, random } = run;
      const { losses, metadata } = loadCheckpoint(
        path,
        model,
        { training, random },
        { mostSteps: run.steps },
      );
      for (const [key, value] of Object.entries(about)) {
        if (metadata[key] === value) continue;
        throw new ExperimentError(
          key === 'documents'
            ? `${shown} was trained on other documents: give them, or another file`
            : `${shown} was trained with ${key} ${clipped(String(metadata[key]))}, not ${value}: give ` +
                `the same ${key}, or another file`,
        );
      }
      if (losses.length !== training.steps) {
        throw new ExperimentError(
          `${shown} has ${losses.length} losses of ${training.steps} steps: it was not written by ` +
            'vecgrad train',
        );
      }
      return losses;
    },
    save({ model, tokenizer, training, random }, losses) {
      saveCheckpoint(path, model, tokenizer, { training, random, losses }, about);
    },
  };
}

/** What a run is known by, which must be the same in one that goes on with it. */
function known({ seed, batch, docs }: Run): Record<string, string> {
  return { seed: String(seed), batch: String(batch), documents: digest(docs) };
}

/** SHA-256 of all documents, each with its line feed. */
function digest(docs: Documents): string {
  const hash = createHash('sha256');
  for (let i = 0; i < docs.length; i++) hash.update(`${docs.at(i)!}\n`);
  return hash.digest('hex');
}
