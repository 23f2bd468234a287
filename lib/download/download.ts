/**
 * Downloads a small file over http or https into memory, completely or not at all. The server is not trusted:
 * it may stall, send without end, or redirect elsewhere. docs/design.md says why no library does it.
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

/** A download failed; the message is one sentence and contains no password. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

export interface DownloadOptions {
  /** Milliseconds to wait for a connection, for the response to begin, and for each next chunk (10,000). */
  idle?: number;
  /** Milliseconds for the whole download (60,000). */
  total?: number;
  /** The environment variables that may name proxies (`process.env`). */
  env?: Environment;
  /** The certificates to trust, in PEM (those of Node). */
  ca?: string;
}

const OPTIONS: Known<DownloadOptions> = { idle: true, total: true, env: true, ca: true };

const MAX_REDIRECTS = 5;

/**
 * Downloads an http or https address. A user and password in it are sent, and so are those in the proxy's
 * address.
 *
 * @throws DownloadError when the response is late, incomplete, or has more than `maxBytes` bytes
 */
export async function download(
  address: URL,
  maxBytes: number,
  options: DownloadOptions = {},
): Promise<Buffer> {
  checkOptions('download', options, OPTIONS);
  const { idle = 10_000, total = 60_000, env = process.env, ca } = options;
  const watch = new Watch(idle, total);
  const context = { watch, ca };
  let url = address;
  let proxy: URL | undefined;
  try {
    for (let left = MAX_REDIRECTS; ; left--) {
      proxy = undefined; // so that an error of proxyOf does not name the previous proxy
      proxy = proxyOf(url, env);
      const response = await answer(url, proxy, context);
      const next = redirection(response, url);
      if (next === undefined) return await bodyOf(response, maxBytes, watch);
      if (left === 0) throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
      url = next;
    }
  } catch (error) {
    const through = proxy === undefined ? '' : ` through the proxy ${proxy.host}`;
    const reason = watch.late ?? networkReason(error);
    throw new DownloadError(`cannot fetch ${shownUrl(url)}${through}: ${reason}`, { cause: error });
  } finally {
    watch.end();
  }
}

/** An address without its user, password and query, which may be secret. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === '' ? '' : '?...'}`;
}

/** Two time limits, one for each wait and one for the whole download; either aborts it. */
class Watch {
  /** Aborted when a limit has passed or the download is over; closes every connection. */
  readonly signal: AbortSignal;
  /** Which limit has passed, if one has. */
  late: string | undefined;
  private readonly controller = new AbortController();
  private readonly timers: readonly [idle: NodeJS.Timeout, total: NodeJS.Timeout];
  private awaited = 'a connection';

  constructor(idle: number, total: number) {
    this.signal = this.controller.signal;
    this.timers = [
      setTimeout(() => this.end(`${seconds(idle)} without ${this.awaited}`), idle),
      setTimeout(() => this.end(`it was not complete after ${seconds(total)}`), total),
    ];
  }

  /** Restarts the limit of a single wait; `what` is named in the error. */
  awaits(what: string): void {
    this.awaited = what;
    this.timers[0].refresh();
  }

  /** Stops the timers and closes the open connections. */
  end(late?: string): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.late ??= late;
    this.controller.abort();
  }
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000} s`;
}

interface Context {
  watch: Watch;
  ca: string | undefined;
}

/** Requests `url` and returns the response as soon as its headers have arrived. */
async function answer(url: URL, proxy: URL | undefined, context: Context): Promise<IncomingMessage> {
  const headers = {
    host: url.host,
    'user-agent': 'vecgrad',
    'accept-encoding': 'identity',
    connection: 'close',
    ...authorization('authorization', url),
  };
  const path = `${url.pathname}${url.search}`;
  if (proxy === undefined) return speak(await connect(url, context), { path, headers });
  if (url.protocol === 'http:') {
    const more = authorization('proxy-authorization', proxy);
    const socket = await connect(proxy, context, ' to the proxy');
    return speak(socket, { path: `http://${url.host}${path}`, headers: { ...headers, ...more } });
  }
  return speak(await connect(url, context, '', await tunnel(url, proxy, context)), { path, headers });
}

