"use strict";
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this is not an ESM
  // file that has been converted to a CommonJS file using a Babel-
  // compatible transform (i.e. "__esModule" has not been set), then set
  // "default" to the CommonJS "module.exports" for node compatibility.
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// lib/download/names.ts
var names_exports = {};
__export(names_exports, {
  obtainNames: () => obtainNames
});
module.exports = __toCommonJS(names_exports);
var import_node_crypto = require("node:crypto");
var import_node_fs4 = require("node:fs");

// lib/download/download.ts
var import_node_events = require("node:events");
var import_node_http = require("node:http");
var net = __toESM(require("node:net"), 1);
var import_node_stream = require("node:stream");
var tls = __toESM(require("node:tls"), 1);

// lib/core/check.ts
var import_node_util = require("node:util");

// lib/core/suggest.ts
var MAX_COMPARED = 100;
function nearest(given, candidates) {
  if (given.length > MAX_COMPARED) return void 0;
  const wanted = plain(given);
  let best;
  let least = Infinity;
  for (const candidate of candidates) {
    if (candidate.length > MAX_COMPARED) continue;
    const name = plain(candidate);
    const isPart = wanted.length >= 3 && (name.startsWith(wanted) || wanted.startsWith(name));
    const distance = isPart ? Math.min(1, editDistance(wanted, name)) : editDistance(wanted, name);
    const isAlike = distance < Math.max(wanted.length, name.length);
    if (isAlike && distance < least && distance <= Math.max(1, Math.floor(name.length / 3))) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}
function didYouMean(given, candidates, prefix = "") {
  const name = nearest(given, candidates);
  return name === void 0 ? "" : `; did you mean ${prefix}${name}?`;
}
function plain(name) {
  return name.toLowerCase().replace(/[-_]/g, "");
}
function editDistance(a, b) {
  let before = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d = Math.min(d, before[j - 2] + 1);
      }
      row.push(d);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}

