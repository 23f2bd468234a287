/** Counts the lines of each model's source, for the table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelName } from '../study/models/sizes.js';
import { packageRoot } from '../core/package.js';

/** The build replaces this name by the counts: an installed package has no sources. */
declare const __MODEL_LINES__: Record<ModelName, number> | undefined;

/** The lines of lib/study/models/NAME.ts; NaN where neither the build nor the sources provide them. */
export function modelLines(name: ModelName): number {
  if (typeof __MODEL_LINES__ !== 'undefined') return __MODEL_LINES__[name];
  try {
    const source = readFileSync(join(packageRoot(), 'lib', 'study', 'models', `${name}.ts`), 'utf8');
    return source.trimEnd().split('\n').length;
  } catch {
    return NaN;
  }
}
