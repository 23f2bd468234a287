/** The inputs of a program: where each is stored, and the integers that each index accepts. */
import type { TypedArray } from '../core/array.js';
import { clipped } from '../core/escape.js';
import { sizeOf, type Shape } from '../core/shape.js';
import type { Compiled, PlacedInput } from '../compiler/compile.js';
import { writtenPositions, type Trace } from '../compiler/ir/trace.js';
import type { Node } from '../graph/node.js';
import { isFed, OPS, opsWhere } from '../graph/ops.js';
import { FeedError } from './errors.js';

/** A floating-point input. */
export interface FloatInput {
  name: string;
  /** The offset of its numbers in the arena. */
  offset: number;
  /** Whether it must be fed. Not where the compiler found that it is multiplied by 0, for example. */
  isRead: boolean;
  shape: Shape;
  size: number;
  label: string;
}

/** An input of integers. */
export interface IndexInput {
  name: string;
  shape: Shape;
  /** The slot of its first integer. */
  slot: number;
  size: number;
  label: string;
  /** The exclusive upper bound of each element. */
  limits: Int32Array;
  /** The label of the node that sets each bound. */
  users: string[];
  /** For each element: runs with a longer prefix than this read it, in the graph as written; or `NEVER`. */
  readAbove: Int32Array;
  /** The same in the compiled graph. */
  neededAbove: Int32Array;
  /** Whether a part is read, such as one element: of a shorter index the graph could not be written. */
  hasParts: boolean;
  /** The smallest bound, which is safe for every element. */
  limit: number;
  /** How many elements must be fed, by prefix length. */
  needs: Int32Array;
  /** How many elements the graph as written reads, by prefix length: those are checked when they are fed. */
  reads: Int32Array;
}

/** All inputs of a program. */
export interface Inputs {
  floats: readonly FloatInput[];
  indices: readonly IndexInput[];
  /** Their names; floating-point inputs come first. */
  names: readonly string[];
  /** The name of the index that is the prefix length, if any. */
  countName: string | undefined;
  maxLength: number;
}

/** Sentinel: unbounded, or a prefix length that no run reaches. */
export const NEVER = 2 ** 31 - 1;

/** Operators whose last operand is an index with a limit. */
const READS_INDEX = opsWhere(({ index }) => !['none', 'prefix', 'anything'].includes(index));

/** @throws FeedError where two inputs have the same name */
export function inputsOf(compiled: Compiled, traced: Trace, groups: readonly (readonly Node[])[]): Inputs {
  const { leaves, countName, maxLength, lowered } = compiled;
  checkNamesDiffer(compiled.numbers.keys());
  const floats = leaves.inputs.map(floatInput);
  const indices = leaves.indices.map((leaf) => indexInput(leaf, lowered.maxLength));
  limitIndices(indices, traced, groups, maxLength);
  leaves.indices.forEach(({ isRead }, i) => {
    const index = indices[i]!;
    if (!isRead) index.neededAbove.fill(NEVER);
    index.limit = index.limits.reduce((least, limit) => Math.min(least, limit), NEVER);
    countElements(index.needs, index.neededAbove);
    countElements(index.reads, index.readAbove);
  });
  const names = [...floats, ...indices].map(({ name }) => name);
  return { floats, indices, names, countName, maxLength };
}

function checkNamesDiffer(nodes: Iterable<Node>): void {
  const named = new Map<string, Node>();
  for (const node of nodes) {
    if (!isFed(node.op)) continue;
    const other = named.get(node.name!);
    if (other)
      throw new FeedError(
        `two inputs of one program are named '${clipped(node.name!)}', ${other.label} and ` +
          `${node.label}: give them different names, or use one of them in both places`,
      );
    named.set(node.name!, node);
  }
}

function floatInput({ node, place, isRead }: PlacedInput): FloatInput {
  const { shape, label } = node;
  return { name: node.name!, offset: place, isRead, shape, size: sizeOf(shape), label };
}

function indexInput({ node, place }: PlacedInput, maxLength: number): IndexInput {
  const size = sizeOf(node.shape);
  return {
    name: node.name!,
    shape: node.shape,
    slot: place,
    size,
    label: node.label,
    limits: new Int32Array(size).fill(NEVER),
    users: new Array<string>(size).fill(''),
    readAbove: new Int32Array(size).fill(NEVER),
    neededAbove: new Int32Array(size).fill(NEVER),
    hasParts: false,
    limit: NEVER,
    needs: new Int32Array(maxLength + 1),
    reads: new Int32Array(maxLength + 1),
  };
}

/** Finds which nodes read each element of an index, and from which prefix length on. */
function limitIndices(
  indices: readonly IndexInput[],
  { ir, nodes, special, dropped }: Trace,
  groups: readonly (readonly Node[])[],
  maxLength: number,
): void {
  if (indices.length === 0) return;
  const byName = new Map(indices.map((index) => [index.name, index]));
  const written = dropped ? writtenPositions(nodes, groups) : undefined;
  for (const at of special) {
    const node = nodes[at]!;
    if (!READS_INDEX[node.operation.code]) continue;
    const { op, inputs, number } = node;
    const operand = inputs.at(-1)!;
    let [whole, start] = [operand, 0];
    for (; whole.op === 'element' || whole.op === 'elements'; whole = whole.first!)
      start += whole.attr.start!;
    const index = whole.op === 'index' ? byName.get(whole.name!) : undefined;
    if (!index) continue; // integers that the program computes, or fixed ones
    if (whole !== operand) index.hasParts = true;
    const end = start + sizeOf(operand.shape);
    const limit = limitOf(node, maxLength);
    // A node that was removed has the number of its replacement.
    const needed = ir.is(number, op) ? ir.positions[number]! : NEVER;
    const read = written?.[at] ?? needed;
    for (let i = start; i < end; i++) {
      index.readAbove[i] = Math.min(index.readAbove[i]!, read);
      index.neededAbove[i] = Math.min(index.neededAbove[i]!, needed);
      if (limit >= index.limits[i]!) continue;
      index.limits[i] = limit;
      index.users[i] = node.label;
    }
  }
}

/** The exclusive upper bound of the integers that a node reads. */
function limitOf({ op, attr, inputs, shape }: Node, maxLength: number): number {
  const table = inputs[0]!.shape;
  const axis = attr.batch ? 1 : 0;
  return {
    none: Infinity,
    prefix: Infinity,
    anything: Infinity,
    lengths: maxLength + 1,
    operands: inputs.length - 1,
    classes: table[table.length - 1]!,
    rows: table[axis]!,
    resultRows: shape[axis]!,
  }[OPS[op].index];
}

/** Counts, for each prefix length, how many leading elements a run reads. */
function countElements(counts: Int32Array, readAbove: Int32Array): void {
  readAbove.forEach((length, i) => {
    if (length + 1 < counts.length) counts[length + 1] = i + 1;
  });
  for (let n = 1; n < counts.length; n++) counts[n] = Math.max(counts[n]!, counts[n - 1]!);
}

/** What was fed last, from a program's memory: for a run of prefix length `length`. */
export function fedNumbers(
  { floats, indices, countName }: Inputs,
  arena: TypedArray,
  ints: Int32Array,
  length: number,
): Record<string, number | ArrayLike<number>> {
  const fed = Object.create(null) as Record<string, number | ArrayLike<number>>;
  for (const { name, offset, size } of floats) fed[name] = arena.slice(offset, offset + size);
  for (const { name, slot, reads } of indices)
    fed[name] = name === countName ? length : ints.slice(slot, slot + reads[length]!);
  return fed;
}
