/** `npm run bench`: sets up, then runs bench/index.ts with the arguments given. */
import { spawnSync } from 'node:child_process';
import { root, setup } from './setup.mjs';

await setup();
const args = ['--import', 'tsx', 'bench/index.ts', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
