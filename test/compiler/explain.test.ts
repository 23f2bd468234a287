/** `--explain`: the work of a run compared with counts by hand, and the tables. */
import assert from 'node:assert/strict';
import { processIo } from '../../lib/cli/io.js';
import { main } from '../../lib/cli/main.js';
import { FLOP } from '../../lib/compiler/account.js';
import { parsePasses, PASS_NAMES } from '../../lib/compiler/passes.js';
import { explain, type Explanation } from '../../lib/study/explain.js';
import type { Value } from '../../lib/value/value.js';
import { choose, meanOfFirst } from '../../lib/value/joins.js';
import { index, parameter } from '../../lib/value/leaves.js';
import { addon } from '../../lib/binding/addon.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { Program } from '../../lib/runtime/program.js';
import { compile } from '../../lib/value/compile.js';

const random = (rows: number, cols: number): Value =>
  parameter(new Float64Array(rows * cols), { shape: [rows, cols] });
const forward = (root: Value): Program => new Program({ groups: [[root]], gradients: 'none' });

describe('the work of a program', () => {
  it('is known of every instruction', () => {
    const { opcodes } = addon.info();
    for (const op of opcodes) assert(op === 'scalar_bytecode' || op in FLOP, op);
    // Those of the operators' rows exist.
    for (const op of Object.keys(FLOP)) assert(opcodes.includes(op), op);
  });

  it('of a product counts two operations a term, and each number once', () => {
    const work = forward(random(3, 4).matmul(random(4, 5))).work();
    assert.deepEqual(work, [{ op: 'gemm', instructions: 1, flop: 2 * 3 * 4 * 5, bytes: 8 * (12 + 20 + 15) }]);
  });

  it('reads what is broadcast once, and halves with the numbers', () => {
    const sum = (): Value => random(6, 8).add(parameter(new Float64Array(8)));
    const expected = { op: 'add', instructions: 1, flop: 48, bytes: 8 * (48 + 8 + 48) };
    assert.deepEqual(forward(sum()).work(), [expected]);
    assert.deepEqual(
      compile(sum(), { dtype: 'float32' })
        .work()
        .find(({ op }) => op === 'add'),
      { ...expected, bytes: expected.bytes / 2 },
    );
  });

  it('of single numbers counts every record of scalar bytecode', () => {
    const [a, b] = [parameter(2), parameter(3)];
    const picked = choose([a.mul(b), a.exp()], index('i'));
    const work = forward(picked.add(1)).work();
    const count = (op: string): number | undefined => work.find((row) => row.op === op)?.instructions;
    assert.deepEqual(['mul', 'exp', 'pick', 'accumulate'].map(count), [1, 1, 1, 1]);
  });

  it('grows with the prefix', () => {
    const table = random(4, 4);
    const losses = [0, 1, 2, 3].map((i) => table.at(i).matmul(table).exp().sum());
    const training = new SGD({ learningRate: 1 }).minimize(meanOfFirst(losses, index('n')));
    const flop = [1, 2, 3, 4].map((n) => training.program.work(n).reduce((sum, row) => sum + row.flop, 0));
    for (let i = 1; i < 4; i++) assert(flop[i]! > flop[i - 1]!, flop.join());
  });
});

async function vecgrad(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { code: 0, out: '', err: '' };
  said.code = await main(argv, {
    ...processIo(),
    stdout: { write: (text) => (said.out += text) },
    stderr: { write: (text) => (said.err += text) },
    run: () => Promise.reject(new Error('nothing is to be trained')),
  });
  return said;
}