// lib/core/escape.ts
var UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
var MAX_QUOTED = 200;
function escaped(text) {
  return text.replace(UNSAFE, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}
function quoted(text, most = MAX_QUOTED) {
  const isLong = text.length > most;
  const inside = (isLong ? text.slice(0, most) : text).replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t");
  return `"${escaped(inside)}"${isLong ? "..." : ""}`;
}
function quotedPath(path) {
  return quoted(path, 5e3);
}

// lib/core/check.ts
var MAX_COUNT = 2 ** 30;
var KINDS = [
  [import_node_util.types.isMap, "Map"],
  [import_node_util.types.isSet, "Set"],
  [import_node_util.types.isPromise, "promise"],
  [import_node_util.types.isDate, "Date"]
];
function shown(given) {
  if (typeof given === "string") return quoted(given, 40);
  if (given === null || ["number", "undefined", "boolean"].includes(typeof given)) return String(given);
  if (import_node_util.types.isTypedArray(given))
    return `${given[Symbol.toStringTag].startsWith("I") ? "an" : "a"} ${given[Symbol.toStringTag]}`;
  for (const [is, name] of KINDS) if (is(given)) return `a ${name}`;
  if (import_node_util.types.isProxy(given) || typeof given !== "object")
    return `a ${import_node_util.types.isProxy(given) ? "proxy" : typeof given}`;
  return Array.isArray(given) ? "an array" : "an object";
}
function checkOptions(who, given, known) {
  const names = Object.keys(known);
  if (!isPlain(given)) {
    const ofClass = classNameOf(given);
    throw new TypeError(
      `${who}: options ${shown(given)}${ofClass}: expected ${ofClass === "" ? "an" : "a plain"} object { ${names.join(", ")} }`
    );
  }
  for (const key in given) {
    if (Object.hasOwn(known, key)) continue;
    throw new TypeError(
      `${who}: there is no option ${shown(key)}${didYouMean(key, names)}${names.length > 0 ? ` (options: ${names.join(", ")})` : ""}`
    );
  }
}
function isPlain(given) {
  if (typeof given !== "object" || given === null || Symbol.iterator in given) return false;
  return classOf(given) === void 0;
}
function* prototypesOf(given) {
  for (let at = given; !import_node_util.types.isProxy(at); ) {
    const above = Object.getPrototypeOf(at);
    if (above === null || import_node_util.types.isProxy(above) || Object.getPrototypeOf(above) === null) return;
    yield above;
    at = above;
  }
}
function classOf(given) {
  for (const prototype of prototypesOf(given)) {
    if (Object.hasOwn(prototype, "constructor")) return prototype;
  }
  return void 0;
}
function classNameOf(given) {
  if (shown(given) !== "an object") return "";
  const prototype = classOf(given);
  const name = prototype?.constructor?.name;
  return typeof name === "string" ? ` of class ${quoted(name, 40)}` : "";
}

// lib/download/proxy.ts
function proxyOf(url, env) {
  const name = setOf([`${url.protocol.slice(0, -1)}_proxy`, "all_proxy"], env);
  const given = name === void 0 ? "" : env[name].trim();
  if (given === "" || isExempt(url, env)) return void 0;
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const proxy = httpUrl(address);
  if (proxy !== void 0) return proxy;
  throw new Error(
    `${name} in the environment names no http or https proxy: set it to http://HOST:PORT, or to nothing`
  );
}
function isExempt(url, env) {
  const name = setOf(["no_proxy"], env);
  if (name === void 0) return false;
  const host = withoutBrackets(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return env[name].toLowerCase().split(/[\s,]+/).some((entry) => {
    const [, named = entry, itsPort = port] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
    if (itsPort !== port) return false;
    if (named === "*") return true;
    const domain = withoutBrackets(named).replace(/^\*?\./, "");
    return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
  });
}
function setOf(names, env) {
  return names.flatMap((name) => [name, name.toUpperCase()]).find((name) => env[name] !== void 0);
}
function withoutBrackets(host) {
  return host.replace(/^\[(.*)\]$/, "$1");
}
function httpUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : void 0;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : void 0;
}

// lib/download/download.ts
var DownloadError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "DownloadError";
  }
};
var OPTIONS = { idle: true, total: true, env: true, ca: true };
var MAX_REDIRECTS = 5;
async function download(address, maxBytes, options = {}) {
  checkOptions("download", options, OPTIONS);
  const { idle = 1e4, total = 6e4, env = process.env, ca } = options;
  const watch = new Watch(idle, total);
  const context = { watch, ca };
  let url = address;
  let proxy;
  try {
    for (let left = MAX_REDIRECTS; ; left--) {
      proxy = void 0;
      proxy = proxyOf(url, env);
      const response = await answer(url, proxy, context);
      const next = redirection(response, url);
      if (next === void 0) return await bodyOf(response, maxBytes, watch);
      if (left === 0) throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
      url = next;
    }
  } catch (error) {
    const through = proxy === void 0 ? "" : ` through the proxy ${proxy.host}`;
    const reason = watch.late ?? reasonOf(error);
    throw new DownloadError(`cannot fetch ${shown2(url)}${through}: ${reason}`, { cause: error });
  } finally {
    watch.end();
  }
}
function shown2(url) {
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?..."}`;
}
var Watch = class {
  constructor(idle, total) {
    this.controller = new AbortController();
    this.awaited = "a connection";
    this.signal = this.controller.signal;
    this.timers = [
      setTimeout(() => this.end(`${seconds(idle)} without ${this.awaited}`), idle),
      setTimeout(() => this.end(`it was not complete after ${seconds(total)}`), total)
    ];
  }
  /** Restarts the limit of a single wait; `what` is named in the error. */
  awaits(what) {
    this.awaited = what;
    this.timers[0].refresh();
  }
  /** Stops the timers and closes the open connections. */
  end(late) {
    for (const timer of this.timers) clearTimeout(timer);
    this.late ??= late;
    this.controller.abort();
  }
};
function seconds(milliseconds) {
  return `${milliseconds / 1e3} s`;
}
async function answer(url, proxy, context) {
  const headers = {
    host: url.host,
    "user-agent": "vecgrad",
    "accept-encoding": "identity",
    connection: "close",
    ...authorization("authorization", url)
  };
  const path = `${url.pathname}${url.search}`;
  if (proxy === void 0) return speak(await connect3(url, context), { path, headers });
  if (url.protocol === "http:") {
    const more = authorization("proxy-authorization", proxy);
    const socket = await connect3(proxy, context, " to the proxy");
    return speak(socket, { path: `http://${url.host}${path}`, headers: { ...headers, ...more } });
  }
  return speak(await connect3(url, context, "", await tunnel(url, proxy, context)), { path, headers });
}
async function connect3(place, { watch, ca }, what = "", over) {
  const host = withoutBrackets(place.hostname);
  const isTls = place.protocol === "https:";
  const port = Number(place.port) || (isTls ? 443 : 80);
  watch.awaits(`a connection${what}`);
  const socket = isTls ? tls.connect({
    host,
    port,
    socket: over,
    ca,
    servername: net.isIP(host) ? "" : host,
    ALPNProtocols: ["http/1.1"]
  }) : net.connect({ host, port });
  (0, import_node_stream.addAbortSignal)(watch.signal, socket);
  await (0, import_node_events.once)(socket, isTls ? "secureConnect" : "connect");
  watch.awaits("a response");
  return socket;
}
async function tunnel(url, proxy, context) {
  const host = `${url.hostname}:${url.port || 443}`;
  const headers = { host, ...authorization("proxy-authorization", proxy) };
  const connection = await connect3(proxy, context, " to the proxy");
  context.watch.awaits("a response of the proxy");
  const sent = send(connection, { method: "CONNECT", path: host, headers });
  return new Promise((resolve, reject) => {
    rejects(sent, reject);
    sent.once("connect", (response, socket, rest) => {
      if (response.statusCode === 200 && rest.length === 0) resolve(socket);
      else if (response.statusCode === 200) reject(new Error("the proxy sent data after its response"));
      else reject(new Error(`the proxy answered ${status(response)}`));
    });
  });
}
function speak(socket, options) {
  const sent = send(socket, options);
  return new Promise((resolve, reject) => {
    rejects(sent, reject);
    sent.once("response", resolve);
  });
}
function send(socket, options) {
  return (0, import_node_http.request)({ ...options, createConnection: () => socket }).end();
}
function rejects(sent, reject) {
  sent.on("error", reject);
  sent.once("close", () => reject(new Error("the connection was closed without a response")));
}
function redirection(response, url) {
  if (![301, 302, 303, 307, 308].includes(response.statusCode)) return void 0;
  const { location } = response.headers;
  if (location === void 0) throw new Error(`it answered ${status(response)} without a location`);
  if (!URL.canParse(location, url.href)) throw new Error("it redirects to an invalid address");
  const next = new URL(location, url);
  if (next.protocol === "http:" && url.protocol === "https:")
    throw new Error("it redirects from https to http, which is not secure");
  if (next.protocol !== "http:" && next.protocol !== "https:")
    throw new Error(`it redirects to an address of ${next.protocol}`);
  return next;
}
async function bodyOf(response, maxBytes, watch) {
  const { "content-encoding": encoding = "identity", "content-length": length } = response.headers;
  if (response.statusCode !== 200) throw new Error(`it answered ${status(response)}`);
  if (encoding !== "identity")
    throw new Error(`it has the content encoding ${quoted(encoding, 20)}, which was not asked for`);
  const tooMuch = new Error(`it has more than ${maxBytes} bytes`);
  if (Number(length) > maxBytes) throw tooMuch;
  const { socket } = response;
  const pieces = [];
  let size = 0;
  watch.awaits("its first byte");
  try {
    for await (const piece of response) {
      pieces.push(piece);
      size += piece.length;
      if (size > maxBytes) throw tooMuch;
      watch.awaits(`anything after ${size} bytes`);
    }
    if (socket.errored) throw socket.errored;
  } catch (error) {
    if (error.code !== "ECONNRESET") throw error;
    const all = length === void 0 ? "" : ` of ${length}`;
    throw new Error(`the connection ended after ${size}${all} bytes`, { cause: error });
  }
  return Buffer.concat(pieces);
}
function authorization(header, { username, password }) {
  if (username === "" && password === "") return {};
  const both = `${decoded(username)}:${decoded(password)}`;
  return { [header]: `Basic ${Buffer.from(both).toString("base64")}` };
}
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
function status({ statusCode }) {
  const advice = statusCode === 407 ? ": give user and password as http://USER:PASSWORD@HOST:PORT" : "";
  return `${statusCode} ${import_node_http.STATUS_CODES[statusCode] ?? ""}`.trimEnd() + advice;
}
function reasonOf(error) {
  const { code = "", message } = error;
  const known = REASONS[code] ?? familyOf(code);
  return known === void 0 ? message : `${known} (${code})`;
}
function familyOf(code) {
  if (code.startsWith("HPE_")) return "the response is not HTTP";
  return code.startsWith("ERR_SSL_") ? "the TLS handshake failed" : void 0;
}
var UNTRUSTED = "its certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of others to trust";
var REASONS = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  EAI_AGAIN: "its name could not be resolved",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "the host is unreachable",
  ENETUNREACH: "the network is unreachable",
  ENOTFOUND: "there is no such host",
  EPROTO: "the TLS handshake failed",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  ETIMEDOUT: "the connection timed out",
  HPE_HEADER_OVERFLOW: "its headers are too long",
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED
};

