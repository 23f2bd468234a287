/** What calls with mistakes are made of: values, a model, and a type for what no type allows. */
import * as library from '../../lib/index.js';

const { index, input, parameter, Random, SGD } = library;

export type Call = () => unknown;

export const x = parameter(
  [
    [1, 2, 3],
    [4, 5, 6],
  ],
  { name: 'x' },
);
export const v = parameter([1, 2, 3, 4], { name: 'v' });
export const empty = input('empty', [2, 0]);
export const i = index('i', 2);
export const random = new Random(1);
export const sgd = new SGD({ learningRate: 0.1 });
export const frozen = parameter([1, 2], { name: 'frozen' });
export const fed = input('fed', [2]);
/** What a wrong type would be, whatever the types say. */
export const any = (given: unknown): never => given as never;

export const tokenizer = new library.Tokenizer(['ab', 'ba']);
export const rnn = library.buildModel(
  'rnn',
  tokenizer.vocabSize,
  { nEmbd: 2, blockSize: 2, nState: 2 },
  random,
);
/** What sampling says of options of which one is wrong. */
export const sampled = (options: object): unknown =>
  library.sample(rnn, tokenizer, random, any({ count: 1, temperature: 1, ...options }));
export const stopping = (options: object): unknown =>
  new library.Program({ groups: rnn.logits, gradients: 'none' }).generate(
    random,
    any({ input: 'tokens', start: 2, stop: 2, temperature: 1, count: 1, ...options }),
  );
