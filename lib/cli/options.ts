/** The command line's grammar: what can be given to which command, within which limits. */
import { parseArgs } from 'node:util';
import { parsePasses, PassError, type PassSet } from '../compiler/passes.js';
import type { DType } from '../study/experiment.js';
import type { ModelName, ModelSizes } from '../study/models/sizes.js';
import { graphSize, MOST_NODES } from '../study/models/graph-size.js';
import type { NamesOptions } from '../download/names.js';
import { httpUrl } from '../download/proxy.js';
import { quoted, quotedPath } from '../core/escape.js';
import { isSameFile } from '../core/files.js';
import { groupDigits, shellWord } from '../terminal/format.js';
import { MODELS } from './study.js';
import { didYouMean, nearest } from '../core/suggest.js';

/** A command line that makes no sense; its message is one sentence for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What both training commands take; undefined where nothing was given. */
export interface CompareOptions {
  steps?: number;
  seed?: number;
  input?: string;
  dtype?: DType;
  json: boolean;
}

export interface TrainOptions extends CompareOptions {
  isa?: string;
  lr?: number;
  batch?: number;
  threads?: number;
  sizes: Partial<ModelSizes>;
  samples?: number;
  temperature?: number;
  passes?: PassSet;
  explain: boolean;
  /** Where to keep what was learnt, after how many steps, and whether to go on from there. */
  save?: string;
  every?: number;
  resume: boolean;
}

export interface SampleOptions {
  count?: number;
  temperature?: number;
  topK?: number;
  prefix?: string;
  seed?: number;
  json: boolean;
}

export interface EvalOptions {
  input: string;
  json: boolean;
}

export interface GraphOptions {
  positions: number;
  sizes: Partial<ModelSizes>;
  seed?: number;
  input?: string;
  data: boolean;
  mermaid: boolean;
  svg?: string;
}

export interface BuildOptions {
  /** Compile although an addon loads. */
  force: boolean;
}

export type Command =
  | { name: 'help'; topic?: CommandName }
  | { name: 'version' }
  | { name: 'compare'; options: CompareOptions }
  | { name: 'train'; model: ModelName; options: TrainOptions }
  | { name: 'sample'; file: string; options: SampleOptions }
  | { name: 'eval'; file: string; options: EvalOptions }
  | { name: 'graph'; model: ModelName; options: GraphOptions }
  | { name: 'data'; options: NamesOptions }
  | { name: 'info'; options: { json: boolean } }
  | { name: 'bench'; argv: string[] }
  | { name: 'build'; options: BuildOptions };

/** What training reads where no other file is named and there is one. */
export const DEFAULT_INPUT = 'input.txt';

export const COMMAND_NAMES = [
  'compare',
  'train',
  'sample',
  'eval',
  'graph',
  'data',
  'info',
  'bench',
  'build',
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];

interface OptionSpec {
  /** The name of its value in the help; a switch has none. */
  value?: string;
  help: string;
}

/** Every option, in the order in which the help lists them. */
export const OPTIONS = {
  steps: { value: 'N', help: 'training steps (1000)' },
  seed: { value: 'N', help: 'seed of the random numbers, any whole number (42)' },
  input: { value: 'FILE', help: 'text, one document a line (./input.txt, else 32,257 names)' },
  dtype: { value: 'TYPE', help: 'float64 or float32 (float64)' },
  isa: { value: 'NAME', help: 'instruction set (the best of the machine; see vecgrad info)' },
  lr: { value: 'X', help: "initial learning rate (the model's own)" },
  batch: { value: 'N', help: 'documents a step, whose gradients are averaged (1)' },
  threads: { value: 'N', help: 'threads that a batch is spread over (1)' },
  'n-embd': { value: 'N', help: 'length of an embedding (16)' },
  'n-head': { value: 'N', help: 'attention heads, dividing n-embd (4; scalar, vector)' },
  'n-layer': { value: 'N', help: 'layers (1; scalar, vector)' },
  'block-size': { value: 'N', help: 'positions read of a document (16)' },
  'n-state': { value: 'N', help: 'length of the recurrent state (32; rnn, rnn_att)' },
  'n-att': { value: 'N', help: 'coordinates that fire, at most n-state (16; rnn_att)' },
  samples: { value: 'N', help: 'texts to invent (20)' },
  temperature: { value: 'T', help: 'above 0; the higher, the more random (0.5)' },
  save: { value: 'FILE', help: 'keep the model, and all that training goes on from, in a file' },
  every: { value: 'N', help: 'save after every N steps too, not only after the last' },
  resume: { help: 'go on from the file, where there is one' },
  count: { value: 'N', help: 'texts to invent (20)' },
  'top-k': { value: 'K', help: 'draw from the K most likely characters only (all)' },
  prefix: { value: 'TEXT', help: 'what every text begins with' },
  explain: { help: 'print what the compiler makes of the training, and train nothing' },
  passes: { value: 'LIST', help: 'compiler passes: all, none, pad,fuse, all,-fuse, ... (all)' },
  positions: { value: 'N', help: 'positions to draw (2)' },
  data: { help: 'show numbers and gradients, of the first document that is long enough' },
  svg: {
    value: 'FILE',
    help: 'write a picture instead, of at most 2,000 boxes (needs @viz-js/viz)',
  },
  mermaid: { help: 'print Mermaid instead of DOT' },
  out: { value: 'FILE', help: 'where to (./input.txt, which training reads by default)' },
  url: { value: 'URL', help: "address of the list, http or https (the study's, on GitHub)" },
  sha256: { value: 'HEX', help: "what its SHA-256 must be, for another list (the study's)" },
  force: { help: 'replace a file that holds something else; build although an addon loads' },
  json: { help: 'print one JSON object instead of text' },
  help: { help: 'explain the command' },
} satisfies Record<string, OptionSpec>;
type OptionName = keyof typeof OPTIONS;

