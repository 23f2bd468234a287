/** All files that mean harm: those of the other two tables, and what is no file or soon another one. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { type Row, PATHS } from './file-of.js';
import { FORMAT, STRANGE } from './format-files.js';
import { saveGood, MODELS, CHECKPOINTS } from './model-files.js';

const noFile = (what: string, make: Row['make'], message: RegExp, path?: string): Row => ({
  what,
  make,
  said: Object.fromEntries(PATHS.map((way) => [way, new RegExp(`^WeightsError: ${message.source}$`)])),
  ...(path !== undefined && { path }),
});
const nothing = (): void => undefined;
const PLACES: readonly Row[] = [
  noFile(
    '/dev/zero',
    nothing,
    /cannot read "\/dev\/zero": it is a device: give the name of a file/,
    '/dev/zero',
  ),
  noFile(
    '/dev/full',
    nothing,
    /cannot read "\/dev\/full": it is a device: give the name of a file/,
    '/dev/full',
  ),
  noFile(
    'a pipe that nobody writes to',
    (path) => execFileSync('mkfifo', [path]),
    /cannot read ".*": it is a pipe: give the name of a file/,
  ),
  noFile(
    'a folder',
    (path) => mkdirSync(path),
    /cannot read ".*": it is a directory: give the name of a file/,
  ),
  noFile(
    'links in a circle',
    (path) => symlinkSync(path, path),
    /cannot read ".*": its symbolic links form a loop \(ELOOP\)/,
  ),
  noFile(
    'a link to nothing',
    (path) => symlinkSync(`${path}.gone`, path),
    /cannot read ".*": it is a link to ".*\.gone", which does not exist \(ENOENT\)/,
  ),
  noFile('no file', nothing, /cannot read ".*": there is no such file or folder \(ENOENT\)/),
  noFile(
    'a folder that is a file',
    nothing,
    /cannot read ".*": part of its path is a file, not a directory \(ENOTDIR\)/,
    '/dev/null/x',
  ),
  noFile(
    'a name of two lines that is too long',
    nothing,
    /cannot read "x\\nx.*": the name is too long \(ENAMETOOLONG\)/,
    'x\n'.repeat(200),
  ),
  noFile(
    'a name with a NUL',
    nothing,
    /cannot read "a\\u\{0\}b": a path cannot contain a NUL character: give the name of a file without one/,
    'a\0b',
  ),
];

const TRICKS: readonly Row[] = [
  { what: 'a good file', make: saveGood, said: { model: /^loaded rnn$/, checkpoint: /^loaded 1 losses$/ } },
  {
    what: 'a file that is cut while it is read',
    make: saveGood,
    trick: 'it is cut',
    said: {
      model: /^WeightsError: ".*" was truncated while it was read$/,
      checkpoint: /^WeightsError: ".*" was truncated while it was read$/,
    },
  },
  {
    what: 'a file whose place a pipe takes when it is found',
    make: saveGood,
    trick: 'a pipe takes its place',
    said: { model: /^WeightsError: cannot read ".*": it is a pipe: give the name of a file$/ },
  },
  {
    what: 'a file whose place another takes while it is read',
    make: saveGood,
    trick: 'another file takes its place',
    said: { model: /^loaded rnn$/ },
  },
];

export const ROWS: readonly Row[] = [...FORMAT, ...STRANGE, ...MODELS, ...CHECKPOINTS, ...PLACES, ...TRICKS];
