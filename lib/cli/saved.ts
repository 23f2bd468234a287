/** `vecgrad sample FILE` and `vecgrad eval FILE`, for models from `vecgrad train --save FILE`. */
import { jsonText } from '../core/escape.js';
import { groupDigits, loss, printable } from '../terminal/format.js';
import type { Io } from './io.js';
import type { EvalArguments, SampleArguments } from './commands.js';

export async function sampled(path: string, given: SampleArguments, io: Io): Promise<void> {
  const { json, ...options } = given;
  const { invent } = await io.saved();
  const invented = invent(path, options);
  const lines = invented.samples.map((text) => `${printable(text)}\n`).join('');
  io.stdout.write(json ? `${jsonText(invented)}\n` : lines);
}

export async function evaluated(path: string, { input, json }: EvalArguments, io: Io): Promise<void> {
  const { evaluate } = await io.saved();
  const found = evaluate(path, input);
  const { model, docs } = found;
  const line =
    `${model}: loss ${loss(found.loss)} on ${groupDigits(docs)} ` +
    `${docs === 1 ? 'document' : 'documents'}\n`;
  io.stdout.write(json ? `${jsonText(found)}\n` : line);
}
