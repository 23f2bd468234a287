/** Groups of parameters with numbers of their own. */
import assert from 'node:assert/strict';
import * as vg from '../../lib/index.js';
import type { Value } from '../../lib/value/value.js';
import { input, parameter } from '../../lib/value/leaves.js';
import { assertClose } from '../support/check.js';
import { falling, product, quadratic, singleNumbers, type Problem } from '../support/optimizer-cases.js';
import { TARGETS } from '../support/targets.js';
import {
  adagrad,
  adam,
  clipped,
  decoupled,
  fixed,
  lion,
  penalized,
  rmsprop,
  sgd,
  START,
  type Rule,
} from '../support/update-rules.js';

const FIRST = 20;

/** One rule for the first 20 numbers, another for the rest. */
const split =
  (first: Rule, rest: Rule): Rule =>
  (w, g, step) => {
    const parts = [w.slice(0, FIRST), w.slice(FIRST)] as const;
    first(parts[0], g.slice(0, FIRST), step);
    rest(parts[1], g.slice(FIRST), step);
    [...parts[0], ...parts[1]].forEach((x, i) => (w[i] = x));
  };

/** An optimiser with a group of some parameters, the rule of these, and that of the others. */
type Row = [title: string, make: (own: Value[]) => vg.Optimizer, rule: () => Rule];

const ROWS: Row[] = [
  [
    'SGD with another rate',
    (parameters) =>
      new vg.SGD({ learningRate: 0.3, momentum: 0.5, groups: [{ parameters, learningRate: 0.1 }] }),
    () => split(sgd(fixed(0.1), 0.5), sgd(fixed(0.3), 0.5)),
  ],
  [
    'SGD with another momentum and schedule, clipped together',
    (parameters) =>
      new vg.SGD({
        ...{ learningRate: 0.3, momentum: 0.5, clipGlobalNorm: 0.2, weightDecay: 0.1 },
        groups: [{ parameters, learningRate: falling, momentum: 0.9, nesterov: true, weightDecay: 0 }],
      }),
    () => clipped(0.2, split(sgd(falling, 0.9, true), penalized(0.1, sgd(fixed(0.3), 0.5)))),
  ],
  [
    'AdamW without decay',
    (parameters) => new vg.AdamW({ learningRate: 0.01, groups: [{ parameters, weightDecay: 0 }] }),
    () => split(adam(fixed(0.01)), decoupled(0.01, fixed(0.01), adam(fixed(0.01)))),
  ],
  [
    'Adam with other means',
    (parameters) =>
      new vg.Adam({ learningRate: 0.01, groups: [{ parameters, beta1: 0.5, beta2: 0.9, eps: 1e-3 }] }),
    () => split(adam(fixed(0.01), 0.5, 0.9, 1e-3), adam(fixed(0.01))),
  ],
  [
    'RMSprop with another rho',
    (parameters) =>
      new vg.RMSprop({ learningRate: 0.01, momentum: 0.3, groups: [{ parameters, rho: 0.5, eps: 1e-3 }] }),
    () => split(rmsprop(fixed(0.01), 0.5, 1e-3, 0.3), rmsprop(fixed(0.01), 0.9, 1e-8, 0.3)),
  ],
  [
    'Adagrad with another rate',
    (parameters) => new vg.Adagrad({ learningRate: falling, groups: [{ parameters, learningRate: 0.1 }] }),
    () => split(adagrad(fixed(0.1), 1e-10), adagrad(falling, 1e-10)),
  ],
  [
    'Lion with another decay',
    (parameters) => new vg.Lion({ learningRate: 0.01, groups: [{ parameters, weightDecay: 0.5 }] }),
    () => split(decoupled(0.5, fixed(0.01), lion(fixed(0.01))), lion(fixed(0.01))),
  ],
];

const STEPS = 10;

