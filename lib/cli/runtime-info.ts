/** Versions, instruction sets and processor, for `vecgrad info` and the head of `vecgrad compare`. */
import { packageVersion } from '../core/package.js';
import type { NativeInfo } from '../binding/native-info.js';
import type { Io } from './io.js';

export interface RuntimeInfo extends NativeInfo {
  version: string;
  node: string;
  platform: string;
  arch: string;
}

export async function runtimeInfo(io: Io): Promise<RuntimeInfo> {
  const { napiVersion, isas, openblas, processors, threads, cpu } = await io.info();
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
    processors,
    threads,
  };
}
