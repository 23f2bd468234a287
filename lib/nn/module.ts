/** What all parts of a network have: parameters, drawn when it is made, each with a name. */
import { checkFunction, checkInteger, checkOptions, shown, type Known } from '../core/check.js';
import type { Value } from '../value/value.js';
import { parameter } from '../value/leaves.js';
import { composed } from '../graph/node.js';
import { append } from '../core/lists.js';
import { Random } from '../runtime/random.js';
import { checkSize, type Shape } from '../core/shape.js';
import * as initializers from './initializers.js';

/** More leave no graph below about 2 GB. */
const MOST_NODES = 1_000_000;

/** What every part of a network takes. */
export interface ModuleOptions {
  /** What the parameters are drawn from, in the order of `parameters()`. */
  random: Random;
  /** Goes before the names of the parameters: 'encoder' makes 'encoder.weight'. */
  name?: string;
}

/** How many there are of what has a node of the graph each. */
export function checkCount(what: string, n: number): number {
  return checkInteger(what, n, 0, MOST_NODES);
}

/** What every part takes; one with options of its own adds them. */
export const MODULE_OPTIONS: Known<ModuleOptions> = { random: true, name: true };

/** A part of a network. */
export abstract class Module {
  private readonly own: Value[] = [];

  private readonly random: Random;
  private readonly name: string | undefined;

  /**
   * @param known the names of the options that the part takes; another one is refused
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

  /** All parameters, those of its parts included, in the order in which they were drawn; each has a name. */
  parameters(): Value[] {
    return [...this.own];
  }

  /** The options of a part. */
  protected part(name: string): ModuleOptions {
    return { random: this.random, name: this.nameOf(name) };
  }

  /** Counts a part's parameters among the module's own. */
  protected include<Part extends Module>(part: Part): Part {
    append(this.own, part.parameters());
    return part;
  }

  /** A new parameter. */
  protected draw(name: string, shape: Shape, initializer: initializers.Initializer): Value {
    const who = this.constructor.name;
    composed(`${who}: ${name}`, [], () => {
      checkSize(shape);
    });
    checkFunction(`${who}: initializer`, initializer);
    const known = Object.entries(initializers).find(([, make]) => make === (initializer as unknown));
    if (known)
      throw new TypeError(
        `${who}: initializer ${known[0]} makes an initializer and is none: call it, as in ` +
          `initializer: ${known[0]}()`,
      );
    const numbers = initializer(shape, this.random);
    const value = parameter(numbers, { name: this.nameOf(name), shape });
    this.own.push(value);
    return value;
  }

  private nameOf(name: string): string {
    return this.name === undefined ? name : `${this.name}.${name}`;
  }
}
