/** Recurrent networks over sequences, against PyTorch's: test/support/recurrent.py. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/core/package.js';
import * as nn from '../../lib/nn/index.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { Random } from '../../lib/runtime/random.js';
import { grad } from '../../lib/value/grad.js';
import { stack } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';

type Kind = 'RNN' | 'GRU' | 'LSTM';

interface Case {
  kind: Kind;
  layers: number;
  bidirectional: boolean;
  bias: boolean;
  lengths: number[] | null;
  x: number[];
  state: number[][] | null;
  weights: Record<string, number[]>;
  output: number[];
  last: number[][];
  xGrad: number[];
  grads: Record<string, number[]>;
}

const { cases } = JSON.parse(readFileSync(join(packageRoot(), 'test/fixtures/recurrent.json'), 'utf8')) as {
  cases: Case[];
};

const [SAMPLES, POSITIONS, INPUTS, STATES] = [3, 4, 2, 3];

type State = Value | nn.LSTMState;

interface Sequences extends nn.Module {
  apply(x: Value, options?: nn.SequenceApplyOptions<never>): nn.SequenceResult<State>;
}

function made(kind: Kind, options: Partial<nn.SequenceOptions>): Sequences {
  const random = new Random(1);
  if (kind === 'GRU') return new nn.GRU(INPUTS, STATES, { random, resetAfter: true, ...options });
  return new nn[kind](INPUTS, STATES, { random, ...options });
}

const partsOf = (state: State): Value[] => ('h' in state ? [state.h, state.c] : [state]);

/** PyTorch's [gates nState, columns] as [columns, gates nState]. */
function transposed(numbers: readonly number[], columns: number): number[] {
  const rows = numbers.length / columns;
  return numbers.map((_, i) => numbers[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** PyTorch's numbers of one of our parameters, such as layer1Reverse.inputWeight; for biases their sums. */
function theirs(
  name: string,
  shape: readonly number[],
  from: Record<string, number[]>,
  kind: Kind,
): number[] {
  const [, layer, direction = '', field] = /^layer(\d+)(Reverse)?\.(\w+)$/.exec(name)!;
  const find = (what: string): number[] => from[`${what}_l${layer}${direction && '_reverse'}`]!;
  if (field === 'inputWeight') return transposed(find('weight_ih'), shape[0]!);
  if (field === 'stateWeight') return transposed(find('weight_hh'), shape[0]!);
  const [ofInput, ofState] = [find('bias_ih'), find('bias_hh')];
  if (field === 'stateBias') return ofState.slice(-STATES);
  // The gate r scales the state's bias of n, which is a parameter of its own.
  return ofInput.map((b, i) => (kind === 'GRU' && i >= 2 * STATES ? b : b + ofState[i]!));
}

function close(what: string, ours: ArrayLike<number>, expected: readonly number[], tolerance = 1e-12): void {
  assert.equal(ours.length, expected.length, what);
  expected.forEach((y, i) => {
    assert(Math.abs(ours[i]! - y) <= tolerance * Math.max(1, Math.abs(y)), `${what}[${i}]: ${ours[i]}, ${y}`);
  });
}

describe('recurrent networks are those of PyTorch:', () => {
  for (const [i, given] of cases.entries()) {
    const { kind, layers: numLayers, bidirectional, bias, lengths, state } = given;
    const directions = bidirectional ? 2 : 1;
    const title = `${kind}, ${numLayers} layers, ${directions} ways, lengths ${lengths?.join() ?? 'all'}`;
    for (const fed of lengths ? [false, true] : [false]) {
      it(`${i}: ${title}${fed ? ', fed' : ''}`, () => {
        const net = made(kind, { numLayers, bidirectional, bias });
        const parameters = net.parameters();
        for (const p of parameters) p.data.set(theirs(p.name!, p.shape, given.weights, kind));
        const x = parameter(given.x, { shape: [SAMPLES, POSITIONS, INPUTS] });
        const shape = [numLayers * directions, SAMPLES, STATES];
        const parts = state?.map((numbers) => parameter(numbers, { shape }));
        const { output, state: last } = net.apply(x, {
          ...(parts && { state: (kind === 'LSTM' ? { h: parts[0], c: parts[1] } : parts[0]) as never }),
          ...(lengths && { lengths: fed ? index('lengths', SAMPLES) : lengths }),
        });
        const feeds: Record<string, number[]> = fed ? { lengths: lengths! } : {};
        assert.deepEqual(output.shape, [SAMPLES, POSITIONS, directions * STATES]);
        close('output', output.forward(feeds), given.output);
        const lastParts = partsOf(last);
        lastParts.forEach((part, j) => {
          assert.deepEqual(part.shape, shape);
          close(`state ${j}`, part.forward(feeds), given.last[j]!);
        });
        const loss = lastParts.reduce((sum, part) => sum.add(part.pow(3).sum()), output.pow(2).sum());
        const slopes = grad(loss, [x, ...parameters]);
        close('gradient of x', slopes[0]!.forward(feeds), given.xGrad);
        parameters.forEach((p, j) => {
          // Both biases of PyTorch have the gradient of their sum.
          const half = p.name!.endsWith('.bias');
          const only = Object.fromEntries(
            Object.entries(given.grads).map(([name, all]) => [
              name,
              half && name.startsWith('bias_hh') ? all.map(() => 0) : all,
            ]),
          );
          close(`gradient of ${p.name}`, slopes[j + 1]!.forward(feeds), theirs(p.name!, p.shape, only, kind));
        });
      });
    }
  }
});

describe('recurrent networks', () => {
  const kinds: Kind[] = ['RNN', 'GRU', 'LSTM'];
  const numbers = Float64Array.from({ length: SAMPLES * POSITIONS * INPUTS }, (_, i) => Math.sin(i));

  for (const kind of kinds) {
    it(`${kind}: one sequence is what it is among others`, () => {
      const net = made(kind, { numLayers: 2, bidirectional: true });
      const x = input('x', [SAMPLES, POSITIONS, INPUTS]);
      const lengths = [4, 2, 3];
      const all = net.apply(x, { lengths });
      for (let i = 0; i < SAMPLES; i++) {
        const alone = net.apply(x.at(i), { lengths: lengths[i]! });
        assert.deepEqual(alone.output.shape, [POSITIONS, 2 * STATES]);
        close('output', alone.output.forward({ x: numbers }), [...all.output.at(i).forward({ x: numbers })]);
        partsOf(alone.state).forEach((part, j) => {
          const ofAll = partsOf(all.state)[j]!;
          const whole = ofAll.slice(i, i + 1, 1).squeeze(1);
          assert.deepEqual(part.shape, whole.shape);
          close('state', part.forward({ x: numbers }), [...whole.forward({ x: numbers })]);
        });
      }
    });

    it(`${kind}: a sequence in two parts, with the state passed on, is the whole`, () => {
      const net = made(kind, { numLayers: 2 });
      const x = input('x', [SAMPLES, POSITIONS, INPUTS]);
      const first = net.apply(x.slice(0, 1, 1));
      const rest = net.apply(x.slice(1, POSITIONS, 1), { state: first.state as never });
      const whole = net.apply(x);
      const end = whole.output.slice(1, POSITIONS, 1);
      close('output', rest.output.forward({ x: numbers }), [...end.forward({ x: numbers })]);
    });

    it(`${kind}: is its cell, position by position`, () => {
      const net = made(kind, {});
      const cell = net.namedModules()[1]!.module;
      assert(cell instanceof nn.RNNCell || cell instanceof nn.GRUCell || cell instanceof nn.LSTMCell);
      const x = input('x', [SAMPLES, POSITIONS, INPUTS]);
      const xs = Array.from({ length: POSITIONS }, (_, t) => x.slice(t, t + 1, 1).squeeze(1));
      const expected = stack(cell.apply(xs), 1);
      close('output', net.apply(x).output.forward({ x: numbers }), [...expected.forward({ x: numbers })]);
    });

    it(`${kind}: a sequence of no positions gives zeros and the state before it`, () => {
      const net = made(kind, {});
      const x = parameter(
        numbers.map(() => NaN),
        { shape: [SAMPLES, POSITIONS, INPUTS] },
      );
      const { output, state } = net.apply(x, { lengths: [0, 0, 0] });
      for (const y of [output, ...partsOf(state)]) assert(y.forward().every((n) => n === 0));
    });

    it(`${kind}: what lies behind a sequence reaches no gradient, whatever it is`, () => {
      const gradients = [0, NaN, Infinity].map((odd) => {
        const net = made(kind, { numLayers: 2, bidirectional: true });
        const x = input('x', [1, 3, INPUTS]);
        const { output } = net.apply(x, { lengths: index('lengths', 1) });
        const training = new SGD({ learningRate: 1 }).minimize(output.sum(), { keepGradients: true });
        const own = Array.from({ length: 2 * INPUTS }, (_, i) => Math.sin(i));
        training.step({ x: [...own, ...new Array<number>(INPUTS).fill(odd)], lengths: [2] });
        return net.parameters().flatMap((p) => [...training.gradient(p)]);
      });
      assert(gradients[0]!.every(Number.isFinite));
      assert.deepEqual(gradients[1], gradients[0]);
      assert.deepEqual(gradients[2], gradients[0]);
    });

    it(`${kind}: dropout acts between layers, in training alone`, () => {
      const losses = [1, 2].map((numLayers) => {
        const net = made(kind, { numLayers, dropout: 0.5 });
        const loss = net
          .apply(parameter(numbers, { shape: [SAMPLES, POSITIONS, INPUTS] }))
          .output.pow(2)
          .sum();
        const training = new SGD({ learningRate: 0 }).minimize(loss);
        return [training.evaluate({}), training.step({})];
      });
      assert.equal(losses[0]![0], losses[0]![1]);
      assert.notEqual(losses[1]![0], losses[1]![1]);
    });

    it(`${kind}: names its parameters by layer and direction, and shows them in a summary`, () => {
      const net = made(kind, { numLayers: 2, bidirectional: true, bias: false, name: 'net' });
      const layers = ['layer0', 'layer0Reverse', 'layer1', 'layer1Reverse'];
      assert.deepEqual(
        net.parameters().map((p) => p.name),
        layers.flatMap((layer) => ['inputWeight', 'stateWeight'].map((field) => `net.${layer}.${field}`)),
      );
      assert.deepEqual(
        net.namedModules().map(({ name }) => name),
        ['', ...layers],
      );
      for (const layer of layers) assert.match(nn.summary(net), new RegExp(`${layer} .*${kind}Cell`));
    });
  }
});

describe('recurrent networks refuse', () => {
  const random = new Random(1);
  const any = (given: unknown): never => given as never;
  const rows: [given: string, make: () => unknown, message: RegExp][] = [
    [
      'a text for resetAfter',
      () => new nn.GRU(3, 4, { random, resetAfter: any('yes') }),
      /^GRU: resetAfter "yes": expected true or false$/,
    ],
    [
      'a number for resetAfter of a cell',
      () => new nn.GRUCell(3, 4, { random, resetAfter: any(1) }),
      /^GRUCell: resetAfter 1: expected true or false$/,
    ],
    [
      'resetAfter of another network',
      () => new nn.LSTM(3, 4, any({ random, resetAfter: true })),
      /^LSTM: there is no option "resetAfter"/,
    ],
    ['no layers', () => new nn.RNN(3, 4, { random, numLayers: 0 }), /^RNN: numLayers 0: expected an integer/],
    ['no states', () => new nn.RNN(3, 0, { random }), /^RNN: nState 0: expected an integer/],
    ['half a number', () => new nn.RNN(1.5, 4, { random }), /^RNN: nIn 1\.5: expected an integer/],
    [
      'a number for bidirectional',
      () => new nn.LSTM(3, 4, { random, bidirectional: any(2) }),
      /^LSTM: bidirectional 2: expected true or false$/,
    ],
    ['a text for bias', () => new nn.LSTM(3, 4, { random, bias: any('no') }), /^LSTM: bias "no": expected/],
    [
      "PyTorch's batch_first",
      () => new nn.GRU(3, 4, any({ random, batchFirst: true })),
      /^GRU: there is no option "batchFirst"/,
    ],
    ['a dropout of 1', () => new nn.GRU(3, 4, { random, dropout: 1 }), /^Dropout: rate 1: expected/],
  ];
  for (const [given, make, message] of rows)
    it(given, () => assert.throws(make, (error: Error) => message.test(error.message)));
});
