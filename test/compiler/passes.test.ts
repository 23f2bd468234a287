/** The compiler's passes: how a list of them is parsed, and that each has an effect. */
import assert from 'node:assert/strict';
import {
  ALL_PASSES,
  parsePasses,
  PASSES,
  PassError,
  PASS_NAMES,
  STAGES,
  type PassName,
} from '../../lib/compiler/passes.js';
import { buildModel } from '../../lib/study/build-model.js';
import type { ModelName } from '../../lib/study/models/sizes.js';
import type { Value } from '../../lib/value/value.js';
import { addN, stack } from '../../lib/value/joins.js';
import { parameter } from '../../lib/value/leaves.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { Random } from '../../lib/runtime/random.js';

const without = (...off: PassName[]): PassName[] => PASS_NAMES.filter((name) => !off.includes(name));

const LISTS: [text: string, on: readonly PassName[]][] = [
  ['all', PASS_NAMES],
  ['none', []],
  ['pad,auto-batch', ['pad', 'auto-batch']],
  [' pad , auto-batch ', ['pad', 'auto-batch']],
  ['all,-pad', without('pad')],
  ['-pad,-in-place', without('pad', 'in-place')],
  ['pad,all,none,in-place', ['in-place']],
  ['pad,-pad', []],
];

describe('a list of passes', () => {
  for (const [text, on] of LISTS) {
    it(`'${text}' switches on ${on.join(', ') || 'none'}`, () => {
      assert.deepEqual([...parsePasses(text)].sort(), [...on].sort());
    });
  }

  for (const text of ['fussed', '', 'pad,', '-', 'all,-none', 'PAD', 'pad batch']) {
    it(`'${text}' is refused, saying which there are`, () => {
      assert.throws(
        () => parsePasses(text),
        (error: Error) =>
          error instanceof PassError && PASS_NAMES.every((name) => error.message.includes(name)),
      );
    });
  }
});

/**
 * A model on which a pass saves instructions or memory; `rows` saves time, in batches, and `reroll` needs
 * many positions (reroll.test.ts).
 */
const SAVES: Record<Exclude<PassName, 'rows' | 'reroll'>, ModelName> = {
  simplify: 'rnn',
  reassociate: 'rnn',
  pad: 'vector',
  'auto-batch': 'rnn_att',
  rebatch: 'vector',
  fuse: 'vector',
  combine: 'rnn',
  tidy: 'vector',
  'in-place': 'rnn',
  epilogue: 'vector',
  'fuse-update': 'rnn_att',
  reuse: 'vector',
};

describe('the table of passes', () => {
  it('is in the order of the stages', () => {
    const stages = PASSES.map(({ stage }) => STAGES.indexOf(stage));
    assert.deepEqual(
      stages,
      stages.toSorted((a, b) => a - b),
    );
  });
});

describe('a pass', () => {
  const feeds = { tokens: [4, 1, 2], targets: [1, 2, 4], length: 3 };
  interface Trained {
    losses: number[];
    instructions: number;
    memory: number;
  }
  const train = (name: ModelName, passes = ALL_PASSES): Trained => {
    const model = buildModel(name, 5, { blockSize: 4, nEmbd: 8, nState: 8, nAtt: 4 }, new Random(1));
    const training = model.optimizer(10).minimize(model.loss, { passes });
    const losses = Array.from({ length: 10 }, () => training.step(feeds));
    const { counts, arena } = training.program;
    return { losses, instructions: counts.instructions, memory: arena.length };
  };

  for (const [pass, model] of Object.entries(SAVES) as [PassName, ModelName][]) {
    it(`of the name ${pass} saves ${model} something`, () => {
      // With `rows`, a small program keeps a place for each value.
      const others = pass === 'reuse' ? 'all,-rows' : 'all';
      const [on, off] = [others, `${others},-${pass}`].map((passes) => train(model, parsePasses(passes))) as [
        Trained,
        Trained,
      ];
      const what = JSON.stringify([on, off]);
      assert(on.instructions <= off.instructions, what);
      assert(on.instructions < off.instructions || on.memory < off.memory, what);
    });
  }

  it('of the name simplify stacks once what is written twice, and nothing else', () => {
    const rows = [
      [1, 2],
      [3, 4],
    ].map((row) => parameter(row));
    const [a, b] = rows as [Value, Value];
    const other = a.mul(2);
    const nodes = (...stacks: Value[][]): number => {
      const sums = stacks.map((list, i) =>
        stack(list)
          .pow(i + 2)
          .sum(),
      );
      const loss = addN(sums);
      const training = new SGD({ learningRate: 0 }).minimize(loss, {
        passes: parsePasses('simplify'),
      });
      assert.equal(training.step({}), loss.forward()[0]);
      return training.program.counts.forwardNodes;
    };
    const one = nodes([a, b], [b, a], [a, b, b]); // three stacks
    assert.equal(nodes([a, b], [a, b], [a, b]), one - 2);
    assert.equal(nodes([a, b], [a, b, b], [a, b]), one - 1);
    assert.equal(nodes([a, b], [other, b], [b]), one + 2); // other, and the constant
  });

  // Of these, scalar bytecode supports only one.
  for (const model of ['vector', 'rnn', 'rnn_att'] as const) {
    it(`changes nothing that ${model} learns`, () => {
      const plain = train(model, parsePasses('none')).losses;
      for (const off of PASS_NAMES) {
        train(model, parsePasses(`-${off}`)).losses.forEach((loss, i) => {
          assert(
            Math.abs(loss - plain[i]!) < 1e-11,
            `without ${off}, step ${i + 1}: ${loss} for ${plain[i]!}`,
          );
        });
      }
    });
  }
});
