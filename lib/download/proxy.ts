/** Finds the proxy for an address in the environment variables that curl reads. */

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy named by `http_proxy` or `https_proxy`, according to the address's protocol, else by `all_proxy`;
 * undefined when `no_proxy` lists the host. A name in lower case is read before the same in upper case, and
 * the first that is set decides, even if it is empty. A proxy without a protocol is an http proxy, as in
 * curl.
 *
 * @throws Error when the proxy is no http or https address; the message names the variable, not its value,
 * which may contain a password
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

/** Whether `no_proxy` lists the host, a parent domain of it, or `*`, each with or without a port. */
function isExempt(url: URL, env: Environment): boolean {
  const name = setOf(['no_proxy'], env);
  if (name === undefined) return false;
  const host = withoutBrackets(url.hostname);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return env[name]!.toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      // An entry with several colons and no brackets is an IPv6 address without a port.
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

/** `::1` of `[::1]`: URLs put IPv6 addresses in brackets, other interfaces do not. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Parses an http or https address; undefined for any other text. */
export function httpUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url : undefined;
}