// lib/core/write-file.ts
var import_node_fs3 = require("node:fs");
var import_node_path3 = require("node:path");

// lib/core/path.ts
var import_node_path = require("node:path");
var import_node_fs = require("node:fs");
function wrongPath(path) {
  if (path === "") return "the path is empty: give the name of a file";
  if (path.includes("\0"))
    return "a path cannot contain a NUL character: give the name of a file without one";
  if (new RegExp("\\p{Cs}", "u").test(path))
    return "the path has half of a surrogate pair, which no name can hold: give the name of a file without one";
  if (path.endsWith("/") || path.endsWith(import_node_path.sep)) return "it ends with a slash: give the name of a file";
  return void 0;
}
function isSameFile(one, other) {
  const identity = (file) => {
    const options = { bigint: true };
    const { dev, ino } = typeof file === "number" ? (0, import_node_fs.fstatSync)(file, options) : (0, import_node_fs.statSync)(file, options);
    return `${dev} ${ino}`;
  };
  try {
    return identity(one) === identity(other);
  } catch {
    return false;
  }
}
function noFile(stats) {
  const kind = stats.isDirectory() ? "directory" : stats.isFIFO() ? "pipe" : stats.isSocket() ? "socket" : "device";
  return `it is a ${kind}: give the name of a file`;
}
function unlessMissing(read) {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return void 0;
    throw error;
  }
}
function codeOf(error) {
  return error.code;
}
function danglingLink(path) {
  try {
    return `it is a link to ${quotedPath((0, import_node_fs.readlinkSync)(path))}, which does not exist`;
  } catch {
    return void 0;
  }
}
function reasonOf2(error, path) {
  const { code, message } = error;
  if (code === "ENOENT" && path !== void 0) {
    const dangling = danglingLink(path);
    if (dangling !== void 0) return `${dangling} (ENOENT)`;
  }
  const known = REASONS2[code ?? ""];
  return known === void 0 ? escaped(message) : `${known} (${code})`;
}
var REASONS2 = {
  EACCES: "permission denied",
  EBUSY: "the system is using it, perhaps as a mount point: mount its folder instead, or give another name",
  EDQUOT: "your disk quota is used up",
  EFBIG: "the file would be too large",
  EISDIR: "it is a directory: give the name of a file",
  ELOOP: "its symbolic links form a loop",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "there is no such file or folder",
  ENOSPC: "the disk is full",
  ENOTDIR: "part of its path is a file, not a directory",
  EPERM: "permission denied",
  EROFS: "the file system is read-only"
};

