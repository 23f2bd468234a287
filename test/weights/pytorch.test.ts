/** Modules with PyTorch's weights compute what PyTorch's modules do. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vg from '../../lib/index.js';
import { packageRoot } from '../../lib/core/package.js';
import { constant, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

const { nn, loadPyTorch } = vg;
const random = new vg.Random(1);

interface Row {
  name: string;
  state: Record<string, { shape: number[]; data: number[] }>;
  shape: number[];
  outputs: number[][];
  gradient: number[];
  options?: { num_layers?: number; bidirectional?: boolean };
  lengths?: number[] | null;
  mask?: number[][];
}

const { modules: ROWS, version } = JSON.parse(
  readFileSync(join(packageRoot(), 'test/fixtures/pytorch.json'), 'utf8'),
) as { modules: Row[]; version: string };

const folder = mkdtempSync(join(tmpdir(), 'vecgrad-pytorch-'));
const path = join(folder, 'state.safetensors');
after(() => rmSync(folder, { recursive: true }));

const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1 + i + 7 * seed));

/** Saves what PyTorch saved, as PyTorch would. */
function save(state: Row['state'], prefix = ''): void {
  vg.saveWeights(
    path,
    Object.entries(state).map(([name, { shape, data }]) => parameter(data, { shape, name: prefix + name })),
  );
}

/** A module as PyTorch's, and its outputs of x. */
type Made = { module: vg.nn.Module; apply: (x: Value) => Value[] };

const KINDS = { RNN: nn.RNN, GRU: nn.GRU, LSTM: nn.LSTM } as const;

function made({ name, options = {}, lengths, mask }: Row): Made {
  if (name in KINDS) {
    const module = new KINDS[name as keyof typeof KINDS](3, 2, {
      random,
      numLayers: options.num_layers ?? 1,
      bidirectional: options.bidirectional ?? false,
      ...(name === 'GRU' && { resetAfter: true }),
    });
    const apply = (x: Value): Value[] => {
      const { output, state } = module.apply(x, lengths ? { lengths } : {});
      return 'h' in state ? [output, state.h, state.c] : [output, state];
    };
    return { module, apply };
  }
  switch (name) {
    case 'Sequential': {
      const module = new nn.Sequential([
        new nn.Linear(3, 4, { random }),
        vg.relu,
        new nn.Linear(4, 2, { random }),
      ]);
      return { module, apply: (x) => [module.apply(x)] };
    }
    case 'Conv2d': {
      const layer = new nn.Conv2d(2, 4, 3, { random, stride: 2, padding: 1, groups: 2 });
      const module = new nn.Sequential([layer]);
      return { module, apply: (x) => [module.apply(x)] };
    }
    case 'LayerNorm': {
      const module = new nn.LayerNorm(4);
      return { module, apply: (x) => [module.apply(x)] };
    }
    case 'MultiHeadAttention': {
      const module = new nn.MultiHeadAttention(4, 2, { random });
      return { module, apply: (x) => [module.apply(x, x, x, { mask: constant(mask!) })] };
    }
    default: {
      const module = new nn.TransformerBlock(4, 2, { random, hidden: 8 });
      return { module, apply: (x) => [module.apply(x)] };
    }
  }
}

