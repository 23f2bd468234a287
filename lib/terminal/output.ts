/**
 * Writes to standard output and error by file descriptor. Opening Node's streams, which load its network code
 * for a pipe, takes as long as compiling a small model.
 */
import { fstatSync, writeSync } from 'node:fs';

type Stream = NodeJS.WriteStream;

export class Output implements Sink {
  /** Node's own stream, opened only for a terminal, or when a pipe is full. */
  private stream: Stream | undefined;

  constructor(
    private readonly descriptor: number,
    private readonly open: () => Stream,
    private readonly failed: (error: NodeJS.ErrnoException) => void,
  ) {
    // Only a character device can be a terminal; a file or a pipe cannot. To any other device it writes as to
    // a file, since a stream would tell of errors only after the process has ended.
    if (isCharacterDevice(descriptor) && !this.opened().isTTY) this.stream = undefined;
  }

  get isTTY(): boolean {
    return this.stream?.isTTY === true;
  }
  /** The width of the terminal; 0 where there is none, or it is unknown. */
  get columns(): number {
    return this.stream?.columns ?? 0;
  }

  get isWritten(): boolean {
    return !this.stream?.writableLength;
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
        // The pipe is full and non-blocking: Node's stream waits for its reader.
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
    return true; // Node's stream will find out
  }
}

/** Standard output and error of a process that exits when it cannot write. */
export function processOutput(): { stdout: Output; stderr: Output } {
  const end = (error: NodeJS.ErrnoException): never => {
    // The reader has closed the pipe (`vecgrad train rnn | head -1`), which is not a failure.
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

/** Where text is written. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  /** Whether the system has taken all that was written. */
  isWritten?: boolean;
}
