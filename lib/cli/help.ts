/** The help texts, generated from the parser's tables. */
import { COMMAND_NAMES, COMMANDS, OPTIONS, type CommandName } from './commands.js';

/** The help of one command, or the overview. */
export function help(topic?: CommandName): string {
  return topic === undefined ? overview() : commandHelp(topic);
}

function overview(): string {
  return [
    'vecgrad: four small language models that learn from a list of names and invent new ones.',
    '',
    ...COMMAND_NAMES.map((name) => `  ${COMMANDS[name].usage.padEnd(32)}${COMMANDS[name].summary}`),
    '',
    '  vecgrad COMMAND --help          list the options of a command',
    '  vecgrad --version               print the version',
    '',
    'In the environment of every command, VECGRAD_ISA=NAME chooses the instruction set and',
    'VECGRAD_THREADS=N the most threads.',
    '',
  ].join('\n');
}

function commandHelp(topic: CommandName): string {
  const { usage, summary, options, help: own } = COMMANDS[topic];
  const rows = options.map((name) => {
    const spec = OPTIONS[name];
    const left = 'value' in spec ? `--${name} ${spec.value}` : `--${name}`;
    return `  ${left.padEnd(20)}${own?.[name] ?? spec.help}`;
  });
  return [`${usage}: ${summary}`, '', ...rows, ''].join('\n');
}