describe(`weights of ${version}`, () => {
  for (const row of ROWS) {
    const { name, options = {}, lengths, state, shape, outputs, gradient } = row;
    const what = [name, JSON.stringify(options), lengths ? `lengths ${lengths.join()}` : ''].join(' ');
    it(`${what}: outputs, states and gradients`, () => {
      for (const { isa, dtype } of TARGETS) {
        save(state);
        const { module, apply } = made(row);
        const report = loadPyTorch(path, module);
        assert.deepEqual([report.missing, report.unexpected], [[], []]);
        assert.equal(report.loaded.length, module.parameters().length);
        const x = parameter(numbers(shape.reduce((a, b) => a * b)), { shape });
        const found = apply(x);
        const tolerance = dtype === 'float64' ? 1e-12 : 2e-5;
        const program = vg.inference(Object.fromEntries(found.map((y, i) => [i, y])), { isa, dtype });
        const results = program.run({});
        outputs.forEach((expected, i) => assertClose(results[i]!, expected, tolerance, `output ${i}`));
        const y = found[0]!;
        const weights = constant(numbers(outputs[0]!.length, 5), { shape: y.shape });
        const sum = vg.compile(y.mul(weights).sum(), { isa, dtype });
        sum.forward({});
        sum.backward();
        assertClose(sum.readGradient(x), gradient, tolerance, 'the gradient');
      }
    });
  }

  const lstm = ROWS.find(({ name }) => name === 'LSTM')!;
  it('are found under a prefix and other names', () => {
    save(lstm.state, 'model.rnn.');
    class Tagger extends nn.Module {
      readonly encoder = this.include(new nn.LSTM(3, 2, { random }), 'encoder');
    }
    const tagger = new Tagger({}, {}, false);
    const { loaded } = loadPyTorch(path, tagger, { prefix: 'model.', rename: [[/^rnn/, 'encoder']] });
    assert.equal(loaded.length, 3);
  });

  it('are found under the path of a module whose part has no name', () => {
    save(
      {
        in_proj_weight: { shape: [6, 2], data: numbers(12) },
        'out_proj.weight': { shape: [2, 2], data: numbers(4, 1) },
      },
      '0.',
    );
    const attention = new nn.SelfAttention(2, 1, { random });
    const net = new nn.Sequential([attention]);
    assert.equal(loadPyTorch(path, net).loaded.length, 4);
    assert.deepEqual(
      net.namedModules().map(({ name }) => name),
      ['', '0', '0', '0.query', '0.key', '0.value', '0.output'],
    );
  });

  it('are taken as far as they go if that is asked for', () => {
    save({ ...lstm.state, more: { shape: [1], data: [1] } });
    const { module } = made(lstm);
    assert.deepEqual(loadPyTorch(path, module, { strict: false }).unexpected, ['more']);
    const two = new nn.LSTM(3, 2, { random, numLayers: 2 });
    const report = loadPyTorch(path, two, { strict: false });
    assert.deepEqual(report.loaded.length, 3);
    assert.deepEqual(report.missing, ['layer1.inputWeight', 'layer1.stateWeight', 'layer1.bias']);
    assert.equal(loadPyTorch(path, module, { strict: false, rename: [['zzz', 'q']] }).loaded.length, 3);
  });

  const any = (given: unknown): never => given as never;
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'a GRU that resets before',
      () => loadPyTorch(path, new nn.GRU(3, 2, { random })),
      /^loadPyTorch: .* resets before its product, .* after it: make it with resetAfter: true$/,
    ],
    [
      'another size',
      () => loadPyTorch(path, new nn.LSTM(4, 2, { random })),
      /: 'weight_ih_l0' has shape \[8, 3\]: expected \[8, 4\]$/,
    ],
    [
      'more layers',
      () => loadPyTorch(path, new nn.LSTM(3, 2, { random, numLayers: 2 })),
      /has no 'weight_ih_l1', .*: it has 'weight_ih_l0', /,
    ],
    ['other arrays', () => loadPyTorch(path, new nn.LayerNorm(2)), /has no 'weight', 'bias'/],
    [
      'a rule that matches nothing',
      () => {
        const net = new nn.LSTM(3, 2, { random });
        return loadPyTorch(path, net, { rename: [['zzz', 'q']] });
      },
      /: no name is matched by rename "zzz": mend the rule, or give strict: false$/,
    ],
    [
      'a prefix of no name',
      () => loadPyTorch(path, new nn.LayerNorm(2), { prefix: 'nix.' }),
      /: no name begins with prefix "nix\.": it has 'weight_ih_l0'/,
    ],
    ['no module', () => loadPyTorch(path, any([])), /^loadPyTorch: .*, expected a module$/],
    [
      'an option of loadWeights',
      () => loadPyTorch(path, new nn.LayerNorm(2), any({ transpose: /x/ })),
      /"transpose"/,
    ],
  ];
  for (const [what, call, message] of REFUSED)
    it(`refuse ${what}`, () => {
      save(lstm.state);
      assert.throws(call, { message });
    });
});
