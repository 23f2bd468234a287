/**
 * Imported before a program: at its end the file VECGRAD_TIMERS has how many timers still kept it alive when
 * it wrote its last word.
 */
import fs, { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { writeSync } = fs;
let timers = 0;
fs.writeSync = (...given) => {
  timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  // @ts-expect-error -- as above
  return writeSync(...given);
};
syncBuiltinESMExports();

process.on('exit', () => writeFileSync(String(process.env['VECGRAD_TIMERS']), String(timers)));