const GRAPH_ONLY: readonly OptionName[] = ['positions', 'data', 'svg', 'mermaid'];
const SAMPLE_ONLY: readonly OptionName[] = ['count', 'top-k', 'prefix'];
const DATA_ONLY: readonly OptionName[] = ['out', 'url', 'sha256', 'force'];

interface CommandSpec {
  usage: string;
  summary: string;
  options: readonly OptionName[];
  /** Options that mean nothing without another. */
  needs?: Partial<Record<OptionName, OptionName>>;
  /** Options that do nothing beside this one. */
  idle?: Partial<Record<OptionName, readonly OptionName[]>>;
}

export const COMMANDS: Record<CommandName, CommandSpec> = {
  compare: {
    usage: 'vecgrad compare [options]',
    summary: 'train the four models in turn and print one table',
    options: ['steps', 'seed', 'input', 'dtype', 'json', 'help'],
  },
  train: {
    usage: 'vecgrad train MODEL [options]',
    summary: `train one model: ${MODELS.join(', ')}`,
    options: (Object.keys(OPTIONS) as OptionName[]).filter(
      (name) => ![...GRAPH_ONLY, ...SAMPLE_ONLY, ...DATA_ONLY].includes(name),
    ),
    needs: { every: 'save', resume: 'save', threads: 'batch' },
    idle: {
      explain: [
        'steps',
        'seed',
        'lr',
        'batch',
        'threads',
        'samples',
        'temperature',
        'save',
        'every',
        'resume',
      ],
    },
  },
  sample: {
    usage: 'vecgrad sample FILE [options]',
    summary: 'invent texts with a saved model',
    options: [...SAMPLE_ONLY, 'temperature', 'seed', 'json', 'help'],
  },
  eval: {
    usage: 'vecgrad eval FILE --input FILE',
    summary: 'print the loss of a saved model on texts',
    options: ['input', 'json', 'help'],
  },
  graph: {
    usage: 'vecgrad graph MODEL [options]',
    summary: "print a model's loss as a graph, in Graphviz's language",
    options: [...GRAPH_ONLY, 'n-embd', 'n-head', 'n-layer', 'n-state', 'n-att', 'seed', 'input', 'help'],
    needs: { seed: 'data' },
    idle: { svg: ['mermaid'] },
  },
  data: {
    usage: 'vecgrad data names [options]',
    summary: 'fetch the list of names that the study used',
    options: [...DATA_ONLY, 'help'],
    needs: { sha256: 'url' },
  },
  info: {
    usage: 'vecgrad info [options]',
    summary: 'print versions, instruction sets, OpenBLAS and CPU',
    options: ['json', 'help'],
  },
  bench: {
    usage: 'vecgrad bench [compare FILE...]',
    summary: 'time kernels and models here, or compare machines',
    options: [], // its own: lib/cli/bench.ts
  },
  build: {
    usage: 'vecgrad build [options]',
    summary: 'compile the native addon, where the package has none for here',
    options: ['force', 'help'],
  },
};

