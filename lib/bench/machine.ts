/** Describes this machine: processor, caches, instruction sets, and whether it is emulated. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { availableParallelism, cpus, release, type as osName } from 'node:os';
import { join } from 'node:path';
import { addon } from '../binding/addon.js';
import { nativeInfo } from '../binding/native-info.js';
import type { Machine } from './report.js';

const CACHES = '/sys/devices/system/cpu/cpu0/cache';

export function describeMachine(): Machine {
  const { isas, openblas, cpu } = nativeInfo();
  const { version, core, threads } = openblas;
  const cpuinfo = read('/proc/cpuinfo') ?? '';
  return {
    cpu: oneLine(cpuName(cpu, cpuinfo)),
    arch: process.arch,
    platform: process.platform,
    system: oneLine(`${osName()} ${release().split('.').slice(0, 2).join('.')}`),
    cores: availableParallelism(),
    node: process.version,
    isas: isas.available.map((name) => ({ name, vectorBits: addon.bench.vectorBits(name) })),
    chosen: isas.chosen,
    caches: caches(CACHES),
    openblas: version === 'none' ? null : { version, core, threads },
    emulated: emulation({
      stated: process.env['VECGRAD_EMULATED'],
      native: addon.bench.emulator(),
      arch: process.arch,
      cpu: cpus()[0]?.model ?? '',
      cpuinfo,
      executable: executable(),
    }),
  };
}

/** The signs of an emulator. */
export interface Signs {
  /** VECGRAD_EMULATED: the emulator's name, or `0` to ignore all other signs. */
  stated: string | undefined;
  /** The emulator's name as the processor reports it (CPUID), or ''. */
  native: string;
  arch: string;
  cpu: string;
  /** The content of /proc/cpuinfo, or ''. */
  cpuinfo: string;
  /** The path of the running program as the operating system sees it, or ''. */
  executable: string;
}

/** The emulator that runs this process, and how it was detected; null on a real processor. */
export function emulation(signs: Signs): Machine['emulated'] {
  const { stated, native, arch, cpu, cpuinfo, executable } = signs;
  if (stated === '0') return null;
  if (stated !== undefined && stated !== '') {
    return { by: oneLine(stated), because: 'VECGRAD_EMULATED says so' };
  }
  if (native !== '') return { by: native, because: 'the processor says so' };
  const program = /(?:^|\/)(qemu|box64|fex|blink)[^/]*$/i.exec(executable);
  if (program) return { by: program[1]!.toLowerCase(), because: 'it is the running program' };
  if (/VirtualApple/.test(cpu)) return { by: 'Rosetta 2', because: "the processor's name says so" };
  // QEMU's user mode shows the host's file, not that of the emulated processor.
  const own = { x64: /^vendor_id\s*:/m, arm64: /^CPU implementer\s*:/m, riscv64: /^(isa|uarch)\s*:/m }[arch];
  if (own && cpuinfo !== '' && !own.test(cpuinfo)) {
    return { by: 'qemu', because: `/proc/cpuinfo is not of ${arch}` };
  }
  return null;
}

/** The processor's name. Node knows none for most ARM and RISC-V processors; other files may. */
function cpuName(byNode: string, cpuinfo: string): string {
  if (byNode.trim() !== '' && byNode !== 'unknown') return byNode;
  const board = read('/proc/device-tree/model')?.replaceAll('\0', '');
  if (board !== undefined && board.trim() !== '') return board;
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}\\s*:\\s*(.+)$`, 'm').exec(cpuinfo)?.[1];
  const [implementer, part] = [field('CPU implementer'), field('CPU part')];
  if (implementer !== undefined) return `implementer ${implementer}, part ${part ?? 'unknown'}`;
  return field('uarch') ?? 'unknown';
}

/** The caches listed in a Linux sysfs folder, by level. */
export function caches(folder: string): Machine['caches'] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.startsWith('index'));
  } catch {
    return [];
  }
  return names
    .map((name) => {
      const [level, type, size] = ['level', 'type', 'size'].map(
        (file) => read(join(folder, name, file))?.trim() ?? '',
      ) as [string, string, string];
      const [, digits = '', unit = ''] = /^(\d+)([KMG]?)$/.exec(size) ?? [];
      const bytes = Number(digits) * 1024 ** ('KMG'.indexOf(unit) + 1 || 0);
      return { level: Number(level), type: type.toLowerCase(), bytes };
    })
    .filter(({ level, bytes }) => level > 0 && bytes > 0)
    .sort((a, b) => a.level - b.level || a.type.localeCompare(b.type));
}

/** The running program, under a path that QEMU's user mode does not intercept. */
function executable(): string {
  try {
    return readlinkSync(`/proc/self/task/${process.pid}/exe`);
  } catch {
    return '';
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** A text as the schema requires it. */
function oneLine(given: string): string {
  return given
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
}