describe('groups of parameters', () => {
  for (const [title, make, rule] of ROWS)
    it(`${title}: ${STEPS} steps`, () => {
      for (const [name, problem] of Object.entries({ quadratic, singleNumbers })) {
        const { gradient } = problem();
        const expected = [...START];
        const change = rule();
        for (let step = 0; step < STEPS; step++) change(expected, gradient(expected, step), step);
        for (const { isa, dtype } of TARGETS) {
          const { weights, loss, feeds } = problem();
          const own = weights[0]!.shape.length > 0 ? weights.slice(0, 1) : weights.slice(0, FIRST);
          const training = make(own).minimize(loss, { isa, dtype });
          for (let step = 0; step < STEPS; step++) training.step(feeds(step));
          const found = weights.flatMap((w) => Array.from(w.data));
          const tolerance = dtype === 'float64' ? 1e-12 : 1e-4;
          assertClose(found, expected, tolerance, `the weights of ${name} on ${isa} in ${dtype}`);
        }
      }
    });

  it('leave the update in a product where only others have a decay', () => {
    const made = product();
    const bias = parameter([1, 2], { name: 'bias' });
    const loss = made.loss.add(bias.pow(2).sum());
    const ops = (weightDecay: number): string[] =>
      new vg.Adam({ learningRate: 0.1, groups: [{ parameters: /bias/, weightDecay }] })
        .minimize(loss)
        .program.work()
        .map(({ op }) => op);
    assert(ops(0.1).includes('gemm_adam') && ops(0.1).includes('adam'));
    assert(ops(0).includes('gemm_adam'));
  });

  /** Three parameters, each of which a step of SGD moves by its rate. */
  const three = (): { all: Value[]; loss: Value } => {
    const all = ['layer.weight', 'layer.bias', 'norm.weight'].map((name) => parameter([0], { name }));
    return { all, loss: all.reduce((sum, value) => sum.add(value)).sum() };
  };
  const RULES: [
    what: string,
    groups: (all: Value[]) => vg.ParameterGroup<vg.SGDOptions>[],
    rates: number[],
  ][] = [
    ['a regular expression', () => [{ parameters: /bias|norm/, learningRate: 2 }], [1, 2, 2]],
    ['one that counts on', () => [{ parameters: /weight$/g, learningRate: 2 }], [2, 1, 2]],
    ['a list', ([, , last]) => [{ parameters: [last!], learningRate: 2 }], [1, 1, 2]],
    ['a function', ([a]) => [{ parameters: (p) => p !== a, learningRate: 2 }], [1, 2, 2]],
    [
      'two groups, of which the first counts',
      () => [
        { parameters: /bias/, learningRate: 2 },
        { parameters: /layer/, learningRate: 3 },
      ],
      [3, 2, 1],
    ],
    ['a group that says nothing of its own', () => [{ parameters: /bias/ }], [1, 1, 1]],
    [
      'a group whose rate is undefined',
      () => [{ parameters: /bias/, learningRate: undefined as never }],
      [1, 1, 1],
    ],
    ['all parameters', () => [{ parameters: () => true, learningRate: 2 }], [2, 2, 2]],
    ['no group', () => [], [1, 1, 1]],
  ];
  for (const [what, groups, rates] of RULES)
    it(`are named by ${what}`, () => {
      const { all, loss } = three();
      const optimizer = new vg.SGD({ learningRate: 1, groups: groups(all) });
      for (const batches of [false, true]) {
        all.forEach((value) => value.data.fill(0));
        const training = optimizer.minimize(loss, { batches });
        if (batches) training.stepBatch([{}, {}]);
        else training.step({});
        assert.deepEqual(
          all.map((value) => -value.data[0]!),
          rates,
        );
      }
    });

  it('have the rates that were given when the optimiser was made', () => {
    const { all, loss } = three();
    const group = { parameters: [all[0]!], learningRate: 2 };
    const groups = [group];
    const optimizer = new vg.SGD({ learningRate: 1, groups });
    group.learningRate = 5;
    group.parameters.push(all[1]!);
    groups.pop();
    optimizer.minimize(loss).step({});
    assert.deepEqual(
      all.map((value) => -value.data[0]!),
      [2, 1, 1],
    );
  });

  it('take each rate of a generator once, also where a step was refused', () => {
    const { all, loss } = three();
    function* own(): Generator<number> {
      for (let rate = 10; ; rate++) yield rate;
    }
    let isReady = false;
    const learningRate = (): number => {
      if (isReady) return 5;
      isReady = true;
      throw new Error('not yet');
    };
    const groups = [
      { parameters: /bias/, learningRate: own() },
      { parameters: /norm/, learningRate },
    ];
    function* base(): Generator<number> {
      for (let rate = 1; ; rate++) yield rate;
    }
    const training = new vg.SGD({ learningRate: base(), groups }).minimize(loss);
    assert.throws(() => training.step({}), /not yet/);
    training.step({});
    training.step({});
    assert.deepEqual(
      all.map((value) => -value.data[0]!),
      [1 + 2, 10 + 11, 10],
    );
    assert.deepEqual(training.state().rule, [2, 0, 11, 0, 5, 0]);
  });

  it('go on from a state of the same groups', () => {
    const start = (): Problem & { training: vg.Training } => {
      const made = quadratic();
      const groups = [{ parameters: [made.weights[1]!], learningRate: falling }];
      return { ...made, training: new vg.Adam({ learningRate: 0.1, groups }).minimize(made.loss) };
    };
    const whole = start();
    for (let step = 0; step < 3; step++) whole.training.step(whole.feeds(step));
    const other = start();
    const state = whole.training.state();
    const moments = new Map(other.weights.map((w, i) => [w, state.moments.get(whole.weights[i]!)!]));
    other.training.restore({ ...state, moments });
    other.weights.forEach((w, i) => w.data.set(whole.weights[i]!.data));
    assert.equal(other.training.step(other.feeds(3)), whole.training.step(whole.feeds(3)));
  });

  const any = (given: unknown): never => given as never;
  const sgdWith = (group: unknown): vg.SGD => new vg.SGD({ learningRate: 1, groups: any([group]) });
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'no list',
      () => new vg.SGD({ learningRate: 1, groups: any({}) }),
      /^SGD: groups an object, expected a list/,
    ],
    [
      'a group of nothing',
      () => sgdWith({ learningRate: 1 }),
      /^SGD: groups\[0\]: parameters undefined, expected a list of parameters, a regular expression/,
    ],
    [
      'a list with an input',
      () => sgdWith({ parameters: [parameter(1), input('x')] }),
      /^SGD: groups\[0\]: parameters\[1\] 'x' \(input, shape \[\]\), expected a parameter$/,
    ],
    [
      'a misspelt option',
      () => sgdWith({ parameters: /w/, weightdecay: 0 }),
      /^SGD: groups\[0\]: there is no option "weightdecay"; did you mean weightDecay\?/,
    ],
    [
      'the limit of all gradients',
      () => sgdWith({ parameters: /w/, clipGlobalNorm: 1 }),
      /^SGD: groups\[0\]: there is no option "clipGlobalNorm"/,
    ],
    [
      'a number out of range',
      () => sgdWith({ parameters: /w/, momentum: 2 }),
      /^SGD: groups\[0\]: momentum 2: expected a number from 0 to below 1$/,
    ],
    [
      'no rate',
      () => sgdWith({ parameters: /w/, learningRate: any('fast') }),
      /^SGD: groups\[0\]: learningRate "fast": expected a number, a function/,
    ],
    [
      'another rule',
      () => new vg.Adam({ learningRate: 1, groups: [{ parameters: /w/, amsgrad: true }] }),
      /^Adam: groups\[0\]: amsgrad, .* are the same for all groups: give them to the optimiser$/,
    ],
    [
      'an answer that is neither true nor false',
      () =>
        sgdWith({ parameters: () => Promise.resolve(false) }).minimize(parameter([1], { name: 'w' }).sum()),
      /^SGD: groups\[0\]: the answer of parameters for 'w' .*: expected true or false$/,
    ],
    [
      'a group that has no parameter',
      () => sgdWith({ parameters: /biass/ }).minimize(parameter([1], { name: 'bias' }).sum()),
      /^SGD: groups\[0\]: no parameter that the loss trains is in it\. The loss trains 'bias' \(parameter/,
    ],
    [
      'a group whose parameters are in earlier ones',
      () =>
        new vg.SGD({
          learningRate: 1,
          groups: [{ parameters: /./ }, { parameters: /bias/, weightDecay: 0 }],
        }).minimize(
          parameter([1], { name: 'bias' })
            .add(parameter([1], { name: 'w' }))
            .sum(),
        ),
      /^SGD: groups\[1\]: 'bias' \(parameter, .* is in an earlier group, which counts: put/,
    ],
    [
      'a group whose two parameters are in earlier ones',
      () =>
        new vg.SGD({
          learningRate: 1,
          groups: [{ parameters: /bias/ }, { parameters: /w/ }, { parameters: /./, weightDecay: 0 }],
        }).minimize(
          parameter([1], { name: 'bias' })
            .add(parameter([1], { name: 'w' }))
            .sum(),
        ),
      /^SGD: groups\[2\]: .* and all others in it are in an earlier group/,
    ],
  ];
  for (const [what, call, message] of REFUSED)
    it(`refuse ${what}`, () => {
      assert.throws(call, { message });
    });
});
