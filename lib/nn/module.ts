/** The base class of all parts of a network: named parameters, drawn when the module is constructed. */
import { checkFunction, checkInteger, checkOptions, shown, type Known } from '../core/check.js';
import type { Value } from '../value/value.js';
import { parameter } from '../value/leaves.js';
import { composed } from '../graph/node.js';
import { append } from '../core/lists.js';
import { Random } from '../runtime/random.js';
import { checkSize, type Shape } from '../core/shape.js';
import * as initializers from './initializers.js';

/** The most scalar parameters of one module: the graph of more would not fit in about 2 GB. */
const MAX_SCALARS = 1_000_000;

/** The most layers of one perceptron. */
export const MAX_LAYERS = 1000;

/** Options of every module. */
export interface ModuleOptions {
  /** What the parameters are drawn from, in the order of `parameters()`. */
  random: Random;
  /** Goes before the names of the parameters: 'encoder' makes 'encoder.weight'. */
  name?: string;
}

/** Checks a count of scalar parameters, each of which is a node of the graph. */
export function checkCount(what: string, n: number): number {
  return checkInteger(what, n, 0, MAX_SCALARS);
}

/** The names of the options of every module; a module with options of its own adds theirs. */
export const MODULE_OPTIONS: Known<ModuleOptions> = { random: true, name: true };

export function checkInitializer(who: string, initializer: initializers.Initializer): void {
  checkFunction(`${who}: initializer`, initializer);
  const known = Object.entries(initializers).find(([, make]) => make === (initializer as unknown));
  if (known)
    throw new TypeError(
      `${who}: initializer ${known[0]} makes an initializer and is none: call it, as in ` +
        `initializer: ${known[0]}()`,
    );
}

/** A part of a network, which holds the parameters that training changes. */
export abstract class Module {
  private readonly own: Value[] = [];

  private readonly random: Random;
  private readonly name: string | undefined;

  /**
   * @param known the names of the options that the module takes; any other is refused
   * @throws TypeError when an option is unknown, or `random` is no Random
   */
  constructor(options: ModuleOptions, known: Readonly<Record<string, true>> = MODULE_OPTIONS) {
    const who = new.target.name;
    checkOptions<object>(who, options, known);
    const { name, random } = options;
    if (name !== undefined && typeof name !== 'string')
      throw new TypeError(`${who}: name ${shown(name)}: expected a text`);
    if (!((random as unknown) instanceof Random))
      throw new TypeError(
        `${who}: random ${shown(random)}: expected a Random to draw the parameters from, as in { ` +
          'random: new Random(42) }',
      );
    this.name = name;
    this.random = random;
  }

  /**
   * All parameters, those of its submodules included, in the order in which they were drawn; each has a name.
   */
  parameters(): Value[] {
    return [...this.own];
  }

  /** The options of a submodule: the same random generator, and a name below this module's. */
  protected part(name: string): ModuleOptions {
    return { random: this.random, name: this.nameOf(name) };
  }

  /** Adds a submodule: its parameters count as this module's. */
  protected include<Sub extends Module>(submodule: Sub): Sub {
    append(this.own, submodule.parameters());
    return submodule;
  }

  /** Makes a parameter, its numbers drawn by the initializer. */
  protected draw(name: string, shape: Shape, initializer: initializers.Initializer): Value {
    const who = this.constructor.name;
    composed(`${who}: ${name}`, [], () => {
      checkSize(shape);
    });
    checkInitializer(who, initializer);
    const numbers = initializer(shape, this.random);
    const value = parameter(numbers, { name: this.nameOf(name), shape });
    this.own.push(value);
    return value;
  }

  private nameOf(name: string): string {
    return this.name === undefined ? name : `${this.name}.${name}`;
  }
}
