/** What a program is fed, what it holds, and what a run of it does. */
import { checkArguments, shown } from '../core/check.js';
import type { DType } from '../core/array.js';
import type { Shape } from '../core/shape.js';
import type { Work } from '../compiler/account.js';
import type { ProgramCounts } from '../compiler/compile.js';
import { Node } from '../graph/node.js';
import { Program } from '../runtime/program.js';

/** An input of a program. */
export interface InputDescription {
  /** By which it is fed. */
  name: string;
  /** Numbers, integers that name entries, or how many terms of a mean count. */
  kind: 'numbers' | 'index' | 'length';
  /** Of what it is fed. */
  shape: Shape;
  /** The bound below which all its integers are: of an index, and the most of a length and one. */
  limit?: number;
  /** Whether anything depends on it: what the compiler found to be unused can be fed, or left out. */
  isRead: boolean;
}

/** A parameter in a program. */
export interface ParameterDescription {
  /** Its name, if it has one. */
  name: string | undefined;
  /** Of its numbers. */
  shape: Shape;
  /** Whether a training step moves it by its gradient. */
  isTrained: boolean;
}

/** What {@link explain} says. */
export interface ProgramDescription {
  /** The type of all its numbers. */
  dtype: DType;
  /** The instruction set. */
  isa: string;
  /** What it is fed. */
  inputs: InputDescription[];
  /** The parameters that it holds. */
  parameters: ParameterDescription[];
  /** The bytes of all its numbers: parameters, their gradients and moments, values. */
  bytes: number;
  /** How large the compiled graph is. */
  counts: ProgramCounts;
  /** The instructions of a run of all of it (a whole step, of a training), by opcode. */
  work: Work[];
}

/**
 * Describes a program, or that of a training or an inference: its inputs with their names and shapes, its
 * parameters, its memory, and the instructions of a run. `console.table(explain(training).work)` shows these.
 *
 * @throws TypeError when it is none of the three
 */
export function explain(what: Program | { readonly program: Program }): ProgramDescription {
  checkArguments('explain', arguments, 1);
  const given: unknown = what;
  const isHolder = typeof given === 'object' && given !== null && !(given instanceof Node);
  const held: unknown = isHolder && Reflect.get(given, 'program');
  const program = given instanceof Program ? given : held;
  if (!(program instanceof Program))
    throw new TypeError(`explain: ${shown(given)}, expected a program, a training or an inference`);
  const { dtype, isa, inputs, residence, counts, arena } = program;
  return {
    dtype,
    isa,
    inputs: [
      ...inputs.floats.map(({ name, shape, isRead }): InputDescription => ({
        name,
        kind: 'numbers',
        shape,
        isRead,
      })),
      ...inputs.indices.map(({ name, shape, limit, needs }): InputDescription => {
        const isLength = name === inputs.countName;
        return {
          name,
          kind: isLength ? 'length' : 'index',
          shape,
          limit: isLength ? inputs.maxLength + 1 : limit,
          isRead: isLength || needs.some((n) => n > 0),
        };
      }),
    ],
    parameters: residence.held.map(({ value: { name, shape }, isTrained }) => ({ name, shape, isTrained })),
    bytes: arena.byteLength,
    counts,
    work: program.work(),
  };
}