/** Connects to the host of `place`, with TLS for https; over the socket `over` if there is one (a tunnel). */
async function connect(
  place: URL,
  { watch, ca }: Context,
  what = '',
  over?: net.Socket,
): Promise<net.Socket> {
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
  watch.awaits('a response');
  return socket;
}

/** Opens a tunnel through a proxy (CONNECT). */
async function tunnel(url: URL, proxy: URL, context: Context): Promise<net.Socket> {
  const host = `${url.hostname}:${url.port || 443}`;
  const headers = { host, ...authorization('proxy-authorization', proxy) };
  const connection = await connect(proxy, context, ' to the proxy');
  context.watch.awaits('a response of the proxy');
  const sent = send(connection, { method: 'CONNECT', path: host, headers });
  return new Promise((resolve, reject) => {
    rejects(sent, reject);
    sent.once('connect', (response, socket: net.Socket, rest) => {
      if (response.statusCode === 200 && rest.length === 0) resolve(socket);
      else if (response.statusCode === 200) reject(new Error('the proxy sent data after its response'));
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

/** Rejects when the request fails or its connection closes without a response. */
function rejects(sent: ClientRequest, reject: (why: Error) => void): void {
  sent.on('error', reject);
  sent.once('close', () => reject(new Error('the connection was closed without a response')));
}

/** The address that a redirect names; undefined when the response is no redirect. */
function redirection(response: IncomingMessage, url: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(response.statusCode!)) return undefined;
  const { location } = response.headers;
  if (location === undefined) throw new Error(`it answered ${status(response)} without a location`);
  if (!URL.canParse(location, url.href)) throw new Error('it redirects to an invalid address');
  const next = new URL(location, url);
  if (next.protocol === 'http:' && url.protocol === 'https:')
    throw new Error('it redirects from https to http, which is not secure');
  if (next.protocol !== 'http:' && next.protocol !== 'https:')
    throw new Error(`it redirects to an address of ${next.protocol}`);
  return next;
}

async function bodyOf(response: IncomingMessage, maxBytes: number, watch: Watch): Promise<Buffer> {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = response.headers;
  if (response.statusCode !== 200) throw new Error(`it answered ${status(response)}`);
  if (encoding !== 'identity')
    throw new Error(`it has the content encoding ${quoted(encoding, 20)}, which was not asked for`);
  const tooMuch = new Error(`it has more than ${maxBytes} bytes`);
  if (Number(length) > maxBytes) throw tooMuch;
  const { socket } = response;
  const pieces: Buffer[] = [];
  let size = 0;
  watch.awaits('its first byte');
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      pieces.push(piece);
      size += piece.length;
      if (size > maxBytes) throw tooMuch;
      watch.awaits(`anything after ${size} bytes`);
    }
    // Without a content-length, Node takes any end of the connection for the end of the body, a reset too.
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
    return text; // a literal "%"
  }
}

/** `404 Not Found`, with the standard reason phrase: the server's own is not trusted. */
function status({ statusCode }: IncomingMessage): string {
  const advice = statusCode === 407 ? ': give user and password as http://USER:PASSWORD@HOST:PORT' : '';
  return `${statusCode} ${STATUS_CODES[statusCode!] ?? ''}`.trimEnd() + advice;
}

/** Why the network gave no answer, with the system's own name of it. */
function networkReason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const known = REASONS[code] ?? familyOf(code);
  return known === undefined ? message : `${known} (${code})`;
}

function familyOf(code: string): string | undefined {
  if (code.startsWith('HPE_')) return 'the response is not HTTP';
  return code.startsWith('ERR_SSL_') ? 'the TLS handshake failed' : undefined;
}

const UNTRUSTED = 'its certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of others to trust';

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  EAI_AGAIN: 'its name could not be resolved',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
  ENOTFOUND: 'there is no such host',
  EPROTO: 'the TLS handshake failed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ETIMEDOUT: 'the connection timed out',
  HPE_HEADER_OVERFLOW: 'its headers are too long',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
};
