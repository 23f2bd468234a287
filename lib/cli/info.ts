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
  const { version, threads, core, better } = m.openblas;
  const rows = [
    ['vecgrad', m.version],
    ['Node', `${m.node} on ${m.platform} ${m.arch}, Node-API ${m.napiVersion}`],
    ['CPU', m.cpu],
    ['ISA', `${chosen} chosen; available: ${available.join(', ')}; compiled: ${compiled.join(', ')}`],
    ['threads', `${m.threads}, unless another number is given; processors: ${m.processors}`],
    ['OpenBLAS', `${version}, ${threads === 1 ? '1 thread' : `${threads} threads`}, core ${core}`],
    ...(better === undefined
      ? []
      : [['', `for faster kernels of this processor: OPENBLAS_CORETYPE=${better} in the environment`]]),
  ];
  io.stdout.write(rows.map(([name, value]) => `${name!.padEnd(10)}${printable(value!)}\n`).join(''));
}
