/** `vecgrad train --save`: other processes resume from the file, sample from it and evaluate it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processIo } from '../../lib/cli/io.js';
import { main } from '../../lib/cli/main.js';
import type { ExperimentResult } from '../../lib/study/experiment.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { loadModel, saveModel } from '../../lib/study/model-file.js';
import { pattern } from '../support/pattern.js';

const NAMES = 'anna bob carla dora emil frida gustav hanna ida jonas karl lena'.split(' ');

async function vecgrad(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { code: -1, out: '', err: '' };
  said.code = await main(argv, {
    ...processIo(),
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
  });
  return said;
}

async function json<T>(...argv: string[]): Promise<T> {
  const { code, out, err } = await vecgrad(...argv, '--json');
  assert.equal(code, 0, err);
  return JSON.parse(out) as T;
}

describe('a saved model', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-saved-'));
  const input = join(folder, 'names.txt');
  writeFileSync(input, `${NAMES.join('\n')}\n`);
  after(() => {
    rmSync(folder, { recursive: true });
  });

  describe('is trained on from, bit for bit', () => {
    const sizes = ['--block-size', '4', '--n-embd', '8', '--n-state', '8', '--n-att', '4'];
    const rows: [name: string, more: string[]][] = [
      ...MODEL_NAMES.map((model): [string, string[]] => [model, []]),
      ['vector', ['--dtype', 'float32']],
      ['rnn', ['--batch', '3']],
      ['rnn', ['--seed', '7', '--lr', '0.05']],
    ];
    for (const [model, more] of rows) {
      it([model, ...more].join(' '), async () => {
        const path = join(folder, 'kept.safetensors');
        const argv = ['train', model, '--input', input, '--samples', '5', ...sizes, ...more];
        const whole = await json<ExperimentResult>(...argv, '--steps', '30');
        rmSync(path, { force: true });
        // As a run of 30 steps that was ended behind step 21: the file of step 14 is the newest.
        const keeping = [...argv, '--save', path, '--every', '7'];
        await assert.rejects(stoppedAt(21, keeping), /stopped/);
        const resumed = await json<ExperimentResult>(...keeping, '--steps', '30', '--resume');
        for (const key of ['losses', 'heldOutLoss', 'samples', 'finalLoss'] as const)
          assert.deepEqual(resumed[key], whole[key], key);
        const again = await json<ExperimentResult>(...keeping, '--steps', '30', '--resume');
        assert.deepEqual([again.losses, again.samples], [whole.losses, whole.samples]);
      });
    }
  });

  describe('is not trained on by a run that differs', () => {
    const path = join(folder, 'rnn.safetensors');
    const other = join(folder, 'other.txt');
    const argv = ['train', 'rnn', '--input', input, '--steps', '10', '--save', path, '--resume'];
    before(async () => {
      writeFileSync(other, `${[...NAMES].reverse().join('\n')}\n`);
      await json(...argv);
    });
    const rows: [more: string[], message: RegExp][] = [
      [['--seed', '7'], /was trained with seed 42, not 7: give the same seed, or another file/],
      [['--batch', '2'], /was trained with batch 1, not 2/],
      [['--input', other], /was trained on other documents/],
      [['--steps', '5'], /10 steps were taken already, more than the 5 requested/],
      [['--n-state', '16'], /has nState "32", not 16: it is not a checkpoint of this model/],
      [['--dtype', 'float32'], /has dtype "float64", not float32/],
      [['--lr', '0.5'], /step 10 was taken with rates/],
    ];
    for (const [more, message] of rows) {
      it(more.join(' ').replace(folder, ''), async () => {
        const before = readFileSync(path);
        const { code, out, err } = await vecgrad(...argv, ...more);
        assert.match(err, message);
        assert.match(err, /^vecgrad: [^\n]+\n$/);
        assert.deepEqual([code, out], [1, '']);
        assert.deepEqual(readFileSync(path), before);
      });
    }

    it('of another model', async () => {
      const { code, err } = await vecgrad(...argv.map((x) => (x === 'rnn' ? 'vector' : x)));
      assert.match(err, /has model "rnn", not vector: it is not a checkpoint of this model/);
      assert.equal(code, 1);
    });

    it('and training does not start where nothing can be saved', async () => {
      mkdirSync(join(folder, 'a-folder'));
      for (const where of [join(folder, 'none', 'x'), join(folder, 'a-folder')]) {
        const { code, out, err } = await vecgrad('train', 'rnn', '--input', input, '--save', where);
        assert.match(err, /^vecgrad: cannot write "[^"]+": [^\n]+\n$/);
        assert.deepEqual([code, out], [1, '']);
      }
    });
  });

  describe('is put to use', () => {
    const path = join(folder, 'used.safetensors');
    let trained: ExperimentResult;
    before(async () => {
      trained = await json('train', 'vector', '--input', input, '--steps', '60', '--save', path);
    });

    it('invents as many texts as asked for, of the characters it knows, the same from a seed', async () => {
      const invented = await json<{ samples: string[] }>('sample', path, '--count', '7');
      assert.equal(invented.samples.length, 7);
      for (const text of invented.samples) assert.match(text, /^[a-z]*$/);
      const same = await vecgrad('sample', path, '--count', '7', '--seed', '42');
      assert.equal(same.out, `${invented.samples.join('\n')}\n`);
      const others = await json<{ samples: string[] }>('sample', path, '--count', '7', '--seed', '1');
      assert.notDeepEqual(others.samples, invented.samples);
    });

    it('goes on from a prefix with the most likely character alone', async () => {
      const argv = ['sample', path, '--count', '3', '--prefix', 'ha', '--top-k', '1'];
      const [first, ...others] = (await json<{ samples: string[] }>(...argv)).samples as [string];
      assert.match(first, /^ha/);
      for (const other of others) assert.equal(other, first);
    });

    it('invents texts together, each whatever the others are, and others than one by one', async () => {
      const invented = async (...argv: string[]): Promise<string[]> =>
        (await json<{ samples: string[] }>('sample', path, ...argv)).samples;
      const many = await invented('--together', '--count', '150');
      assert.equal(many.length, 150);
      assert.deepEqual(await invented('--together', '--count', '7'), many.slice(0, 7));
      assert.notDeepEqual(await invented('--count', '7'), many.slice(0, 7));
    });

    it('says which characters it does not know', async () => {
      const { code, err } = await vecgrad('sample', path, '--prefix', 'Ω');
      assert.match(err, /^vecgrad: [^\n]*"Ω"[^\n]*\n$/);
      assert.equal(code, 1);
    });

    it('has the loss on the texts held out that training told', async () => {
      // Held out is the last of the twelve in the order that the seed shuffles them to.
      const texts: number[] = [];
      for (const name of NAMES) {
        const one = join(folder, 'one.txt');
        writeFileSync(one, `${name}\n`);
        texts.push((await json<{ loss: number }>('eval', path, '--input', one)).loss);
      }
      assert.ok(texts.some((loss) => Math.abs(loss - trained.heldOutLoss) < 1e-12));
      const all = await json<{ docs: number; loss: number }>('eval', path, '--input', input);
      const mean = texts.reduce((sum, loss) => sum + loss, 0) / texts.length;
      assert.equal(all.docs, NAMES.length);
      assert.ok(Math.abs(all.loss - mean) < 1e-12);
      const { out } = await vecgrad('eval', path, '--input', input);
      assert.equal(out, `vector: loss ${all.loss.toFixed(4)} on 12 documents\n`);
    });

    for (const [what, matrix, number, message] of [
      ['NaN', 'wte', NaN, /array 'wte' holds NaN, expected finite numbers/],
      ['Infinity', 'lm_head', -Infinity, /array 'lm_head' holds -Infinity, expected/],
      ['numbers too large to compute with', 'lm_head', 1e308, /on document 1 of ".*names\.txt" is NaN/],
    ] as const) {
      it(`is refused where it holds ${what}, by the name of its file`, async () => {
        const { model, tokenizer } = loadModel(path);
        const { values } = model.matrices.find(({ name }) => name === matrix)!;
        for (const { data } of values) data.fill(number);
        const file = join(folder, 'diverged.safetensors');
        saveModel(file, model, tokenizer);
        const evaluating = ['eval', file, '--input', input];
        for (const argv of [evaluating, [...evaluating, '--json'], ['sample', file]]) {
          const { code, out, err } = await vecgrad(...argv);
          assert.match(err, argv[0] === 'eval' ? message : /holds|drawn from are NaN/);
          assert.match(err, /diverged\.safetensors/);
          assert.deepEqual([code, out], [1, '']);
        }
      });
    }

    it('is refused where its loss is infinite, by the name of its file', async () => {
      // Of the models, scalar alone takes the logarithm of a weight that has become 0.
      const file = join(folder, 'sure.safetensors');
      await json('train', 'scalar', '--input', input, '--steps', '1', '--n-embd', '4', '--save', file);
      const { model, tokenizer } = loadModel(file);
      for (const { name, values } of model.matrices) {
        if (name === 'lm_head') for (const { data } of values) data[0]! *= 1e6;
      }
      saveModel(file, model, tokenizer);
      for (const more of [[], ['--json']]) {
        const { code, out, err } = await vecgrad('eval', file, '--input', input, ...more);
        assert.match(
          err,
          pattern(
            /sure\.safetensors": its loss on document \d+ of ".*names\.txt" is Infinity: /,
            /its numbers are too large/,
          ),
        );
        assert.deepEqual([code, out], [1, '']);
      }
    });

    it('is refused where it is none', async () => {
      for (const [file, message] of [
        [input, /names\.txt": /],
        [join(folder, 'missing'), /cannot read ".*missing": /],
      ] as const) {
        const { code, out, err } = await vecgrad('sample', file);
        assert.match(err, message);
        assert.deepEqual([code, out], [1, '']);
      }
    });
  });
});

/** Runs `argv` for 30 steps, ended as a bug in a callback would end it. */
async function stoppedAt(step: number, argv: string[]): Promise<void> {
  const io = processIo();
  const { code, err } = await (async () => {
    const said = { code: -1, err: '' };
    said.code = await main([...argv, '--steps', '30'], {
      ...io,
      stdout: { write: () => undefined },
      stderr: { write: (text) => (said.err += text) },
      run: async () => {
        const run = await io.run();
        return (model, options) =>
          run(model, {
            ...options,
            onStep: (at) => {
              if (at === step) throw new Error('stopped');
            },
          });
      },
    });
    return said;
  })();
  assert.equal(code, 1);
  throw new Error(err);
}