// lib/core/temporary-file.ts
var import_node_fs2 = require("node:fs");
var import_node_path2 = require("node:path");
var MAX_TRIES = 4;
function makeBeside({ path, earlier }) {
  const folder = (0, import_node_path2.dirname)(path);
  for (let tries = 1; ; tries++) {
    const made = (0, import_node_path2.join)(folder, temporaryName());
    let descriptor;
    try {
      descriptor = (0, import_node_fs2.openSync)(made, "wx", earlier ? 384 : 438);
    } catch (error) {
      if (codeOf(error) === "EEXIST" && tries < MAX_TRIES) continue;
      throw error;
    }
    try {
      if (earlier) keepOwnerAndMode(descriptor, earlier);
      sweep(folder, (0, import_node_fs2.fstatSync)(descriptor).mtimeMs);
      return { made, descriptor };
    } catch (error) {
      (0, import_node_fs2.closeSync)(descriptor);
      discard(made);
      throw error;
    }
  }
}
function keepOwnerAndMode(descriptor, { uid, gid, mode }) {
  const own = (0, import_node_fs2.fstatSync)(descriptor);
  let kept = mode & 511;
  const isAllowed = (user) => {
    try {
      (0, import_node_fs2.fchownSync)(descriptor, user, gid);
      return true;
    } catch {
      return false;
    }
  };
  const isOther = own.uid !== uid || own.gid !== gid;
  if (isOther && !isAllowed(uid) && own.gid !== gid && !isAllowed(own.uid)) {
    kept &= ~56 | (kept & 7) << 3;
  }
  (0, import_node_fs2.fchmodSync)(descriptor, kept);
}
function temporaryName() {
  const random = Math.random().toString(36).slice(2, 12);
  return `.vecgrad.${whereWeRun()}.${process.pid}.${random}.new`;
}
var TEMPORARY = /^\.vecgrad\.([\da-f]{32}-\d+|unknown)\.(\d+)\.[\da-z]*\.new$/;
var where;
function whereWeRun() {
  return where ??= found();
  function found() {
    try {
      const boot = (0, import_node_fs2.readFileSync)("/proc/sys/kernel/random/boot_id", "latin1").replace(/[-\s]/g, "");
      const namespace = /\d+/.exec((0, import_node_fs2.readlinkSync)("/proc/self/ns/pid"))[0];
      return /^[\da-f]{32}$/.test(boot) ? `${boot}-${namespace}` : "unknown";
    } catch {
      return "unknown";
    }
  }
}
var LEFT_OVER = 24 * 60 * 60 * 1e3;
var swept = /* @__PURE__ */ new Set();
function sweep(folder, present) {
  if (swept.has(folder)) return;
  swept.add(folder);
  let names;
  try {
    names = (0, import_node_fs2.readdirSync)(folder);
  } catch {
    return;
  }
  for (const name of names) {
    const [, origin, process2] = TEMPORARY.exec(name) ?? [];
    if (origin === void 0) continue;
    const path = (0, import_node_path2.join)(folder, name);
    const isKnown = origin !== "unknown" && origin === whereWeRun();
    if (isKnown && !isRunning(Number(process2)) || isLeftOver(path, present)) discard(path);
  }
}
function isLeftOver(path, present) {
  try {
    const stats = (0, import_node_fs2.lstatSync)(path);
    return stats.isFile() && present - stats.mtimeMs > LEFT_OVER;
  } catch {
    return false;
  }
}
function isRunning(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}
function discard(path) {
  try {
    (0, import_node_fs2.rmSync)(path, { force: true });
  } catch {
  }
}

