/**
 * The four models, number by number: the traces in golden/ are what the reference programs, written
 * in Python, computed in float64 with seed 42 on the embedded names.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/core/package.js';
import { embeddedNamesPath, readDocuments } from '../../lib/study/documents.js';
import { runExperiment, type ExperimentOptions, type ExperimentResult } from '../../lib/study/experiment.js';
import { MODELS } from '../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import type { Value } from '../../lib/value/value.js';
import { ISAS } from '../support/targets.js';

interface Golden {
  losses: number[];
  samples: string[];
  held_out_mean_loss: number;
  last_50_mean_loss: number;
  final_param_sum: Record<string, number>;
  final_param_abs_sum: Record<string, number>;
  final_param_first_row: Record<string, number[]>;
}

const docs = readDocuments(embeddedNamesPath());

function golden(model: ModelName): Golden {
  return JSON.parse(
    readFileSync(join(packageRoot(), `test/fixtures/golden/${model}.json`), 'utf8'),
  ) as Golden;
}

/** Runs an experiment, keeping the parameters that it does not return. */
function run(
  name: ModelName,
  options: Partial<ExperimentOptions>,
): { result: ExperimentResult; parameters: Value[] } {
  const models = MODELS as Record<ModelName, (typeof MODELS)[ModelName]>;
  const build = models[name];
  let parameters: Value[] = [];
  models[name] = (...given) => {
    const model = build(...given);
    ({ parameters } = model);
    return model;
  };
  try {
    return { result: runExperiment(name, { docs, ...options }), parameters };
  } finally {
    models[name] = build;
  }
}

/** A model's parameters by name, whether an array is one node or a node for each number. */
function arrays(parameters: readonly Value[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { name, data } of parameters) {
    const array = name!.replace(/\[.*/, '');
    found.set(array, [...(found.get(array) ?? []), ...data]);
  }
  return found;
}

function assertNear(actual: number, expected: number, tolerance: number, what: string): void {
  const off = Math.abs(actual - expected);
  assert(off <= tolerance, `${what} is ${actual}, the trace says ${expected}: ${off} off`);
}

for (const model of MODEL_NAMES) {
  describe(`${model}, 1000 steps`, () => {
    for (const isa of ISAS) {
      it(`float64 on ${isa} is the trace`, () => {
        const trace = golden(model);
        const { result, parameters } = run(model, { isa });
        assert.equal(result.losses.length, trace.losses.length);
        trace.losses.forEach((loss, i) => {
          assertNear(result.losses[i]!, loss, 1e-9, `loss ${i + 1}`);
        });
        assertNear(result.heldOutLoss, trace.held_out_mean_loss, 1e-9, 'the held-out loss');
        assert.deepEqual(result.samples, trace.samples);

        const found = arrays(parameters);
        assert.deepEqual([...found.keys()], Object.keys(trace.final_param_sum));
        for (const [name, numbers] of found) {
          const sum = numbers.reduce((a, b) => a + b, 0);
          const size = numbers.reduce((a, b) => a + Math.abs(b), 0);
          assertNear(sum, trace.final_param_sum[name]!, 1e-7, `the sum of ${name}`);
          assertNear(size, trace.final_param_abs_sum[name]!, 1e-7, `the sum of sizes of ${name}`);
          trace.final_param_first_row[name]!.forEach((x, i) => {
            assertNear(numbers[i]!, x, 1e-7, `${name}[0][${i}]`);
          });
        }
      });

      // Adam divides by roots of numbers that float32 rounds: no promise for the scalar model.
      if (model === 'scalar') continue;
      it(`float32 on ${isa} ends at the trace's mean loss of the last 50 steps`, () => {
        const { result } = run(model, { isa, dtype: 'float32', samples: 0 });
        assertNear(result.last50Loss, golden(model).last_50_mean_loss, 1e-4, 'the mean loss');
      });
    }
  });
}
