/** The command line, from arguments to exit code. */
import { clipped, escaped } from '../core/escape.js';
import { packageVersion } from '../core/package.js';
import { build } from './build.js';
import { compare } from './compare.js';
import { data } from './data.js';
import { graph } from './graph.js';
import { help } from './help.js';
import { info } from './info.js';
import { processIo, type Io } from './io.js';
import { parseCommand } from './parse-command.js';
import type { Command } from './commands.js';
import { evaluated, sampled } from './saved.js';
import { train } from './train.js';

/** The most characters of an error on standard error; vecgrad's own errors are shorter. */
const MAX_MESSAGE = 10_000;

/**
 * Runs the command in `argv`, the arguments after `vecgrad`.
 *
 * Any error becomes one line on standard error; `VECGRAD_DEBUG=1` in the environment adds the stack trace,
 * for those who work on vecgrad.
 *
 * @returns the exit code: 0, 1 when the run failed, 2 when the arguments made no sense
 */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  try {
    await perform(parseCommand(argv), io);
    return 0;
  } catch (error) {
    io.stderr.write(`vecgrad: ${oneLine(error)}\n`);
    if (process.env['VECGRAD_DEBUG'] === '1' && error instanceof Error) {
      io.stderr.write(`${(error.stack ?? '').split('\n').map(escaped).join('\n')}\n`);
    }
    // Compared by name: bench.cjs has its own copy of the class.
    return error instanceof Error && error.name === 'UsageError' ? 2 : 1;
  }
}

async function perform(command: Command, io: Io): Promise<void> {
  switch (command.name) {
    case 'help':
      if (command.topic === 'bench') {
        (await io.bench())(['--help'], io);
        return;
      }
      io.stdout.write(help(command.topic));
      return;
    case 'version':
      io.stdout.write(`${packageVersion()}\n`);
      return;
    case 'info':
      return info(command.options, io);
    case 'train':
      return train(command.model, command.options, io);
    case 'sample':
      return sampled(command.file, command.options, io);
    case 'eval':
      return evaluated(command.file, command.options, io);
    case 'graph':
      return graph(command.model, command.options, io);
    case 'data':
      return data(command.options, io);
    case 'compare':
      return compare(command.options, io);
    case 'build':
      return build(command.options, io);
    case 'bench':
      (await io.bench())(command.argv, io);
      return;
  }
}

function oneLine(error: unknown): string {
  const message = error instanceof Error && error.message !== '' ? error.message : String(error);
  return clipped(
    message
      .slice(0, MAX_MESSAGE)
      .trim()
      .replace(/\s*[\r\n]+\s*/g, ' '),
    MAX_MESSAGE,
  );
}
