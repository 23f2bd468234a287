/** Saves an experiment to a file and resumes it from there, bit for bit. */
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
  /** The file's path. */
  path: string;
  /** Save after every so many steps, and after the last. */
  every: number;
  /** Whether to resume from the file, if it exists. */
  resume: boolean;
}

/**
 * Saves an experiment to `path`, and resumes it from there.
 *
 * @throws WeightsError when the file could not be replaced, or the saved model could not be loaded again
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
            ? `${shown} was trained on other documents: give the same documents, or another file`
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

/** What identifies a run, and must be the same to resume it. */
function known({ seed, batch, docs }: Run): Record<string, string> {
  return { seed: String(seed), batch: String(batch), documents: digest(docs) };
}

/** The SHA-256 of all documents, each followed by a line feed. */
function digest(docs: Documents): string {
  const hash = createHash('sha256');
  for (let i = 0; i < docs.length; i++) hash.update(`${docs.at(i)!}\n`);
  return hash.digest('hex');
}
