/** How long each model's source is: a column of the table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelName } from '../study/models/sizes.js';
import { packageRoot } from '../core/package.js';

/** Put in place of the name by the build: an installed package has no sources to count. */
declare const __MODEL_LINES__: Record<ModelName, number> | undefined;

/** The lines of lib/study/models/NAME.ts, or NaN where neither the build nor the sources tell. */
export function modelLines(name: ModelName): number {
  if (typeof __MODEL_LINES__ !== 'undefined') return __MODEL_LINES__[name];
  try {
    const source = readFileSync(join(packageRoot(), 'lib', 'study', 'models', `${name}.ts`), 'utf8');
    return source.trimEnd().split('\n').length;
  } catch {
    return NaN;
  }
}
