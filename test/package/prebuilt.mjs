// Trains a small model and multiplies large matrices with the installed package, and prints the losses
// and what of the package was loaded for either.
import assert from 'node:assert/strict';
import { IsaError, kernels, nativeInfo, runExperiment } from 'vecgrad';

const docs = ['ada', 'bea', 'cleo', 'dora', 'eva', 'fay', 'gina', 'hedda', 'ida', 'jana', 'kira'];
const { losses } = runExperiment('rnn', { docs, steps: 20, samples: 1 });
const trained = libraries();

// Row i is i + 1 times the sums of b's columns.
const n = 256;
const a = Float64Array.from({ length: n * n }, (_, at) => Math.floor(at / n) + 1);
const b = Float64Array.from({ length: n * n }, (_, at) => (at % 7) - 2);
const sums = Array.from({ length: n }, (_, column) => {
  let sum = 0;
  for (let row = 0; row < n; row++) sum += b[row * n + column];
  return sum;
});
const product = multiplied();
assert.deepEqual(
  product,
  Float64Array.from(a, (factor, at) => factor * sums[at % n]),
);
const multiplying = libraries();
const { isas, openblas } = nativeInfo(); // only now: it loads OpenBLAS
console.log(JSON.stringify({ losses, trained, multiplying, chosen: isas.chosen, openblas }));

/** OpenBLAS gets products of this size from every instruction set but AVX-512. */
function multiplied() {
  const sizes = { m: n, n, k: n };
  try {
    return kernels.matmul(a, b, { ...sizes, isa: 'avx2' });
  } catch (error) {
    if (!(error instanceof IsaError)) throw error;
    return kernels.matmul(a, b, sizes);
  }
}

/** What is loaded of vecgrad, and of any BLAS. */
function libraries() {
  const { sharedObjects } = process.report.getReport();
  return sharedObjects.filter((path) => /vecgrad|blas/.test(path));
}
