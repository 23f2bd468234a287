/** The first import of each bundle that tests run: they compile many graphs, each for a few steps. */
import { optimiseLater } from '../../lib/cli/optimise-later.js';

optimiseLater();
