/**
 * Draws a graph as text: Graphviz's DOT, or Mermaid. Every node is one box, every operand an arrow to its
 * user. Boxes are numbered and listed operands first, so that the same graph gives the same text.
 */
import { checkBoolean, checkOptions, type Known } from '../core/check.js';
import type { Node } from './node.js';
import { isFed } from './ops.js';
import type { TypedArray } from '../core/array.js';
import { show } from '../core/shape.js';

/** What a drawing shows besides each node's name, operator and shape. */
export interface DrawOptions {
  /** The numbers of the last run, if any: the first four in row-major order, to four digits. */
  data?: boolean;
  /** The gradients of the last `backward()`, if any, in the same format. */
  grad?: boolean;
  /**
   * Draw a parameter once for each position that reads it (each term of a `meanOfFirst`), not once in all:
   * fewer lines cross, and large drawings are laid out faster.
   */
  parametersByPosition?: boolean;
}

const OPTIONS: Known<DrawOptions> = { data: true, grad: true, parametersByPosition: true };

/** @throws TypeError when an option is unknown, or not a boolean */
export function checkDrawOptions(who: string, options: DrawOptions): void {
  checkOptions(who, options, OPTIONS);
  for (const [name, given] of Object.entries(options) as [string, unknown][]) {
    if (given !== undefined) checkBoolean(`${who}: ${name}`, given);
  }
}

/** One box; `operands` are the numbers of other boxes. */
interface Box {
  node: Node;
  operands: number[];
}

const SHOWN = 4;

/** The graph of `root` in DOT, Graphviz's language. */
export function dot(root: Node, options: DrawOptions): string {
  const boxes = arranged(root, options.parametersByPosition === true);
  const lines = boxes.map(({ node }, i) => {
    const text = label(node, options).map(dotText).join('\\n');
    const { op } = node;
    const looks = op === 'parameter' ? ', style=filled' : isFed(op) ? ', shape=ellipse' : '';
    return `  n${i} [label="${text}"${looks}];`;
  });
  const arrows = boxes.flatMap(({ operands }, i) => operands.map((from) => `  n${from} -> n${i};`));
  return ['digraph {', '  node [shape=box];', ...lines, ...arrows, '}', ''].join('\n');
}

/** The graph of `root` as a Mermaid flowchart. */
export function mermaid(root: Node, options: DrawOptions): string {
  const boxes = arranged(root, options.parametersByPosition === true);
  const lines = boxes.map(({ node }, i) => {
    const text = label(node, options).map(mermaidText).join('<br/>');
    const [open, close] = node.op === 'parameter' ? ['[[', ']]'] : isFed(node.op) ? ['([', '])'] : ['[', ']'];
    return `  n${i}${open}"${text}"${close}`;
  });
  const arrows = boxes.flatMap(({ operands }, i) => operands.map((from) => `  n${from} --> n${i}`));
  return ['flowchart TD', ...lines, ...arrows, ''].join('\n');
}

/** How many boxes a drawing of `root` has. */
export function countBoxes(root: Node, parametersByPosition: boolean): number {
  return arranged(root, parametersByPosition).length;
}

function arranged(root: Node, parametersByPosition: boolean): Box[] {
  const nodes = operandsFirst(root);
  const positions = parametersByPosition ? positionsOf(nodes) : undefined;
  const boxes: Box[] = [];
  const numbers = new Map<Node, number>();
  const copies = new Map<Node, Map<number, number>>();
  const boxOf = (operand: Node, user: Node): number => {
    if (!positions || operand.op !== 'parameter') return numbers.get(operand)!;
    const position = positions.get(user)!;
    let copiesOfIt = copies.get(operand);
    if (!copiesOfIt) copies.set(operand, (copiesOfIt = new Map<number, number>()));
    let box = copiesOfIt.get(position);
    if (box === undefined) {
      box = boxes.push({ node: operand, operands: [] }) - 1;
      copiesOfIt.set(position, box);
    }
    return box;
  };
  for (const node of nodes) {
    if (positions && node.op === 'parameter' && node !== root) continue; // drawn with its users
    const operands = node.inputs.map((operand) => boxOf(operand, node));
    numbers.set(node, boxes.push({ node, operands }) - 1);
  }
  return boxes;
}

