/** Explains the compilation of a model's training: the effect of each pass, and the work of a step. */
import type { Work } from '../compiler/account.js';
import { ALL_PASSES, PASSES, type PassName, type PassSet } from '../compiler/passes.js';
import { checkDocuments, listed, splitHeldOut, type Documents } from './documents.js';
import { Tokenizer } from './tokenizer.js';
import type { DType } from '../core/array.js';
import { DEFAULTS } from './defaults.js';
import { buildModel } from './build-model.js';
import type { ModelName, ModelSizes } from './models/sizes.js';
import type { Program } from '../runtime/program.js';
import { Random } from '../runtime/random.js';

export interface ExplainOptions {
  docs: Documents;
  dtype?: DType;
  isa?: string;
  passes?: PassSet;
  sizes?: Partial<ModelSizes>;
  seed?: number;
}

/** The result of compiling with the passes up to and including this one. */
export interface Stage {
  /** `none`: before the first pass. */
  pass: PassName | 'none';
  does: string;
  nodes: number;
  instructions: number;
  /** FLOP and bytes of a step at full length. */
  flop: number;
  bytes: number;
  /** The size of the program's arena, in numbers. */
  arena: number;
}

export interface Explanation {
  model: ModelName;
  dtype: DType;
  isa: string;
  params: number;
  nodesWritten: number;
  stages: Stage[];
  /** The work of a step at the longest length and at the documents' mean length (rounded), by opcode. */
  steps: { length: number; instructions: number; flop: number; bytes: number; work: Work[] }[];
  arena: number;
  /** Values that share memory: how many, the numbers that they have, and those that their memory has. */
  sharing: Program['counts']['sharing'];
  /** How many instructions the program has as they run, and how many it keeps: those of a loop once. */
  loops: { instructions: number; kept: number };
}

export function explain(name: ModelName, options: ExplainOptions): Explanation {
  const { docs, passes = ALL_PASSES } = options;
  checkDocuments(docs);
  const tokenizer = new Tokenizer(docs);
  const { train } = splitHeldOut(listed(docs));
  const model = buildModel(
    name,
    tokenizer.vocabSize,
    options.sizes ?? {},
    new Random(options.seed ?? DEFAULTS.seed),
  );
  const { dtype, isa } = options;
  const target = { ...(dtype !== undefined && { dtype }), ...(isa !== undefined && { isa }) };
  const compile = (on: PassSet): Program =>
    model.optimizer(DEFAULTS.steps).minimize(model.loss, { ...target, passes: on }).program;

  const chosen = PASSES.filter((pass) => passes.has(pass.name));
  let program = compile(new Set());
  const stages = [stage('none', 'lowers every node as written', program)];
  chosen.forEach((pass, i) => {
    program = compile(new Set(chosen.slice(0, i + 1).map((before) => before.name)));
    stages.push(stage(pass.name, pass.does, program));
  });
  const { blockSize } = model.sizes;
  const lengths = train.map((doc) => Math.min(blockSize, tokenizer.encode(doc).length - 1));
  const mean = Math.round(lengths.reduce((a, b) => a + b, 0) / lengths.length);
  return {
    model: name,
    dtype: program.dtype,
    isa: program.isa,
    params: program.parameterCount,
    nodesWritten: program.counts.forwardNodes,
    stages,
    steps: [...new Set([program.maxLength, mean])].map((length) => {
      const work = program.work(length);
      return { length, ...summed(work), work };
    }),
    arena: program.arena.length,
    sharing: program.counts.sharing,
    loops: { instructions: program.counts.instructions, kept: program.counts.kept },
  };
}

function stage(pass: Stage['pass'], does: string, program: Program): Stage {
  const nodes = program.countNodes();
  return { pass, does, nodes, ...summed(program.work()), arena: program.arena.length };
}

function summed(work: readonly Work[]): { instructions: number; flop: number; bytes: number } {
  const of = (key: 'instructions' | 'flop' | 'bytes'): number => work.reduce((sum, row) => sum + row[key], 0);
  return { instructions: of('instructions'), flop: of('flop'), bytes: of('bytes') };
}
