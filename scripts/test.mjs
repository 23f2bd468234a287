/**
 * `npm test`: sets up, then runs the C++ kernel tests and mocha. With arguments it runs mocha only, in
 * parallel if they name several files. Running no test at all is a failure.
 */
import { reportCounts } from './counts.mjs';
import { kernelTests, mocha, mochaFiles, sum, testFiles } from './runners.mjs';
import { kernelTestPath, setup } from './setup.mjs';

// `npm run test:long` sets VECGRAD_LONG: tests that take a sample of their cases then run all of
// them, and no test has a time limit.
const args = process.argv.slice(2).filter((arg) => arg !== '--long');
const isLong = process.argv.includes('--long');
if (isLong) process.env['VECGRAD_LONG'] = '1';
const all = args.length === 0;
await setup({ kernelTest: all });

const areFiles = args.length > 1 && args.every((arg) => testFiles().includes(arg));
const tests = all || areFiles ? mochaFiles(all ? testFiles() : args) : mocha(args);
// One case of seven; every length, padding and other property of the cases still occurs among them.
const sample = isLong ? [] : ['--sample', '7'];
const runs = all ? [tests, kernelTests(kernelTestPath, sample, process.env, tests)] : [tests];

const { passed, failed } = sum(await Promise.all(runs));
console.log(
  failed === 0
    ? `npm test: all ${String(passed)} tests passed`
    : `npm test: ${String(failed)} of ${String(passed + failed)} tests failed`,
);
reportCounts({ passed, failed });
process.exitCode = failed === 0 ? 0 : 1;
