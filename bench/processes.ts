/** Whole processes, in time and memory above an empty one; compile times, each in a new process. */
import { spawnSync } from 'node:child_process';
import { writeFileSync, readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelName } from '../lib/study/models/sizes.js';
import { median, type Effort, type Row } from './measure.js';

interface Measured {
  milliseconds: number;
  megabytes: number;
  stdout: string;
}

/** The times that `vecgrad train --json` reports. */
interface Timed {
  seconds: Record<'graph' | 'compile', number>;
}

export function processRows(models: readonly ModelName[], { processes }: Effort): Row[] {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-bench-'));
  const note = join(folder, 'peak');
  // Loaded first: records the peak memory of the process when it ends. Not maxRSS, which includes that of the
  // parent process.
  const noting = join(folder, 'peak.cjs');
  writeFileSync(
    noting,
    `const fs = require('fs'); process.on('exit', () => fs.writeFileSync(${JSON.stringify(note)}, ` +
      "fs.readFileSync('/proc/self/status')));",
  );
  const peak = (): number => Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync(note, 'utf8'))?.[1]);
  const run = (args: readonly string[]): Measured => {
    const start = performance.now();
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const milliseconds = performance.now() - start;
    if (status !== 0) throw new Error(`node ${args.join(' ')} failed: ${stderr}`);
    spawnSync(process.execPath, ['-r', noting, ...args], { maxBuffer: 1 << 28 });
    return { milliseconds, megabytes: peak() / 1024, stdout };
  };
  const cli = fileURLToPath(new URL('../dist/cli.cjs', import.meta.url));
  // Each process runs right after an empty one: a machine's speed can change by half from minute to minute.
  const runs = models.map((): { empty: Measured; own: Measured }[] => []);
  try {
    for (let turn = 0; turn < processes; turn++) {
      models.forEach((model, i) => {
        const empty = run(['-e', '0']);
        runs[i]!.push({ empty, own: run([cli, 'train', model, '--json']) });
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  return models.flatMap((model, i): Row[] => {
    const over = (key: 'milliseconds' | 'megabytes'): number =>
      median(runs[i]!.map(({ empty, own }) => own[key] - empty[key]));
    const cold = (part: 'graph' | 'compile'): number =>
      median(runs[i]!.map(({ own }) => (JSON.parse(own.stdout) as Timed).seconds[part] * 1000));
    return [
      { what: `${model} over node -e 0`, value: over('milliseconds'), unit: 'ms' },
      { what: `${model} memory over it`, value: over('megabytes'), unit: 'MB' },
      { what: `${model} graph, cold`, value: cold('graph'), unit: 'ms' },
      { what: `${model} compile, cold`, value: cold('compile'), unit: 'ms' },
    ];
  });
}
