/** The download of names through proxies, also ones that misbehave, and which proxy an address has. */
import assert from 'node:assert/strict';
import type { DownloadOptions } from '../../lib/download/download.js';
import { proxyOf, type Environment } from '../../lib/download/proxy.js';
import {
  answer,
  closedPort,
  drip,
  passOn,
  pour,
  reset,
  type Behaviour,
  type ServerOptions,
} from '../support/misbehaving.js';
import { fetching, LIST, LOGIN, redirect, nothing, SOON } from '../support/fetching.js';
import { pattern } from '../support/pattern.js';

describe('vecgrad data names, fetching', () => {
  const { started, fails, works } = fetching();

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
        pattern(
          /: it answered 407 Proxy Authentication Required: /,
          /give user and password as http:\/\/USER:PASSWORD@HOST:PORT$/,
        ),
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
        (socket) => reset(socket, 'HTTP/1.1 200 OK\r\n\r\n'),
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
