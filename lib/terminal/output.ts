/**
 * The process's standard output and error, written to directly: opening Node's streams, which load
 * its network code where there is a pipe, takes as long as compiling a small model.
 */
import { fstatSync, writeSync } from 'node:fs';

type Stream = NodeJS.WriteStream;

export class Output implements Sink {
  /** Node's own stream, where it is needed: for a terminal, or what a reader has no room for yet. */
  private stream: Stream | undefined;

  constructor(
    private readonly descriptor: number,
    private readonly open: () => Stream,
    private readonly failed: (error: NodeJS.ErrnoException) => void,
  ) {
    // Anything but a character device, such as a file or a pipe, is no terminal.
    if (isCharacterDevice(descriptor)) this.opened();
  }

  get isTTY(): boolean {
    return this.stream?.isTTY === true;
  }
  /** The width of a terminal. */
  get columns(): number {
    return this.stream?.columns ?? 0;
  }

  write(text: string): void {
    if (this.stream) {
      this.stream.write(text);
      return;
    }
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length;) {
      try {
        done += writeSync(this.descriptor, bytes, done);
      } catch (error) {
        const fault = error as NodeJS.ErrnoException;
        // A pipe that is full and does not wait: the stream does.
        if (fault.code === 'EAGAIN') this.opened().write(bytes.subarray(done));
        else this.failed(fault);
        return;
      }
    }
  }

  private opened(): Stream {
    this.stream = this.open();
    this.stream.on('error', this.failed);
    return this.stream;
  }
}

function isCharacterDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return true; // what it is, its stream will tell
  }
}

/** Standard output and error of a program that ends where it cannot write. */
export function processOutput(): { stdout: Output; stderr: Output } {
  const end = (error: NodeJS.ErrnoException): never => {
    // The reader has seen enough (`vecgrad train rnn | head -1`): no failure of ours.
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  };
  const stderr = new Output(2, () => process.stderr, end);
  const stdout = new Output(
    1,
    () => process.stdout,
    (error) => {
      if (error.code !== 'EPIPE')
        stderr.write(`vecgrad: cannot write to standard output: ${error.message}\n`);
      end(error);
    },
  );
  return { stdout, stderr };
}

/** Where text goes. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}