/** The nodes of `root`, each after its operands. */
function operandsFirst(root: Node): Node[] {
  const ordered: Node[] = [];
  const entered = new Set<Node>();
  const left = new Set<Node>();
  const path = [root];
  for (let node = path.at(-1); node; node = path.at(-1)) {
    if (!entered.has(node)) {
      entered.add(node);
      const { inputs } = node;
      for (let i = inputs.length - 1; i >= 0; i--) if (!entered.has(inputs[i]!)) path.push(inputs[i]!);
      continue;
    }
    path.pop();
    if (left.has(node)) continue;
    left.add(node);
    ordered.push(node);
  }
  return ordered;
}

/** The first position that needs each node: 0, except for the later terms of prefix sums. */
function positionsOf(nodes: readonly Node[]): ReadonlyMap<Node, number> {
  const positions = new Map<Node, number>();
  for (const node of [...nodes].reverse()) {
    const position = positions.get(node) ?? 0;
    positions.set(node, position);
    node.inputs.forEach((operand, i) => {
      const isTerm = node.attr.prefix === true && i < node.inputCount - 1;
      const needed = isTerm ? Math.max(position, i) : position;
      positions.set(operand, Math.min(needed, positions.get(operand) ?? Infinity));
    });
  }
  return positions;
}

function label(node: Node, { data, grad }: DrawOptions): string[] {
  const attributes = Object.entries(node.attr).flatMap(([name, value]) =>
    name === 'shape'
      ? []
      : [` ${name}=${ArrayBuffer.isView(value) ? shownNumbers(value as TypedArray, false) : String(value)}`],
  );
  const lines = [`${node.op}${attributes.join('')} ${show(node.shape)}`];
  if (node.name !== undefined) lines.unshift(node.name);
  for (const [what, isWanted] of [
    ['data', data],
    ['grad', grad],
  ] as const) {
    const numbers = isWanted ? node.peek(what) : undefined;
    if (numbers) lines.push(`${what} ${shownNumbers(numbers, node.shape.length === 0)}`);
  }
  return lines;
}

function shownNumbers(numbers: TypedArray, isScalar: boolean): string {
  const shown = Array.from(numbers.subarray(0, SHOWN), (x) => String(Number(x.toPrecision(4))));
  if (isScalar) return shown[0]!;
  return `[${shown.join(', ')}${numbers.length > SHOWN ? ', ...' : ''}]`;
}

/** Shows invisible characters, except line breaks, as their code points. */
function visible(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** Escapes a quoted label: Graphviz reads backslashes and HTML's character entities. */
function dotText(text: string): string {
  return visible(text).replace(/[\\"]/g, '\\$&').replace(/&/g, '&amp;').replace(/\n/g, '\\n');
}

/**
 * What Mermaid interprets after it has decoded all `#number;`, so that encoding it that way does not help:
 * `$$` begins a formula, `:fa-` an icon, `\n` is a line break, and `ﬂ°` and `¶ß` stand for `&` and `;`.
 */
const ACTED_ON_LATE = /\$(?=\$)|:(?=fa-)|\\(?=n)|ﬂ(?=°)|¶(?=ß)/gi;
/** U+2060 has no width, and splits what Mermaid would interpret. */
const WORD_JOINER = '\u2060';

/** Escapes a quoted label: Mermaid reads HTML, Markdown, formulas and its own `#number;`. */
function mermaidText(text: string): string {
  return visible(text)
    .replace(ACTED_ON_LATE, `$&${WORD_JOINER}`)
    .replace(/[^\p{L}\p{N}\n_ .,=[\]+-]|[.+-](?= )/gu, (c) => `#${c.codePointAt(0)!};`)
    .replace(/\n/g, '<br/>');
}
