/** Explains why the native addon did not load: what was found, what is prebuilt, what to do. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { clipped } from '../core/escape.js';

/** What a prebuilt addon must match. */
export interface Host {
  platform: string;
  arch: string;
  /** "glibc 2.36" or "musl"; undefined outside Linux. */
  libc: string | undefined;
  /** "v20.20.2" */
  node: string;
  /** The version of Node-API. */
  napi: string;
}

/** The machine and the Node that this runs on. */
export function thisHost(): Host {
  const { platform, arch, version, versions } = process;
  const libc = platform === 'linux' ? foundLibc() : undefined;
  return { platform, arch, libc, node: version, napi: versions['napi'] ?? 'unknown' };
}

function foundLibc(): string {
  const given = process.env['LIBC']; // overrides detection in node-gyp-build
  const LIBC = given === undefined ? undefined : clipped(given);
  const { report } = process as { report?: NodeJS.ProcessReport & { excludeNetwork?: boolean } };
  if (report === undefined) return LIBC ?? 'an unknown C library';
  report.excludeNetwork = true; // resolving host names could take seconds
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  // Node on Linux uses glibc, which reports its version, or musl, which does not.
  const { glibcVersionRuntime: glibc } = header;
  const real = glibc === undefined ? 'musl' : `glibc ${glibc}`;
  return LIBC === undefined || real.startsWith(LIBC) ? real : `${LIBC} (set by LIBC)`;
}

/**
 * The message when the addon of the package in `root` did not load; `reason` is the error of node-gyp-build
 * or of the dynamic loader.
 */
export function missingAddon(root: string, reason: string, host = thisHost()): string {
  const { platform, arch, libc, node, napi } = host;
  const machine = [
    `${platform}-${arch}`,
    ...(libc === undefined ? [] : [libc]),
    `Node ${node} (Node-API ${napi})`,
  ];
  const why = reason.startsWith('No native build was found')
    ? 'there is no addon for it'
    : clipped(reason.split('\n')[0]!.replace(/\.$/, ''), 1000);
  const loading = `vecgrad's native addon could not be loaded on ${machine.join(', ')}: ${why}. `;
  // --no-addons, or --permission without --allow-addons
  if (reason.includes('loading addons is disabled'))
    return `${loading}Start Node without --no-addons, and with --allow-addons where it has --permission`;
  const prebuilt = prebuilds(root);
  const build = existsSync(join(root, 'tsconfig.json'))
    ? 'npm run build'
    : 'npx vecgrad build (it needs a C++ compiler, make, Python 3 and OpenBLAS)';
  const found = prebuilt.length === 0 ? 'none' : prebuilt.join(', ');
  return `${loading}Prebuilt here: ${found}. Build it with: ${build}`;
}

/** The prebuilt addons in a package, as "linux-x64 (glibc)". */
function prebuilds(root: string): string[] {
  const folder = join(root, 'prebuilds');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((machine) =>
      readdirSync(join(folder, machine)).flatMap((file) => {
        const [, libc] = /\.(glibc|musl)\.node$/.exec(file) ?? [];
        if (libc !== undefined) return `${machine} (${libc})`;
        return file.endsWith('.node') ? machine : [];
      }),
    );
}
