/** Servers on the loopback that do what they are told, however wrong, and tell what they were asked. */
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { packageRoot } from '../../lib/core/package.js';

/** A certificate for the loopback that signs itself, and its key. */
export const LOCALHOST = readFileSync(join(packageRoot(), 'test/fixtures/localhost.pem'), 'utf8');

/** What a server does when the head of a request has come. */
export type Behaviour = (socket: net.Socket, head: string, origin: string) => void;

export interface Server {
  /** `http://127.0.0.1:1234` */
  origin: string;
  /** The head of each request that came. */
  heads: string[];
  /** The host that each connection over TLS asked for; false where none was named. */
  asked: (string | false | null)[];
  /** Resolves when nobody is connected any more: a client that keeps a connection open is waited for. */
  closed(): Promise<void>;
}

export interface ServerOptions {
  host?: string;
  secure?: boolean;
  /** Done when somebody connects, before any request. */
  atOnce?: (socket: net.Socket) => void;
}

export async function serve(
  behaviour: Behaviour,
  { host = '127.0.0.1', secure = false, atOnce }: ServerOptions = {},
): Promise<Server> {
  const heads: string[] = [];
  const asked: Server['asked'] = [];
  let origin = '';
  const connected = (socket: net.Socket): void => {
    if (socket instanceof tls.TLSSocket) asked.push(socket.servername);
    let head = '';
    socket.on('error', () => undefined); // the client goes when it has seen enough
    socket.on('data', function collect(bytes: Buffer) {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', collect);
      socket.resume(); // so that its end is noticed
      heads.push(head);
      behaviour(socket, head, origin);
    });
    atOnce?.(socket);
  };
  const server = secure
    ? tls.createServer({ key: LOCALHOST, cert: LOCALHOST }, connected)
    : net.createServer(connected);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  origin = `http${secure ? 's' : ''}://${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
  const closed = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  return { origin, heads, asked, closed };
}

/** A port that nobody listens to. */
export async function closedPort(): Promise<string> {
  const server = await serve(() => undefined);
  await server.closed();
  return server.origin;
}

/** An answer that is as it should be, but for what is asked for. */
export function answer(
  body: string,
  { status = '200 OK', length = Buffer.byteLength(body), more = '' } = {},
): Behaviour {
  return (socket) => {
    socket.end(`HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\n${more}\r\n${body}`);
  };
}

/** Writes these bytes one by one, and again, a moment apart, until nobody listens. */
export function drip(socket: net.Socket, text: string): void {
  let i = 0;
  const timer = setInterval(() => socket.write(text[i++ % text.length]!), 10);
  socket.on('close', () => clearInterval(timer));
}

/** Writes a text, and resets the connection when the client, which runs in this process, has read it. */
export function reset(socket: net.Socket, text: string): void {
  socket.write(text, () => {
    let turns = 0;
    const later = (): unknown => (turns++ < 5 ? setImmediate(later) : socket.resetAndDestroy());
    later();
  });
}

/** Writes a text again and again, as fast as it is read. */
export function pour(socket: net.Socket, text: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on('drain', more);
  more();
}

/**
 * A proxy that passes requests on, in absolute form and through CONNECT, to wherever `to` is.
 *
 * @param login "user:password" that it asks for
 */
export function passOn(to: () => string, login?: string): Behaviour {
  return (socket, head) => {
    const authorized =
      login === undefined ||
      head.includes(`\r\nproxy-authorization: Basic ${Buffer.from(login).toString('base64')}\r\n`);
    if (!authorized) {
      answer('', { status: '407 Proxy Authentication Required' })(socket, head, '');
      return;
    }
    const { hostname, port } = new URL(to());
    const onward = net.connect(Number(port), hostname);
    onward.on('error', () => socket.destroy());
    onward.on('close', () => socket.resume()); // so that its end is noticed
    socket.on('close', () => onward.destroy());
    if (head.startsWith('CONNECT ')) socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    else onward.write(head.replace(/^GET http:\/\/[^/]*/, 'GET '));
    socket.pipe(onward).pipe(socket);
  };
}
