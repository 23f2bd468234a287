/** The download of names, from servers and through proxies that misbehave in every way. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DownloadError, type DownloadOptions } from '../../lib/download/download.js';
import { obtainNames, type NamesOptions, type ObtainedNames } from '../../lib/download/names.js';
import { proxyOf, type Environment } from '../../lib/download/proxy.js';
import {
  answer,
  closedPort,
  drip,
  LOCALHOST,
  passOn,
  pour,
  serve,
  type Behaviour,
  type Server,
  type ServerOptions,
} from '../support/misbehaving.js';

const LIST = 'anna\nbob\n\ncarla\n';
const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
const SHA256 = sha256Of(LIST);
const OK = `HTTP/1.1 200 OK\r\ncontent-length: ${LIST.length}\r\n\r\n`;
const LOGIN = 'some%20one:s3cret';
const BASIC = Buffer.from('some one:s3cret').toString('base64');

const redirect = (to: string, status = '302 Found'): Behaviour =>
  answer('', { status, more: `location: ${to}\r\n` });
const nothing: Behaviour = () => undefined;

/** What is got without waiting long, and what is not. */
const SOON = { idle: 500 };

describe('vecgrad data names, fetching', () => {
  let folder: string;
  let servers: Server[];
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

  describe('fails, and leaves the earlier file whole and no connection open,', () => {
    const rows: [
      what: string,
      behaviour: Behaviour,
      says: RegExp,
      how?: DownloadOptions & ServerOptions & { at?: string },
    ][] = [
      ['where no answer begins', nothing, /: 0\.5 s without a response$/, SOON],
      [
        'where the headers come a byte at a time',
        (socket) => drip(socket, `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(10_000)}`),
        /: 0\.5 s without a response$/,
        SOON,
      ],
      [
        'where only beginnings of answers come',
        (socket) => drip(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
        /: 0\.5 s without a response$/,
        SOON,
      ],
      [
        'where the body does not begin',
        (socket) => socket.write(OK),
        /: 0\.5 s without its first byte$/,
        SOON,
      ],
      [
        'where the body stalls midway',
        (socket) => socket.write(`${OK}anna\n`),
        /: 0\.5 s without anything after 5 bytes$/,
        SOON,
      ],
      [
        'where the body comes a byte at a time',
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          drip(socket, LIST);
        },
        /: it was not complete after 0\.5 s$/,
        { total: 500 },
      ],
      ['where TLS does not begin', nothing, /: 0\.5 s without a connection$/, { ...SOON, at: 'https' }],
      [
        'where the body is shorter than announced',
        answer(LIST, { length: 100 }),
        /: the connection ended after 16 of 100 bytes$/,
      ],
      [
        'where a chunk of the body is short',
        (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nanna'),
        /: the connection ended after 4 bytes$/,
      ],
      [
        'where the connection is reset midway',
        (socket) => {
          socket.write(`${OK}anna`, () => setTimeout(() => socket.resetAndDestroy(), 50));
        },
        /: the connection ended after 4 of 16 bytes$/,
      ],
      [
        'where the connection is reset at once',
        nothing,
        /: the connection was reset \(ECONNRESET\)$/,
        {
          atOnce: (socket) => {
            setImmediate(() => socket.resetAndDestroy());
          },
        },
      ],
      [
        'where the connection ends without an answer',
        (socket) => socket.end(),
        /: the connection was reset \(ECONNRESET\)$/,
      ],
      [
        'where the body has another length than announced',
        answer(LIST, { length: 10 }),
        new RegExp(
          `^what came from \\S+ is not the list: its SHA-256 is ${sha256Of(LIST.slice(0, 10))}, ` +
            `expected ${SHA256}$`,
        ),
      ],
      [
        'where another list comes',
        answer('anna\nbob\ncarlo\n'),
        /is not the list: its SHA-256 is [0-9a-f]{64}, expected/,
      ],
      ['where nothing comes', answer(''), /is not the list: its SHA-256 is e3b0c442/],
      [
        'where a body without a length ends early',
        (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nanna\n'),
        /is not the list/,
      ],
      [
        'where a body without a length is reset midway',
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\n\r\nanna', () => setTimeout(() => socket.resetAndDestroy(), 50));
        },
        /: the connection ended after 4 bytes$/,
      ],
      [
        'where too many bytes are announced',
        answer('', { length: 2 ** 24 + 1 }),
        /: it has more than 16777216 bytes$/,
      ],
      [
        'where the body does not end',
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          pour(socket, 'anna\n'.repeat(10_000));
        },
        /: it has more than 16777216 bytes$/,
      ],
      [
        'where the headers do not end',
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\n');
          pour(socket, `x: ${'y'.repeat(1000)}\r\n`);
        },
        /: its headers are too long \(HPE_HEADER_OVERFLOW\)$/,
      ],
      [
        'where it is no HTTP',
        (socket) => socket.end('220 welcome to this server\r\n'),
        /: the response is not HTTP \(HPE_\w+\)$/,
      ],
      [
        'where it is TLS instead',
        nothing,
        /: (the response is not HTTP \(HPE_\w+\)|the connection was reset \(ECONNRESET\))$/,
        { secure: true, at: 'http' },
      ],
      [
        'where it is no TLS',
        nothing,
        /: the TLS handshake failed \(\w+\)$/,
        {
          atOnce: (socket) => {
            socket.end('220 welcome\r\n');
          },
          at: 'https',
        },
      ],
      [
        'where both lengths are given',
        (socket) =>
          socket.end(`HTTP/1.1 200 OK\r\ncontent-length: 16\r\ntransfer-encoding: chunked\r\n\r\n${LIST}`),
        /: the response is not HTTP \(HPE_\w+\)$/,
      ],
      [
        'where the length is none',
        (socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n${LIST}`),
        /: the response is not HTTP \(HPE_\w+\)$/,
      ],
      [
        'where another protocol is begun',
        answer(LIST, { status: '101 Switching Protocols', more: 'upgrade: x\r\nconnection: upgrade\r\n' }),
        /: the connection was closed without a response$/,
      ],
      [
        'where it is compressed',
        answer(LIST, { more: 'content-encoding: gzip\r\n' }),
        /: it has the content encoding "gzip", which was not asked for$/,
      ],
      [
        'of 404',
        answer('no\n', { status: '404 Nothing \x1b[31m' }),
        /: (it answered 404 Not Found|the response is not HTTP \(HPE_\w+\))$/,
      ],
      ['of 500', answer(LIST, { status: '500 Oh' }), /: it answered 500 Internal Server Error$/],
      ['of 206', answer(LIST, { status: '206 Part' }), /: it answered 206 Partial Content$/],
      ['of 204', answer('', { status: '204 None' }), /: it answered 204 No Content$/],
      ['of 304', answer('', { status: '304 Same' }), /: it answered 304 Not Modified$/],
      ['of 999', answer(LIST, { status: '999 What' }), /: it answered 999$/],
      ['of a redirect loop', redirect('/names.txt'), /names\.txt: it redirects more than 5 times$/],
      [
        'of a redirect to nowhere',
        answer('', { status: '302 Found' }),
        /: it answered 302 Found without a location$/,
      ],
      [
        'of a redirect to what is no address',
        redirect('http://[::'),
        /: it redirects to an invalid address$/,
      ],
      ['of a redirect to a file', redirect('file:///etc/passwd'), /: it redirects to an address of file:$/],
      [
        'of a redirect to ftp',
        redirect('ftp://127.0.0.1/names.txt'),
        /: it redirects to an address of ftp:$/,
      ],
      ['of a redirect to its own text', redirect('data:,anna'), /: it redirects to an address of data:$/],
      [
        'of a redirect from https to http',
        redirect('http://127.0.0.1/names.txt'),
        /: it redirects from https to http, which/,
        { secure: true },
      ],
      [
        'of a certificate that nobody trusts',
        answer(LIST),
        /: its certificate is not trusted; NODE_EXTRA_CA_CERTS .* \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
        { secure: true, ca: undefined },
      ],
    ];
    for (const [what, behaviour, says, { at, secure, atOnce, ...limits } = {}] of rows) {
      it(what, async () => {
        const { origin } = await started(behaviour, { secure, atOnce });
        const { host, protocol } = new URL(origin);
        const url = `${at ?? protocol.slice(0, -1)}://${LOGIN}@${host}/names.txt?token=s3cret`;
        await fails(url, says, limits);
      });
    }

    it('where nobody listens', async () => {
      await fails(await closedPort(), /: the connection was refused \(ECONNREFUSED\)$/);
    });

    it('where there is no such host', async () => {
      // Longer than a name may be: that takes no network to find out.
      await fails(
        `http://${'x'.repeat(64)}.invalid/`,
        /: (there is no such host|its name could not be resolved) \(/,
      );
    });

    it('where a redirect leads to what fails, of which it tells', async () => {
      const other = await started(answer('', { status: '404 Not Found' }));
      const { origin } = await started(redirect(`${other.origin}/there?token=s3cret`));
      await fails(
        origin,
        new RegExp(`^cannot fetch ${other.origin}/there\\?\\.\\.\\.: it answered 404 Not Found$`),
      );
    });
  });

  describe('works', () => {
    const rows: [what: string, behaviour: Behaviour, options?: ServerOptions][] = [
      ['in one piece', answer(LIST)],
      [
        'in chunks',
        (socket) =>
          socket.end(
            'HTTP/1.1 200 OK\r\ntransfer-encoding: ' +
              `chunked\r\n\r\n4\r\nanna\r\nc\r\n${LIST.slice(4)}\r\n0\r\n\r\n`,
          ),
      ],
      ['up to the end of the connection', (socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${LIST}`)],
      ['from a server that keeps the connection', (socket) => socket.write(`${OK}${LIST}`)],
      ['with garbage behind its end', answer(`${LIST}garbage`, { length: LIST.length })],
      [
        'after a beginning of an answer',
        (socket) => socket.end(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${OK}${LIST}`),
      ],
      ['said to be in no encoding', answer(LIST, { more: 'content-encoding: identity\r\n' })],
      ['over TLS', answer(LIST), { secure: true }],
      [
        'after a redirect whose text does not end',
        (socket, head, origin) => {
          if (head.startsWith('GET /x ')) {
            answer(LIST)(socket, head, origin);
            return;
          }
          socket.write('HTTP/1.1 302 Found\r\nlocation: /x\r\n\r\n');
          pour(socket, 'moved '.repeat(10_000));
        },
      ],
      [
        'after five redirects',
        (socket, head, origin) => {
          const [, steps = ''] = /^GET \/(\S*)/.exec(head)!;
          (steps.length < 5 ? redirect(`/${steps}x`) : answer(LIST))(socket, head, origin);
        },
      ],
    ];
    for (const [what, behaviour, options] of rows) {
      it(what, async () => {
        await works((await started(behaviour, options)).origin);
      });
    }

    it('in pieces that come in time, each, though not all of them', async () => {
      const { origin } = await started((socket) => {
        socket.write(OK);
        const pieces = Array.from(LIST);
        const timer = setInterval(() => {
          socket.write(pieces.shift()!);
          if (pieces.length === 0) clearInterval(timer);
        }, 100);
      });
      await works(origin, { idle: 1000 });
    });

    it('on IPv6', async function () {
      const server = await started(answer(LIST), { host: '::1' }).catch(() => undefined);
      if (server === undefined) this.skip(); // this machine has none
      await works(server.origin);
    });

    it('with user and password, which go on to the same server and to no other', async () => {
      const other = await started(answer(LIST));
      const server = await started((socket, head, origin) => {
        redirect(head.startsWith('GET /a?b ') ? 'c' : `${other.origin}/d`)(socket, head, origin);
      });
      await works(`${server.origin.replace('//', `//${LOGIN}@`)}/a?b`);
      const asked = [...server.heads, ...other.heads].map((head) => [
        head.split('\r\n')[0],
        /^authorization: Basic (.*)\r$/m.exec(head)?.[1],
      ]);
      assert.deepEqual(asked, [
        ['GET /a?b HTTP/1.1', BASIC],
        ['GET /c HTTP/1.1', BASIC],
        ['GET /d HTTP/1.1', undefined],
      ]);
    });

    it('from http to https', async () => {
      const other = await started(answer(LIST), { secure: true });
      await works((await started(redirect(other.origin, '308 Permanent Redirect'))).origin);
      assert.deepEqual(other.asked, [false]); // an address is no name
    });

    it('asks for the whole, not compressed, and for the connection to end', async () => {
      const { origin, heads } = await started(answer(LIST));
      await works(`${origin}/names.txt`);
      const host = new URL(origin).host;
      assert.equal(
        heads.join(),
        `GET /names.txt HTTP/1.1\r\nhost: ${host}\r\nuser-agent: vecgrad\r\naccept-encoding: ` +
          'identity\r\nconnection: close\r\n\r\n',
      );
    });
  });

  describe('through a proxy works', () => {
    const rows: [
      what: string,
      secure: boolean,
      proxy: { secure?: boolean; login?: string },
      asked: RegExp,
    ][] = [
      [
        'with http',
        false,
        {},
        /^GET http:\/\/names\.invalid\/list\?x HTTP\/1\.1\r\nhost: names\.invalid\r\n/,
      ],
      ['with https', true, {}, /^CONNECT localhost:443 HTTP\/1\.1\r\nhost: localhost:443\r\n/],
      ['of https, with http', false, { secure: true }, /^GET http:\/\/names\.invalid\/list\?x /],
      ['of https, with https', true, { secure: true }, /^CONNECT localhost:443 /],
      ['that asks for a password, with http', false, { login: 'some one:s3cret' }, /^GET /],
      ['that asks for a password, with https', true, { login: 'some one:s3cret' }, /^CONNECT /],
    ];
    for (const [what, secure, { login, ...proxy }, asked] of rows) {
      it(what, async () => {
        const server = await started(answer(LIST), { secure });
        const { origin, heads } = await started(
          passOn(() => server.origin, login),
          proxy,
        );
        const address = origin.replace('//', `//${login === undefined ? '' : `${LOGIN}@`}`);
        // A proxy looks the name up, not we.
        const url = secure ? 'https://localhost/list?x' : 'http://names.invalid/list?x';
        await works(url, { env: { [secure ? 'https_proxy' : 'HTTP_PROXY']: address } });
        assert.equal(heads.length, 1);
        assert.match(heads[0]!, asked);
        assert.match(server.heads.join(), /^GET \/list\?x HTTP\/1\.1\r\n/);
        assert.deepEqual(server.asked, secure ? ['localhost'] : []);
        // What is the proxy's stays with it.
        if (secure) assert.doesNotMatch(server.heads.join(), /proxy/);
      });
    }

    it('unless no_proxy names the host', async () => {
      const { origin } = await started(answer(LIST));
      await works(origin, { env: { http_proxy: await closedPort(), NO_PROXY: '127.0.0.1' } });
    });

    it('where redirects lead from one that has a proxy to one that has none', async () => {
      const server = await started(answer(LIST));
      const proxy = await started(redirect(server.origin));
      await works('http://names.invalid/', { env: { http_proxy: proxy.origin, no_proxy: '127.0.0.1' } });
    });
  });

  describe('through a proxy fails, and does not tell its password,', () => {
    const both: [
      what: string,
      behaviour: Behaviour,
      http: RegExp,
      https: RegExp,
      how?: DownloadOptions & ServerOptions,
    ][] = [
      [
        'that does not know the user',
        passOn(() => '', 'other:login'),
        /: it answered 407 Proxy Authentication Required: give user and password as http:\/\/USER:PASSWORD@HOST:PORT$/,
        /: the proxy answered 407 Proxy Authentication Required: give user/,
      ],
      [
        'that reaches nobody',
        answer('', { status: '502 Bad' }),
        /: it answered 502 Bad Gateway$/,
        /: the proxy answered 502 Bad Gateway$/,
      ],
      [
        'that hangs',
        nothing,
        /: 0\.5 s without a response$/,
        /: 0\.5 s without a response of the proxy$/,
        SOON,
      ],
      [
        'that hangs before TLS',
        nothing,
        /: 0\.5 s without a connection to the proxy$/,
        /: 0\.5 s without a connection to the proxy$/,
        { ...SOON, secure: true, atOnce: undefined },
      ],
      [
        'that answers a byte at a time',
        (socket) => drip(socket, `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(10_000)}`),
        /: 0\.5 s without a response$/,
        /: 0\.5 s without a response of the proxy$/,
        SOON,
      ],
      [
        'that answers without end',
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\n');
          pour(socket, `x: ${'y'.repeat(1000)}\r\n`);
        },
        /headers are too long/,
        /headers are too long/,
      ],
      [
        'that is no HTTP',
        (socket) => socket.end('220 welcome\r\n'),
        /: the response is not HTTP \(/,
        /: the response is not HTTP \(/,
      ],
      [
        'that closes',
        (socket) => socket.end(),
        /: the connection was reset \(ECONNRESET\)$/,
        /: the connection was reset \(ECONNRESET\)$/,
      ],
      [
        'that leads elsewhere',
        redirect('file:///etc/passwd'),
        /: it redirects to an address of file:$/,
        /: the proxy answered 302 Found$/,
      ],
      [
        'that is cut off behind its answer',
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n', () => setTimeout(() => socket.resetAndDestroy(), 50));
        },
        /: the connection ended after 0 bytes$/,
        /: the connection was reset \(ECONNRESET\)$/,
      ],
      [
        'that says more than it should',
        (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nhello'),
        /: 0\.5 s without anything after 5 bytes$/,
        /: the proxy sent data after its response$/,
        SOON,
      ],
      [
        'that hangs behind its answer',
        (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'),
        /: 0\.5 s without its first byte$/,
        /: 0\.5 s without a connection$/,
        SOON,
      ],
    ];
    for (const [what, behaviour, http, https, { secure, atOnce, ...limits } = {}] of both) {
      for (const [protocol, says] of Object.entries({ http, https })) {
        it(`${what}, with ${protocol}`, async () => {
          // One that hangs before TLS is one that speaks none.
          const { origin } = await started(behaviour, { atOnce });
          const { host } = new URL(origin);
          const env = { [`${protocol}_proxy`]: `http${secure ? 's' : ''}://${LOGIN}@${host}` };
          const whole = new RegExp(
            `^cannot fetch ${protocol}://localhost/ through the proxy ${host}${says.source}`,
          );
          await fails(`${protocol}://localhost/`, says.source.startsWith(':') ? whole : says, {
            env,
            ...limits,
          });
        });
      }
    }

    const others: [what: string, env: Environment, says: RegExp][] = [
      [
        'of a protocol that is not known',
        { all_proxy: 'socks5://someone:s3cret@127.0.0.1:1080' },
        /: all_proxy in the environment names no http or https proxy: set it to/,
      ],
      [
        'that is no address',
        { HTTPS_PROXY: 'http://someone:s3cret@[:1' },
        /: HTTPS_PROXY in the environment names no http or https proxy/,
      ],
    ];
    for (const [what, env, says] of others) {
      it(what, async () => {
        await fails('https://localhost/', says, { env });
      });
    }

    it('that only the second address has, of which it tells', async () => {
      const proxy = await started(redirect('https://localhost/'));
      const env = { http_proxy: proxy.origin, https_proxy: 'socks5://someone:s3cret@127.0.0.1' };
      await fails(
        'http://localhost/',
        /^cannot fetch https:\/\/localhost\/: https_proxy in the environment names no/,
        { env },
      );
    });

    it('that does not listen', async () => {
      const proxy = await closedPort();
      await fails(
        'https://localhost/',
        new RegExp(`through the proxy ${new URL(proxy).host}: the connection was refused`),
        { env: { https_proxy: proxy } },
      );
    });

    it('that leads to another server than the one that was asked for', async () => {
      const server = await started(answer(LIST), { secure: true });
      const proxy = await started(passOn(() => server.origin));
      await fails(
        'https://names.invalid/',
        /: its certificate is for another host \(ERR_TLS_CERT_ALTNAME_INVALID\)$/,
        { env: { https_proxy: proxy.origin } },
      );
      assert.deepEqual(server.heads, []);
    });
  });

  describe('the file', () => {
    it('that has the list already is not fetched again', async () => {
      writeFileSync(path(), LIST);
      const found = await obtain(await closedPort(), {}, { force: false });
      assert.deepEqual(found, { path: path(), names: 3 });
    });

    const refused: [what: string, out: () => string, says: RegExp, force: boolean][] = [
      [
        'that has something else is not replaced',
        () => {
          writeFileSync(path(), 'x');
          return path();
        },
        /names\.txt" is there and holds something else than the list: --force replaces it, --out FILE writes another$/,
        false,
      ],
      [
        'that is a folder',
        () => {
          mkdirSync(path());
          return path();
        },
        /^cannot write ".*names\.txt": it is a directory: give the name of a file$/,
        true,
      ],
      [
        'in a folder that is not there',
        () => join(folder, 'none/names.txt'),
        /^cannot write ".*none\/names\.txt": there is no such file or folder \(ENOENT\)$/,
        false,
      ],
      [
        'that is a device',
        () => '/dev/null',
        /^cannot write "\/dev\/null": it is a device: give the name of a file$/,
        true,
      ],
    ];
    for (const [what, out, says, force] of refused) {
      it(`${what} is told before anything is fetched`, async function () {
        if (process.platform === 'win32') this.skip();
        const { origin, heads } = await started(answer(LIST));
        const given = out();
        const before = readdirSync(folder);
        await assert.rejects(obtain(origin, {}, { out: given, force }), { message: says });
        assert.deepEqual([heads, readdirSync(folder)], [[], before]);
      });
    }

    it('that has something else, and much of it, is replaced by force', async () => {
      writeFileSync(path(), Buffer.alloc(2 ** 24 + 1));
      await works((await started(answer(LIST))).origin);
    });
  });
});

describe('the proxy of', () => {
  const P = 'http://p:1/';
  const rows: [url: string, env: Environment, proxy: string | undefined][] = [
    ['http://a/', {}, undefined],
    ['http://a/', { http_proxy: 'http://p:1' }, P],
    ['https://a/', { http_proxy: 'http://p:1' }, undefined],
    ['https://a/', { https_proxy: 'p:1' }, P],
    ['https://a/', { HTTPS_PROXY: ' https://p:1 ' }, 'https://p:1/'],
    ['https://a/', { https_proxy: 'user:pw@p:1' }, 'http://user:pw@p:1/'],
    ['https://a/', { ALL_PROXY: 'http://p:1' }, P],
    ['https://a/', { https_proxy: 'http://p:1', HTTPS_PROXY: 'http://q:1', all_proxy: 'http://q:1' }, P],
    ['https://a/', { https_proxy: '', HTTPS_PROXY: 'http://q:1', all_proxy: 'http://q:1' }, undefined],
    ['https://a/', { https_proxy: 'p:1', no_proxy: '' }, P],
    ['https://a/', { https_proxy: 'p:1', no_proxy: '*' }, undefined],
    ['https://a/', { https_proxy: 'p:1', no_proxy: '', NO_PROXY: '*' }, P],
    ['https://a.b.c/', { https_proxy: 'p:1', no_proxy: 'x, b.c ,y' }, undefined],
    ['https://a.b.c/', { https_proxy: 'p:1', no_proxy: 'x .b.c' }, undefined],
    ['https://a.b.c/', { https_proxy: 'p:1', no_proxy: '*.B.C' }, undefined],
    ['https://a.b.c/', { https_proxy: 'p:1', no_proxy: '.c.b,c.b,a.b,.' }, P],
    ['https://ab.c/', { https_proxy: 'p:1', no_proxy: 'b.c' }, P],
    ['https://a/', { https_proxy: 'p:1', no_proxy: 'a:80' }, P],
    ['https://a/', { https_proxy: 'p:1', no_proxy: 'a:443' }, undefined],
    ['https://a:80/', { https_proxy: 'p:1', no_proxy: 'a:443' }, P],
    ['http://a/', { http_proxy: 'p:1', no_proxy: '*:80' }, undefined],
    ['http://[::1]/', { http_proxy: 'p:1', no_proxy: '::1' }, undefined],
    ['http://[::1]/', { http_proxy: 'p:1', no_proxy: '[::1]' }, undefined],
    ['http://[::1]:8/', { http_proxy: 'p:1', no_proxy: '[::1]:8' }, undefined],
    ['http://[::1]/', { http_proxy: 'p:1', no_proxy: '[::1]:8,::2' }, P],
    ['http://a/', { http_proxy: 'http://[::1]:3128' }, 'http://[::1]:3128/'],
  ];
  for (const [url, env, proxy] of rows) {
    it(`${url} with ${JSON.stringify(env)} is ${proxy ?? 'none'}`, () => {
      assert.equal(proxyOf(new URL(url), env)?.href, proxy);
    });
  }
});
