/**
 * The commands and their options, in one table for the parser and the help, and the types of parsed commands.
 */
import type { DType } from '../core/array.js';
import { DEFAULTS } from '../study/defaults.js';
import { MODEL_NAMES, SIZES, type ModelSizes, type ModelName } from '../study/models/sizes.js';
import type { PassSet } from '../compiler/passes.js';
import type { NamesOptions } from '../download/names.js';

/** The options of both training commands; undefined where not given. */
export interface CompareArguments {
  steps?: number;
  seed?: number;
  input?: string;
  dtype?: DType;
  threads?: number;
  json: boolean;
}

export interface TrainArguments extends CompareArguments {
  isa?: string;
  lr?: number;
  batch?: number;
  sizes: Partial<ModelSizes>;
  samples?: number;
  temperature?: number;
  passes?: PassSet;
  explain: boolean;
  /** Where to save the model, after how many steps, and whether to resume from there. */
  save?: string;
  every?: number;
  resume: boolean;
}

export interface SampleArguments {
  count?: number;
  temperature?: number;
  topK?: number;
  prefix?: string;
  together: boolean;
  seed?: number;
  json: boolean;
}

export interface EvalArguments {
  input: string;
  json: boolean;
}

export interface GraphArguments {
  positions: number;
  sizes: Partial<ModelSizes>;
  seed?: number;
  input?: string;
  data: boolean;
  mermaid: boolean;
  svg?: string;
}

export interface BuildArguments {
  /** Compile even if an addon loads. */
  force: boolean;
}

export type Command =
  | { name: 'help'; topic?: CommandName }
  | { name: 'version' }
  | { name: 'compare'; options: CompareArguments }
  | { name: 'train'; model: ModelName; options: TrainArguments }
  | { name: 'sample'; file: string; options: SampleArguments }
  | { name: 'eval'; file: string; options: EvalArguments }
  | { name: 'graph'; model: ModelName; options: GraphArguments }
  | { name: 'data'; options: NamesOptions }
  | { name: 'info'; options: { json: boolean } }
  | { name: 'bench'; argv: string[] }
  | { name: 'build'; options: BuildArguments };

/** The file that training reads if it exists and no other is given. */
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

export interface OptionSpec {
  /** The name of its value in the help; a switch has none. */
  value?: string;
  help: string;
}

/** How many positions `vecgrad graph` draws by default. */
export const DEFAULT_POSITIONS = 2;

