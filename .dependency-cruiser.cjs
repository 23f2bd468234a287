// Which folder may import which: `npm run lint` refuses a circle of files and an arrow up.

/** The folders of lib/, lowest first. A folder imports from itself and from those before it. */
const LAYERS = [
  'core',
  'binding',
  'graph',
  'compiler',
  'runtime',
  'value',
  'optim',
  'nn',
  'weights',
  'study',
  'download',
  'terminal',
  'bench',
  'cli',
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'only-index-at-the-top', severity: 'error', from: {}, to: { path: '^lib/(?!index)[^/]+\\.ts$' } },
    ...LAYERS.slice(0, -1).map((layer, i) => ({
      name: `${layer}-imports-nothing-above`,
      severity: /** @type {const} */ ('error'),
      from: { path: `^lib/${layer}/` },
      to: { path: `^lib/(${LAYERS.slice(i + 1).join('|')}|index\\.ts)` },
    })),
  ],
  options: {
    // Imports of types count too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
