/**
 * Prints how many threads the process has more after a run than before, of a function of SIZE x SIZE numbers
 * on at most THREADS threads: `node pool-threads.mjs SIZE THREADS`. A product would load OpenBLAS, which has
 * threads of its own.
 */
import { readdirSync } from 'node:fs';
import { compile } from '../../lib/value/compile.js';
import { parameter } from '../../lib/value/leaves.js';
import { tanh } from '../../lib/graph/ops/unary.js';

const [size, threads] = process.argv.slice(2).map(Number) as [number, number];
const x = parameter(new Float64Array(size ** 2).fill(0.5), { shape: [size, size] });
const program = compile(tanh(x).sum(), { threads });
const count = (): number => readdirSync('/proc/self/task').length;
const before = count();
program.forward({});
console.log(count() - before);
