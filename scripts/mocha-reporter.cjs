/** Prints mocha's dots and failures, and writes the counts to the file in the option `report`. */
const { writeFileSync } = require('node:fs');
const path = require('node:path');
const Mocha = require('mocha');

module.exports = class extends Mocha.reporters.Dot {
  /**
   * @param {Mocha.Runner} runner
   * @param {Mocha.MochaOptions & { reporterOptions: { report: string } }} options
   */
  constructor(runner, options) {
    // For a file that could not be loaded, or whose process ended, mocha reports only the reason: add its
    // name.
    runner.on('fail', (test, error) => {
      if (error?.file) test.title += `: ${path.relative(process.cwd(), error.file)}`;
    });
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures } = /** @type {Mocha.Stats} */ (runner.stats);
      writeFileSync(options.reporterOptions.report, JSON.stringify({ passed: passes, failed: failures }));
    });
  }
};
