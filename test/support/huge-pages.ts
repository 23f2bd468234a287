/**
 * Prints how many more mappings of the process are marked for pages of 2 MB with an array of SIZE numbers of
 * type DTYPE than before it: `node huge-pages.mjs DTYPE SIZE`.
 */
import { readFileSync } from 'node:fs';
import type { DType } from '../../lib/core/array.js';
import { allocateAligned } from '../../lib/runtime/arena.js';

const [dtype, size] = process.argv.slice(2) as [DType, string];
const marked = (): number =>
  readFileSync('/proc/self/smaps', 'utf8').match(/^VmFlags:.* hg\b/gm)?.length ?? 0;
const before = marked();
const array = allocateAligned(dtype, Number(size));
console.log(marked() - before);
array.fill(1); // it is alive until here
