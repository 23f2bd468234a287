/** Large work on several threads: the same bits on any number of them, and threads are used. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { addon } from '../../lib/binding/addon.js';
import * as fn from '../../lib/index.js';
import { Adam, AdamW, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import { index, parameter } from '../../lib/value/leaves.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import type { Value } from '../../lib/value/value.js';
import { bundled } from '../support/bundled.js';
import { sampled } from '../support/targets.js';

/** A parameter of numbers between -1 and 1 that look random. */
function made(...shape: number[]): Value {
  const size = shape.reduce((product, n) => product * n, 1);
  const numbers = Float64Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + 78.233 * (i % 97)));
  return parameter(numbers, { shape });
}

const sgd = new SGD({ learningRate: 0.01, momentum: 0.9 });
const clipped = new AdamW({ learningRate: 0.01, weightDecay: 0.1, clipGlobalNorm: 0.5 });

/** Programs that spread work of each kind: those of losses, with their gradients and updates. */
const ROWS: [what: string, build: () => { loss: Value; parameters: Value[] }, optimizer?: Optimizer][] = [
  [
    'products, their gradients, relu, sums of rows and columns',
    () => {
      const [x, w, v] = [made(301, 200), made(200, 389), made(389)];
      return { loss: x.matmul(w).add(v).relu().sum(0).pow(2).mean(), parameters: [x, w, v] };
    },
  ],
  [
    'products of one row',
    () => {
      const [x, w] = [made(1, 1100), made(1100, 1037)];
      return { loss: fn.tanh(x.matmul(w)).pow(2).sum(), parameters: [x, w] };
    },
  ],
  [
    'products of many terms, which have a single row behind the last block',
    () => {
      const [x, w, v] = [made(129, 3301), made(3301, 15), made(3301, 15)];
      const tall = x.matmul(fn.tanh(w)).add(x.matmul(v)).relu();
      return { loss: tall.pow(2).mean(), parameters: [x, w, v] };
    },
  ],
  [
    'updates by products of many terms',
    () => {
      const [x, w] = [made(1201, 193), made(193, 21)];
      // Not the mean: gradients must be large enough for their last bits to show in the parameters.
      return { loss: fn.tanh(x.sin().matmul(w)).pow(2).sum(), parameters: [x, w] };
    },
  ],
  [
    'sums of many rows, and of rows of a table that are often chosen',
    () => {
      const [x, table] = [made(2003, 389), made(400, 1301)];
      const chosen = fn.embedding(table, index('tokens', 500));
      return {
        loss: x
          .sum(0)
          .pow(2)
          .mean()
          .add(chosen.pow(2).mean())
          .add(x.add(made(389)).pow(2).mean()),
        parameters: [x, table],
      };
    },
  ],
  [
    'products that are large enough for OpenBLAS',
    () => {
      const [x, w] = [made(520, 515), made(515, 530)];
      return { loss: x.matmul(w).pow(2).mean(), parameters: [x, w] };
    },
  ],
  [
    'softmax, logSoftmax and norms of rows',
    () => {
      const x = made(333, 257);
      const parts = [x.softmax(), fn.logSoftmax(x), x.rmsNorm(), fn.layerNorm(x)];
      return { loss: parts.map((part) => part.pow(2).sum()).reduce((a, b) => a.add(b)), parameters: [x] };
    },
    new Adam({ learningRate: 0.01 }),
  ],
  [
    'softmax, logSoftmax and maxima of columns',
    () => {
      const x = made(257, 1031);
      const parts = [x.softmax(0), fn.logSoftmax(x, 0), x.max(0), x.reshape([257, 1031, 1]).min(0)];
      return { loss: parts.map((part) => part.pow(2).sum()).reduce((a, b) => a.add(b)), parameters: [x] };
    },
    new Adam({ learningRate: 0.01 }),
  ],
  [
    'the loss of a classifier over rows of a table',
    () => {
      const [table, w] = [made(400, 130), made(130, 300)];
      const logits = fn.embedding(table, index('tokens', 500)).matmul(w);
      return { loss: logits.crossEntropy(index('targets', 500)).mean(), parameters: [table, w] };
    },
  ],
  [
    'functions by element, of kernels and plain, with broadcasts',
    () => {
      const [x, row, column] = [made(410, 300), made(300), made(410, 1)];
      const sum = fn.exp(x).add(row).mul(column).sub(fn.sigmoid(x)).maximum(row).div(x.mul(x).add(1));
      const more = fn.softplus(x).add(x.abs().add(0.5).pow(row)).add(x.mod(0.3)).add(fn.tan(row));
      return { loss: fn.gelu(sum).add(more).pow(2).mean(), parameters: [x, row, column] };
    },
    clipped,
  ],
  [
    'one long row',
    () => {
      const x = made(90_001);
      return { loss: fn.tanh(x).mul(fn.expm1(x)).sum(), parameters: [x] };
    },
    clipped,
  ],
  [
    'convolutions and pools of many images',
    () => {
      const [x, w, v] = [made(24, 3, 20, 20), made(16, 3, 3, 3), made(16, 6, 3, 3)];
      const one = x.conv2d(w, { padding: 1 }).relu();
      const pooled = one.maxPool2d(2).add(one.avgPool2d(2));
      const up = pooled.convTranspose2d(v, { stride: 2, padding: 1 });
      return { loss: up.pow(2).mean().add(pooled.pow(2).mean()), parameters: [x, w, v] };
    },
  ],
  [
    'a convolution of one large image, and of its channels one by one',
    () => {
      const [x, w, v] = [made(1, 24, 70, 60), made(24, 24, 3, 3), made(24, 1, 5, 5)];
      const y = x.conv2d(w, { padding: 1 }).add(x.conv2d(v, { padding: 2, groups: 24 }));
      return { loss: fn.tanh(y).pow(2).mean(), parameters: [x, w, v] };
    },
  ],
  [
    'products of heads, transposed, with dropout, maxima and running sums',
    () => {
      const x = made(150, 256);
      const heads = x.reshape([150, 8, 32]).transpose([1, 0, 2]);
      const mixed = heads
        .matmul(heads.transpose([0, 2, 1]))
        .softmax()
        .matmul(heads);
      const all = mixed.dropout(0.3, 7).transpose([1, 0, 2]).reshape([150, 256]);
      return { loss: all.max(0).add(all.cumsum(0).sum(0)).pow(2).mean(), parameters: [x] };
    },
  ],
];

