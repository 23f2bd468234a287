/** The first steps of a process, as `vecgrad train` takes them, against warm ones on the same documents. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ModelName } from '../lib/study/models/sizes.js';
import { inTurns, type Effort, type Row } from './measure.js';
import { DTYPES, inOneCall } from './steps.js';

const cli = fileURLToPath(new URL('../dist/cli.cjs', import.meta.url));

export function firstStepRows(models: readonly ModelName[], effort: Effort): Row[] {
  return models.flatMap((model) =>
    DTYPES.flatMap((dtype): Row[] => {
      const args = [cli, 'train', model, '--dtype', dtype, '--steps', String(effort.steps), '--json'];
      const first = (): number => {
        const { status, stdout, stderr } = spawnSync(process.execPath, args, {
          encoding: 'utf8',
          maxBuffer: 1 << 28,
        });
        if (status !== 0) throw new Error(`node ${args.join(' ')} failed: ${stderr}`);
        return (JSON.parse(stdout) as { microsecondsPerStep: number }).microsecondsPerStep;
      };
      const warm = inOneCall(model, dtype, undefined, effort);
      const [cold, after] = inTurns([first, warm], effort.processes) as [number, number];
      const what = `${model} ${dtype}, first ${effort.steps} steps`;
      return [
        { what, value: cold, unit: 'us/step' },
        { what: `${what} against warm ones`, value: cold / after, unit: 'times' },
      ];
    }),
  );
}
