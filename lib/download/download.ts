/**
 * A small file fetched over http or https into memory, whole or not at all, from a server that is
 * trusted in nothing: it may be slow, endless, or lead elsewhere.
 */
import { once } from 'node:events';
import {
  request,
  STATUS_CODES,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import * as net from 'node:net';
import { addAbortSignal } from 'node:stream';
import * as tls from 'node:tls';
import { checkOptions, type Known } from '../core/check.js';
import { quoted } from '../core/escape.js';
import { proxyOf, withoutBrackets, type Environment } from './proxy.js';

/** What could not be fetched; its message is one sentence, without passwords. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

export interface DownloadOptions {
  /** Milliseconds for a connection, for an answer to begin, and for each further piece of it (10,000). */
  idle?: number;
  /** Milliseconds for everything (60,000). */
  total?: number;
  /** Where variables name proxies (`process.env`). */
  env?: Environment;
  /** Certificates to trust, in PEM (Node's). */
  ca?: string;
}

const OPTIONS: Known<DownloadOptions> = { idle: true, total: true, env: true, ca: true };

const MOST_REDIRECTS = 5;

/**
 * What is at an http or https address. User and password in it are sent, and so are those in a proxy's.
 *
 * @throws DownloadError where that does not come, in time, whole, and in at most so many bytes
 */
export async function download(
  address: URL,
  mostBytes: number,
  options: DownloadOptions = {},
): Promise<Buffer> {
  checkOptions('download', options, OPTIONS);
  const { idle = 10_000, total = 60_000, env = process.env, ca } = options;
  const watch = new Watch(idle, total);
  const ways = { watch, ca };
  let url = address;
  let proxy: URL | undefined;
  try {
    for (let left = MOST_REDIRECTS; ; left--) {
      proxy = undefined; // in what is said where there is none to be had
      proxy = proxyOf(url, env);
      const response = await answer(url, proxy, ways);
      const next = redirection(response, url);
      if (next === undefined) return await bodyOf(response, mostBytes, watch);
      if (left === 0) throw new Error(`it redirects more than ${MOST_REDIRECTS} times`);
      url = next;
    }
  } catch (error) {
    const through = proxy === undefined ? '' : ` through the proxy ${proxy.host}`;
    const reason = watch.late ?? reasonOf(error);
    throw new DownloadError(`cannot fetch ${shown(url)}${through}: ${reason}`, { cause: error });
  } finally {
    watch.end();
  }
}

/** An address without what may be secret: user and password, and the query. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === '' ? '' : '?...'}`;
}

/** Ends what takes too long: each wait, and all of them together. */
class Watch {
  /** Every connection ends with it. */
  readonly signal: AbortSignal;
  /** What took too long, if anything did. */
  late: string | undefined;
  private readonly controller = new AbortController();
  private readonly timers: readonly [idle: NodeJS.Timeout, total: NodeJS.Timeout];
  private awaited = 'a connection';

  constructor(idle: number, total: number) {
    this.signal = this.controller.signal;
    this.timers = [
      setTimeout(() => this.end(`${seconds(idle)} without ${this.awaited}`), idle),
      setTimeout(() => this.end(`not all of it came in ${seconds(total)}`), total),
    ];
  }

  /** Begins a wait for something else. */
  awaits(what: string): void {
    this.awaited = what;
    this.timers[0].refresh();
  }

  /** Closes what is still open. */
  end(late?: string): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.late ??= late;
    this.controller.abort();
  }
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}

interface Ways {
  watch: Watch;
  ca: string | undefined;
}

/** The answer to a request for `url`, its body still to come. */
async function answer(url: URL, proxy: URL | undefined, ways: Ways): Promise<IncomingMessage> {
  const headers = {
    host: url.host,
    'user-agent': 'vecgrad',
    'accept-encoding': 'identity',
    connection: 'close',
    ...authorization('authorization', url),
  };
  const path = `${url.pathname}${url.search}`;
  if (proxy === undefined) return speak(await connect(url, ways), { path, headers });
  if (url.protocol === 'http:') {
    const more = authorization('proxy-authorization', proxy);
    const socket = await connect(proxy, ways, ' to the proxy');
    return speak(socket, { path: `http://${url.host}${path}`, headers: { ...headers, ...more } });
  }
  return speak(await connect(url, ways, '', await tunnel(url, proxy, ways)), { path, headers });
}

/** A connection to where `place` says, or to it over one that there is. */
async function connect(place: URL, { watch, ca }: Ways, what = '', over?: net.Socket): Promise<net.Socket> {
  const host = withoutBrackets(place.hostname);
  const isTls = place.protocol === 'https:';
  const port = Number(place.port) || (isTls ? 443 : 80);
  watch.awaits(`a connection${what}`);
  const socket = isTls
    ? tls.connect({
        host,
        port,
        socket: over,
        ca,
        servername: net.isIP(host) ? '' : host,
        ALPNProtocols: ['http/1.1'],
      })
    : net.connect({ host, port });
  addAbortSignal(watch.signal, socket);
  await once(socket, isTls ? 'secureConnect' : 'connect');
  watch.awaits('an answer');
  return socket;
}

