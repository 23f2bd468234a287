/** Files that commands write, and what is said where they cannot. */
import { closeSync, openSync, writeFileSync } from 'node:fs';

export function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Error(`cannot write ${JSON.stringify(path)}: ${reason(error)}`, { cause: error });
  }
}

/** Told before time is spent on what it is to hold; what the file holds already stays until then. */
export function checkWritable(path: string): void {
  try {
    closeSync(openSync(path, 'a'));
  } catch (error) {
    throw new Error(`cannot write ${JSON.stringify(path)}: ${reason(error)}`, { cause: error });
  }
}

export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: 'there is no such file or folder',
    EISDIR: 'it is a directory',
    EACCES: 'permission is denied',
  };
  return known[code ?? ''] ?? message;
}
