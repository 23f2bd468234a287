/** What this build can do on this machine. */
import { cpus } from 'node:os';
import { addon, chosenIsa, info } from './addon.js';
import { chosenThreads } from './threads.js';

/** What the native addon reports about itself and the machine. */
export interface NativeInfo {
  /** The version of Node-API. */
  napiVersion: number;
  /** The instruction sets. */
  isas: {
    /** Those compiled into the addon, best first. */
    compiled: string[];
    /** Those that this machine can also run. */
    available: string[];
    /** The default. */
    chosen: string;
  };
  /** OpenBLAS, which computes large matrix products. */
  openblas: {
    /** Its version. */
    version: string;
    /** How many threads it uses. */
    threads: number;
    /** The processor type that it detected. */
    core: string;
    /**
     * A type whose kernels this processor could run, where those of the detected one use older instructions:
     * the variable OPENBLAS_CORETYPE chooses it. Absent where there is none, or the variable is set.
     */
    better?: string;
  };
  /** How many processors this process may use, by its affinity and the quotas of its control groups. */
  processors: number;
  /** How many threads a program uses, unless it is given another number. */
  threads: number;
  /** The processor's name, as the operating system reports it. */
  cpu: string;
}

/** What this build can do on this machine. */
export function nativeInfo(): NativeInfo {
  const { better, ...openblas } = addon.blas();
  return {
    napiVersion: Number(process.versions['napi'] ?? 0),
    isas: { compiled: info.compiled, available: info.available, chosen: chosenIsa() },
    openblas: { ...openblas, ...(better !== '' && { better }) },
    processors: addon.processors(''),
    threads: chosenThreads(),
    cpu: cpus()[0]?.model ?? 'unknown',
  };
}
