/** `vecgrad train MODEL --explain`: a program as tables. */
import type { Explanation } from '../study/explain.js';
import { groupDigits, table, type TableColumn } from '../terminal/format.js';

const left = (title: string, gap = 0): TableColumn => ({ title, align: 'left', gap });
const right = (title: string): TableColumn => ({ title, align: 'right', gap: 2 });

export function explained(explanation: Explanation): string {
  const { stages, steps, model, dtype, isa, params, nodesWritten, arena, sharing, loops } = explanation;
  const bytesEach = dtype === 'float32' ? 4 : 8;
  const passes = stages.map(({ pass, does, nodes, instructions, flop, bytes, arena: numbers }, i) => [
    pass,
    ...[i ? stages[i - 1]!.nodes : nodes, nodes, instructions, flop, bytes, numbers * bytesEach].map(
      groupDigits,
    ),
    does,
  ]);
  const opcodes = [...new Set(steps.flatMap(({ work }) => work.map(({ op }) => op)))];
  const figures = steps.map(({ work }) => new Map(work.map((row) => [row.op, row])));
  const rows = opcodes.map((op) => [op, ...figures.flatMap((of) => cells(of.get(op)))]);
  return [
    `${model}, ${dtype}, ${isa}: ${groupDigits(params)} parameters, ${groupDigits(nodesWritten)} ` +
      'nodes traced, ' +
      `${groupDigits(arena * bytesEach)} bytes of memory`,
    ...(sharing.values
      ? [
          `${groupDigits(sharing.values)} values of ${groupDigits(sharing.numbers * bytesEach)} bytes ` +
            `share ${groupDigits(sharing.memory * bytesEach)} of them`,
        ]
      : []),
    ...(loops.kept < loops.instructions
      ? [`${groupDigits(loops.instructions)} instructions are kept as ${groupDigits(loops.kept)}, in loops`]
      : []),
    '',
    'The program after each pass (a step of full length, forward, backward and update):',
    '',
    ...table(
      [
        left('pass'),
        ...['nodes before', 'after', 'instructions', 'FLOP', 'bytes moved', 'memory'].map(right),
        left('it', 2),
      ],
      passes,
    ),
    '',
    'A step at ' +
      `${steps.map(({ length }) => `${length} position${length === 1 ? '' : 's'}`).join(', and at ')} ` +
      "(the documents' mean length last):",
    '',
    ...table(
      [left('instruction'), ...steps.flatMap(() => ['times', 'FLOP', 'bytes moved'].map(right))],
      [...rows, ['all', ...steps.flatMap(cells)]],
    ),
    '',
  ].join('\n');
}

function cells(of: { instructions: number; flop: number; bytes: number } | undefined): string[] {
  return of ? [of.instructions, of.flop, of.bytes].map(groupDigits) : ['', '', ''];
}