interface SizeSpec {
  option: OptionName;
  byDefault: number;
  /** A guard against slips: beyond it no machine has the memory or the patience. */
  max: number;
  models: readonly ModelName[];
}

const GPT: readonly ModelName[] = ['scalar', 'vector'];

export const SIZES: Record<keyof ModelSizes, SizeSpec> = {
  nEmbd: { option: 'n-embd', byDefault: 16, max: 4096, models: MODELS },
  nHead: { option: 'n-head', byDefault: 4, max: 4096, models: GPT },
  nLayer: { option: 'n-layer', byDefault: 1, max: 256, models: GPT },
  blockSize: { option: 'block-size', byDefault: 16, max: 4096, models: MODELS },
  nState: { option: 'n-state', byDefault: 32, max: 4096, models: ['rnn', 'rnn_att'] },
  nAtt: { option: 'n-att', byDefault: 16, max: 4096, models: ['rnn_att'] },
};

/**
 * The command that the arguments after `vecgrad` ask for.
 *
 * @throws UsageError when they ask for none
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
        throw new UsageError(`no texts given: say vecgrad eval ${shellWord(path)} --input FILE`);
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

/** Whether the arguments of a command ask to explain it: then nothing else is looked at. */
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
      `no model given: say vecgrad ${command} FILE, which vecgrad train --save FILE writes`,
    );
  noMore(`${command} FILE`, more);
  return path;
}

function onlyList([given, ...more]: readonly string[]): void {
  if (given === undefined) throw new UsageError('no list given: say vecgrad data names');
  noMore(`data ${oneOf('list', given, ['names'])}`, more);
}

function onlyModel(command: 'train' | 'graph', positionals: readonly string[]): ModelName {
  const [given, ...more] = positionals;
  if (given === undefined) {
    throw new UsageError(`no model given: say vecgrad ${command} MODEL, one of ${list(MODELS)}`);
  }
  const model = oneOf('model', given, MODELS);
  noMore(`${command} ${model}`, more);
  return model;
}

/** A line that names the options of `given` that the model makes no use of; none where there are none. */
export function unusedNote(model: ModelName, given: Partial<ModelSizes>): string {
  const unused = (Object.keys(given) as (keyof ModelSizes)[])
    .filter((size) => !SIZES[size].models.includes(model))
    .map((size) => `--${SIZES[size].option}`);
  return unused.length > 0 ? `vecgrad: note: ${model} makes no use of ${unused.join(', ')}\n` : '';
}

/**
 * Told before the command reads anything.
 *
 * @param option which names the file to write
 * @param inputs the files that the command reads
 * @throws UsageError where the file to write is one of them, which would be lost
 */
export function checkNoInput(option: string, path: string, inputs: readonly string[]): void {
  const input = inputs.find((read) => isSameFile(read, path));
  if (input === undefined) return;
  const called = input === path ? '' : ` (as ${quotedPath(input)})`;
  throw new UsageError(
    `${option} ${quotedPath(path)} is a file that this command reads${called}, and would replace it: ` +
      'give the name of another file',
  );
}

/** `"given" is no ...`, in one form for models, types and instruction sets. */
export function oneOf<T extends string>(what: string, given: string, known: readonly T[]): T {
  const found = known.find((name) => name === given);
  if (found !== undefined) return found;
  throw new UsageError(`unknown ${what} ${quoted(given)}: use ${list(known)}${didYouMean(given, known)}`);
}

type Values = Partial<Record<OptionName, string | boolean>>;

function common(values: Values): Omit<CompareOptions, 'json'> {
  return {
    ...given('steps', whole(values, 'steps', 1, 10_000_000)),
    ...given('seed', seed(values)),
    ...given('input', file(values, 'input')),
    ...given(
      'dtype',
      mapped(text(values, 'dtype'), (t) => oneOf('dtype', t, DTYPES)),
    ),
  };
}

function graphOptions(values: Values): GraphOptions {
  return {
    positions: whole(values, 'positions', 1, SIZES.blockSize.max) ?? 2,
    sizes: sizes(values),
    ...given('seed', seed(values)),
    ...given('input', file(values, 'input')),
    data: values.data === true,
    mermaid: values.mermaid === true,
    ...given('svg', file(values, 'svg')),
  };
}

const DTYPES: readonly DType[] = ['float64', 'float32'];

