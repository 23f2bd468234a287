/** Training that is killed at any moment and resumes from the newest file as if nothing had happened. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExperimentResult } from '../../lib/study/experiment.js';
import { loadModel } from '../../lib/study/model-file.js';
import { packageRoot } from '../../lib/core/package.js';

const KILLS = process.env['VECGRAD_LONG'] === '1' ? 200 : 5;
const CLI = join(packageRoot(), 'dist/cli.cjs');
const STEPS = 4000;

/** When to kill a process: after so many milliseconds, from its start or from its next save of `path`. */
interface Kill {
  after: number;
  path?: string;
}

/** Calls `then` when another file has taken the place at `path`; the result stops waiting for that. */
function onceSaved(path: string, then: () => void): () => void {
  const file = (): bigint | undefined => statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs;
  const before = file();
  const timer = setInterval(() => {
    if (file() === before) return;
    clearInterval(timer);
    then();
  }, 1);
  return () => {
    clearInterval(timer);
  };
}

/** The process's output; undefined where it was killed before its end. */
function run(argv: string[], kill?: Kill): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...argv]);
    let out = '';
    let err = '';
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (err += text.toString()));
    let timer: NodeJS.Timeout | undefined;
    const killLater = (): void => {
      timer = setTimeout(() => child.kill('SIGKILL'), kill!.after);
    };
    let stopWaiting = (): void => undefined;
    if (kill?.path !== undefined) stopWaiting = onceSaved(kill.path, killLater);
    else if (kill) killLater();
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      stopWaiting();
      if (signal === 'SIGKILL') resolve(undefined);
      else if (code === 0) resolve(out);
      else reject(new Error(`exit ${String(code)}: ${err}`));
    });
  });
}

describe('training that is killed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-killed-'));
  const input = join(folder, 'names.txt');
  writeFileSync(input, 'anna\nbob\ncarla\ndora\nemil\nfrida\n');
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it(`${KILLS} times at random goes on from the newest file with the losses of an unbroken run`, async () => {
    const argv = ['train', 'rnn', '--input', input, '--steps', String(STEPS), '--json'];
    const path = join(folder, 'kept.safetensors');
    const keeping = [...argv, '--save', path, '--every', '20', '--resume'];
    const parsed = (out: string): ExperimentResult => JSON.parse(out) as ExperimentResult;
    const began = performance.now();
    const whole = parsed((await run(argv))!);
    const start = performance.now() - began;
    let kills = 0;
    let files = 0;
    for (let turn = 0; kills < KILLS; turn++) {
      assert.ok(turn < 20 * KILLS, 'it ends before it is killed');
      // By the clock alone, a busy machine might kill every process before its first save.
      const kill = turn % 2 ? { after: start * (0.5 + Math.random()) } : { after: 20 * Math.random(), path };
      const out = await run(keeping, kill);
      if (existsSync(path)) {
        const { model, metadata } = loadModel(path);
        assert.deepEqual([model.name, metadata['seed']], ['rnn', '42']);
        files++;
      }
      if (out === undefined) {
        kills++;
        continue;
      }
      assert.deepEqual(parsed(out).losses, whole.losses);
      rmSync(path);
    }
    const last = parsed((await run(keeping))!);
    assert.deepEqual([last.losses, last.samples], [whole.losses, whole.samples]);
    assert.ok(files > 0);
    // The next save removes what a killed process left half-written.
    assert.deepEqual(readdirSync(folder).sort(), ['kept.safetensors', 'names.txt']);
  });
});
