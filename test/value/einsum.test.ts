/** einsum: against sums of products over all indices, with second derivatives; and what it refuses. */
import assert from 'node:assert/strict';
import { compile } from '../../lib/value/compile.js';
import { einsum } from '../../lib/value/einsum.js';
import { grad } from '../../lib/value/grad.js';
import { input } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose, checkGraph, Leaves } from '../support/check.js';
import { tensor, type Tensor } from '../support/reference.js';

/** The sum of products by its definition: equations with an arrow and without an ellipsis. */
function expected(equation: string, operands: readonly Value[]): Tensor {
  const [left, right] = equation.split('->') as [string, string];
  const inputs = left.split(',');
  const letters = [...new Set(left.replaceAll(',', ''))];
  const lengths = new Map<string, number>();
  operands.forEach(({ shape }, i) => {
    shape.forEach((n, axis) => {
      const letter = inputs[i]![axis]!;
      lengths.set(letter, Math.max(lengths.get(letter) ?? 0, n));
      if (n === 0) lengths.set(letter, 0);
    });
  });
  const over = letters.filter((letter) => !right.includes(letter));
  const numberAt = (x: Value, labels: string, at: ReadonlyMap<string, number>): number => {
    let place = 0;
    x.shape.forEach((n, axis) => (place = place * n + (n === 1 ? 0 : at.get(labels[axis]!)!)));
    return x.data[place]!;
  };
  return tensor(
    Array.from(right, (letter) => lengths.get(letter)!),
    (index) => {
      const fixed = Array.from(right, (letter, i) => [letter, index[i]!] as const);
      const terms = tensor(
        over.map((letter) => lengths.get(letter)!),
        (sums) => {
          const at = new Map([...fixed, ...over.map((letter, i) => [letter, sums[i]!] as const)]);
          return operands.reduce((y, x, i) => y * numberAt(x, inputs[i]!, at), 1);
        },
      );
      return terms.data.reduce((a, b) => a + b, 0);
    },
  );
}

/** As written, with the arrow and letters in place of what is left out, and the shapes. */
const ROWS: [equation: string, whole: string, ...shapes: number[][]][] = [
  ['ij,jk->ik', 'ij,jk->ik', [2, 3], [3, 4]],
  ['bij,bjk->bik', 'bij,bjk->bik', [2, 3, 4], [2, 4, 2]],
  ['bhqd,bhkd->bhqk', 'bhqd,bhkd->bhqk', [2, 2, 3, 2], [2, 2, 4, 2]],
  ['bqhd,bkhd->bhqk', 'bqhd,bkhd->bhqk', [2, 3, 2, 2], [2, 4, 2, 2]],
  ['ij,kj->ki', 'ij,kj->ki', [2, 3], [4, 3]],
  ['i,i->', 'i,i->', [4], [4]],
  ['i,j->ij', 'i,j->ij', [2], [3]],
  ['i,j->ji', 'i,j->ji', [2], [3]],
  ['ij,ij->ij', 'ij,ij->ij', [2, 3], [2, 3]],
  ['ij,ij->i', 'ij,ij->i', [2, 3], [2, 3]],
  ['ij,j->i', 'ij,j->i', [2, 3], [3]],
  ['j,jk->k', 'j,jk->k', [3], [3, 2]],
  ['ij->ji', 'ij->ji', [2, 3]],
  ['ij->', 'ij->', [2, 3]],
  ['ij->j', 'ij->j', [2, 3]],
  ['i->i', 'i->i', [3]],
  ['ii->i', 'ii->i', [3, 3]],
  ['ii->', 'ii->', [3, 3]],
  ['iji->j', 'iji->j', [3, 2, 3]],
  ['iii->i', 'iii->i', [2, 2, 2]],
  ['bii->bi', 'bii->bi', [2, 3, 3]],
  ['ii,ij->j', 'ii,ij->j', [3, 3], [3, 2]],
  ['ij,jk,kl->il', 'ij,jk,kl->il', [2, 3], [3, 2], [2, 4]],
  ['i,i,i->i', 'i,i,i->i', [3], [3], [3]],
  ['i,ij,j->', 'i,ij,j->', [2], [2, 3], [3]],
  ['ik,jkl,il->ij', 'ik,jkl,il->ij', [2, 3], [4, 3, 2], [2, 2]],
  ['ij,kl->', 'ij,kl->', [2, 3], [2, 2]],
  ['ij,kl->il', 'ij,kl->il', [2, 3], [2, 2]],
  [',ij->ij', ',ij->ij', [], [2, 3]],
  ['->', '->', []],
  ['ij,jk', 'ij,jk->ik', [2, 3], [3, 4]],
  ['ba', 'ba->ab', [2, 3]],
  ['ii', 'ii->', [2, 2]],
  ['i, i', 'i,i->', [3], [3]],
  ['ij,jk->ik', 'ij,jk->ik', [2, 1], [3, 4]],
  ['ij,ij->ij', 'ij,ij->ij', [1, 3], [2, 1]],
  ['ij,jk->ik', 'ij,jk->ik', [2, 0], [0, 4]],
  ['ij,jk->ik', 'ij,jk->ik', [0, 3], [3, 4]],
  ['...ij,...jk->...ik', 'abij,abjk->abik', [2, 1, 2, 3], [2, 2, 3, 2]],
  ['...ij,...jk', 'aij,ajk->aik', [2, 2, 3], [2, 3, 2]],
  ['...i,i->...', 'abi,i->ab', [2, 3, 2], [2]],
  ['i...->...i', 'iab->abi', [2, 3, 2]],
  ['...->', 'ab->', [2, 3]],
];

