/** Mocha's dots and failures, with the counts written to the file of the option `report`. */
const { writeFileSync } = require('node:fs');
const Mocha = require('mocha');

module.exports = class extends Mocha.reporters.Dot {
  /**
   * @param {Mocha.Runner} runner
   * @param {Mocha.MochaOptions & { reporterOptions: { report: string } }} options
   */
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures } = /** @type {Mocha.Stats} */ (runner.stats);
      writeFileSync(options.reporterOptions.report, JSON.stringify({ passed: passes, failed: failures }));
    });
  }
};
