/** The first import of each bundle that tests run: they compile many graphs, each for a few steps. */
import { setFlags } from '../../lib/cli/v8-flags.js';

setFlags();
