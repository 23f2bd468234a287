/** The base class of all modules: named parameters, created when the module is constructed. */
import { checkFunction, checkInteger, checkOptions, shown, type Known } from '../core/check.js';
import { Value } from '../value/value.js';
import { parameter } from '../value/leaves.js';
import { composed } from '../graph/node.js';
import { Random } from '../runtime/random.js';
import { checkSize, sizeOf, type Shape } from '../core/shape.js';
import * as initializers from './initializers.js';

/** The most scalar parameters of one module: the graph of more would take over 2 GB. */
const MAX_SCALARS = 1_000_000;

/** The most layers of one perceptron. */
export const MAX_LAYERS = 1000;

/** Options of every module. */
export interface ModuleOptions {
  /** The source of the parameters' numbers, drawn in the order of `parameters()`. */
  random: Random;
  /** The prefix of the parameters' names: 'encoder' makes 'encoder.weight'. */
  name?: string;
}

/** Checks the number of scalar parameters, each of which is a node of the graph. */
export function checkCount(what: string, n: number): number {
  return checkInteger(what, n, 0, MAX_SCALARS);
}

/** The option names of every module; modules with further options add theirs. */
export const MODULE_OPTIONS: Known<ModuleOptions> = { random: true, name: true };

export function checkInitializer(who: string, initializer: initializers.Initializer): void {
  checkFunction(`${who}: initializer`, initializer);
  const known = Object.entries(initializers).find(([, make]) => make === (initializer as unknown));
  if (known)
    throw new TypeError(
      `${who}: initializer ${known[0]} makes an initializer but is not one: call it, as in ` +
        `initializer: ${known[0]}()`,
    );
}

/** @throws TypeError where a method is called on no module, as `apply` is by `xs.map(linear.apply)` */
export function checkModule(method: string, module: unknown): void {
  if (module instanceof Module) return;
  throw new TypeError(
    `${method}: called on ${shown(module)}, expected a module: a method that is passed on loses its ` +
      'module: write (x) => module.apply(x)',
  );
}

/** A module among the parts of another. */
export interface NamedModule {
  /** The fields that lead to it, as in `attention.query`; empty for the outermost. */
  name: string;
  /** The module itself. */
  module: Module;
  /** The parameters that are its own, not those of its submodules. */
  parameters: Value[];
}

/** A part of a module, and whose it is. */
interface Place {
  path: string;
  part: Value | Module;
  owner: Module;
}

/** Whether a field holds a value or a module, or held one that was removed. */
function isPart(module: Module, field: string): boolean {
  if (!Object.hasOwn(module, field)) return false;
  const now: unknown = Reflect.get(module, field);
  return now === undefined || now instanceof Value || now instanceof Module;
}

/** The path of a part; one without a name of its own has that of the module that it is in. */
export function joined(path: string, field: string): string {
  return path === '' || field === '' ? path + field : `${path}.${field}`;
}

/** @throws TypeError where a module that was made to draw nothing is to draw */
function generatorOf(module: Module, random: Random | undefined): Random {
  if (random) return random;
  throw new TypeError(`${module.constructor.name}: draws numbers, but was made without a Random`);
}

function checkShapeOf(module: Module, name: string, shape: Shape): void {
  composed(`${module.constructor.name}: ${name}`, [], () => {
    checkSize(shape);
  });
}

/** A part of a network that owns parameters. */
export abstract class Module {
  /** The parameters and submodules, in the order in which they were made, with the field that each is in. */
  private readonly own: { field: string; part: Value | Module }[] = [];

  private readonly random: Random | undefined;
  private readonly name: string | undefined;

  /**
   * @param known the names of the options that the module takes; any other is refused
   * @param draws false for a module that draws nothing: it needs no `random`
   * @throws TypeError when an option is unknown, or `random` is not a Random
   */
  constructor(
    options: Partial<ModuleOptions>,
    known: Readonly<Record<string, true>> = MODULE_OPTIONS,
    draws = true,
  ) {
    const who = new.target.name;
    checkOptions<object>(who, options, known);
    const { name, random } = options;
    if (name !== undefined && typeof name !== 'string')
      throw new TypeError(`${who}: name ${shown(name)}: expected a string`);
    if (!((random as unknown) instanceof Random || (random === undefined && !draws)))
      throw new TypeError(
        `${who}: random ${shown(random)}: expected a Random to draw from, as in { random: ` +
          'new Random(42) }',
      );
    this.name = name;
    this.random = random;
  }

  /**
   * All parameters, including those of submodules, in the order in which they were drawn. Each has a name. A
   * field that was set to another parameter or module, such as `linear.weight`, counts as it is now.
   */
  parameters(): Value[] {
    return this.walk().flatMap(({ part }) => (part instanceof Value ? [part] : []));
  }

  /** This module and its submodules, with the parameters that each has itself. What is shared counts once. */
  namedModules(): NamedModule[] {
    const found: NamedModule[] = [];
    const at = new Map<Module, NamedModule>();
    for (const { path, part, owner } of this.walk()) {
      if (part instanceof Value) at.get(owner)!.parameters.push(part);
      else {
        const layer = { name: path, module: part, parameters: [] };
        at.set(part, layer);
        found.push(layer);
      }
    }
    return found;
  }

  /** The module, its parts and theirs, in the order in which they were made. */
  private walk(): Place[] {
    // Modules can share parts, and hold each other.
    const found = new Map<Value | Module, Place>();
    const open: Place[] = [{ path: '', part: this, owner: this }];
    for (let next = open.pop(); next; next = open.pop()) {
      const { path, part: owner } = next;
      if (found.has(owner) || (owner instanceof Value && owner.op !== 'parameter')) continue;
      found.set(owner, next);
      if (!(owner instanceof Module)) continue;
      for (const { field, part } of owner.own.toReversed()) {
        const now = isPart(owner, field) ? (Reflect.get(owner, field) as Value | Module | undefined) : part;
        if (now) open.push({ path: joined(path, field), part: now, owner });
      }
    }
    return [...found.values()];
  }

  /**
   * The options of a submodule: the same generator, and a name prefixed by this module's.
   *
   * @throws TypeError when this module has no `random`
   */
  protected part(name: string): ModuleOptions {
    return { random: generatorOf(this, this.random), name: this.nameOf(name) };
  }

  /**
   * Adds a submodule's parameters to this module's; returns the submodule. The field that it is in has its
   * name, without this module's, unless another is given.
   */
  protected include<Sub extends Module>(submodule: Sub, field?: string): Sub {
    const prefix = this.nameOf('');
    const { name = '' } = submodule;
    const own = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    this.own.push({ field: field ?? own, part: submodule });
    return submodule;
  }

  /** Creates a parameter, with numbers from the initialiser. */
  protected draw(name: string, shape: Shape, initializer: initializers.Initializer): Value {
    checkShapeOf(this, name, shape);
    checkInitializer(this.constructor.name, initializer);
    return this.keep(name, shape, initializer(shape, generatorOf(this, this.random)));
  }

  /** Creates a parameter whose numbers are all `value`. */
  protected full(name: string, shape: Shape, value: number): Value {
    checkShapeOf(this, name, shape);
    return this.keep(name, shape, new Float64Array(sizeOf(shape)).fill(value));
  }

  private keep(name: string, shape: Shape, numbers: Float64Array): Value {
    const value = parameter(numbers, { name: this.nameOf(name), shape });
    this.own.push({ field: name, part: value });
    return value;
  }

  private nameOf(name: string): string {
    return this.name === undefined ? name : `${this.name}.${name}`;
  }
}