describe('einsum', () => {
  ROWS.forEach(([equation, whole, ...shapes], i) => {
    it(`${equation} of ${shapes.map((shape) => `[${shape.join()}]`).join(' and ')}`, () => {
      const seed = i + 1;
      checkGraph((g) => einsum(equation, ...shapes.map((shape) => g.p(...shape))), { seed });
      const g = new Leaves(seed);
      const operands = shapes.map((shape) => g.p(...shape));
      const y = einsum(equation, ...operands);
      const { shape, data } = expected(whole, operands);
      assert.deepEqual(y.shape, shape);
      assertClose(compile(y).forward({}), data, 1e-12, 'the value');
      checkGraph(
        (leaves) => {
          const all = shapes.map((one) => leaves.p(...one));
          const z = einsum(equation, ...all);
          return grad(z.mul(z).sum(), all).map((slope) => slope.mul(slope).sum())[0]!;
        },
        { seed },
      );
    });
  });

  it('is one product where the axes lie as a product wants them', () => {
    const [a, b] = [input('a', [4, 8, 16]), input('b', [4, 16, 8])];
    const counts = [einsum('bij,bjk->bik', a, b), a.matmul(b)].map(
      (y) => compile(y.detach()).counts.instructions,
    );
    assert.equal(counts[0], counts[1]);
  });

  const [a, b] = [input('a', [2, 3]), input('b', [4, 5])];
  const refused: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'lengths that differ',
      () => einsum('ij,jk->ik', a, b),
      /^einsum of 'a' .* and 'b' .*: the letter j is 3 long in operand 0 and 4 long in operand 1$/,
    ],
    [
      'a diagonal of what is not square',
      () => einsum('ii->i', a),
      /^einsum of 'a' .*: the letter i is 2 long in operand 0 and 3 long in another axis of it$/,
    ],
    [
      'axes that differ',
      () => einsum('...,...', a, b),
      /: an axis of the ellipsis is 2 long in operand 0 and 4/,
    ],
    [
      'too few letters',
      () => einsum('i->i', a),
      /^einsum of 'a' .*: "i->i": operand 0 has shape \[2, 3\], 2 axes, for "i"$/,
    ],
    ['too many letters', () => einsum('ijk->i', a), /operand 0 has shape \[2, 3\], 2 axes, for "ijk"$/],
    [
      'a letter out of nowhere',
      () => einsum('ij->ik', a),
      /the result has the letter k, and no operand has$/,
    ],
    ['a letter twice in the result', () => einsum('ij->ii', a), /the result has the letter i twice$/],
    ['too few operands', () => einsum('ij,jk->ik', a), /it is of 2 operands, and 1 are given$/],
    ['two arrows', () => einsum('ij->i->j', a), /expected one arrow at most$/],
    [
      'a digit',
      () => einsum('i1->i', a),
      /"1": expected letters, commas, one arrow, and \.\.\. once for each$/,
    ],
    ['two ellipses', () => einsum('......->', a), /"\.": expected letters/],
    [
      'no text',
      () => einsum(a as never, a),
      /^einsum: the equation is 'a' .*, expected a text such as 'ij,jk->ik'$/,
    ],
    ['a number', () => einsum('i->', 2 as never), /^einsum: an operand is 2, expected a Value$/],
  ];
  for (const [what, call, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(call, (error) => message.test((error as Error).message));
    });
  }
});
