/** `vecgrad graph MODEL`: prints a model's loss as a graph, or draws it. */
import type { ModelName } from '../study/models/sizes.js';
import { checkWritable, writeFile } from '../core/write-file.js';
import { groupDigits } from '../terminal/format.js';
import type { Graphviz, Io } from './io.js';
import { unusedNote } from './size-options.js';
import type { GraphArguments } from './commands.js';
import { UsageError } from './usage.js';

/** Graphviz lays out so many boxes in about ten seconds; its time grows faster than their number. */
const MAX_BOXES = 2000;

export async function graph(model: ModelName, given: GraphArguments, io: Io): Promise<void> {
  const { svg, input, ...options } = given;
  const graphviz = svg === undefined ? undefined : await loaded(io);
  if (svg !== undefined) checkWritable(svg);
  const { docs } = (await io.load())(input, '--svg', svg);
  io.stderr.write(unusedNote(model, options.sizes));
  const { text, boxes } = (await io.modelGraph())(model, { ...options, docs });
  if (!graphviz || svg === undefined) {
    io.stdout.write(text);
    return;
  }
  if (boxes > MAX_BOXES) {
    throw new UsageError(
      `--svg draws at most ${groupDigits(MAX_BOXES)} boxes, and this graph has ${groupDigits(boxes)}: ` +
        'lower --positions or --n-embd, or leave out --svg and run Graphviz on the text',
    );
  }
  writeFile(svg, graphviz.renderString(text, { format: 'svg' }));
}

async function loaded(io: Io): Promise<Graphviz> {
  try {
    return await io.graphviz();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes(code)) throw error;
    throw new Error('--svg needs the package @viz-js/viz: npm install @viz-js/viz', {
      cause: error,
    });
  }
}
