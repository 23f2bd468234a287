/** What a program is said to be fed, to hold and to do. */
import assert from 'node:assert/strict';
import * as vg from '../../lib/index.js';
import { index, input, parameter } from '../../lib/value/leaves.js';

describe('explain', () => {
  const table = parameter(new Float64Array(12), { name: 'table', shape: [4, 3] });
  const frozen = parameter([1, 2, 3], { name: 'frozen', trainable: false });
  const [x, i] = [input('x', [2, 3]), index('i', 2)];
  const unused = input('unused', [5]).sum().mul(0);
  const loss = table.gather(i).mul(x).mul(frozen).sum().add(unused);
  const training = new vg.SGD({ learningRate: 0.1, momentum: 0.9 }).minimize(loss, { dtype: 'float32' });

  it('tells the inputs of a training, and which of them are read', () => {
    const { inputs, dtype } = vg.explain(training);
    assert.equal(dtype, 'float32');
    const byName = Object.fromEntries(inputs.map(({ name, ...rest }) => [name, rest]));
    assert.deepEqual(byName, {
      x: { kind: 'numbers', shape: [2, 3], isRead: true },
      unused: { kind: 'numbers', shape: [5], isRead: false },
      i: { kind: 'index', shape: [2], limit: 4, isRead: true },
    });
  });

  it('tells the parameters, the memory and the instructions', () => {
    const found = vg.explain(training);
    assert.deepEqual(found.parameters, [
      { name: 'table', shape: [4, 3], isTrained: true },
      { name: 'frozen', shape: [3], isTrained: false },
    ]);
    assert.equal(found.bytes, training.program.arena.byteLength);
    assert.deepEqual(found.work, training.program.work());
    assert(found.work.some(({ op }) => op === 'sgd'));
  });

  it('tells of lengths, of programs and of inferences', () => {
    const n = index('n');
    const y = input('y');
    const terms = [1, 2, 3].map((at) => y.mul(at));
    const mean = vg.meanOfFirst(terms, n);
    const net = vg.inference({ mean });
    const expected = [
      { name: 'y', kind: 'numbers', shape: [], isRead: true },
      { name: 'n', kind: 'length', shape: [], limit: 4, isRead: true },
    ];
    for (const what of [vg.compile(mean), net, net.program])
      assert.deepEqual(vg.explain(what).inputs, expected);
  });

  it('refuses what is none of them', () => {
    for (const wrong of [3, null, {}, loss])
      assert.throws(
        () => vg.explain(wrong as never),
        /^TypeError: explain: .*expected a program, a training/,
      );
  });
});
