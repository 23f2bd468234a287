/** Splits arguments into options and positionals, by the table of options, and explains mistakes. */
import {
  type CommandName,
  COMMANDS,
  OPTIONS,
  type CommandSpec,
  type OptionName,
  type OptionSpec,
  COMMAND_NAMES,
} from './commands.js';
import { type Values } from './option-values.js';
import { parseArgs } from 'node:util';
import { UsageError } from './usage.js';
import { didYouMean } from '../core/suggest.js';
import { quoted } from '../core/escape.js';

export function parseOptions(
  command: CommandName,
  argv: string[],
): { values: Values; positionals: string[] } {
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

/** @throws UsageError where an option has no effect, because another is missing or overrides it */
export function checkPairs({ needs = {}, idle = {} }: CommandSpec, values: Values): void {
  for (const option of Object.keys(values) as OptionName[]) {
    const useless = idle[option]?.find((other) => values[other] !== undefined);
    if (useless !== undefined)
      throw new UsageError(`--${useless} has no effect with --${option}: leave one of them out`);
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

/** `--seed -5` means `--seed=-5`; no option begins with a digit, so that this is unambiguous. */
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

/** parseArgs' own messages are long and describe its API; ours name the command's options. */
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
          : `--${name} needs a value: --${name} ${spec.value}, ${spec.help}` +
              // Node asks whether the next argument is the value or an option.
              (/ambiguous/.test(error.message) ? `; with a value that begins with -, --${name}=VALUE` : ''),
      );
    }
    default:
      return error;
  }
}