/** Every option, in the order of the help. */
export const OPTIONS = {
  steps: { value: 'N', help: `training steps (${DEFAULTS.steps})` },
  seed: { value: 'N', help: `seed of the random numbers, any whole number (${DEFAULTS.seed})` },
  input: { value: 'FILE', help: 'text, one document per line (./input.txt, else 32,257 names)' },
  dtype: { value: 'TYPE', help: 'float64 or float32 (float64)' },
  isa: { value: 'NAME', help: "instruction set (the machine's best; see vecgrad info)" },
  lr: { value: 'X', help: "initial learning rate (the model's own)" },
  batch: { value: 'N', help: `documents per step, whose gradients are averaged (${DEFAULTS.batch})` },
  threads: { value: 'N', help: 'most threads to use (all processors; see vecgrad info)' },
  'n-embd': { value: 'N', help: sizeHelp('nEmbd', 'length of an embedding') },
  'n-head': { value: 'N', help: sizeHelp('nHead', 'attention heads, dividing n-embd') },
  'n-layer': { value: 'N', help: sizeHelp('nLayer', 'layers') },
  'block-size': { value: 'N', help: sizeHelp('blockSize', 'most positions read of a document') },
  'n-state': { value: 'N', help: sizeHelp('nState', 'length of the recurrent state') },
  'n-att': { value: 'N', help: sizeHelp('nAtt', 'coordinates that fire, at most n-state') },
  samples: { value: 'N', help: `documents to sample (${DEFAULTS.samples})` },
  temperature: { value: 'T', help: `above 0; higher is more random (${DEFAULTS.temperature})` },
  save: { value: 'FILE', help: 'save the model and the training state to a file' },
  every: { value: 'N', help: 'also save after every N steps, not only after the last' },
  resume: { help: 'resume from that file, if it exists' },
  count: { value: 'N', help: `documents to sample (${DEFAULTS.samples})` },
  'top-k': { value: 'K', help: 'draw only from the K most likely characters (all)' },
  prefix: { value: 'TEXT', help: 'what every document begins with' },
  together: { help: 'advance the documents together: faster, but others than one by one' },
  explain: { help: 'explain how the training is compiled, without training' },
  passes: { value: 'LIST', help: 'compiler passes: all, none, pad,fuse, all,-fuse, ... (all)' },
  positions: { value: 'N', help: `positions to draw (${DEFAULT_POSITIONS})` },
  data: { help: 'show numbers and gradients for the first document that is long enough' },
  svg: {
    value: 'FILE',
    help: 'write a picture instead, of at most 2,000 boxes (needs @viz-js/viz)',
  },
  mermaid: { help: 'print Mermaid instead of DOT' },
  out: { value: 'FILE', help: 'the file to write (./input.txt, which training reads)' },
  url: { value: 'URL', help: "address of the list, http or https (the study's, on GitHub)" },
  sha256: { value: 'HEX', help: "the expected SHA-256 of another list (the study's)" },
  force: { help: 'replace another file' },
  json: { help: 'print one JSON object instead of text' },
  help: { help: 'explain the command' },
} satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

/** The help of an option that sets a size: its default, and its models unless all have it. */
function sizeHelp(size: keyof ModelSizes, text: string): string {
  const { byDefault, models } = SIZES[size];
  const only = models.length < MODEL_NAMES.length ? `; ${models.join(', ')}` : '';
  return `${text} (${byDefault}${only})`;
}

const GRAPH_ONLY: readonly OptionName[] = ['positions', 'data', 'svg', 'mermaid'];

const SAMPLE_ONLY: readonly OptionName[] = ['count', 'top-k', 'prefix', 'together'];

const DATA_ONLY: readonly OptionName[] = ['out', 'url', 'sha256', 'force'];

export interface CommandSpec {
  usage: string;
  summary: string;
  options: readonly OptionName[];
  /** The help of options that mean something else here. */
  help?: Partial<Record<OptionName, string>>;
  /** Options that are meaningless without another. */
  needs?: Partial<Record<OptionName, OptionName>>;
  /** Options that have no effect together with this one. */
  idle?: Partial<Record<OptionName, readonly OptionName[]>>;
}

export const COMMANDS: Record<CommandName, CommandSpec> = {
  compare: {
    usage: 'vecgrad compare [options]',
    summary: 'train the four models in turn and print one table',
    options: ['steps', 'seed', 'input', 'dtype', 'threads', 'json', 'help'],
  },
  train: {
    usage: 'vecgrad train MODEL [options]',
    summary: `train one model: ${MODEL_NAMES.join(', ')}`,
    options: (Object.keys(OPTIONS) as OptionName[]).filter(
      (name) => ![...GRAPH_ONLY, ...SAMPLE_ONLY, ...DATA_ONLY].includes(name),
    ),
    needs: { every: 'save', resume: 'save' },
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
    summary: 'sample documents from a saved model',
    options: [...SAMPLE_ONLY, 'temperature', 'seed', 'json', 'help'],
  },
  eval: {
    usage: 'vecgrad eval FILE --input FILE',
    summary: 'print the loss of a saved model on documents',
    options: ['input', 'json', 'help'],
    help: { input: 'text, one document per line' },
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
    options: [], // see lib/cli/bench.ts
  },
  build: {
    usage: 'vecgrad build [options]',
    summary: 'compile the native addon, if the package has none for this machine',
    options: ['force', 'help'],
    help: { force: 'build even if an addon loads' },
  },
};
