/** All that can be called of what the package exports. */
import * as library from '../../../lib/index.js';

export type Call = (...args: unknown[]) => unknown;

/** Methods that are private or protected in TypeScript: only the library calls them. */
const PRIVATE: Readonly<Record<string, string>> = {
  Adagrad: 'known update',
  Adam: 'known update',
  AdamW: 'known update',
  Lion: 'known update',
  SGD: 'known update',
  RMSprop: 'known update',
  UpdateOptimizer: 'updates',
  Corpus: 'lengthOf',
  Program:
    'rootLabel seriesSource startSeries endSeries runSeries run refuseRun checkTrains ' +
    'nonFiniteError origin feed whyUnread',
  Sampler: 'encode',
  Tokenizer: 'shown',
  Training: 'setRule nextRule putBack took inStep trainedBy',
  Value: 'program unread',
  Module: 'part include draw full keep nameOf walk',
  BatchNorm: 'normalized',
  Norm: 'checked',
  Convolution: 'convolved',
  Pool: 'pooled',
  MultiHeadAttention: 'headsOf',
  TransformerBlock: 'dropped',
  MLP: 'activated',
  Recurrent: 'start gates checked checkState fromInput',
  Inference: 'named',
  Index: 'refuseReading range straight',
  Sequences: 'checkedStates throughLayers alongPositions',
  PlainSequences: 'partsOf stateOf',
  LSTM: 'partsOf stateOf',
  RNNCell: 'outputOf advance',
  GRUCell: 'outputOf advance advanceResettingAfter',
  LSTMCell: 'outputOf advance',
};

function isClass(value: Call): boolean {
  return Function.prototype.toString.call(value).startsWith('class ');
}

/** Everything exported that can be called, by path; `unknown` lists private methods that do not exist. */
export function exported(): { calls: Map<string, Call>; unknown: string[] } {
  const calls = new Map<string, Call>();
  const seen = new Set<object>();
  const unknown = new Set(
    Object.entries(PRIVATE).flatMap(([name, methods]) =>
      methods.split(' ').map((method) => `${name}.${method}`),
    ),
  );
  const visitClass = (Made: Call, path: string): void => {
    calls.set(path, (...args) => Reflect.construct(Made, args) as unknown);
    let prototype = Made.prototype as object;
    while (prototype !== Object.prototype && prototype !== Error.prototype && !seen.has(prototype)) {
      seen.add(prototype);
      for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        const method = `${prototype.constructor.name}.${key}`;
        if (key === 'constructor' || unknown.delete(method)) continue;
        for (const kind of ['value', 'get', 'set'] as const) {
          const call = Reflect.get(property, kind) as unknown;
          if (typeof call === 'function')
            calls.set(
              kind === 'value' ? method : `${method} ${kind}`,
              (self, ...args) => Reflect.apply(call, self, args) as unknown,
            );
        }
      }
      prototype = Object.getPrototypeOf(prototype) as object;
    }
    for (const key of Object.getOwnPropertyNames(Made)) {
      const own: unknown = Reflect.get(Made, key);
      if (key !== 'prototype' && typeof own === 'function' && !unknown.delete(`${path}.${key}`))
        calls.set(`${path}.${key}`, own as Call);
    }
  };
  const visit = (object: object, path: string): void => {
    for (const [key, value] of Object.entries(object) as [string, unknown][]) {
      if (typeof value === 'function') {
        if (isClass(value as Call)) visitClass(value as Call, path + key);
        else calls.set(path + key, value as Call);
      } else if (typeof value === 'object' && value !== null && !Array.isArray(value))
        visit(value, `${path}${key}.`);
    }
  };
  visit(library, '');
  // A model that `buildModel` returns has methods of its own.
  for (const key of ['steps', 'optimizer'] as const)
    calls.set(`BuiltModel.${key}`, (model, ...args) => (model as Record<string, Call>)[key]!(...args));
  return { calls, unknown: [...unknown] };
}