// lib/core/write-file.ts
function writeFile(path, content) {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  naming(path, () => replaceFile(path, bytes));
}
function checkWritable(path) {
  naming(path, () => checkReplaceable(path));
}
function naming(path, write) {
  try {
    write();
  } catch (error) {
    throw new Error(`cannot write ${quotedPath(path)}: ${error.message}`, { cause: error });
  }
}
function replaceFile(path, bytes) {
  reasoned(() => {
    const target = targetOf(path);
    for (let tries = 1; ; tries++) {
      const { made, descriptor } = makeBeside(target);
      try {
        try {
          for (let at = 0; at < bytes.length; )
            at += (0, import_node_fs3.writeSync)(descriptor, bytes, at, Math.min(bytes.length - at, CHUNK));
          (0, import_node_fs3.fsyncSync)(descriptor);
        } finally {
          (0, import_node_fs3.closeSync)(descriptor);
        }
        (0, import_node_fs3.renameSync)(made, target.path);
        break;
      } catch (error) {
        const wasRemoved = codeOf(error) === "ENOENT" && !(0, import_node_fs3.existsSync)(made);
        if (!wasRemoved || tries === MAX_TRIES) throw error;
      } finally {
        discard(made);
      }
    }
    syncFolder((0, import_node_path3.dirname)(target.path));
  });
}
var CHUNK = 2 ** 24;
function checkReplaceable(path) {
  reasoned(() => {
    const target = targetOf(path);
    if (target.earlier) checkCanBeRenamedOver(target.path);
    const { made, descriptor } = makeBeside(target);
    (0, import_node_fs3.closeSync)(descriptor);
    discard(made);
  });
}
function checkCanBeRenamedOver(path) {
  if (isMountPoint(path)) throw new Error(`${REASONS2["EBUSY"]} (EBUSY)`);
  try {
    (0, import_node_fs3.rmdirSync)(path);
  } catch (error) {
    if (codeOf(error) === "EPERM")
      throw new Error(
        "only its owner or the owner of its folder may replace it, or nobody (EPERM): give another name",
        {
          cause: error
        }
      );
  }
}
function isMountPoint(path) {
  let mounts;
  try {
    mounts = (0, import_node_fs3.readFileSync)("/proc/self/mountinfo", "latin1");
  } catch {
    return false;
  }
  const bytes = Buffer.from(path).toString("latin1");
  const listed = bytes.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
  return mounts.split("\n").some((line) => line.split(" ", 5)[4] === listed);
}
function reasoned(act) {
  try {
    act();
  } catch (error) {
    throw new Error(reasonOf2(error), { cause: error });
  }
}
var MAX_LINKS = 40;
function targetOf(given) {
  const wrong = wrongPath(given);
  if (wrong !== void 0) throw new Error(wrong);
  let path = given;
  let to = "";
  for (let links = 0; links <= MAX_LINKS; links++) {
    const earlier = unlessMissing(() => (0, import_node_fs3.statSync)(path));
    if (earlier) {
      checkMayReplace(path, earlier);
      return { path: import_node_fs3.realpathSync.native(path), earlier };
    }
    if (path.endsWith("/") || path.endsWith(import_node_path3.sep)) throw new Error(wrongPath(path));
    const folder = unlessMissing(() => import_node_fs3.realpathSync.native((0, import_node_path3.dirname)(path)));
    if (folder === void 0)
      throw new Error(
        `${links > 0 ? `it is a link to ${quotedPath(to)}, and ` : ""}${REASONS2["ENOENT"]} (ENOENT)`
      );
    if (!unlessMissing(() => (0, import_node_fs3.lstatSync)(path))) return { path: (0, import_node_path3.join)(folder, (0, import_node_path3.basename)(path)) };
    to = (0, import_node_fs3.readlinkSync)(path);
    path = (0, import_node_path3.isAbsolute)(to) ? to : `${folder}/${to}`;
  }
  throw new Error(REASONS2["ELOOP"]);
}
var STREAMS = [
  "standard input is read from it",
  "standard output is written to it",
  "standard error is written to it"
];
function checkMayReplace(path, stats) {
  if (!stats.isFile()) throw new Error(noFile(stats));
  const stream = STREAMS.find((_, descriptor) => isSameFile(descriptor, path));
  if (stream !== void 0) throw new Error(`${stream}: give the name of another file`);
  if ((stats.mode & 146) === 0)
    throw new Error(
      `it is read-only (mode ${(stats.mode & 511).toString(8)}): allow writing to it (chmod u+w), or give another name`
    );
  (0, import_node_fs3.accessSync)(path, import_node_fs3.constants.W_OK);
}
function syncFolder(path) {
  if (process.platform === "win32") return;
  let folder;
  try {
    folder = (0, import_node_fs3.openSync)(path, "r");
    (0, import_node_fs3.fsyncSync)(folder);
  } catch (error) {
    if (!["EACCES", "EPERM", "EINVAL", "ENOTSUP"].includes(codeOf(error))) throw error;
  } finally {
    if (folder !== void 0) (0, import_node_fs3.closeSync)(folder);
  }
}

