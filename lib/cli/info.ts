/** `vecgrad info`: versions, instruction sets, OpenBLAS and CPU. */
import { jsonText } from '../core/escape.js';
import { printable } from '../terminal/format.js';
import type { Io } from './io.js';
import { runtimeInfo } from './runtime-info.js';

export async function info(options: { json: boolean }, io: Io): Promise<void> {
  const m = await runtimeInfo(io);
  if (options.json) {
    io.stdout.write(`${jsonText(m)}\n`);
    return;
  }
  const { available, chosen, compiled } = m.isas;
  const threads = m.openblas.threads === 1 ? '1 thread' : `${m.openblas.threads} threads`;
  const rows = [
    ['vecgrad', m.version],
    ['Node', `${m.node} on ${m.platform} ${m.arch}, Node-API ${m.napiVersion}`],
    ['CPU', m.cpu],
    ['ISA', `${chosen} chosen; available: ${available.join(', ')}; compiled: ${compiled.join(', ')}`],
    ['OpenBLAS', `${m.openblas.version}, ${threads}, core ${m.openblas.core}`],
  ];
  io.stdout.write(rows.map(([name, value]) => `${name!.padEnd(10)}${printable(value!)}\n`).join(''));
}
