/** The `vecgrad` program. */
import { main } from './main.js';

void main(process.argv.slice(2)).then((code) => {
  // Not process.exit: a pipe may still hold part of the output.
  process.exitCode = code;
});
