/** `vecgrad build`: compiles the native addon where the package has none that loads. */
import type { Io } from './io.js';
import type { BuildArguments } from './commands.js';

export async function build({ force }: BuildArguments, io: Io): Promise<void> {
  const status = await io.buildAddon(force ? ['--force'] : []);
  if (status !== 0) throw new Error('the native addon was not built: see the error above');
}
