/** The `vecgrad` program. */
import { processIo } from './io.js';
import { main } from './main.js';

const io = processIo();
void main(process.argv.slice(2), io).then((code) => {
  process.exitCode = code;
  // At once: by itself, Node would first collect garbage. But a full pipe has yet to take part of the output.
  if (io.stdout.isWritten && io.stderr.isWritten) process.exit();
});