/** A connection through a proxy that passes on what it does not understand. */
async function tunnel(url: URL, proxy: URL, ways: Ways): Promise<net.Socket> {
  const host = `${url.hostname}:${url.port || 443}`;
  const headers = { host, ...authorization('proxy-authorization', proxy) };
  const connection = await connect(proxy, ways, ' to the proxy');
  ways.watch.awaits('an answer of the proxy');
  const sent = send(connection, { method: 'CONNECT', path: host, headers });
  return new Promise((resolve, reject) => {
    rejects(sent, reject);
    sent.once('connect', (response, socket: net.Socket, rest) => {
      if (response.statusCode === 200 && rest.length === 0) resolve(socket);
      else if (response.statusCode === 200) reject(new Error('the proxy sent more than its answer'));
      else reject(new Error(`the proxy answered ${status(response)}`));
    });
  });
}

function speak(socket: net.Socket, options: RequestOptions): Promise<IncomingMessage> {
  const sent = send(socket, options);
  return new Promise((resolve, reject) => {
    rejects(sent, reject);
    sent.once('response', resolve);
  });
}

function send(socket: net.Socket, options: RequestOptions): ClientRequest {
  return request({ ...options, createConnection: () => socket }).end();
}

/** Where no answer comes, and none will. */
function rejects(sent: ClientRequest, reject: (why: Error) => void): void {
  sent.on('error', reject);
  sent.once('close', () => reject(new Error('the connection was closed without an answer')));
}

/** Where a redirect leads; undefined for another answer. */
function redirection(response: IncomingMessage, url: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(response.statusCode!)) return undefined;
  const { location } = response.headers;
  if (location === undefined) throw new Error(`it answered ${status(response)}, and not where to`);
  if (!URL.canParse(location, url.href)) throw new Error('it redirects to what is no address');
  const next = new URL(location, url);
  if (next.protocol === 'http:' && url.protocol === 'https:')
    throw new Error('it redirects from https to http, where anyone on the way could change it');
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw new Error(`it redirects to an address of ${next.protocol}`);
  return next;
}

async function bodyOf(response: IncomingMessage, mostBytes: number, watch: Watch): Promise<Buffer> {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = response.headers;
  if (response.statusCode !== 200) throw new Error(`it answered ${status(response)}`);
  if (encoding !== 'identity')
    throw new Error(`it came in another encoding (${quoted(encoding, 20)}) than was asked for`);
  const tooMuch = new Error(`it has more than ${mostBytes} bytes`);
  if (Number(length) > mostBytes) throw tooMuch;
  const { socket } = response;
  const pieces: Buffer[] = [];
  let size = 0;
  watch.awaits('its first byte');
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      pieces.push(piece);
      size += piece.length;
      if (size > mostBytes) throw tooMuch;
      watch.awaits(`anything after ${size} bytes`);
    }
    // To Node the end of a connection, of whatever it died, is the end of a body without a length.
    if (socket.errored) throw socket.errored;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    const all = length === undefined ? '' : ` of ${length}`;
    throw new Error(`the connection ended after ${size}${all} bytes`, { cause: error });
  }
  return Buffer.concat(pieces);
}

function authorization(header: string, { username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const both = `${decoded(username)}:${decoded(password)}`;
  return { [header]: `Basic ${Buffer.from(both).toString('base64')}` };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a "%" that stands for itself
  }
}

/** `404 Not Found`, in our words: the server's may be anything. */
function status({ statusCode }: IncomingMessage): string {
  const advice = statusCode === 407 ? ': give user and password as http://USER:PASSWORD@HOST:PORT' : '';
  return `${statusCode} ${STATUS_CODES[statusCode!] ?? ''}`.trimEnd() + advice;
}

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const known = REASONS[code] ?? familyOf(code);
  return known === undefined ? message : `${known} (${code})`;
}

function familyOf(code: string): string | undefined {
  if (code.startsWith('HPE_')) return 'what came is no HTTP';
  return code.startsWith('ERR_SSL_') ? 'what came is no TLS that is known' : undefined;
}

const UNTRUSTED = 'its certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of others to trust';

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  EAI_AGAIN: 'its name could not be looked up',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut off',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  ENOTFOUND: 'there is no such host',
  EPROTO: 'what came is no TLS that is known',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ETIMEDOUT: 'the system waited too long',
  HPE_HEADER_OVERFLOW: 'its headers are too long',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
};
