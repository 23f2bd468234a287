/** Sums of products by letters for axes, as views and matrix products. */
import { shown } from '../core/check.js';
import { ShapeError, show, sizeOf } from '../core/shape.js';
import { composed, writtenAs } from '../graph/node.js';
import { checkValue, type Value } from './value.js';

/** A letter, or an axis that the ellipsis stands for: `...0` is the last of them, `...1` the one before. */
type Label = string;

/** A value whose axes have labels. */
interface Term {
  readonly value: Value;
  readonly labels: readonly Label[];
}

/** The most operands of one call. */
const MAX_OPERANDS = 1024;

/**
 * The sum of products that an equation such as `'bij,bjk->bik'` describes (Einstein's notation). A letter
 * names an axis of each operand; the result has the axes behind the arrow, in their order, and is the sum
 * over all others. Without an arrow it has the letters that occur once, in alphabetical order. A letter that
 * an operand has twice takes its diagonal. Axes of one letter are equally long, or have length 1, and repeat.
 * `...` stands for any further axes, which broadcast.
 *
 * Operands are multiplied from left to right: write first what makes the others smaller.
 *
 * @throws ShapeError when the equation does not fit the operands
 */
export function einsum(equation: string, ...operands: Value[]): Value {
  if (typeof (equation as unknown) !== 'string')
    throw new TypeError(`einsum: the equation is ${shown(equation)}, expected a text such as 'ij,jk->ik'`);
  if (operands.length > MAX_OPERANDS)
    throw new TypeError(`einsum: ${operands.length} operands: expected at most ${MAX_OPERANDS}`);
  for (const operand of operands) checkValue('einsum', 'an operand', operand);
  return composed('einsum', operands, () => {
    const { inputs, output } = parsed(equation, operands);
    const lengths = lengthsOf(operands, inputs);
    const terms = operands.map((value, i) => distinct({ value, labels: inputs[i]! }, lengths));
    // How many of the terms to come have each label; the result counts as one.
    const uses = new Map<Label, number>();
    for (const labels of [output, ...terms.map((term) => term.labels)])
      for (const label of labels) uses.set(label, (uses.get(label) ?? 0) + 1);
    const release = ({ labels }: Term): void => {
      for (const label of labels) uses.set(label, uses.get(label)! - 1);
    };
    const isNeeded = (label: Label): boolean => uses.get(label)! > 0;
    let [product] = terms as [Term];
    release(product);
    for (const term of terms.slice(1)) {
      const both = [summed(product, (label) => isNeeded(label)), term] as const;
      release(term);
      product = multiplied(both[0], summedBut(term, both[0], isNeeded), isNeeded, lengths);
    }
    const { value, labels } = summed(product, (label) => output.includes(label));
    const result = value.transpose(output.map((label) => labels.indexOf(label)));
    return writtenAs('einsum', result);
  });
}

const ELLIPSIS = '...';

/** The labels of the operands' axes, and of the result's. */
function parsed(equation: string, operands: readonly Value[]): { inputs: Label[][]; output: Label[] } {
  const refuse = (why: string): never => {
    throw new ShapeError(`${shown(equation)}: ${why}`);
  };
  const [left, right, more] = equation.replaceAll(' ', '').split('->');
  if (more !== undefined) refuse('expected one arrow at most');
  const parts = left!.split(',');
  if (parts.length !== operands.length)
    refuse(`it is of ${parts.length} operands, and ${operands.length} are given`);
  for (const part of [...parts, right ?? '']) {
    const odd = /[^a-zA-Z]/.exec(part.replace(ELLIPSIS, ''))?.[0];
    if (odd !== undefined)
      refuse(`${shown(odd)}: expected letters, commas, one arrow, and ... once for each`);
  }
  let widest = 0;
  const inputs = parts.map((part, i) => {
    const { shape } = operands[i]!;
    const letters = part.replace(ELLIPSIS, '').length;
    const rest = shape.length - letters;
    const hasRest = part.includes(ELLIPSIS);
    if (rest < 0 || (rest > 0 && !hasRest))
      refuse(`operand ${i} has shape ${show(shape)}, ${shape.length} axes, for ${shown(part)}`);
    if (hasRest) widest = Math.max(widest, rest);
    return labelsOf(part, rest);
  });
  const all = inputs.flat();
  if (right === undefined) {
    const letters = [...new Set(all)].filter((label) => label.length === 1);
    const once = letters.filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
    return { inputs, output: [...labelsOf(ELLIPSIS, widest), ...once] };
  }
  const output = labelsOf(right, widest);
  output.forEach((label, i) => {
    if (output.indexOf(label) !== i) refuse(`the result has the letter ${label} twice`);
    if (!all.includes(label)) refuse(`the result has the letter ${label}, and no operand has`);
  });
  return { inputs, output };
}

/** The labels of a part of an equation, whose ellipsis stands for `rest` axes. */
function labelsOf(part: string, rest: number): Label[] {
  const [before, after] = part.split(ELLIPSIS);
  if (after === undefined) return Array.from(part);
  const others = Array.from({ length: rest }, (_, i) => `${ELLIPSIS}${rest - 1 - i}`);
  return [...Array.from(before!), ...others, ...Array.from(after)];
}