// lib/download/names.ts
var STUDY = {
  url: new URL("https://raw.githubusercontent.com/karpathy/makemore/988aa59/names.txt"),
  sha256: "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"
};
var MAX_BYTES = 2 ** 24;
async function obtainNames({ out: path, url = STUDY.url, sha256 = STUDY.sha256, force }, how = {}) {
  const there = existing(path);
  if (there && sha256Of(there) === sha256) return { path, names: count(there) };
  if (there && !force) {
    throw new Error(
      `${quotedPath(path)} is there and holds something else than the list: --force replaces it, --out FILE writes another`
    );
  }
  checkWritable(path);
  const bytes = await download(url, MAX_BYTES, how);
  const found = sha256Of(bytes);
  if (found !== sha256) {
    throw new Error(
      `what came from ${shown2(url)} is not the list: its SHA-256 is ${found}, expected ${sha256}`
    );
  }
  writeFile(path, bytes);
  return { path, names: count(bytes), from: shown2(url) };
}
function existing(path) {
  try {
    if (wrongPath(path) !== void 0) return void 0;
    const stats = (0, import_node_fs4.statSync)(path, { throwIfNoEntry: false });
    if (!stats?.isFile()) return void 0;
    return stats.size > MAX_BYTES ? Buffer.alloc(0) : (0, import_node_fs4.readFileSync)(path);
  } catch (error) {
    throw new Error(`cannot read ${quotedPath(path)}: ${reasonOf2(error)}`, { cause: error });
  }
}
function sha256Of(bytes) {
  return (0, import_node_crypto.createHash)("sha256").update(bytes).digest("hex");
}
function count(bytes) {
  return bytes.toString("latin1").match(/^.*\S.*$/gm)?.length ?? 0;
}
// Annotate the CommonJS export names for ESM import in node:
0 && (module.exports = {
  obtainNames
});