describe('train MODEL --explain', () => {
  const small = ['--n-state', '8', '--n-att', '4', '--block-size', '4', '--explain'];

  it('prints a line for each pass and for each instruction, and trains nothing', async () => {
    const { code, out, err } = await vecgrad('train', 'rnn_att', ...small);
    assert.deepEqual({ code, err }, { code: 0, err: '' });
    const lines = out.split('\n');
    for (const name of ['none', ...PASS_NAMES, 'gemm', 'topk', 'softmax_grad', 'all'].filter(
      (line) => line !== 'softmax_grad',
    )) {
      assert.equal(lines.filter((line) => line.startsWith(`${name} `)).length, 1, `${name} in\n${out}`);
    }
    assert.match(
      lines[0]!,
      /^rnn_att, float64, \w+: [\d,]+ parameters, [\d,]+ nodes traced, [\d,]+ bytes of memory$/,
    );
    assert.equal(lines[1], '');
  });

  it('prints how much memory values share', async () => {
    const { out } = await vecgrad('train', 'rnn_att', ...small, '--passes=-rows');
    assert.match(out.split('\n')[1]!, /^[\d,]+ values of [\d,]+ bytes share [\d,]+ of them$/);
  });

  it('prints how many instructions loops keep', async () => {
    const long = ['--n-state', '8', '--block-size', '150', '--passes=reroll', '--explain'];
    const { out } = await vecgrad('train', 'rnn', ...long);
    assert.match(out.split('\n')[1]!, /^[\d,]+ instructions are kept as [\d,]+, in loops$/);
  });

  it('explains the passes asked for, in order, as JSON', async () => {
    const { out } = await vecgrad(
      'train',
      'rnn',
      ...small.slice(-3),
      '--passes',
      'in-place,auto-batch',
      '--json',
    );
    const { stages, steps, model } = JSON.parse(out) as Explanation;
    assert.equal(model, 'rnn');
    assert.deepEqual(
      stages.map(({ pass }) => pass),
      ['none', 'auto-batch', 'in-place'],
    );
    const [first, last] = [stages[0]!, stages[2]!];
    assert(last.nodes < first.nodes && last.instructions < first.instructions);
    assert.equal(steps[0]!.length, 4);
    assert.equal(
      steps[0]!.flop,
      steps[0]!.work.reduce((sum, { flop }) => sum + flop, 0),
    );
    assert.equal(steps[0]!.instructions, last.instructions);
  });

  it('shows how much memory values share, which is less than they have', () => {
    const { sharing, arena } = explain('rnn', { docs: ['abab', 'ba'], passes: parsePasses('-rows') });
    assert(sharing.values > 1 && sharing.memory < sharing.numbers && sharing.memory < arena);
    const off = explain('rnn', { docs: ['abab', 'ba'], passes: parsePasses('-rows,-reuse') });
    assert.deepEqual(off.sharing, { values: 0, numbers: 0, memory: 0 });
    assert(off.arena >= arena + sharing.numbers - sharing.memory);
  });

  it('refuses an unknown pass and lists the known ones', async () => {
    const { code, err } = await vecgrad('train', 'rnn', '--explain', '--passes', 'fussed');
    assert.equal(code, 2);
    assert.match(err, /^vecgrad: --passes: no pass is called "fussed": list some of simplify, .*\n$/);
  });

  it('takes the mean length of the documents', () => {
    const docs = ['ab', 'abab', 'ababab'];
    const { steps } = explain('rnn', { docs, sizes: { blockSize: 9 } });
    assert.deepEqual(
      steps.map(({ length }) => length),
      [9, 5],
    );
  });
});

describe('train MODEL --passes', () => {
  it('trains without the passes left out, to the same losses', async () => {
    const losses = await Promise.all(
      ['all', 'none'].map(async (list) => {
        const said = { code: 0, out: '' };
        const stdout = { write: (text: string) => (said.out += text) };
        await main(['train', 'rnn', '--steps', '5', '--samples', '1', '--passes', list, '--json'], {
          ...processIo(),
          stdout,
        });
        return (JSON.parse(said.out) as { losses: number[] }).losses;
      }),
    );
    losses[0]!.forEach((loss, i) => assert(Math.abs(loss - losses[1]![i]!) < 1e-9));
  });
});
