/**
 * Import this before a program: when the program ends, it writes its peak memory, in bytes, to the file
 * VECGRAD_PEAK.
 */
import { readFileSync, writeFileSync } from 'node:fs';

process.on('exit', () => {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  writeFileSync(String(process.env['VECGRAD_PEAK']), String(1024 * Number(kilobytes)));
});