function sampleOptions(values: Values): SampleOptions {
  return {
    ...given('count', whole(values, 'count', 0, 1_000_000)),
    ...given('temperature', positive(values, 'temperature', MIN_TEMPERATURE)),
    ...given('topK', whole(values, 'top-k', 1, 1_000_000)),
    ...given('prefix', text(values, 'prefix')),
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
  // Not what may be a user and a password.
  const shown = given.replace(/^(\w+:\/\/)?.*@/s, '$1...@');
  throw new UsageError(`--url takes an address of http or https, not ${quoted(shown)}`);
}

function hash(given: string): string {
  if (/^[0-9a-f]{64}$/i.test(given)) return given.toLowerCase();
  throw new UsageError(`--sha256 takes 64 hexadecimal digits, not ${quoted(given)}`);
}

/** Below that, logits over temperature leave the range of floating point. */
const MIN_TEMPERATURE = 1e-9;

function trainOnly(values: Values): Omit<TrainOptions, keyof CompareOptions | 'sizes'> {
  return {
    ...given('save', file(values, 'save')),
    ...given('every', whole(values, 'every', 1, 10_000_000)),
    resume: values.resume === true,
    ...given('isa', text(values, 'isa')),
    ...given('lr', positive(values, 'lr')),
    ...given('batch', whole(values, 'batch', 1, 4096)),
    ...given('threads', whole(values, 'threads', 1, 1024)),
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
  for (const [size, { option, max }] of Object.entries(SIZES)) {
    const value = whole(values, option, 1, max);
    if (value !== undefined) result[size as keyof ModelSizes] = value;
  }
  return result;
}

/** Sizes that exclude each other are refused even where the model would ignore the one given. */
function checkSizes(model: ModelName, chosen: Partial<ModelSizes>): void {
  const value = (size: keyof ModelSizes): number => chosen[size] ?? SIZES[size].byDefault;
  const matters = (size: keyof ModelSizes): boolean => size in chosen || SIZES[size].models.includes(model);
  const shown = (size: keyof ModelSizes): string =>
    `${SIZES[size].option} ${value(size)}${size in chosen ? '' : ' (the default)'}`;
  if (matters('nHead') && value('nEmbd') % value('nHead') !== 0) {
    throw new UsageError(
      `${shown('nHead')} does not divide ${shown('nEmbd')}: ` +
        'every head takes an equal part of the embedding',
    );
  }
  if (matters('nAtt') && value('nAtt') > value('nState')) {
    throw new UsageError(
      `${shown('nAtt')} is more than ${shown('nState')}: ` +
        'no more coordinates can fire than the state has',
    );
  }
}

/** Refuses what would fill the memory: sizes that are fine one by one may not be so together. */
function checkMemory(model: ModelName, chosen: Partial<ModelSizes>, blockSize = '--block-size'): void {
  const all = Object.fromEntries(
    Object.entries(SIZES).map(([size, { byDefault }]) => [size, byDefault]),
  ) as unknown as ModelSizes;
  Object.assign(all, chosen);
  const { nEmbd, nLayer, nState } = all;
  const isGpt = GPT.includes(model);
  const parameters = isGpt ? nLayer * 12 * nEmbd ** 2 : nState ** 2 + 2 * nEmbd * nState;
  // documents are not read yet
  if (parameters <= 20_000_000 && graphSize(model, { ...all, vocabSize: 1 }) <= MOST_NODES) return;
  const options = isGpt ? ['--n-embd', '--n-layer', blockSize] : ['--n-state', '--n-embd'];
  throw new UsageError(`${model} of these sizes would not fit in memory: lower ${list(options)}`);
}

function parseOptions(command: CommandName, argv: string[]): { values: Values; positionals: string[] } {
  const names = COMMANDS[command].options;
  const options = Object.fromEntries(
    names.map((name) => [
      name,
      {
        type: 'value' in OPTIONS[name] ? ('string' as const) : ('boolean' as const),
        ...(name === 'help' && { short: 'h' }),
      },
    ]),
  );
  try {
    const parsed = parseArgs({ args: attachNegatives(argv), options, allowPositionals: true });
    return { values: parsed.values, positionals: parsed.positionals };
  } catch (error) {
    throw optionError(command, error as NodeJS.ErrnoException);
  }
}

/** @throws UsageError where an option would do nothing, for want of another or because of another */
function checkPairs({ needs = {}, idle = {} }: CommandSpec, values: Values): void {
  for (const option of Object.keys(values) as OptionName[]) {
    const useless = idle[option]?.find((other) => values[other] !== undefined);
    if (useless !== undefined)
      throw new UsageError(`--${useless} does nothing beside --${option}: leave one of them out`);
  }
  for (const option of Object.keys(values) as OptionName[]) {
    const needed = needs[option];
    if (needed === undefined || values[needed] !== undefined) continue;
    const { value }: OptionSpec = OPTIONS[needed];
    throw new UsageError(
      `--${option} needs --${needed}${value === undefined ? '' : ` ${value}`}: give both, or neither`,
    );
  }
}

/** `--seed -5` means `--seed=-5`: no option is called by a digit, so that nothing is ambiguous. */
function attachNegatives(argv: readonly string[]): string[] {
  const result: string[] = [];
  for (const arg of argv) {
    const last = result.at(-1);
    if (/^-[.\d]/.test(arg) && last !== undefined && /^--[^=]+$/.test(last)) {
      result[result.length - 1] = `${last}=${arg}`;
    } else {
      result.push(arg);
    }
  }
  return result;
}

/** parseArgs' own messages span lines and talk of its own ways; ours name the command's options. */
function optionError(command: CommandName, error: NodeJS.ErrnoException): Error {
  const given = /'(?:-\w, )?(-[^' =]*)/.exec(error.message)?.[1] ?? '';
  const name = given.replace(/^-+/, '');
  const known = COMMANDS[command].options;
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const others = COMMAND_NAMES.filter((other) =>
        COMMANDS[other].options.some((option) => option === name),
      );
      const guess = others.length > 0 ? `, only ${others.join(' and ')} has` : didYouMean(name, known, '--');
      return new UsageError(
        `${command} has no option ${quoted(given)}${guess} (see vecgrad ${command} --help)`,
      );
    }
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
      const option = known.find((candidate) => candidate === name);
      const spec: OptionSpec | undefined = option && OPTIONS[option];
      return new UsageError(
        spec?.value === undefined
          ? `--${name} takes no value`
          : `--${name} needs a value: --${name} ${spec.value}, ${spec.help}`,
      );
    }
    default:
      return error;
  }
}

