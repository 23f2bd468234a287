/** The command line in this process, with the real engine; what it prints is kept. */
import { processIo, type Io } from '../../lib/cli/io.js';
import { main } from '../../lib/cli/main.js';

export interface Said {
  code: number;
  out: string;
  err: string;
}

/** Runs a command; `io` replaces parts of what the process gives. */
export async function vecgrad(argv: readonly string[], io: Partial<Io> = {}): Promise<Said> {
  const said = { code: -1, out: '', err: '' };
  said.code = await main([...argv], {
    ...processIo(),
    ...io,
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
  });
  return said;
}
