/** A folder, servers and downloads for each test of fetching, and what a test says of them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DownloadError, type DownloadOptions } from '../../lib/download/download.js';
import { obtainNames, type NamesOptions, type ObtainedNames } from '../../lib/download/names.js';
import { answer, LOCALHOST, serve, type Behaviour, type Server, type ServerOptions } from './misbehaving.js';

export const LIST = 'anna\nbob\n\ncarla\n';
export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
export const SHA256 = sha256Of(LIST);
export const OK = `HTTP/1.1 200 OK\r\ncontent-length: ${LIST.length}\r\n\r\n`;
export const LOGIN = 'some%20one:s3cret';
export const BASIC = Buffer.from('some one:s3cret').toString('base64');

export const redirect = (to: string, status = '302 Found'): Behaviour =>
  answer('', { status, more: `location: ${to}\r\n` });
export const nothing: Behaviour = () => undefined;

/** What is got without waiting long, and what is not. */
export const SOON = { idle: 500 };

export interface Fetching {
  /** The folder of the test. */
  folder: () => string;
  /** The list's file in it. */
  path: () => string;
  /** Starts a server that is closed when the test ends. */
  started: (behaviour: Behaviour, options?: ServerOptions) => Promise<Server>;
  obtain: (url: string, how?: DownloadOptions, options?: Partial<NamesOptions>) => Promise<ObtainedNames>;
  fails: (url: string, says: RegExp, limits?: DownloadOptions) => Promise<void>;
  works: (url: string, limits?: DownloadOptions) => Promise<void>;
}

/** To be called in a `describe`, whose tests then have it. */
export function fetching(): Fetching {
  let folder = '';
  let servers: Server[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vecgrad-download-'));
    servers = [];
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await Promise.all(servers.map((server) => server.closed()));
  });

  const path = (): string => join(folder, 'names.txt');
  const started = async (behaviour: Behaviour, options?: ServerOptions): Promise<Server> => {
    const server = await serve(behaviour, options);
    servers.push(server);
    return server;
  };
  const obtain = (
    url: string,
    { env = {}, ...limits }: DownloadOptions = {},
    options: Partial<NamesOptions> = {},
  ): Promise<ObtainedNames> =>
    obtainNames(
      { out: path(), url: new URL(url), sha256: SHA256, force: true, ...options },
      { ca: LOCALHOST, env, ...limits },
    );

  /** The download fails with that one sentence; the file that was there is whole, and nothing beside it. */
  const fails = async (url: string, says: RegExp, limits?: DownloadOptions): Promise<void> => {
    writeFileSync(path(), 'earlier');
    await assert.rejects(obtain(url, limits), (error: Error) => {
      assert.match(error.message, says);
      assert.match(error.message, /^(cannot fetch|what came from) https?:\/\/[^\n]+$/);
      assert.doesNotMatch(error.message, /s3cret|someone|some one|some%20one/);
      assert.equal(error instanceof DownloadError, error.message.startsWith('cannot fetch'));
      return true;
    });
    assert.deepEqual([readdirSync(folder), readFileSync(path(), 'utf8')], [['names.txt'], 'earlier']);
  };

  /** The list is fetched, and alone in its folder. */
  const works = async (url: string, limits?: DownloadOptions): Promise<void> => {
    const { names, from } = await obtain(url, limits);
    assert.equal(names, 3);
    assert.match(from!, /^https?:\/\/[^@]*$/);
    assert.deepEqual([readdirSync(folder), readFileSync(path(), 'utf8')], [['names.txt'], LIST]);
  };

  return { folder: () => folder, path, started, obtain, fails, works };
}
