/** The download of names, from servers that misbehave in every way. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DownloadOptions } from '../../lib/download/download.js';
import {
  answer,
  closedPort,
  drip,
  pour,
  reset,
  type Behaviour,
  type ServerOptions,
} from '../support/misbehaving.js';
import {
  fetching,
  LIST,
  sha256Of,
  SHA256,
  OK,
  LOGIN,
  BASIC,
  redirect,
  nothing,
  SOON,
} from '../support/fetching.js';
import { pattern } from '../support/pattern.js';

describe('vecgrad data names, fetching', () => {
  const { folder, path, started, obtain, fails, works } = fetching();

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
        (socket) => reset(socket, `${OK}anna`),
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
        (socket) => reset(socket, 'HTTP/1.1 200 OK\r\n\r\nanna'),
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
        'where the length is invalid',
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
        pattern(
          /names\.txt" exists and is not the list: --force replaces it, /,
          /--out FILE writes another$/,
        ),
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
        () => join(folder(), 'none/names.txt'),
        /^cannot write ".*none\/names\.txt": there is no such file or folder \(ENOENT\)$/,
        false,
      ],
      [
        'in a folder that is a file',
        () => '/dev/null/x',
        /^cannot write "\/dev\/null\/x": part of its path is a file, not a directory \(ENOTDIR\)$/,
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
        const before = readdirSync(folder());
        await assert.rejects(obtain(origin, {}, { out: given, force }), { message: says });
        assert.deepEqual([heads, readdirSync(folder())], [[], before]);
      });
    }

    it('that has something else, and much of it, is replaced by force', async () => {
      writeFileSync(path(), Buffer.alloc(2 ** 24 + 1));
      await works((await started(answer(LIST))).origin);
    });
  });
});
