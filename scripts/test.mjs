/**
 * `npm test`: sets up, then runs the C++ kernel tests and mocha; with arguments, mocha alone with
 * these. No test run at all is a failure.
 */
import { reportCounts } from './counts.mjs';
import { kernelTests, mocha, sum } from './runners.mjs';
import { kernelTestPath, setup } from './setup.mjs';

// `npm run test:long` has the tests run all their cases, those that have more than a sample: they
// look for VECGRAD_LONG.
const args = process.argv.slice(2).filter((arg) => arg !== '--long');
if (process.argv.includes('--long')) process.env['VECGRAD_LONG'] = '1';
const all = args.length === 0;
await setup({ kernelTest: all });

const runs = all ? [kernelTests(kernelTestPath)] : [];
runs.push(mocha(args));

const { passed, failed } = sum(runs);
console.log(
  failed === 0
    ? `npm test: all ${String(passed)} tests passed`
    : `npm test: ${String(failed)} of ${String(passed + failed)} tests failed`,
);
reportCounts({ passed, failed });
process.exitCode = failed === 0 ? 0 : 1;
