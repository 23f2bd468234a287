/** What runs here: the report of `vecgrad info`, and the head of every comparison. */
import { packageVersion } from '../core/package.js';
import type { NativeInfo } from '../binding/addon.js';
import type { Io } from './io.js';

export interface Machine extends NativeInfo {
  version: string;
  node: string;
  platform: string;
  arch: string;
}

export async function machine(io: Io): Promise<Machine> {
  const { napiVersion, isas, openblas, cpu } = await io.info();
  const { available, chosen, compiled } = isas;
  return {
    version: packageVersion(),
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    napiVersion,
    cpu,
    isas: { available, chosen, compiled },
    openblas,
  };
}
