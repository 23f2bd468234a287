/**
 * The memory of training a GPT on 8 texts of 128 tokens: how much the process grows from before the model is
 * made to after three steps, and the program's arena. Each in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Effort, Row } from './measure.js';

/** What a process is asked to train; `--passes` and `checkpoint` as for `minimize`. */
const WAYS: readonly (readonly [what: string, passes: string, checkpoint: string])[] = [
  ['', 'all', ''],
  [', each value in memory of its own', 'all,-reuse', ''],
  [", checkpoint: 'layers'", 'all', 'layers'],
];

export function memoryRows({ quick }: Effort): Row[] {
  const script = fileURLToPath(new URL('memory-of-gpt.ts', import.meta.url));
  return (quick ? [64] : [256, 768]).flatMap((nEmbd) =>
    WAYS.flatMap(([what, passes, checkpoint]): Row[] => {
      const args = ['--expose-gc', '--import=tsx', script, String(nEmbd), passes, checkpoint];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      if (status !== 0) throw new Error(`node ${args.join(' ')} failed: ${stderr}`);
      const { growth, collected, arena } = JSON.parse(stdout) as Record<string, number>;
      const name = `n_embd ${nEmbd}${what}`;
      return [
        { what: `${name}: growth`, value: growth!, unit: 'MB' },
        { what: `${name}: growth, garbage collected`, value: collected!, unit: 'MB' },
        { what: `${name}: arena`, value: arena!, unit: 'MB' },
      ];
    }),
  );
}
