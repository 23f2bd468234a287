/** Parses a command line: which command, with which arguments, each checked. */
import { parsePasses, PassError, type PassSet } from '../compiler/passes.js';
import type { DType } from '../core/array.js';
import { MODEL_NAMES, type ModelName, type ModelSizes } from '../study/models/sizes.js';
import type { NamesOptions } from '../download/names.js';
import { httpUrl } from '../download/proxy.js';
import { quoted } from '../core/escape.js';
import { shellWord } from '../terminal/format.js';
import { didYouMean, nearest } from '../core/suggest.js';
import { alternatives, UsageError, oneOf } from './usage.js';
import {
  type CompareArguments,
  type TrainArguments,
  type SampleArguments,
  type GraphArguments,
  type Command,
  DEFAULT_INPUT,
  DEFAULT_POSITIONS,
  COMMAND_NAMES,
  type CommandName,
  COMMANDS,
} from './commands.js';
import { SIZE_OPTIONS, checkSizes, checkMemory } from './size-options.js';
import {
  type Values,
  MIN_TEMPERATURE,
  whole,
  seed,
  file,
  positive,
  text,
  mapped,
  given,
} from './option-values.js';
import { parseOptions, checkPairs } from './split-arguments.js';

/**
 * Parses the arguments after `vecgrad`.
 *
 * @throws UsageError when they are not a command
 */
export function parseCommand(argv: readonly string[]): Command {
  const [first, ...rest] = argv;
  if (first === undefined) {
    throw new UsageError(`no command given: ${usageHint()}`);
  }
  if (first === 'help' || HELP.includes(first)) return helpOn(rest.filter((arg) => !HELP.includes(arg)));
  if (first === '--version' || first === '-v') {
    noMore(first, rest);
    return { name: 'version' };
  }
  if (!isCommand(first)) throw unknownCommand(first);
  if (asksForHelp(rest)) return { name: 'help', topic: first };
  if (first === 'bench') return { name: first, argv: rest };

  const { values, positionals } = parseOptions(first, rest);
  if (values.help === true) return { name: 'help', topic: first };
  checkPairs(COMMANDS[first], values);
  const json = values.json === true;
  switch (first) {
    case 'compare':
      noMore(first, positionals);
      return { name: first, options: { ...common(values), json } };
    case 'sample':
      return { name: first, file: onlyFile(first, positionals), options: sampleOptions(values) };
    case 'eval': {
      const path = onlyFile(first, positionals);
      const input = file(values, 'input');
      if (input === undefined)
        throw new UsageError(`no documents given: use vecgrad eval ${shellWord(path)} --input FILE`);
      return { name: first, file: path, options: { input, json } };
    }
    case 'data':
      onlyList(positionals);
      return { name: first, options: namesOptions(values) };
    case 'info':
      noMore(first, positionals);
      return { name: first, options: { json } };
    case 'build':
      noMore(first, positionals);
      return { name: first, options: { force: values.force === true } };
    case 'graph': {
      const model = onlyModel(first, positionals);
      const options = graphOptions(values);
      const built = { ...options.sizes, blockSize: options.positions };
      checkSizes(model, built);
      checkMemory(model, built, '--positions');
      return { name: first, model, options };
    }
    case 'train': {
      const model = onlyModel(first, positionals);
      const options = { ...common(values), ...trainOnly(values), sizes: sizes(values), json };
      checkSizes(model, options.sizes);
      checkMemory(model, options.sizes);
      return { name: first, model, options };
    }
  }
}

const HELP = ['--help', '-h'];

