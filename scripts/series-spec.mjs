/**
 * Writes the TypeScript types of the objects that native/node/series.def describes:
 * lib/binding/series-spec.ts. Lint fails where that file is out of date; `npm run format` writes it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from './setup.mjs';

const table = 'native/node/series.def';
const written = 'lib/binding/series-spec.ts';

/** @type {Record<string, string>} */
const TYPES = {
  integer: 'number',
  flag: 'boolean',
  int32s: 'Int32Array',
  doubles: 'Float64Array',
  floats: 'TypedArray',
  plan: 'Handle',
};

/** Whether the types are those of the table. @param {{ fix: boolean }} options `fix`: writes them if not */
export async function isSeriesSpecCurrent({ fix }) {
  const path = join(root, written);
  const types = await format(typesOf(readFileSync(join(root, table), 'utf8')), {
    ...(await resolveConfig(path)),
    parser: 'typescript',
  });
  if (readFileSync(path, 'utf8') === types) return true;
  if (fix) writeFileSync(path, types);
  return fix;
}

/** @param {string} rows */
function typesOf(rows) {
  let types = `/** What describes a series to the addon. \`npm run format\` writes it from ${table}. */
    import type { TypedArray } from '../core/array.js';
    import type { Handle } from './handle.js';`;
  const objects = rows.matchAll(/^\/\/ (?<doc>.+)\n(?<properties>(?:[A-Z_]+\(\w+, .+\n)+)/gm);
  const names = [];
  for (const { groups: { doc, properties } = {} } of objects) {
    const name = typeName(/^\w+/.exec(properties ?? '')?.[0] ?? '');
    names.push(name);
    types += `\n\n/** ${doc} */\nexport interface ${name} {`;
    for (const line of (properties ?? '').trimEnd().split('\n')) {
      const row = /^[A-Z_]+\((?:(optional)_)?(\w+), (\w+), [\w.]+\) +\/\/ (.+)$/.exec(line);
      if (!row) throw new Error(`${table}: not a row with a comment: ${line}`);
      const [, optional, kind = '', property, comment] = row;
      const [mark, or] = optional ? ['?', ' | undefined'] : ['', ''];
      types += `\n/** ${sentence(comment ?? '')} */\n${property}${mark}: ${typeOf(kind, names)}${or};`;
    }
    types += '\n}';
  }
  return types;
}

/** @param {string} kind @param {readonly string[]} objects the objects described so far */
function typeOf(kind, objects) {
  if (TYPES[kind]) return TYPES[kind];
  const one = typeName(kind.replace(/s$/, ''));
  if (kind.endsWith('s') && objects.includes(one)) return `${one}[]`;
  const name = typeName(kind);
  if (objects.includes(name)) return name;
  throw new Error(`${table}: there is no kind ${kind}`);
}

/** INDEX_COLUMN or index_column: IndexColumnSpec. @param {string} name */
function typeName(name) {
  return name.toLowerCase().replace(/(?:^|_)(\w)/g, (_, first) => first.toUpperCase()) + 'Spec';
}

/** @param {string} comment */
function sentence(comment) {
  return comment.charAt(0).toUpperCase() + comment.slice(1) + '.';
}
