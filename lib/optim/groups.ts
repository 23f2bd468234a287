/** Groups of parameters: which parameters an optimiser gives other numbers than the rest. */
import { types } from 'node:util';
import { checkBoolean, isList, shown } from '../core/check.js';
import { isValue, type Node } from '../graph/node.js';
import { Value } from '../value/value.js';

/**
 * Parameters: those in a list, those whose name a regular expression matches (a name that a module gives
 * holds its path, such as `encoder.bias`), or those for which a function returns true.
 */
export type Parameters = readonly Value[] | RegExp | ((parameter: Value) => boolean);

/** What a group of parameters has of its own; the optimiser's options hold for the rest. */
export type ParameterGroup<Options> = {
  /** Which parameters; one that several groups name is in the first of them. */
  parameters: Parameters;
} & Partial<Omit<Options, 'clipGlobalNorm' | 'onNonFinite' | 'averageDecay' | 'groups'>>;

/** Which parameters are in a group. */
export class ParameterRule {
  private readonly given: ReadonlySet<unknown> | RegExp | ((parameter: Value) => boolean);

  /**
   * @param who how errors call it
   * @throws TypeError when `given` is no list of parameters, regular expression or function
   */
  constructor(
    readonly who: string,
    given: unknown,
  ) {
    if (typeof given === 'function' || types.isRegExp(given)) {
      this.given = given as RegExp | ((parameter: Value) => boolean);
      return;
    }
    if (!isList(given))
      throw new TypeError(
        `${who}: parameters ${shown(given)}, expected a list of parameters, a regular expression for their ` +
          'names, or a function of a parameter',
      );
    const list = Array.from(given);
    const wrong = list.findIndex((each) => !(isValue(each) && each.op === 'parameter'));
    if (wrong >= 0)
      throw new TypeError(`${who}: parameters[${wrong}] ${shown(list[wrong])}, expected a parameter`);
    this.given = new Set(list);
  }

  matches(parameter: Node): boolean {
    const { given } = this;
    if (typeof given === 'function') {
      const answer: unknown = parameter instanceof Value && given(parameter); // every one is
      checkBoolean(`${this.who}: the answer of parameters for ${parameter.label}`, answer);
      return answer;
    }
    if (given instanceof Set) return given.has(parameter);
    const { name } = parameter;
    // Unlike `test`, this does not go on where it was.
    return name !== undefined && name.search(given as RegExp) >= 0;
  }

  /** The error of a group that has no trained parameter, or none that is not in an earlier group. */
  unused(trained: readonly Node[]): TypeError {
    const matched = trained.filter((parameter) => this.matches(parameter));
    if (matched.length > 0)
      return new TypeError(
        `${this.who}: ${matched[0]!.label}${matched.length > 1 ? ' and all others in it are' : ' is'} in ` +
          'an earlier group, which counts: put this group before it, or leave it out',
      );
    const names = trained.slice(0, 5).map(({ label }) => label);
    if (trained.length > 5) names.push(`${trained.length - 5} more`);
    return new TypeError(
      `${this.who}: no parameter that the loss trains is in it. The loss trains ${names.join(', ')}: give ` +
        'some of these, or leave the group out',
    );
  }
}
