/** `npm start`: sets up, then runs `vecgrad compare` in the same process. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, setup } from './setup.mjs';

await setup();
const cli = join(root, 'dist/cli.cjs');
process.argv = [process.execPath, cli, 'compare', ...process.argv.slice(2)];
const { launch } = await import(pathToFileURL(cli).href);
launch();
