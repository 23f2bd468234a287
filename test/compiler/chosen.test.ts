/** topk, whose results come in order wherever the order can be observed, and in any order elsewhere. */
import assert from 'node:assert/strict';
import { ALL_PASSES, parsePasses } from '../../lib/compiler/passes.js';
import type { Value } from '../../lib/value/value.js';
import type { Index } from '../../lib/value/indices.js';
import { stack } from '../../lib/value/joins.js';
import { Program } from '../../lib/runtime/program.js';
import { assertClose, Leaves } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

interface Parts {
  /** After a relu about half of the numbers are equal; the largest are not in the order of their indices. */
  x: Value;
  places: Index;
  rows: Value;
  /** Other for each rank. */
  weights: Value;
}

const product = (x: Value, { places, rows }: Parts): Value => x.gather(places).matmul(rows.gather(places));

const CASES: Record<string, (parts: Parts) => Value> = {
  'by a product with chosen rows': (parts) => product(parts.x, parts).sum(),
  'by two of them': (parts) => product(parts.x, parts).add(product(parts.x.exp(), parts)).pow(2).sum(),
  'by a gather': ({ x, places, weights }) => x.gather(places).mul(weights).sum(),
  'by a gather of rows': ({ rows, places, weights }) => weights.matmul(rows.gather(places)).pow(2).sum(),
  'by a gather and a product': (parts) =>
    product(parts.x, parts).sum().add(parts.x.gather(parts.places).mul(parts.weights).sum()),
  'one by one': ({ x, places, weights }) =>
    stack([0, 3, 7].map((i) => x.gather(places.at(i)).mul(weights.at(i)))).sum(),
};

describe('the largest, read', () => {
  for (const [name, loss] of Object.entries(CASES)) {
    for (const [n, k] of [
      [32, 24],
      [32, 8],
      [45, 16],
      [200, 16],
    ] as const) {
      it(`${name}: ${k} of ${n}`, () => {
        for (const { isa, dtype } of TARGETS) {
          const [all, none] = [ALL_PASSES, parsePasses('none')].map((passes) => {
            const g = new Leaves(3);
            const x = g.p(n).relu();
            const made = loss({ x, places: x.topk(k), rows: g.p(n, 5), weights: g.p(k) });
            const update = { op: 'sgd', moments: 1, numbers: 2 } as const;
            const program = new Program(
              { groups: [[made]], gradients: 'parameters', update },
              { isa, dtype, passes },
            );
            program.update.setRule(0, 0.001);
            const losses = [program.takeStep({}), program.takeStep({})];
            return { losses, data: g.values.map(({ data }) => Array.from(data)) };
          });
          const tolerance = dtype === 'float64' ? 1e-12 : 1e-5;
          assertClose(all!.losses, none!.losses, tolerance, `${isa} ${dtype}`);
          assert.equal(all!.data.length, none!.data.length);
          all!.data.forEach((data, i) => assertClose(data, none!.data[i]!, tolerance, `${isa} ${dtype}`));
        }
      });
    }
  }
});
