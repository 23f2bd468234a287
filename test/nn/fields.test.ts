/** The parameters of a module are those that its fields hold now, whatever they held when it was made. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import { parameter } from '../../lib/value/leaves.js';
import * as nn from '../../lib/nn/index.js';
import { Random } from '../../lib/runtime/random.js';

describe('the parameters of a module are those that its fields hold now:', () => {
  const random = new Random(1);
  const mine = parameter([[1], [2]], { name: 'mine' });
  /** A module of a user, with a part, and a parameter in a field of another name. */
  class Net extends nn.Module {
    part1: nn.Linear;
    readonly table: Value;
    constructor() {
      super({ random, name: 'net' });
      this.part1 = this.include(new nn.Linear(2, 1, this.part('part1')));
      this.table = this.draw('rows', [2], nn.initializers.zeros());
    }
  }
  const named = (module: nn.Module): (string | undefined)[] => module.parameters().map(({ name }) => name);
  const set = (module: object, field: string, to: unknown): void => {
    assert.ok(Reflect.set(module, field, to));
  };

  it('a weight that is set, which apply uses', () => {
    const linear = new nn.Linear(2, 1, { random });
    set(linear, 'weight', mine);
    assert.deepEqual(named(linear), ['mine', 'bias']);
    assert.deepEqual([...linear.apply(parameter([1, 1])).forward()], [3]);
  });
  it('a bias that is removed', () => {
    const linear = new nn.Linear(2, 1, { random });
    set(linear, 'bias', undefined);
    assert.deepEqual(named(linear), ['weight']);
  });
  it('a computed weight does not count', () => {
    const linear = new nn.Linear(2, 1, { random });
    set(linear, 'weight', mine.mul(2));
    assert.deepEqual(named(linear), ['bias']);
  });
  it('those of a part, a weight of a part, and another part', () => {
    const net = new Net();
    assert.deepEqual(named(net), ['net.part1.weight', 'net.part1.bias', 'net.rows']);
    set(net.part1, 'weight', mine);
    assert.deepEqual(named(net), ['mine', 'net.part1.bias', 'net.rows']);
    net.part1 = new nn.Linear(2, 1, { random, bias: false });
    assert.deepEqual(named(net), ['weight', 'net.rows']);
  });
  it('those of a module that is part of itself', () => {
    const linear = new nn.Linear(2, 1, { random });
    set(linear, 'weight', linear);
    assert.deepEqual(named(linear), ['bias']);
  });
  it('one that two parts share, once', () => {
    const shared = new Net();
    set(shared.part1, 'weight', shared.table);
    assert.deepEqual(named(shared), ['net.rows', 'net.part1.bias']);
  });
});
