/** Weights of PyTorch's modules, under the names and in the layout that PyTorch gives them. */
import { checkArguments, checkBoolean, checkOptions, shown, type Known } from '../core/check.js';
import { clipped } from '../core/escape.js';
import { sameShape, show, sizeOf, type Shape } from '../core/shape.js';
import { BatchNorm1d, BatchNorm2d } from '../nn/batch-norm.js';
import { MultiHeadAttention } from '../nn/attention.js';
import { Linear } from '../nn/linear.js';
import { joined, Module } from '../nn/module.js';
import { GRUCell, LSTMCell, RNNCell } from '../nn/recurrent.js';
import { GRU, LSTM, RNN } from '../nn/sequences.js';
import { TransformerBlock } from '../nn/transformer.js';
import { setAllNumbers } from '../value/leaves.js';
import type { Value } from '../value/value.js';
import { TensorFile, WeightsError } from './tensor-file.js';
import {
  checkComplete,
  checkPrefix,
  checkUsed,
  sourcesOf,
  transposed,
  type LoadOptions,
  type LoadReport,
} from './weights.js';
import { Renaming } from './name-rules.js';

/** Options of {@link loadPyTorch}. */
export type LoadPyTorchOptions = Pick<LoadOptions, 'prefix' | 'rename' | 'strict'>;

const OPTIONS: Known<LoadPyTorchOptions> = { prefix: true, rename: true, strict: true };

/** What a parameter is made of: arrays of the file, and how its numbers come from theirs. */
interface Pull {
  to: Value;
  from: readonly { name: string; shape: Shape }[];
  make: (arrays: readonly Float64Array[]) => Float64Array;
}

/** Arrays that PyTorch saves and that are no weights. */
const IGNORED = /(?:^|\.)num_batches_tracked$/;

/**
 * Sets the parameters of a module to those that a module of PyTorch saved, with `safetensors.torch.save_file`
 * of its `state_dict()`. Each array is found under PyTorch's name for it, such as `0.weight` or
 * `encoder.weight_ih_l0`, where the fields of the modules have the same names on both sides; `rename` and
 * `prefix` give others (see {@link loadWeights}). Matrices that stand the other way round are turned, gates
 * and projections that PyTorch keeps together are parted, and its two biases of a recurrent cell are added.
 *
 * It knows `Linear`, `Embedding`, `Conv1d`, `Conv2d`, `LayerNorm`, `RMSNorm`, `BatchNorm1d`, `BatchNorm2d`,
 * `RNN`, `GRU` (with `resetAfter`), `LSTM` and their cells, `MultiHeadAttention` and `TransformerBlock`
 * (`TransformerEncoderLayer` with `norm_first`), alone and in other modules.
 *
 * @throws WeightsError when the file cannot be read, lacks an array, has one in another shape, or, unless
 * `strict` is false, has others; no parameter is changed then
 * @throws SafetensorsError when it is not a safetensors file
 */
export function loadPyTorch(path: string, module: Module, options: LoadPyTorchOptions = {}): LoadReport {
  checkArguments('loadPyTorch', arguments, 3);
  if (!((module as unknown) instanceof Module))
    throw new TypeError(`loadPyTorch: ${shown(module)}, expected a module`);
  checkOptions('loadPyTorch', options, OPTIONS);
  const { prefix = '', rename = [], strict = true } = options;
  checkBoolean('strict', strict);
  checkPrefix(prefix);
  const pulls = pullsOf(module);
  const { numbers, report } = TensorFile.read(path, (file) => {
    const renaming = new Renaming('rename', rename);
    const sources = sourcesOf(file, { prefix, rename: renaming });
    const wanted = new Set(pulls.flatMap(({ from }) => from.map(({ name }) => name)));
    const absent = [...wanted].filter((name) => !sources.has(name));
    const unexpected = [...sources].flatMap(([name, source]) =>
      wanted.has(name) || IGNORED.test(name) ? [] : [source],
    );
    if (strict) {
      checkComplete(file, sources, prefix, { missing: absent, unexpected });
      checkUsed(file, [renaming]);
    }
    const isWhole = ({ from }: Pull): boolean => from.every(({ name }) => sources.has(name));
    const found = pulls.filter(isWhole);
    const missing = pulls.filter((pull) => !isWhole(pull));
    for (const { from } of found)
      for (const { name, shape } of from) {
        const given = file.shapeOf(sources.get(name)!)!;
        if (!sameShape(given, shape))
          throw new WeightsError(
            `${file.shown}: '${clipped(sources.get(name)!)}' has shape ${show(given)}: expected ` +
              show(shape),
          );
      }
    return {
      numbers: new Map(
        found.map(({ to, from, make }) => [
          to,
          make(from.map(({ name, shape }) => file.numbers(sources.get(name)!, shape))),
        ]),
      ),
      report: {
        loaded: found.map(({ to }) => to.name ?? to.label),
        missing: missing.map(({ to }) => to.name ?? to.label),
        ...{ unexpected, metadata: Object.fromEntries(file.metadata) },
      },
    };
  });
  setAllNumbers(numbers);
  return report;
}

