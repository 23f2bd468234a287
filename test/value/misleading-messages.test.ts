/** Mistakes whose messages once spoke of something else, and what they must say. One table. */
import assert from 'node:assert/strict';
import * as library from '../../lib/index.js';
import {
  type Call,
  x,
  v,
  empty,
  i,
  random,
  sgd,
  fed,
  any,
  tokenizer,
  rnn,
  sampled,
  stopping,
} from '../support/mistakes.js';
import { pattern } from '../support/pattern.js';

const { Adam, compile, index, input, nn, parameter, Random, SGD } = library;

/** A call, and what its error must say; each once had a misleading error. */
const MISLEADING: [title: string, call: Call, says: RegExp][] = [
  [
    'the least of nothing',
    () => empty.min(1),
    pattern(
      /^min of 'empty' \(input, shape \[2, 0\]\): \[2, 0\] is empty along the axes: /,
      /there are no numbers to choose from$/,
    ),
  ],
  ['the largest of nothing', () => empty.max(1), /^max of 'empty'/],
  [
    'a row from behind',
    () => x.at(-3),
    /^at of 'x' \(parameter, shape \[2, 3\]\): row -3: expected a row from -2 to 1$/,
  ],
  ['a row beyond', () => x.at(2), /^at of 'x' .*: row 2: expected a row from -2 to 1$/],
  [
    'a row of nothing',
    () => x.slice(0, 0).at(0),
    /^at of .*: row 0: expected a first axis that is not empty/,
  ],
  ['half a row', () => x.at(0.5), /^at of 'x' .*: row 0\.5: expected a row/],
  [
    'a row that is no index',
    () => x.at(any('0')),
    /^at of 'x' .*: the index is "0", expected a number or an Index/,
  ],
  [
    'an unknown length beside none',
    () => input('z', [0, 3]).reshape([0, -1]),
    pattern(
      /^reshape of 'z' \(input, shape \[0, 3\]\): to \[0, -1\]: the other lengths hold no numbers, /,
      /so -1 could be anything/,
    ),
  ],
  [
    'an unknown length that is not whole',
    () => x.reshape([4, -1]),
    /^reshape of 'x' .*: to \[4, -1\]: 6 numbers do not divide by 4$/,
  ],
  [
    'where of a flag',
    () => library.where(any(true), x, 0),
    /^where: the condition is true, expected a Value$/,
  ],
  [
    'where of a text',
    () => library.where(x.gt(0), any('a'), 0),
    /^where of #\d+ \(gt, shape \[2, 3\]\): expected a Value or a number, got "a"/,
  ],
  [
    'where of shapes',
    () => library.where(x.gt(0), v, 0),
    pattern(
      /^where of #\d+ \(gt, shape \[2, 3\]\) and 'v' \(parameter, shape \[4\]\) and 0: /,
      /shapes .* do not broadcast/,
    ),
  ],
  [
    'a module without a generator',
    () => new nn.Linear(3, 4, any({})),
    /^Linear: random undefined: expected a Random .*new Random\(42\)/,
  ],
  [
    'a module without options',
    () => new nn.GRUCell(3, 4, any(undefined)),
    /^GRUCell: options undefined: expected an object \{ random, name, initializer, bias, resetAfter \}/,
  ],
  [
    'an invalid initialiser',
    () => new nn.Linear(3, 4, { random, initializer: any('zeros') }),
    /^Linear: initializer "zeros": expected a function/,
  ],
  [
    'an index of half an axis',
    () => index('t', [8, 0.5]),
    /^index 't': a shape is an array of integers from 0, got \[8, 0\.5\]$/,
  ],
  ['compile of nothing', () => compile(any(null)), /^compile: the root is null, expected a Value/],
  [
    'a loss that is an index',
    () => sgd.minimize(any(i)),
    /^minimize: the loss is 'i' \(index, shape \[2\]\), expected a Value/,
  ],
  [
    'a model',
    () => library.buildModel(any('rnn-att'), 4, {}, random),
    /^model "rnn-att": expected scalar, vector, rnn, rnn_att; did you mean rnn_att\?/,
  ],
  ['a Gaussian of a text', () => random.gauss(any('0')), /^mu "0": expected a number/],
  [
    'clip',
    () => x.clip(v, 1),
    /^clip of 'x' \(parameter, shape \[2, 3\]\) and 'v' \(parameter, shape \[4\]\) and 1: shapes/,
  ],
  ['lt', () => x.lt(v), /^lt of 'x' .* and 'v' .*: shapes/],
  ['le', () => x.le(any(null)), /^le of 'x' .*: expected a Value or a number, got null/],
  ['ne', () => x.ne(v), /^ne of 'x' .* and 'v' /],
  ['mean', () => x.mean(2), /^mean of 'x' .*: axis 2 does not exist in shape \[2, 3\]$/],
  ['variance', () => library.variance(x, 2), /^variance of 'x' .*: axis 2 does not exist/],
  ['std', () => library.std(x, 2), /^std of 'x' .*: axis 2 does not exist/],
  ['logSumExp', () => library.logSumExp(x, 2), /^logSumExp of 'x' .*: axis 2 does not exist/],
  [
    'logSumExp of nothing',
    () => library.logSumExp(empty, 2),
    /^logSumExp of 'empty' .*: axis 2 does not exist/,
  ],
  ['logSoftmax', () => library.logSoftmax(x, 2), /^logSoftmax of 'x' .*: axis 2 does not exist/],
  [
    'logSoftmax of a number',
    () => library.logSoftmax(x.sum()),
    /^logSoftmax of #\d+ \(sum, shape \[\]\): a single number has no axis: give at least one$/,
  ],
  ['softmax', () => x.softmax(2), /^softmax of 'x' .*: axis 2 does not exist/],
  ['softmax over axes', () => x.softmax(any([0, 1])), /^softmax of 'x' .*: axis an array: expected one axis/],
  ['cumsum over axes', () => x.cumsum(any([0])), /^cumsum of 'x' .*: axis an array: expected one axis, an/],
  ['argmax over axes', () => x.argmax(any([0])), /^argmax of 'x' .*: axis an array: expected one axis, an/],
  [
    'a name of fixed integers that is none',
    () => library.constantIndex([1], { name: any(1) }),
    /^constantIndex: a name must be a string, got 1$/,
  ],
  [
    'tensordot over axes by number',
    () => library.tensordot(x, x, any([[0], [0]])),
    /^tensordot of 'x' .*: axes an array: expected an integer, how many axes to pair$/,
  ],
  [
    'layerNorm',
    () => library.layerNorm(x.sum()),
    /^layerNorm of #\d+ \(sum, shape \[\]\): a single number has no axis: give at least one$/,
  ],
  ...(['softmax', 'argmax', 'cumsum', 'rmsNorm'] as const).map((name): (typeof MISLEADING)[number] => [
    `${name} of a number, with an axis that nobody gave`,
    () => x.sum()[name](),
    new RegExp(`^${name} of #\\d+ \\(sum, shape \\[\\]\\): a single number has no axis: give at least one$`),
  ]),
  [
    'an index beyond an axis that is not the first',
    () =>
      x
        .gather(index('far', 1), 1)
        .named('picked')
        .forward({ far: [3] }),
    /^input 'far' = 3: expected an integer from 0 to 2, for 'picked' \(gather, shape \[2, 1\]\)$/,
  ],
  [
    'an index beyond a table',
    () => library.embedding(x, index('far')).forward({ far: 2 }),
    /^input 'far' = 2: expected an integer from 0 to 1, for #\d+ \(embedding, shape \[3\]\)$/,
  ],
  [
    'a computed index beyond an axis that is not the first',
    () => x.gather(v.topk(4), 1).forward(),
    /^index 3 in #\d+ \(gather, shape \[2, 4\]\): expected an integer from 0 to 2$/,
  ],
  ...(
    [
      ['variance', () => library.variance(x, 0, any({ keepDims: 1 })), 'keepDims 1: expected true or false'],
      ['std', () => library.std(x, 0, any({ ddof: '1' })), 'ddof "1": expected a number'],
      ['std', () => library.std(x, 0, any({ axis: 1 })), 'there is no option "axis"'],
      ['layerNorm', () => library.layerNorm(x, any({ eps: -1 })), 'eps -1: expected'],
      ['rmsNorm', () => x.rmsNorm(any({ epsilon: 1 })), 'there is no option "epsilon"; did you mean eps'],
      ['gelu', () => library.gelu(x, any('erf')), 'approximate "erf": expected'],
    ] as const
  ).map(([name, call, says], row): (typeof MISLEADING)[number] => [
    `an option of ${name}, with the value that it is for, row ${row}`,
    call,
    new RegExp(`^${name} of 'x' \\(parameter, shape \\[2, 3\\]\\): ${says}`),
  ]),
  ...(
    [
      [
        'data',
        parameter([1, 2], { name: 'p' }),
        "'p' .* cannot be assigned: write its numbers where they are: data\\.set\\(",
      ],
      ['data', x.mul(2), '#\\d+ \\(mul, .* cannot be assigned: it holds what the last run computed$'],
      ['data', fed, "'fed' \\(input, .* cannot be assigned: it holds what the last run computed$"],
      ['grad', x, "'x' \\(parameter, .* cannot be assigned: it holds what the last run computed$"],
    ] as const
  ).map(([what, value, says]): (typeof MISLEADING)[number] => [
    `${what} of ${value.label} that is assigned`,
    () => Reflect.set(value, what, [3, 4]),
    new RegExp(`^${what} of ${says}`),
  ]),
  [
    'a data type with another number',
    () => compile(x, { dtype: any('float16') }),
    /^dtype "float16": expected 'float64' or 'float32'$/,
  ],
  [
    'a data type with its digits swapped',
    () => compile(x, { dtype: any('float46') }),
    /^dtype "float46": expected .*; did you mean float64\?$/,
  ],
  [
    'a model before what else is missing',
    () => library.buildModel(any('rn'), 5, any(undefined), any(undefined)),
    /^model "rn": expected scalar, vector, rnn, rnn_att; did you mean rnn\?$/,
  ],
  ['gather along an axis', () => x.gather(i, 2), /^gather of 'x' .* and 'i' .*: axis 2 does not exist/],
  [
    'gather of an array',
    () => x.gather(any(['0'])),
    /^gather of 'x' .*: element \[0\] is "0": expected a number, or arrays of numbers$/,
  ],
  [
    'embedding',
    () => library.embedding(x.sum(), i),
    /^embedding of #\d+ \(sum, shape \[\]\) and 'i' .*: a single number has no axis/,
  ],
  [
    'embedding of no index',
    () => library.embedding(x, any({})),
    /^embedding of 'x' .*: the index is an object, expected an Index, or integers$/,
  ],
  [
    'stack along an axis',
    () => library.stack([x, x], 3),
    /^stack of 'x' .* and 'x' .*: axis 3 does not exist in shape \[2, 2, 3\]/,
  ],
  [
    'vstack',
    () => library.vstack([v, x]),
    /^vstack of 'v' .* and 'x' .*: shapes \[1, 4\] and \[2, 3\] along axis 0/,
  ],
  ['vstack of nothing', () => library.vstack([]), /^vstack: there are no operands/],
  [
    'meanOfFirst',
    () => library.meanOfFirst([x, v], index('n')),
    /^meanOfFirst of 'x' .* and 'v' .*: shapes \[2, 3\] and \[4\]: all must be equal/,
  ],
  [
    'meanOfFirst of nothing',
    () => library.meanOfFirst([], index('n')),
    /^meanOfFirst .*: there are no operands/,
  ],
  [
    'meanOfFirst of a number',
    () => library.meanOfFirst([x], any(1)),
    /^meanOfFirst of 'x' .*: operand 1 is 1, expected an Index/,
  ],
  ['choose of nothing', () => library.choose([], index('n')), /^choose of 'n' .*: there are no operands/],
  ['split', () => library.split(x, 2, 5), /^split of 'x' .*: axis 5 does not exist/],
  ['squeeze', () => x.squeeze(5), /^squeeze of 'x' .*: axis 5 does not exist/],
  ['silu', () => library.silu(any(3)), /^silu: x is 3, expected a Value/],
  [
    'a Random for the options of a layer',
    () => new nn.Linear(2, 2, any(random)),
    /^Linear: options an object of class "Random": expected a plain object \{ random, /,
  ],
  [
    'a Value for options',
    () => library.variance(x, 0, any(x)),
    /^variance of 'x' .*: options 'x' \(parameter, shape \[2, 3\]\): expected an object \{ ddof, /,
  ],
  [
    'an initializer that is not called',
    () => new nn.Linear(2, 2, { random, initializer: any(nn.initializers.normal) }),
    pattern(
      /^Linear: initializer normal makes an initializer but is not one: call it, as in initializer: /,
      /normal\(\)$/,
    ),
  ],
  [
    'zeros that are not called',
    () => new nn.Embedding(2, 2, { random, initializer: any(nn.initializers.zeros) }),
    /^Embedding: initializer zeros makes an initializer/,
  ],
  [
    'heNormal that is not called',
    () => new nn.GRUCell(2, 2, { random, initializer: any(nn.initializers.heNormal) }),
    /^GRUCell: initializer heNormal makes an initializer/,
  ],
  [
    'a schedule that is not called',
    () => new SGD({ learningRate: any(library.schedules.linear) }),
    /^learningRate linear makes a schedule but is not one: call it, as in learningRate: linear\(\.\.\.\)$/,
  ],
  [
    'decay that is not called',
    () => new Adam({ learningRate: any(library.decay) }),
    /^learningRate decay makes a schedule but is not one/,
  ],
  [
    'an element of an index from the end',
    () => i.at(-3),
    /^at\(-3\) of 'i' .*: no such element: expected an element from -2 to 1$/,
  ],
  [
    'an element of one integer',
    () => index('one').at(0),
    /^at\(0\) of 'one' .*: no such element: it is a single integer$/,
  ],
  [
    'a Value for a list',
    () => library.concat(any(x)),
    /^concat: expected an array of Values, got 'x' \(parameter, shape \[2, 3\]\)/,
  ],
  [
    'a Value for a list of gradients',
    () => library.grad(x.sum(), any(x)),
    /^grad: expected an array of Values, got 'x' \(parameter/,
  ],
  ...[
    () => new library.Value(any(undefined)),
    () => new library.Value(any(2)),
    () => new library.Value(any([1, 2])),
    () => new library.Value(any(x)),
    () => new library.Index(any('i'), any(3)),
  ].map((call): (typeof MISLEADING)[number] => [
    'a Value or an Index by new',
    call,
    /^a Value is made by parameter\(\), input\(\), constant\(\) or an operator, and an Index by index\(\)/,
  ]),
  [
    'a Value for a sequence',
    () => sgd.minimize(x.sum(), { sequence: any(x) }),
    /^sequence: expected an array of arrays of Values, got 'x' \(parameter, shape \[2, 3\]\)$/,
  ],
  [
    'null for a sequence',
    () => sgd.minimize(x.sum(), { sequence: any(null) }),
    /^sequence: expected an array of/,
  ],
  [
    'an array of Values for a sequence',
    () => sgd.minimize(x.sum(), { sequence: any([x]) }),
    /^sequence\[0\]: expected an array of Values, got 'x'/,
  ],
  [
    'a power of an Index',
    () => x.pow(any(i)),
    /^pow of 'x' \(.*\): exponent: expected a Value or a number .*, got 'i' \(index, shape \[2\]\)$/,
  ],
  [
    'a power of NaN',
    () => x.pow(NaN),
    /^pow of 'x' \(.*\): exponent: expected a Value or a number \(but not NaN\), got NaN$/,
  ],
  [
    'a slice by an index',
    () => x.slice(any(i), 2),
    pattern(
      /^slice of 'x' \(.*\): a bound is 'i' \(index, shape \[2\]\), expected an integer; /,
      /rows by index are x\.gather/,
    ),
  ],
  [
    'a parameter of a Value',
    () => parameter(any(v)),
    /^parameter: 'v' \(parameter, shape \[4\]\): expected a number, or arrays of numbers$/,
  ],
  [
    'a parameter of an array of Values',
    () => parameter(any([v]), { name: 'w' }),
    /^parameter 'w': element \[0\] is 'v' \(parameter, shape \[4\]\): expected a number/,
  ],
  ...[[[1]], [Int32Array.of(1)]].map((one): (typeof MISLEADING)[number] => [
    'nested arrays for a length',
    () => library.meanOfFirst([v, v], index('n')).forward({ n: any(one) }),
    /^input 'n' = nested arrays: expected an integer from 1 to 2$/,
  ]),
  ...[[[1]], [[1, 0]], [[1], [0]], [Int32Array.of(1)]].map((one): (typeof MISLEADING)[number] => [
    'nested arrays for a single index',
    () => x.at(index('one')).forward({ one: any(one) }),
    /^input 'one': nested arrays for 'one' \(index, shape \[\]\), which takes 1 integer$/,
  ]),
  [
    'the largest k of nothing',
    () => parameter([]).topk(0),
    /^topk of #\d+ \(parameter, shape \[0\]\): k 0 of 0 numbers: there are none to take from$/,
  ],
  [
    'a parameter of numbers that were transferred away',
    () => {
      const gone = new Float64Array(2);
      structuredClone(gone, { transfer: [gone.buffer] });
      parameter(gone, { name: 'w' });
    },
    /^parameter 'w': the memory of a Float64Array was transferred away: expected numbers$/,
  ],
  [
    'at of a list',
    () => x.at(any([0, 2])),
    /^at of 'x' .*: index 2 at \[1\]: expected an integer from -2 to 1$/,
  ],
  ['lt', () => x.lt(v), /^lt of 'x' .* and 'v' .*: shapes \[2, 3\] and \[4\] do not broadcast: 3 against 4/],
  [
    'le',
    () => library.le(x, v),
    /^le of 'x' .* and 'v' .*: shapes \[2, 3\] and \[4\] do not broadcast: 3 against 4/,
  ],
  [
    'crossEntropy of no classes',
    () => empty.crossEntropy(i),
    /^crossEntropy of 'empty' .* and 'i' .*: \[2, 0\] has no classes/,
  ],
  ['tensordot', () => library.tensordot(x, any([1])), /^tensordot: b is an array, expected a Value/],
  ['add', () => x.add(any([1, 2, 3])), /^add of 'x' .*: expected a Value or a number, got an array/],
  [
    'a constant of truths',
    () => library.constant(any([1, true])),
    /^constant: element \[1\] is true: expected a number, or arrays of numbers$/,
  ],
  [
    'a parameter of texts',
    () =>
      parameter(
        any([
          [1, 2],
          [3, '4'],
        ]),
        { name: 'w' },
      ),
    /^parameter 'w': element \[1, 1\] is "4": expected a number/,
  ],
  [
    'ragged numbers',
    () => parameter([[1, 2], [3]], { name: 'w' }),
    /^parameter 'w': nested arrays of unequal lengths: the first at each depth have shape \[2, 2\]/,
  ],
  [
    'Linear',
    () => new nn.Linear(3, 4, { random }).apply(v),
    /^Linear\.apply of 'v' .*: expected shape \[\.\.\., 3\]$/,
  ],
  [
    'RNN',
    () => new nn.RNNCell(3, 4, { random }).step(v),
    /^RNNCell\.step of 'v' .*: expected shape \[3\] or \[samples, 3\]/,
  ],
  [
    'LSTM without a state',
    () => new nn.LSTMCell(4, 2, { random }).step(v, any({})),
    /^LSTMCell\.step of 'v' .*: state h is undefined, expected a Value/,
  ],
  [
    'a fraction below zero for an axis',
    () => x.sum(-0.5),
    /^sum of 'x' .*: axis -0\.5 does not exist in shape \[2, 3\]$/,
  ],
  [
    'a fraction below zero for an axis of a slice',
    () => x.slice(0, 1, -1.5),
    /^slice of 'x' .*: axis -1\.5 does not exist/,
  ],
  [
    'a text fed',
    () => fed.forward({ fed: 'ab' as never }),
    /^input 'fed': "ab" for 'fed' .*, which needs 2 numbers$/,
  ],
  [
    'NaN fed for several',
    () => fed.forward({ fed: NaN }),
    /^input 'fed': one number, NaN, for 'fed' .*, which needs 2 numbers$/,
  ],
  [
    'more threads than can be counted',
    () =>
      sgd
        .minimize(x.matmul(fed.reshape([2, 1]).broadcastTo([2, 3]).transpose()).sum(), { batches: true })
        .stepBatch([{ fed: [1, 2] }], { threads: 2 ** 31 }),
    /^threads 2147483648: expected an integer from 1 to 1073741824$/,
  ],
  [
    'a text for a temperature',
    () => sampled({ temperature: '1' }),
    /^temperature "1": expected a finite number above zero$/,
  ],
  ['an array for a count', () => sampled({ count: [1, 2] }), /^count an array: expected an integer from 0$/],
  ['a text for topK', () => sampled({ topK: '3' }), /^topK "3": expected an integer from 1$/],
  [
    'null for a prefix',
    () => sampled({ prefix: null }),
    /^prefix null: expected a string or an array of tokens$/,
  ],
  [
    'an invalid token',
    () => sampled({ prefix: ['a'] }),
    /^the prefix has a token "a": tokens of characters go from 0 to/,
  ],
  [
    'a last integer beyond what is counted',
    () => stopping({ stop: 2 ** 31 }),
    /^stop 2147483648: expected an integer from 0 to 1073741824$/,
  ],
  ['a prefix of numbers', () => stopping({ prefix: [1] }), /^prefix: an array, expected an Int32Array$/],
  [
    'invalid documents',
    () => new library.Tokenizer(any(7)),
    /^the documents are 7: expected an array of strings$/,
  ],
  [
    'a corpus of arrays',
    () => new library.Corpus(any([1, 2]), Int32Array.of(0, 1)),
    /^Corpus: an array and an Int32Array: expected two Int32Arrays/,
  ],
  [
    'the state of a generator',
    () => {
      new Random(1).setstate(any([1]));
    },
    /^setstate takes the 628 words that getstate returned, not an array$/,
  ],
  [
    'a document behind the last',
    () => tokenizer.corpus(['ab'], Int32Array.of(5)),
    /^the documents' numbers: \[0\] is 5: expected a document from 0 to 0$/,
  ],
  [
    'a document of none',
    () => tokenizer.corpus([], Int32Array.of(0)),
    /^the documents' numbers: \[0\] is 0: there are no documents$/,
  ],
  [
    'a set to shuffle',
    () => random.shuffle(any(new Set([1, 2]))),
    /^shuffle: length of the list undefined: expected an integer from 0/,
  ],
  [
    'the gradients of an index',
    () => library.grad(any(i), [x]),
    /^grad: the root is 'i' \(index, shape \[2\]\), expected a Value$/,
  ],
  [
    'what loadModel gives as the model',
    () => library.sample(any({ model: rnn, tokenizer }), tokenizer, random, { count: 1, temperature: 1 }),
    pattern(
      /^sampling: logits of the model undefined: expected a model made by buildModel; /,
      /of what loadModel gives, take model$/,
    ),
  ],
  [
    'a temperature too small to divide by',
    () => sampled({ temperature: 1e-310 }),
    /^temperature 1e-310: too small to divide by, expected at least 1e-38$/,
  ],
  [
    'a state of a graph that was built again',
    () => {
      const loss = (): library.Value => parameter(1).mul(2);
      sgd.minimize(loss()).restore(sgd.minimize(loss()).state());
    },
    /^restore: the state is of other parameters than the 1 that this training changes: .* load a checkpoint$/,
  ],
  [
    'a state of other rates',
    () => {
      const taken = new SGD({ learningRate: library.schedules.linear(1, 0, 5) }).minimize(x.sum());
      taken.step({});
      const longer = new SGD({ learningRate: library.schedules.linear(2, 0, 9) }).minimize(x.sum());
      longer.restore(taken.state());
    },
    pattern(
      /^restore: step 1 was taken with rates 1, 0, but here, in float64, they are 2, 0: /,
      /.*number of steps of its schedule/,
    ),
  ],
  [
    'arrays by name in an object',
    () => library.writeSafetensors(any({ a: 1 })),
    /^writeSafetensors: an object and a Map: expected two Maps/,
  ],
  [
    'a model without a name to save',
    () => {
      library.saveModel('none', any({ ...rnn, name: 'lstm' }), tokenizer);
    },
    /^the model's name "lstm": expected scalar, vector, rnn, rnn_att: give a model made by buildModel$/,
  ],
  [
    'a model without a size to save',
    () => {
      library.saveModel('none', any({ ...rnn, sizes: { ...rnn.sizes, nEmbd: '4' } }), tokenizer);
    },
    /^the model's size nEmbd "4": expected an integer: give a model/,
  ],
  [
    'a model without matrices to save',
    () => {
      library.saveModel('none', any({ ...rnn, matrices: 3 }), tokenizer);
    },
    /^the model's matrices 3: expected an array: give a model/,
  ],
  [
    'a model with a matrix without a name',
    () => {
      library.saveModel('none', any({ ...rnn, matrices: [{ shape: [1] }] }), tokenizer);
    },
    /^a matrix of the model has the name undefined and the shape an array: give/,
  ],
  [
    'SelfAttention',
    () => new nn.SelfAttention(4, 2, { random }).apply(v),
    /^SelfAttention\.apply of 'v' .*: expected shape \[\.\.\., positions, 4\]/,
  ],
];

describe('a message that once misled names what was called:', () => {
  for (const [title, call, says] of MISLEADING) {
    it(title, () => assert.throws(call, (error: Error) => (assert.match(error.message, says), true)));
  }

  it('train of a size that is a list, and a checkpoint of losses that are', async () => {
    const nested: unknown[] = [];
    nested.push(nested);
    const model = { ...rnn, sizes: { ...rnn.sizes, vocabSize: nested } };
    await assert.rejects(
      library.train(any(model), ['ab', 'ba']),
      /^DataError: the documents have 3 tokens, the model was built for an array: give/,
    );
    const training = rnn.optimizer(1).minimize(rnn.loss);
    training.step({ tokens: [0, 1], targets: [1, 2], length: 2 });
    assert.throws(() => {
      library.saveCheckpoint('none', rnn, tokenizer, { training, random, losses: any([nested]) });
    }, /^TypeError: saveCheckpoint: losses\[0\] an array: expected a number$/);
  });

  it('of a bounded length, however many operands there are', () => {
    const many = Array.from({ length: 10_000 }, () => parameter(1));
    assert.throws(
      () => library.stack([...many, x]),
      (error: Error) => error.message.length < 1000 && /and 9993 more: shapes/.test(error.message),
    );
  });

  it('stepBatch of a number', () => {
    const single = new SGD({ learningRate: 0.1 }).minimize(x.matmul(parameter([1, 2, 3])).sum());
    if (single.program.counts.instructions > 0)
      assert.throws(
        () => single.stepBatch(any(3)),
        /^TypeError: the examples of a batch: 3, expected an array of feeds/,
      );
  });
});