function unknownCommand(first: string): UsageError {
  const shown = quoted(first);
  if (first.startsWith('-')) {
    return new UsageError(`the command comes before its options, not ${shown}: ${usageHint()}`);
  }
  const model = nearest(first, MODELS);
  const guess =
    didYouMean(first, COMMAND_NAMES) || (model === undefined ? '' : `; did you mean train ${model}?`);
  return new UsageError(`unknown command ${shown}: ${usageHint()}${guess}`);
}

function usageHint(): string {
  return `use ${list(COMMAND_NAMES)} (vecgrad --help explains)`;
}

function noMore(before: string, positionals: readonly string[]): void {
  if (positionals.length === 0) return;
  throw new UsageError(`nothing is expected after ${before}: ${quoted(positionals[0]!)}`);
}

function whole(values: Values, name: OptionName, min: number, max: number): number | undefined {
  return mapped(text(values, name), (given) => {
    const value = decimal(given);
    if (Number.isInteger(value) && value >= min && value <= max) return value + 0;
    throw new UsageError(
      `--${name} takes a whole number from ${groupDigits(min)} to ${groupDigits(max)}, ` +
        `not ${quoted(given)}`,
    );
  });
}

function seed(values: Values): number | undefined {
  return whole(values, 'seed', -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

function file(values: Values, name: OptionName): string | undefined {
  const path = text(values, name);
  if (path === '') throw new UsageError(`--${name} takes the name of a file, not ""`);
  return path;
}

function positive(values: Values, name: OptionName, min = 0): number | undefined {
  return mapped(text(values, name), (given) => {
    const value = decimal(given);
    if (value > 0 && value >= min && value < Infinity) return value;
    const limit = min > 0 ? `a number of at least ${min}` : 'a finite number above 0';
    throw new UsageError(`--${name} takes ${limit}, not ${quoted(given)}`);
  });
}

/** NaN for what is no plain decimal number: Number() also takes "", "0x10" and " 1 ". */
function decimal(given: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given) ? Number(given) : NaN;
}

function text(values: Values, name: OptionName): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

function mapped<T, U>(value: T | undefined, change: (value: T) => U): U | undefined {
  return value === undefined ? undefined : change(value);
}

/** The property, or none: a default further down is not to be overwritten by undefined. */
function given<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}

function isCommand(name: string | undefined): name is CommandName {
  return COMMAND_NAMES.some((command) => command === name);
}

/** `a, b or c`. */
export function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`;
}