describe('the number of threads changes no bit of large work:', () => {
  ROWS.forEach(([what, build, optimizer = sgd], turn) =>
    describe(what, () => {
      for (const target of sampled(turn))
        it(`${target.isa}, ${target.dtype}`, () => {
          const trained = (threads: number): number[] => {
            const { loss, parameters } = build();
            const training = optimizer.minimize(loss, { ...target, threads });
            const tokens = Array.from({ length: 500 }, (_, i) => (i * i) % 300);
            const classified = what.includes('classifier') && { targets: [...tokens].reverse() };
            const feeds: Feeds = what.includes('table') ? { tokens, ...classified } : {};
            const losses = [0, 1].map(() => training.step(feeds));
            return [...losses, ...parameters.flatMap(({ data }) => Array.from(data))];
          };
          const expected = trained(1);
          assert.ok(expected.every(Number.isFinite));
          for (const threads of [2, 3, 8]) assert.deepEqual(trained(threads), expected, `${threads} threads`);
        });
    }),
  );
});

describe('threads of the pool', () => {
  const rows: [what: string, size: number, threads: number, isUsed: boolean][] = [
    ['are made for large work', 400, 2, true],
    ['are not made for small work', 8, 2, false],
    ['are not made where one is allowed', 400, 1, false],
  ];
  const canUse = process.platform === 'linux' && addon.processors('') > 1;
  for (const [what, size, threads, isUsed] of rows)
    (canUse ? it : it.skip)(what, () => {
      const args = [bundled('pool-threads.ts'), String(size), String(threads)];
      const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      assert.equal(stderr, '');
      assert.equal(Number(stdout) > 0, isUsed, stdout);
    });
});