/** Whether the arguments ask for help; then nothing else is checked. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some((arg) => HELP.includes(arg));
}

function helpOn([topic, ...more]: readonly string[]): Command {
  if (topic === undefined) return { name: 'help' };
  if (!isCommand(topic)) throw unknownCommand(topic);
  noMore(`help ${topic}`, more);
  return { name: 'help', topic };
}

function onlyFile(command: 'sample' | 'eval', positionals: readonly string[]): string {
  const [path, ...more] = positionals;
  if (path === undefined || path === '')
    throw new UsageError(
      `no model given: use vecgrad ${command} FILE, with a file from vecgrad train --save FILE`,
    );
  noMore(`${command} FILE`, more);
  return path;
}

function onlyList([given, ...more]: readonly string[]): void {
  if (given === undefined) throw new UsageError('no list given: use vecgrad data names');
  noMore(`data ${oneOf('list', given, ['names'])}`, more);
}

function onlyModel(command: 'train' | 'graph', positionals: readonly string[]): ModelName {
  const [given, ...more] = positionals;
  if (given === undefined) {
    throw new UsageError(`no model given: use vecgrad ${command} MODEL, one of ${alternatives(MODEL_NAMES)}`);
  }
  const model = oneOf('model', given, MODEL_NAMES);
  noMore(`${command} ${model}`, more);
  return model;
}

function common(values: Values): Omit<CompareArguments, 'json'> {
  return {
    ...given('steps', whole(values, 'steps', 1, 10_000_000)),
    ...given('seed', seed(values)),
    ...given('input', file(values, 'input')),
    ...given(
      'dtype',
      mapped(text(values, 'dtype'), (t) => oneOf('dtype', t, DTYPES)),
    ),
    ...given('threads', whole(values, 'threads', 1, 1024)),
  };
}

function graphOptions(values: Values): GraphArguments {
  return {
    positions: whole(values, 'positions', 1, SIZE_OPTIONS.blockSize.max) ?? DEFAULT_POSITIONS,
    sizes: sizes(values),
    ...given('seed', seed(values)),
    ...given('input', file(values, 'input')),
    data: values.data === true,
    mermaid: values.mermaid === true,
    ...given('svg', file(values, 'svg')),
  };
}

const DTYPES: readonly DType[] = ['float64', 'float32'];

function sampleOptions(values: Values): SampleArguments {
  return {
    ...given('count', whole(values, 'count', 0, 1_000_000)),
    ...given('temperature', positive(values, 'temperature', MIN_TEMPERATURE)),
    ...given('topK', whole(values, 'top-k', 1, 1_000_000)),
    ...given('prefix', text(values, 'prefix')),
    together: values.together === true,
    ...given('seed', seed(values)),
    json: values.json === true,
  };
}

function namesOptions(values: Values): NamesOptions {
  return {
    out: file(values, 'out') ?? DEFAULT_INPUT,
    ...given('url', mapped(text(values, 'url'), address)),
    ...given('sha256', mapped(text(values, 'sha256'), hash)),
    force: values.force === true,
  };
}

function address(given: string): URL {
  const url = httpUrl(given);
  if (url !== undefined) return url;
  // Hides what may be a user name and password.
  const shown = given.replace(/^(\w+:\/\/)?.*@/s, '$1...@');
  throw new UsageError(`--url takes an address of http or https, not ${quoted(shown)}`);
}

function hash(given: string): string {
  if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase();
  throw new UsageError(`--sha256 takes 64 hexadecimal digits, not ${quoted(given)}`);
}

function trainOnly(values: Values): Omit<TrainArguments, keyof CompareArguments | 'sizes'> {
  return {
    ...given('save', file(values, 'save')),
    ...given('every', whole(values, 'every', 1, 10_000_000)),
    resume: values.resume === true,
    ...given('isa', text(values, 'isa')),
    ...given('lr', positive(values, 'lr')),
    ...given('batch', whole(values, 'batch', 1, 4096)),
    ...given('samples', whole(values, 'samples', 0, 1_000_000)),
    ...given('passes', mapped(text(values, 'passes'), passes)),
    explain: values.explain === true,
    ...given('temperature', positive(values, 'temperature', MIN_TEMPERATURE)),
  };
}

function passes(list: string): PassSet {
  try {
    return parsePasses(list);
  } catch (error) {
    if (error instanceof PassError) throw new UsageError(`--passes: ${error.message}`);
    throw error;
  }
}

function sizes(values: Values): Partial<ModelSizes> {
  const result: Partial<ModelSizes> = {};
  for (const [size, { option, max }] of Object.entries(SIZE_OPTIONS)) {
    const value = whole(values, option, 1, max);
    if (value !== undefined) result[size as keyof ModelSizes] = value;
  }
  return result;
}

function unknownCommand(first: string): UsageError {
  const shown = quoted(first);
  if (first.startsWith('-')) {
    return new UsageError(`the command comes before its options, not ${shown}: ${usageHint()}`);
  }
  const model = nearest(first, MODEL_NAMES);
  const guess =
    didYouMean(first, COMMAND_NAMES) || (model === undefined ? '' : `; did you mean train ${model}?`);
  return new UsageError(`unknown command ${shown}: ${usageHint()}${guess}`);
}

function usageHint(): string {
  return `use ${alternatives(COMMAND_NAMES)} (vecgrad --help explains)`;
}

function noMore(before: string, positionals: readonly string[]): void {
  if (positionals.length === 0) return;
  throw new UsageError(`nothing is expected after ${before}: ${quoted(positionals[0]!)}`);
}

function isCommand(name: string | undefined): name is CommandName {
  return COMMAND_NAMES.some((command) => command === name);
}