/** How long each label's axes are. */
function lengthsOf(operands: readonly Value[], inputs: readonly Label[][]): Map<Label, number> {
  const lengths = new Map<Label, { n: number; operand: number }>();
  operands.forEach(({ shape }, operand) => {
    shape.forEach((n, axis) => {
      const label = inputs[operand]![axis]!;
      const other = lengths.get(label);
      // Within an operand all axes of a letter are equally long.
      const first = shape[inputs[operand]!.indexOf(label)]!;
      const name = label.length === 1 ? `the letter ${label}` : 'an axis of the ellipsis';
      if (n !== first)
        throw new ShapeError(
          `${name} is ${first} long in operand ${operand} and ${n} long in another axis of it`,
        );
      if (other && other.n !== n && other.n !== 1 && n !== 1)
        throw new ShapeError(
          `${name} is ${other.n} long in operand ${other.operand} and ${n} long in operand ${operand}`,
        );
      if (!other || other.n === 1) lengths.set(label, { n, operand });
    });
  });
  return new Map(Array.from(lengths, ([label, { n }]) => [label, n]));
}

/** The term with each label once: axes of length 1 that repeat are dropped, and diagonals taken. */
function distinct({ value, labels }: Term, lengths: ReadonlyMap<Label, number>): Term {
  const kept = labels.flatMap((label, i) =>
    value.shape[i] === 1 && (lengths.get(label) !== 1 || labels.indexOf(label) !== i) ? [] : [i],
  );
  let term: Term = {
    value: kept.length < labels.length ? value.reshape(kept.map((i) => value.shape[i]!)) : value,
    labels: kept.map((i) => labels[i]!),
  };
  for (;;) {
    const own: Term = term;
    const second = own.labels.findIndex((label, i) => own.labels.indexOf(label) !== i);
    if (second < 0) return own;
    const first = own.labels.indexOf(own.labels[second]!);
    const others = own.labels.map((_, i) => i).filter((i) => i !== first && i !== second);
    const n = own.value.shape[first]!;
    const lead = others.map((i) => own.value.shape[i]!);
    const flat = own.value.transpose([...others, first, second]).reshape([...lead, n * n]);
    const diagonal = flat.slice(0, n * n, -1, { step: n + 1 });
    term = { value: diagonal, labels: [...others, first].map((i) => own.labels[i]!) };
  }
}

/** The sum over the labels that are not wanted. */
function summed({ value, labels }: Term, isWanted: (label: Label) => boolean): Term {
  const axes = labels.flatMap((label, i) => (isWanted(label) ? [] : [i]));
  if (axes.length === 0) return { value, labels };
  return { value: value.sum(axes), labels: labels.filter(isWanted) };
}

/** The sum over what neither the other term nor what comes later has. */
function summedBut(term: Term, other: Term, isNeeded: (label: Label) => boolean): Term {
  return summed(term, (label) => isNeeded(label) || other.labels.includes(label));
}

/** The product of two terms, summed over the labels of both that nothing else needs. */
function multiplied(
  a: Term,
  b: Term,
  isNeeded: (label: Label) => boolean,
  lengths: ReadonlyMap<Label, number>,
): Term {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const [kept, gone] = [shared.filter(isNeeded), shared.filter((label) => !isNeeded(label))];
  const ofA = a.labels.filter((label) => !shared.includes(label));
  const ofB = b.labels.filter((label) => !shared.includes(label));
  const labels = [...kept, ...ofA, ...ofB];
  const turned = ({ value, labels: own }: Term, ...order: Label[][]): Value =>
    value.transpose(order.flat().map((label) => own.indexOf(label)));
  const shapeOf = (list: readonly Label[]): number[] => list.map((label) => lengths.get(label)!);
  const size = (list: readonly Label[]): number => sizeOf(shapeOf(list));
  const isByElement = gone.length === 0 || (ofA.length === 0 && ofB.length === 0);
  if (isByElement) {
    const ones = (list: readonly Label[]): number[] => list.map(() => 1);
    const x = turned(a, kept, ofA, gone).reshape([
      ...shapeOf(kept),
      ...shapeOf(ofA),
      ...ones(ofB),
      ...shapeOf(gone),
    ]);
    const y = turned(b, kept, ofB, gone).reshape([
      ...shapeOf(kept),
      ...ones(ofA),
      ...shapeOf(ofB),
      ...shapeOf(gone),
    ]);
    return summed({ value: x.mul(y), labels: [...labels, ...gone] }, (label) => labels.includes(label));
  }
  // Axes of batches stay as they are: to join them could take a copy.
  const batch = shapeOf(kept);
  const x = turned(a, kept, ofA, gone).reshape([...batch, size(ofA), size(gone)]);
  const y = turned(b, kept, gone, ofB).reshape([...batch, size(gone), size(ofB)]);
  return { value: x.matmul(y).reshape(shapeOf(labels)), labels };
}