/** What all parameters of a module are made of. */
function pullsOf(module: Module): Pull[] {
  const named = module.namedModules();
  const names = new Map(named.map(({ name, module: part }) => [part, name]));
  const pulls = new Map<Value, Pull>();
  const add = (found: readonly Pull[]): void => {
    for (const pull of found) if (!pulls.has(pull.to)) pulls.set(pull.to, pull);
  };
  // A block calls its parts otherwise than their fields are called.
  for (const { name, module: part } of named) {
    if (!(part instanceof TransformerBlock)) continue;
    const inside = (field: string): string => joined(name, field);
    const linears = named.filter((each) => each.name.startsWith(`${inside('mlp')}.`));
    const renamed: [string, string][] = [
      [inside('attention'), inside('self_attn')],
      ...linears.map((each, i): [string, string] => [each.name, inside(`linear${i + 1}`)]),
    ];
    for (const [ours, theirs] of renamed) names.set(named.find((each) => each.name === ours)!.module, theirs);
  }
  for (const { module: part } of named) {
    const name = names.get(part)!;
    if (part instanceof RNN || part instanceof GRU || part instanceof LSTM) {
      const layers: readonly (readonly Cell[])[] = part.layers;
      layers.forEach((cells, layer) =>
        cells.forEach((cell, direction) => {
          add(cellPulls(cell, name, `_l${layer}${direction === 1 ? '_reverse' : ''}`));
        }),
      );
    } else if (part instanceof MultiHeadAttention) add(attentionPulls(part, name));
  }
  for (const { module: part, parameters } of named) add(ownPulls(part, names.get(part)!, parameters));
  return [...pulls.values()];
}

/** The same numbers under a name. */
const same = (to: Value, name: string): Pull => ({
  to,
  from: [{ name, shape: to.shape }],
  make: ([numbers]) => numbers!,
});

/** A matrix that stands the other way round. */
const turned = (to: Value, name: string): Pull => ({
  to,
  from: [{ name, shape: to.shape.toReversed() }],
  make: ([numbers]) => transposed(numbers!, to.shape as [number, number]),
});

/** PyTorch's names of a batch norm's statistics. */
const STATISTICS: Readonly<Record<string, string>> = {
  runningMean: 'running_mean',
  runningVariance: 'running_var',
};

/** What a module's own parameters are made of: by default of arrays of the same names. */
function ownPulls(module: Module, path: string, parameters: readonly Value[]): Pull[] {
  if (module instanceof RNNCell || module instanceof GRUCell || module instanceof LSTMCell)
    return cellPulls(module, path, '');
  return parameters.map((parameter) => {
    const field = fieldOf(module, parameter);
    if (module instanceof Linear && field === 'weight') return turned(parameter, joined(path, field));
    const isNorm = module instanceof BatchNorm1d || module instanceof BatchNorm2d;
    return same(parameter, joined(path, (isNorm && STATISTICS[field]) || field));
  });
}

/** The name of the field in which a module has a parameter. */
function fieldOf(module: Module, parameter: Value): string {
  const entry = Object.entries(module).find(([, value]) => value === parameter);
  if (entry) return entry[0];
  throw new WeightsError(
    `${parameter.label} is in no field of its ${module.constructor.name}: loadPyTorch cannot tell its name`,
  );
}

type Cell = RNNCell | GRUCell | LSTMCell;

/** The parameters of a recurrent cell; `suffix` follows PyTorch's names of them. */
function cellPulls(cell: Cell, path: string, suffix: string): Pull[] {
  const { inputWeight, stateWeight, bias } = cell;
  const name = (what: string): string => joined(path, `${what}${suffix}`);
  const nState = stateWeight.shape[0]!;
  const size = stateWeight.shape[1]!;
  const biases = [
    { name: name('bias_ih'), shape: [size] },
    { name: name('bias_hh'), shape: [size] },
  ];
  const stateBias = cell instanceof GRUCell ? cell.stateBias : undefined;
  if (cell instanceof GRUCell && !cell.resetAfter)
    throw new WeightsError(
      `loadPyTorch: ${stateWeight.label} is of a GRU that resets before its product, and PyTorch's resets ` +
        'after it: make it with resetAfter: true',
    );
  // The candidate's second bias is multiplied by the reset gate: it is no part of the sum.
  const summed = stateBias ? size - nState : size;
  const pulls: Pull[] = [turned(inputWeight, name('weight_ih')), turned(stateWeight, name('weight_hh'))];
  if (bias)
    pulls.push({
      to: bias,
      from: biases,
      make: ([input, state]) => input!.map((x, i) => (i < summed ? x + state![i]! : x)),
    });
  if (stateBias) pulls.push({ to: stateBias, from: biases, make: ([, state]) => state!.slice(summed) });
  return pulls;
}

/** The projections of attention, of which PyTorch keeps three in one array. */
function attentionPulls(attention: MultiHeadAttention, path: string): Pull[] {
  const { query, key, value, output } = attention;
  const [nEmbd] = query.weight.shape as [number];
  const pulls: Pull[] = [turned(output.weight, joined(path, 'out_proj.weight'))];
  if (output.bias) pulls.push(same(output.bias, joined(path, 'out_proj.bias')));
  [query, key, value].forEach(({ weight, bias }, i) => {
    pulls.push({
      to: weight,
      from: [{ name: joined(path, 'in_proj_weight'), shape: [3 * nEmbd, nEmbd] }],
      make: ([all]) => {
        const size = sizeOf(weight.shape);
        return transposed(all!.slice(i * size, (i + 1) * size), [nEmbd, nEmbd]);
      },
    });
    if (bias)
      pulls.push({
        to: bias,
        from: [{ name: joined(path, 'in_proj_bias'), shape: [3 * nEmbd] }],
        make: ([all]) => all!.slice(i * nEmbd, (i + 1) * nEmbd),
      });
  });
  return pulls;
}
