/** The `vecgrad` program. */
import { main } from './main.js';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough (`vecgrad train rnn | head -1`): no failure of ours.
    if (error.code === 'EPIPE') process.exit(0);
    if (stream === process.stdout) {
      process.stderr.write(`vecgrad: cannot write to standard output: ${error.message}\n`);
    }
    process.exit(1);
  });
}

void main(process.argv.slice(2)).then((code) => {
  // Not process.exit: a pipe may still hold part of the output.
  process.exitCode = code;
});
