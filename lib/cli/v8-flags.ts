/** Flags of V8 for processes that end before optimised code would pay. */
import { setFlagsFromString } from 'node:v8';

/**
 * By V8 version, flags that make V8 optimise functions about ten times later. V8's thresholds are made for
 * long-running code: in a run of a tenth of a second it would optimise many of the compiler's loops for
 * nothing. In Node 20 the young generation grows faster too: nearly all of a large graph survives, and is
 * copied each time that it is full.
 *
 * V8 prints an error for an unknown flag, and it lists the flags it knows only in a process that takes as
 * long as a training. So only the versions of Node 20, 22, 24 and 26 are listed, which are tested
 * (scripts/test-nodes.mjs); any other keeps its own thresholds.
 */
const LATER = [
  '--invocation-count-for-maglev=4000',
  '--invocation-count-for-maglev-osr=1000',
  '--invocation-count-for-turbofan=30000',
  '--invocation-count-for-osr=5000',
];
const FLAGS: Record<string, readonly string[]> = {
  '11.3': ['--interrupt-budget=600000', '--semi-space-growth-factor=4'],
  '12.4': LATER,
  '13.6': LATER,
  '14.6': LATER,
};

/** Bun and Deno report a V8 version too, but have no V8, or their own. */
export const isNode = !('bun' in process.versions || 'deno' in process.versions);

/** To be called before the code that is to be optimised later is loaded. */
export function setFlags(): void {
  const version = /^\d+\.\d+/.exec(process.versions.v8)?.[0] ?? '';
  if (isNode) for (const flag of FLAGS[version] ?? []) setFlagsFromString(flag);
}
