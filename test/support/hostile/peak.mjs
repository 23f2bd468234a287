/** Imported before a program: at its end the file VECGRAD_PEAK has the most memory it took, in bytes. */
import { readFileSync, writeFileSync } from 'node:fs';

process.on('exit', () => {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  writeFileSync(String(process.env['VECGRAD_PEAK']), String(1024 * Number(kilobytes)));
});
