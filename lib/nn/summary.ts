/** A table of the layers of a module. */
import { checkArguments, shown } from '../core/check.js';
import { sizeOf } from '../core/shape.js';
import type { Value } from '../value/value.js';
import { Module } from './module.js';

/**
 * A table of the layers of a module that have parameters: where each is, its class, how many numbers it has,
 * and their shapes; and how many there are in all.
 *
 * @throws TypeError when it is no module
 */
export function summary(module: Module): string {
  checkArguments('summary', arguments, 1);
  if (!((module as unknown) instanceof Module))
    throw new TypeError(`summary: ${shown(module)}, expected a module`);
  const layers = module.namedModules().filter(({ parameters }) => parameters.length > 0);
  const rows = layers.map(({ name, module: { constructor }, parameters }) => [
    name || '.',
    constructor.name,
    grouped(parameters),
    parameters.map((value) => `${lastPartOf(value)} [${value.shape.join(', ')}]`).join(', '),
  ]);
  rows.unshift(['layer', 'class', 'parameters', 'shapes']);
  rows.push(['', 'in all', grouped(module.parameters()), '']);
  const widths = [0, 1, 2].map((i) => rows.reduce((most, row) => Math.max(most, row[i]!.length), 0));
  return rows
    .map(([name, kind, count, shapes]) =>
      [name!.padEnd(widths[0]!), kind!.padEnd(widths[1]!), count!.padStart(widths[2]!), shapes]
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** How many numbers these are, in groups of three digits. */
function grouped(parameters: readonly Value[]): string {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0).toLocaleString('en-US');
}

/** `weight` of `encoder.weight`. */
function lastPartOf({ name, label }: Value): string {
  return name?.slice(name.lastIndexOf('.') + 1) ?? label;
}
