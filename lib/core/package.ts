/** The package's directory and version, whether it runs from sources, a bundle or an installation. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Manifest {
  name?: unknown;
  version?: unknown;
}

let found: { root: string; version: string } | undefined;

/** The directory of vecgrad's own package.json. */
export function packageRoot(): string {
  return (found ??= find()).root;
}

/** The version in vecgrad's package.json. */
export function packageVersion(): string {
  return (found ??= find()).version;
}

function find(): { root: string; version: string } {
  const start = moduleDirectory();
  for (let directory = start; ;) {
    const manifest = readManifest(join(directory, 'package.json'));
    if (manifest?.name === 'vecgrad') {
      return { root: directory, version: String(manifest.version) };
    }
    const parent = dirname(directory);
    if (parent === directory) {
      throw new Error(
        `vecgrad's own package.json was not found in ${start} or above it: ` +
          'install the package whole, and leave it external when you bundle a program',
      );
    }
    directory = parent;
  }
}

function moduleDirectory(): string {
  // Bundled to CommonJS, `import.meta` is empty and `__dirname` real; in an ES module, the reverse.
  return typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));
}

function readManifest(path: string): Manifest | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Manifest | null;
  } catch {
    return null; // There is no package.json here, or it is not ours: look further up.
  }
}
