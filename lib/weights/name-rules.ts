/** Rules by which the names and the layout of a file's arrays become those of parameters. */
import { types } from 'node:util';
import { checkBoolean, isList, shown } from '../core/check.js';
import { clipped, quoted } from '../core/escape.js';

/** Names: those that a regular expression matches, those in a list, or those for which a function is true. */
export type Names = RegExp | readonly string[] | ((name: string) => boolean);

/**
 * New names: a function of a name, which returns undefined to leave the array out; or replacements, each as
 * of `String.replace`, which are made one after the other.
 */
export type Rename =
  ((name: string) => string | undefined) | readonly (readonly [from: RegExp | string, to: string])[];

/** Part of a rule, and whether it matched any name. */
interface Use {
  readonly what: string;
  isUsed: boolean;
}

/** A choice of names, which tells what in it was of no use. */
export class NameChoice {
  private readonly matches: (name: string) => boolean;
  private readonly uses: readonly Use[];

  /** @throws TypeError when it is no choice of names */
  constructor(who: string, given: Names) {
    if (typeof given === 'function') {
      this.uses = [];
      this.matches = (name) => {
        const answer: unknown = given(name);
        checkBoolean(`${who}: the answer for ${quoted(name)}`, answer);
        return answer;
      };
      return;
    }
    if (types.isRegExp(given)) {
      const use = { what: `${who} ${clipped(String(given))}`, isUsed: false };
      this.uses = [use];
      this.matches = (name) => {
        const isOne = name.search(given) >= 0;
        use.isUsed ||= isOne;
        return isOne;
      };
      return;
    }
    if (!isList(given) || !given.every((name) => typeof name === 'string'))
      throw new TypeError(
        `${who} ${shown(given)}, expected a regular expression, a list of names, or a function of a name`,
      );
    const uses = new Map(given.map((name) => [name, { what: `${who} ${quoted(name)}`, isUsed: false }]));
    this.uses = [...uses.values()];
    this.matches = (name) => {
      const use = uses.get(name);
      if (use) use.isUsed = true;
      return use !== undefined;
    };
  }

  has(name: string): boolean {
    return this.matches(name);
  }

  /** The parts that matched no name. */
  get unused(): string[] {
    return this.uses.filter(({ isUsed }) => !isUsed).map(({ what }) => what);
  }
}

/** New names for names, which tells what in it was of no use. */
export class Renaming {
  private readonly replacements: readonly (Use & { from: RegExp | string; to: string })[];
  private readonly byFunction: ((name: string) => string | undefined) | undefined;

  /** @throws TypeError when it is no rule of names */
  constructor(who: string, given: Rename) {
    this.byFunction = typeof given === 'function' ? given : undefined;
    const list: readonly unknown[] = typeof given === 'function' ? [] : given;
    const isReplacement = (each: unknown): each is readonly [RegExp | string, string] =>
      isList(each) &&
      each.length === 2 &&
      (typeof each[0] === 'string' || types.isRegExp(each[0])) &&
      typeof each[1] === 'string';
    if (!isList(list) || !list.every(isReplacement))
      throw new TypeError(
        `${who} ${shown(given)}, expected a function of a name, or a list of replacements, as in ` +
          "[[/^encoder\\./, 'trunk.']]",
      );
    this.replacements = list.map(([from, to]) => ({
      ...{ from, to, isUsed: false },
      what: `${who} ${typeof from === 'string' ? quoted(from) : clipped(String(from))}`,
    }));
  }

  /** @throws TypeError when a function returns neither a name nor undefined */
  of(name: string): string | undefined {
    if (this.byFunction) {
      const found: unknown = this.byFunction(name);
      if (found === undefined || typeof found === 'string') return found;
      throw new TypeError(`rename of ${quoted(name)} gave ${shown(found)}, expected a name or undefined`);
    }
    return this.replacements.reduce((now, rule) => {
      const isOne = typeof rule.from === 'string' ? now.includes(rule.from) : now.search(rule.from) >= 0;
      rule.isUsed ||= isOne;
      return isOne ? now.replace(rule.from, rule.to) : now;
    }, name);
  }

  get unused(): string[] {
    return this.replacements.filter(({ isUsed }) => !isUsed).map(({ what }) => what);
  }
}
