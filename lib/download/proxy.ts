/** The proxy that an address is fetched through, by the variables that curl, wget and others read. */

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What `http_proxy` or `https_proxy` names, by the address's protocol, else `all_proxy`; none where
 * `no_proxy` names the host. A name in lower case goes before the same in upper case; the first that
 * is set decides, also where it is empty. An address without a protocol is one of http, as curl has it.
 *
 * @throws Error where that is no http or https address; it says which variable, not what it holds,
 * which may be a password
 */
export function proxyOf(url: URL, env: Environment): URL | undefined {
  const name = setOf([`${url.protocol.slice(0, -1)}_proxy`, 'all_proxy'], env);
  const given = name === undefined ? '' : env[name]!.trim();
  if (given === '' || isExempt(url, env)) return undefined;
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const proxy = httpUrl(address);
  if (proxy !== undefined) return proxy;
  throw new Error(
    `${name!} in the environment names no http or https proxy: set it to http://HOST:PORT, or to nothing`,
  );
}

/** Whether `no_proxy` has the host, a domain that it is in, or `*`; each may end with a port. */
function isExempt(url: URL, env: Environment): boolean {
  const name = setOf(['no_proxy'], env);
  if (name === undefined) return false;
  const host = withoutBrackets(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return env[name]!.toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      // Several colons without brackets are an IPv6 address, whose last part is no port.
      const [, named = entry, itsPort = port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
      if (itsPort !== port) return false;
      if (named === '*') return true;
      const domain = withoutBrackets(named).replace(/^\*?\./, '');
      return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
    });
}

function setOf(names: readonly string[], env: Environment): string | undefined {
  return names.flatMap((name) => [name, name.toUpperCase()]).find((name) => env[name] !== undefined);
}

/** `[::1]`, as addresses have it, is `::1` everywhere else. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Undefined for what is no address, or one of another protocol than http and https. */
export function httpUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}
