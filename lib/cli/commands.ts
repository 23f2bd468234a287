/** The commands and their options: one table that parser and help read, and the types of parsed commands. */
import type { DType } from '../core/array.js';
import { DEFAULTS } from '../study/defaults.js';
import { MODEL_NAMES, SIZES, type ModelSizes, type ModelName } from '../study/models/sizes.js';
import type { PassSet } from '../compiler/passes.js';
import type { NamesOptions } from '../download/names.js';

/** What both training commands take; undefined where nothing was given. */
export interface CompareArguments {
  steps?: number;
  seed?: number;
  input?: string;
  dtype?: DType;
  json: boolean;
}

export interface TrainArguments extends CompareArguments {
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

export interface SampleArguments {
  count?: number;
  temperature?: number;
  topK?: number;
  prefix?: string;
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
  /** Compile although an addon loads. */
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

export interface OptionSpec {
  /** The name of its value in the help; a switch has none. */
  value?: string;
  help: string;
}

/** How many positions `vecgrad graph` draws. */
export const DEFAULT_POSITIONS = 2;

/** Every option, in the order in which the help lists them. */
export const OPTIONS = {
  steps: { value: 'N', help: `training steps (${DEFAULTS.steps})` },
  seed: { value: 'N', help: `seed of the random numbers, any whole number (${DEFAULTS.seed})` },
  input: { value: 'FILE', help: 'text, one document a line (but for eval: ./input.txt, else 32,257 names)' },
  dtype: { value: 'TYPE', help: 'float64 or float32 (float64)' },
  isa: { value: 'NAME', help: 'instruction set (the best of the machine; see vecgrad info)' },
  lr: { value: 'X', help: "initial learning rate (the model's own)" },
  batch: { value: 'N', help: `documents a step, whose gradients are averaged (${DEFAULTS.batch})` },
  threads: { value: 'N', help: 'threads that a batch is spread over (1)' },
  'n-embd': { value: 'N', help: sizeHelp('nEmbd', 'length of an embedding') },
  'n-head': { value: 'N', help: sizeHelp('nHead', 'attention heads, dividing n-embd') },
  'n-layer': { value: 'N', help: sizeHelp('nLayer', 'layers') },
  'block-size': { value: 'N', help: sizeHelp('blockSize', 'positions read of a document') },
  'n-state': { value: 'N', help: sizeHelp('nState', 'length of the recurrent state') },
  'n-att': { value: 'N', help: sizeHelp('nAtt', 'coordinates that fire, at most n-state') },
  samples: { value: 'N', help: `texts to invent (${DEFAULTS.samples})` },
  temperature: { value: 'T', help: `above 0; the higher, the more random (${DEFAULTS.temperature})` },
  save: { value: 'FILE', help: 'keep the model, and all that training goes on from, in a file' },
  every: { value: 'N', help: 'save after every N steps too, not only after the last' },
  resume: { help: 'go on from the file, where there is one' },
  count: { value: 'N', help: `texts to invent (${DEFAULTS.samples})` },
  'top-k': { value: 'K', help: 'draw from the K most likely characters only (all)' },
  prefix: { value: 'TEXT', help: 'what every text begins with' },
  explain: { help: 'print what the compiler makes of the training, and train nothing' },
  passes: { value: 'LIST', help: 'compiler passes: all, none, pad,fuse, all,-fuse, ... (all)' },
  positions: { value: 'N', help: `positions to draw (${DEFAULT_POSITIONS})` },
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

export type OptionName = keyof typeof OPTIONS;

/** What an option of a size says in the help: its default, and its models where not all have it. */
function sizeHelp(size: keyof ModelSizes, text: string): string {
  const { byDefault, models } = SIZES[size];
  const only = models.length < MODEL_NAMES.length ? `; ${models.join(', ')}` : '';
  return `${text} (${byDefault}${only})`;
}

const GRAPH_ONLY: readonly OptionName[] = ['positions', 'data', 'svg', 'mermaid'];

const SAMPLE_ONLY: readonly OptionName[] = ['count', 'top-k', 'prefix'];

const DATA_ONLY: readonly OptionName[] = ['out', 'url', 'sha256', 'force'];

export interface CommandSpec {
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
    summary: `train one model: ${MODEL_NAMES.join(', ')}`,
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
