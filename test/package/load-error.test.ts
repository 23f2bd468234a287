import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { missingAddon, thisHost, type Host } from '../../lib/binding/load-error.js';
import { pattern } from '../support/pattern.js';

const glibc: Host = { platform: 'linux', arch: 'x64', libc: 'glibc 2.36', node: 'v20.20.2', napi: '9' };
const NONE = 'No native build was found for platform=linux arch=x64 runtime=node\n    loaded from: .';

interface Row {
  what: string;
  host: Partial<Host>;
  /** The files of the package. */
  files: string[];
  reason: string;
  says: RegExp[];
}

const rows: Row[] = [
  {
    what: 'another platform',
    host: { platform: 'darwin', arch: 'arm64', libc: undefined },
    files: ['prebuilds/linux-x64/vecgrad.glibc.node', 'prebuilds/linux-x64/vecgrad_openblas.so'],
    reason: NONE,
    says: [
      /on darwin-arm64, Node v20\.20\.2 \(Node-API 9\): there is no addon for it\./,
      /Prebuilt here: linux-x64 \(glibc\)\./,
    ],
  },
  {
    what: 'musl',
    host: { libc: 'musl' },
    files: ['prebuilds/linux-x64/vecgrad.glibc.node', 'prebuilds/linux-arm64/vecgrad.glibc.node'],
    reason: NONE,
    says: [
      /on linux-x64, musl, Node v20\.20\.2 /,
      pattern(
        /Prebuilt here: linux-arm64 \(glibc\), linux-x64 \(glibc\)\. Build it with: /,
        /npx vecgrad build \(it needs a C\+\+ compiler, make, Python 3 and OpenBLAS/,
      ),
    ],
  },
  {
    what: 'an older C library',
    host: { libc: 'glibc 2.31' },
    files: ['prebuilds/linux-x64/vecgrad.glibc.node'],
    reason: "libc.so.6: version `GLIBC_2.34' not found (required by vecgrad.glibc.node)\nmore",
    says: [
      pattern(
        /glibc 2\.31, .*: libc\.so\.6: version `GLIBC_2\.34' not found \(required by /,
        /vecgrad\.glibc\.node\)\. Prebuilt/,
      ),
    ],
  },
  {
    what: 'a package without prebuilds',
    host: {},
    files: [],
    reason: NONE,
    says: [/on linux-x64, glibc 2\.36, Node/, /Prebuilt here: none\. Build it with: npx vecgrad build /],
  },
  {
    what: 'a Node that loads no addons',
    host: {},
    files: ['prebuilds/linux-x64/vecgrad.glibc.node'],
    reason: 'Cannot load native addon because loading addons is disabled.',
    says: [
      pattern(
        /\(Node-API 9\): Cannot load native addon because loading addons is disabled\. /,
        /Start Node without --no-addons, and with --allow-addons where it has --permission$/,
      ),
    ],
  },
  {
    what: 'a checkout',
    host: {},
    files: ['tsconfig.json'],
    reason: NONE,
    says: [/Build it with: npm run build$/],
  },
];

describe('the message for an addon that does not load', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-missing-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  rows.forEach(({ what, host, files, reason, says }, i) => {
    it(what, () => {
      const root = join(folder, String(i));
      for (const file of files) {
        mkdirSync(join(root, dirname(file)), { recursive: true });
        writeFileSync(join(root, file), '');
      }
      const message = missingAddon(root, reason, { ...glibc, ...host });
      for (const pattern of says) assert.match(message, pattern);
      assert.doesNotMatch(message, /\n/);
    });
  });

  it('knows this machine', () => {
    const { platform, arch, libc, node } = thisHost();
    assert.deepEqual([platform, arch, node], [process.platform, process.arch, process.version]);
    if (process.platform === 'linux') assert.match(libc ?? '', /^(glibc \d+\.\d+|musl)/);
    else assert.equal(libc, undefined);
  });
});
