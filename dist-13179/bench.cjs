"use strict";
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __getProtoOf = Object.getPrototypeOf;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all2) => {
  for (var name in all2)
    __defProp(target, name, { get: all2[name], enumerable: true });
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

// lib/cli/bench.ts
var bench_exports = {};
__export(bench_exports, {
  bench: () => bench,
  parseBench: () => parseBench
});
module.exports = __toCommonJS(bench_exports);
var import_node_fs9 = require("node:fs");
var import_node_util3 = require("node:util");

// lib/core/escape.ts
var UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
var MAX_QUOTED = 200;
function escaped(text2) {
  return text2.replace(UNSAFE, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}
function clipped(text2, most = 60) {
  return escaped(text2.length > most ? `${text2.slice(0, most - 3)}...` : text2);
}
function quoted(text2, most = MAX_QUOTED) {
  const isLong = text2.length > most;
  const inside = (isLong ? text2.slice(0, most) : text2).replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t");
  return `"${escaped(inside)}"${isLong ? "..." : ""}`;
}
function quotedPath(path) {
  return quoted(path, 5e3);
}

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
  const identity2 = (file) => {
    const options = { bigint: true };
    const { dev, ino } = typeof file === "number" ? (0, import_node_fs.fstatSync)(file, options) : (0, import_node_fs.statSync)(file, options);
    return `${dev} ${ino}`;
  };
  try {
    return identity2(one) === identity2(other);
  } catch {
    return false;
  }
}
function noFile(stats) {
  const kind = stats.isDirectory() ? "directory" : stats.isFIFO() ? "pipe" : stats.isSocket() ? "socket" : "device";
  return `it is a ${kind}: give the name of a file`;
}
function unlessMissing(read3) {
  try {
    return read3();
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
function reasonOf(error, path) {
  const { code, message } = error;
  if (code === "ENOENT" && path !== void 0) {
    const dangling = danglingLink(path);
    if (dangling !== void 0) return `${dangling} (ENOENT)`;
  }
  const known = REASONS[code ?? ""];
  return known === void 0 ? escaped(message) : `${known} (${code})`;
}
var REASONS = {
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
  return where ??= found3();
  function found3() {
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
  const bytes2 = typeof content === "string" ? Buffer.from(content) : content;
  naming(path, () => replaceFile(path, bytes2));
}
function checkWritable(path) {
  naming(path, () => checkReplaceable(path));
}
function naming(path, write2) {
  try {
    write2();
  } catch (error) {
    throw new Error(`cannot write ${quotedPath(path)}: ${error.message}`, { cause: error });
  }
}
function replaceFile(path, bytes2) {
  reasoned(() => {
    const target = targetOf(path);
    for (let tries = 1; ; tries++) {
      const { made, descriptor } = makeBeside(target);
      try {
        try {
          for (let at2 = 0; at2 < bytes2.length; )
            at2 += (0, import_node_fs3.writeSync)(descriptor, bytes2, at2, Math.min(bytes2.length - at2, CHUNK));
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
  if (isMountPoint(path)) throw new Error(`${REASONS["EBUSY"]} (EBUSY)`);
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
  const bytes2 = Buffer.from(path).toString("latin1");
  const listed3 = bytes2.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
  return mounts.split("\n").some((line) => line.split(" ", 5)[4] === listed3);
}
function reasoned(act) {
  try {
    act();
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}
var MAX_LINKS = 40;
function targetOf(given2) {
  const wrong = wrongPath(given2);
  if (wrong !== void 0) throw new Error(wrong);
  let path = given2;
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
        `${links > 0 ? `it is a link to ${quotedPath(to)}, and ` : ""}${REASONS["ENOENT"]} (ENOENT)`
      );
    if (!unlessMissing(() => (0, import_node_fs3.lstatSync)(path))) return { path: (0, import_node_path3.join)(folder, (0, import_node_path3.basename)(path)) };
    to = (0, import_node_fs3.readlinkSync)(path);
    path = (0, import_node_path3.isAbsolute)(to) ? to : `${folder}/${to}`;
  }
  throw new Error(REASONS["ELOOP"]);
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

// lib/core/read-file.ts
var import_node_fs4 = require("node:fs");

// lib/core/clock.ts
function now() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

// lib/core/read-file.ts
var PATIENCE = 5e3;
var PAUSE = 5;
function readWhole(path, most, patience = PATIENCE) {
  const descriptor = (0, import_node_fs4.openSync)(path, import_node_fs4.constants.O_RDONLY | import_node_fs4.constants.O_NONBLOCK);
  try {
    const stats = (0, import_node_fs4.fstatSync)(descriptor);
    const isPipe = stats.isFIFO();
    if (!stats.isFile() && !isPipe) throw new Error(noFile(stats));
    const mayBegin = isPipe && unlessMissing(() => import_node_fs4.realpathSync.native(path)) !== void 0;
    const start = now();
    let bytes2 = Buffer.allocUnsafeSlow(Math.min(most, Math.max(stats.size, 2 ** 16)) + 1);
    let length = 0;
    for (; ; ) {
      if (length > most)
        throw new Error(
          `it holds more than ${most} bytes${isPipe ? ": write the pipe to a file first" : ""}`
        );
      if (length === bytes2.length) {
        const more = Buffer.allocUnsafeSlow(Math.min(2 * length, most + 1));
        bytes2.copy(more);
        bytes2 = more;
      }
      const read3 = unlessEmpty(() => (0, import_node_fs4.readSync)(descriptor, bytes2, length, bytes2.length - length, null));
      if (read3 === void 0 && !isPipe) throw new Error("it has nothing to read now");
      if (read3 !== void 0 && read3 > 0) {
        length += read3;
        continue;
      }
      if (read3 === 0) {
        if (!mayBegin || length > 0) return bytes2.subarray(0, length);
        if (now() - start > patience)
          throw new Error(`it is a pipe that nobody wrote to for ${patience / 1e3} s`);
      }
      Atomics.wait(NEVER, 0, 0, PAUSE);
    }
  } finally {
    (0, import_node_fs4.closeSync)(descriptor);
  }
}
var NEVER = new Int32Array(new SharedArrayBuffer(4));
function unlessEmpty(read3) {
  try {
    return read3();
  } catch (error) {
    if (codeOf(error) === "EAGAIN") return void 0;
    throw error;
  }
}

// lib/core/lists.ts
function largest(numbers, least = -Infinity) {
  let found3 = least;
  for (const x of numbers) found3 = Math.max(found3, x);
  return found3;
}
function smallest(numbers, most = Infinity) {
  let found3 = most;
  for (const x of numbers) found3 = Math.min(found3, x);
  return found3;
}
function append(list2, more) {
  for (const one of more) list2.push(one);
}

// lib/terminal/format.ts
function groupDigits(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
function printable(text2) {
  return text2 === "" ? '""' : escaped(text2);
}
function truncate(text2, width) {
  const characters = Array.from(text2);
  return characters.length <= width ? text2 : `${characters.slice(0, width - 1).join("")}…`;
}
function table(columns, rows4) {
  const titles = columns.map((column) => column.title);
  const widths = columns.map((_, i) => largest([titles, ...rows4].map((row) => Array.from(row[i]).length)));
  const line = (cells) => cells.map((cell2, i) => {
    const { align, gap } = columns[i];
    const padding = " ".repeat(widths[i] - Array.from(cell2).length);
    return " ".repeat(gap) + (align === "left" ? cell2 + padding : padding + cell2);
  }).join("").trimEnd();
  const width = columns.reduce((sum3, { gap }, i) => sum3 + gap + widths[i], 0);
  return [line(titles), "─".repeat(width), ...rows4.map(line)];
}

// lib/core/suggest.ts
var MAX_COMPARED = 100;
function nearest(given2, candidates) {
  if (given2.length > MAX_COMPARED) return void 0;
  const wanted = plain(given2);
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
function didYouMean(given2, candidates, prefix = "") {
  const name = nearest(given2, candidates);
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

// lib/cli/usage.ts
var UsageError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "UsageError";
  }
};
function checkNoInput(option, path, inputs) {
  const input = inputs.find((read3) => isSameFile(read3, path));
  if (input === void 0) return;
  const called = input === path ? "" : ` (as ${quotedPath(input)})`;
  throw new UsageError(
    `${option} ${quotedPath(path)} is a file that this command reads${called}, and would replace it: give the name of another file`
  );
}

// lib/study/defaults.ts
var DEFAULTS = {
  /** Training steps. */
  steps: 1e3,
  /** The seed of all random numbers. */
  seed: 42,
  /** Documents to sample. */
  samples: 20,
  /** The sampling temperature. */
  temperature: 0.5,
  /** Documents per step. */
  batch: 1
};

// lib/bench/effort.ts
var powersOfTwo = (from, to, step = 1) => Array.from({ length: (to - from) / step + 1 }, (_, i) => 2 ** (from + i * step));
var QUICK = {
  quick: true,
  turns: 5,
  budget: 1e6,
  sizes: {
    n: [16, 256, 4096],
    "16 x n": [16, 128, 1024],
    "n x n": [16, 64, 256],
    "n x n x n": [16, 64, 256]
  },
  workingSets: powersOfTwo(12, 26, 2),
  steps: DEFAULTS.steps,
  trainings: 3,
  nStates: [32, 128, 512]
};
var FULL = {
  quick: false,
  turns: 7,
  budget: 4e6,
  sizes: {
    n: [16, 64, 256, 1024, 4096, 65536, 1048576],
    "16 x n": [8, 16, 32, 64, 128, 256, 1024, 4096],
    "n x n": [8, 16, 32, 64, 128, 256, 512, 1024],
    "n x n x n": [4, 8, 16, 32, 64, 128, 256, 512]
  },
  workingSets: powersOfTwo(12, 27),
  steps: DEFAULTS.steps,
  trainings: 7,
  nStates: [32, 64, 128, 256, 512, 1024, 2048]
};
function whenEmulated(effort) {
  return { ...effort, turns: 1, budget: Math.min(effort.budget, 1e5), trainings: 1 };
}

// lib/bench/figures.ts
function named(reports) {
  return reports.map(({ file, report: report2 }, i) => ({
    key: i < 26 ? String.fromCharCode(65 + i) : `M${i + 1}`,
    file: file.replace(/^.*[/\\]/, ""),
    report: report2
  }));
}
function isProduct(shape) {
  return shape === "n x n x n";
}
function figures({ kernels, peaks: peaks2 }) {
  const key = (row, isa) => [row.kernel, row.shape, row.n, row.dtype, isa].join(" ");
  const found3 = new Map(kernels.map((row) => [key(row, row.isa), row]));
  const flops = new Map(peaks2.flops.toReversed().map((peak) => [`${peak.isa} ${peak.dtype}`, peak.gflops]));
  const bandwidths = grouped(peaks2.bandwidth, ({ isa, dtype: dtype2 }) => `${isa} ${dtype2}`);
  for (const own of bandwidths.values()) own.sort((a, b) => a.bytes - b.bytes);
  return kernels.map((row) => {
    const product3 = isProduct(row.shape);
    const rate = (product3 ? row.flop : row.bytes) / row.nanoseconds;
    const times2 = (isa) => {
      const other = found3.get(key(row, isa));
      return other && other.nanoseconds / row.nanoseconds;
    };
    const scalar3 = found3.get(key(row, "scalar"));
    const kind = `${row.isa} ${row.dtype}`;
    const peak = product3 ? flops.get(kind) : bandwidth(bandwidths.get(kind) ?? [], row.footprint);
    return {
      row,
      rate,
      unit: product3 ? "GFLOP/s" : "GB/s",
      overScalar: times2("scalar"),
      overOpenBlas: product3 ? times2("openblas") : void 0,
      ofPeak: peak === void 0 ? void 0 : rate / peak,
      fewerInstructions: scalar3?.instructions !== void 0 && row.instructions !== void 0 ? scalar3.instructions / row.instructions : void 0
    };
  });
}
function peakFlops({ flops }, isa, dtype2) {
  return flops.find((peak) => peak.isa === isa && peak.dtype === dtype2)?.gflops;
}
function bandwidth(own, footprint) {
  let low = 0;
  let high = own.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (own[middle].bytes <= footprint) low = middle + 1;
    else high = middle;
  }
  return own[Math.max(low - 1, 0)]?.gbs;
}
function bandwidthOf({ bandwidth: all2 }, isa) {
  const own = all2.filter((peak) => peak.isa === isa);
  return [...grouped(own, (peak) => peak.bytes)].map(([bytes2, peaks2]) => ({ bytes: bytes2, gbs: largest(peaks2.map(({ gbs }) => gbs)) })).sort((a, b) => a.bytes - b.bytes);
}
function geometricMean(values) {
  return Math.exp(values.reduce((sum3, value) => sum3 + Math.log(value), 0) / values.length);
}
function grouped(values, key) {
  const groups = /* @__PURE__ */ new Map();
  for (const value of values) {
    const of = key(value);
    const group = groups.get(of);
    if (group) group.push(value);
    else groups.set(of, [value]);
  }
  return groups;
}
function distinct(values) {
  return [...new Set(values)];
}

// lib/bench/page/html.ts
var Markup = class {
  constructor(text2) {
    this.text = text2;
  }
};
var ENTITIES = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
};
function escape(text2) {
  return text2.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
function html(strings, ...values) {
  return new Markup(
    strings.map((string, i) => string + (i < values.length ? render(values[i]) : "")).join("")
  );
}
function render(part) {
  if (part === void 0 || part === false) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "string" || typeof part === "number") return escape(String(part));
  return part.map(render).join("");
}

// lib/bench/page/style.ts
var LIGHT = ["#0064a3", "#b34700", "#00704f", "#99407a", "#6b5b00", "#3d4ec9"];
var DARK = ["#5cb8ee", "#f0964c", "#3cc79a", "#e59acb", "#d9c84a", "#a3acff"];
var hues = (colors) => colors.map((color, i) => `--c${i}:${color};`).join("");
var STYLE = `
:root{--page:#fff;--card:#f6f7f8;--ink:#1c1e21;--quiet:#5c636b;--line:#dfe2e6;--plain:#5c636b;--warn:#8a3b00;--warn-page:#fff3e6;${hues(LIGHT)}}
@media(prefers-color-scheme:dark){:root{--page:#14161a;--card:#1d2025;--ink:#e8eaed;--quiet:#a0a7b0;--line:#343941;--plain:#a0a7b0;--warn:#ffb980;--warn-page:#33230f;${hues(DARK)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:72rem;padding:2rem 1rem 3rem;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:1.75rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 .5rem}
h2{font-size:1.25rem;line-height:1.3;letter-spacing:-.01em;margin:3rem 0 .25rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.25rem 0 1rem;max-width:42rem}
.lead,section>p,footer{color:var(--quiet)}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.quiet{color:var(--quiet);font-weight:400}
.key{display:inline-block;min-width:1.5em;padding:0 .35em;border-radius:.25em;background:var(--ink);color:var(--page);font-size:.85em;font-weight:600;text-align:center}
.warning{color:var(--warn);font-weight:600}
p.warning{background:var(--warn-page);border-radius:.375rem;padding:.5rem .75rem}
section>p.warning{color:var(--warn)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem;margin-top:1rem}
.card{background:var(--card);border-radius:.5rem;padding:1rem;min-width:0}
.card h3{margin-top:0}
dl{display:grid;grid-template-columns:5.5rem 1fr;gap:.2rem .75rem;margin:0;font-size:.875rem}
dt{color:var(--quiet)}
dd{margin:0}
.table{overflow-x:auto;margin:0 0 1.5rem}
table{border-collapse:collapse;font-size:.8125rem;white-space:nowrap}
caption{text-align:left;font-weight:600;padding:.5rem 0;white-space:normal}
th,td{padding:.2rem .6rem .2rem 0;text-align:left;font-weight:400}
thead th{color:var(--quiet);vertical-align:bottom;border-bottom:1px solid var(--line)}
th.number,td.number{text-align:right}
@media(max-width:28rem){table{font-size:.75rem}th,td{padding-right:.4rem}}
thead th.group{text-align:right;border-bottom:0}
tbody tr:hover{background:var(--card)}
tr.best th,tr.best td{font-weight:600}
details{border-top:1px solid var(--line)}
summary{padding:.5rem 0;cursor:pointer;font-size:.875rem}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:0 0 1rem;padding:0;font-size:.875rem}
.legend li{display:flex;align-items:center;gap:.4rem}
.legend svg{width:20px;height:8px;flex:none}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.25rem,1fr));gap:1.25rem 1rem}
.wide{display:grid;align-items:start;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:1.5rem 2rem}
figure{margin:0;min-width:0;display:flex;flex-direction:column;justify-content:flex-end}
figure.top{justify-content:flex-start}
figcaption{font-size:.875rem;line-height:1.3;margin-bottom:.25rem}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-size:11px;fill:var(--ink)}
svg .tick,svg .note{fill:var(--quiet)}
svg .grid{stroke:var(--line);stroke-width:1}
svg .level{stroke:var(--quiet);stroke-width:1;stroke-dasharray:2 3}
svg path{fill:none;stroke:var(--hue);stroke-width:1.75;stroke-linejoin:round}
svg .broken path,.broken svg path{stroke-dasharray:4 3}
svg .mark{fill:var(--hue)}
svg text.heading{font-weight:600}
svg .broken .mark,.broken svg .mark{fill:none;stroke:var(--hue);stroke-width:1.25}
svg text.name{fill:var(--hue)}
.plain{--hue:var(--plain)}.ink{--hue:var(--ink)}
${LIGHT.map((_, i) => `.c${i}{--hue:var(--c${i})}`).join("")}
:focus-visible{outline:2px solid var(--c0);outline-offset:2px}
@media print{body{max-width:none}details{display:none}}
`.trim();

// lib/bench/format.ts
function figure(value) {
  if (value === void 0) return "";
  if (value >= 1e3) return groupDigits(Math.round(value));
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
function times(value) {
  return value === void 0 ? "" : `${figure(value)}×`;
}
function percent(value) {
  return value === void 0 ? "" : `${(value * 100).toFixed(0)}%`;
}
function bytes(value) {
  const [unit, each] = value >= 2 ** 20 ? ["MiB", 2 ** 20] : ["KiB", 2 ** 10];
  return `${Number((value / each).toFixed(1))} ${unit}`;
}
function size(n) {
  if (n >= 2 ** 20 && n % 2 ** 20 === 0) return `${n / 2 ** 20}M`;
  return n >= 2 ** 12 && n % 2 ** 10 === 0 ? `${n / 2 ** 10}K` : String(n);
}
function loss(value) {
  return value === null ? "-" : value.toFixed(4);
}

// lib/bench/text.ts
var left = (title, gap = 0) => ({ title, align: "left", gap });
var right = (title, gap = 2) => ({ title, align: "right", gap });
function machineRows(machine2) {
  const { isas, chosen, openblas, emulated } = machine2;
  const cached = machine2.caches.map(({ level, type, bytes: n }) => `L${level} ${type} ${bytes(n)}`).join(", ");
  const vectors = isas.map(({ name, vectorBits }) => `${name} (${vectorBits} bits)${name === chosen ? ", chosen" : ""}`).join("; ");
  return [
    ["processor", `${machine2.cpu}, ${machine2.arch}, ${machine2.cores} cores`],
    ["vectors", vectors],
    ["caches", cached === "" ? "unknown" : cached],
    [
      "OpenBLAS",
      openblas ? `${openblas.version}, core ${openblas.core}, ${openblas.threads} thread${openblas.threads === 1 ? "" : "s"}` : "none"
    ],
    ["system", `${machine2.system}, ${machine2.platform}, Node ${machine2.node}`],
    ["emulated", emulated ? `by ${emulated.by}: ${emulated.because}` : "no"]
  ];
}
var EMULATED = "These times were measured under emulation: they say nothing about real processors of that kind.";
function reportText(report2) {
  const { machine: machine2, peaks: peaks2, quick } = report2;
  return [
    `vecgrad ${report2.vecgrad} bench, ${report2.date}${quick ? ", --quick: a rough run" : ""}`,
    "",
    ...machineRows(machine2).map(([name, value]) => `${name.padEnd(11)}${value}`),
    ...machine2.emulated ? ["", EMULATED] : [],
    "",
    "Peaks: independent multiplications and additions; reading, copying or adding arrays",
    "",
    ...peakTable(peaks2),
    "",
    ...kernelTables(report2),
    "The four models, 1 step at a time",
    "",
    ...modelTable(report2),
    "",
    "Recurrent nets by n_state, us, float32: rnn / rnn_att (16 coordinates fire)",
    "",
    ...stateTable(report2),
    ""
  ].join("\n");
}
function peakTable(peaks2) {
  const isas = distinct(peaks2.flops.map(({ isa }) => isa));
  const sets = distinct(peaks2.bandwidth.map((peak) => peak.bytes));
  const shown2 = sets.filter((_, i) => i % Math.ceil(sets.length / 8) === 0);
  return table(
    [
      left("isa"),
      right("float32 GFLOP/s"),
      right("float64"),
      ...shown2.map((n, i) => right(i ? bytes(n) : `GB/s: ${bytes(n)}`))
    ],
    isas.map((isa) => [
      isa,
      figure(peakFlops(peaks2, isa, "float32")),
      figure(peakFlops(peaks2, isa, "float64")),
      ...shown2.map((n) => figure(bandwidthOf(peaks2, isa).find((peak) => peak.bytes === n)?.gbs))
    ])
  );
}
function kernelTables(report2) {
  const all2 = figures(report2);
  const isas = distinct(all2.map(({ row }) => row.isa)).filter((isa) => isa !== "openblas");
  const vectors = isas.filter((isa) => isa !== "scalar");
  return (vectors.length > 0 ? vectors : isas).flatMap(
    (isa) => ["GB/s", "GFLOP/s"].flatMap((unit) => {
      const own = all2.filter((one) => one.row.isa === isa && one.unit === unit);
      return own.length === 0 ? [] : kernelTable(isa, unit, own);
    })
  );
}
function kernelTable(isa, unit, own) {
  const isProducts = unit === "GFLOP/s";
  const cells = (one) => [
    figure(one?.row.nanoseconds),
    figure(one?.rate),
    times(one?.overScalar),
    ...isProducts ? [times(one?.overOpenBlas)] : [],
    percent(one?.ofPeak)
  ];
  const lines = [...grouped(own, ({ row }) => `${row.kernel} ${row.n}`).values()].map((here) => {
    const { kernel: kernel2, shape, n } = here[0].row;
    const [float32, float64] = ["float32", "float64"].map(
      (dtype2) => cells(here.find(({ row }) => row.dtype === dtype2))
    );
    return [kernel2, shape.replaceAll("n", size(n)), ...float32, ...float64];
  });
  const columns = ["float32", "float64"].flatMap((dtype2) => [
    right(`${dtype2} ns`, 3),
    ...[unit, "× scalar", ...isProducts ? ["× OpenBLAS"] : [], "of peak"].map((title) => right(title))
  ]);
  return [
    `${isProducts ? "Products" : "Kernels"}, ${isa}`,
    "",
    ...table([left("kernel"), left("size", 2), ...columns], lines),
    ""
  ];
}
function modelTable({ models }) {
  return table(
    [
      left("model"),
      left("isa", 2),
      ...["us/step, float64", "float32", "final loss, float64", "float32"].map((t) => right(t))
    ],
    [...grouped(models, ({ model: model2, isa }) => `${model2} ${isa}`)].map(([key, own]) => {
      const [float64, float32] = ["float64", "float32"].map(
        (dtype2) => own.find((row) => row.dtype === dtype2)
      );
      return [
        ...key.split(" "),
        figure(float64?.microsecondsPerStep),
        figure(float32?.microsecondsPerStep),
        float64 ? loss(float64.finalLoss) : "",
        float32 ? loss(float32.finalLoss) : ""
      ];
    })
  );
}
var PARTS = ["forward", "backward", "update"];
function stateTable({ states: states2 }) {
  return table(
    [right("n_state", 0), ...PARTS.map((part) => right(part, 3))],
    [...grouped(states2, (row) => row.nState)].map(([nState, own]) => [
      String(nState),
      ...PARTS.map(
        (part) => ["rnn", "rnn_att"].map((name) => own.find((row) => row.model === name && row.part === part)).map((row) => figure(row?.microseconds)).join(" / ")
      )
    ])
  );
}
function comparisonText(machines) {
  const real = machines.filter(({ report: report2 }) => report2.machine.emulated === null);
  const emulated = machines.filter(({ report: report2 }) => report2.machine.emulated !== null);
  const legend2 = machines.map(({ key, file, report: { machine: machine2, quick } }) => {
    const mark = machine2.emulated ? `, EMULATED by ${machine2.emulated.by}` : "";
    return `${key}  ${machine2.cpu}, ${machine2.arch}${mark}${quick ? ", --quick" : ""} (${printable(file)})`;
  });
  return [
    ...legend2,
    "",
    ...real.length > 0 ? sideBySide(real) : [],
    ...emulated.length > 0 ? ["Emulated", "", EMULATED, "", ...sideBySide(emulated)] : []
  ].join("\n");
}
function sideBySide(machines) {
  const columns = machines.flatMap(({ key, report: report2 }) => {
    const all2 = figures(report2);
    const isas = report2.machine.isas.map(({ name }) => name).filter((name) => name !== "scalar");
    return isas.map((isa) => ({
      title: `${key} ${isa}`,
      own: grouped(
        all2.filter(({ row }) => row.isa === isa),
        ({ row }) => `${row.kernel} ${row.dtype}`
      )
    }));
  });
  const kernels = distinct(machines.flatMap(({ report: report2 }) => report2.kernels.map((row) => row.kernel)));
  const speedUps2 = kernels.map((kernel2) => [
    kernel2,
    ...columns.flatMap(
      ({ own }) => ["float32", "float64"].map((dtype2) => {
        const ratios = (own.get(`${kernel2} ${dtype2}`) ?? []).flatMap(
          ({ overScalar }) => overScalar === void 0 ? [] : [overScalar]
        );
        return ratios.length > 0 ? times(geometricMean(ratios)) : "";
      })
    )
  ]);
  const trained = machines.flatMap(
    ({ key, report: report2 }) => report2.models.map((row) => [
      row.model,
      key,
      row.isa,
      row.dtype,
      figure(row.microsecondsPerStep),
      loss(row.finalLoss)
    ])
  );
  trained.sort((a, b) => a[0].localeCompare(b[0]));
  const states2 = machines.flatMap(({ report: report2 }) => report2.states);
  const sizes = distinct(states2.map(({ nState }) => nState)).sort((a, b) => a - b);
  const stateColumns = machines.flatMap(
    ({ key, report: report2 }) => ["rnn", "rnn_att"].map((model2) => ({
      title: `${key} ${model2}`,
      own: grouped(
        report2.states.filter((row) => row.model === model2),
        (row) => row.nState
      )
    }))
  );
  return [
    "Speed-up over scalar: the geometric mean over all sizes",
    "",
    ...table(
      [left("kernel"), ...columns.flatMap(({ title }) => [right(`${title} float32`, 3), right("float64")])],
      speedUps2
    ),
    "",
    ...table(
      [
        left("model"),
        ...["machine", "isa", "dtype"].map((title) => left(title, 2)),
        right("us/step"),
        right("final loss")
      ],
      trained
    ),
    "",
    "A step of the recurrent nets by n_state, us, float32: forward, backward and update",
    "",
    ...table(
      [right("n_state", 0), ...stateColumns.map(({ title }) => right(title))],
      sizes.map((nState) => [
        String(nState),
        ...stateColumns.map(({ own }) => {
          const parts = own.get(nState) ?? [];
          return parts.length === 0 ? "" : figure(parts.reduce((sum3, row) => sum3 + row.microseconds, 0));
        })
      ])
    ),
    ""
  ];
}

// lib/bench/page/parts.ts
var DTYPES = ["float32", "float64"];
var PANEL = { width: 164, height: 118 };
var WIDE = { width: 328, height: 230 };
function legend(machines, isDots) {
  const isOne = machines.length === 1;
  const dot3 = html`<circle class="mark" cx="10" cy="4" r="3.5" />`;
  const path = html`<path d="M0 4H20" />`;
  const entry2 = (classes, text2, drawn2) => html`<li class="${classes}"><svg viewBox="0 0 20 8" aria-hidden="true">${drawn2}</svg>${text2}</li>`;
  const drawn = isDots ? dot3 : path;
  return html`<ul class="legend">
    ${machines.flatMap(
    ({ key, vectors }) => vectors.map(({ name, color }) => entry2(color, isOne ? name : `${key} ${name}`, drawn))
  )}${isDots && entry2("plain", "scalar", drawn)}${entry2("ink", "float32", drawn)}${entry2("ink broken", "float64", drawn)}
  </ul>`;
}
function tableIn(caption, name, head, rows4) {
  return html`<div class="table" tabindex="0" role="region" aria-label="${name}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        ${head}
      </thead>
      <tbody>
        ${rows4}
      </tbody>
    </table>
  </div>`;
}
function cell(value, show2) {
  if (value === void 0) return html`<td class="number"></td>`;
  return html`<td class="number" data-value="${value}">${show2(value)}</td>`;
}
function figureShort(value) {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}K`;
  return String(Number(value.toPrecision(3)));
}

// lib/bench/page/chart.ts
var LINE = 13;
var at = (value) => String(Number(value.toFixed(1)));
function chartSvg(chart) {
  const { width, height, x, y, series, level, labelWidth = 0 } = chart;
  const area = { left: 34, right: width - Math.max(labelWidth, 8), top: 9, bottom: height - 20 };
  const placeX = placer(x, area.left, area.right);
  const placeY = placer(y, area.bottom, area.top);
  const grid = y.ticks.map(
    ({ at: value, text: text2 }) => html`<line
          class="grid"
          x1="${area.left}"
          x2="${at(area.right)}"
          y1="${at(placeY(value))}"
          y2="${at(placeY(value))}"
        /><text class="tick" x="${area.left - 5}" y="${at(placeY(value) + 4)}" text-anchor="end"
          >${text2}</text
        >`
  );
  const places = x.ticks.map(
    ({ at: value, text: text2 }, i) => html`<text
        class="tick"
        x="${at(placeX(value))}"
        y="${height - 5}"
        text-anchor="${anchor(i, x.ticks.length)}"
        >${text2}</text
      >`
  );
  const lines = series.map(({ color, isBroken = false, points }) => {
    const path = points.map((p, i) => `${i ? "L" : "M"}${at(placeX(p.x))} ${at(placeY(p.y))}`);
    const marks = points.map(
      (p) => html`<circle class="mark" cx="${at(placeX(p.x))}" cy="${at(placeY(p.y))}" r="2.2"
          ><title>${p.text}</title></circle
        >`
    );
    return html`<g class="${color}${isBroken ? " broken" : ""}"><path d="${path.join("")}" />${marks}</g>`;
  });
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${chart.label}">
    ${grid}${places}${level && levelLine(level, area, placeY)}${lines}${labelWidth > 0 ? endLabels(series, area, placeY) : void 0}
  </svg>`;
}
function dotsSvg({ label: label2, rows: rows4, width, x }) {
  const left2 = largest(
    rows4.map(({ name }) => name.length),
    0
  ) * 7 + 10;
  const placeX = placer(x, left2 + 6, width - 8);
  let bottom = 4;
  const placed = rows4.map((row) => {
    bottom += row.heading === void 0 ? 18 : 34;
    return { ...row, y: bottom - 8 };
  });
  const grid = x.ticks.map(
    ({ at: value, text: text2 }, i) => html`<line
          class="grid"
          x1="${at(placeX(value))}"
          x2="${at(placeX(value))}"
          y1="4"
          y2="${bottom}"
        /><text
          class="tick"
          x="${at(placeX(value))}"
          y="${bottom + 14}"
          text-anchor="${anchor(i, x.ticks.length)}"
          >${text2}</text
        >`
  );
  const marks = placed.map(
    ({ name, heading, dots, y }) => html`${heading !== void 0 && html`<text class="heading" x="0" y="${y - 12}">${heading}</text>`}<text
          class="tick"
          x="0"
          y="${y + 4}"
          >${name}</text
        ><line class="grid" x1="${left2}" x2="${width}" y1="${y}" y2="${y}" />${dots.map(
      (dot3) => html`<g class="${dot3.color}${dot3.isHollow && " broken"}"
              ><circle class="mark" cx="${at(placeX(dot3.x))}" cy="${y}" r="3.5"
                ><title>${dot3.text}</title></circle
              ></g
            >`
    )}`
  );
  return html`<svg viewBox="0 0 ${width} ${bottom + 18}" role="img" aria-label="${label2}">
    ${grid}${marks}
  </svg>`;
}
function levelLine({ at: value, text: text2 }, { left: left2, right: right2, top }, placeY) {
  const y = placeY(value);
  const below = y < top + LINE;
  return html`<line class="level" x1="${left2}" x2="${at(right2)}" y1="${at(y)}" y2="${at(y)}" /><text
      class="note"
      x="${left2 + 4}"
      y="${at(below ? y + LINE : y - 4)}"
      >${text2}</text
    >`;
}
function endLabels(series, { right: right2, top, bottom }, placeY) {
  const labels = series.filter(({ points }) => points.length > 0).map(({ label: label2, color, points }) => ({ label: label2, color, y: placeY(points.at(-1).y) })).sort((a, b) => a.y - b.y);
  spread(labels, top, bottom);
  return labels.map(
    ({ label: label2, color, y }) => html`<text class="name ${color}" x="${at(right2 + 6)}" y="${at(y + 4)}">${label2}</text>`
  );
}
function spread(labels, top, bottom) {
  let least = top;
  for (const label2 of labels) {
    label2.y = Math.max(label2.y, least);
    least = label2.y + LINE;
  }
  let most = bottom;
  for (const label2 of [...labels].reverse()) {
    label2.y = Math.min(label2.y, most);
    most = label2.y - LINE;
  }
}
function placer({ from, to }, start, end) {
  const [low, high] = [Math.log(from), Math.log(to)];
  if (high - low < 1e-9) return () => (start + end) / 2;
  return (value) => start + (Math.log(value) - low) / (high - low) * (end - start);
}
function anchor(i, count2) {
  return i === count2 - 1 && i > 0 ? "end" : i === 0 ? "start" : "middle";
}
function scaleOf(values, base, most, text2) {
  const logs = values.map((value) => Math.log(value) / Math.log(base));
  const first = Math.floor(smallest(logs) + 1e-9);
  const last = Math.max(Math.ceil(largest(logs) - 1e-9), first + 1);
  const step = Math.ceil((last - first + 1) / most);
  const ticks = [];
  for (let power = first; power <= last; power += step) {
    ticks.push({ at: base ** power, text: text2(base ** power) });
  }
  return { from: base ** first, to: base ** last, ticks };
}
function sizesScale(sizes, most, text2) {
  const sorted = [...new Set(sizes)].sort((a, b) => a - b);
  const [from, to] = [sorted[0], sorted.at(-1)];
  const step = Math.max(1, Math.ceil((sorted.length - 1) / Math.max(1, most - 1)));
  const named3 = sorted.filter((_, i) => (sorted.length - 1 - i) % step === 0);
  return { from, to, ticks: named3.map((at2) => ({ at: at2, text: text2(at2) })) };
}

// lib/bench/page/models.ts
function league(machines) {
  return html`<section>
    <h2>The four models</h2>
    <p>
      Microseconds of a training step (forward, gradients, update) and the loss of the last of them. The rows
      in bold are those of the default instruction set.
    </p>
    ${legend(machines, true)}
    <div class="wide">${leagueChart(machines)}${machines.map(leagueTable)}</div>
  </section>`;
}
function leagueChart(machines) {
  const all2 = machines.flatMap(({ report: report2 }) => report2.models);
  if (all2.length === 0) return void 0;
  const isOne = machines.length === 1;
  const own = machines.map(({ report: report2 }) => grouped(report2.models, ({ model: model2 }) => model2));
  const rows4 = distinct(all2.map(({ model: model2 }) => model2)).flatMap(
    (model2) => machines.map(({ key, vectors }, i) => ({
      name: isOne ? model2 : key,
      heading: isOne || i > 0 ? void 0 : model2,
      dots: (own[i].get(model2) ?? []).map((row) => ({
        x: row.microsecondsPerStep,
        color: vectors.find(({ name }) => name === row.isa)?.color ?? "plain",
        isHollow: row.dtype === "float64",
        text: `${model2}, ${key} ${row.isa} ${row.dtype}: ${figure(row.microsecondsPerStep)} µs`
      }))
    }))
  );
  const fastest = [...grouped(all2, ({ model: model2 }) => model2)].map(([model2, these]) => {
    const best = these.reduce((a, b) => a.microsecondsPerStep < b.microsecondsPerStep ? a : b);
    return `${model2} ${figure(best.microsecondsPerStep)} by ${best.isa} in ${best.dtype}`;
  });
  const label2 = `Microseconds of a training step, the fastest of each model: ${fastest.join(", ")}`;
  const x = scaleOf(
    all2.map((row) => row.microsecondsPerStep),
    10,
    5,
    figureShort
  );
  return html`<figure class="top" data-chart="models">
    <figcaption><b>A training step</b> <span class="quiet">µs</span></figcaption>
    ${dotsSvg({ label: label2, rows: rows4, width: WIDE.width, x })}
  </figure>`;
}
function leagueTable({ key, report: report2, isEmulated }) {
  const { models } = report2;
  const rows4 = [...grouped(models, ({ model: model2, isa }) => `${model2} ${isa}`).values()].map((own) => {
    const { model: model2, isa } = own[0];
    const of = (dtype2) => own.find((row) => row.dtype === dtype2);
    const [float64, float32] = [of("float64"), of("float32")];
    return html`<tr${isa === report2.machine.chosen && new Markup(' class="best"')}><th scope="row">${model2}</th><td>${isa}</td>${[
      cell(float64?.microsecondsPerStep, figure),
      cell(float32?.microsecondsPerStep, figure),
      cell(float64?.finalLoss, loss),
      cell(float32?.finalLoss, loss)
    ]}</tr>`;
  });
  return tableIn(
    html`<span class="key">${key}</span>
      ${report2.machine.cpu}${isEmulated && html` <strong class="warning">emulated</strong>`}`,
    `The four models on ${report2.machine.cpu}`,
    html`<tr>
        <th scope="col" rowspan="2">model</th>
        <th scope="col" rowspan="2">isa</th>
        <th scope="colgroup" colspan="2" class="group">µs/step</th>
        <th scope="colgroup" colspan="2" class="group">final loss</th>
      </tr>
      <tr>
        ${[0, 1].map(
      () => html`<th scope="col" class="number">float64</th>
              <th scope="col" class="number">float32</th>`
    )}
      </tr>`,
    rows4
  );
}

// lib/bench/page/ratios.ts
function speedUps(machines) {
  const of = (one) => one.overScalar;
  return html`<section>
    <h2>Speed-up over scalar code</h2>
    <p>
      Each kernel by size, all on one logarithmic scale: how many times as fast as the same kernel in scalar
      code.
    </p>
    ${legend(machines, false)}${panels("speed-up", machines, of, "as fast as scalar")}
  </section>`;
}
function instructions(machines) {
  const of = (one) => one.fewerInstructions;
  const counted2 = machines.filter(({ all: all2 }) => all2.some((one) => of(one) !== void 0));
  if (counted2.length === 0) return void 0;
  return html`<section>
    <h2>Times fewer instructions than scalar code</h2>
    <p>Executed instructions, as counted: they are the same on a real processor and under emulation.</p>
    ${legend(counted2, false)}${panels("instructions", counted2, of, "fewer instructions than scalar")}
  </section>`;
}
function panels(name, machines, ratio, what) {
  const rows4 = machines.flatMap(
    (machine2) => machine2.all.flatMap((one) => {
      const value = ratio(one);
      const vector2 = machine2.vectors.find((isa) => isa.name === one.row.isa);
      return value === void 0 || !vector2 ? [] : [{ machine: machine2, vector: vector2, row: one.row, value }];
    })
  );
  if (rows4.length === 0) return html`<p>There was no instruction set besides scalar.</p>`;
  const y = scaleOf(
    [1, ...rows4.map(({ value }) => value)],
    2,
    5,
    (value) => `${Number(value.toPrecision(3))}×`
  );
  const kernels = grouped(rows4, ({ row }) => row.kernel);
  return html`<div class="panels">
    ${[...kernels].map(([kernel2, own]) => {
    const { shape } = own[0].row;
    const most = own.reduce((best, one) => one.value > best.value ? one : best);
    const series = distinct(own.map(({ machine: machine2 }) => machine2)).flatMap(
      (machine2) => machine2.vectors.flatMap(
        (vector2) => DTYPES.map((dtype2) => {
          const label3 = `${machine2.key} ${vector2.name} ${dtype2}`;
          const points = own.filter((one) => one.vector === vector2 && one.row.dtype === dtype2).map(({ row, value }) => ({
            x: row.n,
            y: value,
            text: `${label3}, n ${row.n}: ${times(value)}`
          })).sort((a, b) => a.x - b.x);
          return { label: label3, color: vector2.color, isBroken: dtype2 === "float64", points };
        })
      )
    );
    const x = sizesScale(
      own.map(({ row }) => row.n),
      2,
      size
    );
    const label2 = `${kernel2}: at most ${times(most.value)} ${what}, by ${most.vector.name} in ${most.row.dtype} at n ${most.row.n}`;
    return html`<figure data-chart="${name} ${kernel2}">
        <figcaption><b>${kernel2}</b> <span class="quiet">${shape.replaceAll(" x ", "×")}</span></figcaption>
        ${chartSvg({ name, label: label2, ...PANEL, x, y, series })}
      </figure>`;
  })}
  </div>`;
}

// lib/bench/page/products.ts
function products(machines) {
  const charts = machines.flatMap(
    (machine2) => DTYPES.flatMap((dtype2) => {
      const rows4 = machine2.all.filter(({ row }) => row.kernel === "gemm" && row.dtype === dtype2);
      if (rows4.length === 0) return [];
      const peak = peakFlops(machine2.report.peaks, machine2.report.machine.chosen, dtype2);
      const series = distinct(rows4.map(({ row }) => row.isa)).map((isa) => ({
        label: isa === "openblas" ? "OpenBLAS" : isa,
        color: machine2.vectors.find(({ name }) => name === isa)?.color ?? "plain",
        isBroken: isa === "openblas",
        points: rows4.filter(({ row }) => row.isa === isa).map(({ row, rate }) => ({
          x: row.n,
          y: rate,
          text: `${isa}, n ${row.n}: ${figure(rate)} GFLOP/s`
        })).sort((a, b) => a.x - b.x)
      }));
      const values = [...rows4.map(({ rate }) => rate), ...peak === void 0 ? [] : [peak]];
      const best = rows4.reduce((a, b) => a.rate > b.rate ? a : b);
      const label2 = `Products of n x n matrices in ${dtype2} on ${machine2.report.machine.cpu}: ${best.row.isa} reaches ${figure(best.rate)} GFLOP/s at n ${best.row.n}${peak === void 0 ? "" : `, of a peak of ${figure(peak)}`}`;
      const svg = chartSvg({
        ...{ name: "products", label: label2, ...WIDE, series, labelWidth: 66 },
        x: sizesScale(
          rows4.map(({ row }) => row.n),
          5,
          size
        ),
        y: scaleOf(values, 2, 7, figureShort),
        ...peak !== void 0 && { level: { at: peak, text: `peak ${figure(peak)}` } }
      });
      return [
        html`<figure data-chart="products ${machine2.key} ${dtype2}">
          <figcaption>
            <span class="key">${machine2.key}</span> <b>${dtype2}</b> <span class="quiet">GFLOP/s by n</span>
          </figcaption>
          ${svg}
        </figure>`
      ];
    })
  );
  return html`<section>
    <h2>Products beside OpenBLAS</h2>
    <p>
      GFLOP/s of products of n×n matrices, by each instruction set's own kernel and by OpenBLAS on one thread,
      and the peak of multiplications and additions. A compiled model uses OpenBLAS for products from the size
      at which it was measured to be faster.
    </p>
    <div class="wide">${charts}</div>
  </section>`;
}

// lib/bench/page/states.ts
function states(machines) {
  const all2 = machines.flatMap(({ report: report2 }) => report2.states);
  if (all2.length === 0) return html``;
  const y = scaleOf(
    all2.map((row) => row.microseconds),
    10,
    7,
    figureShort
  );
  const x = sizesScale(
    all2.map(({ nState }) => nState),
    5,
    String
  );
  const isOne = machines.length === 1;
  const charts = PARTS.map((part) => {
    const series = machines.flatMap(
      (machine2) => ["rnn", "rnn_att"].map((model2) => {
        const label3 = isOne ? model2 : `${machine2.key} ${model2}`;
        const points = machine2.report.states.filter((row) => row.part === part && row.model === model2).map((row) => ({
          x: row.nState,
          y: row.microseconds,
          text: `${label3}, n_state ${row.nState}: ${figure(row.microseconds)} µs`
        })).sort((a, b) => a.x - b.x);
        const color = machine2.vectors[0]?.color ?? "plain";
        return { label: label3, color, isBroken: model2 === "rnn_att", points };
      })
    );
    const label2 = `${part} by n_state, microseconds: ` + machines.map((machine2) => gain(machine2, part)).join("; ");
    const svg = chartSvg({ name: "states", label: label2, ...WIDE, x, y, series, labelWidth: 66 });
    return html`<figure data-chart="states ${part}">
      <figcaption><b>${part}</b> <span class="quiet">µs by n_state</span></figcaption>
      ${svg}
    </figure>`;
  });
  return html`<section>
    <h2>Recurrent nets by the size of their state</h2>
    <p>
      A document of 7 letters in float32. In <code>rnn_att</code> (dashed) only the 16 largest coordinates of
      the state act: its work grows with n_state, that of <code>rnn</code> with its square. Gradients that are
      products are computed in the update.
    </p>
    <div class="wide">${charts}</div>
  </section>`;
}
function gain({ key, report: report2 }, part) {
  const own = report2.states.filter((row) => row.part === part);
  const most = largest(own.map(({ nState }) => nState));
  const time = (model2) => own.find((row) => row.model === model2 && row.nState === most)?.microseconds;
  const [dense2, sparse] = [time("rnn"), time("rnn_att")];
  if (dense2 === void 0 || sparse === void 0) return `${key} was not measured`;
  return `on ${key}, at ${most}, rnn takes ${figure(dense2)} and rnn_att ${figure(sparse)}`;
}

// lib/bench/page/peaks.ts
function bandwidth2(machines) {
  const charts = machines.flatMap(({ key, report: report2, vectors }) => {
    const peaks2 = report2.peaks.bandwidth;
    if (peaks2.length === 0) return [];
    const isas = distinct(peaks2.map(({ isa }) => isa));
    const series = isas.map((isa) => ({
      label: isa,
      color: vectors.find(({ name }) => name === isa)?.color ?? "plain",
      points: bandwidthOf(report2.peaks, isa).map((peak) => ({
        x: peak.bytes,
        y: peak.gbs,
        text: `${isa}, ${bytes(peak.bytes)}: ${figure(peak.gbs)} GB/s`
      }))
    }));
    const best = peaks2.reduce((a, b) => a.gbs > b.gbs ? a : b);
    const label2 = `Bandwidth on ${report2.machine.cpu} by bytes worked on: at most ${figure(best.gbs)} GB/s, by ${best.isa} over ${bytes(best.bytes)}`;
    const svg = chartSvg({
      ...{ name: "bandwidth", label: label2, ...WIDE, series, labelWidth: 66 },
      x: sizesScale(
        peaks2.map((peak) => peak.bytes),
        4,
        bytes
      ),
      y: scaleOf(
        peaks2.map(({ gbs }) => gbs),
        10,
        6,
        figureShort
      )
    });
    const rows4 = isas.map(
      (isa) => html`<tr>
          <th scope="row">${isa}</th>
          ${DTYPES.map((dtype2) => cell(peakFlops(report2.peaks, isa, dtype2), figure))}${cell(largest(peaks2.filter((peak) => peak.isa === isa).map(({ gbs }) => gbs)), figure)}
        </tr>`
    );
    const caption = html`<span class="key">${key}</span> peaks`;
    return {
      chart: html`<figure data-chart="bandwidth ${key}">
        <figcaption>
          <span class="key">${key}</span> <b>bandwidth</b> <span class="quiet">GB/s by working set</span>
        </figcaption>
        ${svg}
      </figure>`,
      peaks: tableIn(
        caption,
        `Peaks of ${report2.machine.cpu}`,
        html`<tr>
            <th scope="col" rowspan="2">isa</th>
            <th scope="colgroup" colspan="2" class="group">GFLOP/s</th>
            <th scope="col" rowspan="2" class="number">GB/s</th>
          </tr>
          <tr>
            ${DTYPES.map((dtype2) => html`<th scope="col" class="number">${dtype2}</th>`)}
          </tr>`,
        rows4
      )
    };
  });
  return html`<section>
    <h2>Peaks</h2>
    <p>
      What the kernels are measured against: one core's independent multiplications and additions, and the
      best of reading, copying and adding arrays that fill so many bytes.
    </p>
    <div class="wide">${charts.map(({ chart }) => chart)}${charts.map((one) => one.peaks)}</div>
  </section>`;
}

// lib/bench/page/kernels.ts
function kernelTables2(machine2) {
  const { key, report: report2, all: all2, isEmulated } = machine2;
  const vectors = all2.filter(({ row }) => machine2.vectors.some(({ name }) => name === row.isa));
  const ratios = vectors.flatMap(({ overScalar }) => overScalar === void 0 ? [] : [overScalar]);
  const mean = ratios.length > 0 && !isEmulated ? `, ${times(geometricMean(ratios))} scalar on average` : "";
  const hasCounts = all2.some(({ row }) => row.instructions !== void 0);
  return html`<h3>
      <span class="key">${key}</span>
      ${report2.machine.cpu}${isEmulated && html` <strong class="warning">emulated</strong>`}<span
        class="quiet"
        >${mean}</span
      >
    </h3>
    ${statesTable(machine2)}${peaksTables(machine2)}
    ${distinct(all2.map(({ row }) => row.shape)).map((shape) => {
    const own = all2.filter(({ row }) => row.shape === shape);
    const names = distinct(own.map(({ row }) => row.kernel));
    const header = [
      "kernel",
      "n",
      "type",
      "isa",
      "ns",
      own[0].unit,
      "× scalar",
      ...shape === "n x n x n" ? ["× OpenBLAS"] : [],
      "of peak",
      ...hasCounts ? ["instructions"] : []
    ];
    return html`<details>
        <summary>
          ${shape.replaceAll(" x ", "×")}:
          ${names.slice(0, 4).join(", ")}${names.length > 4 && ` and ${names.length - 4} more`}
        </summary>
        ${tableIn(
      html`${own.length} rows`,
      `Kernels over ${shape} on ${report2.machine.cpu}`,
      html`<tr>
            ${header.map((title) => html`<th scope="col" ${!["kernel", "type", "isa"].includes(title) && new Markup(' class="number"')}>${title}</th>`)}
          </tr>`,
      own.map((one) => kernelRow(one, shape, hasCounts))
    )}
      </details>`;
  })}`;
}
function kernelRow(one, shape, hasCounts) {
  const { row } = one;
  return html`<tr>
    <th scope="row">${row.kernel}</th>
    ${[
    cell(row.n, size),
    html`<td>${row.dtype}</td>
        <td>${row.isa}</td>`,
    cell(row.nanoseconds, figure),
    cell(one.rate, figure),
    cell(one.overScalar, times),
    ...shape === "n x n x n" ? [cell(one.overOpenBlas, times)] : [],
    cell(one.ofPeak, percent),
    ...hasCounts ? [cell(row.instructions, figure)] : []
  ]}
  </tr>`;
}
function firsts(rows4, keyOf) {
  return new Map(rows4.map((row) => [keyOf(row), row]).reverse());
}
function statesTable({ report: report2 }) {
  const { states: rows4, machine: machine2 } = report2;
  if (rows4.length === 0) return void 0;
  const models = distinct(rows4.map(({ model: model2 }) => model2));
  const times2 = firsts(rows4, ({ nState, part, model: model2 }) => [nState, part, model2].join());
  const time = (nState, part, model2) => times2.get([nState, part, model2].join())?.microseconds;
  return html`<details>
    <summary>Recurrent nets by n_state</summary>
    ${tableIn(
    "µs, float32",
    `Recurrent nets by n_state on ${machine2.cpu}`,
    html`<tr>
          <th scope="col" rowspan="2" class="number">n_state</th>
          ${PARTS.map((part) => html`<th scope="colgroup" colspan="${models.length}" class="group">${part}</th>`)}
        </tr>
        <tr>
          ${PARTS.map(() => models.map((model2) => html`<th scope="col" class="number">${model2}</th>`))}
        </tr>`,
    distinct(rows4.map(({ nState }) => nState)).map(
      (nState) => html`<tr>
            <th scope="row" class="number">${nState}</th>
            ${PARTS.map((part) => models.map((model2) => cell(time(nState, part, model2), figure)))}
          </tr>`
    )
  )}
  </details>`;
}
function peaksTables({ report: report2 }) {
  const { peaks: peaks2, machine: machine2 } = report2;
  const isas = distinct([...peaks2.flops, ...peaks2.bandwidth].map(({ isa }) => isa));
  if (isas.length === 0) return void 0;
  const heads = isas.flatMap(() => DTYPES.map((dtype2) => html`<th scope="col" class="number">${dtype2}</th>`));
  const cells = (of) => isas.flatMap((isa) => DTYPES.map((dtype2) => cell(of(isa, dtype2), figure)));
  const flops = firsts(peaks2.flops, ({ isa, dtype: dtype2 }) => [isa, dtype2].join());
  const bandwidth3 = firsts(peaks2.bandwidth, (peak) => [peak.bytes, peak.isa, peak.dtype].join());
  const sets = distinct(peaks2.bandwidth.map((peak) => peak.bytes)).sort((a, b) => a - b);
  return html`<details>
    <summary>Peaks</summary>
    ${tableIn(
    "GFLOP/s, and GB/s by working set",
    `Peaks of ${machine2.cpu} by instruction set and type`,
    html`<tr>
          <th scope="col" rowspan="2">measure</th>
          ${isas.map((isa) => html`<th scope="colgroup" colspan="2" class="group">${isa}</th>`)}
        </tr>
        <tr>
          ${heads}
        </tr>`,
    [
      html`<tr>
          <th scope="row">GFLOP/s</th>
          ${cells((isa, dtype2) => flops.get([isa, dtype2].join())?.gflops)}
        </tr>`,
      ...sets.map(
        (set) => html`<tr>
              <th scope="row">${bytes(set)}</th>
              ${cells((isa, dtype2) => bandwidth3.get([set, isa, dtype2].join())?.gbs)}
            </tr>`
      )
    ]
  )}
  </details>`;
}

// lib/bench/page/page.ts
var HUES = 6;
function pageHtml(machines) {
  let hue = 0;
  const shown2 = machines.map((machine2) => {
    const { report: report2 } = machine2;
    const isas = report2.machine.isas.map(({ name }) => name).filter((name) => name !== "scalar");
    return {
      ...machine2,
      all: figures(report2),
      isEmulated: report2.machine.emulated !== null,
      vectors: isas.map((name) => ({ name, color: `c${hue++ % HUES}` }))
    };
  });
  const real = shown2.filter(({ isEmulated }) => !isEmulated);
  const emulated = shown2.filter(({ isEmulated }) => isEmulated);
  const title = `vecgrad on ${shown2.length === 1 ? "one machine" : `${shown2.length} machines`}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p class="lead">
            Small language models and the vector kernels they train on, timed by <code>vecgrad bench</code>.
            Every figure is measured; times are medians of turns.
          </p>
        </header>
        <main>
          <section>
            <h2>Machines</h2>
            <div class="cards">${shown2.map(card)}</div>
          </section>
          ${real.length > 0 && [league(real), speedUps(real), products(real), states(real), bandwidth2(real)]}
          ${emulated.length > 0 && html`<section data-emulated>
              <h2>Emulated</h2>
              <p class="warning">${EMULATED} They are in the tables to show what ran, and in no chart.</p>
              ${emulated.map((machine2) => leagueTable(machine2))}
            </section>`}
          ${instructions(shown2)}
          <section>
            <h2>Every figure</h2>
            <p>
              Rates of products are in GFLOP/s, all others in GB/s. The peak is that of the same instruction
              set: independent multiplications and additions, or the bandwidth over as many bytes.
            </p>
            ${shown2.map(kernelTables2)}
          </section>
        </main>
        <footer>
          <p>Made by <code>vecgrad bench compare</code>; how to read it: docs/architectures.md.</p>
        </footer>
      </body>
    </html> `;
  return page.text;
}
function card(machine2) {
  const { key, file, report: report2, isEmulated } = machine2;
  const { cpu, arch } = report2.machine;
  const rows4 = machineRows(report2.machine).filter(([name]) => isEmulated || name !== "emulated");
  return html`<article class="card" ${isEmulated && new Markup(" data-emulated")}>
    <h3><span class="key">${key}</span> ${cpu} <span class="quiet">${arch}</span></h3>
    ${isEmulated && html`<p class="warning">Emulated by ${report2.machine.emulated.by}</p>`}
    <dl>
      ${rows4.slice(1).map(
    ([name, value]) => html`<dt>${name}</dt>
            <dd>${value}</dd>`
  )}
      <dt>measured</dt>
      <dd>
        ${report2.date}, vecgrad ${report2.vecgrad}, ${report2.machine.cores}
        cores${report2.quick && ", a quick run"} (${printable(file)})
      </dd>
    </dl>
  </article>`;
}

// lib/core/check.ts
var import_node_util = require("node:util");
var MAX_COUNT = 2 ** 30;
var MAX_STEPS = 999999999;
var MAX_BATCH = 1e6;
var KINDS = [
  [import_node_util.types.isMap, "Map"],
  [import_node_util.types.isSet, "Set"],
  [import_node_util.types.isPromise, "promise"],
  [import_node_util.types.isDate, "Date"]
];
function shown(given2) {
  if (typeof given2 === "string") return quoted(given2, 40);
  if (given2 === null || ["number", "undefined", "boolean"].includes(typeof given2)) return String(given2);
  if (import_node_util.types.isTypedArray(given2))
    return `${given2[Symbol.toStringTag].startsWith("I") ? "an" : "a"} ${given2[Symbol.toStringTag]}`;
  for (const [is, name] of KINDS) if (is(given2)) return `a ${name}`;
  if (import_node_util.types.isProxy(given2) || typeof given2 !== "object")
    return `a ${import_node_util.types.isProxy(given2) ? "proxy" : typeof given2}`;
  return Array.isArray(given2) ? "an array" : "an object";
}
function shownList(given2) {
  return isList(given2) ? `an array of length ${given2.length}` : shown(given2);
}
function isList(given2) {
  return Array.isArray(given2);
}
function checkInteger(what, given2, low, high = MAX_COUNT) {
  if (Number.isInteger(given2) && given2 >= low && given2 <= high)
    return given2;
  throw new RangeError(`${what} ${shown(given2)}: expected an integer from ${low} to ${high}`);
}
function checkNumber(what, given2) {
  if (typeof given2 !== "number") throw new TypeError(`${what} ${shown(given2)}: expected a number`);
}
function checkFinite(what, given2, low = -Infinity) {
  checkNumber(what, given2);
  if (Number.isFinite(given2) && given2 >= low) return;
  const from = low === -Infinity ? "" : ` from ${low}`;
  throw new RangeError(`${what} ${given2}: expected a finite number${from}`);
}
function checkObject(what, given2, expected) {
  if (typeof given2 === "object" && given2 !== null) return;
  throw new TypeError(`${what} ${shown(given2)}: expected ${expected}`);
}
function checkOptions(who, given2, known) {
  const names = Object.keys(known);
  if (!isPlain(given2)) {
    const ofClass = classNameOf(given2);
    throw new TypeError(
      `${who}: options ${shown(given2)}${ofClass}: expected ${ofClass === "" ? "an" : "a plain"} object { ${names.join(", ")} }`
    );
  }
  for (const key in given2) {
    if (Object.hasOwn(known, key)) continue;
    throw new TypeError(
      `${who}: there is no option ${shown(key)}${didYouMean(key, names)}${names.length > 0 ? ` (options: ${names.join(", ")})` : ""}`
    );
  }
}
function isPlain(given2) {
  if (typeof given2 !== "object" || given2 === null || Symbol.iterator in given2) return false;
  return classOf(given2) === void 0;
}
function* prototypesOf(given2) {
  for (let at2 = given2; !import_node_util.types.isProxy(at2); ) {
    const above = Object.getPrototypeOf(at2);
    if (above === null || import_node_util.types.isProxy(above) || Object.getPrototypeOf(above) === null) return;
    yield above;
    at2 = above;
  }
}
function classOf(given2) {
  for (const prototype of prototypesOf(given2)) {
    if (Object.hasOwn(prototype, "constructor")) return prototype;
  }
  return void 0;
}
function classNameOf(given2) {
  if (shown(given2) !== "an object") return "";
  const prototype = classOf(given2);
  const name = prototype?.constructor?.name;
  return typeof name === "string" ? ` of class ${quoted(name, 40)}` : "";
}
function namesIn(given2) {
  const names = [];
  for (const name in given2) names.push(name);
  for (const prototype of prototypesOf(given2)) {
    const own = Object.getOwnPropertyDescriptors(prototype);
    for (const name in own) if (own[name].get) names.push(name);
  }
  return names;
}
function byName(given2, name) {
  if (!(name in Object.prototype) || Object.hasOwn(given2, name)) return given2[name];
  for (const prototype of prototypesOf(given2)) {
    const own = Object.getOwnPropertyDescriptor(prototype, name);
    if (own && (own.enumerable || own.get)) return given2[name];
  }
  return void 0;
}
function checkBoolean(what, given2) {
  if (typeof given2 !== "boolean") throw new TypeError(`${what} ${shown(given2)}: expected true or false`);
}
function checkOneOf(what, given2, known) {
  const found3 = known.find((text2) => text2 === given2);
  if (found3 !== void 0) return found3;
  const guess = typeof given2 === "string" ? didYouMean(given2, known) : "";
  throw new TypeError(
    `${what} ${shown(given2)}: expected ${known.map((text2) => `'${text2}'`).join(" or ")}${guess}`
  );
}
function checkFunction(what, given2) {
  if (typeof given2 !== "function") throw new TypeError(`${what} ${shown(given2)}: expected a function`);
}

// lib/bench/check.ts
var ReportError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "ReportError";
  }
};
var MAX_CHARACTERS = 200;
var MAX_ITEMS = 1e5;
var LEAST = 1e-12;
var MAX_NUMBER = 1e18;
var BETWEEN = "a number between 1e-12 and 1e18";
function refuse(at2, wanted, value) {
  const given2 = value === void 0 ? "nothing" : shown(value);
  throw new ReportError(`${at2}: expected ${wanted}, got ${given2}`);
}
var text = (value, at2) => typeof value === "string" && value.length <= MAX_CHARACTERS && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value) ? value : refuse(
  at2,
  `a line of at most ${MAX_CHARACTERS} characters, without control and format characters`,
  value
);
var identifier = (value, at2) => typeof value === "string" && /^[a-z][a-z0-9_]{0,39}$/.test(value) ? value : refuse(at2, "a name of at most 40 characters a to z, 0 to 9 and _, the first a letter", value);
var flag = (value, at2) => typeof value === "boolean" ? value : refuse(at2, "true or false", value);
var positive = (value, at2) => isBetween(LEAST, value) ? value : refuse(at2, BETWEEN, value);
var notNegative = (value, at2) => value === 0 ? 0 : isBetween(LEAST, value) ? value : refuse(at2, `0 or ${BETWEEN}`, value);
var finite = (value, at2) => isBetween(-MAX_NUMBER, value) ? value : refuse(at2, "a number between -1e18 and 1e18", value);
function isBetween(least, value) {
  return typeof value === "number" && value > least && value < MAX_NUMBER;
}
var count = (value, at2) => Number.isSafeInteger(value) && value > 0 ? value : refuse(at2, `a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`, value);
function oneOf(...known) {
  const wanted = known.map((one) => `"${one}"`).join(" or ");
  return (value, at2) => known.find((one) => one === value) ?? refuse(at2, wanted, value);
}
function nullable(of) {
  return (value, at2) => value === null ? null : of(value, at2);
}
function optional(of) {
  return (value, at2) => value === void 0 ? void 0 : of(value, at2);
}
function list(of) {
  return (value, at2) => {
    if (!Array.isArray(value)) return refuse(at2, "a list", value);
    if (value.length > MAX_ITEMS) {
      throw new ReportError(`${at2}: expected a list of at most ${MAX_ITEMS} items, got ${value.length}`);
    }
    return value.map((item, i) => of(item, `${at2}[${i}]`));
  };
}
function object(fields) {
  return (value, at2) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return refuse(at2 === "" ? "the file" : at2, "an object", value);
    }
    const from = value;
    const checked2 = Object.entries(fields).map(([key, check]) => [
      key,
      check(Object.hasOwn(from, key) ? from[key] : void 0, at2 === "" ? key : `${at2}.${key}`)
    ]);
    return Object.fromEntries(checked2);
  };
}

// lib/bench/report.ts
var SCHEMA = "vecgrad-bench/1";
var dtype = oneOf("float32", "float64");
var machine = object({
  cpu: text,
  arch: text,
  // process.arch
  platform: text,
  // process.platform
  system: text,
  // the operating system's name and release
  cores: count,
  // available to this process
  node: text,
  isas: list(object({ name: identifier, vectorBits: count })),
  // available ones, best first
  chosen: identifier,
  // the default
  /** The caches of the first core, as the operating system reports them; empty where it does not. */
  caches: list(object({ level: count, type: text, bytes: count })),
  openblas: nullable(object({ version: text, core: text, threads: count })),
  /** Null on a real processor; otherwise the times are the emulator's. */
  emulated: nullable(object({ by: text, because: text }))
});
var peaks = object({
  /** GFLOP/s of independent multiplications and additions. */
  flops: list(object({ isa: identifier, dtype, gflops: positive })),
  /** GB/s of reading, copying or adding arrays, whichever is best, by working set. */
  bandwidth: list(object({ isa: identifier, dtype, bytes: count, gbs: positive }))
});
var kernel = object({
  kernel: identifier,
  // as in native/kernels/kernels.def
  shape: oneOf("n", "16 x n", "n x n", "n x n x n"),
  n: count,
  dtype,
  isa: identifier,
  // "openblas" for its matrix products
  nanoseconds: positive,
  flop: notNegative,
  // 0 where the kernel only calls functions or moves numbers
  bytes: positive,
  // operands and results, each read or write counted once
  footprint: positive,
  // the bytes of memory that they occupy
  /** Executed instructions, where they were counted. */
  instructions: optional(positive)
});
var model = object({
  model: identifier,
  dtype,
  isa: identifier,
  steps: count,
  microsecondsPerStep: positive,
  finalLoss: finite,
  heldOutLoss: nullable(finite)
});
var state = object({
  model: identifier,
  nState: count,
  part: oneOf("forward", "backward", "update"),
  isa: identifier,
  microseconds: positive
});
var report = object({
  schema: oneOf(SCHEMA),
  vecgrad: text,
  // the version of vecgrad
  date: text,
  // the day, in ISO 8601
  quick: flag,
  machine,
  peaks,
  kernels: list(kernel),
  models: list(model),
  states: list(state)
});
function parseReport(source2, file) {
  let value;
  try {
    value = JSON.parse(source2);
  } catch (error) {
    throw new ReportError(`${file} is not JSON: ${clipped(error.message, 200)}`);
  }
  const given2 = value?.schema;
  if (typeof given2 === "string" && /^vecgrad-bench\/\d+$/.test(given2) && given2 !== SCHEMA) {
    throw new ReportError(
      `${file}: schema is ${clipped(given2)}, this vecgrad reads ${SCHEMA}: run both with one version`
    );
  }
  try {
    return report(value, "");
  } catch (error) {
    if (!(error instanceof ReportError)) throw error;
    throw new ReportError(`${file}: ${error.message} (expected a file from vecgrad bench --json)`);
  }
}

// lib/core/package.ts
var import_node_fs5 = require("node:fs");
var import_node_path4 = require("node:path");
var import_node_url = require("node:url");
var import_meta = {};
var found;
function packageRoot() {
  return (found ??= find()).root;
}
function packageVersion() {
  return (found ??= find()).version;
}
function find() {
  const start = moduleDirectory();
  for (let directory = start; ; ) {
    const manifest = readManifest((0, import_node_path4.join)(directory, "package.json"));
    if (manifest?.name === "vecgrad") {
      return { root: directory, version: String(manifest.version) };
    }
    const parent = (0, import_node_path4.dirname)(directory);
    if (parent === directory) {
      throw new Error(
        `vecgrad's own package.json was not found in ${start} or above it: install the package whole, and leave it external when you bundle a program`
      );
    }
    directory = parent;
  }
}
function moduleDirectory() {
  return typeof __dirname === "string" ? __dirname : (0, import_node_path4.dirname)((0, import_node_url.fileURLToPath)(import_meta.url));
}
function readManifest(path) {
  try {
    return JSON.parse((0, import_node_fs5.readFileSync)(path, "utf8"));
  } catch {
    return null;
  }
}

// lib/binding/addon.ts
var import_node_os = require("node:os");
var import_node_gyp_build = __toESM(require("node-gyp-build"), 1);

// lib/binding/load-error.ts
var import_node_fs6 = require("node:fs");
var import_node_path5 = require("node:path");
function thisHost() {
  const { platform, arch, version, versions } = process;
  const libc = platform === "linux" ? foundLibc() : void 0;
  return { platform, arch, libc, node: version, napi: versions["napi"] ?? "unknown" };
}
function foundLibc() {
  const given2 = process.env["LIBC"];
  const LIBC = given2 === void 0 ? void 0 : clipped(given2);
  const { report: report2 } = process;
  if (report2 === void 0) return LIBC ?? "an unknown C library";
  report2.excludeNetwork = true;
  const { header } = report2.getReport();
  const { glibcVersionRuntime: glibc } = header;
  const real = glibc === void 0 ? "musl" : `glibc ${glibc}`;
  return LIBC === void 0 || real.startsWith(LIBC) ? real : `${LIBC} (set by LIBC)`;
}
function missingAddon(root, reason, host = thisHost()) {
  const { platform, arch, libc, node, napi } = host;
  const machine2 = [
    `${platform}-${arch}`,
    ...libc === void 0 ? [] : [libc],
    `Node ${node} (Node-API ${napi})`
  ];
  const why = reason.startsWith("No native build was found") ? "there is no addon for it" : clipped(reason.split("\n")[0], 1e3);
  const prebuilt = prebuilds(root);
  const build = (0, import_node_fs6.existsSync)((0, import_node_path5.join)(root, "tsconfig.json")) ? "npm run build" : "npx vecgrad build (it needs a C++ compiler, make, Python 3 and OpenBLAS)";
  return `vecgrad's native addon could not be loaded on ${machine2.join(", ")}: ${why}. Prebuilt here: ${prebuilt.length === 0 ? "none" : prebuilt.join(", ")}. Build it with: ${build}`;
}
function prebuilds(root) {
  const folder = (0, import_node_path5.join)(root, "prebuilds");
  if (!(0, import_node_fs6.existsSync)(folder)) return [];
  return (0, import_node_fs6.readdirSync)(folder).sort().flatMap(
    (machine2) => (0, import_node_fs6.readdirSync)((0, import_node_path5.join)(folder, machine2)).flatMap((file) => {
      const [, libc] = /\.(glibc|musl)\.node$/.exec(file) ?? [];
      if (libc !== void 0) return `${machine2} (${libc})`;
      return file.endsWith(".node") ? machine2 : [];
    })
  );
}

// lib/binding/addon.ts
function load() {
  const root = packageRoot();
  try {
    return (0, import_node_gyp_build.default)(root);
  } catch (error) {
    throw new Error(missingAddon(root, error.message), { cause: error });
  }
}
var addon = load();
var info = addon.info();
var opcodes = new Map(info.opcodes.map((name, i) => [name, i]));
var scalarOpcodes = new Map(
  info.scalarOpcodes.map((name, i) => [name, i])
);
var opcodeNames = info.opcodes;
var scalarOpcodeNames = info.scalarOpcodes;
var operandsOf = (op) => info.operands[opcodes.get(op)].split(" ");
var scalarOperandsOf = (op) => info.scalarOperands[scalarOpcodes.get(op)];
var instructionWords = info.instructionWords.length;
var instructionWordNames = info.instructionWords;
var IsaError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "IsaError";
  }
};
function chosenIsa(name) {
  if (name !== void 0 && typeof name !== "string")
    throw new IsaError(`instruction set ${shown(name)}: expected a name`);
  const wanted = name ?? process.env["VECGRAD_ISA"];
  if (wanted === void 0 || wanted === "") return info.best;
  if (info.available.includes(wanted)) return wanted;
  const known = info.compiled.includes(wanted) ? "this machine does not have it" : "unknown in this build";
  const by = name === void 0 ? "VECGRAD_ISA names" : "given";
  throw new IsaError(
    `instruction set ${shown(wanted)} (${by}): ${known}; available: ${info.available.join(", ")}`
  );
}
function nativeInfo() {
  return {
    napiVersion: Number(process.versions["napi"] ?? 0),
    isas: { compiled: info.compiled, available: info.available, chosen: chosenIsa() },
    openblas: addon.blas(),
    cpu: (0, import_node_os.cpus)()[0]?.model ?? "unknown"
  };
}

// lib/bench/measure.ts
function median(times2) {
  const sorted = [...times2].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
function inTurns(measurements, turns) {
  return allTurns(measurements, turns).map(median);
}
function mostInTurns(measurements, turns) {
  return allTurns(measurements, turns).map((rates2) => largest(rates2));
}
function allTurns(measurements, turns) {
  const times2 = measurements.map(() => []);
  for (let turn = -1; turn < turns; turn++) {
    measurements.forEach((measure, i) => {
      const time = measure();
      if (turn >= 0) times2[i].push(time);
    });
  }
  return times2;
}
function microseconds(budget, call) {
  const batches = 8;
  call();
  const time = (calls2) => {
    const start = performance.now();
    for (let i = 0; i < calls2; i++) call();
    return (performance.now() - start) * 1e3;
  };
  let calls = 1;
  let least = time(calls);
  let spent = least;
  for (let batch = 0; batch < batches && spent < 2 * budget; ) {
    const isLong = least * calls >= budget / batches;
    if (!isLong) calls *= 2;
    const taken2 = time(calls);
    least = Math.min(least, taken2 / calls);
    spent += taken2;
    if (isLong) batch++;
  }
  return least;
}
function meanOfMedians(runs) {
  const steps = runs[0].map((_, step) => median(runs.map((run) => run[step])));
  return steps.reduce((sum3, time) => sum3 + time, 0) / steps.length;
}

// lib/bench/kernels.ts
var DTYPES2 = ["float32", "float64"];
function measurePeaks({ turns, budget, workingSets }) {
  const { available } = addon.info();
  const flops = DTYPES2.flatMap((dtype2) => {
    const rates2 = mostInTurns(
      available.map((isa) => () => addon.bench.gflops(dtype2 === "float32", isa, budget)),
      turns
    );
    return available.map((isa, i) => ({ isa, dtype: dtype2, gflops: rates2[i] }));
  });
  const bandwidth3 = workingSets.flatMap(
    (bytes2) => DTYPES2.flatMap((dtype2) => {
      const rates2 = mostInTurns(
        available.map((isa) => () => addon.bench.bandwidth(bytes2, dtype2 === "float32", isa, budget)),
        turns
      );
      return available.map((isa, i) => ({ isa, dtype: dtype2, bytes: bytes2, gbs: rates2[i] }));
    })
  );
  return { flops, bandwidth: bandwidth3 };
}
function measureKernels(effort, onKernel) {
  const { available } = addon.info();
  const { turns, budget, only } = effort;
  return addon.bench.kernels().filter(({ name }) => only?.includes(name) ?? true).flatMap(({ name, shape, openblas }) => {
    onKernel(name);
    const isas = openblas ? [...available, "openblas"] : available;
    return effort.sizes[shape].flatMap(
      (n) => DTYPES2.flatMap((dtype2) => {
        const call = (isa, nanoseconds) => addon.bench.time(name, n, dtype2 === "float32", isa, nanoseconds);
        const { flop, bytes: bytes2, footprint } = call(isas[0], 0);
        const times2 = inTurns(
          isas.map((isa) => () => call(isa, budget).nanoseconds),
          turns
        );
        return isas.map((isa, i) => ({
          ...{ kernel: name, shape, n, dtype: dtype2, isa },
          ...{ nanoseconds: times2[i], flop, bytes: bytes2, footprint, instructions: void 0 }
        }));
      })
    );
  });
}

// lib/bench/machine.ts
var import_node_fs7 = require("node:fs");
var import_node_os2 = require("node:os");
var import_node_path6 = require("node:path");
var CACHES = "/sys/devices/system/cpu/cpu0/cache";
function describeMachine() {
  const { isas, openblas, cpu } = nativeInfo();
  const cpuinfo = read("/proc/cpuinfo") ?? "";
  return {
    cpu: oneLine(cpuName(cpu, cpuinfo)),
    arch: process.arch,
    platform: process.platform,
    system: oneLine(`${(0, import_node_os2.type)()} ${(0, import_node_os2.release)().split(".").slice(0, 2).join(".")}`),
    cores: (0, import_node_os2.availableParallelism)(),
    node: process.version,
    isas: isas.available.map((name) => ({ name, vectorBits: addon.bench.vectorBits(name) })),
    chosen: isas.chosen,
    caches: caches(CACHES),
    openblas: openblas.version === "none" ? null : openblas,
    emulated: emulation({
      stated: process.env["VECGRAD_EMULATED"],
      native: addon.bench.emulator(),
      arch: process.arch,
      cpu: (0, import_node_os2.cpus)()[0]?.model ?? "",
      cpuinfo,
      executable: executable()
    })
  };
}
function emulation(signs) {
  const { stated, native: native2, arch, cpu, cpuinfo, executable: executable2 } = signs;
  if (stated === "0") return null;
  if (stated !== void 0 && stated !== "") {
    return { by: oneLine(stated), because: "VECGRAD_EMULATED says so" };
  }
  if (native2 !== "") return { by: native2, because: "the processor says so" };
  const program = /(?:^|\/)(qemu|box64|fex|blink)[^/]*$/i.exec(executable2);
  if (program) return { by: program[1].toLowerCase(), because: "it is the running program" };
  if (/VirtualApple/.test(cpu)) return { by: "Rosetta 2", because: "the processor's name says so" };
  const own = { x64: /^vendor_id\s*:/m, arm64: /^CPU implementer\s*:/m, riscv64: /^(isa|uarch)\s*:/m }[arch];
  if (own && cpuinfo !== "" && !own.test(cpuinfo)) {
    return { by: "qemu", because: `/proc/cpuinfo is not of ${arch}` };
  }
  return null;
}
function cpuName(byNode, cpuinfo) {
  if (byNode.trim() !== "" && byNode !== "unknown") return byNode;
  const board = read("/proc/device-tree/model")?.replaceAll("\0", "");
  if (board !== void 0 && board.trim() !== "") return board;
  const field = (name) => new RegExp(`^${name}\\s*:\\s*(.+)$`, "m").exec(cpuinfo)?.[1];
  const [implementer, part] = [field("CPU implementer"), field("CPU part")];
  if (implementer !== void 0) return `implementer ${implementer}, part ${part ?? "unknown"}`;
  return field("uarch") ?? "unknown";
}
function caches(folder) {
  let names;
  try {
    names = (0, import_node_fs7.readdirSync)(folder).filter((name) => name.startsWith("index"));
  } catch {
    return [];
  }
  return names.map((name) => {
    const [level, type, size2] = ["level", "type", "size"].map(
      (file) => read((0, import_node_path6.join)(folder, name, file))?.trim() ?? ""
    );
    const [, digits = "", unit = ""] = /^(\d+)([KMG]?)$/.exec(size2) ?? [];
    const bytes2 = Number(digits) * 1024 ** ("KMG".indexOf(unit) + 1 || 0);
    return { level: Number(level), type: type.toLowerCase(), bytes: bytes2 };
  }).filter(({ level, bytes: bytes2 }) => level > 0 && bytes2 > 0).sort((a, b) => a.level - b.level || a.type.localeCompare(b.type));
}
function executable() {
  try {
    return (0, import_node_fs7.readlinkSync)(`/proc/self/task/${process.pid}/exe`);
  } catch {
    return "";
  }
}
function read(path) {
  try {
    return (0, import_node_fs7.readFileSync)(path, "utf8");
  } catch {
    return void 0;
  }
}
function oneLine(given2) {
  return given2.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, " ").trim().slice(0, 200);
}

// lib/study/documents.ts
var import_node_buffer = require("node:buffer");
var import_node_fs8 = require("node:fs");
var import_node_path7 = require("node:path");

// lib/study/corpus.ts
var Corpus = class {
  constructor(tokens, firsts2) {
    this.tokens = tokens;
    this.firsts = firsts2;
    if (!(tokens instanceof Int32Array && firsts2 instanceof Int32Array && firsts2.length > 0)) {
      throw new TypeError(
        `Corpus: ${shown(tokens)} and ${shown(firsts2)}: expected two Int32Arrays, the second not empty`
      );
    }
  }
  /** The number of documents. */
  get length() {
    return this.firsts.length - 1;
  }
  /**
   * Document i as a training example, cut to `blockSize` positions: position j reads tokens[j] and must
   * predict targets[j].
   */
  example(i, blockSize) {
    const { tokens } = this;
    checkInteger("document", i, 0, this.length - 1);
    checkInteger("blockSize", blockSize, 1);
    const first = this.firsts[i];
    const length = this.lengthOf(i, blockSize);
    return {
      tokens: tokens.subarray(first, first + length),
      targets: tokens.subarray(first + 1, first + 1 + length),
      length
    };
  }
  /** All documents as a dataset: see `example`. */
  dataset(blockSize) {
    checkInteger("blockSize", blockSize, 1);
    const { length: count2, tokens: values, firsts: starts } = this;
    const next = new Int32Array(count2);
    const lengths = new Int32Array(count2);
    for (let i = 0; i < count2; i++) {
      next[i] = starts[i] + 1;
      lengths[i] = this.lengthOf(i, blockSize);
    }
    const inputs = {
      tokens: { values, starts },
      targets: { values, starts: next },
      length: { values: lengths }
    };
    return { count: count2, inputs };
  }
  lengthOf(i, blockSize) {
    return Math.min(blockSize, this.firsts[i + 1] - this.firsts[i]);
  }
};

// lib/study/documents.ts
var DataError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "DataError";
  }
};
var EXPECTED = "give a UTF-8 text file with one document (a name, say) on each line";
var PlainLines = class _PlainLines {
  constructor(text2, length, starts, occurs) {
    this.text = text2;
    this.length = length;
    this.starts = starts;
    this.occurs = occurs;
  }
  /** Undefined where the text has other characters, or an empty line. */
  static find(bytes2) {
    const text2 = Buffer.from(bytes2.buffer, bytes2.byteOffset, bytes2.length);
    const starts = new Int32Array((text2.length >> 1) + 2);
    const occurs = new Uint8Array(128);
    const count2 = addon.text.lines(text2, starts, occurs);
    return count2 < 0 ? void 0 : new _PlainLines(text2, count2, starts, occurs);
  }
  at(i) {
    if (i < 0 || i >= this.length) return void 0;
    return this.text.toString("latin1", this.starts[i], this.starts[i + 1] - 1);
  }
  /** See {@link Tokenizer.corpus}; undefined where a character has no token. */
  encode(idAfter, bos, numbers) {
    const firsts2 = new Int32Array(numbers.length + 1);
    const { text: text2, starts } = this;
    const tokens = addon.text.encode(text2, starts, idAfter, bos, numbers, firsts2);
    return tokens && new Corpus(tokens, firsts2);
  }
  get codePoints() {
    const found3 = [];
    for (let i = this.occurs.indexOf(1); i >= 0; i = this.occurs.indexOf(1, i + 1)) found3.push(i);
    return found3;
  }
};
function linesOf(text2) {
  let rest = text2.startsWith("\uFEFF") ? text2.slice(1) : text2;
  if (rest.includes("\r")) rest = rest.replace(/\r\n?/g, "\n");
  return rest.split("\n").map(strip).filter((line) => line !== "");
}
function listed(docs) {
  return Array.from({ length: docs.length }, (_, i) => docs.at(i));
}
function readDocuments(path) {
  return listed(openDocuments(path));
}
function openDocuments(path, toLearn = true) {
  if (typeof path !== "string") throw new TypeError(`readDocuments: ${shown(path)}, expected a path`);
  const shown2 = quotedPath(path);
  const bytes2 = readBytes(path, shown2);
  if (bytes2.length === 0) throw new DataError(`${shown2} is empty: ${EXPECTED}`);
  const plain2 = PlainLines.find(bytes2);
  if (plain2) {
    if (toLearn) checkDocuments(plain2, shown2);
    return plain2;
  }
  if (bytes2.includes(0)) {
    throw new DataError(`${shown2} is a binary file (it has NUL bytes): ${EXPECTED}`);
  }
  if (!(0, import_node_buffer.isUtf8)(bytes2)) throw new DataError(`${shown2} is not UTF-8 text: ${EXPECTED}`);
  const docs = linesOf(bytes2.toString("utf8"));
  if (docs.length === 0) throw new DataError(`${shown2} has only blank lines: ${EXPECTED}`);
  if (toLearn) checkDocuments(docs, shown2);
  return docs;
}
function checkDocuments(docs, source2 = "the list") {
  const count2 = countOf(docs);
  if (count2 === 0) throw new DataError(`${source2} has no documents: ${EXPECTED}`);
  const only = soleCharacter(docs, count2);
  if (only !== void 0) {
    throw new DataError(`${source2} has no character other than ${quoted(only)}: training needs at least two`);
  }
  if (count2 === 1) {
    throw new DataError(`${source2} has only one document: training needs two or more, one per line`);
  }
  return count2;
}
function countOf(docs) {
  const { length, at: at2 } = docs ?? {};
  if (typeof docs !== "object" || typeof at2 !== "function")
    throw new DataError(`the documents are ${shown(docs)}: expected an array of strings`);
  if (Number.isInteger(length) && length >= 0 && length <= MAX_COUNT)
    return length;
  throw new DataError(`${shown(length)} documents: expected an integer from 0 to ${MAX_COUNT}`);
}
function textAt(docs, i) {
  const doc = docs.at(i);
  if (typeof doc === "string") return doc;
  throw new DataError(`document ${i} is ${shown(doc)}: expected a string`);
}
function splitHeldOut(docs) {
  const all2 = checkInteger("documents to split:", docs?.length, 0);
  if (typeof docs.slice !== "function")
    throw new TypeError(`documents to split: ${shown(docs)}: expected an array`);
  const count2 = all2 - Math.min(1e3, Math.floor(all2 / 10));
  return { train: docs.slice(0, count2), heldOut: docs.slice(count2) };
}
function embeddedNamesPath() {
  return (0, import_node_path7.join)(packageRoot(), "data", "ssa-names-2018.txt");
}
var MAX_PIPE_BYTES = 2 ** 26;
function readBytes(path, shown2) {
  const wrong = wrongPath(path);
  if (wrong !== void 0) throw new DataError(`cannot read ${shown2}: ${wrong}`);
  try {
    const stats = (0, import_node_fs8.statSync)(path);
    if (stats.isDirectory()) throw new DataError(`${shown2} is a directory: ${EXPECTED}`);
    if (!stats.isFile() && !stats.isFIFO()) {
      throw new DataError(`${shown2} is neither a file nor a pipe: ${EXPECTED}`);
    }
    if (stats.size > import_node_buffer.constants.MAX_STRING_LENGTH) {
      const limit = Math.floor(import_node_buffer.constants.MAX_STRING_LENGTH / 2 ** 20);
      throw new DataError(
        `${shown2} has ${Math.ceil(stats.size / 2 ** 20)} MiB: give a file of at most ${limit} MiB`
      );
    }
    return readWhole(path, stats.isFIFO() ? MAX_PIPE_BYTES : import_node_buffer.constants.MAX_STRING_LENGTH);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const { code, message } = error;
    const dangling = code === "ENOENT" ? danglingLink(path) : void 0;
    throw new DataError(`cannot read ${shown2}: ${dangling ?? REASONS2[code ?? ""] ?? escaped(message)}`, {
      cause: error
    });
  }
}
var REASONS2 = {
  ENOENT: `there is no such file; ${EXPECTED}`,
  ENOTDIR: "part of its path is a file, not a directory",
  EACCES: "permission denied; check its owner and mode",
  EPERM: "permission denied; check its owner and mode",
  ELOOP: "its symbolic links form a loop",
  ENAMETOOLONG: "the path is too long"
};
var SPACES = new Set(
  "	\v\f\r              \u2028\u2029  　"
);
function strip(line) {
  let start = 0;
  let end = line.length;
  while (start < end && SPACES.has(line[start])) start++;
  while (end > start && SPACES.has(line[end - 1])) end--;
  return start === 0 && end === line.length ? line : line.slice(start, end);
}
function soleCharacter(docs, count2) {
  let only;
  for (let i = 0; i < count2; i++) {
    for (const character of textAt(docs, i)) {
      if (only !== void 0 && character !== only) return void 0;
      only = character;
    }
  }
  return only;
}

// lib/study/tokenizer.ts
var SHOWN = 64;
var Tokenizer = class {
  constructor(docs) {
    const codePoints = distinctCodePoints(docs);
    this.characters = Array.from(codePoints, (codePoint) => String.fromCodePoint(codePoint));
    this.bos = codePoints.length;
    this.vocabSize = codePoints.length + 1;
    this.idAfter = new Int32Array((codePoints.at(-1) ?? 0) + 1);
    codePoints.forEach((codePoint, id) => this.idAfter[codePoint] = id + 1);
  }
  /**
   * Encodes a document as `[bos, ...ids, bos]`.
   *
   * @throws DataError when `doc` has a character that the vocabulary lacks
   */
  encode(doc) {
    if (typeof doc !== "string") throw new DataError(`a document must be a string, got ${shown(doc)}`);
    const { idAfter, bos } = this;
    const tokens = [bos];
    for (let i = 0; i < doc.length; i++) {
      const codePoint = doc.codePointAt(i);
      if (codePoint > 65535) i++;
      const id = (idAfter[codePoint] ?? 0) - 1;
      if (id < 0) {
        const hex = codePoint.toString(16).toUpperCase().padStart(4, "0");
        throw new DataError(
          `${quoted(doc, 60)} has a character that is not in the vocabulary: ${quoted(String.fromCodePoint(codePoint))} (U+${hex}); it has ${this.shown()}`
        );
      }
      tokens.push(id);
    }
    tokens.push(bos);
    return tokens;
  }
  /** The first characters of the vocabulary, for a message. */
  shown() {
    const { characters } = this;
    const rest = characters.length - SHOWN;
    return `${quoted(characters.slice(0, SHOWN).join(""))}${rest > 0 ? ` and ${rest} more` : ""}`;
  }
  /**
   * Encodes the documents with these numbers.
   *
   * @throws DataError when one has a character that the vocabulary lacks
   */
  corpus(docs, numbers) {
    countOf(docs);
    if (!(numbers instanceof Int32Array))
      throw new TypeError(`the documents' numbers: ${shown(numbers)}, expected an Int32Array`);
    if (docs instanceof PlainLines) {
      const corpus = docs.encode(this.idAfter, this.bos, numbers);
      if (corpus) return corpus;
    }
    const tokens = [];
    const firsts2 = new Int32Array(numbers.length + 1);
    numbers.forEach((number2, i) => {
      firsts2[i] = tokens.length;
      for (const token of this.encode(textAt(docs, number2))) tokens.push(token);
      tokens.pop();
    });
    firsts2[numbers.length] = tokens.length;
    tokens.push(this.bos);
    return new Corpus(Int32Array.from(tokens), firsts2);
  }
  /**
   * The text of token ids; `bos` adds nothing.
   *
   * @throws DataError when an id does not exist
   */
  decode(tokens) {
    const isIterable = typeof tokens === "object" && tokens !== null && typeof tokens[Symbol.iterator] === "function";
    if (!isIterable) throw new TypeError(`tokens ${shown(tokens)}: expected a list of token ids`);
    let text2 = "";
    for (const id of tokens) {
      if (!Number.isInteger(id) || id < 0 || id > this.bos) {
        throw new DataError(`there is no token ${shown(id)}: ids go from 0 to ${this.bos}`);
      }
      if (id < this.bos) text2 += this.characters[id];
    }
    return text2;
  }
};
function distinctCodePoints(docs) {
  if (docs instanceof PlainLines) return docs.codePoints;
  const count2 = countOf(docs);
  const seen = /* @__PURE__ */ new Set();
  for (let d = 0; d < count2; d++) {
    const doc = textAt(docs, d);
    for (let i = 0; i < doc.length; i++) {
      const codePoint = doc.codePointAt(i);
      if (codePoint > 65535) i++;
      seen.add(codePoint);
    }
  }
  return [...seen].sort((a, b) => a - b);
}

// lib/runtime/background.ts
var BACKGROUND_OPTIONS = { signal: true, onProgress: true };
var MILLISECONDS = 10;
async function* inParts(count2, take, signal) {
  checkSignal(signal);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  signal?.throwIfAborted();
  if (signal) stopOnAbort(signal, stop);
  try {
    let at2 = 0;
    let most = 1;
    do {
      const part = Math.min(most, count2 - at2);
      const began = now();
      const losses = await take(at2, part, stop);
      const took = now() - began;
      at2 += losses.length;
      if (at2 < count2) signal?.throwIfAborted();
      if (took > 2 * MILLISECONDS) most = Math.ceil(part / 2);
      else if (took < MILLISECONDS) most = Math.max(most, 2 * part);
      yield losses;
      if (at2 < count2) signal?.throwIfAborted();
      if (losses.length < part) return;
    } while (at2 < count2);
  } finally {
    if (signal) stoppedBy.get(signal)?.delete(stop);
  }
}
var stoppedBy = /* @__PURE__ */ new WeakMap();
function stopOnAbort(signal, stop) {
  const known = stoppedBy.get(signal);
  if (known) {
    known.add(stop);
    return;
  }
  const stops = /* @__PURE__ */ new Set([stop]);
  stoppedBy.set(signal, stops);
  signal.addEventListener("abort", () => {
    for (const flag2 of stops) Atomics.store(flag2, 0, 1);
  });
}
function checkSignal(signal) {
  if (signal === void 0 || signal instanceof AbortSignal) return;
  throw new TypeError(`signal ${shown(signal)}: expected an AbortSignal, as from an AbortController`);
}
function checkCallback(name, given2) {
  if (given2 === void 0 || typeof given2 === "function") return;
  throw new TypeError(`${name} ${shown(given2)}: expected a function`);
}

// lib/runtime/random.ts
var { random: native } = addon;
var STATE_WORDS = 628;
var Random = class {
  /**
   * @param seed any integer; only its absolute value counts, as in CPython
   * @throws RangeError when `seed` is a number but not an integer
   */
  constructor(seed) {
    /** @internal */
    this.handle = native.create();
    this.seed(seed);
  }
  /** Restarts as `random.seed(seed)` does: the same seed gives the same draws. */
  seed(seed) {
    native.seed(this.handle, seedWords(seed));
  }
  /** The generator's state in 628 words, as `random.getstate()` gives it in CPython. */
  getstate() {
    const words = new Uint32Array(STATE_WORDS);
    native.save(this.handle, words);
    return words;
  }
  /**
   * Restores a state that `getstate` returned.
   *
   * @throws RangeError when the words are not the state of a generator
   */
  setstate(words) {
    const isState = words instanceof Uint32Array && words.length === STATE_WORDS;
    if (!isState || !native.restore(this.handle, new Uint32Array(words))) {
      throw new RangeError(
        `setstate takes the ${STATE_WORDS} words that getstate returned, not ` + (words instanceof Uint32Array ? `these ${words.length}` : shown(words))
      );
    }
  }
  /** A number in [0, 1) with 53 random bits. */
  random() {
    return native.real(this.handle);
  }
  /** An unsigned integer of `k` random bits, `k` from 0 to 32. */
  getrandbits(k) {
    if (!Number.isInteger(k) || k < 0 || k > 32) {
      throw new RangeError(`getrandbits takes an integer from 0 to 32, not ${shown(k)}`);
    }
    return k === 0 ? 0 : native.bits(this.handle, k);
  }
  /** An integer in [0, n), as CPython's `_randbelow`; `n` from 1 to 2^32 - 1. */
  randbelow(n) {
    if (!Number.isInteger(n) || n < 1 || n > 4294967295) {
      throw new RangeError(`randbelow takes an integer from 1 to 2^32 - 1, not ${shown(n)}`);
    }
    return native.below(this.handle, n);
  }
  /** The permutation that {@link shuffle} would apply to `count` items: the old index of each new item. */
  permutation(count2) {
    const order = new Int32Array(checkInteger("permutation of", count2, 0));
    native.permutation(this.handle, order);
    return order;
  }
  /** Shuffles `items` in place and returns it. */
  shuffle(items) {
    checkObject("shuffle", items, "a list");
    const x = items;
    const order = this.permutation(x.length);
    const before = Array.from(order, (_, i) => x[i]);
    order.forEach((from, to) => x[to] = before[from]);
    return items;
  }
  /** A Gaussian draw. They are made in pairs; the second is kept for the next call. */
  gauss(mu = 0, sigma = 1) {
    return this.gaussians(1, mu, sigma)[0];
  }
  /** Several Gaussian draws, in order. */
  gaussians(count2, mu = 0, sigma = 1) {
    checkNumber("mu", mu);
    checkNumber("sigma", sigma);
    const draws = new Float64Array(checkInteger("gaussians:", count2, 0));
    native.gauss(this.handle, draws, mu, sigma);
    return draws;
  }
  /**
   * An index drawn with probability proportional to its weight, like `choices(range(len(weights)),
   * weights)[0]`.
   *
   * @throws RangeError when the weights' sum is not finite and above zero
   */
  weightedIndex(weights) {
    checkObject("weightedIndex", weights, "a list of numbers");
    const count2 = checkInteger("weights:", weights.length, 0);
    const sums = new Float64Array(count2);
    for (let i = 0; i < count2; i++) {
      const weight = weights[i];
      if (typeof weight !== "number")
        throw new TypeError(`weight ${i} is ${shown(weight)}: expected a number`);
      sums[i] = weight;
    }
    const index2 = native.choose(this.handle, sums);
    if (index2 >= 0) return index2;
    const total = sums.at(-1) ?? 0;
    throw new RangeError(`the sum of the weights must be finite and above zero, not ${total}`);
  }
};
function seedWords(seed) {
  if (typeof seed !== "bigint" && !Number.isInteger(seed)) {
    throw new RangeError(`a seed must be an integer, got ${shown(seed)}`);
  }
  let rest = BigInt(seed);
  if (rest < 0n) rest = -rest;
  const words = [];
  do {
    words.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return Uint32Array.from(words);
}

// lib/core/shape.ts
var SCALAR = Object.freeze([]);
var MAX_AXES = 32;
function sizeOf(shape) {
  let size2 = 1;
  for (const n of shape) size2 *= n;
  return size2;
}
function sameShape(a, b) {
  return a === b || a.length === b.length && a.every((n, i) => n === b[i]);
}
function show(shape) {
  return `[${shape.join(", ")}]`;
}
function broadcast(a, b) {
  if (a === b || sameShape(a, b)) return a;
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array(rank);
  for (let i = 1; i <= rank; i++) {
    const n = a[a.length - i] ?? 1;
    const m = b[b.length - i] ?? 1;
    if (n !== m && n !== 1 && m !== 1) {
      throw new ShapeError(
        `shapes ${show(a)} and ${show(b)} do not broadcast: ${n} against ${m} in axis -${i}; each axis must be equal, or 1 in one of them`
      );
    }
    out[rank - i] = n === 1 ? m : n;
  }
  return out;
}
function contiguousStrides(shape) {
  const strides = new Array(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}
function resolveAxis(axis, shape) {
  const resolved = !Number.isInteger(axis) ? -1 : axis < 0 ? axis + shape.length : axis;
  if (resolved < 0 || resolved >= shape.length) {
    const why = shape.length === 0 ? ": a single number has no axis" : "";
    throw new ShapeError(`axis ${shown(axis)} does not exist in shape ${show(shape)}${why}`);
  }
  return resolved;
}
function checkSize(shape) {
  const { length } = shape;
  const fits = length <= MAX_AXES && shape.every((n) => Number.isInteger(n) && n >= 0 && n <= MAX_COUNT);
  if (fits && sizeOf(shape) <= MAX_COUNT) return;
  const given2 = length > MAX_AXES ? `${length} axes` : `shape [${shape.map(shown).join(", ")}]`;
  throw new ShapeError(`${given2}: an array has at most ${MAX_COUNT} numbers and ${MAX_AXES} axes`);
}
var ShapeError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "ShapeError";
  }
};
function listedShape(shape, least = 0) {
  if (!isList(shape)) throw new ShapeError(`a shape is an array of integers from 0, got ${shown(shape)}`);
  if (shape.length > MAX_AXES) checkSize(shape);
  const copy2 = Array.from({ length: shape.length }, (_, i) => shape[i]);
  const isShape = copy2.every((n) => Number.isInteger(n) && n >= least);
  if (!isShape)
    throw new ShapeError(`a shape is an array of integers from 0, got [${copy2.map(shown).join(", ")}]`);
  checkSize(copy2.map((n) => Math.max(n, 0)));
  return copy2;
}

// lib/graph/ops/rules.ts
var same = ([x]) => x;
function sumTo(g, node, shape) {
  const from = g.shape(node);
  if (sameShape(from, shape)) return node;
  const lead = from.length - shape.length;
  const axes = [];
  from.forEach((n, i) => {
    if (i < lead || shape[i - lead] === 1 && n !== 1) axes.push(i);
  });
  const summed = axes.length ? g.op("sum", [node], { axes }) : node;
  return sameShape(g.shape(summed), shape) ? summed : g.op("reshape", [summed], { shape });
}
function orNaN(g, node, where2) {
  const isNumber = g.op("eq", [where2, where2]);
  return g.op("mul", [node, g.op("div", [isNumber, isNumber])]);
}
function goneAxes(x, { axes }) {
  return new Set((axes ?? x.map((_, i) => i)).map((axis) => resolveAxis(axis, x)));
}
function keptShape(x, gone) {
  return x.map((n, i) => gone.has(i) ? 1 : n);
}
function swapLast(g, x) {
  const rank = g.shape(x).length;
  const axes = Array.from({ length: rank }, (_, i) => i);
  [axes[rank - 1], axes[rank - 2]] = [axes[rank - 2], axes[rank - 1]];
  return g.op("transpose", [x], { axes });
}
function reshape(g, x, shape) {
  return sameShape(g.shape(x), shape) ? x : g.op("reshape", [x], { shape });
}
function checkSingle(index2) {
  if (index2.length > 0)
    throw new ShapeError(
      `an index of shape ${show(index2)}: expected a single integer, as of index(name) or at(i)`
    );
}

// lib/graph/ops/types.ts
var NO_ATTR = {};
var noGradient = () => null;
var scalar = (opcode, adding) => ({
  role: "plain",
  opcode,
  ...adding !== void 0 && { adding }
});
var noScalar = { role: "none" };
var scalarLeaf = { role: "leaf" };

// lib/graph/ops/elementwise.ts
function binaryRow(kernel2, flop, gradient, others = {}) {
  return {
    shape: ([a, b]) => broadcast(a, b),
    gradient,
    isInteger: false,
    index: "none",
    lower: { kind: "binary", kernel: kernel2, flop },
    batching: "batched",
    placing: "adds",
    scalar: scalar(kernel2),
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none",
    ...others
  };
}
function unaryRow(kernel2, flop, gradient, others = {}) {
  return {
    shape: ([x]) => x,
    gradient,
    isInteger: false,
    index: "none",
    lower: { kind: "unary", kernel: kernel2, flop },
    batching: "batched",
    placing: "adds",
    scalar: scalar(kernel2),
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none",
    ...others
  };
}
function elementwise(c, i, node) {
  return sumTo(c.g, node, c.g.shape(c.inputs[i]));
}
var rows = /* @__PURE__ */ new WeakMap();
function unaryOperator(name, row) {
  const call = (x) => {
    if (typeof x?.[name] === "function") return x[name]();
    throw new TypeError(`${name}: x is ${labelOf(x)}, expected a Value`);
  };
  rows.set(call, row);
  return call;
}
function labelOf(given2) {
  const label2 = given2?.label;
  return typeof label2 === "string" ? label2 : shown(given2);
}
function rowOf(operator2) {
  return rows.get(operator2);
}

// lib/graph/ops/arithmetic.ts
function winnersGradient(c, i, a) {
  const { g, dy, inputs, output } = c;
  const [mine, other] = [inputs[i], inputs[1 - i]];
  const compared = (op) => g.op(op, a === 0 ? [mine, other] : [other, mine]);
  const half = g.op("mul", [dy, g.constant(0.5)]);
  const won = g.op("maskPositive", [half, compared("gt")]);
  const wonOrTied = g.op("maskPositive", [half, compared("ge")]);
  return elementwise(c, i, orNaN(g, g.op("add", [won, wonOrTied]), output));
}
function takenGradient(c, i, whereZero) {
  if (i === 1) return null;
  const { g, dy, inputs } = c;
  const isZero = g.op("eq", [inputs[1], g.constant(0)]);
  const isTaken = whereZero ? isZero : g.op("sub", [g.constant(1), isZero]);
  return elementwise(c, 0, g.op("maskPositive", [dy, isTaken]));
}
var ARITHMETIC = {
  // --- one operand ---
  neg: unaryRow("neg", 1, ({ g, dy }) => g.op("neg", [dy]), {
    scalar: scalar("neg", "decumulate"),
    zero: "first"
  }),
  pow: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }) => {
      const p = attr.exponent;
      if (p === 0) return null;
      if (p === 1) return dy;
      const slope = g.op("pow", [inputs[0]], { exponent: p - 1 });
      return g.op("mul", [dy, g.op("mul", [slope, g.constant(p)])]);
    },
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "batched",
    placing: "adds",
    scalar: { role: "pow" },
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  // --- two operands, broadcast ---
  add: binaryRow("add", 1, (c, i) => elementwise(c, i, c.dy), {
    scalar: { role: "add", opcode: "add" },
    epilogue: "add"
  }),
  sub: binaryRow("sub", 1, (c, i) => elementwise(c, i, i === 0 ? c.dy : c.g.op("neg", [c.dy]))),
  mul: binaryRow("mul", 1, (c, i) => elementwise(c, i, c.g.op("mul", [c.dy, c.inputs[1 - i]])), {
    scalar: scalar("mul", "fma"),
    zero: "any",
    pad: "scaled"
  }),
  div: binaryRow(
    "div",
    1,
    (c, i) => {
      const over = c.g.op("div", [c.dy, c.inputs[1]]);
      return elementwise(c, i, i === 0 ? over : c.g.op("neg", [c.g.op("mul", [over, c.output])]));
    },
    { pad: "scaled" }
  ),
  /** The larger of two; a tie shares the gradient equally. */
  maximum: binaryRow("maximum", 0, (c, i) => winnersGradient(c, i, 0)),
  /** The smaller of two; a tie shares the gradient equally. */
  minimum: binaryRow("minimum", 0, (c, i) => winnersGradient(c, i, 1)),
  // Comparisons: 1 where they hold, else 0; NaN compares false. No gradient flows.
  gt: binaryRow("gt", 0, noGradient),
  ge: binaryRow("ge", 0, noGradient),
  eq: binaryRow("eq", 0, noGradient),
  /**
   * a / b where b >= 0; NaN where b < 0 or is NaN, but 0 where a is 0. This is the gradient of log, which is
   * NaN outside log's domain, except where no gradient arrives (as behind a `where` that takes the other
   * operand).
   */
  logGrad: binaryRow(
    "log_grad",
    1,
    (c, i) => {
      const b = c.inputs[1];
      if (i === 0) return elementwise(c, 0, c.g.op("logGrad", [c.dy, b]));
      const slope = c.g.op("logGrad", [c.g.op("mul", [c.dy, c.output]), b]);
      return elementwise(c, 1, c.g.op("neg", [slope]));
    },
    { batching: "single", placing: "own" }
  ),
  /** a where b > 0, NaN where b is NaN, else 0: the gradient of relu. Linear in a. */
  maskPositive: binaryRow(
    "mask_positive",
    0,
    (c, i) => i === 0 ? elementwise(c, 0, c.g.op("maskPositive", [c.dy, c.inputs[1]])) : null,
    { scalar: scalar("mask_positive", "mask_add"), epilogue: "maskPositive" }
  ),
  /** a where b is not 0 (NaN is not 0), else -0, the neutral element of addition. */
  ifNonzero: binaryRow("if_nonzero", 0, (c, i) => takenGradient(c, i, false)),
  /** a where b is 0, else -0. */
  ifZero: binaryRow("if_zero", 0, (c, i) => takenGradient(c, i, true)),
  /**
   * In a training step, whose number is the second operand: zeros in place of a fraction of the elements, the
   * others divided by what is left. In other runs: the operand unchanged. Which elements are dropped depends
   * only on seed, step and index, so that the gradient drops the same ones.
   */
  dropout: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }, i) => i === 0 ? g.op("dropout", [dy, inputs[1]], attr) : null,
    isInteger: false,
    index: "anything",
    lower: { kind: "special" },
    batching: "single",
    placing: "own",
    scalar: noScalar,
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  }
};

// lib/graph/ops/indexing.ts
var INDEXING = {
  element: {
    shape: () => [],
    gradient: noGradient,
    isInteger: true,
    index: "anything",
    lower: { kind: "special" },
    batching: "view",
    placing: "own",
    scalar: scalarLeaf,
    axes: "none",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** Elements [start, stop) of a vector of indices. */
  elements: {
    shape: (_, { start, stop }) => [stop - start],
    gradient: noGradient,
    isInteger: true,
    index: "anything",
    lower: { kind: "special" },
    batching: "view",
    placing: "own",
    scalar: noScalar,
    axes: "elements",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /**
   * Rows of the first axis. Result shape: the index's shape, then the rest of x's. With `batch`, row i of the
   * result is x[i][index[i]].
   */
  gather: {
    shape: ([x, index2], { batch }) => {
      if (!x.length) throw new ShapeError("a single number has no axis: give at least one");
      const rows4 = x[batch ? 1 : 0];
      if (rows4 === 0 && sizeOf(index2) > 0)
        throw new ShapeError(
          `from ${show(x)} by indices ${show(index2)}: there are no rows, so no index is valid`
        );
      return batch ? [x[0], ...x.slice(2)] : [...index2, ...x.slice(1)];
    },
    gradient: ({ g, dy, inputs, attr }, i) => i === 0 ? g.op("scatterAdd", [dy, inputs[1]], { shape: g.shape(inputs[0]), batch: attr.batch }) : null,
    isInteger: false,
    index: "rows",
    lower: { kind: "special" },
    batching: "batched",
    placing: "dense",
    scalar: noScalar,
    axes: "gathered",
    zero: "first",
    pad: "none",
    epilogue: "none"
  },
  /** Zeros of a shape, with rows added at the indices; a repeated index adds up. */
  scatterAdd: {
    shape: (_, { shape }) => shape,
    gradient: ({ g, dy, inputs, attr }, i) => i === 0 ? g.op("gather", [dy, inputs[1]], { batch: attr.batch }) : null,
    isInteger: false,
    index: "anything",
    lower: { kind: "special" },
    batching: "single",
    placing: "addsDense",
    scalar: noScalar,
    axes: "scattered",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** One of several operands of one shape; the last operand, an index, says which. */
  choose: {
    shape: (inputs) => {
      const first = inputs[0];
      if (inputs.length < 2 || inputs.slice(0, -1).some((shape) => !sameShape(shape, first))) {
        const odd = inputs.slice(0, -1).find((shape) => !sameShape(shape, first));
        throw new ShapeError(
          odd ? `shapes ${show(first)} and ${show(odd)}: all must be equal` : "there are no operands: give at least one"
        );
      }
      checkSingle(inputs.at(-1));
      return first;
    },
    gradient: ({ g, dy, inputs }, i) => i < inputs.length - 1 ? g.op("chooseGrad", [dy, inputs[inputs.length - 1]], { choice: i, k: inputs.length - 1 }) : null,
    isInteger: false,
    index: "operands",
    lower: { kind: "join" },
    batching: "single",
    placing: "dense",
    scalar: { role: "choose" },
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** The operand where the index, one of k, equals `choice`; zeros otherwise. */
  chooseGrad: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }, i) => i === 0 ? g.op("chooseGrad", [dy, inputs[1]], attr) : null,
    isInteger: false,
    index: "anything",
    lower: { kind: "special" },
    batching: "single",
    placing: "adds",
    scalar: { role: "chooseGrad", adding: "choose_grad" },
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  }
};

// lib/graph/ops/leaves.ts
function leafRow(shape, others = {}) {
  return {
    shape,
    gradient: noGradient,
    isInteger: false,
    index: "none",
    lower: { kind: "leaf" },
    batching: "leaf",
    placing: "own",
    scalar: scalarLeaf,
    axes: "none",
    zero: "never",
    pad: "none",
    epilogue: "none",
    ...others
  };
}
var given = (_, { shape }) => shape;
var single = () => [];
var LEAVES = {
  parameter: leafRow(given),
  input: leafRow(given),
  constant: leafRow(single),
  /** 1 / prefix length, as fed. */
  inverseCount: leafRow(single, { index: "lengths" }),
  index: leafRow(given, { isInteger: true }),
  /** The number of the current training step, from 0; negative in any other run. */
  step: leafRow(single, { isInteger: true, scalar: noScalar })
};

// lib/graph/ops/matmul.ts
function matmulShape([a, b]) {
  if (!a.length || !b.length) throw new ShapeError("a single number has no axis to contract: use mul");
  const k = a[a.length - 1];
  const rows4 = b.length > 1 ? b[b.length - 2] : b[0];
  if (k !== rows4) {
    throw new ShapeError(
      `the last axis of the left (${k}) must equal the first matrix axis of the right (${rows4})`
    );
  }
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  return [
    ...batch,
    ...a.length > 1 ? [a[a.length - 2]] : [],
    ...b.length > 1 ? [b[b.length - 1]] : []
  ];
}
function matmulGradient(c, i) {
  const { g, dy } = c;
  const [a, b] = c.inputs;
  const shapeA = g.shape(a);
  const shapeB = g.shape(b);
  const vectorA = shapeA.length === 1;
  const vectorB = shapeB.length === 1;
  if (vectorA && vectorB) return g.op("mul", [dy, i === 0 ? b : a]);
  const k = shapeA[shapeA.length - 1];
  if (vectorA && shapeB.length === 2) {
    const n = shapeB[1];
    if (i === 0) return g.op("matmul", [dy, swapLast(g, b)]);
    return g.op("matmul", [reshape(g, a, [k, 1]), reshape(g, dy, [1, n])]);
  }
  if (vectorB && shapeA.length === 2) {
    const m = shapeA[0];
    if (i === 1) return g.op("matmul", [dy, a]);
    return g.op("matmul", [reshape(g, dy, [m, 1]), reshape(g, b, [1, k])]);
  }
  const matrixA = vectorA ? reshape(g, a, [1, k]) : a;
  const matrixB = vectorB ? reshape(g, b, [k, 1]) : b;
  const outA = g.shape(matrixA);
  const outB = g.shape(matrixB);
  const batch = broadcast(outA.slice(0, -2), outB.slice(0, -2));
  const dyMatrix = reshape(g, dy, [...batch, outA[outA.length - 2], outB[outB.length - 1]]);
  const grad = i === 0 ? g.op("matmul", [dyMatrix, swapLast(g, matrixB)]) : g.op("matmul", [swapLast(g, matrixA), dyMatrix]);
  return reshape(g, sumTo(g, grad, i === 0 ? outA : outB), i === 0 ? shapeA : shapeB);
}
var PRODUCTS = {
  matmul: {
    shape: matmulShape,
    gradient: matmulGradient,
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "batched",
    placing: "adds",
    scalar: noScalar,
    axes: "product",
    zero: "any",
    pad: "product",
    epilogue: "takes"
  },
  /** The sum of x[i] M[i] over the indices i: x.gather(index) @ M.gather(index), without the copies. */
  gatherMatmul: {
    shape: ([x, m, index2]) => {
      if (x.length !== 1 || m.length !== 2 || index2.length !== 1 || x[0] !== m[0]) {
        throw new ShapeError(
          `${show(x)}, ${show(m)} and indices ${show(index2)}: expected [n], [n, m] and a vector of indices`
        );
      }
      return [m[1]];
    },
    gradient: ({ g, dy, inputs }, i) => {
      const [x, m, index2] = inputs;
      if (i === 0) return g.op("gatherDot", [m, dy, index2]);
      return i === 1 ? g.op("scatterOuter", [x, dy, index2], { shape: g.shape(m) }) : null;
    },
    isInteger: false,
    index: "rows",
    lower: { kind: "special" },
    batching: "single",
    placing: "adds",
    scalar: noScalar,
    axes: "none",
    zero: "never",
    pad: "none",
    epilogue: "takes"
  },
  /** Of M, g and indices: zeros, with M[i] . g added at each index i. */
  gatherDot: {
    shape: ([m]) => [m[0]],
    gradient: ({ g, dy, inputs }, i) => {
      const [m, v, index2] = inputs;
      if (i === 0) return g.op("scatterOuter", [dy, v, index2], { shape: g.shape(m) });
      return i === 1 ? g.op("gatherMatmul", [dy, m, index2]) : null;
    },
    isInteger: false,
    index: "anything",
    lower: { kind: "special" },
    batching: "single",
    placing: "adds",
    scalar: noScalar,
    axes: "none",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** Of x, g and indices: zeros in a matrix's shape, with x[i] g added to row i at each index i. */
  scatterOuter: {
    shape: (_, { shape }) => shape,
    gradient: ({ g, dy, inputs }, i) => {
      const [x, v, index2] = inputs;
      if (i === 0) return g.op("gatherDot", [dy, v, index2]);
      return i === 1 ? g.op("gatherMatmul", [x, dy, index2]) : null;
    },
    isInteger: false,
    index: "anything",
    lower: { kind: "special" },
    batching: "single",
    placing: "adds",
    scalar: noScalar,
    axes: "none",
    zero: "never",
    pad: "none",
    epilogue: "none"
  }
};

// lib/graph/ops/reduce.ts
var REDUCTIONS = {
  /** The sum over `axes` (all when absent), which are removed. */
  sum: {
    shape: ([x], attr) => [goneAxes(x, attr)].flatMap((gone) => x.filter((_, i) => !gone.has(i))),
    gradient: ({ g, dy, inputs, attr }) => {
      const x = g.shape(inputs[0]);
      const kept = reshape(g, dy, keptShape(x, goneAxes(x, attr)));
      return g.op("broadcastTo", [kept], { shape: x });
    },
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "batched",
    placing: "adds",
    scalar: scalar("copy"),
    axes: "withoutAxes",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /**
   * The sum of any number of operands of one shape. With `prefix`, the sum of the first n; the last operand,
   * an index, is n.
   */
  total: {
    shape: (inputs, { prefix }) => {
      const terms = prefix ? inputs.slice(0, -1) : inputs;
      const first = terms[0];
      if (!first) throw new ShapeError("there are no operands: give at least one");
      const odd = terms.find((shape) => !sameShape(shape, first));
      if (odd) throw new ShapeError(`shapes ${show(first)} and ${show(odd)}: all must be equal`);
      if (prefix) checkSingle(inputs.at(-1));
      return first;
    },
    gradient: ({ dy }) => dy,
    isInteger: false,
    index: "prefix",
    lower: { kind: "special" },
    batching: "single",
    placing: "rows",
    scalar: { role: "total" },
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /**
   * The maximum over `axes` (all when absent), which are removed; ties share the gradient equally. Where the
   * maximum is NaN, all gradients of its axes are NaN.
   */
  max: {
    shape: ([x], attr) => {
      const gone = goneAxes(x, attr);
      const shape = x.filter((_, i) => !gone.has(i));
      if (sizeOf(x) === 0 && sizeOf(shape) > 0)
        throw new ShapeError(`${show(x)} is empty along the axes: there are no numbers to choose from`);
      return shape;
    },
    gradient: ({ g, dy, inputs, output, attr }) => {
      const [x] = inputs;
      const gone = goneAxes(g.shape(x), attr);
      const kept = keptShape(g.shape(x), gone);
      const isLargest = g.op("eq", [x, reshape(g, output, kept)]);
      const ties = g.op("sum", [isLargest], { axes: [...gone] });
      const share = g.op("maskPositive", [reshape(g, g.op("div", [dy, ties]), kept), isLargest]);
      return orNaN(g, share, reshape(g, output, kept));
    },
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "own",
    scalar: scalar("copy"),
    axes: "withoutAxes",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /**
   * The running sum along an axis, up to and including each element; with `reverse`, from each element to the
   * end.
   */
  cumsum: {
    shape: ([x], { axis }) => {
      resolveAxis(axis, x);
      return x;
    },
    gradient: ({ g, dy, attr }) => g.op("cumsum", [dy], { ...attr, reverse: !attr.reverse }),
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "own",
    scalar: noScalar,
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** The index of the maximum along an axis, which is removed; a tie goes to the lower index. */
  argmax: {
    shape: ([x], { axis }) => {
      const at2 = resolveAxis(axis, x);
      if (x[at2] === 0)
        throw new ShapeError(`axis ${axis} of ${show(x)} is empty: it has no largest number`);
      return x.filter((_, i) => i !== at2);
    },
    gradient: noGradient,
    isInteger: true,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "own",
    scalar: noScalar,
    axes: "withoutAxis",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  topk: {
    shape: ([x], { k }) => {
      if (x.length !== 1) throw new ShapeError(`expected a vector, not shape ${show(x)}`);
      if (x[0] === 0) throw new ShapeError(`k ${shown(k)} of 0 numbers: there are none to take from`);
      if (!Number.isInteger(k) || k < 1 || k > x[0]) {
        throw new ShapeError(`k ${shown(k)} of ${x[0]} numbers: expected an integer from 1 to ${x[0]}`);
      }
      return [k];
    },
    gradient: noGradient,
    isInteger: true,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "own",
    scalar: noScalar,
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  }
};

// lib/graph/ops/rows.ts
var ROW_FUNCTIONS = {
  softmax: {
    shape: ([x]) => {
      if (!x.length) throw new ShapeError("a single number has no axis: give at least one");
      return x;
    },
    gradient: ({ g, dy, output }) => g.op("softmaxGrad", [output, dy]),
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "batched",
    placing: "rows",
    scalar: noScalar,
    axes: "broadcast",
    zero: "never",
    pad: "softmax",
    epilogue: "none"
  },
  /** y (g - sum(y g)) over the last axis. The Jacobian is symmetric, so this is its own gradient in g. */
  softmaxGrad: {
    shape: same,
    gradient: ({ g, dy, inputs }, i) => {
      const [y, u] = inputs;
      if (i === 1) return g.op("softmaxGrad", [y, dy]);
      const shape = g.shape(y);
      const axes = [shape.length - 1];
      const column = [...shape.slice(0, -1), 1];
      const dot3 = (a, b) => reshape(g, g.op("sum", [g.op("mul", [a, b])], { axes }), column);
      return g.op("sub", [g.op("mul", [dy, g.op("sub", [u, dot3(y, u)])]), g.op("mul", [u, dot3(y, dy)])]);
    },
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "adds",
    scalar: noScalar,
    axes: "broadcast",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** x / sqrt(scale sum(x²) + eps), row by row. */
  rmsNorm: {
    shape: ([x]) => {
      if (!x.length) throw new ShapeError("a single number has no axis: give at least one");
      return x;
    },
    gradient: ({ g, dy, inputs, output, attr }) => g.op("rmsNormGrad", [dy, inputs[0], output], attr),
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "rows",
    scalar: noScalar,
    axes: "first",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /**
   * Of u, x and rmsNorm(x): s u - scale s³ sum(u x) x with s = 1 / sqrt(scale sum(x²) + eps). The third
   * operand is there so that the s which rmsNorm has computed can be reused.
   */
  rmsNormGrad: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }, i) => {
      const [u, x, y] = inputs;
      if (i === 0) return g.op("rmsNormGrad", [dy, x, y], attr);
      if (i === 2) return null;
      const shape = g.shape(x);
      const axes = [shape.length - 1];
      const mul = (...factors) => factors.reduce((a, b) => g.op("mul", [a, b]));
      const dot3 = (a, b) => reshape(g, g.op("sum", [mul(a, b)], { axes }), [...shape.slice(0, -1), 1]);
      const scale2 = g.constant(attr.scale);
      const squares = g.op("add", [mul(dot3(x, x), scale2), g.constant(attr.eps)]);
      const power = (exponent) => g.op("pow", [squares], { exponent });
      const [xu, xv, uv] = [dot3(x, u), dot3(x, dy), dot3(u, dy)];
      const cubic = g.op("add", [mul(uv, x), g.op("add", [mul(xv, u), mul(xu, dy)])]);
      const quintic = mul(g.constant(3), scale2, power(-2.5), xu, xv);
      return mul(scale2, g.op("sub", [mul(quintic, x), mul(power(-1.5), cubic)]));
    },
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "adds",
    scalar: noScalar,
    axes: "second",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** -log(softmax(x)[target]) of a vector, or of each row of a matrix; the targets are the last operand. */
  crossEntropy: {
    shape: ([x, target]) => {
      if (x.length !== 1 && x.length !== 2 || !sameShape(x.slice(0, -1), target)) {
        throw new ShapeError(
          `${show(x)} with targets ${show(target)}: expected a vector and one index, or a matrix and one index per row`
        );
      }
      if (x.at(-1) === 0 && sizeOf(target) > 0)
        throw new ShapeError(`${show(x)} has no classes, so no target is valid`);
      return target;
    },
    gradient: ({ g, dy, inputs, output }, i) => i === 0 ? g.op("crossEntropyGrad", [dy, inputs[0], output, inputs[1]]) : null,
    isInteger: false,
    index: "classes",
    lower: { kind: "special" },
    batching: "single",
    placing: "own",
    scalar: noScalar,
    axes: "losses",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** Of u, x, crossEntropy(x, target) and target: u (softmax(x) - onehot(target)), row by row. */
  crossEntropyGrad: {
    shape: ([, x]) => x,
    gradient: ({ g, dy, inputs }, i) => {
      const [u, x, y, target] = inputs;
      const shape = g.shape(x);
      const column = [...shape.slice(0, -1), 1];
      if (i === 0) {
        const one = g.op("broadcastTo", [g.constant(1)], { shape: g.shape(u) });
        const slope = g.op("crossEntropyGrad", [one, x, y, target]);
        return g.op("sum", [g.op("mul", [dy, slope])], { axes: [shape.length - 1] });
      }
      if (i !== 1) return null;
      const weighted = g.op("mul", [dy, reshape(g, u, column)]);
      return g.op("softmaxGrad", [g.op("softmax", [x]), weighted]);
    },
    isInteger: false,
    index: "anything",
    lower: { kind: "special" },
    batching: "single",
    placing: "adds",
    scalar: noScalar,
    axes: "lossGradient",
    zero: "never",
    pad: "none",
    epilogue: "none"
  }
};

// lib/graph/ops/unary.ts
var unary_exports = {};
__export(unary_exports, {
  abs: () => abs,
  arcsin: () => arcsin,
  arcsinh: () => arcsinh,
  arctanh: () => arctanh,
  cos: () => cos,
  erf: () => erf,
  exp: () => exp,
  expm1: () => expm1,
  log: () => log,
  log1p: () => log1p,
  relu: () => relu,
  sigmoid: () => sigmoid,
  sign: () => sign,
  sin: () => sin,
  softplus: () => softplus,
  tanh: () => tanh
});
function operator(name, flop, gradient, others = {}) {
  const row = unaryRow(
    name,
    flop,
    gradient ? ({ g, dy, inputs, output }) => gradient({ g, dy, x: inputs[0], y: output }) : noGradient,
    others
  );
  return unaryOperator(name, row);
}
var exp = operator("exp", 1, ({ g, y, dy }) => g.op("mul", [dy, y]));
var expm1 = operator("expm1", 1, ({ g, x, dy }) => g.op("mul", [dy, g.op("exp", [x])]));
var log = operator("log", 1, ({ g, x, dy }) => g.op("logGrad", [dy, x]));
var log1p = operator(
  "log1p",
  1,
  ({ g, x, dy }) => g.op("logGrad", [dy, g.op("add", [x, g.constant(1)])])
);
var relu = operator(
  "relu",
  0,
  // The output is positive where the input is, and is in use anyway.
  ({ g, y, dy }) => g.op("maskPositive", [dy, y]),
  { zero: "first", epilogue: "relu" }
);
var sign = operator("sign", 0, null);
var abs = operator("abs", 0, ({ g, x, dy }) => g.op("mul", [dy, g.op("sign", [x])]));
var sin = operator("sin", 1, ({ g, x, dy }) => g.op("mul", [dy, g.op("cos", [x])]));
var cos = operator("cos", 1, ({ g, x, dy }) => g.op("neg", [g.op("mul", [dy, g.op("sin", [x])])]));
var tanh = operator("tanh", 1, ({ g, y, dy }) => {
  const square = g.op("mul", [y, y]);
  return g.op("mul", [dy, g.op("sub", [g.constant(1), square])]);
});
var sigmoid = operator("sigmoid", 1, ({ g, y, dy }) => {
  const slope = g.op("mul", [y, g.op("sub", [g.constant(1), y])]);
  return g.op("mul", [dy, slope]);
});
var softplus = operator("softplus", 1, ({ g, x, dy }) => g.op("mul", [dy, g.op("sigmoid", [x])]));
var erf = operator("erf", 1, ({ g, x, dy }) => {
  const bell = g.op("exp", [g.op("neg", [g.op("mul", [x, x])])]);
  return g.op("mul", [dy, g.op("mul", [bell, g.constant(2 / Math.sqrt(Math.PI))])]);
});
var arcsin = operator(
  "arcsin",
  1,
  (c) => c.g.op("mul", [c.dy, c.g.op("pow", [oneMinusSquare(c)], { exponent: -0.5 })])
);
var arcsinh = operator(
  "arcsinh",
  1,
  (c) => c.g.op("mul", [c.dy, c.g.op("pow", [onePlusSquare(c)], { exponent: -0.5 })])
);
var arctanh = operator("arctanh", 1, (c) => c.g.op("logGrad", [c.dy, oneMinusSquare(c)]));
function oneMinusSquare({ g, x }) {
  const one = g.constant(1);
  return g.op("mul", [g.op("add", [one, x]), g.op("sub", [one, x])]);
}
function onePlusSquare({ g, x }) {
  return g.op("add", [g.op("mul", [x, x]), g.constant(1)]);
}

// lib/graph/ops/views.ts
var joinEnds = /* @__PURE__ */ new WeakMap();
function checkPermutation(axes, x) {
  const seen = new Set(axes.map((axis) => resolveAxis(axis, x)));
  if (seen.size !== x.length || axes.length !== x.length) {
    throw new ShapeError(`axes ${show(axes)}: expected each of ${x.length} axes once`);
  }
}
var VIEWS = {
  detach: {
    shape: same,
    gradient: noGradient,
    isInteger: false,
    index: "none",
    lower: { kind: "view" },
    batching: "view",
    placing: "own",
    scalar: scalar("copy"),
    axes: "broadcast",
    zero: "first",
    pad: "none",
    epilogue: "none"
  },
  reshape: {
    shape: ([x], { shape }) => {
      if (sizeOf(x) !== sizeOf(shape)) {
        throw new ShapeError(`to ${show(shape)}: ${sizeOf(x)} numbers against ${sizeOf(shape)}`);
      }
      return shape;
    },
    gradient: ({ g, dy, inputs }) => reshape(g, dy, g.shape(inputs[0])),
    isInteger: false,
    index: "none",
    lower: { kind: "view" },
    batching: "view",
    placing: "own",
    scalar: scalar("copy"),
    axes: "reshaped",
    zero: "first",
    pad: "none",
    epilogue: "none"
  },
  transpose: {
    shape: ([x], { axes }) => {
      checkPermutation(axes, x);
      return axes.map((axis) => x[axis]);
    },
    gradient: ({ g, dy, attr }) => {
      const inverse2 = new Array(attr.axes.length);
      attr.axes.forEach((axis, i) => inverse2[axis] = i);
      return g.op("transpose", [dy], { axes: inverse2 });
    },
    isInteger: false,
    index: "none",
    lower: { kind: "view" },
    batching: "view",
    placing: "own",
    scalar: noScalar,
    axes: "transposed",
    zero: "first",
    pad: "none",
    epilogue: "none"
  },
  broadcastTo: {
    shape: ([x], { shape }) => {
      if (!sameShape(broadcast(x, shape), shape)) {
        throw new ShapeError(`${show(x)} does not broadcast to ${show(shape)}`);
      }
      return shape;
    },
    gradient: (c) => elementwise(c, 0, c.dy),
    isInteger: false,
    index: "none",
    lower: { kind: "view" },
    batching: "view",
    placing: "own",
    scalar: scalar("copy"),
    axes: "broadcast",
    zero: "first",
    pad: "none",
    epilogue: "none"
  },
  /** The range [start, stop) of an axis. */
  slice: {
    shape: ([x], { axis, start, stop }) => {
      const at2 = resolveAxis(axis, x);
      if (!Number.isInteger(start) || !Number.isInteger(stop) || start < 0 || stop < start || stop > x[at2]) {
        throw new ShapeError(
          `from ${shown(start)} to before ${shown(stop)} in axis ${axis} of ${show(x)}: expected integers from 0 to ${x[at2]}, start at most stop`
        );
      }
      return x.map((n, i) => i === at2 ? stop - start : n);
    },
    gradient: ({ g, dy, inputs, attr }) => g.op("embed", [dy], { axis: attr.axis, start: attr.start, shape: g.shape(inputs[0]) }),
    isInteger: false,
    index: "none",
    lower: { kind: "view" },
    batching: "view",
    placing: "own",
    scalar: noScalar,
    axes: "sliced",
    zero: "first",
    pad: "slice",
    epilogue: "none"
  },
  /** Zeros of a shape, with the operand at `start` of an axis: the gradient of slice. */
  embed: {
    shape: (_, { shape }) => shape,
    gradient: ({ g, dy, inputs, attr }) => g.op("slice", [dy], {
      axis: attr.axis,
      start: attr.start,
      stop: attr.start + g.shape(inputs[0])[attr.axis]
    }),
    isInteger: false,
    index: "none",
    lower: { kind: "special" },
    batching: "single",
    placing: "dense",
    scalar: noScalar,
    axes: "padded",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  concat: {
    shape: (inputs, { axis }) => {
      const first = inputs[0];
      if (!first) throw new ShapeError("there are no operands: give at least one");
      const at2 = resolveAxis(axis, first);
      for (const shape of inputs) {
        if (shape.length !== first.length || shape.some((n, i) => i !== at2 && n !== first[i])) {
          throw new ShapeError(
            `shapes ${show(first)} and ${show(shape)} along axis ${axis}: the other axes must be equal`
          );
        }
      }
      return first.map((n, i) => i === at2 ? inputs.reduce((sum3, s) => sum3 + s[at2], 0) : n);
    },
    gradient: ({ g, dy, inputs, attr }, i) => {
      const at2 = resolveAxis(attr.axis, g.shape(inputs[0]));
      let ends = joinEnds.get(inputs);
      if (!ends) {
        let end = 0;
        ends = inputs.map((input) => end += g.shape(input)[at2]);
        joinEnds.set(inputs, ends);
      }
      return g.op("slice", [dy], { axis: at2, start: i ? ends[i - 1] : 0, stop: ends[i] });
    },
    isInteger: false,
    index: "none",
    lower: { kind: "join" },
    batching: "view",
    placing: "own",
    scalar: noScalar,
    axes: "joined",
    zero: "never",
    pad: "none",
    epilogue: "none"
  },
  /** Stacks operands of one shape along a new first axis. */
  stack: {
    shape: (inputs) => {
      const first = inputs[0];
      if (!first) throw new ShapeError("there are no operands: give at least one");
      const odd = inputs.find((shape) => !sameShape(shape, first));
      if (odd) throw new ShapeError(`shapes ${show(first)} and ${show(odd)}: all must be equal`);
      return [inputs.length, ...first];
    },
    gradient: ({ g, dy, inputs }, i) => reshape(g, g.op("slice", [dy], { axis: 0, start: i, stop: i + 1 }), g.shape(inputs[i])),
    isInteger: false,
    index: "none",
    lower: { kind: "join" },
    batching: "view",
    placing: "own",
    scalar: noScalar,
    axes: "stacked",
    zero: "never",
    pad: "none",
    epilogue: "none"
  }
};

// lib/graph/ops.ts
var UNARY = unary_exports;
var CORE = {
  ...LEAVES,
  ...ARITHMETIC,
  ...REDUCTIONS,
  ...PRODUCTS,
  ...ROW_FUNCTIONS,
  ...VIEWS,
  ...INDEXING
};
var UNARY_NAMES = Object.keys(UNARY);
var OPS = {
  ...CORE,
  ...Object.fromEntries(UNARY_NAMES.map((name) => [name, rowOf(UNARY[name])]))
};
var OP_NAMES = Object.keys(OPS);
var OP_CODE = Object.fromEntries(OP_NAMES.map((name, i) => [name, i]));
function opsWhere(is) {
  return Uint8Array.from(OP_NAMES, (op) => Number(is(OPS[op])));
}
function stopsGradient(op) {
  return OPS[op].gradient === noGradient;
}
function hasNoGradient(op, { exponent }, i) {
  const isCondition = (op === "ifNonzero" || op === "ifZero" || op === "maskPositive") && i === 1;
  return stopsGradient(op) || isCondition || op === "pow" && exponent === 0;
}
function isInteger(op) {
  return OPS[op].isInteger;
}
function takesIndex(op, { prefix }) {
  const { index: index2 } = OPS[op];
  return index2 === "prefix" ? prefix === true : index2 !== "none";
}

// lib/compiler/lower/words.ts
var OPERANDS = ["y", "a", "b", "c", "x"];
var OPERAND_WORDS = ["offset", "outer1", "outer2", "row", "col"];
var OTHER_WORDS = [
  "opcode",
  "accumulate",
  "position",
  "outer1",
  "outer2",
  "rows",
  "cols",
  "inner",
  "imm0",
  "imm1"
];
function placeOf(name) {
  const place3 = instructionWordNames.indexOf(name);
  if (place3 < 0) throw new Error(`the machine's instructions have no word '${name}'`);
  return place3;
}
var OPERAND_PLACES = OPERANDS.map(
  (operand) => OPERAND_WORDS.map((word) => placeOf(`${operand}_${word}`))
);
var WORD = Object.fromEntries(
  [
    ...OTHER_WORDS,
    ...OPERANDS.flatMap((operand) => OPERAND_WORDS.map((word) => `${operand}_${word}`))
  ].map((name) => [name, placeOf(name)])
);
var EXTENT_PLACES = [WORD.outer1, WORD.outer2, WORD.rows, WORD.cols, WORD.inner];

// lib/compiler/account.ts
var ELEMENTWISE = OP_NAMES.flatMap((op) => {
  const { lower: lower2 } = OPS[op];
  return lower2.kind === "unary" || lower2.kind === "binary" ? [[lower2.kernel, lower2.flop]] : [];
});
var FLOP = {
  ...Object.fromEntries(ELEMENTWISE.map(([name, each]) => [name, ["RC", each]])),
  copy: ["RC", 0],
  sqrt: ["RC", 1],
  rsqrt: ["RC", 2],
  reciprocal: ["RC", 1],
  pow: ["RC", 1],
  fill: ["RC", 0],
  row_sum: ["RC", 1],
  row_max: ["RC", 0],
  row_dot: ["RC", 2],
  col_sum: ["RC", 1],
  cumsum: ["RC", 1],
  softmax: ["RC", 4],
  // less the largest, exp, sum, scaling
  softmax_grad: ["RC", 4],
  rms_norm: ["RC", 3],
  rms_norm_grad: ["RC", 6],
  cross_entropy: ["RC", 4],
  cross_entropy_grad: ["RC", 1],
  transpose: ["RC", 0],
  gemm: ["RCK", 2],
  gemm_sgd: ["RCK", 2, 4],
  gemm_adam: ["RCK", 2, 12],
  topk: ["C", 0],
  gather: ["RC", 0],
  scatter_add: ["RC", 1],
  gather_matmul: ["CK", 2],
  gather_dot: ["CK", 2],
  scatter_outer: ["CK", 2],
  choose_grad: ["RC", 0],
  dropout: ["C", 1],
  check: ["C", 2],
  clip: ["C", 3],
  sgd: ["C", 4],
  adam: ["C", 12]
};
var SCALAR_FLOP = {
  ...Object.fromEntries(ELEMENTWISE),
  copy: 0,
  rsqrt: 2,
  fma: 2,
  mul_add: 2,
  pick: 0,
  choose_grad: 0,
  sgd: 4,
  adam: 12
};
var UPDATES = /* @__PURE__ */ new Set([
  "scatter_add",
  "gather_dot",
  "scatter_outer",
  "gemm_sgd",
  "gemm_adam",
  "sgd",
  "adam"
]);
var ROW_PRODUCTS = /* @__PURE__ */ new Set(["gather_matmul", "gather_dot", "scatter_outer"]);
function account(lowered2, elementBytes, length) {
  const works = /* @__PURE__ */ new Map();
  const workOf = (op) => {
    const work = works.get(op) ?? { op, instructions: 0, flop: 0, bytes: 0 };
    works.set(op, work);
    return work;
  };
  const { code, extents, maxLength } = lowered2;
  const columns = extents.length / (maxLength + 1);
  for (let at2 = 0; at2 < code.length; at2 += instructionWords) {
    const word = (i) => code[at2 + i];
    const extent = (i) => extents[length * columns + word(i)];
    const op = opcodeNames[word(WORD.opcode)];
    if (word(WORD.position) >= length) continue;
    const named3 = ROW_PRODUCTS.has(op) ? extent(WORD.inner) : extent(WORD.rows);
    const loops = { R: extent(WORD.rows), T: named3, C: extent(WORD.cols), K: extent(WORD.inner) };
    if (op === "scalar_bytecode") {
      const forward = word(WORD.imm0) === 1 && word(WORD.accumulate) === 0;
      const begin = forward ? extents[word(WORD.rows)] : loops.R;
      scalarBytecode(lowered2.bytecode, begin, loops.C, elementBytes, workOf);
      continue;
    }
    const [over, each, plus2 = 0] = FLOP[op];
    const outer = extent(WORD.outer1) * extent(WORD.outer2);
    const { R, C, K } = loops;
    const elements = outer * (over.startsWith("R") ? R : 1) * C;
    const work = workOf(op);
    work.instructions++;
    work.flop += elements * ((over.endsWith("K") ? K : 1) * each + plus2);
    const isMasked = op === "gemm" && word(WORD.imm0) === 2;
    if (isMasked) work.bytes += elements * elementBytes;
    operandsOf(op).forEach((rule, i) => {
      const written = rule.startsWith("w");
      const dims = rule.replace(/^w|[-1B*]/g, "");
      if (rule === "-") return;
      const stride2 = (k) => word(OPERAND_PLACES[i][k]);
      const [row, column] = dims.length > 1 ? [dims[0], dims[1]] : "RT".includes(dims) ? [dims] : ["", dims];
      const along = (dim, k) => dim && stride2(k) ? loops[dim] : 1;
      const numbers = (stride2(1) ? extent(WORD.outer1) : 1) * (stride2(2) ? extent(WORD.outer2) : 1) * along(row, 3) * along(column, 4);
      const twice = written && (i === 0 && word(WORD.accumulate) || UPDATES.has(op)) ? 2 : 1;
      work.bytes += numbers * twice * (i === 4 ? Int32Array.BYTES_PER_ELEMENT : elementBytes);
    });
  }
  return [...works.values()].sort((a, b) => b.flop - a.flop || b.bytes - a.bytes);
}
function scalarBytecode(words, begin, end, elementBytes, workOf) {
  for (let at2 = begin; at2 < end; ) {
    const op = scalarOpcodeNames[words[at2] & 255];
    const count2 = words[at2] >>> 8;
    const kinds = scalarOperandsOf(op);
    const work = workOf(op);
    work.instructions += count2;
    work.flop += count2 * (SCALAR_FLOP[op] ?? 1);
    const numbers = kinds.replace(/[in]/g, "").length;
    work.bytes += count2 * elementBytes * numbers;
    at2 += 1 + count2 * (kinds.length + 2 * (kinds.includes("P") ? 1 : 0));
  }
}

// lib/graph/node.ts
var nextId = 0;
var Operation = class {
  constructor(op, attr, shape) {
    this.op = op;
    this.attr = attr;
    this.shape = shape;
    this.code = OP_CODE[op];
    this.isInteger = isInteger(op);
    this.isPlain = attr === NO_ATTR && shape === SCALAR && op !== "inverseCount";
  }
};
function operationOf(op, attr, shape) {
  if (shape.length > 0) return new Operation(op, attr, shape);
  return attr === NO_ATTR ? PLAIN[op] : new Operation(op, attr, SCALAR);
}
var PLAIN = Object.fromEntries(
  OP_NAMES.map((op) => [op, new Operation(op, NO_ATTR, SCALAR)])
);
var Node = class {
  /**
   * @param inputs the operands, where there are more than two
   * @hidden
   */
  constructor(operation, first, second, inputs) {
    if (!(operation instanceof Operation))
      throw new TypeError(
        "a Value is made by parameter(), input(), constant() or an operator, and an Index by index(), topk() or argmax(): neither is made by new"
      );
    this.id = nextId++;
    this.number = 0;
    this.operation = operation;
    this.first = first;
    this.second = second;
    this.extras = inputs && { inputs };
  }
  /** The name of its operator. */
  get op() {
    return this.operation.op;
  }
  /**
   * The operator's attributes.
   *
   * @hidden
   */
  get attr() {
    return this.operation.attr;
  }
  /** The shape; `SCALAR` itself for single numbers. */
  get shape() {
    return this.operation.shape;
  }
  /** The name in feeds, errors and drawings; undefined where none was given. */
  get name() {
    return this.extras?.name;
  }
  /** See {@link Value.named}. */
  set name(name) {
    if (name !== void 0) checkName("named", name);
    (this.extras ??= {}).name = name;
  }
  /**
   * Where the node's numbers are.
   *
   * @hidden
   */
  get memory() {
    return this.extras?.memory;
  }
  /** @hidden */
  set memory(memory) {
    (this.extras ??= {}).memory = memory;
  }
  /** How many operands it has. */
  get inputCount() {
    return this.extras?.inputs?.length ?? (this.second ? 2 : this.first ? 1 : 0);
  }
  /** The operands. */
  get inputs() {
    const { first, second, extras } = this;
    return extras?.inputs ?? (second ? [first, second] : first ? [first] : []);
  }
  /** How errors call this node: its name or number, its operator, its shape. */
  get label() {
    const name = this.name === void 0 ? `#${this.id}` : `'${clipped(this.name)}'`;
    return `${name} (${this.extras?.writtenAs ?? this.op}, shape ${show(this.shape)})`;
  }
};
function writtenAs(op, node) {
  (node.extras ??= {}).writtenAs = op;
  return node;
}
var MAX_NAMED = 8;
var reasons = /* @__PURE__ */ new WeakMap();
function refused(Kind2, op, operands, reason) {
  const given2 = operands.filter((operand) => operand instanceof Node || typeof operand === "number");
  const labels = given2.slice(0, MAX_NAMED).map((operand) => operand instanceof Node ? operand.label : String(operand));
  if (given2.length > MAX_NAMED) labels.push(`${given2.length - MAX_NAMED} more`);
  const error = new Kind2(
    `${op}${labels.length > 0 ? ` of ${labels.join(" and ")}` : ""}: ${clipped(reason, 1e3)}`
  );
  reasons.set(error, reason);
  return error;
}
function composed(op, operands, make) {
  try {
    return make();
  } catch (error) {
    const reason = reasons.get(error) ?? (error instanceof ShapeError ? error.message : void 0);
    if (reason === void 0) throw error;
    throw refused(error instanceof ShapeError ? ShapeError : TypeError, op, operands, reason);
  }
}
function shownNode(given2) {
  const isNode = given2 instanceof Node && given2.operation !== void 0;
  return isNode ? given2.label : shown(given2);
}
function checkOperands(op, inputs, attr) {
  const last = takesIndex(op, attr) ? inputs.length - 1 : -1;
  for (let i = 0; i < inputs.length; i++) {
    const node = inputs[i];
    if (node instanceof Node && node.operation.isInteger === (i === last)) continue;
    throw refused(
      TypeError,
      op,
      inputs.slice(0, i),
      `operand ${i} is ${shownNode(node)}, expected ${i === last ? "an Index" : "a Value"}`
    );
  }
}
function resultShape(op, inputs, attr) {
  checkOperands(op, inputs, attr);
  try {
    const shape = OPS[op].shape(
      inputs.map((node) => node.shape),
      attr
    );
    checkSize(shape);
    return shape;
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw refused(ShapeError, op, inputs, error.message);
  }
}
function checkName(what, name) {
  if (typeof name !== "string") throw new TypeError(`${what}: a name must be a string, got ${shown(name)}`);
}
function isValue(given2) {
  return given2 instanceof Node && given2.operation?.isInteger === false;
}
function listOfValues(what, given2, isOne) {
  if (!isList(given2)) throw new TypeError(`${what}: expected an array of Values, got ${shownNode(given2)}`);
  const nodes = [];
  for (let i = 0, n = given2.length; i < n; i++) {
    const node = given2[i];
    if (!isOne(node)) throw new TypeError(`${what}[${i}]: expected a Value, got ${shownNode(node)}`);
    nodes.push(node);
  }
  return nodes;
}

// lib/compiler/ir/axes.ts
function propagate(ir, node) {
  const inputs = ir.inputs(node);
  const of = (i) => ir.axisPositions[inputs[i]];
  const attr = ir.attr(node);
  const shape = ir.shape(node);
  switch (OPS[ir.opOf(node)].axes) {
    case "none":
      return void 0;
    case "broadcast":
      return some(broadcasted(ir, inputs, shape));
    case "first":
      return some((of(0) ?? []).slice());
    case "second":
      return some((of(1) ?? []).slice());
    case "stacked": {
      const own = attr.positions ? settled(attr.positions, ir.positions[node]) : void 0;
      return some([own, ...of(0) ?? shape.slice(1).map(() => void 0)]);
    }
    case "elements": {
      const positions = of(0)?.[0]?.slice(attr.start, attr.stop);
      return some([positions && settled(positions, ir.positions[node])]);
    }
    case "withoutAxis":
      return some(of(0).filter((_, i) => i !== resolveAxis(attr.axis, ir.shape(inputs[0]))));
    case "withoutAxes": {
      const x = ir.shape(inputs[0]);
      const gone = new Set((attr.axes ?? x.map((_, i) => i)).map((a) => resolveAxis(a, x)));
      return some(of(0).filter((_, i) => !gone.has(i)));
    }
    case "transposed":
      return attr.axes.map((axis) => of(0)[axis]);
    case "reshaped":
      return some(reshaped(ir.shape(inputs[0]), of(0), shape));
    case "sliced":
      return some(
        of(0).map(
          (positions, i) => i === attr.axis && positions ? settled(positions.slice(attr.start, attr.stop), ir.positions[node]) : positions
        )
      );
    case "padded":
      return some(of(0).map((positions, i) => i === attr.axis ? void 0 : positions));
    case "joined":
      return some(
        (of(0) ?? shape.map(() => void 0)).map(
          (positions, i) => i === resolveAxis(attr.axis, shape) ? void 0 : positions
        )
      );
    case "gathered": {
      if (attr.batch) {
        const rows4 = both(of(0)?.[0], of(1)?.[0]);
        return some([rows4, ...of(0)?.slice(2) ?? shape.slice(1).map(() => void 0)]);
      }
      const index2 = ir.shape(inputs[1]).map((_, i) => of(1)?.[i]);
      return some([...index2, ...shape.slice(index2.length).map((_, i) => of(0)?.[i + 1])]);
    }
    case "scattered":
      return some(shape.map((_, i) => attr.batch && i === 0 ? both(of(0)?.[0], of(1)?.[0]) : void 0));
    case "losses":
      return some([both(of(0)?.[0], of(1)?.[0])].slice(0, shape.length));
    case "lossGradient":
      return some(
        shape.map((_, i) => i === 0 && shape.length > 1 ? both(of(1)?.[0], of(3)?.[0]) : of(1)?.[i])
      );
    case "product":
      return some(product(ir, inputs[0], inputs[1], shape));
  }
}
function completed(positions, others) {
  if (!positions || !others) return positions ?? others;
  return positions.map((axis, i) => axis ?? others[i]);
}
function sameAxisPositions(a, b) {
  const n = Math.max(a?.length ?? 0, b?.length ?? 0);
  for (let i = 0; i < n; i++) {
    const x = a?.[i];
    const y = b?.[i];
    if (x !== y && !(x && y && x.length === y.length && x.every((position, k) => position === y[k])))
      return false;
  }
  return true;
}
function some(positions) {
  return positions.some((axis) => axis) ? positions : void 0;
}
function settled(positions, position) {
  return positions.every((entry2) => entry2 <= position) ? void 0 : positions;
}
function both(a, b) {
  if (!a || !b || a === b) return a ?? b;
  return a.map((position, i) => Math.max(position, b[i]));
}
function broadcasted(ir, inputs, shape) {
  return shape.map((_, i) => {
    let positions;
    for (const input of inputs) {
      const own = ir.shape(input);
      const axis = i - (shape.length - own.length);
      if (axis >= 0 && own[axis] !== 1) positions = both(positions, ir.axisPositions[input]?.[axis]);
    }
    return positions;
  });
}
function product(ir, a, b, shape) {
  const rankA = ir.shape(a).length;
  const rankB = ir.shape(b).length;
  const positionsA = ir.axisPositions[a];
  const positionsB = ir.axisPositions[b];
  const tail = (rankA > 1 ? 1 : 0) + (rankB > 1 ? 1 : 0);
  const batch = shape.length - tail;
  return shape.map((_, i) => {
    if (i < batch) {
      const fromA = i - (batch - Math.max(0, rankA - 2));
      const fromB = i - (batch - Math.max(0, rankB - 2));
      return both(fromA >= 0 ? positionsA?.[fromA] : void 0, fromB >= 0 ? positionsB?.[fromB] : void 0);
    }
    if (i === batch && rankA > 1) return positionsA?.[rankA - 2];
    return positionsB?.[rankB - 1];
  });
}
function reshaped(from, positions, to) {
  const out = to.map(() => void 0);
  if (sizeOf(from) === 0) {
    for (let axis = 0; axis < to.length && from[axis] === to[axis]; axis++) out[axis] = positions[axis];
    return out;
  }
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const i0 = i;
    const j0 = j;
    let a = from[i++] ?? 1;
    let b = to[j++] ?? 1;
    while (a !== b) {
      if (a < b) a *= from[i++] ?? 1;
      else b *= to[j++] ?? 1;
    }
    const lead = firstAxis(from, i0, i);
    const own = lead < 0 ? void 0 : positions[lead];
    for (let k = i0; k < i; k++) {
      if (positions[k] && k !== lead)
        throw new Error("internal: a reshape joins a position axis to an outer one");
    }
    if (!own) continue;
    const target = firstAxis(to, j0, j);
    const size2 = (shape, at2, end) => shape.slice(at2 + 1, end).reduce((x, y) => x * y, 1);
    const inner = size2(from, lead, i);
    const innerTo = size2(to, target, j);
    out[target] = Array.from({ length: to[target] }, (_, r) => {
      const first = own[Math.floor(r * innerTo / inner)];
      const last = own[Math.floor((r * innerTo + innerTo - 1) / inner)];
      if (first !== last) throw new Error("internal: a reshape splits a position axis");
      return first;
    });
  }
  return out;
}
function firstAxis(shape, from, to) {
  for (let axis = from; axis < to && axis < shape.length; axis++) if (shape[axis] !== 1) return axis;
  return -1;
}

// lib/compiler/passes/rules.ts
var Recorder = class {
  /** Numbers below `first` stand for the node's operands, the node itself, and its gradient. */
  constructor(ir, first) {
    this.ir = ir;
    this.first = first;
    this.words = [];
    this.steps = 0;
  }
  op(name, inputs, attr = NO_ATTR) {
    append(this.words, [OP_CODE[name], this.ir.attribute(attr), inputs.length, ...inputs]);
    return this.first + this.steps++;
  }
  constant(value) {
    return ~this.ir.constant(value);
  }
  shape() {
    return SCALAR;
  }
  finish(result) {
    return [result, this.steps, ...this.words];
  }
};
function rulesOf(ir, kinds) {
  const words = Array.from(kinds, () => 0);
  kinds.forEach((node, kind) => {
    const n = ir.inputCount(node);
    const start = words.length;
    words[kind] = start;
    for (let i = 0; i < n; i++) words.push(-1);
    const inputs = Array.from({ length: n }, (_, k) => k);
    for (let i = 0; i < n; i++) {
      const g = new Recorder(ir, n + 2);
      const context = { g, inputs, output: n, attr: ir.attr(node), dy: n + 1 };
      const result = OPS[ir.opOf(node)].gradient(context, i);
      if (result === null) continue;
      words[start + i] = words.length;
      append(words, g.finish(result));
    }
  });
  return Int32Array.from(words);
}
function differentiateNumbers(ir, root, wanted, outside) {
  ir.position = 0;
  const seed = ir.constant(1);
  const leaves = Uint8Array.from(OP_NAMES, (op) => Number(outside.has(op)) + 2 * Number(wanted.has(op)));
  const graph = () => ({
    ...ir.arrays,
    prefix: Uint8Array.from(ir.attributes, ({ prefix = false }) => Number(prefix)),
    leaves,
    count: ir.count,
    forwardEnd: ir.forwardEnd,
    root,
    total: OP_CODE.total
  });
  const rules = rulesOf(ir, addon.numberKinds(graph()));
  const made = addon.differentiateNumbers(graph(), rules, seed);
  const positions = Array.from(made.attributes.subarray(1), (end, i) => ({
    positions: Array.from(made.termPositions.subarray(made.attributes[i], end))
  }));
  ir.replace(made, positions);
  return made.gradients;
}

// lib/compiler/lower/encode.ts
var NONE = [0, 0, 0, 0, 0];
var Encoder = class {
  constructor() {
    this.words = new Int32Array(256 * instructionWords);
    this.length = 0;
    this.partStart = 0;
    this.literals = /* @__PURE__ */ new Map();
    /** Each extent: a number, or one for each prefix length. */
    this.columns = [];
    /** The compiler's node behind each instruction, for errors. */
    this.nodes = [];
  }
  get count() {
    return this.nodes.length;
  }
  /** The id of an extent that is the same at every prefix length. */
  literal(n) {
    let id = this.literals.get(n);
    if (id === void 0) {
      id = this.columns.push(n) - 1;
      this.literals.set(n, id);
    }
    return id;
  }
  /** The id of an extent that depends on the prefix length: a number for each length from 0 on. */
  byLength(values) {
    return this.columns.push(values) - 1;
  }
  /** The number behind the id of an extent that is the same at every prefix length. */
  fixedExtent(id) {
    return this.columns[id];
  }
  emit(node, instruction) {
    if (this.length + instructionWords > this.words.length) {
      const bigger = new Int32Array(this.words.length * 2);
      bigger.set(this.words);
      this.words = bigger;
    }
    const { op, position, accumulate, extents, y, a, b, c, x, imm0, imm1 } = instruction;
    const code = opcodes.get(op);
    if (code === void 0) throw new Error(`the machine has no instruction '${op}'`);
    const w = this.words;
    const at2 = this.length;
    w[at2 + WORD.opcode] = code;
    w[at2 + WORD.accumulate] = accumulate ? 1 : 0;
    w[at2 + WORD.position] = position;
    w[at2 + WORD.outer1] = extents[0];
    w[at2 + WORD.outer2] = extents[1];
    w[at2 + WORD.rows] = extents[2];
    w[at2 + WORD.cols] = extents[3];
    w[at2 + WORD.inner] = extents[4];
    const operands = [y, a, b, c, x];
    for (let i = 0; i < operands.length; i++) {
      const operand = operands[i] ?? NONE;
      const places = OPERAND_PLACES[i];
      for (let k = 0; k < places.length; k++) w[at2 + places[k]] = operand[k];
    }
    w[at2 + WORD.imm0] = imm0 ?? 0;
    w[at2 + WORD.imm1] = imm1 ?? 0;
    this.length += instructionWords;
    this.nodes.push(node);
  }
  /**
   * Ends a part of the program: the instructions before run by themselves too, and are not changed any more.
   */
  endPart() {
    this.partStart = this.count;
  }
  /** The words of the last instruction, to be changed; undefined at the start of a part. */
  get last() {
    if (this.count === this.partStart) return void 0;
    return this.words.subarray(this.length - instructionWords, this.length);
  }
  /** Puts the instructions of a position next to each other: a sequence runs position by position. */
  sortByPosition() {
    const position = (i) => this.words[i * instructionWords + WORD.position];
    const order = this.nodes.map((_, i) => i).sort((a, b) => position(a) - position(b) || a - b);
    const sorted = new Int32Array(this.words.length);
    order.forEach((from, to) => {
      const at2 = from * instructionWords;
      sorted.set(this.words.subarray(at2, at2 + instructionWords), to * instructionWords);
    });
    this.words = sorted;
    this.nodes = order.map((i) => this.nodes[i]);
  }
  /** The code, and the extents by prefix length (0 to `maxLength`) and id. */
  encode(maxLength) {
    const n = this.columns.length;
    const extents = new Int32Array((maxLength + 1) * n);
    for (let length = 0; length <= maxLength; length++) {
      this.columns.forEach((column, id) => {
        extents[length * n + id] = typeof column === "number" ? column : column[length];
      });
    }
    return { code: this.words.slice(0, this.length), extents };
  }
};

// lib/compiler/ir/ir.ts
var IS_INTEGER = opsWhere((row) => row.isInteger);
var STACK = OP_CODE.stack;
var Ir = class {
  /**
   * An empty graph with room for `capacity` nodes, which cost nothing until they are used. It shares the
   * tables of the graph `from` whose nodes are copied into it.
   */
  constructor(capacity = 1024, from) {
    this.count = 0;
    /** Nodes below this number are forward, the others backward. */
    this.forwardEnd = 0;
    /** The position given to nodes made from now on. */
    this.position = 0;
    /**
     * By node, for its axes that hold one entry per position: the position of each entry, ascending, so that
     * a run works on a prefix of the axis. Undefined, or past the end of the list: no such axis.
     */
    this.axisPositions = [];
    /** The longest prefix. */
    this.maxLength = 1;
    this.constants = /* @__PURE__ */ new Map();
    this.shapes = from?.shapes ?? [SCALAR];
    this.attrs = from?.attrs ?? [NO_ATTR];
    this.sources = from?.sources ?? [void 0];
    if (from) this.maxLength = from.maxLength;
    this.positions = new Int32Array(capacity);
    this.opCodes = new Uint8Array(capacity);
    this.inputStart = new Int32Array(capacity + 1);
    this.inputList = new Int32Array(2 * capacity);
    this.shapeIds = new Int32Array(capacity);
    this.attrIds = new Int32Array(capacity);
    this.sourceIds = new Int32Array(capacity);
  }
  opOf(node) {
    return OP_NAMES[this.opCodes[node]];
  }
  /** The operator's index in `OP_NAMES`. */
  codeOf(node) {
    return this.opCodes[node];
  }
  is(node, op) {
    return OP_NAMES[this.opCodes[node]] === op;
  }
  attr(node) {
    return this.attrs[this.attrIds[node]];
  }
  shape(node) {
    return this.shapes[this.shapeIds[node]];
  }
  isScalar(node) {
    return this.shapeIds[node] === 0;
  }
  /** Whether a node is a single number without attributes. */
  isPlain(node) {
    return this.shapeIds[node] === 0 && this.attrIds[node] === 0;
  }
  /** All operands, for hot loops: a node's are `list[start[node]]` to `list[start[node + 1] - 1]`. */
  get edges() {
    return { start: this.inputStart, list: this.inputList };
  }
  /** The whole graph as native code takes it; the arrays can be longer than `count`. */
  get arrays() {
    const { opCodes: ops, inputStart: start, inputList: list2, positions, attrIds: attributeOf } = this;
    return { ops, start, list: list2, positions, attributeOf };
  }
  /** All attributes, by id. */
  get attributes() {
    return this.attrs;
  }
  /** An attribute's id. */
  attribute(attr) {
    return attr === NO_ATTR ? 0 : entry(this.attrs, attr);
  }
  /**
   * Becomes the graph in these arrays: this graph and further nodes, all single numbers, whose attributes
   * are numbered on from this graph's.
   */
  replace(made, attributes) {
    this.count = made.ops.length;
    this.opCodes = made.ops;
    this.inputStart = made.start;
    this.inputList = made.list;
    this.positions = made.positions;
    this.attrIds = made.attributeOf;
    this.shapeIds = grown(this.shapeIds.subarray(0, this.count), new Int32Array(this.count));
    this.sourceIds = grown(this.sourceIds.subarray(0, this.count), new Int32Array(this.count));
    for (const attr of attributes) this.attrs.push(attr);
  }
  inputCount(node) {
    return this.inputStart[node + 1] - this.inputStart[node];
  }
  input(node, i) {
    return this.inputList[this.inputStart[node] + i];
  }
  inputs(node) {
    const first = this.inputStart[node];
    const inputs = new Array(this.inputStart[node + 1] - first);
    for (let i = 0; i < inputs.length; i++) inputs[i] = this.inputList[first + i];
    return inputs;
  }
  /** Appends a node at the current position. */
  push(op, inputs, attr, shape, source2) {
    const node = this.begin(OP_CODE[op], inputs.length);
    let at2 = this.inputStart[node];
    for (let i = 0; i < inputs.length; i++) this.inputList[at2++] = inputs[i];
    this.inputStart[node + 1] = at2;
    if (shape.length) this.shapeIds[node] = entry(this.shapes, shape);
    this.attrIds[node] = this.attribute(attr);
    if (source2) this.sourceIds[node] = this.sources.push(source2) - 1;
    this.followAxisPositions(node);
    return node;
  }
  /**
   * Appends a copy of a node of a graph whose tables this one shares, at its position, over the new numbers
   * of its operands. The caller says what positions its axes have.
   */
  copy(from, node, numbers) {
    const first = from.inputStart[node];
    const end = from.inputStart[node + 1];
    const made = this.begin(from.opCodes[node], end - first);
    let at2 = this.inputStart[made];
    for (let e = first; e < end; e++) this.inputList[at2++] = numbers[from.inputList[e]];
    this.inputStart[made + 1] = at2;
    this.positions[made] = from.positions[node];
    this.shapeIds[made] = from.shapeIds[node];
    this.attrIds[made] = from.attrIds[node];
    this.sourceIds[made] = from.sourceIds[node];
    return made;
  }
  /** Gives a node's axes the positions that follow from its operands'. */
  followAxisPositions(node) {
    const code = this.opCodes[node];
    let any = code === STACK && this.attr(node).positions !== void 0;
    if (!any && this.axisPositions.length === 0) return;
    const end = this.inputStart[node + 1];
    for (let e = this.inputStart[node]; e < end && !any; e++)
      any = this.axisPositions[this.inputList[e]] !== void 0;
    if (any) this.setAxisPositions(node, propagate(this, node));
  }
  /**
   * Appends the user's nodes from index `from` on, as long as they are single numbers of one or two
   * operands and without attributes, and sets their `number`. Returns the index where it stopped.
   */
  pushPlain(nodes, from) {
    const most = nodes.length - from;
    while (this.count + most >= this.opCodes.length) this.growNodes();
    if (this.inputStart[this.count] + 2 * most > this.inputList.length) this.growInputs(2 * most);
    const { opCodes, inputStart, inputList, positions, position } = this;
    let made = this.count;
    let end = inputStart[made];
    let at2 = from;
    for (; at2 < nodes.length; at2++) {
      const node = nodes[at2];
      const { operation, first, second, extras } = node;
      if (!operation.isPlain || !first || extras?.inputs) break;
      opCodes[made] = operation.code;
      inputList[end++] = first.number;
      if (second) inputList[end++] = second.number;
      positions[made] = position;
      node.number = made++;
      inputStart[made] = end;
    }
    this.count = made;
    return at2;
  }
  begin(code, inputs) {
    const node = this.count++;
    if (node + 1 >= this.opCodes.length) this.growNodes();
    if (this.inputStart[node] + inputs > this.inputList.length) this.growInputs(inputs);
    this.opCodes[node] = code;
    this.positions[node] = this.position;
    return node;
  }
  /** The user's node that a node was made from, where known. */
  source(node) {
    return this.sources[this.sourceIds[node]];
  }
  /** Lets a node be named in errors as `made` of the graph `from` is, unless it has a name. */
  inheritSource(node, from, made) {
    this.sourceIds[node] ||= from.sourceIds[made];
  }
  /** Sets the positions of a node's axes. */
  setAxisPositions(node, positions) {
    if (!positions && node >= this.axisPositions.length) return;
    while (this.axisPositions.length < node) this.axisPositions.push(void 0);
    this.axisPositions[node] = positions;
  }
  op(name, inputs, attr = NO_ATTR) {
    return this.push(name, inputs, attr, this.resultShape(name, inputs, attr));
  }
  constant(value) {
    const key = constantKey(value);
    let node = this.constants.get(key);
    if (node === void 0) {
      const position = this.position;
      this.position = 0;
      node = this.push("constant", [], { value }, SCALAR);
      this.position = position;
      this.constants.set(key, node);
    }
    return node;
  }
  /** The value of a constant node. */
  constantValue(node) {
    return this.attr(node).value;
  }
  isInteger(node) {
    return IS_INTEGER[this.opCodes[node]] === 1;
  }
  /** A name for errors: that of the user's node, or the operator and shape. */
  label(node) {
    return this.source(node)?.label ?? `a ${this.opOf(node)} of shape [${this.shape(node).join(", ")}]`;
  }
  resultShape(name, inputs, attr) {
    if (inputs.length && attr === NO_ATTR && inputs.every((i) => this.isScalar(i))) return SCALAR;
    const shape = OPS[name].shape(
      inputs.map((i) => this.shape(i)),
      attr
    );
    return shape.length ? shape : SCALAR;
  }
  growNodes() {
    const size2 = this.opCodes.length * 2;
    this.opCodes = grown(this.opCodes, new Uint8Array(size2));
    this.positions = grown(this.positions, new Int32Array(size2));
    this.inputStart = grown(this.inputStart, new Int32Array(size2 + 1));
    this.shapeIds = grown(this.shapeIds, new Int32Array(size2));
    this.attrIds = grown(this.attrIds, new Int32Array(size2));
    this.sourceIds = grown(this.sourceIds, new Int32Array(size2));
  }
  growInputs(more) {
    this.inputList = grown(this.inputList, new Int32Array(this.inputList.length * 2 + more));
  }
};
function constantKey(value) {
  return Object.is(value, -0) ? "-0" : value;
}
function entry(table2, value) {
  return table2[table2.length - 1] === value ? table2.length - 1 : table2.push(value) - 1;
}
function grown(from, to) {
  to.set(from);
  return to;
}

// lib/compiler/lower/layout.ts
var Layout = class {
  constructor(ir, uses, options, fused = /* @__PURE__ */ new Set()) {
    this.ir = ir;
    this.options = options;
    this.size = 0;
    this.ints = 0;
    /** Each number once; 0 and -0 are two numbers. */
    this.constants = [];
    this.constantOffsets = /* @__PURE__ */ new Map();
    this.parameterOffsets = /* @__PURE__ */ new Map();
    this.slots = /* @__PURE__ */ new Map();
    const parameters = [];
    for (let node = 0; node < ir.forwardEnd; node++) {
      if (uses[node] && ir.is(node, "parameter")) parameters.push(node);
    }
    const offset = this.size;
    const place3 = (node) => {
      this.parameterOffsets.set(node, this.allocate(sizeOf(ir.shape(node))));
    };
    const stored = parameters.filter((node) => !fused.has(node));
    const isTrained = (node) => options.gradients.has(node) || options.unmoved.has(node);
    stored.filter(isTrained).forEach(place3);
    const trained = this.size - offset;
    stored.filter((node) => !isTrained(node)).forEach(place3);
    const withGradient = options.gradients.size + options.unmoved.size ? this.size - offset : 0;
    parameters.filter((node) => fused.has(node)).forEach(place3);
    const size2 = this.size - offset;
    const gradients = this.allocate(withGradient);
    const moments = [];
    for (let i = 0; i < (options.update?.moments ?? 0); i++) moments.push(this.allocate(size2));
    const rule = this.allocate(options.update?.numbers ?? 0);
    const skips = this.allocate(options.update?.before ? 1 : 0);
    this.block = { offset, size: size2, trained, withGradient, gradients, moments, rule, skips };
  }
  /** A place for n elements, on a cache line unless they are few. */
  allocate(n) {
    const align = n < 4 ? 1 : this.options.align;
    const offset = Math.ceil(this.size / align) * align;
    this.size = offset + n;
    return offset;
  }
  constant(value) {
    const key = constantKey(value);
    let offset = this.constantOffsets.get(key);
    if (offset === void 0) {
      offset = this.allocate(1);
      this.constants.push({ value, offset });
      this.constantOffsets.set(key, offset);
    }
    return offset;
  }
  /** The first slot of an index node's integers. */
  slot(node) {
    const { ir, slots } = this;
    let start = 0;
    let vector2 = node;
    for (; ir.is(vector2, "element") || ir.is(vector2, "elements"); vector2 = ir.input(vector2, 0))
      start += ir.attr(vector2).start;
    let slot = slots.get(vector2);
    if (slot === void 0) {
      slot = this.ints;
      this.ints += sizeOf(ir.shape(vector2));
      slots.set(vector2, slot);
    }
    return slot + start;
  }
};

// lib/compiler/lower/epilogue.ts
var EPILOGUES = [void 0, "relu", "maskPositive"];
function fuseIntoProduct(c, node) {
  const { ir } = c;
  const op = OPS[ir.opOf(node)].epilogue;
  if (!c.options.epilogues || op === "none" || op === "takes") return false;
  if (isReadAlone(c, node, ir.input(node, 0)) && fuse(c, node, op, 0)) return true;
  return op === "add" && isReadAlone(c, node, ir.input(node, 1)) && fuse(c, node, op, 1);
}
function isReadAlone(c, reader, node) {
  const { ir, placement } = c;
  if (placement.uses[node] !== 1 || placement.parent[node] !== -1 || c.results.has(node)) return false;
  if (OPS[ir.opOf(node)].epilogue !== "takes" && !placement.totals.has(node)) return false;
  return ir.shape(reader).join() === ir.shape(node).join();
}
function fuse(c, node, op, i) {
  const { ir } = c;
  const shape = ir.shape(node);
  const positions = c.positionsOf(node);
  const axis = (at2) => at2 < 0 ? 1 : { n: shape[at2], positions: positions?.[at2] };
  const from = matrixOf(c.input(node, i));
  const to = matrixOf(c.locate(node));
  const otherNode = op === "relu" ? void 0 : ir.input(node, 1 - i);
  if (otherNode !== void 0 && shape.join() !== ir.shape(otherNode).join()) return false;
  const other = otherNode === void 0 ? void 0 : matrixOf(c.locate(otherNode));
  if (!from || !to || other === null) return false;
  const rank = shape.length;
  return fuseIntoLast(c.out, {
    then: op,
    position: c.position,
    extents: c.extents([1, 1, axis(rank - 2), axis(rank - 1), 1]).slice(0, 4),
    from,
    to,
    other,
    accumulates: c.accumulates(node)
  });
}
function matrixOf({ offset, shape, strides }) {
  const rank = shape.length;
  const cols = shape[rank - 1] ?? 0;
  if (!cols || strides[rank - 1] !== 1 && cols !== 1) return null;
  const rows4 = shape[rank - 2] ?? 1;
  if (sizeOf(shape) !== rows4 * cols) return null;
  return { offset, row: rows4 > 1 ? strides[rank - 2] : 0 };
}
function fuseIntoLast(out, epilogue) {
  const words = out.last;
  if (!words || words[WORD.position] !== epilogue.position) return false;
  if (words[WORD.opcode] === opcodes.get("gather_matmul")) return fuseIntoRowProduct(out, words, epilogue);
  if (words[WORD.opcode] === opcodes.get("gemm")) return fuseIntoMatmul(words, epilogue);
  return false;
}
function fuseIntoMatmul(w, { then, extents, from, to, other, accumulates }) {
  if (accumulates) return false;
  const adds = w[WORD.accumulate] === 1;
  const writesFrom = extents.every((id, i) => w[EXTENT_PLACES[i]] === id) && w[WORD.imm0] === EPILOGUES.indexOf(void 0) && w[WORD.y_offset] === from.offset && w[WORD.c_offset] === from.offset && (w[WORD.y_row] === from.row || from.row === 0);
  const isAlike = (x) => !x || x.row === to.row;
  if (!writesFrom || !isAlike(other) || adds && (then === "add" || !isAlike(from))) return false;
  w[WORD.y_offset] = to.offset;
  if (to.row) w[WORD.y_row] = to.row;
  if (then === "add") {
    w[WORD.accumulate] = 1;
    w[WORD.c_offset] = other.offset;
  } else {
    w[WORD.imm0] = EPILOGUES.indexOf(then);
    w[WORD.imm1] = other?.offset ?? 0;
    if (!adds) w[WORD.c_offset] = to.offset;
  }
  return true;
}
function fuseIntoRowProduct(out, w, epilogue) {
  const { then, from, to, other, accumulates } = epilogue;
  const [outer1, outer2, rows4, columns] = epilogue.extents;
  const one = out.literal(1);
  const startsId = WORD.rows;
  const columnsId = w[WORD.cols];
  const n = out.fixedExtent(columnsId);
  const isRow = outer1 === one && outer2 === one && rows4 === one && columnsId === columns;
  if (!isRow || w[WORD.y_offset] !== from.offset || w[WORD.imm1] !== EPILOGUES.indexOf(void 0))
    return false;
  const overlaps = (at2, numbers) => at2 < to.offset + n && to.offset < at2 + numbers;
  const last = w[WORD.imm0] - 1;
  if (overlaps(w[WORD.a_offset], last * w[WORD.a_row] + 1)) return false;
  if (overlaps(w[WORD.b_offset], last * w[WORD.b_row] + n)) return false;
  const count2 = out.fixedExtent(w[startsId]);
  const starts = Array.from({ length: count2 }, (_, i) => w[WORD.c_offset] + i * w[WORD.c_row]);
  if (then === "add") starts.push(other.offset);
  if (accumulates) starts.push(to.offset);
  if (then === "maskPositive" || then === "relu" && accumulates || starts.length > 2) return false;
  if (starts.some((at2) => at2 !== to.offset && overlaps(at2, n))) return false;
  w[WORD.y_offset] = to.offset;
  w[startsId] = out.literal(starts.length);
  starts.sort((a, b) => a - b);
  w[WORD.c_offset] = starts[0] ?? to.offset;
  w[WORD.c_row] = starts.length > 1 ? starts[1] - starts[0] : 0;
  if (then === "relu") w[WORD.imm1] = EPILOGUES.indexOf("relu");
  return true;
}

// lib/compiler/lower/loops.ts
function mergeAxes(shape, strides, positions, marks) {
  const axes = [];
  for (let i = 0; i < shape.length; i++) {
    const n = shape[i];
    if (n === 0) return null;
    if (n === 1) continue;
    const own = strides.map((s) => s[i]);
    const mark = marks?.[i] ?? 0;
    const outer = axes[axes.length - 1];
    const merges = outer?.mark === mark && !positions?.[i];
    if (merges && own.every((s, j) => outer.strides[j] === s * n)) {
      outer.n *= n;
      outer.strides = own;
    } else axes.push({ n, strides: own, mark, positions: positions?.[i] });
  }
  return axes;
}
function forEachNest(c, axes, count2, offsets, emit2) {
  if (axes.length > count2) {
    const [lead, ...rest] = axes;
    const { position } = c;
    for (let i = 0; i < lead.n; i++) {
      if (lead.positions)
        c.position = Math.max(position, lead.positions[Math.floor(i * lead.positions.length / lead.n)]);
      const moved2 = offsets.map((offset, j) => offset + i * lead.strides[j]);
      forEachNest(c, rest, count2, moved2, emit2);
    }
    c.position = position;
    return;
  }
  const unit = { n: 1, strides: offsets.map(() => 0) };
  emit2([...new Array(count2 - axes.length).fill(unit), ...axes], offsets);
}
function operandAt(axes, offsets, i, column = 0, row = 0) {
  const stride2 = (axis, otherwise) => axes[axis]?.strides[i] ?? otherwise;
  return [offsets[i], stride2(0, 0), stride2(1, 0), stride2(2, row), stride2(3, column)];
}

// lib/compiler/lower/view.ts
function denseView(offset, shape) {
  return { offset, shape, strides: contiguousStrides(shape) };
}
function isDense({ shape, strides }) {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i];
  }
  return true;
}
function sliceView(v, axis, start, stop) {
  return {
    offset: v.offset + start * v.strides[axis],
    shape: v.shape.map((n, i) => i === axis ? stop - start : n),
    strides: v.strides
  };
}
function rowView(v, i) {
  return {
    offset: v.offset + i * v.strides[0],
    shape: v.shape.slice(1),
    strides: v.strides.slice(1)
  };
}
function transposeView(v, axes) {
  return {
    offset: v.offset,
    shape: axes.map((a) => v.shape[a]),
    strides: axes.map((a) => v.strides[a])
  };
}
function broadcastView(v, shape) {
  const lead = shape.length - v.shape.length;
  return {
    offset: v.offset,
    shape,
    strides: shape.map(
      (n, i) => i < lead || v.shape[i - lead] === 1 && n !== 1 ? 0 : v.strides[i - lead]
    )
  };
}
function reshapeView(v, shape) {
  if (sizeOf(shape) === 0) return denseView(v.offset, shape);
  const from = [];
  v.shape.forEach((n, i2) => {
    if (n !== 1) from.push({ n, stride: v.strides[i2] });
  });
  const strides = new Array(shape.length).fill(0);
  const to = shape.map((n, axis) => ({ n, axis })).filter(({ n }) => n !== 1);
  let i = 0;
  let j = 0;
  while (i < from.length) {
    const j0 = j;
    let { n: a, stride: stride2 } = from[i++];
    let b = to[j++].n;
    while (a !== b) {
      if (a < b) {
        const next = from[i++];
        if (stride2 !== next.stride * next.n) return null;
        a *= next.n;
        stride2 = next.stride;
      } else b *= to[j++].n;
    }
    for (let k = j - 1; k >= j0; k--) {
      strides[to[k].axis] = stride2;
      stride2 *= to[k].n;
    }
  }
  return { offset: v.offset, shape, strides };
}
function offsetsOf({ offset, shape, strides }) {
  const steps = contiguousStrides(shape);
  return Array.from(
    { length: sizeOf(shape) },
    (_, i) => shape.reduce((at2, n, axis) => at2 + Math.floor(i / steps[axis]) % n * strides[axis], offset)
  );
}

// lib/compiler/lower/elementwise.ts
function elementwise2(c, op, y, operands, accumulate, positions, choice) {
  const strides = [y.strides, ...operands.map((view) => broadcastView(view, y.shape).strides)];
  const axes = mergeAxes(y.shape, strides, positions);
  if (!axes) return;
  const inner = axes[axes.length - 1];
  const fits = inner && inner.strides[0] === 1 && inner.strides.every((s) => s === 0 || s === 1);
  if (!fits) axes.push({ n: 1, strides: [1, ...operands.map(() => 0)] });
  forEachNest(c, axes, 4, [y.offset, ...operands.map((view) => view.offset)], (four, offsets) => {
    c.emit({
      op,
      accumulate,
      extents: [four[0], four[1], four[2], four[3], 1],
      y: operandAt(four, offsets, 0),
      ...operands.length > 0 && { a: operandAt(four, offsets, 1) },
      ...operands.length > 1 && { b: operandAt(four, offsets, 2) },
      ...choice && { x: [choice.slot, 0, 0, 0, 0], imm1: choice.choice }
    });
  });
}
function copy(c, to, from, accumulate, positions) {
  elementwise2(c, "copy", to, [from], accumulate, positions);
}
function zero(c, y, positions) {
  elementwise2(c, "copy", y, [c.scalar(0)], false, positions);
}
function clear(c, offset, size2) {
  if (!size2) return;
  c.emit({
    op: "fill",
    extents: [1, 1, 1, size2, 1],
    y: [offset, 0, 0, size2, 1],
    a: [c.layout.constant(0), 0, 0, 0, 0]
  });
}
function dense(c, view) {
  if (isDense(view)) return view;
  const made = c.allocate(view.shape);
  copy(c, made, view, false);
  return made;
}
function rows2(c, view) {
  const last = view.shape.length - 1;
  if (view.strides[last] === 1 || view.shape[last] === 1) return view;
  return dense(c, view);
}
function emitKernel(c, node) {
  const { lower: lower2 } = OPS[c.ir.opOf(node)];
  if (lower2.kind !== "unary" && lower2.kind !== "binary") return;
  if (fuseIntoProduct(c, node)) return;
  const operands = lower2.kind === "unary" ? [c.input(node, 0)] : [c.input(node, 0), c.input(node, 1)];
  elementwise2(c, lower2.kernel, c.locate(node), operands, c.accumulates(node), c.positionsOf(node));
}
function emitPow(c, node) {
  const exponent = c.ir.attr(node).exponent;
  const y = c.locate(node);
  const x = c.input(node, 0);
  const accumulate = c.accumulates(node);
  const kernel2 = { "-0.5": "rsqrt", "0.5": "sqrt", "-1": "reciprocal", "1": "copy" }[String(exponent)];
  const positions = c.positionsOf(node);
  if (kernel2) elementwise2(c, kernel2, y, [x], accumulate, positions);
  else if (exponent === 2) elementwise2(c, "mul", y, [x, x], accumulate, positions);
  else elementwise2(c, "pow", y, [x, c.scalar(exponent)], accumulate, positions);
}
function emitDropout(c, node) {
  const { rate, seed } = c.ir.attr(node);
  const y = c.locate(node);
  const x = dense(c, c.input(node, 0));
  const n = sizeOf(y.shape);
  if (!n) return;
  const whole = isDense(y) ? y : denseView(c.layout.allocate(n), y.shape);
  c.emit({
    op: "dropout",
    extents: [1, 1, 1, n, 1],
    y: [whole.offset, 0, 0, 0, 1],
    a: [x.offset, 0, 0, 0, 1],
    b: [c.layout.constant(1 / (1 - rate)), 0, 0, 0, 0],
    x: [c.layout.slot(c.ir.input(node, 1)), 0, 0, 0, 0],
    imm0: seed,
    // The machine reads 32 bits without a sign.
    imm1: Math.floor(rate * 2 ** 32) | 0
  });
  if (whole !== y) copy(c, y, whole, false);
}
function emitChooseGrad(c, node) {
  const { ir } = c;
  elementwise2(
    c,
    "choose_grad",
    c.locate(node),
    [c.input(node, 0)],
    c.accumulates(node),
    c.positionsOf(node),
    {
      slot: c.layout.slot(ir.input(node, 1)),
      choice: ir.attr(node).choice
    }
  );
}

// lib/compiler/lower/matmul.ts
var LARGE_MATRIX = 1 << 14;
function emitMatmul(c, node) {
  const { ir } = c;
  const accumulate = c.accumulates(node);
  const [nodeA, nodeB] = ir.inputs(node);
  let a = c.locate(nodeA);
  let b = c.locate(nodeB);
  let y = c.locate(node);
  const isVectorA = a.shape.length === 1;
  const isVectorB = b.shape.length === 1;
  if (isVectorA) a = { offset: a.offset, shape: [1, ...a.shape], strides: [0, ...a.strides] };
  if (isVectorB) b = { offset: b.offset, shape: [...b.shape, 1], strides: [...b.strides, 0] };
  const batch = y.shape.slice(0, y.shape.length - (isVectorA ? 0 : 1) - (isVectorB ? 0 : 1));
  const full = [...batch, a.shape[a.shape.length - 2], b.shape[b.shape.length - 1]];
  const yStrides = [...y.strides];
  const column = isVectorB ? 1 : yStrides.pop();
  const row = isVectorA ? 0 : yStrides.pop();
  y = { offset: y.offset, shape: full, strides: [...yStrides, row, column] };
  const own = [...c.positionsOf(node) ?? full.map(() => void 0)];
  const n = isVectorB ? void 0 : own.pop();
  const m = isVectorA ? void 0 : own.pop();
  const positionsA = c.positionsOf(nodeA);
  const positionsB = c.positionsOf(nodeB);
  const rankB = ir.shape(nodeB).length;
  const k = both(positionsA?.[positionsA.length - 1], positionsB?.[Math.max(0, rankB - 2)]);
  emitProduct(c, { y, a, b, accumulate, nodeB, positions: { batch: own.slice(0, batch.length), m, n, k } });
}
function stride(view, fromLast) {
  return view.strides[view.strides.length - fromLast];
}
function isUnit(step, size2) {
  return step === 1 || size2 === 1;
}
function emitProduct(c, product3) {
  const { y, a, accumulate, nodeB, positions } = product3;
  let { b } = product3;
  const rank = y.shape.length;
  const m = y.shape[rank - 2];
  const n = y.shape[rank - 1];
  const k = a.shape[a.shape.length - 1];
  if (!m || !n) return;
  if (emitWithoutCopies(c, product3)) return;
  if (!isUnit(stride(b, 1), n)) {
    const isLarge = k * n >= LARGE_MATRIX && 2 * m * (k + n) < k * n;
    if (isLarge && m > 1 && rank === 2 && stride(a, 1) === 1 && stride(b, 2) === 1) {
      emitSwapped(c, product3);
      return;
    }
    b = transposedCopy(c, b, nodeB);
  }
  if (!isUnit(stride(y, 1), n)) {
    const temporary = c.allocate(y.shape);
    emitProduct(c, { ...product3, y: temporary, b, accumulate: false });
    copy(c, y, temporary, accumulate, [...positions.batch, positions.m, positions.n]);
    return;
  }
  write(c, product3, {
    op: "gemm",
    views: [y, a, b],
    extents: [
      { n: m, positions: positions.m },
      { n, positions: positions.n },
      { n: k, positions: positions.k }
    ],
    rows: [stride(y, 2), stride(a, 2), stride(b, 2)],
    columns: [1, stride(a, 1), 1]
  });
}
function emitWithoutCopies(c, product3) {
  const { y, a, b, nodeB, positions } = product3;
  const m = y.shape[y.shape.length - 2];
  const n = y.shape[y.shape.length - 1];
  const k = a.shape[a.shape.length - 1];
  const down = { n: m, positions: positions.m };
  const across = { n, positions: positions.n };
  const inner = { n: k, positions: positions.k };
  if (n === 1 && k > 1 && stride(a, 1) === 1 && stride(b, 2) === 1) {
    write(c, product3, {
      op: "row_dot",
      views: [y, a, b],
      extents: [down, inner, 1],
      rows: [stride(y, 2), stride(a, 2), 0],
      columns: [0, 1, 1]
    });
    return true;
  }
  const isTransposed = !isUnit(stride(b, 1), n) && stride(b, 2) === 1;
  if (m === 1 && k > 1 && isTransposed && stride(a, 1) === 1 && !c.isParameter(nodeB)) {
    write(c, product3, {
      op: "row_dot",
      views: [y, b, a],
      extents: [across, inner, 1],
      rows: [stride(y, 1), stride(b, 1), 0],
      columns: [0, 1, 1]
    });
    return true;
  }
  if (n === 1 && m > 1 && stride(a, 2) === 1 && isUnit(stride(y, 2), m)) {
    write(c, product3, {
      op: "gemm",
      views: [y, b, a],
      extents: [1, down, inner],
      rows: [0, 0, stride(a, 1)],
      columns: [1, stride(b, 2), 1]
    });
    return true;
  }
  return false;
}
function write(c, product3, { op, views, extents, rows: rows4, columns }) {
  const { y, accumulate, positions } = product3;
  const batch = y.shape.slice(0, -2);
  const lead = (view) => broadcastView({ offset: 0, shape: view.shape.slice(0, -2), strides: view.strides.slice(0, -2) }, batch).strides;
  const strides = [y.strides.slice(0, -2), lead(views[1]), lead(views[2])];
  const axes = mergeAxes(batch, strides, positions.batch);
  if (!axes) return;
  const offsets = views.map((view) => view.offset);
  forEachNest(c, axes, 2, offsets, (two, at2) => {
    const first = operandAt(two, at2, 0, columns[0], rows4[0]);
    c.emit({
      op,
      accumulate,
      extents: [two[0], two[1], ...extents],
      y: first,
      a: operandAt(two, at2, 1, columns[1], rows4[1]),
      b: operandAt(two, at2, 2, columns[2], rows4[2]),
      // What it adds to.
      ...op === "gemm" && { c: first }
    });
  });
}
function emitSwapped(c, { y, a, b, accumulate, positions: { m, n, k } }) {
  const swap = (view) => transposeView(view, [1, 0]);
  const left2 = swap(b);
  const right2 = c.allocate(swap(a).shape);
  transposeInto(c, right2, swap(a), [k, m]);
  const product3 = c.allocate(swap(y).shape);
  const positions = { batch: [], m: n, n: m, k };
  emitProduct(c, { y: product3, a: left2, b: right2, accumulate: false, nodeB: -1, positions });
  const isPlain2 = !accumulate && y.strides[1] === 1;
  const result = isPlain2 ? y : c.allocate(y.shape);
  transposeInto(c, result, swap(product3), [m, n]);
  if (!isPlain2) copy(c, y, result, accumulate, [m, n]);
}
function transposedCopy(c, b, node) {
  const isShared = c.isParameter(node);
  const key = `${b.offset}:${b.shape.join()}:${b.strides.join()}`;
  const known = isShared ? c.transposed.get(key) : void 0;
  if (known) return known;
  const made = c.allocate(b.shape);
  const { position } = c;
  if (isShared) c.position = 0;
  const rank = b.shape.length;
  const own = isShared ? void 0 : c.positionsOf(node);
  const positions = own?.length === rank ? own : void 0;
  if (b.strides[rank - 2] === 1) transposeInto(c, made, b, positions);
  else copy(c, made, b, false, positions);
  c.position = position;
  if (isShared) c.transposed.set(key, made);
  return made;
}
function transposeInto(c, y, x, positions) {
  const rank = y.shape.length;
  const [rows4, columns] = y.shape.slice(-2);
  if (!rows4 || !columns) return;
  const strides = [y.strides.slice(0, -1), x.strides.slice(0, -1)];
  const axes = mergeAxes(y.shape.slice(0, -1), strides, positions);
  if (!axes) return;
  const down = rows4 > 1 ? axes.pop() : { n: 1, strides: [y.strides[rank - 2], 1] };
  forEachNest(c, axes, 2, [y.offset, x.offset], (two, at2) => {
    c.emit({
      op: "transpose",
      extents: [two[0], two[1], { n: columns, positions: positions?.[rank - 1] }, down, 1],
      y: operandAt(two, at2, 0, 1, down.strides[0]),
      a: operandAt(two, at2, 1, 1, x.strides[rank - 1])
    });
  });
}

// lib/compiler/lower/updates.ts
function emitSteps(out, block, { before = [] }, watched) {
  const one = out.literal(1);
  const emit2 = (n, instruction) => {
    out.emit(-1, { position: 0, extents: [one, one, one, out.literal(n), one], ...instruction });
  };
  for (const { offset } of watched) emit2(1, { op: "check", y: [offset, 0, 0, 0, 1], imm1: block.skips });
  if (!block.trained) return;
  const places = { parameters: block.offset, gradients: block.gradients };
  const operand = (x) => typeof x === "number" ? [block.rule + x, 0, 0, 0, 0] : [places[x], 0, 0, 0, 1];
  const gradients = [block.gradients, 0, 0, 0, 1];
  for (const step of before) {
    if (step.op === "check")
      emit2(block.trained, { op: "check", y: gradients, imm0: step.skips ? 1 : 0, imm1: block.skips });
    else if (step.op === "clip")
      emit2(block.trained, { op: "clip", y: gradients, imm0: block.rule + step.most });
    else {
      const { op, to, a, b, accumulate = false } = step;
      emit2(block.trained, { op, accumulate, y: [operand(to)[0], 0, 0, 0, 1], a: operand(a), b: operand(b) });
    }
  }
}
function emitUpdate(c, op) {
  const { block } = c.layout;
  for (const [parameter2, product3] of c.fused) {
    c.node = product3;
    emitFusedUpdate(c, op, parameter2, product3);
  }
  c.node = -1;
  if (!block.withGradient) return;
  c.emit({
    op,
    extents: [1, 1, 1, block.withGradient, 1],
    y: [block.offset, 0, 0, 0, 1],
    a: [block.moments[0], 0, 0, 0, 1],
    b: [block.gradients, 0, 0, 0, 1],
    c: [block.moments[1] ?? 0, 0, 0, 0, 1],
    imm0: block.rule
  });
}
function emitFusedUpdate(c, op, parameter2, product3) {
  const { layout, ir } = c;
  const { block } = layout;
  const [nodeA, nodeB] = ir.inputs(product3);
  const [a, b] = [c.locate(nodeA), c.locate(nodeB)];
  const [m, n] = ir.shape(parameter2);
  if (!m || !n) return;
  const k = a.shape[1];
  const position = ir.positions[product3];
  const own = both(c.positionsOf(nodeA)?.[1], c.positionsOf(nodeB)?.[0]);
  const positions = own ?? (position > 0 ? new Array(k).fill(position) : void 0);
  const right2 = b.strides[1] === 1 || n === 1 ? b : transposedCopy(c, b, nodeB);
  const at2 = layout.parameterOffsets.get(parameter2) - block.offset;
  c.emit({
    op: `gemm_${op}`,
    extents: [1, 1, m, n, { n: k, positions: positions?.map((entry2) => Math.max(entry2, position)) }],
    y: [block.offset + at2, 0, 0, n, 1],
    a: [a.offset, 0, 0, a.strides[0], a.strides[1]],
    b: [right2.offset, 0, 0, right2.strides[0], 1],
    c: [block.moments[0] + at2, 0, 0, n, 1],
    imm0: block.rule,
    imm1: (block.moments[1] ?? -at2) + at2
  });
}

// lib/compiler/lower/scalar-bytecode.ts
function bytecode(name) {
  const code = scalarOpcodes.get(name);
  if (code === void 0) throw new Error(`the scalar bytecode has no instruction '${name}'`);
  return code;
}
function byOperator(of) {
  return Int32Array.from(OP_NAMES, of);
}
function codeOf2(name) {
  return name === void 0 ? -1 : bytecode(name);
}
var OWN_CODE = byOperator((op) => codeOf2(OPS[op].scalar.opcode));
var ADDING_CODE = byOperator((op) => codeOf2(OPS[op].scalar.adding));
var ROLES = [
  "none",
  "leaf",
  "plain",
  "total",
  "add",
  "pow",
  "choose",
  "chooseGrad"
];
var OWN_ROLE = byOperator((op) => ROLES.indexOf(OPS[op].scalar.role));
var NONE2 = ROLES.indexOf("none");
var LEAF = ROLES.indexOf("leaf");
function isScalarGraph(ir) {
  const { ops } = ir.arrays;
  for (let node = 0; node < ir.count; node++) {
    if (OWN_ROLE[ops[node]] !== NONE2 && ir.isScalar(node)) continue;
    if (!ir.isInteger(node) || ir.is(node, "topk")) return false;
  }
  return true;
}
var POWERS = /* @__PURE__ */ new Map([
  [-0.5, "rsqrt"],
  [0.5, "sqrt"],
  [-1, "reciprocal"],
  [1, "copy"]
]);
var ATTRIBUTE_WORDS = 7;
var EXPONENT = 4;
function attributeWords(ir) {
  const all2 = ir.attributes;
  const attributes = new Int32Array(ATTRIBUTE_WORDS * all2.length);
  const list2 = [];
  for (let i = 0; i < all2.length; i++) {
    const { prefix, positions, exponent, choice, k } = all2[i];
    const at2 = ATTRIBUTE_WORDS * i;
    attributes[at2] = prefix ? 1 : 0;
    attributes[at2 + 1] = positions ? list2.length : -1;
    if (positions) for (const position of positions) list2.push(position);
    attributes[at2 + 2] = list2.length;
    if (exponent !== void 0) attributes[at2 + 3] = bytecode(powerOf(exponent));
    attributes[at2 + EXPONENT] = -1;
    attributes[at2 + 5] = choice ?? 0;
    attributes[at2 + 6] = k ?? 0;
  }
  return { attributes, positionsList: Int32Array.from(list2) };
}
function powerOf(exponent) {
  return POWERS.get(exponent) ?? (exponent === 2 ? "mul" : "pow");
}
function lowerScalars(ir, options) {
  const graph = {
    ...ir.arrays,
    ...attributeWords(ir),
    roles: OWN_ROLE,
    own: OWN_CODE,
    adding: ADDING_CODE,
    count: ir.count,
    forwardEnd: ir.forwardEnd,
    maxLength: ir.maxLength
  };
  const gradients = [...options.gradients.values()];
  const uses = addon.countUses(graph, Int32Array.from([...options.keep, ...gradients]));
  const layout = new Layout(ir, uses, options);
  const { block } = layout;
  const slots = placeLeaves(ir, layout, uses, options.gradients);
  const zero2 = layout.constant(0);
  ir.attributes.forEach(({ exponent }, i) => {
    if (exponent === void 0 || powerOf(exponent) !== "pow") return;
    graph.attributes[ATTRIBUTE_WORDS * i + EXPONENT] = layout.constant(exponent);
  });
  const made = addon.assembleScalarBytecode(graph, {
    uses,
    gradients: Int32Array.from(gradients),
    slots,
    zero: zero2,
    arenaSize: layout.size,
    update: options.update ? bytecode(options.update.op) : -1,
    parameters: block.offset,
    moment: block.moments[0] ?? -1,
    secondMoment: block.moments[1] ?? -1,
    gradientBlock: block.gradients,
    rule: block.rule,
    blockSize: block.size
  });
  if (!made) return void 0;
  layout.size = made.arenaSize;
  const out = new Encoder();
  const sections = emitStretches(out, made, ir.count > ir.forwardEnd, () => {
    if (!options.update) return;
    const watched = options.watched.map((node) => denseView(slots[node], []));
    emitSteps(out, block, options.update, watched);
    emitStretch(out, out.literal(made.update[0]), out.literal(made.update[1]));
  });
  const { code, extents } = out.encode(ir.maxLength);
  return {
    code,
    extents,
    bytecode: made.words,
    arenaSize: layout.size,
    intsSize: layout.ints,
    maxLength: ir.maxLength,
    nodes: out.nodes,
    sections,
    parameters: block,
    view: (node) => slots[node] < 0 || ir.isInteger(node) ? void 0 : denseView(slots[node], []),
    slot: (node) => layout.slot(node),
    constants: layout.constants
  };
}
function placeLeaves(ir, layout, uses, gradients) {
  const { ops } = ir.arrays;
  const slots = new Int32Array(ir.count).fill(-1);
  for (const [parameter2, gradient] of gradients) {
    const offset = layout.parameterOffsets.get(parameter2);
    if (offset !== void 0) slots[gradient] = layout.block.gradients + offset - layout.block.offset;
  }
  for (let node = 0; node < ir.count; node++) {
    if (OWN_ROLE[ops[node]] === LEAF && uses[node] > 0) slots[node] = placeOfLeaf(ir, layout, node);
  }
  return slots;
}
function emitStretches(out, made, hasBackward, emitUpdate2) {
  const all2 = ([begin, end]) => {
    if (end > begin) emitStretch(out, out.literal(begin), out.literal(end));
  };
  all2(made.clearForward);
  const ends = out.byLength(made.forward);
  emitStretch(out, ends, ends, false, true);
  all2(made.afterForward);
  const forward = out.count;
  all2(made.clearBackward);
  all2(made.beforeBackward);
  if (hasBackward) emitStretch(out, out.byLength(made.backward), out.literal(made.backward[0]), true, true);
  const backward = out.count;
  emitUpdate2();
  return { results: forward, forward, backward, update: out.count };
}
function emitStretch(out, begin, end, backward = false, byPosition = false) {
  const one = out.literal(1);
  const extents = [one, one, begin, end, one];
  out.emit(-1, {
    op: "scalar_bytecode",
    position: 0,
    accumulate: backward,
    extents,
    imm0: byPosition ? 1 : 0
  });
}
function placeOfLeaf(ir, layout, node) {
  if (ir.isInteger(node)) return layout.slot(node);
  if (ir.is(node, "constant")) return layout.constant(ir.constantValue(node));
  return layout.parameterOffsets.get(node) ?? layout.allocate(1);
}

// lib/graph/reachable.ts
var SPAN = 1 << 12;
var MAX_SPAN = 1 << 17;
var MIN_SPAN = 1 << 8;
function reachable(roots) {
  const found3 = [];
  let span = SPAN;
  for (let waiting = roots; waiting.length > 0; ) {
    let high = 0;
    for (const { id } of waiting) {
      if (!(id >= 0)) throw new TypeError("expected a value of a graph");
      if (id > high) high = id;
    }
    const places = new Array(Math.min(span, high + 1));
    const before = [];
    const begin = found3.length;
    for (const node of waiting) place(node, high, places, before);
    for (let at2 = 0; at2 < places.length; at2++) {
      const node = places[at2];
      if (!node) continue;
      found3.push(node);
      const { first, second, extras } = node;
      if (first) place(first, high, places, before);
      if (second) place(second, high, places, before);
      if (!extras?.inputs) continue;
      for (let i = 2; i < extras.inputs.length; i++) place(extras.inputs[i], high, places, before);
    }
    span = Math.max(MIN_SPAN, Math.min(MAX_SPAN, 4 * (found3.length - begin)));
    waiting = before;
  }
  return found3.reverse();
}
function place(node, high, places, before) {
  const at2 = high - node.id;
  if (at2 < places.length) places[at2] = node;
  else before.push(node);
}

// lib/compiler/ir/trace.ts
var TOTAL = OP_CODE.total;
var CONSTANT = OP_CODE.constant;
function trace(groups, simplify) {
  const nodes = reachable(groups.flat());
  const ir = new Ir(3 * nodes.length);
  let count2;
  let shortest = Infinity;
  let inverseCount;
  const zeros2 = /* @__PURE__ */ new Set();
  const leaves = [];
  const stacks = /* @__PURE__ */ new Map();
  let dropped = false;
  for (let i = 0; i < nodes.length; i++) {
    if (zeros2.size === 0) {
      i = ir.pushPlain(nodes, i);
      if (i === nodes.length) break;
    }
    const node = nodes[i];
    const { op, attr } = node;
    if (op === "constant") {
      node.number = ir.constant(attr.value);
      if (simplify && Object.is(attr.value, 0)) zeros2.add(node.number);
      continue;
    }
    if (op === "inverseCount") {
      if (inverseCount && inverseCount.first === node.first) {
        node.number = inverseCount.number;
        continue;
      }
      inverseCount ??= node;
    }
    if (!node.first || op === "inverseCount") leaves.push(node);
    const inputs = node.inputs.map((input) => input.number);
    if (zeros2.size > 0) {
      const simpler = simplified(ir, node, inputs, zeros2);
      if (simpler >= 0) {
        node.number = simpler;
        dropped = true;
        continue;
      }
    }
    if (simplify && op === "stack") {
      const last = inputs[inputs.length - 1];
      const others = stacks.get(last);
      const same2 = others?.find((stack2) => isStackOf(ir, stack2, inputs));
      if (same2 !== void 0) {
        node.number = same2;
        continue;
      }
      if (others) others.push(ir.count);
      else stacks.set(last, [ir.count]);
    }
    node.number = ir.push(op, inputs, attr, node.shape, node);
    if (op === "total" && attr.prefix) {
      const n = node.inputCount;
      const length = node.inputs[n - 1];
      if (count2 && count2 !== length) {
        const advice = count2.name === length.name ? `make it once, const n = index('${clipped(length.name)}'), and give that to every meanOfFirst` : "give every meanOfFirst the same index(name)";
        throw new Error(
          `prefix lengths ${count2.label} and ${length.label}: a program can have one: ${advice}`
        );
      }
      count2 = length;
      shortest = Math.min(shortest, n - 1);
      ir.maxLength = Math.max(ir.maxLength, n - 1);
    }
  }
  const roots = groups.map((group) => group.map((root) => root.number));
  ir.maxLength = Math.max(ir.maxLength, groups.length);
  ir.forwardEnd = ir.count;
  assignPositions(ir, roots);
  return { ir, nodes, leaves, roots: roots.flat(), count: count2, shortest, dropped };
}
function gradientFlow(nodes, root) {
  const reached = /* @__PURE__ */ new Set([root]);
  const stops = /* @__PURE__ */ new Set();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!reached.has(node) || node.op === "parameter") continue;
    for (const [place3, operand] of node.inputs.entries()) {
      if (hasNoGradient(node.op, node.attr, place3)) stops.add(node);
      else reached.add(operand);
    }
  }
  return { reached, stops };
}
function isStackOf(ir, stack2, rows4) {
  if (ir.inputCount(stack2) !== rows4.length) return false;
  const { start, list: list2 } = ir.edges;
  const first = start[stack2];
  for (let i = 0; i < rows4.length; i++) if (list2[first + i] !== rows4[i]) return false;
  return true;
}
function isTraced({ nodes }, node) {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (nodes[middle].id < node.id) low = middle + 1;
    else high = middle;
  }
  return nodes[low] === node;
}
function assignPositions(ir, groups) {
  const never = 2147483647;
  const { ops, start, list: list2, positions } = ir.arrays;
  positions.fill(never, 0, ir.count);
  groups.forEach((group, i) => {
    for (const root of group) positions[root] = Math.min(positions[root], i);
  });
  for (let node = ir.count - 1; node >= 0; node--) {
    const position = positions[node];
    const first = start[node];
    const end = start[node + 1];
    const prefixEnd = ops[node] === TOTAL && ir.attr(node).prefix === true ? end - 1 : 0;
    for (let e = first; e < end; e++) {
      const needed = e < prefixEnd ? Math.max(position, e - first) : position;
      if (needed < positions[list2[e]]) positions[list2[e]] = needed;
    }
  }
  for (let node = 0; node < ir.count; node++) {
    if (positions[node] === never) positions[node] = ir.maxLength;
    if (ops[node] === CONSTANT) positions[node] = 0;
  }
}
function writtenPositions(nodes, groups) {
  const positions = /* @__PURE__ */ new Map();
  const need = (node, position) => {
    positions.set(node, Math.min(position, positions.get(node) ?? position));
  };
  groups.forEach((group, i) => {
    for (const root of group) need(root, i);
  });
  for (const node of nodes.toReversed()) {
    const position = positions.get(node);
    const prefix = node.op === "total" && node.attr.prefix ? node.inputCount - 1 : 0;
    node.inputs.forEach((input, i) => need(input, i < prefix ? Math.max(position, i) : position));
  }
  return positions;
}
function simplified(ir, node, inputs, zeros2) {
  const isZero = (input) => zeros2.has(input);
  const [a, b] = inputs;
  if (node.op === "add" || node.op === "sub") {
    if (isZero(b) && sameShape(ir.shape(a), node.shape)) return a;
    if (node.op === "add" && isZero(a) && sameShape(ir.shape(b), node.shape)) return b;
    return -1;
  }
  const rule = OPS[node.op].zero;
  if (rule === "never" || !(isZero(a) || rule === "any" && isZero(b))) return -1;
  const zero2 = node.shape.length ? ir.op("broadcastTo", [ir.constant(0)], { shape: node.shape }) : ir.constant(0);
  zeros2.add(zero2);
  return zero2;
}
function termPosition(ir, total, i) {
  const attr = ir.attr(total);
  if (attr.positions) return attr.positions[i];
  return attr.prefix ? Math.max(ir.positions[total], i) : ir.positions[total];
}
function termCount(ir, total) {
  return ir.inputCount(total) - (ir.attr(total).prefix ? 1 : 0);
}

// lib/compiler/passes/differentiate.ts
var LEAVES2 = /* @__PURE__ */ new Set(["parameter", "input"]);
function differentiate(ir, root, wanted, combine) {
  if (isScalarGraph(ir)) return differentiateNumbers(ir, root, wanted, LEAVES2);
  return new Differentiation(ir, activeNodes(ir, root, wanted), root, combine).run();
}
function activeNodes(ir, root, wanted) {
  const active = new Uint8Array(ir.forwardEnd);
  for (let node = 0; node <= root; node++) {
    const isActive = wanted.has(ir.opOf(node)) || ir.inputs(node).some((input) => active[input]);
    active[node] = Number(isActive);
  }
  return active;
}
var Differentiation = class {
  constructor(ir, active, root, combine) {
    this.ir = ir;
    this.active = active;
    this.root = root;
    this.combine = combine;
    this.terms = new Array(ir.forwardEnd);
  }
  run() {
    const { ir, root } = this;
    const gradients = new Int32Array(ir.forwardEnd).fill(-1);
    ir.position = 0;
    const seed = ir.constant(1);
    const shape = ir.shape(root);
    this.addTerm(root, shape.length ? ir.op("broadcastTo", [seed], { shape }) : seed, 0);
    for (let node = root; node >= 0; node--) gradients[node] = this.visit(node);
    ir.position = 0;
    return gradients;
  }
  addTerm(node, term, position) {
    (this.terms[node] ??= []).push({ node: term, position });
  }
  /** Returns the gradient of a node whose consumers have all been visited, and adds its operands' terms. */
  visit(node) {
    const { ir } = this;
    const terms = this.terms[node];
    if (!terms || !this.active[node]) return -1;
    const position = ir.positions[node];
    ir.position = position;
    const isLeaf = LEAVES2.has(ir.opOf(node));
    const own = terms.map((term) => term.node);
    const positions = terms.map((term) => term.position);
    const dy = totalOf(ir, node, own, positions, isLeaf, this.combine);
    if (!isLeaf) this.addTermsByRule(node, position, dy);
    return dy;
  }
  addTermsByRule(node, position, dy) {
    const { ir } = this;
    const definition = OPS[ir.opOf(node)];
    const inputs = ir.inputs(node);
    const context = {
      g: ir,
      inputs,
      output: node,
      attr: ir.attr(node),
      dy
    };
    const isTotal = ir.is(node, "total");
    const rowPositions = ir.is(node, "stack") ? ir.attr(node).positions : void 0;
    const n = isTotal ? termCount(ir, node) : inputs.length;
    for (let i = 0; i < n; i++) {
      const input = inputs[i];
      if (ir.isInteger(input) || !this.active[input]) continue;
      const edge = isTotal ? termPosition(ir, node, i) : Math.max(position, rowPositions?.[i] ?? 0);
      ir.position = edge;
      const before = ir.count;
      let term = definition.gradient(context, i);
      if (term === null) continue;
      if (!sameShape(ir.shape(term), ir.shape(input))) term = sumTo(ir, term, ir.shape(input));
      if (term >= before)
        ir.setAxisPositions(term, completed(ir.axisPositions[term], ir.axisPositions[input]));
      this.addTerm(input, term, edge);
    }
  }
};
function totalOf(ir, node, own, positions, wrap, combine) {
  const position = ir.positions[node];
  if (combine) combineTerms(ir, node, own, positions);
  ir.position = position;
  const term = own[0];
  const whole = positions[0] === position && sameAxisPositions(ir.axisPositions[term], ir.axisPositions[node]);
  if (own.length === 1 && whole && !wrap) return term;
  const total = ir.push("total", own, { positions }, ir.shape(node));
  ir.setAxisPositions(total, ir.axisPositions[node]);
  return total;
}
function combineTerms(ir, node, own, positions) {
  if (own.length < 2 || !ir.shape(node).length) return;
  const order = own.map((_, i) => i).sort((a, b) => positions[a] - positions[b]);
  if (rowsOf(ir, node, own, positions)) return;
  const products2 = order.filter((i) => outerProduct(ir, own[i]));
  if (products2.length < 2) return;
  const rowPositions = products2.map((i) => positions[i]);
  const factors = products2.map((i) => outerProduct(ir, own[i]));
  ir.position = rowPositions[0];
  const attr = rowPositions.every((position) => position === rowPositions[0]) ? {} : { positions: rowPositions };
  const columns = ir.op(
    "stack",
    factors.map(([a]) => a),
    attr
  );
  const rows4 = ir.op(
    "stack",
    factors.map(([, b]) => b),
    attr
  );
  const product3 = ir.op("matmul", [ir.op("transpose", [columns], { axes: [1, 0] }), rows4]);
  const gone = new Set(products2);
  const rest = own.map((term, i) => [term, positions[i]]).filter((_, i) => !gone.has(i));
  own.length = 0;
  positions.length = 0;
  for (const [term, position] of [...rest, [product3, rowPositions[0]]]) {
    own.push(term);
    positions.push(position);
  }
}
function outerProduct(ir, node) {
  if (!ir.is(node, "matmul")) return null;
  const a = ir.input(node, 0);
  const b = ir.input(node, 1);
  const isColumn = ir.is(a, "reshape") && ir.shape(a).length === 2 && ir.shape(a)[1] === 1;
  const isRow = ir.is(b, "reshape") && ir.shape(b).length === 2 && ir.shape(b)[0] === 1;
  if (!isColumn || !isRow) return null;
  const factors = [ir.input(a, 0), ir.input(b, 0)];
  return factors.every((factor) => ir.shape(factor).length === 1) ? factors : null;
}
function rowsOf(ir, node, own, positions) {
  const shape = ir.shape(node);
  if (own.length !== shape[0]) return false;
  const rowPositions = ir.axisPositions[node]?.[0];
  const rows4 = new Array(own.length).fill(-1);
  for (const [i, term] of own.entries()) {
    if (!ir.is(term, "embed")) return false;
    const { axis, start } = ir.attr(term);
    const part = ir.input(term, 0);
    if (axis !== 0 || ir.shape(part)[0] !== 1 || rows4[start] !== -1) return false;
    if (positions[i] !== (rowPositions?.[start] ?? ir.positions[node])) return false;
    const row = shape.slice(1);
    const whole = ir.is(part, "reshape") && sameShape(ir.shape(ir.input(part, 0)), row);
    ir.position = positions[i];
    rows4[start] = whole ? ir.input(part, 0) : ir.op("reshape", [part], { shape: row });
  }
  ir.position = ir.positions[node];
  const stack2 = ir.op("stack", rows4, rowPositions ? { positions: rowPositions } : {});
  ir.setAxisPositions(stack2, ir.axisPositions[node]);
  own.splice(0, own.length, stack2);
  positions.splice(0, positions.length, ir.positions[node]);
  return true;
}

// lib/compiler/ir/live.ts
function countUses(ir, wanted) {
  const uses = new Int32Array(ir.count);
  for (const node of wanted) uses[node]++;
  const { start, list: list2 } = ir.edges;
  for (let node = ir.count - 1; node >= 0; node--) {
    if (!uses[node]) continue;
    const end = start[node + 1];
    for (let e = start[node]; e < end; e++) uses[list2[e]]++;
  }
  return uses;
}

// lib/compiler/ir/views.ts
var MAX_VIEWS = 64;
function viewedNodes(ir) {
  const viewed = new Int32Array(ir.count);
  for (let node = 0; node < ir.count; node++) {
    const isView = OPS[ir.opOf(node)].lower.kind === "view";
    viewed[node] = isView ? viewed[ir.input(node, 0)] : node;
  }
  return viewed;
}

// lib/compiler/lower/locate.ts
var Locator = class {
  constructor(ir, placement, layout, gradientHome) {
    this.ir = ir;
    this.placement = placement;
    this.layout = layout;
    this.gradientHome = gradientHome;
    /** Where nodes lie, as far as they have been located. */
    this.views = [];
    /** The options of each `choose`, stacked. */
    this.blocks = /* @__PURE__ */ new Map();
    /** Where the operands of a join start along its axis. */
    this.joins = /* @__PURE__ */ new Map();
  }
  /** Gives a node memory of its own. */
  allocate(node) {
    const shape = this.ir.shape(node);
    const view = denseView(this.layout.allocate(sizeOf(shape)), shape);
    this.views[node] = view;
    return view;
  }
  /** Where a node's numbers lie. Views are followed to what they view, in a loop: there can be any number. */
  locate(node) {
    const known = this.views[node];
    if (known) return known;
    const path = [node];
    for (; ; ) {
      const at2 = path[path.length - 1];
      const found3 = this.find(at2);
      if (typeof found3 === "number") {
        path.push(found3);
        continue;
      }
      this.views[at2] = found3;
      if (path.length === 1) return found3;
      path.pop();
    }
  }
  /** The part of a total that a term fills, in the shape of the term's node. */
  part(total, term) {
    return follow(this.locate(total), term.steps);
  }
  /** The part of a concatenation's result that operand i fills. */
  joined(join7, whole, i) {
    const { ir } = this;
    const axis = resolveAxis(ir.attr(join7).axis, ir.shape(join7));
    let starts = this.joins.get(join7);
    if (!starts) {
      let start = 0;
      starts = Int32Array.from(ir.inputs(join7), (input) => {
        const own = start;
        start += ir.shape(input)[axis];
        return own;
      });
      this.joins.set(join7, starts);
    }
    return sliceView(whole, axis, starts[i], starts[i] + ir.shape(ir.input(join7, i))[axis]);
  }
  /** Memory for the stacked options of a `choose`. */
  chooseBlock(choose2) {
    let block = this.blocks.get(choose2);
    if (!block) {
      const shape = [this.ir.inputCount(choose2) - 1, ...this.ir.shape(choose2)];
      block = denseView(this.layout.allocate(sizeOf(shape)), shape);
      this.blocks.set(choose2, block);
    }
    return block;
  }
  /** Where a node's numbers lie, or the node that has to be located before. */
  find(node) {
    const { ir, placement, views } = this;
    const home = this.gradientHome.get(node);
    if (home) return home;
    const shape = ir.shape(node);
    const op = ir.opOf(node);
    if (op === "constant") return denseView(this.layout.constant(ir.constantValue(node)), []);
    if (op === "parameter") return denseView(this.layout.parameterOffsets.get(node), shape);
    if (OPS[op].lower.kind === "view" && !placement.hosts.has(node)) {
      const input = views[ir.input(node, 0)];
      if (!input) return ir.input(node, 0);
      const view = this.viewOf(node, input);
      if (view) return view;
    }
    const alias = placement.aliases.get(node);
    if (alias) {
      const stack2 = views[alias.stack];
      return stack2 ? sliceView(stack2, 0, alias.start, alias.start + shape[0]) : alias.stack;
    }
    const reused = placement.reused.get(node);
    if (reused !== void 0) return views[reused] ?? reused;
    const parent = placement.parent[node];
    if (parent >= 0) return this.insideParent(node, parent);
    return denseView(this.layout.allocate(sizeOf(shape)), shape);
  }
  /** The view that a node is of its operand; null where it needs a copy of its own. */
  viewOf(node, input) {
    const { ir } = this;
    const attr = ir.attr(node);
    switch (ir.opOf(node)) {
      case "transpose":
        return transposeView(input, attr.axes);
      case "broadcastTo":
        return broadcastView(input, ir.shape(node));
      case "slice":
        return sliceView(input, attr.axis, attr.start, attr.stop);
      case "reshape":
        return reshapeView(input, ir.shape(node));
      default:
        return input;
    }
  }
  /** The part of its parent that a node is written into, or the parent, to be located before. */
  insideParent(node, parent) {
    const { ir, placement } = this;
    const i = placement.operandIndex[node];
    if (ir.is(parent, "choose")) return rowView(this.chooseBlock(parent), i);
    const whole = this.views[parent];
    if (!whole) return parent;
    const total = placement.totals.get(parent);
    if (total) return follow(whole, total.terms[i].steps);
    switch (ir.opOf(parent)) {
      case "concat":
        return this.joined(parent, whole, i);
      case "reshape":
        return follow(whole, placement.hosts.get(parent));
      default:
        return reshapeView(rowView(whole, i), ir.shape(node));
    }
  }
};
function follow(view, steps) {
  for (const step of steps) {
    if (step.kind === "slice") view = sliceView(view, step.axis, step.start, step.stop);
    else if (step.kind === "transpose") view = transposeView(view, step.axes);
    else view = reshapeView(view, step.shape);
  }
  return view;
}

// lib/compiler/lower/places.ts
var CAN_ADD = opsWhere(({ placing }) => placing === "adds" || placing === "addsDense");
var IS_JOIN = opsWhere(({ lower: lower2 }) => lower2.kind === "join");
var IS_COMPUTED = opsWhere(({ lower: { kind } }) => kind !== "view" && kind !== "leaf");
function computed(ir, node) {
  return IS_COMPUTED[ir.codeOf(node)] === 1 && ir.inputCount(node) > 0;
}
function planTotal(ir, p, total, inPlace2) {
  const terms = [];
  const n = termCount(ir, total);
  for (let i = 0; i < n; i++) {
    const steps = [];
    let node = ir.input(total, i);
    let view = denseView(0, ir.shape(total));
    for (; ; ) {
      if (!inPlace2 || p.uses[node] !== 1) break;
      if (ir.is(node, "embed")) {
        const inner = ir.input(node, 0);
        const { axis, start } = ir.attr(node);
        steps.push({ kind: "slice", axis, start, stop: start + ir.shape(inner)[axis] });
        view = sliceView(view, axis, start, start + ir.shape(inner)[axis]);
      } else if (ir.is(node, "reshape")) {
        const shape = ir.shape(ir.input(node, 0));
        const part = reshapeView(view, shape);
        if (!part) break;
        steps.push({ kind: "reshape", shape });
        view = part;
      } else if (ir.is(node, "transpose")) {
        const axes = inverse(ir.attr(node).axes);
        steps.push({ kind: "transpose", axes });
        view = transposeView(view, axes);
      } else break;
      p.absorbed[node] = 1;
      node = ir.input(node, 0);
    }
    const last = view.shape.length - 1;
    const rows4 = last < 0 || view.strides[last] === 1 || view.shape[last] === 1;
    const position = termPosition(ir, total, i);
    const adds = CAN_ADD[ir.codeOf(node)] === 1 && ir.positions[node] === position;
    const placed = inPlace2 && rows4 && p.uses[node] === 1 && adds && p.parent[node] === -1 && !p.reused.has(node);
    if (placed) {
      p.parent[node] = total;
      p.operandIndex[node] = i;
    }
    terms.push({
      input: ir.input(total, i),
      node,
      steps,
      position,
      placed,
      base: false
    });
  }
  p.totals.set(total, { terms, zeroed: !chooseBase(ir, total, terms) });
}
function inverse(axes) {
  const result = new Array(axes.length);
  axes.forEach((axis, i) => result[axis] = i);
  return result;
}
function fills(ir, total, term) {
  return ir.axisPositions[term.node] === void 0 || sameAxisPositions(ir.axisPositions[term.input], ir.axisPositions[total]);
}
function chooseBase(ir, total, terms) {
  const position = ir.positions[total];
  const whole = (term) => term.position === position && fills(ir, total, term) && term.steps.every((step) => step.kind !== "slice");
  const placed = terms.filter((term) => term.placed).sort((a, b) => a.node - b.node);
  const first = placed[0] ?? terms.find(whole);
  if (first && whole(first)) {
    first.base = true;
    return true;
  }
  if (!terms.every((term) => fills(ir, total, term)) || !tiles(ir, total, terms)) return false;
  for (const term of terms) term.base = true;
  return true;
}
function tiles(ir, total, terms) {
  let axis = -1;
  const starts = /* @__PURE__ */ new Set();
  let covered = 0;
  for (const { position, steps } of terms) {
    const slices = steps.filter((step) => step.kind === "slice");
    const slice = slices[0];
    if (position !== ir.positions[total] || slices.length !== 1 || steps[0] !== slice) return false;
    if (axis >= 0 && slice.axis !== axis) return false;
    axis = slice.axis;
    const width = slice.stop - slice.start;
    if (slice.start % width !== 0) return false;
    const firstSlice = terms[0].steps[0];
    if (width !== firstSlice.stop - firstSlice.start) return false;
    starts.add(slice.start);
    covered += width;
  }
  return starts.size === terms.length && covered === ir.shape(total)[axis];
}

// lib/compiler/lower/in-place.ts
function planReuse(ir, p, keep) {
  const users = new Users(ir, p);
  for (let node = 0; node < ir.count; node++) {
    if (!p.uses[node] || p.absorbed[node]) continue;
    if (ir.is(node, "add")) planSum(ir, p, users, node);
    const total = p.totals.get(node);
    if (!total || keep.has(node) || p.parent[node] !== -1 || users.joins(node)) continue;
    const { terms } = total;
    const first = smallest(terms.map((each) => each.placed ? each.node : node));
    const seen = /* @__PURE__ */ new Set();
    const twice = new Set(
      terms.map(({ input }) => input).filter((input) => seen.size === seen.add(input).size)
    );
    const term = terms.find((each) => !twice.has(each.input) && canReuse(ir, p, users, node, each, first));
    if (!term) continue;
    for (const each of terms) each.base = each === term;
    total.zeroed = false;
    p.reused.set(node, term.input);
  }
}
var Users = class {
  constructor(ir, p) {
    this.ir = ir;
    this.parted = /* @__PURE__ */ new Map();
    this.start = new Int32Array(ir.count + 1);
    for (let node = 0; node < ir.count; node++) {
      if (p.uses[node]) for (const input of ir.inputs(node)) this.start[input + 1]++;
    }
    for (let node = 0; node < ir.count; node++) this.start[node + 1] += this.start[node];
    const next = this.start.slice();
    this.list = new Int32Array(this.start[ir.count]);
    for (let node = 0; node < ir.count; node++) {
      if (p.uses[node]) for (const input of ir.inputs(node)) this.list[next[input]++] = node;
    }
  }
  of(node) {
    return this.list.subarray(this.start[node], this.start[node + 1]);
  }
  /** Whether a node is read by slices of one use each that share no row of it. */
  readRows(node, uses) {
    let parted = this.parted.get(node);
    if (parted === void 0) this.parted.set(node, parted = this.findRows(node, uses));
    return parted;
  }
  findRows(node, uses) {
    const { ir } = this;
    const taken2 = new Uint8Array(ir.shape(node)[0] ?? 0);
    for (const reader of this.of(node)) {
      const { axis, start, stop } = ir.attr(reader);
      if (!ir.is(reader, "slice") || axis !== 0 || uses[reader] !== 1) return false;
      for (let row = start; row < stop; row++) {
        if (taken2[row]) return false;
        taken2[row] = 1;
      }
    }
    return true;
  }
  /** Whether a stack or concatenation reads this node, which could then be written there in place. */
  joins(node) {
    return this.of(node).some((user) => this.ir.is(user, "stack") || this.ir.is(user, "concat"));
  }
};
function planSum(ir, p, users, node) {
  const [a, b] = ir.inputs(node);
  const shape = ir.shape(node);
  const whole = (operand) => ir.shape(operand).length === shape.length && ir.shape(operand).every((n, i) => n === shape[i]);
  if (a === b || p.parent[node] !== -1 || !whole(a) || !whole(b) || users.joins(node)) return;
  const adds = (operand) => p.uses[operand] === 1 && p.parent[operand] === -1 && CAN_ADD[ir.codeOf(operand)] === 1 && !p.totals.has(operand);
  const free = (operand, other) => adds(other) && owner(ir, p, users, node, operand, other) >= 0;
  if (adds(a) && adds(b) || free(a, b) || free(b, a)) planTotal(ir, p, node, true);
}
function canReuse(ir, p, users, total, term, first) {
  if (term.placed || term.position !== ir.positions[total] || !fills(ir, total, term)) return false;
  if (term.steps.some((step) => step.kind !== "reshape")) return false;
  return owner(ir, p, users, total, term.input, first) >= 0;
}
function owner(ir, p, users, sum3, value, before) {
  let node = value;
  while (ir.is(node, "reshape") || ir.is(node, "slice")) {
    if (p.uses[node] !== 1) return -1;
    node = ir.input(node, 0);
  }
  const own = node < before && computed(ir, node) && !ir.isInteger(node) && p.parent[node] === -1 && !p.aliases.has(node) && !IS_JOIN[ir.codeOf(node)];
  if (!own) return -1;
  const readers = users.of(node);
  if (readers.length !== p.uses[node]) return -1;
  if (readers.length === 1) return node;
  const hasRead = (reader) => reader === sum3 || reader < before && readsAtOnce(ir, reader, sum3);
  const last = readers[readers.length - 1];
  if (node === value && before < ir.forwardEnd && hasRead(last) && readers.every(hasRead)) return node;
  return users.readRows(node, p.uses) ? node : -1;
}
function readsAtOnce(ir, node, sum3) {
  return computed(ir, node) && !IS_JOIN[ir.codeOf(node)] && ir.positions[node] === ir.positions[sum3];
}

// lib/compiler/lower/placement.ts
var WRITES_ROWS = opsWhere(({ placing }) => placing === "rows");
var NEEDS_DENSE = opsWhere(({ placing }) => placing === "dense" || placing === "addsDense");
function planPlacement(ir, keep, inPlace2) {
  const p = {
    uses: countUses(ir, keep),
    parent: new Int32Array(ir.count).fill(-1),
    operandIndex: new Int32Array(ir.count),
    totals: /* @__PURE__ */ new Map(),
    absorbed: new Uint8Array(ir.count),
    hosts: /* @__PURE__ */ new Map(),
    reused: /* @__PURE__ */ new Map(),
    aliases: /* @__PURE__ */ new Map()
  };
  const joins = [];
  const reshapes = [];
  for (let node = 0; node < ir.count; node++) {
    if (!p.uses[node]) continue;
    if (ir.is(node, "total")) planTotal(ir, p, node, inPlace2);
    else if (IS_JOIN[ir.codeOf(node)]) joins.push(node);
    else if (ir.is(node, "reshape") && !p.absorbed[node]) reshapes.push(node);
  }
  if (!inPlace2) return p;
  planReuse(ir, p, keep);
  joins.sort((a, b) => ir.inputCount(b) - ir.inputCount(a) || a - b);
  for (const join7 of joins) planJoin(ir, p, join7);
  for (const reshape2 of reshapes) planReshape(ir, p, reshape2);
  return p;
}
function source(ir, p, node) {
  for (let i = 0; i < MAX_VIEWS && ir.is(node, "reshape") && p.parent[node] === -1; i++)
    node = ir.input(node, 0);
  return node;
}
function planJoin(ir, p, join7) {
  const isStack = ir.is(join7, "stack");
  const n = ir.inputCount(join7) - (ir.is(join7, "choose") ? 1 : 0);
  if (isStack) {
    const first = source(ir, p, ir.input(join7, 0));
    const other = p.parent[first];
    if (other >= 0 && ir.is(other, "stack") && p.parent[join7] === -1) {
      const start = p.operandIndex[first];
      let run = true;
      for (let i = 0; i < n && run; i++) {
        const input = source(ir, p, ir.input(join7, i));
        run = p.parent[input] === other && p.operandIndex[input] === start + i;
      }
      if (run) {
        p.aliases.set(join7, { stack: other, start });
        return;
      }
    }
  }
  for (let i = 0; i < n; i++) {
    const input = isStack ? source(ir, p, ir.input(join7, i)) : ir.input(join7, i);
    if (!computed(ir, input) || ir.isInteger(input) || p.parent[input] !== -1) continue;
    if (p.aliases.has(input) || p.reused.has(input) || p.totals.get(input)?.zeroed) continue;
    if (NEEDS_DENSE[ir.codeOf(input)] && !isStack) continue;
    if (ir.is(join7, "concat") && ir.attr(join7).axis !== 0 && sizeOf(ir.shape(input)) === 0) continue;
    p.parent[input] = join7;
    p.operandIndex[input] = i;
  }
}
function planReshape(ir, p, reshape2) {
  const steps = [];
  let node = reshape2;
  let view = denseView(0, ir.shape(reshape2));
  let transposes = false;
  for (; ; ) {
    const input = ir.input(node, 0);
    if (ir.is(node, "reshape")) {
      const before = reshapeView(view, ir.shape(input));
      if (!before) return;
      steps.push({ kind: "reshape", shape: ir.shape(input) });
      view = before;
    } else if (ir.is(node, "transpose")) {
      const axes = inverse(ir.attr(node).axes);
      steps.push({ kind: "transpose", axes });
      view = transposeView(view, axes);
      transposes = true;
    } else break;
    if (steps.length > MAX_VIEWS) return;
    node = input;
  }
  if (!transposes || !computed(ir, node) || ir.isInteger(node) || p.parent[node] !== -1) return;
  if (p.aliases.has(node) || p.reused.has(node) || isDense(view)) return;
  if (p.totals.get(node)?.zeroed) return;
  const last = view.shape.length - 1;
  if (last < 0 || view.strides[last] !== 1 && view.shape[last] !== 1) return;
  if (!CAN_ADD[ir.codeOf(node)] && !WRITES_ROWS[ir.codeOf(node)]) return;
  p.parent[node] = reshape2;
  p.hosts.set(reshape2, steps);
}

// lib/compiler/lower/fused-updates.ts
function fusedUpdates(ir, { totals, uses }, gradients) {
  const fused = /* @__PURE__ */ new Map();
  for (const [parameter2, gradient] of gradients) {
    const terms = totals.get(gradient)?.terms;
    if (!uses[parameter2] || uses[gradient] !== 1 || terms?.length !== 1) continue;
    const { node, steps, placed } = terms[0];
    if (!placed || steps.length || !ir.is(node, "matmul")) continue;
    const isMatrix = (operand) => ir.shape(operand).length === 2;
    if (!ir.inputs(node).every(isMatrix) || ir.axisPositions[node]) continue;
    fused.set(parameter2, node);
  }
  const viewed = fused.size ? viewedNodes(ir) : [];
  for (const product3 of [...fused.values()]) {
    for (const operand of ir.inputs(product3)) fused.delete(viewed[operand]);
  }
  return fused;
}

// lib/compiler/lower/context.ts
function plan(ir, options) {
  const keep = /* @__PURE__ */ new Set([...options.keep, ...options.gradients.values()]);
  const placement = planPlacement(ir, keep, options.inPlace);
  const fuses = options.update && !options.update.before && options.fuseUpdate;
  const fused = fuses ? fusedUpdates(ir, placement, options.gradients) : /* @__PURE__ */ new Map();
  const layout = new Layout(ir, placement.uses, options, new Set(fused.keys()));
  const gradientHome = /* @__PURE__ */ new Map();
  const postponed = /* @__PURE__ */ new Set();
  for (const [parameter2, gradient] of options.gradients) {
    const offset = layout.parameterOffsets.get(parameter2);
    if (offset === void 0) continue;
    if (fused.has(parameter2)) {
      postponed.add(gradient).add(fused.get(parameter2));
      continue;
    }
    const at2 = layout.block.gradients + offset - layout.block.offset;
    gradientHome.set(gradient, denseView(at2, ir.shape(parameter2)));
  }
  const locator = new Locator(ir, placement, layout, gradientHome);
  return { placement, layout, locator, gradientHome, fused, postponed };
}
var Context = class {
  constructor(ir, options) {
    this.ir = ir;
    this.options = options;
    this.out = new Encoder();
    /** Transposed copies of parameters, by the view they were made of: one for all uses. */
    this.transposed = /* @__PURE__ */ new Map();
    /** The node whose instructions are being written; -1: of no node. */
    this.node = -1;
    /** The position from which these instructions run. */
    this.position = 0;
    /** What instructions saved for gradients, by node. */
    this.savedViews = /* @__PURE__ */ new Map();
    this.lengthExtents = /* @__PURE__ */ new Map();
    const { placement, layout, locator, gradientHome, fused, postponed } = plan(ir, options);
    this.placement = placement;
    this.layout = layout;
    this.locator = locator;
    this.gradientHome = gradientHome;
    this.fused = fused;
    this.postponed = postponed;
    this.results = new Set(options.results);
  }
  // --- where things lie ---
  locate(node) {
    return this.locator.locate(node);
  }
  /** Where operand i of a node lies. */
  input(node, i) {
    return this.locator.locate(this.ir.input(node, i));
  }
  /** New memory for an array, without gaps. */
  allocate(shape) {
    return denseView(this.layout.allocate(sizeOf(shape)), shape);
  }
  /** A constant as an operand. */
  scalar(value) {
    return denseView(this.layout.constant(value), []);
  }
  /** Residuals: what a node's instruction saves, besides its result, for the node's gradient. */
  saved(node, shape) {
    let view = this.savedViews.get(node);
    if (!view) this.savedViews.set(node, view = this.allocate(shape));
    return view;
  }
  /** Where an index node's integers lie. */
  indexView(node) {
    return denseView(this.layout.slot(node), this.ir.shape(node));
  }
  // --- what a node's instructions have to respect ---
  /** Whether a node is a parameter or a view of one. */
  isParameter(node) {
    this.viewed ??= viewedNodes(this.ir);
    return node >= 0 && this.ir.is(this.viewed[node], "parameter");
  }
  /** The positions of a node's axes. */
  positionsOf(node) {
    return this.ir.axisPositions[node];
  }
  /** Whether this node's instruction adds to a total instead of writing. */
  accumulates(node) {
    const total = this.placement.totals.get(this.placement.parent[node]);
    return total !== void 0 && !total.terms[this.placement.operandIndex[node]].base;
  }
  /** Whether what this node adds to needs no zeros first: a sum, or a gradient the update cleared. */
  addsToZero(node) {
    const cleared = this.options.update && this.gradientHome.has(this.placement.parent[node]);
    return this.accumulates(node) || cleared === true;
  }
  // --- writing ---
  /** Writes an instruction of the current node, from the current position on. */
  emit(instruction) {
    const extents = this.extents(instruction.extents);
    this.out.emit(this.node, { ...instruction, position: this.position, extents });
  }
  /** The ids of extents. */
  extents(sizes) {
    const [outer1, outer2, rows4, columns, inner] = sizes;
    return [
      this.extent(outer1),
      this.extent(outer2),
      this.extent(rows4),
      this.extent(columns),
      this.extent(inner)
    ];
  }
  extent(extent) {
    if (typeof extent === "number") return this.out.literal(extent);
    return extent.positions ? this.byLength(extent.positions, extent.n) : this.out.literal(extent.n);
  }
  /** The extent of an axis of n entries, equally many at each of `positions`. */
  byLength(positions, n) {
    const key = `${n}:${positions.join()}`;
    let id = this.lengthExtents.get(key);
    if (id === void 0) {
      const each = n / positions.length;
      const { maxLength } = this.ir;
      const counts = new Array(maxLength + 1).fill(0);
      for (const position of positions) if (position < maxLength) counts[position + 1] += each;
      for (let length = 1; length < counts.length; length++) counts[length] += counts[length - 1];
      id = this.out.byLength(counts);
      this.lengthExtents.set(key, id);
    }
    return id;
  }
};

// lib/compiler/lower/indexing.ts
var ROW_PRODUCTS2 = /* @__PURE__ */ new Map([
  ["gatherMatmul", "gather_matmul"],
  ["gatherDot", "gather_dot"],
  ["scatterOuter", "scatter_outer"]
]);
function indexExtent(c, index2, other) {
  const shape = c.ir.shape(index2);
  const n = sizeOf(shape);
  const positions = both(c.positionsOf(index2)?.[0], c.positionsOf(other)?.[0]);
  return positions && shape.length ? { n, positions } : n;
}
function emitGather(c, node) {
  const { ir } = c;
  const index2 = ir.input(node, 1);
  const rank = ir.shape(index2).length;
  if (sizeOf(ir.shape(node)) === 0) {
    c.locate(node);
    return;
  }
  const extent = indexExtent(c, index2, node);
  const batch = ir.attr(node).batch === true;
  const axis = batch ? 1 : 0;
  let x = c.input(node, 0);
  const cols = sizeOf(x.shape.slice(axis + 1));
  if (!isDense(behind(x, axis + 1))) x = dense(c, x);
  const place3 = c.locate(node);
  const fits = isDense(behind(place3, rank)) && (rank <= 1 || isDense(place3));
  const y = fits ? place3 : c.allocate(place3.shape);
  const step = rank ? y.strides[rank - 1] : 0;
  c.emit({
    op: "gather",
    extents: batch ? [extent, 1, 1, cols, 1] : [1, 1, extent, cols, 1],
    y: [y.offset, batch ? step : 0, 0, batch ? 0 : step, 1],
    a: [x.offset, batch ? x.strides[0] : 0, 0, x.strides[axis], 1],
    x: [c.layout.slot(index2), batch ? 1 : 0, 0, 1, 0],
    imm0: x.shape[axis]
  });
  if (y !== place3) copy(c, place3, y, false, c.positionsOf(node));
}
function emitScatterAdd(c, node) {
  const { ir } = c;
  const [rowsNode, index2] = ir.inputs(node);
  const from = dense(c, c.locate(rowsNode));
  const batch = ir.attr(node).batch === true;
  const axis = batch ? 1 : 0;
  const place3 = c.locate(node);
  const y = isDense(behind(place3, axis + 1)) ? place3 : c.allocate(place3.shape);
  if (y !== place3 || !c.addsToZero(node)) zero(c, y, c.positionsOf(node));
  const shape = ir.shape(node);
  const extent = indexExtent(c, index2, rowsNode);
  const cols = sizeOf(shape.slice(axis + 1));
  if (sizeOf(ir.shape(rowsNode)) === 0) return;
  c.emit({
    op: "scatter_add",
    extents: [batch ? extent : 1, 1, batch ? 1 : extent, cols, 1],
    y: [y.offset, batch ? y.strides[0] : 0, 0, y.strides[axis], 1],
    a: [from.offset, batch ? cols : 0, 0, batch ? 0 : cols, 1],
    x: [c.layout.slot(index2), batch ? 1 : 0, 0, 1, 0],
    imm0: shape[axis]
  });
  if (y !== place3) copy(c, place3, y, c.addsToZero(node), c.positionsOf(node));
}
function emitRowProduct(c, node) {
  const { ir } = c;
  const y = c.locate(node);
  const [first, second] = [c.input(node, 0), c.input(node, 1)];
  const index2 = ir.input(node, 2);
  const addsRows = ir.is(node, "gatherMatmul");
  if (!addsRows && !c.addsToZero(node)) zero(c, y);
  const a = first.shape.length === 2 ? rows2(c, first) : first;
  const b = rows2(c, second);
  const matrix = addsRows ? b : first.shape.length === 2 ? a : y;
  const [n, cols] = matrix.shape;
  const count2 = ir.shape(index2)[0];
  if (!cols || !count2) {
    if (addsRows && !c.accumulates(node)) zero(c, y);
    return;
  }
  const operand = (view) => [view.offset, 0, 0, view.strides[0], 1];
  const starts = addsRows ? Number(c.accumulates(node)) : 1;
  c.emit({
    op: ROW_PRODUCTS2.get(ir.opOf(node)),
    accumulate: !addsRows,
    extents: [1, 1, starts, cols, count2],
    y: operand(y),
    a: operand(a),
    b: operand(b),
    ...addsRows && { c: operand(y) },
    x: [c.layout.slot(index2), 0, 0, 0, 1],
    imm0: n
  });
}
function emitTopk(c, node) {
  const x = c.input(node, 0);
  c.emit({
    op: "topk",
    extents: [1, 1, 1, x.shape[0], c.ir.attr(node).k],
    a: [x.offset, 0, 0, 0, x.strides[0]],
    x: [c.layout.slot(node), 0, 0, 0, 1],
    imm0: isReadInOrder(c, node) ? 0 : 1
  });
}
function isReadInOrder(c, index2) {
  const { ir, placement } = c;
  if (!c.rowProductReads) {
    const reads = /* @__PURE__ */ new Map();
    for (let node = 0; node < ir.count; node++) {
      if (!placement.uses[node] || !ROW_PRODUCTS2.has(ir.opOf(node))) continue;
      reads.set(ir.input(node, 2), (reads.get(ir.input(node, 2)) ?? 0) + 1);
    }
    c.rowProductReads = reads;
  }
  return c.rowProductReads.get(index2) !== placement.uses[index2];
}
function emitArgmax(c, node) {
  const index2 = c.indexView(node);
  const x = c.input(node, 0);
  const along = resolveAxis(c.ir.attr(node).axis, x.shape);
  const outer = mergeAxes(index2.shape, [index2.strides, x.strides.filter((_, i) => i !== along)]);
  if (!outer) return;
  forEachNest(c, outer, 2, [index2.offset, x.offset], (two, at2) => {
    const [one, other] = two;
    c.emit({
      op: "topk",
      extents: [one, other, 1, x.shape[along], 1],
      a: [at2[1], one.strides[1], other.strides[1], 0, x.strides[along]],
      x: [at2[0], one.strides[0], other.strides[0], 0, 1]
    });
  });
}
function behind({ shape, strides }, first) {
  return { offset: 0, shape: shape.slice(first), strides: strides.slice(first) };
}

// lib/compiler/lower/joins.ts
function emitTotal(c, node) {
  const { terms } = c.placement.totals.get(node);
  const { position } = c;
  const isReused = c.placement.reused.has(node);
  const base = terms.filter((term) => !term.placed && term.base && !isReused);
  const rest = terms.filter((term) => !term.placed && !term.base);
  c.locate(node);
  const [first] = base;
  if (first && base.length === 1 && first.steps.length === 0) {
    const partner = rest.findIndex((term) => term.steps.length === 0 && term.position === position);
    if (partner >= 0) {
      const second = rest.splice(partner, 1)[0];
      const operands = [c.locate(first.node), c.locate(second.node)];
      elementwise2(c, "add", c.locate(node), operands, false, c.positionsOf(node));
      base.length = 0;
    }
  }
  for (const term of [...base, ...rest]) {
    c.position = term.position;
    copy(c, c.locator.part(node, term), c.locate(term.node), !term.base, c.positionsOf(term.node));
  }
  c.position = position;
}
function emitJoin(c, node) {
  const { ir, placement } = c;
  if (placement.aliases.has(node)) {
    c.locate(node);
    return;
  }
  const whole = c.locate(node);
  const isStack = ir.is(node, "stack");
  const { positions } = ir.attr(node);
  const { position } = c;
  for (let i = 0; i < ir.inputCount(node); i++) {
    const input = ir.input(node, i);
    const member = source(ir, placement, input);
    if (placement.parent[member] === node && placement.operandIndex[member] === i) continue;
    if (positions) c.position = Math.max(position, positions[i]);
    const to = isStack ? rowView(whole, i) : c.locator.joined(node, whole, i);
    copy(c, to, c.locate(input), false, c.positionsOf(input));
  }
  c.position = position;
}
function emitChoose(c, node) {
  const { ir, placement } = c;
  const block = c.locator.chooseBlock(node);
  const n = ir.inputCount(node) - 1;
  for (let i = 0; i < n; i++) {
    const input = ir.input(node, i);
    if (placement.parent[input] === node && placement.operandIndex[input] === i) continue;
    copy(c, rowView(block, i), c.locate(input), false);
  }
  const y = c.locate(node);
  c.emit({
    op: "gather",
    extents: [1, 1, 1, sizeOf(y.shape), 1],
    y: [y.offset, 0, 0, 0, 1],
    a: [block.offset, 0, 0, block.strides[0], 1],
    x: [c.layout.slot(ir.input(node, n)), 0, 0, 1, 0],
    imm0: n
  });
}
function emitPad(c, node) {
  const { ir } = c;
  const view = c.locate(node);
  const { axis, start } = ir.attr(node);
  zero(c, view);
  const input = ir.input(node, 0);
  const part = sliceView(view, axis, start, start + ir.shape(input)[axis]);
  copy(c, part, c.locate(input), false, c.positionsOf(input));
}

// lib/compiler/lower/reductions.ts
function emitSum(c, node) {
  const { axes } = c.ir.attr(node);
  sum(c, c.locate(node), c.input(node, 0), axes, c.accumulates(node), c.positionsOf(c.ir.input(node, 0)));
}
function sum(c, y, x, axesAttr, accumulate, positions) {
  const reduced2 = new Set((axesAttr ?? x.shape.map((_, i) => i)).map((a) => resolveAxis(a, x.shape)));
  let kept = 0;
  const yStrides = x.shape.map((_, i) => reduced2.has(i) ? 0 : y.strides[kept++]);
  const marks = x.shape.map((_, i) => reduced2.has(i) ? 1 : 0);
  const axes = mergeAxes(x.shape, [yStrides, x.strides], positions, marks);
  if (!axes) {
    if (sizeOf(y.shape) && !accumulate) zero(c, y);
    return;
  }
  const isReduced = (axis) => axis.strides[0] === 0;
  const inner = axes.findIndex((axis) => axis.strides[1] === 1);
  const others = axes.filter((_, i) => i !== inner);
  const column = axes[inner];
  const startFromZero = (outer) => {
    const isPartial = outer.some(isReduced);
    if (isPartial && !accumulate) zero(c, y);
    return accumulate || isPartial;
  };
  if (column && isReduced(column)) {
    const adds = startFromZero(others);
    forEachNest(c, others, 3, [y.offset, x.offset], (three, at2) => {
      c.emit({
        op: "row_sum",
        accumulate: adds,
        extents: [three[0], three[1], three[2], column, 1],
        y: operandAt(three, at2, 0, 0),
        a: operandAt(three, at2, 1, 1)
      });
    });
    return;
  }
  const down = others.find(isReduced);
  if (column && down && column.strides[0] === 1) {
    const outer = others.filter((axis) => axis !== down);
    const adds = startFromZero(outer);
    forEachNest(c, outer, 2, [y.offset, x.offset], (two, at2) => {
      c.emit({
        op: "col_sum",
        accumulate: adds,
        extents: [two[0], two[1], down, column, 1],
        y: operandAt(two, at2, 0, 1, 0),
        a: operandAt(two, at2, 1, 1, down.strides[1])
      });
    });
    return;
  }
  if (!accumulate) zero(c, y);
  const spread2 = { offset: y.offset, shape: x.shape, strides: yStrides };
  elementwise2(c, "copy", spread2, [x], true, positions);
}
function emitMax(c, node) {
  const y = c.locate(node);
  const x = c.input(node, 0);
  const axes = c.ir.attr(node).axes ?? x.shape.map((_, i) => i);
  const gone = [...new Set(axes.map((axis) => resolveAxis(axis, x.shape)))];
  const kept = x.shape.map((_, i) => i).filter((i) => !gone.includes(i));
  const turned2 = transposeView(x, [...kept, ...gone]);
  const n = sizeOf(gone.map((axis) => x.shape[axis]));
  const shape = [...y.shape, n];
  const from = rows2(c, reshapeView(turned2, shape) ?? reshapeView(dense(c, turned2), shape));
  const outer = mergeAxes(y.shape, [y.strides, from.strides.slice(0, -1)], c.positionsOf(node));
  if (!outer) return;
  forEachNest(c, outer, 3, [y.offset, from.offset], (three, at2) => {
    c.emit({
      op: "row_max",
      extents: [three[0], three[1], three[2], n, 1],
      y: operandAt(three, at2, 0, 0),
      a: operandAt(three, at2, 1, 1)
    });
  });
}
function emitCumsum(c, node) {
  const { axis, reverse } = c.ir.attr(node);
  const [y, x] = [c.locate(node), c.input(node, 0)];
  const along = resolveAxis(axis, y.shape);
  const others = (list2) => list2.filter((_, i) => i !== along);
  const positions = c.positionsOf(node);
  const strides = [others(y.strides), others(x.strides)];
  const outer = mergeAxes(others(y.shape), strides, positions && others(positions));
  if (!outer) return;
  const length = { n: y.shape[along], positions: positions?.[along] };
  forEachNest(c, outer, 3, [y.offset, x.offset], (three, at2) => {
    c.emit({
      op: "cumsum",
      extents: [three[0], three[1], three[2], length, 1],
      y: operandAt(three, at2, 0, y.strides[along]),
      a: operandAt(three, at2, 1, x.strides[along]),
      imm0: reverse ? 1 : 0
    });
  });
}

// lib/compiler/lower/rows.ts
function emitSoftmax(c, node) {
  const parts = { y: c.locate(node), a: rows2(c, c.input(node, 0)) };
  rowwise(c, "softmax", parts, false, c.positionsOf(node), c.ir.attr(node).lengths);
}
function emitSoftmaxGrad(c, node) {
  const parts = { y: c.locate(node), a: rows2(c, c.input(node, 0)), b: rows2(c, c.input(node, 1)) };
  rowwise(c, "softmax_grad", parts, c.accumulates(node), c.positionsOf(node));
}
function emitRmsNorm(c, node) {
  const y = c.locate(node);
  const { scale: scale2, eps } = c.ir.attr(node);
  const parts = { y, a: rows2(c, c.input(node, 0)), c: c.saved(node, y.shape.slice(0, -1)) };
  const numbers = { imm0: c.layout.constant(scale2), imm1: c.layout.constant(eps) };
  byRow(c, "rms_norm", parts, c.positionsOf(node), numbers);
}
function emitRmsNormGrad(c, node) {
  const y = c.locate(node);
  const saved = c.saved(c.ir.input(node, 2), y.shape.slice(0, -1));
  const parts = { y, a: rows2(c, c.input(node, 0)), b: rows2(c, c.input(node, 1)), c: saved };
  const numbers = { imm0: c.layout.constant(c.ir.attr(node).scale) };
  byRow(c, "rms_norm_grad", parts, c.positionsOf(node), numbers, c.accumulates(node));
}
function emitCrossEntropy(c, node) {
  const { ir } = c;
  const x = rows2(c, c.input(node, 0));
  const softmax2 = c.saved(node, x.shape);
  const loss2 = c.locate(node);
  const side = isDense(loss2) ? loss2 : c.allocate(loss2.shape);
  const parts = { y: softmax2, a: x, c: side, x: c.indexView(ir.input(node, 1)) };
  const numbers = { imm0: x.shape[x.shape.length - 1] };
  byRow(c, "cross_entropy", parts, c.positionsOf(ir.input(node, 0)), numbers);
  if (side !== loss2) copy(c, loss2, side, false, c.positionsOf(node));
}
function emitCrossEntropyGrad(c, node) {
  const { ir } = c;
  const y = c.locate(node);
  const softmax2 = c.saved(ir.input(node, 2), y.shape);
  const numbers = { imm0: y.shape[y.shape.length - 1] };
  const parts = { y, a: softmax2, b: c.input(node, 0), x: c.indexView(ir.input(node, 3)) };
  byRow(c, "cross_entropy_grad", parts, c.positionsOf(node), numbers, c.accumulates(node));
}
function rowwise(c, op, { y, a, b }, accumulate, positions, lengths) {
  const last = y.shape.length - 1;
  const cols = y.shape[last];
  const views = b ? [y, a, b] : [y, a];
  const marks = lengths?.step ? y.shape.map((_, i) => i === last - 1 ? 1 : 0) : void 0;
  const strides = views.map((view) => view.strides.slice(0, -1));
  const axes = mergeAxes(y.shape.slice(0, -1), strides, positions, marks);
  if (!axes || !cols) return;
  const starts = views.map((view) => view.offset);
  forEachNest(c, axes, 3, starts, (three, offsets) => {
    c.emit({
      op,
      accumulate,
      extents: [three[0], three[1], three[2], { n: cols, positions: positions?.[last] }, 1],
      y: operandAt(three, offsets, 0, 1),
      a: operandAt(three, offsets, 1, 1),
      ...b && { b: operandAt(three, offsets, 2, 1) },
      imm0: lengths?.first ?? cols,
      imm1: lengths?.step ?? 0
    });
  });
}
function byRow(c, op, parts, positions, numbers, accumulate = false) {
  const rank = parts.y.shape.length;
  const cols = parts.y.shape[rank - 1];
  const names = Object.keys(parts);
  const views = names.map((name) => parts[name]);
  const strides = views.map((view) => view.strides.slice(0, rank - 1));
  const axes = mergeAxes(parts.y.shape.slice(0, -1), strides, positions);
  if (!axes || !cols) return;
  const starts = views.map((view) => view.offset);
  forEachNest(c, axes, 3, starts, (three, offsets) => {
    const operands = {};
    names.forEach((name, i) => {
      operands[name] = operandAt(three, offsets, i, views[i].shape.length === rank ? 1 : 0);
    });
    const extents = [three[0], three[1], three[2], cols, 1];
    c.emit({ op, accumulate, extents, ...operands, ...numbers });
  });
}

// lib/compiler/lower/emit.ts
var EMITTERS = {
  pow: emitPow,
  dropout: emitDropout,
  reshape: emitReshape,
  sum: emitSum,
  max: emitMax,
  cumsum: emitCumsum,
  matmul: emitMatmul,
  softmax: emitSoftmax,
  softmaxGrad: emitSoftmaxGrad,
  rmsNorm: emitRmsNorm,
  rmsNormGrad: emitRmsNormGrad,
  crossEntropy: emitCrossEntropy,
  crossEntropyGrad: emitCrossEntropyGrad,
  gather: emitGather,
  scatterAdd: emitScatterAdd,
  gatherMatmul: emitRowProduct,
  gatherDot: emitRowProduct,
  scatterOuter: emitRowProduct,
  topk: emitTopk,
  argmax: emitArgmax,
  concat: emitJoin,
  stack: emitJoin,
  embed: emitPad,
  choose: emitChoose,
  chooseGrad: emitChooseGrad,
  index: placeIndex,
  step: placeIndex
};
function emit(c, node) {
  const op = c.ir.opOf(node);
  const { kind } = OPS[op].lower;
  if (c.placement.totals.has(node)) emitTotal(c, node);
  else if (kind === "unary" || kind === "binary") emitKernel(c, node);
  else (EMITTERS[op] ?? place2)(c, node);
}
function place2(c, node) {
  c.locate(node);
}
function placeIndex(c, node) {
  c.layout.slot(node);
}
function emitReshape(c, node) {
  const input = c.ir.input(node, 0);
  const isView = c.placement.hosts.has(node) || reshapeView(c.locate(input), c.ir.shape(node)) !== null;
  const target = c.locate(node);
  if (isView) return;
  copy(c, denseView(target.offset, c.ir.shape(input)), c.locate(input), false, c.positionsOf(input));
}

// lib/compiler/lower/lower.ts
function lower(ir, options) {
  const c = new Context(ir, options);
  const { out, layout, locator } = c;
  lowerPart(c, 0, ir.forwardEnd);
  const forward = out.count;
  out.endPart();
  const results = options.results.length ? endOf(c, options.results) : forward;
  lowerPart(c, ir.forwardEnd, ir.count);
  const backward = out.count;
  out.endPart();
  c.position = 0;
  if (options.update) {
    const watched = options.watched.map((node) => c.locate(node));
    emitSteps(out, layout.block, options.update, watched);
    emitUpdate(c, options.update.op);
  }
  if (options.sequence) out.sortByPosition();
  const { code, extents } = out.encode(ir.maxLength);
  return {
    code,
    extents,
    bytecode: new Uint32Array(0),
    arenaSize: layout.size,
    intsSize: layout.ints,
    maxLength: ir.maxLength,
    nodes: out.nodes,
    sections: { results, forward, backward, update: out.count },
    parameters: layout.block,
    view: (node) => locator.views[node],
    slot: (node) => layout.slot(node),
    constants: layout.constants
  };
}
function endOf({ ir, out }, nodes) {
  const uses = countUses(ir, nodes);
  let end = out.count;
  while (end > 0 && out.nodes[end - 1] >= 0 && !uses[out.nodes[end - 1]]) end--;
  return end;
}
function lowerPart(c, from, to) {
  const { ir, placement, gradientHome, postponed, layout, options } = c;
  const start = layout.size;
  for (let node = from; node < to; node++) {
    const isZeroed = placement.uses[node] && placement.totals.get(node)?.zeroed;
    if (isZeroed && !gradientHome.has(node) && !postponed.has(node)) c.locator.allocate(node);
  }
  c.node = -1;
  c.position = 0;
  clear(c, start, layout.size - start);
  const hasGradients = to > ir.forwardEnd && gradientHome.size > 0;
  if (hasGradients && !options.update) clear(c, layout.block.gradients, layout.block.withGradient);
  for (let node = from; node < to; node++) {
    if (!placement.uses[node] || placement.absorbed[node] || postponed.has(node)) continue;
    c.node = node;
    c.position = ir.positions[node];
    emit(c, node);
  }
}

// lib/compiler/batching/kinds.ts
var BATCHING = OP_NAMES.map((op) => OPS[op].batching);
function batchingOf(ir, node) {
  return BATCHING[ir.codeOf(node)];
}
var VIEW = -1;
var ABSENT = -2;
var Pairs = class {
  constructor(next) {
    this.next = next;
    this.numbers = /* @__PURE__ */ new Map();
  }
  of(a, b) {
    const key = a * 1073741824 + b;
    let number2 = this.numbers.get(key);
    if (number2 === void 0) this.numbers.set(key, number2 = this.next++);
    return number2;
  }
};
var SHAPE = 0;
var COLUMNS = 1;
var OP = 2;
var LIST = 3;
var ROOTS = 4;
var NONE3 = [];
var Kinds = class {
  constructor(ir, uses, likeness) {
    this.ir = ir;
    this.likeness = likeness;
    this.count = 0;
    this.pairs = new Pairs(ROOTS);
    this.reals = /* @__PURE__ */ new Map();
    this.lists = /* @__PURE__ */ new Map();
    this.lastId = SHAPE;
    const n = ir.count;
    this.of = new Int32Array(n).fill(ABSENT);
    this.shapes = new Int32Array(n);
    this.columns = new Int32Array(n).fill(COLUMNS);
    const dense2 = /* @__PURE__ */ new Map();
    for (let node = 0; node < n; node++) {
      if (!uses[node]) continue;
      this.shapes[node] = this.shapeOf(node);
      const batching = batchingOf(ir, node);
      if (batching === "leaf") continue;
      if (batching === "view") {
        this.of[node] = VIEW;
        if (!likeness.columns) this.followColumns(node);
      } else if (batching === "single") {
        this.of[node] = this.count++;
      } else {
        const key = this.key(node);
        let kind = dense2.get(key);
        if (kind === void 0) dense2.set(key, kind = this.count++);
        this.of[node] = kind;
      }
    }
  }
  shapeOf(node) {
    const shape = this.ir.shape(node);
    if (shape === this.lastShape) return this.lastId;
    let id = SHAPE;
    for (const n of shape) id = this.pairs.of(id, n);
    this.lastShape = shape;
    this.lastId = id;
    return id;
  }
  list(key, list2) {
    let number2 = this.lists.get(list2);
    if (number2 === void 0) {
      number2 = this.pairs.of(LIST, list2.length);
      for (const x of list2) number2 = this.pairs.of(number2, this.real(x));
      this.lists.set(list2, number2);
    }
    return this.pairs.of(key, number2);
  }
  real(x) {
    let number2 = this.reals.get(x);
    if (number2 === void 0) this.reals.set(x, number2 = this.reals.size);
    return number2;
  }
  key(node) {
    const { ir, pairs } = this;
    let key = pairs.of(OP, ir.codeOf(node));
    if (this.likeness.samePosition) key = pairs.of(key, ir.positions[node]);
    const { start, list: list2 } = ir.edges;
    const end = start[node + 1];
    for (let e = start[node]; e < end; e++) {
      const input = list2[e];
      if (batchingOf(ir, input) === "leaf") {
        key = pairs.of(key, 2 * input);
        continue;
      }
      const shape = this.shapes[input];
      const columns = this.columns[input];
      key = pairs.of(key, 2 * (columns === COLUMNS ? shape : pairs.of(shape, columns)) + 1);
    }
    const { exponent, axes, lengths, batch } = ir.attr(node);
    const positions = ir.axisPositions[node];
    const given2 = (exponent === void 0 ? 0 : 1) + (axes ? 2 : 0) + (lengths ? 4 : 0) + (batch ? 8 : 0) + (positions ? 16 : 0);
    if (given2 === 0) return key;
    key = pairs.of(key, given2);
    if (exponent !== void 0) key = pairs.of(key, this.real(exponent));
    if (axes) key = this.list(key, axes);
    if (lengths && this.likeness.columns) key = this.list(key, [lengths.first, lengths.step]);
    if (positions) for (const axis of positions) key = this.list(key, axis ?? NONE3);
    return key;
  }
  followColumns(node) {
    const { ir, columns } = this;
    if (ir.inputCount(node) !== 1) return;
    const input = ir.input(node, 0);
    let own = columns[input];
    if (ir.is(node, "slice")) {
      const { axis, start } = ir.attr(node);
      const shape = ir.shape(node);
      const from = ir.shape(input);
      const last = shape.length - 1;
      if (axis === last && shape[last] < from[last] && (last > 0 || batchingOf(ir, input) !== "leaf"))
        own = this.pairs.of(own, start);
    }
    columns[node] = own;
  }
};

// lib/compiler/batching/agenda.ts
var Kind = class {
  constructor() {
    this.ready = [];
    this.waiting = false;
    /** When it began to wait: higher is later. */
    this.since = 0;
    /** Some of its nodes depend on others of it, so that they are never all ready at once. */
    this.chained = false;
    this.count = 0;
    this.left = 0;
    this.depth = 0;
    this.least = Infinity;
    this.most = 0;
  }
  add(depth) {
    this.left++;
    this.count++;
    this.depth += depth;
    this.least = Math.min(this.least, depth);
    this.most = Math.max(this.most, depth);
  }
  /** Whether one of its nodes could depend on another: only if one is deeper. */
  get couldChain() {
    return this.least < this.most;
  }
  take() {
    const taken2 = this.ready;
    this.left -= taken2.length;
    this.ready = [];
    return taken2;
  }
  /** 0: all its nodes are ready; 1: a chain; 2: it could still grow. The lowest goes first. */
  get urgency() {
    return this.ready.length === this.left ? 0 : this.chained ? 1 : 2;
  }
  /** Below zero where its nodes are shallower on average than the other's. */
  compareDepth(other) {
    return this.depth * other.count - other.depth * this.count;
  }
};
var Agenda = class {
  constructor() {
    this.heap = [];
    this.waits = 0;
  }
  /** Adds a kind that has new ready nodes. */
  put(kind, before) {
    const { urgency } = kind;
    if (kind.waiting && urgency === before) return;
    if (!kind.waiting) {
      kind.waiting = true;
      kind.since = this.waits++;
    }
    const { heap } = this;
    let at2 = heap.push({ kind, urgency, since: kind.since }) - 1;
    for (let above = at2 - 1 >> 1; at2 > 0 && this.isBefore(at2, above); above = at2 - 1 >> 1) {
      this.swap(at2, above);
      at2 = above;
    }
  }
  /** Removes and returns the kind that goes next. */
  take() {
    const { heap } = this;
    while (heap.length) {
      const { kind, urgency, since } = heap[0];
      this.swap(0, heap.length - 1);
      heap.pop();
      this.sink();
      if (!kind.waiting || kind.since !== since || kind.urgency !== urgency) continue;
      kind.waiting = false;
      return kind;
    }
    return void 0;
  }
  sink() {
    const { length } = this.heap;
    for (let at2 = 0; ; ) {
      let first = at2;
      for (const below of [2 * at2 + 1, 2 * at2 + 2]) {
        if (below < length && this.isBefore(below, first)) first = below;
      }
      if (first === at2) return;
      this.swap(at2, first);
      at2 = first;
    }
  }
  isBefore(a, b) {
    const one = this.heap[a];
    const other = this.heap[b];
    return (one.urgency - other.urgency || one.kind.compareDepth(other.kind) || one.since - other.since) < 0;
  }
  swap(a, b) {
    const { heap } = this;
    [heap[a], heap[b]] = [heap[b], heap[a]];
  }
};
function schedule(ir, kinds, emit2) {
  const n = ir.count;
  const kindOf = kinds.of;
  const { edges } = ir;
  const all2 = Array.from({ length: kinds.count }, () => new Kind());
  const pending = new Int32Array(n);
  const depth = new Int32Array(n);
  const first = new Int32Array(n + 1);
  for (let node = 0; node < n; node++) {
    if (kindOf[node] === ABSENT) continue;
    const end = edges.start[node + 1];
    let deepest = 0;
    let waits = 0;
    for (let e = edges.start[node]; e < end; e++) {
      const input = edges.list[e];
      if (kindOf[input] === ABSENT) continue;
      first[input + 1]++;
      waits++;
      const below = depth[input] + (kindOf[input] === VIEW ? 0 : 1);
      if (below > deepest) deepest = below;
    }
    pending[node] = waits;
    depth[node] = deepest;
    if (kindOf[node] !== VIEW) all2[kindOf[node]].add(deepest);
  }
  for (let node = 0; node < n; node++) first[node + 1] += first[node];
  const users = new Int32Array(first[n]);
  const filled = first.slice();
  for (let node = 0; node < n; node++) {
    if (kindOf[node] === ABSENT) continue;
    const end = edges.start[node + 1];
    for (let e = edges.start[node]; e < end; e++) {
      const input = edges.list[e];
      if (kindOf[input] !== ABSENT) users[filled[input]++] = node;
    }
  }
  findChains(ir, kinds, all2);
  const agenda = new Agenda();
  let queue = [];
  const settle = () => {
    for (let q = 0; q < queue.length; q++) {
      const node = queue[q];
      if (kindOf[node] === VIEW) {
        done(node);
        continue;
      }
      const kind = all2[kindOf[node]];
      const before = kind.urgency;
      kind.ready.push(node);
      agenda.put(kind, before);
    }
    queue = [];
  };
  const done = (node) => {
    const end = first[node + 1];
    for (let i = first[node]; i < end; i++) if (--pending[users[i]] === 0) queue.push(users[i]);
  };
  for (let node = 0; node < n; node++) {
    if (kindOf[node] !== ABSENT && pending[node] === 0) queue.push(node);
  }
  settle();
  for (let kind = agenda.take(); kind; kind = agenda.take()) {
    const members = kind.take();
    emit2(members);
    for (const member of members) done(member);
    settle();
  }
}
var MAX_WORDS = 1 << 24;
function findChains(ir, kinds, all2) {
  let bits = 0;
  const bitOf = all2.map((kind) => kind.couldChain ? bits++ : -1);
  const words = bits + 31 >>> 5;
  if (words * ir.count > MAX_WORDS) {
    for (const kind of all2) kind.chained = kind.couldChain;
    return;
  }
  const kindOf = kinds.of;
  const { edges } = ir;
  const above = new Int32Array(ir.count * words);
  for (let node = 0; node < ir.count; node++) {
    const kind = kindOf[node];
    if (kind === ABSENT) continue;
    const end = edges.start[node + 1];
    const at2 = node * words;
    for (let e = edges.start[node]; e < end; e++) {
      const input = edges.list[e];
      const its = kindOf[input];
      if (its === ABSENT) continue;
      const from = input * words;
      for (let w = 0; w < words; w++) above[at2 + w] |= above[from + w];
      const bit = its === VIEW ? -1 : bitOf[its];
      if (bit >= 0) above[at2 + (bit >>> 5)] |= 1 << (bit & 31);
    }
    const own = kind === VIEW ? -1 : bitOf[kind];
    if (own >= 0 && above[at2 + (own >>> 5)] >>> (own & 31) & 1) all2[kind].chained = true;
  }
}

// lib/compiler/batching/stacker.ts
var Stacker = class {
  constructor(old, ir, kinds) {
    this.old = old;
    this.ir = ir;
    this.kinds = kinds;
    this.numbers = new Int32Array(old.count).fill(-1);
    this.batch = new Int32Array(old.count).fill(-1);
    this.row = new Int32Array(old.count);
    this.viewedNode = new Int32Array(old.count);
    this.depth = new Int32Array(old.count);
    const { start, list: list2 } = old.edges;
    for (let node = 0; node < old.count; node++) {
      this.viewedNode[node] = node;
      if (batchingOf(old, node) !== "view") continue;
      const first = start[node];
      const end = start[node + 1];
      let deepest = 0;
      for (let e = first; e < end; e++) deepest = Math.max(deepest, this.depth[list2[e]]);
      this.depth[node] = deepest + 1;
      if (end - first === 1) this.viewedNode[node] = this.viewedNode[list2[first]];
    }
  }
  /** Records that members became the rows of a batch. */
  setBatch(batch, members) {
    for (let i = 0; i < members.length; i++) {
      this.batch[members[i]] = batch;
      this.row[members[i]] = i;
    }
  }
  /**
   * Sets the positions of a batch's rows to its members', which may be later than those of their operands.
   */
  setRows(node, rows4, rest) {
    const positions = this.ir.shape(node).map((_, i) => i === 0 ? rows4 : rest?.[i - 1]);
    this.ir.setAxisPositions(node, positions.some((axis) => axis) ? positions : void 0);
  }
  /** The batch that a node, or what it is a view of, belongs to; -1: none. */
  batchOf(node) {
    return this.batch[this.viewedNode[node]];
  }
  /** The positions of nodes, where they differ. */
  positionsOf(nodes) {
    const { positions } = this.old;
    if (positions[nodes[0]] === positions[nodes[nodes.length - 1]]) return void 0;
    return nodes.map((node) => positions[node]);
  }
  // --- one node ---
  /** Copies a node, over the new numbers of its operands. */
  copy(node) {
    const { old, ir } = this;
    const n = old.inputCount(node);
    for (let i = 0; i < n; i++) this.value(old.input(node, i));
    const made = ir.copy(old, node, this.numbers);
    const positions = old.axisPositions[node];
    if (positions) ir.setAxisPositions(made, positions);
    else ir.followAxisPositions(made);
    this.numbers[node] = made;
    return made;
  }
  /** A node's new number: it is made when first needed; a batched node is a row of its batch. */
  value(node) {
    const known = this.numbers[node];
    if (known >= 0) return known;
    if (this.depth[node] > MAX_VIEWS) this.makeBelow(node);
    const { old, ir } = this;
    const position = old.positions[node];
    let made;
    if (this.batch[node] >= 0) {
      ir.position = position;
      const i = this.row[node];
      const row = ir.op("slice", [this.batch[node]], { axis: 0, start: i, stop: i + 1 });
      made = ir.op("reshape", [row], { shape: old.shape(node) });
    } else if (old.is(node, "stack")) {
      made = this.stack(old.inputs(node), old.attr(node).positions, position, false);
    } else if (old.is(node, "concat")) {
      made = this.concat(node);
    } else {
      return this.copy(node);
    }
    this.numbers[node] = made;
    return made;
  }
  /**
   * Makes the views below a deep one in steps of MAX_VIEWS, the deepest first, so that recursion from a view
   * to its operands goes at most MAX_VIEWS deep.
   */
  makeBelow(view) {
    const { depth } = this;
    const { start, list: list2 } = this.old.edges;
    const bucket = (node) => Math.floor(depth[node] / MAX_VIEWS);
    const ends = [];
    const seen = /* @__PURE__ */ new Set([view]);
    for (const node of seen) {
      for (let e = start[node]; e < start[node + 1]; e++) {
        const input = list2[e];
        if (depth[input] === 0 || this.numbers[input] >= 0 || seen.has(input)) continue;
        seen.add(input);
        if (bucket(input) < bucket(node)) ends.push(input);
      }
    }
    for (const node of ends.sort((a, b) => a - b)) this.value(node);
  }
  concat(node) {
    const { old, ir } = this;
    const run = this.runOf(old.inputs(node));
    const position = old.positions[node];
    const shape = old.shape(node);
    if (run && old.attr(node).axis === 0) {
      ir.position = position;
      return ir.op("reshape", [this.rows(run)], { shape });
    }
    if (run && run.length === ir.shape(run.batch)[0]) {
      const axes = ir.shape(run.batch).map((_, i) => i);
      axes.splice(old.attr(node).axis, 0, axes.shift());
      ir.position = position;
      const side = ir.op("transpose", [run.batch], { axes });
      return ir.op("reshape", [side], { shape });
    }
    return this.copy(node);
  }
  // --- several nodes ---
  /** The value, where all nodes are the same one; else -1. */
  shared(nodes) {
    return this.equalAll(nodes) ? this.value(nodes[0]) : -1;
  }
  /** Nodes stacked along a new first axis, from the position of the first on. */
  stacked(nodes, rowPositions) {
    const position = this.old.positions[nodes[0]];
    return this.stack(nodes, rowPositions, Math.min(position, rowPositions?.[0] ?? position), true);
  }
  /** The index vector that nodes are consecutive elements of, as one node; else -1. */
  indices(nodes, rowPositions) {
    const { old, ir } = this;
    const first = nodes[0];
    if (!old.is(first, "element")) return -1;
    const vector2 = old.input(first, 0);
    const start = old.attr(first).start;
    for (let i = 1; i < nodes.length; i++) {
      const node = nodes[i];
      if (!old.is(node, "element") || old.input(node, 0) !== vector2 || old.attr(node).start !== start + i)
        return -1;
    }
    ir.position = old.positions[first];
    const elements = ir.op("elements", [this.numbers[vector2]], { start, stop: start + nodes.length });
    return rowPositions ? this.withRowPositions(elements, rowPositions) : elements;
  }
  /** The batch, where nodes are all its rows in order; else -1. */
  wholeBatch(nodes) {
    const run = this.runOf(nodes);
    return run && run.length === this.ir.shape(run.batch)[0] ? run.batch : -1;
  }
  /** Whether stacking nodes needs no copy: they lie side by side already, or are the same. */
  areFree(nodes) {
    return this.equalAll(nodes) || this.isView(nodes);
  }
  isView(nodes) {
    const { old } = this;
    let inner = nodes;
    while (inner) {
      if (this.runOf(inner)) return true;
      const op = old.opOf(inner[0]);
      if (op !== "slice" && op !== "reshape" && op !== "transpose") return false;
      if (this.depth[inner[0]] > MAX_VIEWS || !this.all(inner, op)) return false;
      if (op === "slice" && this.partsOf(inner)) return true;
      inner = this.sameAttrs(inner) ? this.viewed(inner) : null;
    }
    return false;
  }
  /**
   * Stacks nodes of one shape along a new first axis: as rows of a batch, as rows or equal slices of one
   * array, as a view of the stack of what they view, or else by copying. With `exact`, a whole batch may be
   * returned itself, instead of a slice of it.
   */
  stack(nodes, rowPositions, position, exact) {
    const { old, ir } = this;
    const first = nodes[0];
    const m = nodes.length;
    const add = (name, inputs2, attr) => {
      ir.position = position;
      return ir.op(name, inputs2, attr);
    };
    const run = this.runOf(nodes);
    if (run) {
      const { batch, start } = run;
      if (exact && start === 0 && m === ir.shape(batch)[0]) return batch;
      return add("slice", [batch], { axis: 0, start, stop: start + m });
    }
    const op = old.opOf(first);
    const isView = batchingOf(old, first) === "view" && this.depth[first] <= MAX_VIEWS;
    if (isView && this.all(nodes, op)) {
      if (op === "reshape") {
        const rows4 = this.rowsOf(nodes);
        if (rows4) {
          const node = add("slice", [this.value(rows4.array)], {
            axis: 0,
            start: rows4.start,
            stop: rows4.start + m
          });
          return rowPositions ? this.withRowPositions(node, rowPositions) : node;
        }
        const inner = this.viewed(nodes);
        const shape = [m, ...old.shape(first)];
        if (inner) return add("reshape", [this.stack(inner, rowPositions, position, exact)], { shape });
      } else if (op === "slice") {
        const parts = this.partsOf(nodes);
        if (parts) return this.split(parts, m, add);
        const inner = this.sameAttrs(nodes) ? this.viewed(nodes) : null;
        const { axis, start, stop } = old.attr(first);
        if (inner)
          return add("slice", [this.stack(inner, rowPositions, position, exact)], {
            axis: axis + 1,
            start,
            stop
          });
      } else if (op === "transpose") {
        const inner = this.sameAttrs(nodes) ? this.viewed(nodes) : null;
        const axes = [0, ...old.attr(first).axes.map((axis) => axis + 1)];
        if (inner) return add("transpose", [this.stack(inner, rowPositions, position, exact)], { axes });
      } else if (op === "concat" && this.sameAttrs(nodes)) {
        const lists = old.inputs(first).map((_, i) => nodes.map((node) => old.input(node, i)));
        if (lists.every((list2) => this.runOf(list2))) {
          const parts = lists.map((list2) => this.stack(list2, rowPositions, position, exact));
          return add("concat", parts, { axis: old.attr(first).axis + 1 });
        }
      }
    }
    const inputs = nodes.map((node) => this.value(node));
    return add("stack", inputs, rowPositions ? { positions: rowPositions } : {});
  }
  /** The operands of views, where all have one shape; null where that saves nothing. */
  viewed(nodes) {
    const { old } = this;
    const { shapes } = this.kinds;
    const inner = new Array(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const input = old.input(nodes[i], 0);
      inner[i] = input;
      if (shapes[input] !== shapes[inner[0]]) return null;
      if (batchingOf(old, input) === "leaf") return null;
    }
    return inner;
  }
  all(nodes, op) {
    for (const node of nodes) if (!this.old.is(node, op)) return false;
    return true;
  }
  sameAttrs(nodes) {
    const { old } = this;
    const attr = old.attr(nodes[0]);
    for (let i = 1; i < nodes.length; i++) if (!sameAttr(old.attr(nodes[i]), attr)) return false;
    return true;
  }
  equalAll(nodes) {
    const first = nodes[0];
    for (let i = 1; i < nodes.length; i++) if (!this.equal(nodes[i], first)) return false;
    return true;
  }
  /** Whether two nodes are the same view of the same node. */
  equal(a, b) {
    if (a === b) return true;
    const { old } = this;
    if (old.codeOf(a) !== old.codeOf(b) || batchingOf(old, a) !== "view") return false;
    if (!sameAttr(old.attr(a), old.attr(b))) return false;
    const same2 = this.identities ??= this.identify();
    return same2[a] === same2[b];
  }
  identify() {
    const { old } = this;
    const { start, list: list2 } = old.edges;
    const same2 = new Int32Array(old.count);
    const known = /* @__PURE__ */ new Map();
    for (let node = 0; node < old.count; node++) {
      same2[node] = node;
      if (batchingOf(old, node) !== "view") continue;
      const { axis, start: from, stop, axes, shape } = old.attr(node);
      const inputs = list2.subarray(start[node], start[node + 1]).map((input) => same2[input]);
      const key = [old.codeOf(node), this.kinds.shapes[node], axis, from, stop, axes, shape, inputs].join(
        ":"
      );
      const first = known.get(key);
      if (first === void 0) known.set(key, node);
      else same2[node] = first;
    }
    return same2;
  }
  runOf(nodes) {
    const batch = this.batch[nodes[0]];
    if (batch < 0) return null;
    const start = this.row[nodes[0]];
    for (let i = 1; i < nodes.length; i++) {
      if (this.batch[nodes[i]] !== batch || this.row[nodes[i]] !== start + i) return null;
    }
    return { batch, start, length: nodes.length };
  }
  rows({ batch, start, length }) {
    if (length === this.ir.shape(batch)[0]) return batch;
    return this.ir.op("slice", [batch], { axis: 0, start, stop: start + length });
  }
  /**
   * The array that nodes are consecutive rows of, each reshape(slice(array, i, i + 1)), and the first row.
   */
  rowsOf(nodes) {
    const { old } = this;
    let array = -1;
    let start = 0;
    for (let i = 0; i < nodes.length; i++) {
      const row = old.input(nodes[i], 0);
      if (!old.is(row, "slice")) return null;
      const attr = old.attr(row);
      if (attr.axis !== 0 || attr.stop - attr.start !== 1) return null;
      if (i === 0) {
        array = old.input(row, 0);
        start = attr.start;
        if (!sameShape(old.shape(nodes[i]), old.shape(array).slice(1))) return null;
      } else if (old.input(row, 0) !== array || attr.start !== start + i) return null;
    }
    return { array, start };
  }
  partsOf(nodes) {
    const { old } = this;
    const array = old.input(nodes[0], 0);
    const { axis, start, stop } = old.attr(nodes[0]);
    const width = stop - start;
    for (let i = 1; i < nodes.length; i++) {
      const attr = old.attr(nodes[i]);
      if (attr.axis !== axis || attr.start !== start + i * width || attr.stop !== attr.start + width)
        return null;
      if (!this.equal(old.input(nodes[i], 0), array)) return null;
    }
    return { array, axis, start, width };
  }
  split({ array, axis, start, width }, m, add) {
    let node = this.value(array);
    let shape = this.ir.shape(node);
    if (start !== 0 || m * width !== shape[axis]) {
      node = add("slice", [node], { axis, start, stop: start + m * width });
      shape = this.ir.shape(node);
    }
    const parts = [...shape.slice(0, axis), m, width, ...shape.slice(axis + 1)];
    node = add("reshape", [node], { shape: parts });
    if (axis === 0) return node;
    const axes = [axis, ...parts.map((_, i) => i).filter((i) => i !== axis)];
    return add("transpose", [node], { axes });
  }
  withRowPositions(node, rowPositions) {
    this.setRows(node, rowPositions, this.ir.axisPositions[node]?.slice(1));
    return node;
  }
};
function sameAttr(a, b) {
  return a === b || a.axis === b.axis && a.start === b.start && a.stop === b.stop && sameList(a.axes, b.axes) && sameList(a.shape, b.shape);
}
function sameList(a, b) {
  return a === b || a !== void 0 && b !== void 0 && sameShape(a, b);
}

// lib/compiler/batching/auto-batch.ts
function autoBatch(old, roots, likeness) {
  return new AutoBatcher(old, roots, likeness).run();
}
var AutoBatcher = class {
  constructor(old, roots, likeness) {
    this.old = old;
    this.roots = roots;
    this.likeness = likeness;
    this.ir = new Ir(1024, old);
    this.uses = countUses(old, roots);
    this.kinds = new Kinds(old, this.uses, likeness);
    this.stacker = new Stacker(old, this.ir, this.kinds);
  }
  run() {
    const { old, ir, stacker } = this;
    for (let node = 0; node < old.count; node++) {
      if (!this.uses[node] || batchingOf(old, node) !== "leaf") continue;
      if (old.is(node, "constant")) stacker.numbers[node] = ir.constant(old.constantValue(node));
      else stacker.copy(node);
    }
    schedule(old, this.kinds, (members) => this.emit(members));
    for (const root of this.roots) stacker.value(root);
    ir.forwardEnd = ir.count;
    ir.position = 0;
    return { ir, numbers: stacker.numbers };
  }
  /** Makes batches of the ready nodes of a kind: one for each combination of batches that operands lie in. */
  emit(members) {
    if (members.length === 1) {
      this.single(members[0]);
      return;
    }
    const { old, stacker } = this;
    const groups = /* @__PURE__ */ new Map();
    for (const member of members) {
      let key = 0;
      for (let i = old.inputCount(member) - 1; i >= 0; i--)
        key = key * 67108864 + stacker.batchOf(old.input(member, i)) + 1;
      const group = groups.get(key);
      if (group) group.push(member);
      else groups.set(key, [member]);
    }
    for (const group of groups.values()) this.emitGroup(group);
  }
  emitGroup(members) {
    const { old, ir, stacker } = this;
    if (members.length > 1) {
      members.sort((a, b) => old.positions[a] - old.positions[b] || a - b);
      const first = members[0];
      ir.position = old.positions[first];
      const batch = this.batched(old.opOf(first), members);
      if (batch >= 0) {
        stacker.setRows(batch, stacker.positionsOf(members), old.axisPositions[first]);
        stacker.setBatch(batch, members);
        return;
      }
    }
    for (const member of members) this.single(member);
  }
  single(node) {
    if (this.old.is(node, "total") && this.totalOfBatch(node)) return;
    this.stacker.copy(node);
  }
  /** A total of all rows of a batch becomes a sum along its first axis; false where it is none. */
  totalOfBatch(total) {
    const { old, ir, stacker } = this;
    const batch = stacker.wholeBatch(old.inputs(total).slice(0, termCount(old, total)));
    if (batch < 0) return false;
    const positions = ir.axisPositions[batch]?.[0];
    const expected = old.attr(total).prefix;
    if (expected ? !positions?.every((position, i) => position === i) : positions) return false;
    ir.position = old.positions[total];
    stacker.numbers[total] = ir.op("sum", [batch], { axes: [0] });
    return true;
  }
  /** Makes one node for all members, or returns -1 where their operands cannot be stacked. */
  batched(op, members) {
    const { old, ir, stacker } = this;
    const first = members[0];
    const attr = old.attr(first);
    const arity = old.inputCount(first);
    const operands = Array.from({ length: arity }, (_, i) => members.map((m) => old.input(m, i)));
    const position = old.positions[first];
    const rowPositions = stacker.positionsOf(members);
    const add = (name, inputs2, a) => {
      ir.position = position;
      const node = a ? ir.op(name, inputs2, a) : ir.op(name, inputs2);
      ir.inheritSource(node, old, first);
      return node;
    };
    let lengths = attr.lengths;
    if (this.likeness.columns) {
      if (!operands.every((list2) => stacker.areFree(list2))) return -1;
    } else if (lengths) {
      lengths = this.lengthsOf(members);
      if (!lengths) return -1;
    }
    if (op === "gather") {
      const index2 = stacker.indices(operands[1], rowPositions);
      if (index2 < 0) return -1;
      const shared2 = stacker.shared(operands[0]);
      if (shared2 >= 0) return add("gather", [shared2, index2]);
      return add("gather", [stacker.stacked(operands[0], rowPositions), index2], { batch: true });
    }
    if (op === "matmul") return this.batchedMatmul(operands, rowPositions, add);
    if (op === "sum") {
      const rank2 = old.shape(operands[0][0]).length;
      const axes = (attr.axes ?? Array.from({ length: rank2 }, (_, i) => i)).map(
        (a) => (a < 0 ? a + rank2 : a) + 1
      );
      return add("sum", [stacker.stacked(operands[0], rowPositions)], { axes });
    }
    const rank = largest(operands.map((list2) => old.shape(list2[0]).length));
    const shared = operands.map((list2) => arity > 1 ? stacker.shared(list2) : -1);
    if (shared.every((one) => one >= 0)) return -1;
    const inputs = operands.map((list2, i) => {
      if (shared[i] >= 0) return shared[i];
      const stacked = stacker.stacked(list2, rowPositions);
      const [m, ...rest] = ir.shape(stacked);
      const units = new Array(rank - rest.length).fill(1);
      return units.length ? add("reshape", [stacked], { shape: [m, ...units, ...rest] }) : stacked;
    });
    if (lengths) return add(op, inputs, { lengths });
    return add(op, inputs, attr.exponent === void 0 ? void 0 : { exponent: attr.exponent });
  }
  /** The members' lengths as one attribute, where they grow by the same step from member to member. */
  lengthsOf(members) {
    const all2 = members.map((member) => this.old.attr(member).lengths);
    const [one, two] = all2;
    if (!one || !two || one.step !== 0) return void 0;
    const step = two.first - one.first;
    const even = all2.every((l, i) => l?.step === 0 && l.first === one.first + i * step);
    return even && step >= 0 ? { first: one.first, step } : void 0;
  }
  batchedMatmul([left2, right2], rowPositions, add) {
    const { old, ir, stacker } = this;
    const rankLeft = old.shape(left2[0]).length;
    const rankRight = old.shape(right2[0]).length;
    const sharedRight = stacker.shared(right2);
    if (sharedRight >= 0 && rankLeft === 1 && rankRight === 2) {
      return add("matmul", [stacker.stacked(left2, rowPositions), sharedRight]);
    }
    const sharedLeft = stacker.shared(left2);
    if (sharedLeft >= 0 && rankLeft === 2 && rankRight === 1) {
      const transposed = add("transpose", [sharedLeft], { axes: [1, 0] });
      return add("matmul", [stacker.stacked(right2, rowPositions), transposed]);
    }
    if (sharedLeft >= 0 || sharedRight >= 0 || rankLeft > 2 || rankRight > 2) return -1;
    let a = stacker.stacked(left2, rowPositions);
    let b = stacker.stacked(right2, rowPositions);
    const [m, ...restA] = ir.shape(a);
    const [, ...restB] = ir.shape(b);
    if (rankLeft === 1) a = add("reshape", [a], { shape: [m, 1, ...restA] });
    if (rankRight === 1) b = add("reshape", [b], { shape: [m, ...restB, 1] });
    const product3 = add("matmul", [a, b]);
    const shape = [m, ...rankLeft === 1 ? [] : [restA[0]], ...rankRight === 1 ? [] : [restB[1]]];
    return sameShape(shape, ir.shape(product3)) ? product3 : add("reshape", [product3], { shape });
  }
};

// lib/compiler/passes.ts
var PASSES = [
  {
    name: "simplify",
    stage: "trace",
    does: "drops arithmetic with constant zeros, and stacks written twice"
  },
  { name: "reassociate", stage: "rewrite", does: "adds first what is ready first" },
  { name: "pad", stage: "rewrite", does: "gives the stacks of a growing prefix one shape" },
  {
    name: "auto-batch",
    stage: "rewrite",
    does: "makes nodes that are alike at all positions one node over stacked operands"
  },
  {
    name: "rebatch",
    stage: "rewrite",
    does: "batches again what batching made alike, such as the heads of attention"
  },
  {
    name: "fuse",
    stage: "rewrite",
    does: "makes norms and losses of classifiers one operator with its own gradient"
  },
  {
    name: "combine",
    stage: "differentiate",
    does: "gathers the terms of a gradient into one product or stack"
  },
  { name: "tidy", stage: "tidy", does: "removes views that change nothing and transposes of products" },
  {
    name: "in-place",
    stage: "lower",
    does: "writes results straight into the stack, join or sum that uses them"
  },
  { name: "epilogue", stage: "lower", does: "lets a product end in the relu, mask or sum that reads it" },
  {
    name: "fuse-update",
    stage: "lower",
    does: "updates parameters by the product that is their gradient, unstored"
  }
];
var PASS_NAMES = PASSES.map(({ name }) => name);
var ALL_PASSES = new Set(PASS_NAMES);
var PassError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "PassError";
  }
};
function passCalled(name) {
  const found3 = PASS_NAMES.find((known) => known === name);
  if (found3) return found3;
  const guess = typeof name === "string" ? didYouMean(name, PASS_NAMES) : "";
  throw new PassError(
    `no pass is called ${shown(name)}${guess === "" ? ": list" : `${guess} List`} some of ${PASS_NAMES.join(", ")}, all or none, and switch one off by -NAME`
  );
}
function checkPasses(given2) {
  const isIterable = typeof given2 === "object" && given2 !== null && Symbol.iterator in given2;
  if (!isIterable)
    throw new PassError(`passes ${shown(given2)}: expected a set of names, as parsePasses gives`);
  const on = /* @__PURE__ */ new Set();
  for (const name of given2) on.add(passCalled(name));
  return on;
}

// lib/compiler/passes/rewrite.ts
function rewrite(old, keep, rules) {
  const uses = countUses(old, keep);
  const subject = { ir: old, uses };
  const needed = new Uint8Array(old.count);
  for (const node of keep) needed[node] = 1;
  const rulesOf2 = OP_NAMES.map((op) => rules.filter(({ ops }) => ops.includes(op)));
  const matches = /* @__PURE__ */ new Map();
  const { start, list: list2 } = old.edges;
  for (let node = old.count - 1; node >= 0; node--) {
    if (!needed[node]) continue;
    let match = null;
    const own = rulesOf2[old.codeOf(node)];
    for (let i = 0; i < own.length && !match; i++) match = own[i].match(subject, node);
    if (match) {
      matches.set(node, match);
      for (const input of match.inputs) needed[input] = 1;
    } else {
      const end = start[node + 1];
      for (let e = start[node]; e < end; e++) needed[list2[e]] = 1;
    }
  }
  if (!matches.size) return null;
  const ir = new Ir(1024, old);
  const numbers = new Int32Array(old.count).fill(-1);
  for (let node = 0; node < old.count; node++) {
    if (node === old.forwardEnd) ir.forwardEnd = ir.count;
    if (!needed[node]) continue;
    ir.position = old.positions[node];
    const match = matches.get(node);
    if (match) {
      const made = match.build(
        ir,
        match.inputs.map((input) => numbers[input])
      );
      ir.setAxisPositions(made, old.axisPositions[node] ?? ir.axisPositions[made]);
      numbers[node] = made;
    } else if (old.is(node, "constant")) {
      numbers[node] = ir.constant(old.constantValue(node));
    } else {
      const made = ir.copy(old, node, numbers);
      ir.setAxisPositions(made, old.axisPositions[node]);
      numbers[node] = made;
    }
  }
  if (old.forwardEnd === old.count) ir.forwardEnd = ir.count;
  ir.position = 0;
  return { ir, numbers };
}

// lib/compiler/passes/fuse.ts
function fuse2(ir, roots) {
  return rewrite(ir, roots, [
    { ops: ["mul"], match: rmsNorm },
    { ops: ["neg", "log"], match: crossEntropy },
    { ops: ["matmul"], match: rowProduct },
    { ops: ["mul", "div"], match: scaledProduct }
  ]);
}
function reshaped2(ir, node) {
  const isSame = (view) => ir.is(view, "reshape") || ir.is(view, "broadcastTo") && sizeOf(ir.shape(view)) === sizeOf(ir.shape(ir.input(view, 0)));
  for (let i = 0; i < MAX_VIEWS && isSame(node); i++) node = ir.input(node, 0);
  return node;
}
function number(ir, node) {
  const isView = (view) => ir.is(view, "reshape") || ir.is(view, "broadcastTo");
  for (let i = 0; i < MAX_VIEWS && isView(node); i++) node = ir.input(node, 0);
  return ir.is(node, "constant") ? ir.constantValue(node) : void 0;
}
function besideNumber(ir, node) {
  for (const i of [0, 1]) {
    const value = number(ir, ir.input(node, i));
    if (value !== void 0) return { other: reshaped2(ir, ir.input(node, 1 - i)), value };
  }
  return null;
}
function rmsNorm({ ir }, node) {
  for (const i of [0, 1]) {
    const x = ir.input(node, i);
    const shape = ir.shape(x);
    if (!shape.length || !sameShape(shape, ir.shape(node))) continue;
    const factor = ir.input(node, 1 - i);
    const root = reshaped2(ir, factor);
    if (!ir.is(root, "pow") || ir.attr(root).exponent !== -0.5) continue;
    const rows4 = sizeOf(shape.slice(0, -1));
    const along = ir.shape(factor);
    if (sizeOf(along) !== rows4 || sizeOf(ir.shape(root)) !== rows4) continue;
    if (along.length ? along[along.length - 1] !== 1 : rows4 !== 1) continue;
    const square = meanSquare(ir, reshaped2(ir, ir.input(root, 0)));
    if (square?.x !== x) continue;
    const attr = { scale: square.scale, eps: square.eps };
    return { inputs: [x], build: (to, [of]) => to.op("rmsNorm", [of], attr) };
  }
  return null;
}
function meanSquare(ir, node) {
  let eps = 0;
  if (ir.is(node, "add")) {
    const beside = besideNumber(ir, node);
    if (!beside) return null;
    eps = beside.value;
    node = beside.other;
  }
  let scale2 = 1;
  if (ir.is(node, "mul")) {
    const beside = besideNumber(ir, node);
    if (!beside) return null;
    scale2 = beside.value;
    node = beside.other;
  } else if (ir.is(node, "div")) {
    const by = number(ir, ir.input(node, 1));
    if (by === void 0) return null;
    scale2 = 1 / by;
    node = reshaped2(ir, ir.input(node, 0));
  }
  if (!ir.is(node, "sum")) return null;
  const square = ir.input(node, 0);
  const last = ir.shape(square).length - 1;
  const { axes } = ir.attr(node);
  if (axes ? axes.length !== 1 || axes[0] !== last : last !== 0) return null;
  const isSquare = ir.is(square, "mul") ? ir.input(square, 0) === ir.input(square, 1) : ir.is(square, "pow") && ir.attr(square).exponent === 2;
  return isSquare ? { x: ir.input(square, 0), scale: scale2, eps } : null;
}
function crossEntropy({ ir, uses }, node) {
  const negated = ir.is(node, "neg");
  const log2 = negated ? ir.input(node, 0) : node;
  if (!ir.is(log2, "log") || negated && uses[log2] !== 1) return null;
  const picked = ir.input(log2, 0);
  if (!ir.is(picked, "gather") || uses[picked] !== 1) return null;
  const [softmax2, target] = ir.inputs(picked);
  if (!ir.is(softmax2, "softmax") || uses[softmax2] !== 1 || ir.attr(softmax2).lengths) return null;
  const x = ir.input(softmax2, 0);
  const rank = ir.shape(x).length;
  if (ir.attr(picked).batch ? rank !== 2 : rank !== 1 || ir.shape(target).length) return null;
  if (ir.axisPositions[x]?.[rank - 1]) return null;
  return {
    inputs: [x, target],
    build: (to, inputs) => {
      const loss2 = to.op("crossEntropy", inputs);
      return negated ? loss2 : to.op("neg", [loss2]);
    }
  };
}
function scaledProduct({ ir, uses }, node) {
  const op = ir.opOf(node);
  const i = number(ir, ir.input(node, 0)) === void 0 ? 0 : 1;
  const by = ir.input(node, 1 - i);
  if (op === "div" && i === 1 || number(ir, by) === void 0 || ir.shape(by).length) return null;
  const seen = behindViews(ir, uses, ir.input(node, i), ["reshape"]);
  const product3 = seen.node;
  if (!ir.is(product3, "matmul") || uses[product3] !== 1) return null;
  const operands = ir.inputs(product3);
  const sizes = operands.map((operand) => sizeOf(ir.shape(operand)));
  const smaller = sizes[0] <= sizes[1] ? 0 : 1;
  if (sizes[smaller] >= sizeOf(ir.shape(node))) return null;
  const scaled = behindViews(ir, uses, operands[smaller], ["reshape", "transpose"]);
  const viewed = (to, x, views) => views.reduce((made, view) => to.op(ir.opOf(view), [made], ir.attr(view)), x);
  return {
    inputs: [scaled.node, operands[1 - smaller], by],
    build: (to, [x, other, factor]) => {
      const made = viewed(to, to.op(op, [x, factor]), scaled.views);
      return viewed(to, to.op("matmul", smaller ? [other, made] : [made, other]), seen.views);
    }
  };
}
function behindViews(ir, uses, node, kinds) {
  const views = [];
  while (kinds.includes(ir.opOf(node)) && uses[node] === 1) {
    views.push(node);
    node = ir.input(node, 0);
  }
  return { node, views: views.reverse() };
}
function rowProduct({ ir, uses }, node) {
  const [a, b] = ir.inputs(node);
  if (!ir.is(a, "gather") || !ir.is(b, "gather") || uses[b] !== 1) return null;
  const [x, index2] = ir.inputs(a);
  const matrix = ir.input(b, 0);
  if (ir.input(b, 1) !== index2 || ir.attr(a).batch || ir.attr(b).batch) return null;
  if (ir.shape(x).length !== 1 || ir.shape(matrix).length !== 2 || ir.shape(index2).length !== 1) return null;
  if (ir.axisPositions[x] || ir.axisPositions[matrix] || ir.axisPositions[index2]) return null;
  return {
    inputs: [x, matrix, index2],
    build: (to, inputs) => to.op("gatherMatmul", inputs)
  };
}

// lib/compiler/passes/pad.ts
function pad(old, roots) {
  const uses = countUses(old, roots);
  const stacks = growingStacks(old, uses);
  return stacks.size ? new Padder(old, roots, uses, stacks).run() : null;
}
function growingStacks(old, uses) {
  const byFirst = /* @__PURE__ */ new Map();
  for (let node = 0; node < old.count; node++) {
    if (!uses[node] || !old.is(node, "stack")) continue;
    const first = old.input(node, 0);
    const family = byFirst.get(first);
    if (family) family.push(node);
    else byFirst.set(first, [node]);
  }
  const families = [];
  for (const members of byFirst.values()) {
    const longest = members.reduce((a, b) => old.inputCount(b) > old.inputCount(a) ? b : a);
    const grows = members.length > 1 && old.inputCount(longest) > 1;
    if (grows && members.every((node) => isPrefix(old, node, longest))) families.push({ members, longest });
  }
  const found3 = /* @__PURE__ */ new Map();
  for (const { members, longest } of acyclic(old, families)) {
    for (const node of members) found3.set(node, longest);
  }
  return found3;
}
function isPrefix(old, stack2, longest) {
  const n = old.inputCount(stack2);
  for (let i = 0; i < n; i++) if (old.input(stack2, i) !== old.input(longest, i)) return false;
  return true;
}
var MAX_WORDS2 = 1 << 24;
function acyclic(old, families) {
  const words = families.length + 31 >>> 5;
  if (words * old.count > MAX_WORDS2) return [];
  const below = new Int32Array(old.count * words);
  let start = old.count;
  const { edges } = old;
  families.forEach(({ members }, f) => {
    for (const node of members) {
      below[node * words + (f >>> 5)] |= 1 << (f & 31);
      start = Math.min(start, node);
    }
  });
  for (let node = start; node < old.count; node++) {
    const end = edges.start[node + 1];
    for (let e = edges.start[node]; e < end; e++) {
      const from = edges.list[e] * words;
      for (let w = 0; w < words; w++) below[node * words + w] |= below[from + w];
    }
  }
  const needs = families.map(({ longest }) => {
    const all2 = /* @__PURE__ */ new Set();
    for (const row of old.inputs(longest)) {
      families.forEach((_, f) => {
        if (below[row * words + (f >>> 5)] >>> (f & 31) & 1) all2.add(f);
      });
    }
    return all2;
  });
  return families.filter((_, f) => {
    const all2 = new Set(needs[f]);
    for (const need of all2) for (const next of needs[need]) all2.add(next);
    return !all2.has(f);
  });
}
var Padder = class {
  constructor(old, roots, uses, stacks) {
    this.old = old;
    this.roots = roots;
    this.uses = uses;
    this.stacks = stacks;
    /** The longest stacks. */
    this.full = /* @__PURE__ */ new Map();
    /** Slices of each padded node: each is made once for all positions. */
    this.slices = /* @__PURE__ */ new Map();
    this.ir = new Ir(old.count, old);
    this.numbers = new Int32Array(old.count).fill(-1);
    this.prefixes = new Array(old.count).fill(void 0);
  }
  run() {
    const { old, ir } = this;
    for (let node = 0; node < old.count; node++) if (this.uses[node]) this.visit(node);
    for (const root of this.roots) this.value(root);
    ir.forwardEnd = ir.count;
    ir.position = 0;
    return { ir, numbers: this.numbers };
  }
  /**
   * Makes a node after all that it needs. Some of it can come later in the old graph: rows of the longest
   * stack.
   */
  visit(root) {
    if (this.isMade(root)) return;
    const { start, list: list2 } = this.old.edges;
    const waiting = [root];
    while (waiting.length > 0) {
      const node = waiting[waiting.length - 1];
      const longest = this.stacks.get(node);
      const source2 = longest ?? node;
      const isStacked = longest !== void 0 && this.full.has(longest);
      const before = waiting.length;
      for (let e = start[source2 + 1] - 1; e >= start[source2] && !isStacked; e--) {
        const input = list2[e];
        if (!this.isMade(input)) waiting.push(input);
      }
      if (waiting.length > before) continue;
      waiting.pop();
      if (!this.isMade(node)) this.make(node);
    }
  }
  isMade(node) {
    return this.numbers[node] >= 0 || this.prefixes[node] !== void 0;
  }
  make(node) {
    const { old, ir } = this;
    const longest = this.stacks.get(node);
    if (longest !== void 0) {
      this.prefixes[node] = this.stack(node, longest);
      return;
    }
    const n = old.inputCount(node);
    const prefix = n ? this.prefixes[old.input(node, 0)] : void 0;
    if (prefix && this.padded(node, prefix)) return;
    if (old.is(node, "constant")) {
      this.numbers[node] = ir.constant(old.constantValue(node));
      return;
    }
    for (let i = 0; i < n; i++) this.value(old.input(node, i));
    const made = ir.copy(old, node, this.numbers);
    ir.followAxisPositions(made);
    this.numbers[node] = made;
  }
  value(node) {
    if (this.numbers[node] < 0) {
      const { full, n } = this.prefixes[node];
      this.ir.position = this.old.positions[node];
      this.numbers[node] = this.ir.op("slice", [full], { axis: 0, start: 0, stop: n });
    }
    return this.numbers[node];
  }
  /** Makes the padded form of a node whose first operand is a prefix; false where it has none. */
  padded(node, a) {
    const { old } = this;
    const attr = old.attr(node);
    const is = (full, zeros2 = false) => {
      this.prefixes[node] = { full, n: a.n, zeros: zeros2 };
      return true;
    };
    switch (OPS[old.opOf(node)].pad) {
      case "slice":
        return attr.axis !== 0 && is(this.slice(a.full, attr), a.zeros);
      case "scaled": {
        const other = old.input(node, 1);
        if (this.prefixes[other] || old.shape(other).length) return false;
        return is(this.add(node, [a.full, this.value(other)], attr), a.zeros);
      }
      case "softmax":
        if (old.shape(node).length !== 1) return false;
        return is(this.add(node, [a.full], { lengths: { first: a.n, step: 0 } }), true);
      case "product": {
        const right2 = old.input(node, 1);
        const b = this.prefixes[right2];
        const rank = old.shape(old.input(node, 0)).length;
        if (b) {
          if (!a.zeros || a.n !== b.n || rank !== 1) return false;
          this.numbers[node] = this.add(node, [a.full, b.full], attr);
          return true;
        }
        if (rank !== 2 || old.shape(right2).length !== 1) return false;
        return is(this.add(node, [a.full, this.value(right2)], attr));
      }
      case "none":
        return false;
    }
  }
  stack(node, longest) {
    const { old, ir } = this;
    let full = this.full.get(longest);
    if (full === void 0) {
      const members = old.inputs(longest);
      const inputs = members.map((member) => this.value(member));
      const positions = members.map((member) => old.positions[member]);
      ir.position = smallest(positions);
      full = ir.op("stack", inputs, { positions });
      this.full.set(longest, full);
    }
    return { full, n: old.inputCount(node), zeros: false };
  }
  add(node, inputs, attr) {
    const { old, ir } = this;
    ir.position = old.positions[node];
    const made = ir.op(old.opOf(node), inputs, attr);
    ir.inheritSource(made, old, node);
    return made;
  }
  slice(full, attr) {
    const { ir } = this;
    let made = this.slices.get(full);
    if (!made) this.slices.set(full, made = []);
    for (const node2 of made) {
      const { axis, start, stop } = ir.attr(node2);
      if (axis === attr.axis && start === attr.start && stop === attr.stop) return node2;
    }
    ir.position = ir.positions[full];
    const node = ir.op("slice", [full], attr);
    made.push(node);
    return node;
  }
};

// lib/compiler/passes/reassociate.ts
function reassociate(ir, roots) {
  if (!addsSums(ir)) return null;
  let known;
  const match = ({ uses }, node) => {
    for (const i of [0, 1]) {
      const inner = ir.input(node, i);
      const c = ir.input(node, 1 - i);
      if (!ir.is(inner, "add") || uses[inner] !== 1) continue;
      const depths = known ??= depthsOf(ir);
      const [a, b] = ir.inputs(inner);
      const [late, other] = depths[a] > depths[b] ? [a, b] : [b, a];
      if (depths[late] <= Math.max(depths[other], depths[c])) continue;
      const shape = ir.shape(node);
      if (![late, other, c].every((term) => sameShape(ir.shape(term), shape))) continue;
      return {
        inputs: [late, other, c],
        build: (to, [x, y, z]) => to.op("add", [x, to.op("add", [y, z])])
      };
    }
    return null;
  };
  return rewrite(ir, roots, [{ ops: ["add"], match }]);
}
function addsSums(ir) {
  for (let node = 0; node < ir.count; node++) {
    if (!ir.is(node, "add")) continue;
    if (ir.is(ir.input(node, 0), "add") || ir.is(ir.input(node, 1), "add")) return true;
  }
  return false;
}
function depthsOf(ir) {
  const depths = new Int32Array(ir.count);
  const { start, list: list2 } = ir.edges;
  for (let node = 0; node < ir.count; node++) {
    let deepest = 0;
    const end = start[node + 1];
    for (let e = start[node]; e < end; e++) deepest = Math.max(deepest, depths[list2[e]] + 1);
    depths[node] = deepest;
  }
  return depths;
}

// lib/compiler/passes/rewrites.ts
var REWRITES = {
  reassociate,
  pad,
  "auto-batch": (ir, roots, sequence) => autoBatch(ir, roots, { columns: sequence, samePosition: sequence }),
  // In a sequence the first pass batched columns already.
  rebatch: (ir, roots, sequence) => sequence ? null : autoBatch(ir, roots, { columns: true, samePosition: false }),
  fuse: fuse2
};
function applyRewrites(ir, keep, passes, sequence) {
  const numbers = new Int32Array(ir.count);
  for (let node = 0; node < numbers.length; node++) numbers[node] = node;
  let roots = keep;
  for (const { name, stage } of PASSES) {
    if (stage !== "rewrite" || !passes.has(name)) continue;
    const next = REWRITES[name](ir, roots, sequence);
    if (!next) continue;
    const { ir: made, numbers: renumbered } = next;
    for (let i = 0; i < numbers.length; i++) numbers[i] = numbers[i] < 0 ? -1 : renumbered[numbers[i]];
    roots = roots.map((root) => renumbered[root]);
    ir = made;
  }
  return { ir, numbers };
}

// lib/compiler/passes/tidy.ts
function tidy(ir, keep) {
  const first = rewrite(ir, keep, [
    { ops: ["reshape", "slice", "embed", "broadcastTo"], match: identity },
    { ops: ["transpose"], match: transposedTwice }
  ]);
  const now2 = first ? keep.map((node) => first.numbers[node]) : keep;
  const second = rewrite(first?.ir ?? ir, now2, [{ ops: ["transpose"], match: transposedProduct }]);
  if (!first || !second) return first ?? second;
  return {
    ir: second.ir,
    numbers: first.numbers.map((node) => node < 0 ? -1 : second.numbers[node])
  };
}
function identity({ ir }, node) {
  const x = ir.input(node, 0);
  if (!sameShape(ir.shape(x), ir.shape(node))) return null;
  if (!sameAxisPositions(ir.axisPositions[x], ir.axisPositions[node])) return null;
  return { inputs: [x], build: (_, [same2]) => same2 };
}
function transposedTwice({ ir }, node) {
  if (!ir.is(ir.input(node, 0), "transpose")) return null;
  const inner = ir.attr(ir.input(node, 0)).axes;
  const axes = ir.attr(node).axes.map((axis) => inner[axis]);
  const x = ir.input(ir.input(node, 0), 0);
  const same2 = isSorted(axes);
  if (same2 && !sameAxisPositions(ir.axisPositions[x], ir.axisPositions[node])) return null;
  return { inputs: [x], build: (to, [of]) => same2 ? of : to.op("transpose", [of], { axes }) };
}
function transposedProduct({ ir, uses }, node) {
  const product3 = ir.input(node, 0);
  if (!ir.is(product3, "matmul") || uses[product3] !== 1) return null;
  const [a, b] = ir.inputs(product3);
  const rank = ir.shape(product3).length;
  if (ir.shape(a).length !== rank || ir.shape(b).length !== rank) return null;
  const swapped = (axis) => axis < rank - 2 ? axis : 2 * rank - 3 - axis;
  const { axes } = ir.attr(node);
  if (!ir.is(a, "transpose") || ir.attr(a).axes[rank - 2] !== rank - 1) return null;
  if (axes[rank - 1] !== rank - 2) return null;
  const swap = axes.map((_, i) => swapped(i));
  const inner = swap.map((axis) => ir.attr(a).axes[axis]);
  const outer = axes.map(swapped);
  return {
    inputs: [ir.input(a, 0), b],
    build: (to, [first, second]) => {
      const right2 = isSorted(inner) ? first : to.op("transpose", [first], { axes: inner });
      const made = to.op("matmul", [to.op("transpose", [second], { axes: swap }), right2]);
      return isSorted(outer) ? made : to.op("transpose", [made], { axes: outer });
    }
  };
}
function isSorted(axes) {
  return axes.every((axis, i) => axis === i);
}

// lib/compiler/compile.ts
var ALL_LEAVES = /* @__PURE__ */ new Set(["parameter", "input"]);
var PARAMETERS = /* @__PURE__ */ new Set(["parameter"]);
function compileGraph(request) {
  const { groups, passes, sequence: wanted } = request;
  const inspects = request.gradients === "all";
  const traced = trace(groups, !inspects && passes.has("simplify"));
  const forwardNodes = traced.ir.count;
  const isScalar = isScalarGraph(traced.ir);
  const sequence = wanted && hasPositions(traced, wanted) ? wanted : void 0;
  const graph = rewritten(traced, request, isScalar, sequence?.flat() ?? []);
  if (request.gradients !== "none") addGradients(graph, request);
  if (!inspects && passes.has("tidy") && !isScalar) tidyGraph(graph);
  const unmoved = parametersWithoutGradient(graph, traced, request);
  const { ir, numbers, gradients } = graph;
  const keep = /* @__PURE__ */ new Set([...graph.roots, ...graph.others, ...unmoved]);
  if (inspects) {
    for (let node = 0; node < ir.forwardEnd; node++) if (!ir.isInteger(node)) keep.add(node);
  }
  const bare = lowered(graph, request, isScalar, [...keep], unmoved);
  const { places, arenaSize, intsSize } = placesOfUnread(numbers, bare);
  if (arenaSize > 2 * MAX_COUNT)
    throw new RangeError(
      `${groups.flat()[0].label} takes ${arenaSize} numbers with all that it is computed from: a program has at most ${2 * MAX_COUNT - 1}`
    );
  const compiled = {
    ir,
    lowered: { ...bare, arenaSize, intsSize },
    leaves: placeLeaves2(numbers, bare, places, (number2) => gradients.has(number2) || unmoved.has(number2)),
    numbers,
    gradientNodes: graph.gradientNodes,
    hasGradients: gradients.size + unmoved.size > 0,
    kept: [...keep, ...gradients.values()],
    hasSequence: sequence !== void 0,
    isPrefix: sequence !== void 0 && !isScalar,
    countName: traced.count?.name,
    maxLength: Math.min(bare.maxLength, traced.shortest),
    counts: { forwardNodes, nodes: ir.count, instructions: bare.nodes.length }
  };
  return { compiled, traced };
}
function rewritten(traced, { groups, gradients, passes }, isScalar, sequence) {
  const inspects = gradients === "all";
  let { ir, roots } = traced;
  let renumber = (node) => node;
  if (!inspects && !isScalar) {
    const kept = [...traced.leaves, ...sequence].map((node) => node.number);
    const batched = applyRewrites(ir, [...roots, ...kept], passes, groups.length > 1);
    renumber = (node) => batched.numbers[node];
    roots = roots.map(renumber);
    ir = batched.ir;
  }
  const numbers = /* @__PURE__ */ new Map();
  for (const node of inspects ? traced.nodes : traced.leaves) numbers.set(node, renumber(node.number));
  groups.flat().forEach((root, i) => numbers.set(root, roots[i]));
  for (const value of sequence) {
    const number2 = renumber(value.number);
    numbers.set(value, number2);
    roots.push(number2);
  }
  return { ir, roots, sequence, numbers, gradients: /* @__PURE__ */ new Map(), others: [], gradientNodes: void 0 };
}
function addGradients(graph, { gradients, passes }) {
  const { ir, roots } = graph;
  const inspects = gradients === "all";
  const combine = !inspects && passes.has("combine");
  const nodes = differentiate(ir, roots[0], inspects ? ALL_LEAVES : PARAMETERS, combine);
  nodes.forEach((gradient, node) => {
    if (gradient < 0) return;
    if (ir.is(node, "parameter")) graph.gradients.set(node, gradient);
    else if (inspects) graph.others.push(gradient);
  });
  graph.gradientNodes = nodes;
}
function tidyGraph(graph) {
  const { numbers, gradients } = graph;
  const wanted = [...numbers.values(), ...gradients.values()].filter((node) => node >= 0);
  const tidied = tidy(graph.ir, wanted);
  if (tidied) graph.ir = tidied.ir;
  const moved2 = (node) => node < 0 || !tidied ? node : tidied.numbers[node];
  for (const [node, number2] of numbers) numbers.set(node, moved2(number2));
  graph.roots = graph.roots.map(moved2);
  const pairs = [...gradients].map(([node, gradient]) => [moved2(node), moved2(gradient)]);
  gradients.clear();
  if (graph.gradientNodes) graph.gradientNodes = new Int32Array(graph.ir.count).fill(-1);
  for (const [node, gradient] of pairs) {
    gradients.set(node, gradient);
    graph.gradientNodes[node] = gradient;
  }
}
function parametersWithoutGradient({ ir, numbers, gradients }, traced, { groups, update }) {
  const unmoved = /* @__PURE__ */ new Set();
  if (!update) return unmoved;
  const left2 = traced.leaves.filter((leaf2) => leaf2.op === "parameter" && !gradients.has(numbers.get(leaf2)));
  if (left2.length === 0) return unmoved;
  const { reached } = gradientFlow(traced.nodes, groups.flat()[0]);
  for (const leaf2 of left2) {
    const number2 = numbers.get(leaf2);
    if (!reached.has(leaf2)) continue;
    unmoved.add(number2);
    ir.positions[number2] = Math.min(ir.positions[number2], ir.maxLength - 1);
  }
  return unmoved;
}
function lowered({ ir, roots, sequence, numbers, gradients }, request, isScalar, keep, unmoved) {
  const { passes } = request;
  const options = {
    align: request.dtype === "float32" ? 16 : 8,
    keep,
    gradients,
    unmoved,
    update: request.update,
    watched: request.detectAnomaly ? [roots[0]] : [],
    sequence: request.groups.length > 1,
    results: sequence.map((value) => numbers.get(value)),
    inPlace: passes.has("in-place"),
    epilogues: passes.has("epilogue"),
    fuseUpdate: passes.has("fuse-update") && !request.batches
  };
  return (isScalar ? lowerScalars(ir, options) : void 0) ?? lower(ir, options);
}
function placeLeaves2(numbers, bare, places, isUpdated) {
  const leaves = { parameters: [], inputs: [], indices: [], stepSlots: [], inverseCount: -1 };
  for (const [node, number2] of numbers) {
    const view = bare.view(number2);
    const unread = places.get(node);
    if (node.op === "parameter" && view)
      leaves.parameters.push({ node, offset: view.offset, isTrained: isUpdated(number2) });
    else if (node.op === "input")
      leaves.inputs.push({ node, place: view?.offset ?? unread, isRead: view !== void 0 });
    else if (node.op === "index")
      leaves.indices.push({ node, place: unread ?? bare.slot(number2), isRead: unread === void 0 });
    else if (node.op === "step" && unread === void 0) leaves.stepSlots.push(bare.slot(number2));
    else if (node.op === "inverseCount" && view) leaves.inverseCount = view.offset;
  }
  return leaves;
}
function placesOfUnread(numbers, bare) {
  let { arenaSize, intsSize } = bare;
  const places = /* @__PURE__ */ new Map();
  for (const [node, number2] of numbers) {
    const size2 = sizeOf(node.shape);
    if (node.op === "input" && !bare.view(number2)) {
      places.set(node, arenaSize);
      arenaSize += size2;
    } else if ((node.op === "index" || node.op === "step") && (number2 < 0 || bare.slot(number2) + size2 > bare.intsSize)) {
      places.set(node, intsSize);
      intsSize += size2;
    }
  }
  return { places, arenaSize, intsSize };
}
function hasPositions(traced, groups) {
  const { positions, maxLength } = traced.ir;
  const isAt = (value, position) => isTraced(traced, value) && positions[value.number] === position;
  return groups.length === maxLength && groups.every((group, i) => group.every((x) => isAt(x, i)));
}
function groupsOf(what, given2) {
  if (!isList(given2))
    throw new TypeError(`${what}: expected an array of arrays of Values, got ${shownNode(given2)}`);
  const groups = [];
  for (let i = 0; i < given2.length; i++) groups.push(listOfValues(`${what}[${i}]`, given2[i], isValue));
  return groups;
}

// lib/runtime/anomaly.ts
function originOf(root, run) {
  return originOfValue(root, run) ?? originOfGradient(root, run);
}
function originOfValue(root, run) {
  const numbers = run.data(root);
  const first = numbers.findIndex(Number.isNaN);
  const place3 = first < 0 ? numbers.findIndex(isNotFinite) : first;
  if (place3 < 0) return void 0;
  const last = earliest({ node: root, place: place3 }, run, Number.isNaN);
  const begin = earliest(last, run, isNotFinite);
  const origin = `${found2(begin, run)}${operandsOf2(begin, run)}`;
  return begin.node !== last.node && Number.isNaN(run.data(last.node)[last.place]) ? `${found2(last, run)}, since ${origin}` : origin;
}
function earliest(at2, run, is) {
  for (let before = at2; before; before = operandAt2(at2, run, is)) at2 = before;
  return at2;
}
function operandAt2({ node, place: place3 }, run, is) {
  const reads = readsOf(node, run);
  for (const [i, operand] of node.inputs.entries()) {
    if (!isValue(operand)) continue;
    const from = run.data(operand).findIndex((x, at2) => is(x) && reads(place3, i, at2));
    if (from >= 0) return { node: operand, place: from };
  }
  return void 0;
}
function originOfGradient(root, run) {
  const nodes = reachable([root]);
  const users = usersIn(nodes);
  for (const node of nodes) {
    if (!isValue(node) || node.op !== "parameter") continue;
    const place3 = run.gradient(node).findIndex(isNotFinite);
    if (place3 < 0) continue;
    let last = { node, place: place3 };
    for (let next = last; next; next = userAt(last, users, run)) last = next;
    const slopes = (users.get(last.node) ?? []).filter((user) => placesIn(user, last, run, () => true) >= 0);
    return `the gradient of ${last.node.label} is ${run.gradient(last.node)[last.place]}${inPlace(last)}, by the slope of ${named2(slopes, "or")} at ${run.data(last.node)[last.place]}`;
  }
  return void 0;
}
function userAt(at2, users, run) {
  for (const user of users.get(at2.node) ?? []) {
    const gradient = run.gradient(user);
    const place3 = placesIn(user, at2, run, (to) => isNotFinite(gradient[to]));
    if (place3 >= 0) return { node: user, place: place3 };
  }
  return void 0;
}
function placesIn(user, { node, place: place3 }, run, is) {
  const reads = readsOf(user, run);
  const operands = user.inputs.flatMap(
    (x, i) => x === node && !hasNoGradient(user.op, user.attr, i) ? [i] : []
  );
  const size2 = sizeOf(user.shape);
  for (let to = 0; to < size2; to++) if (is(to) && operands.some((i) => reads(to, i, place3))) return to;
  return -1;
}
function usersIn(nodes) {
  const users = /* @__PURE__ */ new Map();
  for (const user of nodes) {
    if (!isValue(user)) continue;
    for (const operand of new Set(user.inputs)) {
      const others = users.get(operand);
      if (others) others.push(user);
      else users.set(operand, [user]);
    }
  }
  return users;
}
function isNotFinite(x) {
  return !Number.isFinite(x);
}
function operandsOf2({ node, place: place3 }, run) {
  const reads = readsOf(node, run);
  const operands = node.inputs.filter(
    (x, i) => isValue(x) && run.data(x).some((_, from) => reads(place3, i, from))
  );
  if (operands.length === 0) return "";
  const where2 = operands.some(({ shape }) => shape.length > 0) ? " there" : "";
  return ` (of ${named2(operands, "and")}, which ${operands.length > 1 ? "are" : "is"} finite${where2})`;
}
var MAX_NAMED2 = 5;
function named2(nodes, join7) {
  const labels = nodes.slice(0, MAX_NAMED2).map(({ label: label2 }) => label2);
  if (nodes.length > MAX_NAMED2) labels.push(`${nodes.length - MAX_NAMED2} more`);
  return labels.join(` ${join7} `);
}
function found2({ node, place: place3 }, run) {
  return `${node.label} is ${run.data(node)[place3]}${inPlace({ node, place: place3 })}`;
}
function inPlace({ node, place: place3 }) {
  return node.shape.length > 0 ? ` at index ${place3}` : "";
}
function readsOf(node, run) {
  return RULES[node.op](node, run);
}
function stridesOf(shape) {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}
function byStrides(place3, shape, strides) {
  let at2 = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at2 += place3 % shape[axis] * strides[axis];
    place3 = Math.floor(place3 / shape[axis]);
  }
  return at2;
}
function repeated(shape, to) {
  const strides = stridesOf(shape);
  const lead = to.length - shape.length;
  return to.map((_, axis) => axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]);
}
var none = () => () => false;
var all = () => () => true;
var samePlace = () => (place3, _, from) => place3 === from;
var elementwise3 = ({ shape, inputs }) => {
  const strides = inputs.map((x) => repeated(x.shape, shape));
  return (place3, i, from) => byStrides(place3, shape, strides[i]) === from;
};
var taken = (isTaken) => (node, run) => {
  const reads = elementwise3(node, run);
  const data = node.inputs.map((x) => isValue(x) ? run.data(x) : []);
  const result = run.data(node);
  return (place3, i, from) => reads(place3, i, from) && isTaken(data[i][from], result[place3], i);
};
var isWinner = (x, y) => x === y || Number.isNaN(y);
var underCondition = (whereZero) => (node, run) => {
  const reads = elementwise3(node, run);
  const condition = node.inputs[1];
  const strides = repeated(condition.shape, node.shape);
  const data = run.data(condition);
  return (place3, i, from) => i === 0 && reads(place3, i, from) && data[byStrides(place3, node.shape, strides)] === 0 === whereZero;
};
var rows3 = (node) => {
  const shapes = [node.shape, ...node.inputs.map(({ shape }) => shape)];
  const longest = shapes.reduce((a, b) => b.length > a.length ? b : a);
  const [own, ...widths] = shapes.map((shape) => sizeOf(shape) / sizeOf(longest.slice(0, -1)));
  return (place3, i, from) => Math.floor(place3 / own) === Math.floor(from / widths[i]);
};
var reduction = ({ shape, inputs, attr }) => {
  const whole = inputs[0].shape;
  const own = stridesOf(shape);
  let left2 = 0;
  const strides = whole.map((_, axis) => attr.axes?.includes(axis) ?? true ? 0 : own[left2++]);
  return (place3, _, from) => byStrides(from, whole, strides) === place3;
};
var product2 = ({ shape, inputs }) => {
  const [a, b] = inputs.map((x) => x.shape);
  const row = a.length > 1 ? [a.at(-2)] : [];
  const column = b.length > 1 ? [b.at(-1)] : [];
  const batch = shape.slice(0, shape.length - row.length - column.length);
  const whole = [...batch, row[0] ?? 1, column[0] ?? 1];
  const strides = [
    repeated([...a.slice(0, -2), row[0] ?? 1, 1], whole),
    repeated([...b.slice(0, -2), 1, column[0] ?? 1], whole)
  ];
  const summed = [a.at(-1), b.length > 1 ? b.at(-2) : b[0]];
  const inner = [1, column[0] ?? 1];
  return (place3, i, from) => {
    const outer = Math.floor(from / (summed[i] * inner[i]));
    return byStrides(place3, whole, strides[i]) === outer * inner[i] + from % inner[i];
  };
};
function inWhole(place3, part, whole, axis, start) {
  const strides = stridesOf(whole);
  return byStrides(place3, part, strides) + start * strides[axis];
}
function inTable(place3, table2, indices, batch) {
  const width = sizeOf(table2.slice(batch ? 2 : 1));
  const i = Math.floor(place3 / width);
  return ((batch ? i * table2[1] : 0) + indices[i]) * width + place3 % width;
}
var RULES = {
  ...Object.fromEntries(UNARY_NAMES.map((name) => [name, samePlace])),
  parameter: none,
  input: none,
  constant: none,
  inverseCount: none,
  index: none,
  element: none,
  elements: none,
  topk: none,
  step: none,
  argmax: none,
  neg: samePlace,
  relu: taken((_, y) => y !== 0),
  pow: samePlace,
  detach: samePlace,
  dropout: taken((x, y) => y !== 0 || x === 0),
  add: elementwise3,
  sub: elementwise3,
  mul: elementwise3,
  div: elementwise3,
  maximum: taken(isWinner),
  minimum: taken(isWinner),
  gt: elementwise3,
  ge: elementwise3,
  eq: elementwise3,
  logGrad: elementwise3,
  maskPositive: taken((x, y, i) => i === 0 ? isWinner(x, y) : Number.isNaN(x)),
  ifNonzero: underCondition(false),
  ifZero: underCondition(true),
  sum: reduction,
  total: ({ attr }, { length }) => (place3, i, from) => place3 === from && (!attr.prefix || i < length),
  max: (node, run) => {
    const reads = reduction(node, run);
    const [x, y] = [run.data(node.inputs[0]), run.data(node)];
    return (place3, i, from) => reads(place3, i, from) && isWinner(x[from], y[place3]);
  },
  cumsum: ({ shape, attr }) => {
    const [n, inner] = [shape[attr.axis], sizeOf(shape.slice(attr.axis + 1))];
    const way = attr.reverse ? -1 : 1;
    return (place3, _, from) => place3 % inner === from % inner && Math.floor(place3 / (n * inner)) === Math.floor(from / (n * inner)) && way * (place3 - from) >= 0;
  },
  matmul: product2,
  softmax: rows3,
  softmaxGrad: rows3,
  reshape: samePlace,
  transpose: ({ shape, inputs, attr }) => {
    const strides = stridesOf(inputs[0].shape);
    const own = attr.axes.map((axis) => strides[axis]);
    return (place3, _, from) => byStrides(place3, shape, own) === from;
  },
  broadcastTo: elementwise3,
  slice: ({ shape, inputs, attr }) => (place3, _, from) => inWhole(place3, shape, inputs[0].shape, attr.axis, attr.start) === from,
  embed: ({ shape, inputs, attr }) => (place3, _, from) => inWhole(from, inputs[0].shape, shape, attr.axis, attr.start) === place3,
  concat: ({ shape, inputs, attr }) => {
    let end = 0;
    const starts = inputs.map((x) => (end += x.shape[attr.axis]) - x.shape[attr.axis]);
    return (place3, i, from) => inWhole(from, inputs[i].shape, shape, attr.axis, starts[i]) === place3;
  },
  stack: ({ shape }) => (place3, i, from) => i * sizeOf(shape.slice(1)) + from === place3,
  gather: ({ inputs, attr }, run) => {
    const table2 = inputs[0].shape;
    const indices = run.integers(inputs[1]);
    return (place3, _, from) => inTable(place3, table2, indices, attr.batch) === from;
  },
  scatterAdd: ({ shape, inputs, attr }, run) => {
    const indices = run.integers(inputs[1]);
    return (place3, _, from) => inTable(from, shape, indices, attr.batch) === place3;
  },
  choose: ({ inputs }, run) => {
    const [chosen] = run.integers(inputs.at(-1));
    return (place3, i, from) => i === chosen && place3 === from;
  },
  chooseGrad: ({ inputs, attr }, run) => {
    const [chosen] = run.integers(inputs[1]);
    return (place3, _, from) => attr.choice === chosen && place3 === from;
  },
  rmsNorm: rows3,
  rmsNormGrad: rows3,
  crossEntropy: rows3,
  crossEntropyGrad: rows3,
  // The compiler makes these; they are never part of a written graph.
  gatherMatmul: all,
  gatherDot: all,
  scatterOuter: all
};

// lib/runtime/arena.ts
function allocate(dtype2, size2) {
  return dtype2 === "float32" ? new Float32Array(size2) : new Float64Array(size2);
}
function allocateAligned(dtype2, size2) {
  const line = dtype2 === "float32" ? 16 : 8;
  const array = allocate(dtype2, size2 + line);
  const start = (line - addon.alignment(array) / array.BYTES_PER_ELEMENT) % line;
  return array.subarray(start, start + size2);
}
function moved(array) {
  const { buffer, byteOffset, length } = array;
  const own = structuredClone(buffer, { transfer: [buffer] });
  return array instanceof Float32Array ? new Float32Array(own, byteOffset, length) : new Float64Array(own, byteOffset, length);
}

// lib/runtime/dataset.ts
var import_node_util2 = require("node:util");
var DATASET_KEYS = { count: true, inputs: true };
var COLUMN_KEYS = { values: true, starts: true };
function isRecord(given2) {
  return typeof given2 === "object" && given2 !== null && !(Symbol.iterator in given2) && !ArrayBuffer.isView(given2);
}
function checkDataset(dataset) {
  const given2 = dataset;
  if (!isRecord(given2))
    throw new TypeError(
      `a dataset: ${shown(given2)}: expected an object { count, inputs } with the number of examples and their columns`
    );
  checkOptions("a dataset", dataset, DATASET_KEYS);
  const { count: count2, inputs } = dataset;
  checkInteger("count", count2, 0);
  if (!isRecord(inputs))
    throw new TypeError(`inputs ${shown(inputs)}: expected an object with a column for each input`);
  return { count: count2, inputs };
}
function checkColumn(name, column, kind) {
  const given2 = column;
  if (isRecord(given2)) checkOptions(`the column of input '${clipped(name)}'`, column, COLUMN_KEYS);
  else
    throw new TypeError(
      `input '${clipped(name)}': its column is ${shown(given2)}, expected an object { values } with the numbers of all examples in one array: { values: ${kind}.from(...) }`
    );
}
function checkExampleRange(from, to, count2) {
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= count2) return;
  throw new RangeError(
    `examples ${shown(from)} to before ${shown(to)}: expected integers from 0 to ${count2}, the first at most the second`
  );
}
function copied({ count: count2, inputs }) {
  const copies = [];
  for (const name of namesIn(inputs)) {
    const column = inputs[name];
    if (isPlain(column)) {
      const { values, starts } = column;
      copies.push([
        name,
        { ...column, values: copiedArray(values), ...starts && { starts: copiedArray(starts) } }
      ]);
    } else copies.push([name, column]);
  }
  return { count: count2, inputs: Object.fromEntries(copies) };
}
function copiedArray(array) {
  const kind = KINDS2.find((known) => isOfKind(array, known));
  return kind ? new kind(array) : array;
}
function unshared(array) {
  const isOurs = KINDS2.some((kind) => array instanceof kind);
  return import_node_util2.types.isSharedArrayBuffer(array.buffer) || !isOurs ? copiedArray(array) : array;
}
var KINDS2 = [Int32Array, Float64Array, Float32Array];
function isOfKind(given2, kind) {
  return import_node_util2.types.isTypedArray(given2) && given2[Symbol.toStringTag] === kind.name;
}

// lib/runtime/errors.ts
var FeedError = class extends Error {
  /** The message names what was fed, which can have any name: it is escaped and cut. */
  constructor(message, options) {
    super(typeof message === "string" ? clipped(message, 2e3) : message, options);
    this.name = "FeedError";
  }
};
var NonFiniteError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "NonFiniteError";
  }
};
var BusyError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "BusyError";
  }
};

// lib/runtime/faults.ts
var NOT_FINITE = -1;
function isNotFinite2([, , limit]) {
  return limit === NOT_FINITE;
}
function indexError({ nodes }, ir, [instruction, index2, limit], where2) {
  const node = nodes[instruction] ?? -1;
  const who = node < 0 ? "the scalar bytecode" : ir.label(node);
  return new RangeError(`index ${index2} in ${who}${where2}: expected an integer from 0 to ${limit - 1}`);
}
function gradientNotFinite(arena, { parameters }, held) {
  const { gradients, offset: first, withGradient } = parameters;
  for (const { value, offset, isTrained } of held) {
    const at2 = offset - first;
    if (!isTrained || at2 >= withGradient) continue;
    const own = arena.subarray(gradients + at2, gradients + at2 + sizeOf(value.shape));
    const place3 = own.findIndex((x) => !Number.isFinite(x));
    if (place3 >= 0) return `the gradient of ${value.label} is ${own[place3]} at index ${place3}`;
  }
  return void 0;
}

// lib/graph/flatten.ts
function placeOf2(at2, shape) {
  return shape.map((n, axis) => Math.floor(at2 / sizeOf(shape.slice(axis + 1))) % n);
}
function copyOf(numbers) {
  try {
    return new Float64Array(numbers);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    const error = new TypeError(
      `the memory of ${shownNode(numbers)} was transferred away: expected numbers`,
      { cause }
    );
    reasons.set(error, error.message);
    throw error;
  }
}
function flatten(numbers) {
  if (typeof numbers === "number") return { data: Float64Array.of(numbers), shape: [] };
  if (numbers instanceof Float64Array || numbers instanceof Float32Array) {
    return { data: copyOf(numbers), shape: [numbers.length] };
  }
  const shape = [];
  let probe = numbers;
  while (typeof probe === "object" && probe !== null && "length" in probe) {
    if (shape.length === MAX_AXES) throw new ShapeError(`arrays nested more than ${MAX_AXES} deep`);
    const list2 = probe;
    shape.push(list2.length);
    probe = list2[0];
  }
  listedShape(shape);
  const data = new Float64Array(sizeOf(shape));
  let at2 = 0;
  const visit = (x, depth) => {
    if (depth === shape.length) {
      if (typeof x !== "number") {
        const error = new TypeError(
          `${shape.length > 0 ? `element ${show(placeOf2(at2, shape))} is ${shownNode(x)}` : shownNode(x)}: expected a number, or arrays of numbers`
        );
        reasons.set(error, error.message);
        throw error;
      }
      data[at2++] = x;
      return;
    }
    const list2 = x;
    if (typeof x !== "object" || x === null || list2.length !== shape[depth]) {
      throw new ShapeError(
        `nested arrays of unequal lengths: the first at each depth have shape ${show(shape)}`
      );
    }
    for (let i = 0; i < list2.length; i++) visit(list2[i], depth + 1);
  };
  visit(numbers, 0);
  return { data, shape };
}

// lib/runtime/inputs.ts
var NEVER2 = 2 ** 31 - 1;
var READS_INDEX = opsWhere(({ index: index2 }) => !["none", "prefix", "anything"].includes(index2));
function inputsOf(compiled, traced, groups) {
  const { leaves, countName, maxLength, lowered: lowered2 } = compiled;
  checkNamesDiffer(compiled.numbers.keys());
  const floats = leaves.inputs.map(floatInput);
  const indices = leaves.indices.map((leaf2) => indexInput(leaf2, lowered2.maxLength));
  limitIndices(indices, traced, groups, maxLength);
  leaves.indices.forEach(({ isRead }, i) => {
    const index2 = indices[i];
    if (!isRead) index2.neededAbove.fill(NEVER2);
    index2.limit = index2.limits.reduce((least, limit) => Math.min(least, limit), NEVER2);
    countElements(index2.needs, index2.neededAbove);
    countElements(index2.reads, index2.readAbove);
  });
  const names = [...floats, ...indices].map(({ name }) => name);
  return { floats, indices, names, countName, maxLength };
}
function checkNamesDiffer(nodes) {
  const named3 = /* @__PURE__ */ new Map();
  for (const node of nodes) {
    if (node.op !== "input" && node.op !== "index") continue;
    const other = named3.get(node.name);
    if (other)
      throw new FeedError(
        `two inputs of one program are named '${clipped(node.name)}', ${other.label} and ${node.label}: give them different names, or use one of them in both places`
      );
    named3.set(node.name, node);
  }
}
function floatInput({ node, place: place3, isRead }) {
  const { shape, label: label2 } = node;
  return { name: node.name, offset: place3, isRead, shape, size: sizeOf(shape), label: label2 };
}
function indexInput({ node, place: place3 }, maxLength) {
  const size2 = sizeOf(node.shape);
  return {
    name: node.name,
    slot: place3,
    size: size2,
    label: node.label,
    limits: new Int32Array(size2).fill(NEVER2),
    users: new Array(size2).fill(""),
    readAbove: new Int32Array(size2).fill(NEVER2),
    neededAbove: new Int32Array(size2).fill(NEVER2),
    limit: NEVER2,
    needs: new Int32Array(maxLength + 1),
    reads: new Int32Array(maxLength + 1)
  };
}
function limitIndices(indices, { ir, nodes, dropped }, groups, maxLength) {
  if (indices.length === 0) return;
  const byName2 = new Map(indices.map((index2) => [index2.name, index2]));
  const written = dropped ? writtenPositions(nodes, groups) : void 0;
  for (const node of nodes) {
    if (!READS_INDEX[node.operation.code]) continue;
    const { op, inputs, number: number2 } = node;
    const operand = inputs.at(-1);
    const isElement = operand.op === "element";
    const vector2 = isElement ? operand.first : operand;
    const index2 = vector2.op === "index" ? byName2.get(vector2.name) : void 0;
    if (!index2) continue;
    const start = isElement ? operand.attr.start : 0;
    const end = isElement ? start + 1 : index2.size;
    const limit = limitOf(node, maxLength);
    const needed = ir.is(number2, op) ? ir.positions[number2] : NEVER2;
    const read3 = written?.get(node) ?? needed;
    for (let i = start; i < end; i++) {
      index2.readAbove[i] = Math.min(index2.readAbove[i], read3);
      index2.neededAbove[i] = Math.min(index2.neededAbove[i], needed);
      if (limit >= index2.limits[i]) continue;
      index2.limits[i] = limit;
      index2.users[i] = node.label;
    }
  }
}
function limitOf({ op, attr, inputs }, maxLength) {
  const table2 = inputs[0].shape;
  return {
    none: Infinity,
    prefix: Infinity,
    anything: Infinity,
    lengths: maxLength + 1,
    operands: inputs.length - 1,
    classes: table2[table2.length - 1],
    rows: table2[attr.batch ? 1 : 0]
  }[OPS[op].index];
}
function countElements(counts, readAbove) {
  readAbove.forEach((length, i) => {
    if (length + 1 < counts.length) counts[length + 1] = i + 1;
  });
  for (let n = 1; n < counts.length; n++) counts[n] = Math.max(counts[n], counts[n - 1]);
}

// lib/runtime/feeds.ts
var FeedReader = class {
  constructor(inputs) {
    this.inputs = inputs;
    /** Whether feeds are being read. A getter among them must not run the same program. */
    this.isReading = false;
    const { names, maxLength } = inputs;
    this.length = maxLength;
    this.fed = names.map(() => void 0);
    this.hasCommonName = names.some((name) => name in Object.prototype);
    this.lastNames = names;
    this.known = new Set(names);
  }
  /**
   * Writes feeds to their places.
   *
   * @throws FeedError when one is missing, unknown or wrong
   */
  read(feeds, to) {
    checkObject("the feeds", feeds, "an object with numbers for each input");
    this.isReading = true;
    try {
      this.readAll(feeds, to);
    } catch (error) {
      checkFeeds(feeds, this.inputs.names);
      throw error;
    } finally {
      this.isReading = false;
    }
  }
  readAll(feeds, to) {
    const { countName, names, floats, indices } = this.inputs;
    if (countName !== void 0) {
      const count2 = byName(feeds, countName) ?? void 0;
      if (count2 === void 0) this.checkNames(feeds);
      this.length = this.checkLength(count2);
      if (to.inverseCount >= 0) to.numbers[to.inverseCount] = 1 / this.length;
    }
    const { fed, lastNames } = this;
    let known = 0;
    for (const name in feeds) {
      if (name !== lastNames[known]) {
        known = -1;
        break;
      }
      known++;
    }
    const isOfClass = !isOfNoClass(feeds);
    if (isOfClass) checkFeeds(feeds, names);
    if (known < 0 || isOfClass) this.lastNames = this.checkNames(feeds);
    for (let i = 0; i < fed.length; i++) {
      const name = names[i];
      fed[i] = (this.hasCommonName ? byName(feeds, name) : feeds[name]) ?? void 0;
    }
    for (let i = 0; i < floats.length; i++) readFloats(floats[i], fed[i], to.numbers, to.offsets[i]);
    for (let i = 0; i < indices.length; i++) {
      const index2 = indices[i];
      this.readIndex(index2, fed[floats.length + i], to.ints, to.firstSlot + index2.slot);
    }
  }
  /**
   * The names in an object of feeds or columns.
   *
   * @throws FeedError where one is unknown
   */
  checkNames(feeds) {
    const { names } = this.inputs;
    const given2 = namesIn(feeds);
    for (const name of given2) {
      if (this.known.has(name)) continue;
      const missing = names.filter((known) => byName(feeds, known) === void 0);
      const guess = didYouMean(name, missing) || didYouMean(name, names);
      throw new FeedError(
        `no input is named '${name}'${guess}${guess === "" ? "; this" : " This"} program's inputs: ` + listed2(names)
      );
    }
    return given2;
  }
  /** @throws FeedError where a value is not a prefix length of this program */
  checkLength(value) {
    const { countName: name, maxLength } = this.inputs;
    if (value === void 0)
      throw new FeedError(`input '${name}' is missing: feed a length from 1 to ${maxLength}`);
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > maxLength)
      throw new FeedError(`input '${name}' = ${describe(value)}: expected an integer from 1 to ${maxLength}`);
    return value;
  }
  /** Writes the integers fed to an index into `ints`, from `at` on. */
  readIndex(index2, value, ints, at2) {
    const { limit } = index2;
    const needed = index2.needs[this.length];
    if (value === void 0) {
      if (needed === 0) return;
      throw new FeedError(
        `input '${index2.name}' is missing: ${index2.label} needs ` + (index2.size === 1 ? "an integer" : `${index2.size} integers`)
      );
    }
    const isNumber = typeof value === "number";
    const count2 = isNumber ? 1 : value.length;
    if (!isNumber && !(typeof value === "object" && Number.isInteger(count2))) {
      throw new FeedError(
        `input '${index2.name}': ${describe(value)} for ${index2.label}, which takes ` + counted(index2.size, "integer")
      );
    }
    if (count2 > index2.size || count2 < needed) this.refuseCount(index2, value, count2, needed);
    for (let i = 0; i < count2; i++) {
      const x = isNumber ? value : value[i];
      if (typeof x !== "number" || (x | 0) !== x || x < 0 || x >= limit) this.checkElement(index2, i, x);
      ints[at2 + i] = x;
    }
  }
  /** Refuses too many or too few integers. */
  refuseCount({ name, label: label2, size: size2 }, value, count2, needed) {
    if (describe(value) === "nested arrays") throw nestedIndex({ name, label: label2, size: size2 });
    const advice = `; its length is fixed in the graph: index('${name}', ${count2})`;
    if (count2 > size2)
      throw new FeedError(
        `input '${name}': ${counted(count2, "integer")} for ${label2}, which takes ${size2}${size2 === 1 ? "" : advice}`
      );
    throw new FeedError(
      `input '${name}': ${counted(count2, "integer")} for ${label2}, of which this run needs at least ${needed}${this.inputs.maxLength === 1 && count2 > 0 ? advice : ""}`
    );
  }
  /** @throws FeedError where x is not an integer, or exceeds a limit that applies to a run of `length` */
  checkElement({ name, label: label2, size: size2, limits, users, readAbove }, i, x, length = this.length) {
    const limit = limits[i];
    if (typeof x === "number" && (x | 0) === x && x >= 0 && (x < limit || readAbove[i] >= length)) return;
    if (size2 === 1 && isArray(x)) throw nestedIndex({ name, label: label2, size: size2 });
    const where2 = size2 === 1 ? "" : `[${i}]`;
    const expected = limit === NEVER2 ? "an integer from 0" : `an integer from 0 to ${limit - 1}, for ${users[i]}`;
    const advice = isList(x) ? "; an index has one axis: feed it one flat array" : "";
    throw new FeedError(`input '${name}'${where2} = ${describe(x)}: expected ${expected}${advice}`);
  }
};
function nestedIndex({ name, label: label2, size: size2 }) {
  const expected = size2 === 1 ? ", which takes 1 integer" : ": an index has one axis: feed it one flat array";
  return new FeedError(`input '${name}': nested arrays for ${label2}${expected}`);
}
function readFloats(input, value, to, offset) {
  const { size: size2 } = input;
  if (value === void 0) {
    if (!input.isRead) return;
    throw new FeedError(`input '${input.name}' is missing: ${input.label} needs ${counted(size2, "number")}`);
  }
  if (typeof value === "number") {
    if (size2 !== 1)
      throw new FeedError(
        `input '${input.name}': one number, ${value}, for ${input.label}, which needs ` + counted(size2, "number")
      );
    to[offset] = value;
    return;
  }
  if (typeof value !== "object") throw wrongCount(input, value, 0);
  const isTyped = value instanceof Float64Array || value instanceof Float32Array;
  const numbers = isTyped || typeof value[0] !== "object" ? value : flatNumbers(input, value);
  if (numbers.length !== size2) throw wrongCount(input, value, numbers.length);
  if (numbers instanceof Float64Array || numbers instanceof Float32Array) {
    to.set(numbers, offset);
    return;
  }
  for (let i = 0; i < size2; i++) {
    const x = numbers[i];
    if (typeof x !== "number") {
      throw new FeedError(
        `input '${input.name}'[${i}] is ${isArray(x) ? shown(x) : describe(x)}: feed ${input.label} ${counted(size2, "number")}, flat or nested in its shape`
      );
    }
    to[offset + i] = x;
  }
}
function wrongCount(input, value, count2) {
  return new FeedError(
    `input '${input.name}': ${describe(value)} for ${input.label}, which needs ${counted(input.size, "number")}${otherBatchAdvice(input, count2)}`
  );
}
function isOfNoClass(given2) {
  const prototype = Object.getPrototypeOf(given2);
  return prototype === Object.prototype || prototype === null;
}
function checkFeeds(feeds, names) {
  if (!(Symbol.iterator in feeds || ArrayBuffer.isView(feeds) || feeds instanceof Node)) return;
  throw new FeedError(
    `the feeds are ${feeds instanceof Node ? feeds.label : shown(feeds)}: expected an object with numbers for each input, { ${names.join(", ") || "none"} }`
  );
}
function flatNumbers({ name, label: label2, shape, size: size2 }, value) {
  let found3;
  try {
    found3 = flatten(value);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new FeedError(
      `input '${name}': ${error.message}: feed ${label2} ${counted(size2, "number")}, flat or nested in its shape`,
      { cause: error }
    );
  }
  if (sameShape(found3.shape, shape)) return found3.data;
  throw new FeedError(
    `input '${name}': nested arrays of shape ${show(found3.shape)} for ${label2}: feed nested arrays of its shape, or ${counted(size2, "number")} in one flat array${otherBatchAdvice({ shape, size: size2 }, found3.data.length)}`
  );
}
function otherBatchAdvice({ shape, size: size2 }, given2) {
  const rows4 = shape[0] ?? 0;
  const row = size2 / rows4;
  if (!(given2 > 0 && row > 0 && given2 % row === 0) || given2 === size2) return "";
  const rowsGiven = counted(given2 / row, "row");
  return `; that is ${rowsGiven} of ${row}, not ${rows4}: the batch size is fixed in the graph, so build it for ${rowsGiven}, fill up the batch, or build it for one row and train with stepBatch`;
}
function listed2(names) {
  return names.map((name) => `'${name}'`).join(", ") || "none";
}
function counted(n, what) {
  return `${shown(n)} ${what}${n === 1 ? "" : "s"}`;
}
var MAX_LOOKED_AT = 1e3;
function describe(value) {
  if (value instanceof Node) return value.label;
  if (isList(value) && value.slice(0, MAX_LOOKED_AT).some(isArray)) return "nested arrays";
  if (typeof value === "object" && value !== null)
    return "length" in value ? counted(value.length, "number") : shown(value);
  return shown(value);
}
function isArray(given2) {
  return isList(given2) || ArrayBuffer.isView(given2);
}

// lib/runtime/generate.ts
var GENERATE_OPTIONS = {
  input: true,
  start: true,
  stop: true,
  temperature: true,
  count: true,
  topK: true,
  prefix: true
};
var NO_PREFIX = new Int32Array();
function readGenerateOptions(random, options) {
  checkOptions("generating", options, GENERATE_OPTIONS);
  const { input, start, stop, temperature, count: count2, topK = Infinity, prefix = NO_PREFIX } = options;
  if (typeof input !== "string") throw new FeedError(`input ${shown(input)}: expected the name of an input`);
  if (!(random instanceof Random))
    throw new TypeError(`generating draws from a Random, not ${shown(random)}`);
  return { input, start, stop, temperature, count: count2, topK, prefix, random: random.handle };
}
var SequenceSampler = class {
  /** @param groups the values of each position */
  constructor(compiled, groups, inputs, feeds) {
    this.compiled = compiled;
    this.groups = groups;
    this.inputs = inputs;
    this.feeds = feeds;
    this.sequenceInputs = inputsOfSequence(compiled, groups);
  }
  /**
   * Checks a request, and writes what every sequence begins with. Returns the index that is fed.
   *
   * @throws RangeError when an option is out of range
   * @throws FeedError when a position cannot read `start` or an integer of the prefix
   */
  prepare(request, ints) {
    const { input, start, stop, temperature, count: count2, topK, prefix } = request;
    const { maxLength } = this.inputs;
    const index2 = this.inputs.indices.find(({ name }) => name === input);
    const { sequenceInputs } = this;
    if (sequenceInputs.size !== 1 || !sequenceInputs.has(input) || index2?.size !== maxLength) {
      throw new FeedError(
        `generating needs '${input}' to be the only input, with an integer for each of ${maxLength} positions; this program's inputs: ${listed2(this.inputs.names)}`
      );
    }
    if (!(typeof temperature === "number" && temperature > 0 && temperature < Infinity))
      throw new RangeError(`temperature ${shown(temperature)}: expected a finite number above zero`);
    checkInteger("stop", stop, 0);
    if (!Number.isInteger(count2) || count2 < 0)
      throw new RangeError(`count ${shown(count2)}: expected an integer from 0`);
    if (count2 * maxLength > MAX_COUNT)
      throw new RangeError(`count ${count2}: expected at most ${Math.floor(MAX_COUNT / maxLength)}`);
    if (!(Number.isInteger(topK) || topK === Infinity) || topK < 1)
      throw new RangeError(`topK ${shown(topK)}: expected an integer from 1`);
    checkPrefix(prefix, stop, maxLength);
    const { feeds } = this;
    feeds.length = prefix.length + 1;
    try {
      feeds.readIndex(index2, [start, ...prefix], ints, index2.slot);
    } finally {
      feeds.length = maxLength;
    }
    return index2;
  }
  /** Generates the sequences of a prepared request in one native call. */
  run(program, arena, ints, { slot }, { start, stop, temperature, count: count2, topK, prefix, random }) {
    const { maxLength } = this.inputs;
    const drawn = new Int32Array(count2 * maxLength);
    const lengths = new Int32Array(count2);
    const results = this.offsets ??= this.findOffsets();
    const spec = {
      program,
      arena,
      ints,
      random,
      results,
      slot,
      start,
      stop,
      prefix,
      temperature,
      top: Math.min(topK, results.length / maxLength),
      instructions: this.compiled.lowered.sections.results,
      // One array may hold all positions; then position p runs as a prefix of p + 1.
      isPrefix: this.compiled.isPrefix
    };
    const fault = addon.generate(spec, drawn, lengths);
    const sequences = Array.from(
      lengths,
      (length, i) => drawn.subarray(i * maxLength, i * maxLength + length)
    );
    return { sequences, fault };
  }
  findOffsets() {
    const { ir, lowered: lowered2, numbers } = this.compiled;
    const found3 = this.groups.map(
      (group) => group.flatMap((root) => {
        const number2 = numbers.get(root);
        const view = lowered2.view(number2);
        if (!view) throw new Error(`${ir.label(number2)} holds no numbers`);
        return offsetsOf(view);
      })
    );
    const sizes = new Set(found3.map((group) => group.length));
    if (sizes.size > 1)
      throw new Error(
        `the positions of a sequence have ${[...sizes].join(", ")} numbers: generating needs the same count in each`
      );
    return Int32Array.from(found3.flat());
  }
};
function checkPrefix(prefix, stop, maxLength) {
  if (!(prefix instanceof Int32Array))
    throw new TypeError(`prefix: ${shown(prefix)}, expected an Int32Array`);
  const { length } = prefix;
  if (length >= maxLength)
    throw new RangeError(
      `prefix: ${length} integers, expected at most ${maxLength - 1}: one of ${maxLength} positions is left to draw`
    );
  const at2 = prefix.indexOf(stop);
  if (at2 >= 0) throw new RangeError(`prefix[${at2}] = ${stop}: it ends a sequence, so nothing could follow`);
}
function inputsOfSequence({ ir, numbers }, groups) {
  const { start, list: list2 } = ir.edges;
  const names = /* @__PURE__ */ new Set();
  const reached = new Uint8Array(ir.forwardEnd);
  for (const group of groups) for (const root of group) reached[numbers.get(root)] = 1;
  for (let node = ir.forwardEnd - 1; node >= 0; node--) {
    if (reached[node] === 0) continue;
    const end = start[node + 1];
    for (let e = start[node]; e < end; e++) reached[list2[e]] = 1;
  }
  for (const [node, number2] of numbers) {
    if ((node.op === "input" || node.op === "index") && reached[number2]) names.add(node.name);
  }
  return names;
}

// lib/runtime/minibatch.ts
var MAX_LANES = 32;
var MAX_BYTES = 256 * 2 ** 20;
function batchesOf({ parameters, sections, intsSize }, arena, allocate2, { size: size2, threads }) {
  const line = 64 / arena.BYTES_PER_ELEMENT;
  const stride2 = Math.ceil(arena.length / line) * line;
  const fitting = Math.floor(MAX_BYTES / (stride2 * arena.BYTES_PER_ELEMENT));
  const lanes = Math.max(1, Math.min(size2, MAX_LANES, fitting));
  const numbers = allocate2(lanes * stride2);
  for (let lane = 0; lane < lanes; lane++) numbers.set(arena, lane * stride2);
  return {
    size: size2,
    threads,
    parameters: parameters.offset,
    parameterCount: parameters.size,
    gradients: parameters.gradients,
    backward: sections.backward,
    lanes,
    stride: stride2,
    numbers,
    ints: new Int32Array(lanes * intsSize),
    sums: allocate2(lanes * parameters.size)
  };
}
var FeedColumns = class {
  /** @param intsSize the number of integer slots per example */
  constructor(inputs, intsSize, count2) {
    this.intsSize = intsSize;
    this.count = count2;
    const { floats, indices } = inputs;
    this.indices = indices;
    this.offsets = new Int32Array(floats.length);
    let size2 = 0;
    floats.forEach((input, i) => {
      this.offsets[i] = size2;
      size2 += input.size;
    });
    const starts = (first, each) => Int32Array.from({ length: count2 }, (_, example) => first + example * each);
    const ints = this.ints = new Int32Array(count2 * intsSize);
    const numbers = this.numbers = new Float64Array(count2 * size2);
    this.columns = {
      indices: indices.map(({ slot, size: size3, needs, limits, readAbove: positions }) => ({
        ...{ slot, size: size3, values: ints, starts: starts(slot, intsSize), needs, limits, positions }
      })),
      numbers: floats.map(({ offset, size: own }, i) => ({
        ...{ offset, size: own, values: numbers, starts: starts(this.offsets[i], size2) }
      })),
      lengths: new Int32Array(count2)
    };
  }
  /**
   * Reads the feeds of the examples.
   *
   * @throws FeedError, which names the example
   */
  read(reader, examples) {
    const { count: count2, ints, intsSize, offsets, numbers } = this;
    const size2 = numbers.length / count2;
    for (let i = 0; i < count2; i++) {
      try {
        reader.read(examples[i], {
          numbers: size2 === 0 ? numbers : numbers.subarray(i * size2, (i + 1) * size2),
          offsets,
          inverseCount: -1,
          ints,
          firstSlot: i * intsSize
        });
      } catch (error) {
        if (error instanceof FeedError) error.message = `example ${i}: ${error.message}`;
        throw error;
      }
      this.columns.lengths[i] = reader.length;
    }
  }
};
function listOfFeeds(examples) {
  const isObject = typeof examples === "object" && examples !== null;
  const count2 = isObject ? examples.length : void 0;
  if (count2 === void 0)
    throw new TypeError(
      `the examples of a batch: ${shown(examples)}, expected an array of feeds, one object per example`
    );
  if (count2 === 0) throw new FeedError("a batch of no examples: feed at least one");
  const given2 = [];
  for (let i = 0; i < checkInteger("examples", count2, 1); i++) {
    const example = examples[i];
    checkObject(`example ${i}`, example, "an object with numbers for each input");
    given2.push(example);
  }
  return given2;
}

// lib/runtime/options.ts
var PROGRAM_OPTIONS = {
  dtype: true,
  isa: true,
  passes: true,
  batches: true,
  sequence: true,
  detectAnomaly: true
};
function checkDType(dtype2 = "float64") {
  return checkOneOf("dtype", dtype2, ["float64", "float32"]);
}

// lib/runtime/residence.ts
var Residence = class {
  constructor(program, placed) {
    this.program = program;
    this.held = placed.map(({ node, offset, isTrained }) => ({ value: node, offset, isTrained }));
  }
  /**
   * Copies the parameters from wherever they live, including numbers that were set through `.data`.
   * Parameters of the program's type then live here. Those of another type, which a copy may round, stay
   * where they are, and are copied again only after they changed.
   */
  takeAll() {
    const { program } = this;
    program.resident = true;
    for (const held of this.held) {
      const { value, offset } = held;
      const memory = value.memory;
      const home = memory.home?.program;
      if (home === program) continue;
      const isOfType = (home?.dtype ?? "float64") === program.dtype;
      if (!isOfType) {
        program.resident = false;
        const source2 = home ?? memory.initial;
        if (source2 === held.source && home?.writes === held.writes && memory.version === held.version && !memory.isLent)
          continue;
        held.source = source2;
        held.writes = home?.writes;
        held.version = memory.version;
      }
      program.arena.set(value.peek("data"), offset);
      if (isOfType) this.house(held);
    }
  }
  /** Makes the program the home of the parameters that it trains. Returns where they lived before. */
  takeTrained() {
    const { program } = this;
    const homes = [];
    program.resident = true;
    for (const held of this.held) {
      const { value } = held;
      const { home } = value.memory;
      if (home?.program === program) continue;
      if (!held.isTrained) {
        program.resident = false;
        continue;
      }
      homes.push([value, home]);
      this.house(held);
    }
    return homes;
  }
  house(held) {
    const memory = held.value.memory;
    if (memory.home) memory.home.program.resident = false;
    memory.home = { program: this.program, offset: held.offset };
    held.source = void 0;
    memory.isLent = false;
  }
  /** Undoes `takeTrained`. */
  giveBack(homes) {
    for (const [value, home] of homes) {
      if (home) value.memory.home = home;
      else delete value.memory.home;
      this.program.resident = false;
    }
  }
};
function readFrom(program, nodes, what) {
  for (const node of nodes) {
    const memory = node.memory ??= {};
    if (memory[what]) memory[what].isRead[what] = false;
    memory[what] = program;
  }
  program.isRead[what] = true;
}

// lib/runtime/series.ts
var NO_RULES = new Float64Array();
var NO_INTEGERS = new Int32Array();
function examplesOf({ inputs, feeds }, dataset) {
  const { count: count2, inputs: given2 } = checkDataset(dataset);
  feeds.checkNames(given2);
  const columns = new Map(inputs.names.map((name) => [name, byName(given2, name) ?? void 0]));
  const column = (input, ...kinds) => readColumn(input, columns.get(input.name), kinds, count2);
  const indices = inputs.indices.filter(
    ({ name, needs }) => columns.get(name) !== void 0 || needs.some((n) => n > 0)
  );
  const floats = inputs.floats.filter(({ name, isRead }) => isRead || columns.get(name) !== void 0);
  const { countName } = inputs;
  const checked2 = {
    indices: indices.map((index2) => {
      const { values, starts } = column(index2, Int32Array);
      const { slot, size: size2, reads: needs, limits, readAbove: positions } = index2;
      return {
        slot,
        size: size2,
        values,
        ...starts && { starts },
        needs,
        limits,
        positions
      };
    }),
    numbers: floats.map((input) => {
      const { values, starts } = column(input, Float64Array, Float32Array);
      const { offset, size: size2 } = input;
      return { offset, size: size2, values, ...starts && { starts } };
    }),
    lengths: countName === void 0 ? NO_INTEGERS : lengthsOf(countName, column({ name: countName, label: "the length", size: 1 }, Int32Array), count2)
  };
  return { columns: checked2, indices, count: count2 };
}
function seriesOf({ lowered: lowered2, inverseCount, loss: loss2 }, examples) {
  const { columns, indices, count: count2 } = examples;
  const spec = {
    ...columns,
    inverseCount,
    end: lowered2.sections.forward,
    loss: loss2,
    rule: lowered2.parameters.rule,
    ruleSize: 0,
    rules: NO_RULES,
    stepSlots: NO_INTEGERS,
    firstStep: 0,
    stops: 0
  };
  return { spec, indices, count: count2 };
}
function feedsOf({ inputs }, { spec, indices }, example) {
  const length = spec.lengths[example] ?? inputs.maxLength;
  const fed = /* @__PURE__ */ Object.create(null);
  spec.indices.forEach(({ values, starts, size: size2 }, i) => {
    const start = starts?.[example] ?? example * size2;
    const { name, reads } = indices[i];
    fed[name] = values.slice(start, start + reads[length]);
  });
  for (const { offset, values, starts, size: size2 } of spec.numbers) {
    const start = starts?.[example] ?? example * size2;
    const { name } = inputs.floats.find((input) => input.offset === offset);
    fed[name] = values.slice(start, start + size2);
  }
  if (inputs.countName !== void 0) fed[inputs.countName] = length;
  return fed;
}
function readColumn({ name, label: label2, size: size2 }, given2, kinds, count2) {
  if (given2 === void 0) throw new FeedError(`input '${name}' is missing: ${label2} needs a column`);
  const first = kinds[0].name;
  checkColumn(name, given2, first);
  const { values, starts } = given2;
  if (starts !== void 0 && !isOfKind(starts, Int32Array)) {
    throw new FeedError(
      `input '${name}': starts ${shown(starts)}: expected an Int32Array, an offset in the column for each example`
    );
  }
  if (!kinds.some((kind) => isOfKind(values, kind))) {
    const isNested = describe(values) === "nested arrays";
    throw new FeedError(
      `input '${name}': ${isNested ? "nested arrays" : `values ${shown(values)}`}: ${label2} needs a column of ${kinds.map((kind) => kind.name).join(" or ")}: all rows in one flat array, ${first}.from(${isNested ? "rows.flat()" : isArray(values) ? "values" : "..."})`
    );
  }
  const places = starts ?? values;
  const needed = starts ? count2 : count2 * size2;
  if (places.length < needed) {
    throw new FeedError(
      `input '${name}': ${counted(places.length, starts ? "start" : "number")} for ${counted(count2, "example")}: ${label2} needs ${needed}`
    );
  }
  return { values: unshared(values), ...starts && { starts: unshared(starts) } };
}
function lengthsOf(name, { values, starts }, count2) {
  if (!starts) return values;
  return Int32Array.from({ length: count2 }, (_, i) => {
    const length = values[starts[i]];
    if (length === void 0)
      throw new FeedError(
        `example ${i}: input '${name}': ${outOfColumn(i, starts[i], "an integer, the length", values)}`
      );
    return length;
  });
}
function outOfColumn(example, start, needed, values) {
  return `starts[${example}] is ${start}, and from there this run needs ${needed}, but its column has ${values.length} values: give more values, or another start`;
}
function seriesError({ inputs, feeds }, series, fault, refuseRun) {
  const [example] = fault;
  try {
    if (fault.length === 4) refuseRun([fault[1], fault[2], fault[3]], ` of example ${example}`);
    const length = series.spec.lengths[example] ?? inputs.maxLength;
    if (inputs.countName !== void 0) feeds.checkLength(length);
    refuseColumn(inputs, feeds, series, fault, length);
  } catch (error) {
    if (error instanceof FeedError) error.message = `example ${example}: ${error.message}`;
    return error;
  }
}
function refuseColumn({ floats }, feeds, { spec, indices }, [example, column, element], length) {
  if (column >= spec.indices.length) {
    const { starts: starts2, values: values2, size: size3, offset } = spec.numbers[column - spec.indices.length];
    const { name, label: label2 } = floats.find((input) => input.offset === offset);
    const needed = `${counted(size3, "number")} for ${label2}`;
    const start2 = starts2?.[example] ?? example * size3;
    throw new FeedError(`input '${name}': ${outOfColumn(example, start2, needed, values2)}`);
  }
  const { starts, values, size: size2 } = spec.indices[column];
  const index2 = indices[column];
  const start = starts?.[example] ?? example * size2;
  const x = values[start + element];
  if (x === void 0) {
    const needed = `${counted(index2.reads[length], "integer")} for ${index2.label}`;
    throw new FeedError(`input '${index2.name}': ${outOfColumn(example, start, needed, values)}`);
  }
  feeds.checkElement(index2, element, x, length);
  throw new FeedError("it was changed during training");
}

// lib/runtime/program.ts
var NO_STEP = -1;
var Program = class _Program {
  /** @hidden */
  constructor(plan2, options = {}) {
    /**
     * Whether this program holds the newest numbers of its parameters, all of which live here.
     *
     * @hidden
     */
    this.resident = false;
    /**
     * How often training may have changed numbers that live here.
     *
     * @hidden
     */
    this.writes = 0;
    /**
     * Whether the data, or the gradient, of every node are read here now: no other program ran with one of
     * them since.
     *
     * @hidden
     */
    this.isRead = { data: false, gradient: false };
    /** What `runRange` runs: prefix lengths from and to, instructions from and to. */
    this.range = new Int32Array(4);
    /** How many runs have trained: what a training step reads as its number. */
    this.steps = 0;
    this.hasRun = false;
    checkObject("a program", plan2, "an object { groups, gradients }, which compile and optimisers make");
    checkOptions("a program", options, PROGRAM_OPTIONS);
    const { dtype: dtype2, isa, passes = ALL_PASSES, batches, sequence, detectAnomaly = false } = options;
    const { gradients, update } = plan2;
    checkBoolean("detectAnomaly", detectAnomaly);
    this.detectsAnomaly = detectAnomaly;
    this.trains = update !== void 0;
    if (detectAnomaly && !this.trains)
      throw new TypeError(
        "detectAnomaly looks at training steps, and this program takes none: give it to minimize, as in minimize(loss, { detectAnomaly: true })"
      );
    this.dtype = checkDType(dtype2);
    this.isa = chosenIsa(isa);
    const request = { gradients, update, detectAnomaly, dtype: this.dtype, passes: checkPasses(passes) };
    if (batches !== void 0) checkBoolean("batches", batches);
    if (batches && !this.trains)
      throw new TypeError(
        "batches is for training by stepBatch, and this program takes no steps: give it to minimize, as in minimize(loss, { batches: true })"
      );
    const groups = groupsOf("groups", plan2.groups);
    const own = sequence === void 0 ? void 0 : groupsOf("sequence", sequence);
    this.roots = groups.flat();
    const root = this.roots[0];
    if (!root) throw new TypeError("a program computes at least one Value: there is none");
    this.inspects = gradients === "all";
    const { compiled, traced } = compileGraph({
      ...request,
      groups,
      sequence: own,
      batches: batches === true
    });
    const { lowered: lowered2, leaves } = compiled;
    this.compiled = compiled;
    this.lowered = lowered2;
    this.sequence = compiled.hasSequence ? sequence : plan2.groups;
    this.groups = compiled.hasSequence ? own : groups;
    this.maxLength = compiled.maxLength;
    this.counts = compiled.counts;
    this.hasGradients = compiled.hasGradients;
    this.handle = createHandle(lowered2, this.dtype, this.isa);
    this.memory = allocateAligned(this.dtype, lowered2.arenaSize);
    this.ints = new Int32Array(lowered2.intsSize);
    this.runRange = this.bind();
    for (const { value, offset } of lowered2.constants) this.arena[offset] = value;
    this.residence = new Residence(this, leaves.parameters);
    this.parameterCount = leaves.parameters.reduce((count2, { node }) => count2 + sizeOf(node.shape), 0);
    this.inputs = inputsOf(compiled, traced, groups);
    this.feeds = new FeedReader(this.inputs);
    this.target = {
      numbers: this.memory,
      offsets: Int32Array.from(this.inputs.floats, ({ offset }) => offset),
      inverseCount: leaves.inverseCount,
      ints: this.ints,
      firstSlot: 0
    };
    this.setStep(NO_STEP);
    this.ruleSize = update?.numbers ?? 0;
    this.skips = update?.before?.some((step) => step.op === "check" && step.skips) === true;
    this.rootOffset = lowered2.view(compiled.numbers.get(root))?.offset ?? 0;
    this.isEmpty = sizeOf(root.shape) === 0;
    if (update) this.checkRoot();
  }
  /** Whoever asks for the root's first number asks for one that is there. */
  checkRoot() {
    if (this.isEmpty) throw new ShapeError(`${this.rootLabel} holds no numbers: a loss is one number`);
  }
  get rootLabel() {
    return this.roots[0].label;
  }
  /**
   * All the program's numbers.
   *
   * @throws BusyError while the program trains in the background, as does all else that needs them
   */
  get arena() {
    return this.memory ?? this.refuseWhileBusy();
  }
  refuseWhileBusy() {
    throw new BusyError(
      `${this.rootLabel} is being trained in the background: wait for the promise of train, stepEachAsync or the next of steps`
    );
  }
  bind() {
    return addon.bind(this.handle, this.arena, this.ints, this.range);
  }
  // --- runs ---
  /**
   * Computes the first root: returns its numbers, row-major, a view into the program's memory.
   *
   * @throws FeedError when an input is missing, unknown, or given what it cannot take
   */
  forward(feeds) {
    this.feed(feeds);
    this.run(0, this.feeds.length, 0, this.lowered.sections.forward);
    return this.read(this.roots[0]);
  }
  /** Computes group `at` of a sequence, the earlier groups having been computed in order. */
  advance(feeds, at2) {
    checkInteger("group", at2, 0, this.maxLength - 1);
    this.checkMemory();
    this.feeds.length = at2 + 1;
    this.feed(feeds);
    this.run(at2, at2 + 1, 0, this.lowered.sections.forward);
  }
  /**
   * Runs the positions of a sequence `count` times, in one native call: after each position an integer is
   * drawn from softmax(the position's group / temperature), element by element its group, and fed to
   * the next position, until `stop` is drawn or the positions end. Returns the integers of each run, those
   * of the prefix and `stop` included. An integer drawn takes one number of `random`, whatever topK is.
   *
   * @throws RangeError when an option is out of its range, or a group holds what is no distribution:
   * NaN, or infinity
   * @throws FeedError when no position can read `start` or an integer of the prefix
   */
  generate(random, options) {
    this.checkMemory();
    const request = readGenerateOptions(random, options);
    this.checkMemory();
    const sampler = this.sampler ??= new SequenceSampler(
      this.compiled,
      this.groups,
      this.inputs,
      this.feeds
    );
    const index2 = sampler.prepare(request, this.ints);
    if (!this.resident) this.residence.takeAll();
    const { sequences, fault } = sampler.run(this.handle, this.arena, this.ints, index2, request);
    this.hasRun = true;
    if (fault) throw indexError(this.lowered, this.compiled.ir, fault, "");
    return sequences;
  }
  /** Gradients at the numbers of the last forward(). */
  backward() {
    if (!this.compiled.gradientNodes) throw new Error("this program was compiled without gradients");
    this.checkMemory();
    if (!this.hasRun) throw new Error(`backward() of ${this.rootLabel} before forward()`);
    const { forward, backward } = this.lowered.sections;
    this.run(0, this.feeds.length, forward, backward);
    if (this.inspects && !this.isRead.gradient) readFrom(this, this.compiled.numbers.keys(), "gradient");
  }
  /** Forward, backward and update in one native call; returns the root's first number. */
  step(feeds) {
    this.checkTrains("step");
    this.feed(feeds);
    const { skipped } = this;
    this.setStep(this.steps);
    try {
      this.run(0, this.feeds.length, 0, this.lowered.sections.update);
    } finally {
      this.setStep(NO_STEP);
    }
    this.steps++;
    if (!this.resident && this.skipped === skipped) this.residence.takeTrained();
    this.writes++;
    return this.arena[this.rootOffset];
  }
  /**
   * One update from the mean of several examples' gradients, on so many threads, whose number changes no
   * bit of it. Its loss is the mean of theirs.
   *
   * @hidden
   */
  stepBatch(examples, threads, rulesOf2) {
    this.checkTrains("stepBatch");
    const given2 = listOfFeeds(examples);
    const size2 = given2.length;
    this.checkBatching({ size: size2, threads });
    this.checkMemory();
    if (this.fed?.count !== size2) this.fed = new FeedColumns(this.inputs, this.ints.length, size2);
    this.fed.read(this.feeds, given2);
    this.checkMemory();
    return this.runSeries(this.fed, 0, size2, rulesOf2, { size: size2, threads });
  }
  checkBatching({ size: size2, threads }) {
    checkInteger("batch", size2, 1);
    checkInteger("threads", threads, 1);
    const { withGradient, size: all2 } = this.lowered.parameters;
    if (withGradient < all2)
      throw new Error("this training was compiled for single examples: minimize(loss, { batches: true })");
  }
  /** The memory for batches of a size, made once. */
  memoryOf(batching) {
    const { batches, arena, lowered: lowered2 } = this;
    const { size: size2, threads } = batching;
    if (batches?.size === size2) return this.batches = { ...batches, threads };
    return this.batches = batchesOf(lowered2, arena, (n) => allocateAligned(this.dtype, n), batching);
  }
  /** @throws TypeError where there is no update: a step would change nothing */
  checkTrains(what) {
    if (!this.trains)
      throw new TypeError(
        `${what} of ${this.rootLabel}: this program was compiled without an update: train with an optimiser, as in new SGD({ learningRate }).minimize(loss), or take evaluate(feeds)`
      );
  }
  setStep(step) {
    for (const slot of this.compiled.leaves.stepSlots) this.ints[slot] = step;
  }
  /** One part of a step alone, with what was fed last: to measure it. */
  runPart(part) {
    const { forward, backward, update } = this.lowered.sections;
    if (!["forward", "backward", "update"].includes(part))
      throw new TypeError(`part ${shown(part)}: expected 'forward', 'backward' or 'update'`);
    const [begin, end] = { forward: [0, forward], backward: [forward, backward], update: [backward, update] }[part];
    this.run(0, this.feeds.length, begin, end);
  }
  /** Forward alone; returns the root's first number. */
  evaluate(feeds) {
    this.checkRoot();
    this.feed(feeds);
    this.run(0, this.feeds.length, 0, this.lowered.sections.forward);
    return this.arena[this.rootOffset];
  }
  feed(feeds) {
    this.checkMemory();
    this.feeds.read(feeds, this.target);
  }
  run(from, to, begin, end) {
    if (!this.resident) this.residence.takeAll();
    const { range } = this;
    this.checkMemory();
    range[0] = from;
    range[1] = to;
    range[2] = begin;
    range[3] = end;
    if (this.inspects && !this.isRead.data) readFrom(this, this.compiled.numbers.keys(), "data");
    const fault = this.runRange();
    this.hasRun = true;
    if (fault) this.refuseRun(fault);
  }
  // --- series ---
  /**
   * Does what `step` (with `rulesOf`), `stepBatch` (with `batching` too) or `evaluate` does, on examples
   * `from` to before `to`, one after another in one native call. Steps end after a loss that is not finite,
   * unless such steps are skipped. Returns the losses, and the error that ended the runs early.
   *
   * @hidden
   */
  runEach(dataset, from, to, rulesOf2, batching) {
    this.checkRoot();
    return this.runSeries(examplesOf(this.seriesSource, dataset), from, to, rulesOf2, batching);
  }
  runSeries(examples, from, to, rulesOf2, batching) {
    const series = this.startSeries(examples, from, to, rulesOf2, batching);
    const result = addon.runSeries(this.handle, this.arena, this.ints, series.spec, from, series.losses);
    return this.endSeries(series, result);
  }
  /**
   * What `runEach` does, in the background: until the promise is settled, what needs the program's
   * memory throws a `BusyError`. Ends before the next example when `stop`, on shared memory, is not 0.
   *
   * @hidden
   */
  async runEachAsync(dataset, from, to, stop, rulesOf2, batching) {
    this.checkRoot();
    const examples = examplesOf(this.seriesSource, dataset);
    const series = this.startSeries(examples, from, to, rulesOf2, batching);
    const homes = this.residence.takeTrained();
    const { ints } = this;
    const arena = moved(this.arena);
    this.memory = void 0;
    let result;
    try {
      result = await addon.runSeriesAsync(this.handle, arena, ints, series.spec, from, series.losses, stop);
    } finally {
      this.memory = this.target.numbers = arena;
      this.runRange = this.bind();
    }
    if (stepsTaken(series, result) === this.skipped - series.skipped) this.residence.giveBack(homes);
    return this.endSeries(series, result);
  }
  get seriesSource() {
    const { inputs, feeds, lowered: lowered2, rootOffset: loss2 } = this;
    return { inputs, feeds, lowered: lowered2, inverseCount: this.target.inverseCount, loss: loss2 };
  }
  startSeries(examples, from, to, rulesOf2, batching) {
    const series = seriesOf(this.seriesSource, examples);
    checkExampleRange(from, to, series.count);
    if (batching) this.checkBatching(batching);
    this.checkMemory();
    const size2 = batching?.size ?? 1;
    if (rulesOf2) {
      Object.assign(series.spec, {
        rules: rulesOf2(Math.ceil((to - from) / size2)),
        ruleSize: this.ruleSize,
        stepSlots: Int32Array.from(this.compiled.leaves.stepSlots),
        firstStep: this.steps,
        end: this.lowered.sections.update,
        stops: this.skips ? 0 : 1,
        batches: batching && this.memoryOf(batching)
      });
    }
    if (!this.resident) this.residence.takeAll();
    const losses = new Float64Array(to - from);
    return { ...series, from, losses, trains: rulesOf2 !== void 0, skipped: this.skipped };
  }
  endSeries(series, result) {
    const { spec, from, trains, skipped } = series;
    this.setStep(NO_STEP);
    this.hasRun = true;
    const isWhole = typeof result === "number";
    const steps = stepsTaken(series, result);
    const size2 = spec.batches?.size ?? 1;
    const runs = Math.min(steps * size2, series.losses.length);
    if (trains) {
      this.steps += runs;
      if (!this.resident && steps > this.skipped - skipped) this.residence.takeTrained();
      this.writes++;
    }
    if (runs > 0) this.feeds.length = spec.lengths[from + runs - 1] ?? this.maxLength;
    const { rules } = spec;
    const run = { losses: meansOf(series.losses.subarray(0, runs), size2), rules };
    if (isWhole) return run;
    const refuse2 = (fault, where2) => {
      if (!spec.batches || !isNotFinite2(fault)) this.refuseRun(fault, where2);
      const count2 = Math.min(size2, series.losses.length - runs);
      const feeds = Array.from(
        { length: count2 },
        (_, i) => feedsOf(this.seriesSource, series, from + runs + i)
      );
      this.refuseRun(fault, "", feeds);
    };
    return { ...run, error: seriesError(this.seriesSource, series, result, refuse2) };
  }
  // --- what training keeps ---
  /** Sets number i of the update rule (learning rate, momentum, ...). */
  setRule(i, value) {
    checkInteger("number", i, 0, this.ruleSize - 1);
    if (typeof value !== "number")
      throw new TypeError(`number ${i} of the update rule: ${shown(value)}, expected a number`);
    this.arena[this.lowered.parameters.rule + i] = value;
  }
  /**
   * Sets all numbers of the update rule.
   *
   * @hidden
   */
  setRules(numbers) {
    if (!(numbers instanceof Float64Array) || numbers.length !== this.ruleSize)
      throw new TypeError(
        `numbers of the update rule: ${shown(numbers)}, expected a Float64Array of ${this.ruleSize}`
      );
    const { arena, ruleSize } = this;
    const { rule } = this.lowered.parameters;
    for (let i = 0; i < ruleSize; i++) arena[rule + i] = numbers[i];
  }
  /**
   * What training keeps from step to step besides the parameters: how many runs have trained, by which
   * dropout draws; the update rule's numbers; the moments of each parameter that is trained, views of
   * the memory.
   *
   * @hidden
   */
  get trained() {
    const { arena, steps: runs } = this;
    const { offset: first, moments, rule } = this.lowered.parameters;
    const trained = this.residence.held.filter(({ isTrained }) => isTrained);
    const momentsOf = ({ value, offset }) => moments.map((moment) => {
      const at2 = moment + offset - first;
      return arena.subarray(at2, at2 + sizeOf(value.shape));
    });
    return {
      runs,
      rule: Array.from(arena.subarray(rule, rule + this.ruleSize)),
      moments: new Map(trained.map((held) => [held.value, momentsOf(held)]))
    };
  }
  /**
   * How many updates were skipped.
   *
   * @hidden
   */
  get skipped() {
    return this.skips ? this.arena[this.lowered.parameters.skips] : 0;
  }
  /**
   * Sets how many runs have trained, as if they had run here.
   *
   * @hidden
   */
  setRuns(runs) {
    this.steps = checkInteger("runs", runs, 0, MAX_STEPS);
  }
  // --- reading ---
  /** What one run of all instructions does at a prefix length, by opcode. */
  work(length = this.maxLength) {
    checkInteger("length", length, 0, this.maxLength);
    return account(this.lowered, this.dtype === "float32" ? 4 : 8, length);
  }
  /** How many of the compiler's nodes the program needs. */
  countNodes() {
    const { ir, kept } = this.compiled;
    return countUses(ir, kept).filter((uses) => uses > 0).length;
  }
  /** A node's numbers after a run, row-major: a view where they lie together, else a copy. */
  read(node) {
    return this.numbersOf(this.numberOf(node));
  }
  /** A node's gradient after backward(); zeros where none flowed. */
  readGradient(node) {
    const number2 = this.numberOf(node);
    const gradient = this.compiled.gradientNodes?.[number2] ?? -1;
    return gradient < 0 ? allocate(this.dtype, sizeOf(node.shape)) : this.numbersOf(gradient);
  }
  /** An index node's integers in the last run. */
  readIntegers(node) {
    const slot = this.lowered.slot(this.numberOf(node));
    return this.ints.subarray(slot, slot + sizeOf(node.shape));
  }
  numberOf(node) {
    const number2 = this.compiled.numbers.get(node);
    if (number2 !== void 0) return number2;
    throw new Error(`${node instanceof Node ? node.label : shown(node)} is no part of this program`);
  }
  numbersOf(number2) {
    const view = this.lowered.view(number2);
    if (!view) throw new Error(`${this.compiled.ir.label(number2)} holds no numbers`);
    const size2 = sizeOf(view.shape);
    if (isDense(view)) return this.arena.subarray(view.offset, view.offset + size2);
    const copy2 = allocate(this.dtype, size2);
    offsetsOf(view).forEach((at2, i) => copy2[i] = this.arena[at2]);
    return copy2;
  }
  // --- faults ---
  /**
   * Throws where the program's memory cannot be used.
   *
   * @hidden
   */
  checkMemory() {
    if (this.feeds.isReading)
      throw new FeedError("a getter among the feeds runs the program that they are for: run it before");
    if (this.arena.length !== this.lowered.arenaSize)
      throw new Error(
        "the program's memory is gone: an array of its numbers was transferred; transfer a copy"
      );
  }
  /**
   * Refuses a run on the program's own memory: the gradients added so far must not reach the next one.
   *
   * @param examples what a batch was fed
   */
  refuseRun(fault, where2 = "", examples) {
    const { gradients, withGradient } = this.lowered.parameters;
    const error = isNotFinite2(fault) ? this.nonFiniteError(where2, examples) : void 0;
    this.arena.fill(0, gradients, gradients + withGradient);
    throw error ?? indexError(this.lowered, this.compiled.ir, fault, where2);
  }
  /** The error of a step that met NaN or infinity, whose gradients are still in memory. */
  nonFiniteError(where2, examples) {
    const found3 = gradientNotFinite(this.arena, this.lowered, this.residence.held) ?? `the loss, ${this.rootLabel}, is ${this.arena[this.rootOffset]}`;
    if (this.detectsAnomaly)
      return new NonFiniteError(`${found3}${where2}. ${this.origin(examples)}. No parameter was changed`);
    return new NonFiniteError(
      `${found3}${where2}. No parameter was changed. Lower the learning rate, or leave such steps out (onNonFinite: 'skip'); minimize(loss, { detectAnomaly: true }) names the value from which it comes`
    );
  }
  /**
   * Where in the graph NaN or infinity appeared first: what was fed last, or each example, is run again
   * with every value readable.
   */
  origin(examples) {
    const root = this.roots[0];
    const { dtype: dtype2, isa, steps } = this;
    const inspector = new _Program({ groups: [[root]], gradients: "all" }, { dtype: dtype2, isa });
    for (let i = 0; i < (examples?.length ?? 1); i++) {
      inspector.feed(examples?.[i] ?? this.lastFed());
      const { length } = inspector.feeds;
      inspector.setStep(steps + i);
      inspector.run(0, length, 0, inspector.lowered.sections.backward);
      inspector.setStep(NO_STEP);
      const found3 = originOf(root, {
        data: (node) => inspector.read(node),
        gradient: (node) => inspector.readGradient(node),
        integers: (node) => inspector.readIntegers(node),
        length
      });
      if (found3 !== void 0) return examples ? `Example ${i}: first, ${found3}` : `First, ${found3}`;
    }
    return "Value by value, as forward() and backward() compute them, all numbers are finite";
  }
  /** What the memory holds of the feeds. */
  lastFed() {
    const { floats, indices, countName } = this.inputs;
    const { length } = this.feeds;
    const fed = /* @__PURE__ */ Object.create(null);
    for (const { name, offset, size: size2 } of floats) fed[name] = this.arena.slice(offset, offset + size2);
    for (const { name, slot, reads } of indices)
      fed[name] = name === countName ? length : this.ints.slice(slot, slot + reads[length]);
    return fed;
  }
};
function stepsTaken({ spec, from }, result) {
  const size2 = spec.batches?.size ?? 1;
  return typeof result === "number" ? Math.ceil(result / size2) : Math.floor((result[0] - from) / size2);
}
function meansOf(losses, size2) {
  if (size2 === 1) return losses;
  return Float64Array.from({ length: Math.ceil(losses.length / size2) }, (_, i) => {
    const batch = losses.subarray(i * size2, (i + 1) * size2);
    return batch.reduce((sum3, loss2) => sum3 + loss2, 0) / batch.length;
  });
}
function createHandle(lowered2, dtype2, isa) {
  const { arenaSize, intsSize, maxLength, extents, code, bytecode: bytecode2 } = lowered2;
  return addon.createProgram({
    float32: dtype2 === "float32",
    isa,
    arenaSize,
    intsSize,
    maxLength,
    extents,
    code,
    scalarBytecode: bytecode2
  });
}

// lib/study/sampling.ts
var SAMPLE_OPTIONS = {
  count: true,
  temperature: true,
  topK: true,
  prefix: true
};
var Sampler = class {
  constructor(model2, tokenizer, target = {}, trained) {
    this.tokenizer = tokenizer;
    checkObject("sampling: model", model2, "a model made by buildModel");
    if (!(tokenizer instanceof Tokenizer))
      throw new TypeError(`sampling: tokenizer ${shown(tokenizer)}: expected a Tokenizer`);
    checkOptions("sampling: target", target, PROGRAM_OPTIONS);
    if (trained !== void 0 && !(trained instanceof Program))
      throw new TypeError(
        `sampling: trained ${shown(trained)}: expected a Program, such as training.program`
      );
    const { logits } = model2;
    this.program = trained !== void 0 && trained.sequence === logits ? trained : new Program({ groups: logits, gradients: "none" }, target);
  }
  /**
   * The tokens of `count` documents: BOS, the prefix, then tokens drawn from softmax(logits / temperature),
   * limited to the top k. A document ends with the next BOS, which is included, or at the model's last
   * position. Each drawn token takes one number from `random`, whatever topK is.
   *
   * @throws DataError when the prefix has an unknown token, or as many tokens as the model has positions
   * @throws RangeError when a number is out of range, or logits are NaN or infinite
   * @throws TypeError when the prefix is neither a string nor an array
   */
  tokens(random, options) {
    const { bos } = this.tokenizer;
    checkOptions("sampling", options, SAMPLE_OPTIONS);
    const { count: count2, temperature, topK, prefix } = options;
    const spec = { input: "tokens", start: bos, stop: bos, count: count2, temperature };
    return this.program.generate(random, {
      ...spec,
      ...topK !== void 0 && { topK },
      ...prefix !== void 0 && { prefix: this.encode(prefix) }
    });
  }
  encode(prefix) {
    const { tokenizer, program } = this;
    if (typeof prefix !== "string" && !Array.isArray(prefix) && !(prefix instanceof Int32Array)) {
      throw new TypeError(`prefix ${shown(prefix)}: expected a string or an array of tokens`);
    }
    const tokens = typeof prefix === "string" ? tokenizer.encode(prefix).slice(1, -1) : prefix;
    const positions = program.maxLength;
    if (tokens.length >= positions) {
      throw new DataError(
        `the prefix has ${tokens.length} tokens: the model has ${positions} positions, so a prefix has at most ${positions - 1}`
      );
    }
    return Int32Array.from(tokens, (token) => {
      if (Number.isInteger(token) && token >= 0 && token < tokenizer.bos) return token;
      throw new DataError(
        `the prefix has a token ${shown(token)}: tokens of characters go from 0 to ${tokenizer.bos - 1}`
      );
    });
  }
};
function sample(model2, tokenizer, random, options) {
  checkOptions("sample", options, { ...SAMPLE_OPTIONS, target: true, trained: true });
  const { target, trained, ...rest } = options;
  const documents = new Sampler(model2, tokenizer, target, trained).tokens(random, rest);
  return documents.map((tokens) => tokenizer.decode(tokens));
}

// lib/study/train.ts
var ExperimentError = class extends Error {
  constructor() {
    super(...arguments);
    this.name = "ExperimentError";
  }
};
var TARGET_OPTIONS = { dtype: true, isa: true, passes: true };
var TRAIN_OPTIONS = {
  ...TARGET_OPTIONS,
  ...BACKGROUND_OPTIONS,
  steps: true,
  seed: true,
  lr: true,
  tokenizer: true
};
function targetOf2({ dtype: dtype2, isa, passes }) {
  return {
    ...dtype2 !== void 0 && { dtype: dtype2 },
    ...isa !== void 0 && { isa },
    ...passes !== void 0 && { passes }
  };
}
function checkLoss(loss2, step, who) {
  if (Number.isFinite(loss2)) return;
  throw new ExperimentError(
    `${who}: the loss is ${loss2} at step ${step}: training diverged; give a lower learning rate`
  );
}
async function* trainSteps(model2, docs, options = {}) {
  checkOptions("train", options, TRAIN_OPTIONS);
  checkObject("model", model2, "a model made by buildModel");
  checkFunction("optimizer of the model", model2.optimizer);
  checkObject("sizes of the model", model2.sizes, "those of a model made by buildModel");
  const { steps: count2 = DEFAULTS.steps, seed, lr, signal } = options;
  checkInteger("steps", count2, 0, MAX_STEPS);
  checkSignal(signal);
  const documents = checkDocuments(docs);
  const tokenizer = options.tokenizer ?? new Tokenizer(docs);
  if (!(tokenizer instanceof Tokenizer))
    throw new TypeError(`tokenizer ${shown(tokenizer)}: expected a Tokenizer`);
  const { vocabSize, blockSize } = model2.sizes;
  if (tokenizer.vocabSize !== vocabSize) {
    throw new DataError(
      `${options.tokenizer ? "the tokenizer has" : "the documents have"} ${tokenizer.vocabSize} tokens, the model was built for ${shown(vocabSize)}: give the tokenizer that it was built with`
    );
  }
  signal?.throwIfAborted();
  const order = seed === void 0 ? void 0 : new Random(seed).permutation(documents);
  const optimizer = model2.optimizer(count2, lr);
  checkObject("the result of the model's optimizer", optimizer, "an optimiser");
  checkFunction("minimize of the optimiser", optimizer.minimize);
  const training = optimizer.minimize(model2.loss, { ...targetOf2(options), sequence: model2.logits });
  const take = (at2, part, stop) => {
    const numbers = Int32Array.from({ length: part }, (_, i) => (at2 + i) % documents);
    const chosen = order ? numbers.map((number2) => order[number2]) : numbers;
    return training.stepSome(tokenizer.corpus(docs, chosen).dataset(blockSize), 0, part, stop);
  };
  const losses = new Float64Array(count2);
  let step = 0;
  for await (const part of inParts(count2, take, signal)) {
    losses.set(part, step);
    step += part.length;
    const loss2 = part.at(-1);
    if (loss2 === void 0) continue;
    checkLoss(loss2, step, "the model");
    yield { step, loss: loss2, losses: part };
  }
  return { losses, training, tokenizer };
}

// lib/study/models/sizes.ts
var MODEL_NAMES = ["scalar", "vector", "rnn", "rnn_att"];
var GPT = ["scalar", "vector"];
var SIZES = {
  nEmbd: { byDefault: 16, models: MODEL_NAMES },
  nHead: { byDefault: 4, models: GPT },
  nLayer: { byDefault: 1, models: GPT },
  blockSize: { byDefault: 16, models: MODEL_NAMES },
  nState: { byDefault: 32, models: ["rnn", "rnn_att"] },
  nAtt: { byDefault: 16, models: ["rnn_att"] }
};
var SIZE_NAMES = Object.keys(SIZES);
var DEFAULT_SIZES = Object.fromEntries(
  SIZE_NAMES.map((size2) => [size2, SIZES[size2].byDefault])
);
var SIZE_RULES = [
  {
    size: "nHead",
    other: "nEmbd",
    fits: ({ nHead, nEmbd }) => nEmbd % nHead === 0,
    misfit: "does not divide",
    why: "every head takes an equal part of the embedding"
  },
  {
    size: "nAtt",
    other: "nState",
    fits: ({ nAtt, nState }) => nAtt <= nState,
    misfit: "is more than",
    why: "only coordinates of the state can fire"
  }
];

// lib/graph/to-dot.ts
var OPTIONS = { data: true, grad: true, parametersByPosition: true };
function checkDrawOptions(who, options) {
  checkOptions(who, options, OPTIONS);
  for (const [name, given2] of Object.entries(options)) {
    if (given2 !== void 0) checkBoolean(`${who}: ${name}`, given2);
  }
}
var LEAVES3 = /* @__PURE__ */ new Set(["input", "index"]);
var SHOWN2 = 4;
function dot(root, options) {
  const boxes = arranged(root, options.parametersByPosition === true);
  const lines = boxes.map(({ node }, i) => {
    const text2 = label(node, options).map(dotText).join("\\n");
    const { op } = node;
    const looks = op === "parameter" ? ", style=filled" : LEAVES3.has(op) ? ", shape=ellipse" : "";
    return `  n${i} [label="${text2}"${looks}];`;
  });
  const arrows = boxes.flatMap(({ operands }, i) => operands.map((from) => `  n${from} -> n${i};`));
  return ["digraph {", "  node [shape=box];", ...lines, ...arrows, "}", ""].join("\n");
}
function mermaid(root, options) {
  const boxes = arranged(root, options.parametersByPosition === true);
  const lines = boxes.map(({ node }, i) => {
    const text2 = label(node, options).map(mermaidText).join("<br/>");
    const [open, close] = node.op === "parameter" ? ["[[", "]]"] : LEAVES3.has(node.op) ? ["([", "])"] : ["[", "]"];
    return `  n${i}${open}"${text2}"${close}`;
  });
  const arrows = boxes.flatMap(({ operands }, i) => operands.map((from) => `  n${from} --> n${i}`));
  return ["flowchart TD", ...lines, ...arrows, ""].join("\n");
}
function arranged(root, parametersByPosition) {
  const nodes = operandsFirst(root);
  const positions = parametersByPosition ? positionsOf(nodes) : void 0;
  const boxes = [];
  const numbers = /* @__PURE__ */ new Map();
  const copies = /* @__PURE__ */ new Map();
  const boxOf = (operand, user) => {
    if (!positions || operand.op !== "parameter") return numbers.get(operand);
    const position = positions.get(user);
    let copiesOfIt = copies.get(operand);
    if (!copiesOfIt) copies.set(operand, copiesOfIt = /* @__PURE__ */ new Map());
    let box = copiesOfIt.get(position);
    if (box === void 0) {
      box = boxes.push({ node: operand, operands: [] }) - 1;
      copiesOfIt.set(position, box);
    }
    return box;
  };
  for (const node of nodes) {
    if (positions && node.op === "parameter" && node !== root) continue;
    const operands = node.inputs.map((operand) => boxOf(operand, node));
    numbers.set(node, boxes.push({ node, operands }) - 1);
  }
  return boxes;
}
function operandsFirst(root) {
  const ordered = [];
  const entered = /* @__PURE__ */ new Set();
  const left2 = /* @__PURE__ */ new Set();
  const path = [root];
  for (let node = path.at(-1); node; node = path.at(-1)) {
    if (!entered.has(node)) {
      entered.add(node);
      const { inputs } = node;
      for (let i = inputs.length - 1; i >= 0; i--) if (!entered.has(inputs[i])) path.push(inputs[i]);
      continue;
    }
    path.pop();
    if (left2.has(node)) continue;
    left2.add(node);
    ordered.push(node);
  }
  return ordered;
}
function positionsOf(nodes) {
  const positions = /* @__PURE__ */ new Map();
  for (const node of [...nodes].reverse()) {
    const position = positions.get(node) ?? 0;
    positions.set(node, position);
    node.inputs.forEach((operand, i) => {
      const isTerm = node.attr.prefix === true && i < node.inputCount - 1;
      const needed = isTerm ? Math.max(position, i) : position;
      positions.set(operand, Math.min(needed, positions.get(operand) ?? Infinity));
    });
  }
  return positions;
}
function label(node, { data, grad }) {
  const attributes = Object.entries(node.attr).flatMap(
    ([name, value]) => name === "shape" ? [] : [` ${name}=${String(value)}`]
  );
  const lines = [`${node.op}${attributes.join("")} ${show(node.shape)}`];
  if (node.name !== void 0) lines.unshift(node.name);
  for (const [what, isWanted] of [
    ["data", data],
    ["grad", grad]
  ]) {
    const numbers = isWanted ? node.peek(what) : void 0;
    if (numbers) lines.push(`${what} ${shownNumbers(numbers, node.shape.length === 0)}`);
  }
  return lines;
}
function shownNumbers(numbers, isScalar) {
  const shown2 = Array.from(numbers.subarray(0, SHOWN2), (x) => String(Number(x.toPrecision(4))));
  if (isScalar) return shown2[0];
  return `[${shown2.join(", ")}${numbers.length > SHOWN2 ? ", ..." : ""}]`;
}
function visible(text2) {
  return text2.replace(/\r\n?/g, "\n").replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}
function dotText(text2) {
  return visible(text2).replace(/[\\"]/g, "\\$&").replace(/&/g, "&amp;").replace(/\n/g, "\\n");
}
var ACTED_ON_LATE = /\$(?=\$)|:(?=fa-)|\\(?=n)|ﬂ(?=°)|¶(?=ß)/gi;
var WORD_JOINER = "⁠";
function mermaidText(text2) {
  return visible(text2).replace(ACTED_ON_LATE, `$&${WORD_JOINER}`).replace(/[^\p{L}\p{N}\n_ .,=[\]+-]|[.+-](?= )/gu, (c) => `#${c.codePointAt(0)};`).replace(/\n/g, "<br/>");
}

// lib/value/value.ts
function checkIndexOperand(op, x, given2, expected = "an Index") {
  if (!(given2 instanceof Index))
    throw refused(TypeError, op, [x], `the index is ${shownNode(given2)}, expected ${expected}`);
}
function makeValue(op, inputs, attr = NO_ATTR) {
  const operation = operationOf(op, attr, resultShape(op, inputs, attr));
  return new Value(operation, inputs[0], inputs[1], inputs.length > 2 ? inputs : void 0);
}
function makeIndex(op, x, attr) {
  return new Index(operationOf(op, attr, resultShape(op, [x], attr)), x);
}
function unary(plain2, x) {
  if (x.operation.isInteger) toValue(x, plain2.op);
  return x.operation.shape === SCALAR ? new Value(plain2, x) : makeValue(plain2.op, [x]);
}
function binary(plain2, a, other) {
  if (a.operation.isInteger) toValue(a, plain2.op);
  const b = toValue(other, plain2.op, a);
  const isScalar = a.operation.shape === SCALAR && b.operation.shape === SCALAR;
  return isScalar ? new Value(plain2, a, b) : makeValue(plain2.op, [a, b]);
}
function turned(op, plain2, a, other) {
  return composed(op, [a, other], () => {
    const b = toValue(other, op, a);
    broadcast(a.shape, b.shape);
    return writtenAs(op, binary(plain2, b, a));
  });
}
function toValue(x, op, a) {
  if (x instanceof Value) return x;
  if (typeof x === "number") return constant(x);
  throw refused(TypeError, op, [a], `expected a Value or a number, got ${shownNode(x)}`);
}
function valuesOf(what, given2) {
  return listOfValues(what, given2, (node) => isValue(node));
}
function select(condition, a, b) {
  const part = (op, x) => writtenAs("where", makeValue(op, [toValue(x, "where", condition), condition]));
  return writtenAs("where", part("ifNonzero", a).add(part("ifZero", b)));
}
function fromFront(axis, { shape }) {
  return Number.isInteger(axis) && axis < 0 && axis >= -shape.length ? axis + shape.length : axis;
}
function axesOf(axes, x, op, expected) {
  const { length } = x.shape;
  if (!isList(axes) || axes.length > MAX_AXES)
    throw refused(ShapeError, op, [x], `axes ${shownList(axes)}: expected ${expected} of at most ${length}`);
  const found3 = Array.from({ length: axes.length }, (_, i) => fromFront(axes[i], x));
  const again = found3.findIndex((axis, i) => found3.includes(axis, i + 1));
  if (again >= 0)
    throw refused(
      ShapeError,
      op,
      [x],
      `axes [${axes.map(shown).join(", ")}] name axis ${shown(found3[again])} twice: give each once`
    );
  return found3;
}
function reduced(op, x, axis, keepDims) {
  if (typeof keepDims !== "boolean")
    throw refused(TypeError, op, [x], `keepDims ${shown(keepDims)}: expected true or false`);
  const axes = axis === void 0 ? void 0 : axesOf(typeof axis === "number" ? [axis] : axis, x, op, "a number, or an array");
  const y = makeValue(op, [x], axes ? { axes } : NO_ATTR);
  return keepDims ? y.reshape(x.shape.map((n, i) => !axes || axes.includes(i) ? 1 : n)) : y;
}
var programs = /* @__PURE__ */ new WeakMap();
var Value = class extends Node {
  /** This + other, broadcast. */
  add(other) {
    return binary(PLAIN.add, this, other);
  }
  /** This - other, broadcast. */
  sub(other) {
    return binary(PLAIN.sub, this, other);
  }
  /** This * other element-wise, broadcast. */
  mul(other) {
    return binary(PLAIN.mul, this, other);
  }
  /** This / other element-wise, broadcast. */
  div(other) {
    return binary(PLAIN.div, this, other);
  }
  /**
   * The larger of this and other element-wise, broadcast; ties share the gradient. Where either operand is
   * NaN, so are the result and both gradients.
   */
  maximum(other) {
    return binary(PLAIN.maximum, this, other);
  }
  /** The smaller of this and other element-wise, broadcast: see `maximum`. */
  minimum(other) {
    return binary(PLAIN.minimum, this, other);
  }
  /**
   * This limited to [low, high], which are numbers or arrays that broadcast: min(max(this, low), high).
   * Within the bounds, and at them, this gets the whole gradient; beyond a bound, the bound does. NaN stays
   * NaN, and gets no gradient.
   */
  clip(low, high) {
    return composed("clip", [this, low, high], () => {
      const [least, most] = [toValue(low, "clip", this), toValue(high, "clip", this)];
      const fixed = this.detach();
      const isBelow = this.eq(this).sub(this.ge(least));
      const raised = select(isBelow.gt(0), least, fixed);
      const isAbove = raised.eq(raised).sub(most.ge(raised));
      const isInside = this.ge(least).mul(most.ge(this));
      return writtenAs("clip", select(isInside, this, select(isAbove.gt(0), most, raised)));
    });
  }
  /** 1 where this > other, else 0, broadcast. No gradient flows through a comparison; NaN compares false. */
  gt(other) {
    return binary(PLAIN.gt, this, other);
  }
  /** 1 where this >= other, else 0: see `gt`. */
  ge(other) {
    return binary(PLAIN.ge, this, other);
  }
  /** 1 where this < other, else 0: see `gt`. */
  lt(other) {
    return turned("lt", PLAIN.gt, this, other);
  }
  /** 1 where this <= other, else 0: see `gt`. */
  le(other) {
    return turned("le", PLAIN.ge, this, other);
  }
  /** 1 where both are equal, else 0: see `gt`. */
  eq(other) {
    return binary(PLAIN.eq, this, other);
  }
  /** 1 where both differ or one is NaN, else 0: see `gt`. */
  ne(other) {
    return composed("ne", [this, other], () => {
      const isEqual = writtenAs("ne", this.eq(other));
      return writtenAs("ne", constant(1).sub(isEqual));
    });
  }
  /** -x, element-wise. */
  neg() {
    return unary(PLAIN.neg, this);
  }
  /** The square root; NaN below zero. The slope at zero is infinite; `norm` avoids that. */
  sqrt() {
    return writtenAs("sqrt", this.pow(0.5));
  }
  /**
   * Each element to a fixed power; NaN for a negative element and a non-integer exponent.
   *
   * @throws TypeError when the exponent is not a number
   */
  pow(exponent) {
    if (typeof exponent !== "number" || Number.isNaN(exponent)) {
      const [what, got] = Number.isNaN(exponent) ? ["a number that is not NaN", "NaN"] : ["a number", shownNode(exponent)];
      throw new TypeError(`pow of ${this.label}: the exponent must be fixed: expected ${what}, got ${got}`);
    }
    return makeValue("pow", [this], { exponent });
  }
  /** The same numbers; no gradient flows through. */
  detach() {
    return unary(PLAIN.detach, this);
  }
  /**
   * The matrix product: [K]·[K] is a scalar, [K]@[K, N] is [N], [M, K]@[K] is [M], [..., M, K]@[..., K, N] is
   * [..., M, N].
   */
  matmul(other) {
    return makeValue("matmul", [this, other]);
  }
  /** Permutes the axes; reverses them by default. */
  transpose(axes = this.shape.map((_, i) => this.shape.length - 1 - i)) {
    return makeValue("transpose", [this], { axes: axesOf(axes, this, "transpose", "an array") });
  }
  /** The same numbers, row-major, in another shape of the same size; one length may be -1, to be inferred. */
  reshape(shape) {
    const given2 = composed("reshape", [this], () => listedShape(shape, -1));
    const unknown = given2.indexOf(-1);
    if (unknown < 0) return makeValue("reshape", [this], { shape: given2 });
    const refuse2 = (why) => refused(ShapeError, "reshape", [this], `to ${show(given2)}: ${why}`);
    if (given2.includes(-1, unknown + 1)) throw refuse2("only one length may be -1");
    const size2 = sizeOf(this.shape);
    const others = sizeOf(given2.filter((_, i) => i !== unknown));
    if (others === 0)
      throw refuse2("the other lengths hold no numbers, so -1 could be anything: give the length");
    if (size2 % others !== 0) throw refuse2(`${size2} numbers do not divide by ${others}`);
    return makeValue("reshape", [this], { shape: given2.with(unknown, size2 / others) });
  }
  /** Inserts an axis of length 1 before `axis`; -1 appends it. */
  expandDims(axis) {
    const rank = this.shape.length + 1;
    const at2 = !Number.isInteger(axis) ? -1 : axis < 0 ? axis + rank : axis;
    if (at2 < 0 || at2 >= rank) {
      throw refused(
        ShapeError,
        "expandDims",
        [this],
        `axis ${shown(axis)}: expected an integer from ${-rank} to ${rank - 1}`
      );
    }
    return composed(
      "expandDims",
      [this],
      () => this.reshape([...this.shape.slice(0, at2), 1, ...this.shape.slice(at2)])
    );
  }
  /** Removes all axes of length 1, or only the given one. */
  squeeze(axis) {
    if (axis === void 0) return this.reshape(this.shape.filter((n) => n !== 1));
    const at2 = Number.isInteger(axis) ? fromFront(axis, this) : -1;
    if (this.shape[at2] !== 1) {
      throw refused(
        ShapeError,
        "squeeze",
        [this],
        `axis ${shown(axis)} ${at2 in this.shape ? `has length ${this.shape[at2]}, not 1` : "does not exist"}`
      );
    }
    return this.reshape(this.shape.filter((_, i) => i !== at2));
  }
  /** Repeats axes of length 1 and missing leading ones, to the given shape. */
  broadcastTo(shape) {
    return composed(
      "broadcastTo",
      [this],
      () => makeValue("broadcastTo", [this], { shape: listedShape(shape) })
    );
  }
  /** The range [start, stop) of an axis, by default the first. */
  slice(start, stop, axis = 0) {
    for (const bound of [start, stop]) {
      if (bound instanceof Node)
        throw refused(
          TypeError,
          "slice",
          [this],
          `a bound is ${bound.label}, expected an integer; rows by index are x.gather(index)`
        );
    }
    return makeValue("slice", [this], { axis: fromFront(axis, this), start, stop });
  }
  /**
   * Row i of the first axis: i is a fixed number from 0, or a fed `Index`, which may be a vector of rows.
   *
   * @throws ShapeError when there is no such row
   */
  at(i) {
    if (typeof i !== "number") {
      checkIndexOperand("at", this, i, "a number or an Index");
      return composed("at", [this, i], () => makeValue("gather", [this, i]));
    }
    const rows4 = this.shape[0];
    if (rows4 === void 0) throw refused(ShapeError, "at", [this], "a single number has no rows");
    if (!Number.isInteger(i) || i < 0 || i >= rows4) {
      const last = i < 0 && -i <= rows4 ? `; counted from the end it is at(${rows4 + i})` : "";
      const expected = rows4 > 0 ? `a row from 0 to ${rows4 - 1}` : "a first axis that is not empty";
      throw refused(ShapeError, "at", [this], `row ${shown(i)}: expected ${expected}${last}`);
    }
    return this.slice(i, i + 1).reshape(this.shape.slice(1));
  }
  /**
   * Entries of an axis (by default the first), picked by indices that are fed or computed; the axes of the
   * indices replace it. An entry that is picked twice gets the sum of both gradients.
   */
  gather(index2, axis = 0) {
    checkIndexOperand("gather", this, index2);
    return composed("gather", [this, index2], () => {
      const at2 = this.shape.length === 0 ? 0 : resolveAxis(axis, this.shape);
      if (at2 === 0) return makeValue("gather", [this, index2]);
      const axes = this.shape.map((_, i) => i);
      const before = axes.slice(0, at2);
      const found3 = makeValue("gather", [this.transpose([at2, ...before, ...axes.slice(at2 + 1)]), index2]);
      const n = index2.shape.length;
      const behind2 = found3.shape.map((_, i) => i).slice(n + at2);
      return found3.transpose([...before.map((i) => n + i), ...index2.shape.map((_, i) => i), ...behind2]);
    });
  }
  /** The indices of the k largest numbers of a vector, largest first; a tie goes to the lower index. */
  topk(k) {
    return makeIndex("topk", this, { k });
  }
  /**
   * The index of the maximum along an axis, which is removed. A tie goes to the lower index; NaN is below all
   * numbers.
   */
  argmax(axis = -1) {
    return makeIndex("argmax", this, { axis: fromFront(axis, this) });
  }
  /** The sum over all axes or the given ones, which are removed or, with `keepDims`, keep length 1. */
  sum(axis, keepDims = false) {
    return reduced("sum", this, axis, keepDims);
  }
  /** The mean over axes, as in `sum`. */
  mean(axis, keepDims = false) {
    const sum3 = composed("mean", [this], () => this.sum(axis, keepDims));
    return writtenAs("mean", sum3.mul(sizeOf(sum3.shape) / sizeOf(this.shape)));
  }
  /**
   * The maximum over axes, as in `sum`; they must not be empty. Ties share the gradient. If any number is
   * NaN, the maximum and all gradients are NaN.
   */
  max(axis, keepDims = false) {
    return reduced("max", this, axis, keepDims);
  }
  /** The minimum over axes: see `max`. */
  min(axis, keepDims = false) {
    return composed("min", [this], () => writtenAs("min", this.neg().max(axis, keepDims).neg()));
  }
  /** The running sum along an axis, including each element itself. */
  cumsum(axis = 0) {
    return makeValue("cumsum", [this], { axis: fromFront(axis, this) });
  }
  /** exp(x) divided by its sum along an axis, by default the last. */
  softmax(axis = -1) {
    const last = this.shape.length - 1;
    if (axis === -1 || axis === last) return makeValue("softmax", [this]);
    const at2 = composed("softmax", [this], () => resolveAxis(axis, this.shape));
    const axes = this.shape.map((_, i) => i === at2 ? last : i === last ? at2 : i);
    return makeValue("softmax", [this.transpose(axes)]).transpose(axes);
  }
  /**
   * In a training step (`step`, `stepEach`, `stepBatch`): zeros in place of about a fraction `rate` of the
   * numbers, the others divided by 1 - rate. In any other run (`forward`, `backward`, `evaluate`, sampling):
   * the numbers unchanged. Which are dropped depends only on the seed, the number of the step (each example
   * of a batch counts as one) and the element's index, so that it is the same on all machines and in both
   * data types. Give each dropout of a graph its own seed.
   *
   * @throws RangeError when the rate is not from 0 to below 1, or the seed not an integer of 31 bits
   */
  dropout(rate, seed) {
    if (!(typeof rate === "number" && rate >= 0 && rate < 1))
      throw new RangeError(
        `dropout of ${this.label}: rate ${shown(rate)}, expected a number from 0 to below 1`
      );
    if (!Number.isInteger(seed) || seed < 0 || seed > 2147483647)
      throw new RangeError(
        `dropout of ${this.label}: seed ${shown(seed)}, expected an integer from 0 to 2147483647`
      );
    return makeValue("dropout", [this, new Index(operationOf("step", NO_ATTR, SCALAR))], { rate, seed });
  }
  /** Each row of the last axis divided by its root mean square: x / sqrt(mean(x²) + eps). */
  rmsNorm(eps = 1e-5) {
    checkFinite(`rmsNorm of ${this.label}: eps`, eps, 0);
    const n = this.shape[this.shape.length - 1];
    return makeValue("rmsNorm", [this], { scale: 1 / (n ?? 1), eps });
  }
  /** The loss of a classifier: -log(softmax(x)[target]) of a vector, or of each row of a matrix. */
  crossEntropy(target) {
    return makeValue("crossEntropy", [this, target]);
  }
  /** Names the node, for feeds and errors; returns it. */
  named(name) {
    this.name = name;
    return this;
  }
  /**
   * Computes this value in float64 and returns `data`; `feeds` holds a number or array for every named input
   * that it depends on. The first call compiles the value and its gradients; the graph does not change.
   * `compile` gives a program in another type.
   *
   * @throws FeedError when an input is missing, unknown, or of the wrong type or size
   */
  forward(feeds = {}) {
    return this.program.forward(feeds);
  }
  /**
   * Computes the gradients of this value (of the sum of its elements) with respect to everything it depends
   * on, at the numbers of the last `forward`. They replace earlier gradients.
   *
   * @throws Error when `forward` was not called before
   */
  backward() {
    this.program.backward();
  }
  get program() {
    let program = programs.get(this);
    if (!program) {
      program = new Program({ groups: [[this]], gradients: "all" });
      programs.set(this, program);
    }
    return program;
  }
  /**
   * The numbers of the last run, row-major: a view into the program's memory, which must be read again after
   * each run. A parameter is float64 until a training step in float32 writes it; programs that only read it
   * leave it as it is, whatever their type.
   *
   * @throws Error when it is not a parameter, and no value that depends on it was run
   */
  get data() {
    const data = this.peek("data");
    if (this.op === "parameter") this.memory.isLent = true;
    if (!data) throw new Error(`${this.label} has no data yet: call forward() on a value that depends on it`);
    return data;
  }
  /**
   * The gradient of the last backward(), in this value's shape; zeros where no gradient flowed.
   *
   * @throws Error when backward() was not called on a value that depends on it
   */
  get grad() {
    const gradient = this.peek("grad");
    if (!gradient)
      throw new Error(`${this.label} has no gradient yet: call backward() on a value that depends on it`);
    return gradient;
  }
  peek(what) {
    const { memory } = this;
    if (what === "grad") return memory?.gradient?.readGradient(this);
    if (this.op !== "parameter") return memory?.data?.read(this);
    const { home, initial } = memory;
    if (!home) return initial;
    const { program, offset } = home;
    return program.arena.subarray(offset, offset + sizeOf(this.shape));
  }
  /**
   * This value's graph in DOT, Graphviz's language: one box per node with its name, operator and shape and,
   * if asked for, data and gradient. Parameters are filled, inputs round.
   */
  toDot(options = {}) {
    checkDrawOptions("toDot", options);
    return dot(this, options);
  }
  /** The same as a Mermaid flowchart: see `toDot`. */
  toMermaid(options = {}) {
    checkDrawOptions("toMermaid", options);
    return mermaid(this, options);
  }
};
for (const name of UNARY_NAMES) {
  const value = function() {
    return unary(PLAIN[name], this);
  };
  Object.defineProperty(Value.prototype, name, { value, writable: true, configurable: true });
}
var Index = class extends Node {
  /**
   * Element i of a vector of indices.
   *
   * @throws RangeError when there is no such element
   */
  at(i) {
    const n = this.shape[0];
    if (n === void 0 || !Number.isInteger(i) || i < 0 || i >= n) {
      const expected = n === void 0 ? "it is a single integer" : n === 0 ? "it has none" : `expected an element from 0 to ${n - 1}`;
      const last = n !== void 0 && Number.isInteger(i) && i < 0 && -i <= n ? `; counted from the end it is at(${n + i})` : "";
      throw new RangeError(`at(${shown(i)}) of ${this.label}: no such element: ${expected}${last}`);
    }
    return makeIndex("element", this, { start: i });
  }
  /**
   * Integers cannot be read, only used as indices.
   *
   * @throws TypeError always
   * @hidden
   */
  get data() {
    return this.refuseReading();
  }
  /** @hidden */
  get grad() {
    return this.refuseReading();
  }
  /** @hidden */
  forward() {
    return this.refuseReading();
  }
  refuseReading() {
    throw new TypeError(
      `${this.label} holds integers, which cannot be read and have no gradient. To read them as numbers, use them to gather from 0, 1, 2, ..., as in parameter([0, 1, 2]).gather(index).forward()`
    );
  }
  /** Integers stay inside the program. */
  peek() {
    return void 0;
  }
};
function constant(value) {
  if (isList(value) || ArrayBuffer.isView(value))
    throw new TypeError(
      `constant ${shown(value)}: expected one number; an array of fixed numbers is parameter(numbers).detach()`
    );
  checkNumber("constant", value);
  return new Value(operationOf("constant", { value }, SCALAR));
}

// lib/value/leaves.ts
var SCALAR_PARAMETER = new Operation("parameter", { shape: SCALAR }, SCALAR);
function leafOperation(op, shape) {
  return op === "parameter" && shape.length === 0 ? SCALAR_PARAMETER : operationOf(op, { shape }, shape);
}
function leaf(node, name) {
  if (name !== void 0) node.name = name;
  return node;
}
var PARAMETER_OPTIONS = { name: true, shape: true };
function parameter(numbers, options = {}) {
  checkOptions("parameter", options, PARAMETER_OPTIONS);
  const { name, shape: given2 } = options;
  if (name !== void 0) checkName("parameter", name);
  const who = name === void 0 ? "parameter" : `parameter '${clipped(name)}'`;
  const { data, shape: found3 } = composed(who, [], () => flatten(numbers));
  const shape = given2 === void 0 ? found3 : composed(who, [], () => listedShape(given2));
  const isNested = found3.length > 1;
  if (isNested && !sameShape(found3, shape))
    throw new ShapeError(
      `${who}: nested arrays of shape ${show(found3)} for shape ${show(shape)}: give the numbers flat, row by row, or nested in that shape`
    );
  if (sizeOf(shape) !== data.length)
    throw new ShapeError(
      `${who}: ${data.length} numbers for shape ${show(shape)}, which holds ${sizeOf(shape)}`
    );
  const value = leaf(new Value(leafOperation("parameter", shape)), name);
  value.memory = { initial: data };
  return value;
}
function index(name, length) {
  checkName("index", name);
  const isLength = length === void 0 || Number.isInteger(length) && length >= 0;
  if (!isLength)
    throw new ShapeError(
      `index '${clipped(name)}': length ${isList(length) ? `[${length.slice(0, MAX_AXES).map(shown).join(", ")}]` : shown(length)}: an index has one axis: give its length, an integer from 0, or none for a single integer; for rows, feed all in one flat array and reshape what is gathered`
    );
  const shape = length === void 0 ? [] : [length];
  composed(`index '${clipped(name)}'`, [], () => listedShape(shape));
  return leaf(new Index(leafOperation("index", shape)), name);
}
function zeros(shape) {
  return composed("zeros", [], () => makeValue("broadcastTo", [constant(0)], { shape: listedShape(shape) }));
}

// lib/study/models/model.ts
function gaussians(random) {
  return (_, rows4, cols) => random.gaussians(rows4 * cols, 0, 0.08);
}
var Draw = class {
  constructor(numbers) {
    this.numbers = numbers;
    /** All parameters so far, in order. */
    this.parameters = [];
    /** The matrices that they form. */
    this.matrices = [];
  }
  /** Creates a parameter of shape [rows, cols]. */
  matrix(name, rows4, cols) {
    const value = parameter(this.numbers(name, rows4, cols), { name, shape: [rows4, cols] });
    this.parameters.push(value);
    this.matrices.push({ name, shape: [rows4, cols], values: [value] });
    return value;
  }
  /** Creates one scalar parameter per number. */
  scalars(name, rows4, cols) {
    const numbers = this.numbers(name, rows4, cols);
    const made = Array.from(
      { length: rows4 },
      (_, r) => Array.from({ length: cols }, (_2, c) => {
        const value = parameter(numbers[r * cols + c], { name: `${name}[${r}][${c}]` });
        this.parameters.push(value);
        return value;
      })
    );
    this.matrices.push({ name, shape: [rows4, cols], values: made.flat() });
    return made;
  }
};

// lib/value/joins.ts
function stack(values, axis = 0) {
  const y = makeValue("stack", valuesOf("stack", values));
  const at2 = composed("stack", y.inputs, () => resolveAxis(axis, y.shape));
  if (at2 === 0) return y;
  const axes = y.shape.map((_, i) => i).slice(1);
  axes.splice(at2, 0, 0);
  return y.transpose(axes);
}
function concat(values, axis = 0) {
  const given2 = valuesOf("concat", values);
  return makeValue("concat", given2, { axis: given2[0] ? fromFront(axis, given2[0]) : axis });
}
function choose(values, which) {
  return makeValue("choose", [...valuesOf("choose", values), which]);
}
function meanOfFirst(values, n) {
  const given2 = valuesOf("meanOfFirst", values);
  if (n instanceof Index && (n.op !== "index" || n.shape.length > 0)) {
    throw refused(
      TypeError,
      "meanOfFirst",
      [...given2, n],
      `the length ${n.label} must be an index of its own: give an index(name) of one integer`
    );
  }
  return composed("meanOfFirst", [...given2, n], () => {
    const sum3 = makeValue("total", [...given2, n], { prefix: true });
    return writtenAs("meanOfFirst", makeValue("mul", [sum3, makeValue("inverseCount", [n])]));
  });
}

// lib/optim/schedules.ts
var schedules_exports = {};
__export(schedules_exports, {
  constant: () => constant2,
  cosine: () => cosine,
  exponential: () => exponential,
  linear: () => linear,
  stepDecay: () => stepDecay
});
function constant2(rate) {
  checkNumber("rate", rate);
  return () => rate;
}
function linear(from, to, steps) {
  checkNumber("from", from);
  checkNumber("to", to);
  checkSteps("steps", steps);
  return (step) => from + (to - from) * Math.min(1, step / steps);
}
var COSINE_OPTIONS = { peak: true, steps: true, warmup: true, end: true };
function cosine(options) {
  checkOptions("cosine", options, COSINE_OPTIONS);
  const { peak, steps, warmup = 0, end = 0 } = options;
  checkNumber("peak", peak);
  checkNumber("steps", steps);
  checkNumber("warmup", warmup);
  checkNumber("end", end);
  if (!(warmup >= 0)) throw new RangeError(`warmup ${warmup}: expected a number from 0`);
  checkSteps("steps after the warm-up", steps - warmup);
  return (step) => {
    if (step < warmup) return peak * (step + 1) / (warmup + 1);
    const done = Math.min(1, (step - warmup) / (steps - warmup));
    return end + (peak - end) * (1 + Math.cos(Math.PI * done)) / 2;
  };
}
function stepDecay(rate, factor, every) {
  checkNumber("rate", rate);
  checkNumber("factor", factor);
  checkSteps("every", every);
  return (step) => rate * factor ** Math.floor(step / every);
}
function exponential(rate, factor) {
  checkNumber("rate", rate);
  checkNumber("factor", factor);
  return (step) => rate * factor ** step;
}
function checkSteps(name, steps) {
  checkNumber(name, steps);
  if (!(steps > 0)) throw new RangeError(`${name} ${steps}: expected a number above zero`);
}

// lib/optim/rates.ts
function rates(schedule2) {
  const next = ratesOf(schedule2);
  return (step) => {
    const rate = next(step);
    if (Number.isFinite(rate)) return rate;
    const Kind2 = typeof rate === "number" ? RangeError : TypeError;
    throw new Kind2(`learning rate ${shown(rate)} at step ${step}: expected a finite number`);
  };
}
var MAKERS = { ...schedules_exports, decay };
function checkSchedule(schedule2) {
  const maker = Object.entries(MAKERS).find(([, make]) => make === schedule2);
  if (maker)
    throw new TypeError(
      `learningRate ${maker[0]} makes a schedule but is not one: call it, as in learningRate: ${maker[0]}(...)`
    );
  if (typeof schedule2 === "number") checkFinite("learningRate", schedule2);
  if (typeof schedule2 === "number" || typeof schedule2 === "function") return;
  const isObject = typeof schedule2 === "object" && schedule2 !== null;
  if (isObject && (Symbol.iterator in schedule2 || typeof schedule2.next === "function"))
    return;
  throw new TypeError(
    `learningRate ${shown(schedule2)}: expected a number, a function of the step, or a generator`
  );
}
function ratesOf(schedule2) {
  checkSchedule(schedule2);
  if (typeof schedule2 === "number") return () => schedule2;
  if (typeof schedule2 === "function") return schedule2;
  const iterator = Symbol.iterator in schedule2 ? schedule2[Symbol.iterator]() : schedule2;
  return (step) => {
    const next = iterator.next();
    if (next.done)
      throw new RangeError(`the learning rates ended before step ${step}: give a generator that goes on`);
    return next.value;
  };
}
function* decay(rate, factor) {
  checkNumber("rate", rate);
  checkNumber("factor", factor);
  for (; ; rate *= factor) yield rate;
}

// lib/optim/training.ts
var BATCH_OPTIONS = { batch: true, threads: true };
function batchingOf2({ batch, threads = 1 }) {
  if (batch !== void 0) checkInteger("batch", batch, 1, MAX_BATCH);
  checkInteger("threads", threads, 1);
  return batch === void 0 ? void 0 : { size: batch, threads };
}
var Training = class {
  /** @hidden */
  constructor(program, rule) {
    this.program = program;
    this.rule = rule;
    /** Steps taken. */
    this.steps = 0;
    this.ruleStep = -1;
    /**
     * Rule numbers already computed for steps that were then not taken, in order. They are kept because a
     * schedule may be a generator, which gives each rate once.
     */
    this.ahead = new Float64Array();
    /**
     * The rule's numbers of the next `count` steps, one after another: a series passes them to native code at
     * once.
     */
    this.rulesOf = (count2) => {
      const { program, steps } = this;
      const { ruleSize } = program;
      const rules = new Float64Array(count2 * ruleSize);
      for (let i = 0; i < count2; i++) {
        try {
          program.checkMemory();
          if (this.ruleStep === steps + i) rules.set(this.current, i * ruleSize);
          else this.nextRule(steps + i, rules, i * ruleSize);
        } catch (error) {
          this.putBack(rules.subarray(0, i * ruleSize));
          throw error;
        }
      }
      return rules;
    };
    if (!(program instanceof Program && typeof rule === "function"))
      throw new TypeError(
        "a Training is made by an optimiser, as in new Adam({ learningRate }).minimize(loss)"
      );
    this.current = new Float64Array(program.ruleSize);
  }
  /** Passes the rule's numbers of a step to the program. */
  setRule(step) {
    this.program.checkMemory();
    if (this.ruleStep === step) return;
    this.nextRule(step, this.current, 0);
    this.program.setRules(this.current);
    this.ruleStep = step;
  }
  /** Writes the rule's numbers of the next step: those put back, if any, else new ones from the schedule. */
  nextRule(step, to, at2) {
    const { ahead } = this;
    if (ahead.length === 0) {
      this.rule(step, to, at2);
      return;
    }
    const { ruleSize } = this.program;
    to.set(ahead.subarray(0, ruleSize), at2);
    this.ahead = ahead.subarray(ruleSize);
  }
  /** Keeps rule numbers of steps that were not taken. */
  putBack(rules) {
    const ahead = new Float64Array(rules.length + this.ahead.length);
    ahead.set(rules);
    ahead.set(this.ahead, rules.length);
    this.ahead = ahead;
    this.ruleStep = -1;
  }
  /** A copy of the training state. */
  state() {
    const { runs, rule, moments } = this.program.trained;
    const copies = /* @__PURE__ */ new Map();
    for (const [value, arrays] of moments) {
      if (value instanceof Value)
        copies.set(
          value,
          arrays.map((array) => array.slice())
        );
    }
    return {
      steps: this.steps,
      runs,
      moments: copies,
      ...this.ruleStep === this.steps - 1 && { rule }
    };
  }
  /**
   * Resumes from the state of a training of the same loss by the same optimiser. The parameters' numbers are
   * restored separately. The schedule is asked again for the rates of all steps taken, so that a generator
   * resumes at the right rate.
   *
   * @throws Error when this training has already taken steps, or its moments or rates differ from the state's
   */
  restore(state2) {
    checkObject("restore", state2, "a state that state() gave");
    const { program } = this;
    const { moments } = program.trained;
    const steps = checkInteger("restore: steps", state2.steps, 0, MAX_STEPS);
    const runs = checkInteger("restore: runs", state2.runs, 0, MAX_STEPS);
    if (!(state2.moments instanceof Map))
      throw new TypeError(`restore: moments ${shown(state2.moments)}, expected a Map`);
    if (this.steps > 0 || this.ahead.length > 0)
      throw new Error("restore: this training has taken steps; give the state to a new one");
    for (const [value, arrays] of moments) {
      const given2 = state2.moments.get(value);
      const fits = Array.isArray(given2) && given2.length === arrays.length && arrays.every((array, i) => isNumbers(given2[i]) && array.length === given2[i].length);
      if (!fits)
        throw new Error(
          `restore: ${value.label} has ${arrays.length} moments here, but different ones in the state: give the same optimiser`
        );
    }
    const { rule } = state2;
    if (rule !== void 0 && !(Array.isArray(rule) && rule.length <= program.ruleSize))
      throw new TypeError(`restore: rule ${shown(rule)}, expected what state() gave`);
    for (let step = 0; step < steps; step++) this.setRule(step);
    const here = program.trained.rule.join(", ");
    const there = rule?.map(shown).join(", ") ?? here;
    if (steps > 0 && here !== there)
      throw new Error(
        `restore: step ${steps} was taken with rates ${there}, but here, in ${program.dtype}, they are ${here}: give the same optimiser, learning rate and dtype`
      );
    for (const [value, arrays] of moments) {
      if (!(value instanceof Value)) continue;
      arrays.forEach((array, i) => array.set(state2.moments.get(value)[i]));
    }
    program.setRuns(runs);
    this.steps = steps;
  }
  /** One step. Returns the loss before the update. */
  step(feeds) {
    this.setRule(this.steps);
    try {
      const loss2 = this.program.step(feeds);
      this.steps++;
      return loss2;
    } catch (error) {
      throw this.inStep(error);
    }
  }
  /**
   * One step on each example from `from` to before `to`, in turn: as `step` for each, in one native call.
   * With `batch: n`, one step on every n of them, as `stepBatch` does; the last batch may be smaller. Stops
   * after a non-finite loss, unless `onNonFinite` is 'skip'. Returns the losses of the steps, skipped ones
   * included.
   *
   * @throws FeedError when a column is missing, unknown, too short or of the wrong type; or, after the steps
   * before it, when an example has an index or a length out of range
   */
  stepEach(dataset, from = 0, to = checkDataset(dataset).count, options = {}) {
    checkOptions("stepEach", options, BATCH_OPTIONS);
    return this.took(this.program.runEach(dataset, from, to, this.rulesOf, batchingOf2(options)));
  }
  /**
   * As `stepEach`, on another thread, so that the event loop is not blocked. The dataset is copied first.
   * Until the promise settles, anything that needs the numbers of the program or of its parameters throws a
   * `BusyError`, except inside `onProgress`, which is called between native calls of about 10 ms. Arrays of
   * those numbers that were read earlier become empty: read them again.
   *
   * An abort ends the training before its next step and rejects with the signal's reason. Steps already taken
   * stay.
   *
   * @throws FeedError as `stepEach` does
   * @throws BusyError when the program is already being trained in the background
   */
  async stepEachAsync(dataset, from = 0, to = checkDataset(dataset).count, options = {}) {
    checkExampleRange(from, to, checkDataset(dataset).count);
    checkOptions("stepEachAsync", options, { ...BACKGROUND_OPTIONS, ...BATCH_OPTIONS });
    const { signal, onProgress } = options;
    checkCallback("onProgress", onProgress);
    const batching = batchingOf2(options);
    const own = copied(dataset);
    const size2 = batching?.size ?? 1;
    const steps = Math.ceil((to - from) / size2);
    const losses = new Float64Array(steps);
    let done = 0;
    const take = (at2, count2, stop) => this.stepSome(own, from + at2 * size2, Math.min(from + (at2 + count2) * size2, to), stop, batching);
    for await (const part of inParts(steps, take, signal)) {
      losses.set(part, done);
      done += part.length;
      if (part.length > 0) await onProgress?.({ step: this.steps, loss: part.at(-1), losses: part });
    }
    return losses.subarray(0, done);
  }
  /**
   * `stepEach` in the background, in one native call. It ends before the next example when `stop` is not 0.
   *
   * @hidden
   */
  async stepSome(dataset, from, to, stop, batching) {
    return this.took(await this.program.runEachAsync(dataset, from, to, stop, this.rulesOf, batching));
  }
  /** Counts the steps that a series took, and keeps the rule numbers of those it did not take. */
  took({ losses, rules, error }) {
    this.steps += losses.length;
    const left2 = rules.subarray(losses.length * this.program.ruleSize);
    if (left2.length > 0) this.putBack(left2);
    else if (losses.length > 0) this.ruleStep = this.steps - 1;
    if (error) throw this.inStep(error);
    return losses;
  }
  /** Prefixes the error of a non-finite number with the step, counted from 1. */
  inStep(error) {
    if (error instanceof NonFiniteError) error.message = `step ${this.steps + 1}: ${error.message}`;
    return error;
  }
  /** How many steps `onNonFinite: 'skip'` has skipped in this process. */
  get skipped() {
    return this.program.skipped;
  }
  /** The loss of each example from `from` to before `to`, without updates, in one native call. */
  evaluateEach(dataset, from = 0, to = checkDataset(dataset).count) {
    const { losses, error } = this.program.runEach(dataset, from, to);
    if (error) throw error;
    return losses;
  }
  /**
   * One step on a batch: one update by the mean of the examples' gradients. Examples may differ in length.
   * Returns the mean of their losses.
   *
   * The examples are spread over `threads`, one by default, and at most as many as the process may run at
   * once. Their number does not change a bit of the result.
   *
   * @throws Error where the program does not keep whole gradients: pass `{ batches: true }` to `minimize`
   */
  stepBatch(examples, options = {}) {
    checkOptions("stepBatch", options, { threads: true });
    const { threads = 1 } = options;
    return this.took(this.program.stepBatch(examples, threads, this.rulesOf))[0];
  }
  /** The loss without an update. */
  evaluate(feeds) {
    return this.program.evaluate(feeds);
  }
};
function isNumbers(given2) {
  return given2 instanceof Float64Array || given2 instanceof Float32Array;
}

// lib/optim/update.ts
function checkLossShape(loss2) {
  if (!(loss2 instanceof Value))
    throw new TypeError(
      `minimize: the loss is ${loss2 instanceof Node ? loss2.label : shown(loss2)}, expected a Value`
    );
  const size2 = sizeOf(loss2.shape);
  if (size2 === 1) return;
  const advice = size2 === 0 ? "check the slice or shape that made it empty" : "take .mean() or .sum() of it";
  throw new ShapeError(
    `minimize: the loss ${loss2.label} has ${size2 === 0 ? "no" : size2} numbers, expected one: ${advice}`
  );
}
var MAX_NAMED3 = 5;
function checkReachesParameter(loss2) {
  const nodes = reachable([loss2]);
  const named3 = (found3) => {
    const more = found3.length - MAX_NAMED3;
    return `${found3.slice(0, MAX_NAMED3).map(({ label: label2 }) => label2).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  };
  const parameters = nodes.filter(({ op }) => op === "parameter");
  if (parameters.length === 0) {
    const inputs = nodes.filter(({ op }) => op === "input" || op === "index");
    throw new TypeError(
      `minimize: the loss ${loss2.label} depends on no parameter, only on ${inputs.length > 0 ? named3(inputs) : "constants"}: compute it from parameters, made by parameter()`
    );
  }
  const { reached, stops } = gradientFlow(nodes, loss2);
  if (parameters.some((parameter2) => reached.has(parameter2))) return;
  const between = [...stops].filter(({ op, inputCount }) => inputCount > 0 && op !== "inverseCount");
  throw new TypeError(
    `minimize: no gradient of the loss ${loss2.label} reaches a parameter: between them and ${named3(parameters)} are only ${named3(between)}, through which none flows`
  );
}
function checkNumber2(name, x, low, high = Infinity) {
  if (typeof x === "number" && x >= low && x < high) return x;
  const expected = high === Infinity ? `a finite number from ${low}` : `a number from ${low} to below ${high}`;
  throw new RangeError(`${name} ${shown(x)}: expected ${expected}`);
}
var OPTIMIZER_OPTIONS = { learningRate: true, clipGlobalNorm: true, onNonFinite: true };
var Update = class {
  /** @param numbers what the instruction reads, in the order given in native/kernels/kernels.def */
  constructor(op, moments, numbers) {
    this.op = op;
    this.moments = moments;
    this.before = [];
    this.numbers = [...numbers];
  }
  add(number2) {
    return this.numbers.push(number2) - 1;
  }
  /**
   * Checks the gradients if asked to, then clips them: g *= most / max(|g|, most), where |g| is the norm of
   * all gradients together.
   */
  clip({ clipGlobalNorm: most, onNonFinite }) {
    if (onNonFinite !== void 0) checkOneOf("onNonFinite", onNonFinite, ["throw", "skip", "apply"]);
    const way = onNonFinite ?? (most === void 0 ? "apply" : "throw");
    if (way !== "apply") this.before.push({ op: "check", skips: way === "skip" });
    if (most === void 0) return this;
    if (!(Number.isFinite(most) && most > 0))
      throw new RangeError(`clipGlobalNorm ${shown(most)}: expected a finite number above zero`);
    this.before.push({ op: "clip", most: this.add(most) });
    return this;
  }
  /** g += decay w: adds the gradient of decay / 2 times the sum of all squares. */
  penalize(decay2) {
    if (checkNumber2("weightDecay", decay2, 0) === 0) return this;
    this.before.push({ op: "mul", to: "gradients", a: "parameters", b: this.add(decay2), accumulate: true });
    return this;
  }
  /** w *= factor. */
  scale(factor) {
    this.before.push({ op: "mul", to: "parameters", a: "parameters", b: this.add(factor) });
    return this;
  }
  /** w += factor g. */
  move(factor) {
    this.before.push({ op: "mul", to: "parameters", a: "gradients", b: this.add(factor), accumulate: true });
    return this;
  }
  minimize(loss2, learningRate, options) {
    checkOptions("minimize", options, PROGRAM_OPTIONS);
    checkLossShape(loss2);
    const rateOf = rates(learningRate);
    const { op, moments, numbers, before } = this;
    const update = { op, moments, numbers: numbers.length };
    const own = options.detectAnomaly ? [{ op: "check", skips: false }, ...before] : before;
    if (own.length > 0) update.before = own;
    const program = new Program({ groups: [[loss2]], gradients: "parameters", update }, options);
    if (!program.hasGradients) checkReachesParameter(loss2);
    return new Training(program, (step, to, at2) => {
      const rate = rateOf(step);
      for (let i = 0; i < numbers.length; i++) {
        const number2 = numbers[i];
        to[at2 + i] = typeof number2 === "number" ? number2 : number2(rate, step);
      }
    });
  }
};

// lib/optim/optimizers.ts
var UpdateOptimizer = class {
  constructor(options) {
    this.options = options;
    this.update();
    checkSchedule(options.learningRate);
  }
  minimize(loss2, options = {}) {
    return this.update().minimize(loss2, this.options.learningRate, options);
  }
};
var SGD_OPTIONS = {
  ...OPTIMIZER_OPTIONS,
  momentum: true,
  nesterov: true,
  weightDecay: true
};
var SGD = class extends UpdateOptimizer {
  update() {
    checkOptions("SGD", this.options, SGD_OPTIONS);
    const { momentum = 0, nesterov = false, weightDecay = 0 } = this.options;
    checkNumber2("momentum", momentum, 0, 1);
    checkBoolean("nesterov", nesterov);
    if (nesterov && momentum === 0) throw new RangeError("nesterov needs a momentum above zero");
    const share = nesterov ? momentum : 1;
    const update = new Update("sgd", 1, [(rate) => share * rate, momentum]);
    update.clip(this.options).penalize(weightDecay);
    return nesterov ? update.move((rate) => -rate) : update;
  }
};
var ADAM_OPTIONS = {
  ...OPTIMIZER_OPTIONS,
  beta1: true,
  beta2: true,
  eps: true,
  weightDecay: true
};
function adamUpdate({ beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }) {
  checkNumber2("beta1", beta1, 0, 1);
  checkNumber2("beta2", beta2, 0, 1);
  checkNumber2("eps", eps, 0);
  return new Update("adam", 2, [
    (rate) => rate,
    beta1,
    beta2,
    eps,
    (_, step) => 1 / (1 - beta1 ** (step + 1)),
    (_, step) => 1 / (1 - beta2 ** (step + 1))
  ]);
}
var Adam = class extends UpdateOptimizer {
  update() {
    checkOptions("Adam", this.options, ADAM_OPTIONS);
    const { weightDecay = 0 } = this.options;
    return adamUpdate(this.options).clip(this.options).penalize(weightDecay);
  }
};
var RMSPROP_OPTIONS = {
  ...OPTIMIZER_OPTIONS,
  rho: true,
  eps: true,
  weightDecay: true
};

// lib/study/models/scalar.ts
var sum2 = (xs) => xs.reduce((a, b) => a.add(b));
var dot2 = (a, b) => sum2(a.map((x, i) => x.mul(b[i])));
var linear2 = (x, w) => w.map((row) => dot2(row, x));
var plus = (a, b) => a.map((x, i) => x.add(b[i]));
var scale = (x, by) => x.map((xi) => xi.mul(by));
var rmsnorm = (x) => scale(x, dot2(x, x).div(x.length).add(1e-5).pow(-0.5));
var softmax = (x) => {
  const max = x.reduce((a, b) => a.maximum(b)).detach();
  const exps = x.map((xi) => xi.sub(max).exp());
  return scale(exps, constant(1).div(sum2(exps)));
};
var scalar2 = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, nHead, nLayer, blockSize } = sizes;
  const headDim = nEmbd / nHead;
  const wte = draw.scalars("wte", vocabSize, nEmbd);
  const column = (i) => wte.map((row) => row[i]);
  const wpe = draw.scalars("wpe", blockSize, nEmbd);
  const lmHead = draw.scalars("lm_head", vocabSize, nEmbd);
  const layers = Array.from({ length: nLayer }, (_, i) => {
    const square = (name) => draw.scalars(`layer${i}.attn_${name}`, nEmbd, nEmbd);
    const attn = { wq: square("wq"), wk: square("wk"), wv: square("wv"), wo: square("wo") };
    const fc1 = draw.scalars(`layer${i}.mlp_fc1`, 4 * nEmbd, nEmbd);
    const fc2 = draw.scalars(`layer${i}.mlp_fc2`, nEmbd, 4 * nEmbd);
    return { ...attn, fc1, fc2, keys: [], values: [] };
  });
  const logits = [];
  const losses = [];
  for (let pos = 0; pos < blockSize; pos++) {
    const token = wpe[pos].map((_, i) => choose(column(i), tokens.at(pos)));
    let x = rmsnorm(plus(token, wpe[pos]));
    for (const { wq, wk, wv, wo, fc1, fc2, keys, values } of layers) {
      const normed = rmsnorm(x);
      const query = linear2(normed, wq);
      keys.push(linear2(normed, wk));
      values.push(linear2(normed, wv));
      const heads = Array.from({ length: nHead }, (_, head) => {
        const part = (v) => v.slice(head * headDim, (head + 1) * headDim);
        const scores = keys.map((k) => dot2(part(query), part(k)).div(Math.sqrt(headDim)));
        return softmax(scores).map((w, t) => scale(part(values[t]), w)).reduce(plus);
      });
      x = plus(linear2(heads.flat(), wo), x);
      x = plus(
        linear2(
          linear2(rmsnorm(x), fc1).map((xi) => xi.relu()),
          fc2
        ),
        x
      );
    }
    logits.push(linear2(x, lmHead));
    losses.push(choose(softmax(logits[pos]), targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits,
    loss: meanOfFirst(losses, length),
    optimizer: (steps, rate = 0.01) => new Adam({ learningRate: (step) => rate * (1 - step / steps), beta1: 0.85, beta2: 0.99 })
  };
};

// lib/study/models/vector.ts
var rmsnorm2 = (x) => x.mul(x.mul(x).mean().add(1e-5).pow(-0.5));
var vector = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, nHead, nLayer, blockSize } = sizes;
  const headDim = nEmbd / nHead;
  const wte = draw.matrix("wte", vocabSize, nEmbd);
  const wpe = draw.matrix("wpe", blockSize, nEmbd);
  const lmHead = draw.matrix("lm_head", nEmbd, vocabSize);
  const layers = Array.from({ length: nLayer }, (_, i) => ({
    wq: draw.matrix(`layer${i}.attn_wq`, nEmbd, nEmbd),
    wk: draw.matrix(`layer${i}.attn_wk`, nEmbd, nEmbd),
    wv: draw.matrix(`layer${i}.attn_wv`, nEmbd, nEmbd),
    wo: draw.matrix(`layer${i}.attn_wo`, nEmbd, nEmbd),
    fc1: draw.matrix(`layer${i}.mlp_fc1`, nEmbd, 4 * nEmbd),
    fc2: draw.matrix(`layer${i}.mlp_fc2`, 4 * nEmbd, nEmbd),
    keys: [],
    values: []
  }));
  const logits = [];
  const losses = [];
  for (let pos = 0; pos < blockSize; pos++) {
    let x = rmsnorm2(wte.at(tokens.at(pos)).add(wpe.at(pos)));
    for (const { wq, wk, wv, wo, fc1, fc2, keys, values } of layers) {
      const normed = rmsnorm2(x);
      const query = normed.matmul(wq);
      keys.push(normed.matmul(wk));
      values.push(normed.matmul(wv));
      const heads = Array.from({ length: nHead }, (_, head) => {
        const part = (v) => v.slice(head * headDim, (head + 1) * headDim, -1);
        const scores = part(stack(keys)).matmul(part(query)).div(Math.sqrt(headDim));
        return scores.softmax().matmul(part(stack(values)));
      });
      x = concat(heads).matmul(wo).add(x);
      x = rmsnorm2(x).matmul(fc1).relu().matmul(fc2).add(x);
    }
    const y = x.matmul(lmHead);
    logits.push(y);
    losses.push(y.softmax().at(targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits: logits.map((y) => [y]),
    loss: meanOfFirst(losses, length),
    optimizer: (_, rate = 2e-3) => new SGD({ learningRate: decay(rate, 0.998), momentum: 0.99 })
  };
};

// lib/study/models/rnn.ts
var rnn = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, blockSize, nState } = sizes;
  const wte = draw.matrix("wte", vocabSize, nEmbd);
  const wpe = draw.matrix("wpe", blockSize, nEmbd);
  const m = draw.matrix("m", nState, nState);
  const tokenProj = draw.matrix("token_proj", nEmbd, nState);
  const posProj = draw.matrix("pos_proj", nEmbd, nState);
  const lmHead = draw.matrix("lm_head", nState, vocabSize);
  const logits = [];
  const losses = [];
  let h = zeros([nState]);
  for (let pos = 0; pos < blockSize; pos++) {
    const token = wte.at(tokens.at(pos)).matmul(tokenProj);
    const place3 = wpe.at(pos).matmul(posProj);
    h = h.matmul(m).add(token).add(place3).relu();
    const y = h.matmul(lmHead);
    logits.push(y);
    losses.push(y.softmax().at(targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits: logits.map((y) => [y]),
    loss: meanOfFirst(losses, length),
    optimizer: (_, rate = 0.01) => new SGD({ learningRate: decay(rate, 0.998), momentum: 0.99 })
  };
};

// lib/study/models/rnn_att.ts
var rnnAtt = (sizes, draw, { tokens, targets, length }) => {
  const { vocabSize, nEmbd, blockSize, nState, nAtt } = sizes;
  const wte = draw.matrix("wte", vocabSize, nEmbd);
  const wpe = draw.matrix("wpe", blockSize, nEmbd);
  const m = draw.matrix("m", nState, nState);
  const tokenProj = draw.matrix("token_proj", nEmbd, nState);
  const posProj = draw.matrix("pos_proj", nEmbd, nState);
  const lmHead = draw.matrix("lm_head", nState, vocabSize);
  const logits = [];
  const losses = [];
  let h = zeros([nState]);
  for (let pos = 0; pos < blockSize; pos++) {
    const token = wte.at(tokens.at(pos)).matmul(tokenProj);
    const place3 = wpe.at(pos).matmul(posProj);
    const fire = h.topk(nAtt);
    h = h.add(h.gather(fire).matmul(m.gather(fire))).add(token).add(place3).relu();
    const y = h.matmul(lmHead);
    logits.push(y);
    losses.push(y.softmax().at(targets.at(pos)).log().neg());
  }
  return {
    parameters: draw.parameters,
    logits: logits.map((y) => [y]),
    loss: meanOfFirst(losses, length),
    optimizer: (_, rate = 5e-3) => new SGD({ learningRate: decay(rate, 0.998), momentum: 0.99 })
  };
};

// lib/study/models/graph-size.ts
var MAX_NODES = 1e6;
function graphSize(model2, sizes) {
  const { nLayer, nHead, nEmbd, blockSize, vocabSize } = sizes;
  return {
    scalar: blockSize * (nLayer * (12 * nEmbd ** 2 + blockSize * nEmbd) + vocabSize * nEmbd),
    vector: nLayer * nHead * blockSize ** 2,
    rnn: 8 * blockSize,
    rnn_att: 8 * blockSize
  }[model2];
}

// lib/study/build-model.ts
var MAX_TOKENS = 1114113;
var MODELS = {
  scalar: checked("scalar", scalar2),
  vector: checked("vector", vector),
  rnn: checked("rnn", rnn),
  rnn_att: checked("rnn_att", rnnAtt)
};
function checked(name, builder) {
  return (sizes, draw, fed) => {
    checkOptions(`MODELS.${name}: sizes`, sizes, { ...KNOWN_SIZES, vocabSize: true });
    const own = { ...sizes };
    checkSizes(name, own);
    if (!(draw instanceof Draw))
      throw new TypeError(`MODELS.${name}: draw ${shown(draw)}: expected a Draw`);
    checkOptions(`MODELS.${name}: inputs`, fed, { tokens: true, targets: true, length: true });
    for (const [called, given2] of Object.entries({
      tokens: fed.tokens,
      targets: fed.targets,
      length: fed.length
    })) {
      if (!(given2 instanceof Index))
        throw new TypeError(`MODELS.${name}: ${called} ${shown(given2)}: expected an Index`);
    }
    const model2 = builder(own, draw, fed);
    const optimizer = (steps, rate) => {
      checkNumber("steps", steps);
      if (rate !== void 0) checkNumber("lr", rate);
      return model2.optimizer(steps, rate);
    };
    return { ...model2, optimizer };
  };
}
var KNOWN_SIZES = {
  nEmbd: true,
  nHead: true,
  nLayer: true,
  blockSize: true,
  nState: true,
  nAtt: true
};
function checkSizes(model2, sizes) {
  if (!MODEL_NAMES.includes(model2))
    throw new ExperimentError(
      `model ${shown(model2)}: expected ${MODEL_NAMES.join(", ")}${typeof model2 === "string" ? didYouMean(model2, MODEL_NAMES) : ""}`
    );
  for (const name of [...SIZE_NAMES, "vocabSize"]) {
    const size2 = sizes[name];
    if (!Number.isInteger(size2) || size2 < 1) {
      throw new ExperimentError(`${name} ${shown(size2)}: expected an integer from 1`);
    }
    const max = name === "vocabSize" ? MAX_TOKENS : MAX_COUNT;
    if (size2 > max)
      throw new ExperimentError(`${name} ${shown(size2)}: expected an integer from 1 to ${max}`);
  }
  if (graphSize(model2, sizes) > MAX_NODES)
    throw new ExperimentError(
      `${model2} of these sizes would not fit in memory: lower blockSize, nLayer or nEmbd`
    );
  for (const { size: size2, other, fits, misfit, why } of SIZE_RULES) {
    if (!SIZES[size2].models.includes(model2) || fits(sizes)) continue;
    throw new ExperimentError(`${size2} ${sizes[size2]} ${misfit} ${other} ${sizes[other]}: ${why}`);
  }
}
function buildModel(name, vocabSize, sizes, random) {
  checkOptions("buildModel: sizes", sizes, KNOWN_SIZES);
  if (!(random instanceof Random))
    throw new TypeError(`buildModel: random ${shown(random)}: expected a Random to draw the parameters from`);
  return buildFrom(name, vocabSize, sizes, gaussians(random));
}
function buildFrom(name, vocabSize, sizes, source2) {
  const all2 = { ...DEFAULT_SIZES, vocabSize };
  for (const size2 of Object.keys(KNOWN_SIZES)) all2[size2] = sizes[size2] ?? all2[size2];
  checkSizes(name, all2);
  const fed = {
    tokens: index("tokens", all2.blockSize),
    targets: index("targets", all2.blockSize),
    length: index("length")
  };
  const draw = new Draw(source2);
  const model2 = { ...MODELS[name](all2, draw, fed), name, sizes: all2, matrices: draw.matrices };
  return { ...model2, steps: (docs, options) => trainSteps(model2, docs, options) };
}

// lib/study/experiment.ts
var EXPERIMENT_OPTIONS = {
  ...TARGET_OPTIONS,
  docs: true,
  steps: true,
  seed: true,
  lr: true,
  batch: true,
  threads: true,
  sizes: true,
  samples: true,
  temperature: true,
  onStep: true,
  loadSeconds: true,
  keeper: true
};
var CALL_MILLISECONDS = 50;
function runExperiment(name, options) {
  const given2 = withDefaults(options);
  const { docs, keeper, steps, seed, samples, temperature, batch, loadSeconds } = given2;
  const started = now();
  const lap = stopwatch();
  const documents = checkDocuments(docs);
  const random = new Random(seed);
  const tokenizer = new Tokenizer(docs);
  const { train, heldOut } = splitHeldOut(random.permutation(documents));
  const load2 = loadSeconds + lap();
  const model2 = buildModel(name, tokenizer.vocabSize, options.sizes ?? {}, random);
  const graph = lap();
  const { blockSize } = model2.sizes;
  const target = { ...targetOf2(options), ...batch > 1 && { batches: true } };
  const training = model2.optimizer(steps, options.lr).minimize(model2.loss, { ...target, sequence: model2.logits });
  const compile = lap();
  const run = { model: model2, tokenizer, training, random, seed, steps, batch, docs };
  const losses = earlierLosses(run, keeper);
  const stepsHere = steps - losses.length;
  takeSteps(run, tokenizer.corpus(docs, train.subarray(0, steps * batch)), losses, given2);
  const trainSeconds = lap();
  const evaluated = training.evaluateEach(tokenizer.corpus(docs, heldOut).dataset(blockSize));
  const heldOutLoss = evaluated.reduce((sum3, loss2) => sum3 + loss2, 0) / heldOut.length;
  const evaluate = lap();
  const how = { count: samples, temperature, target, trained: training.program };
  const invented = sample(model2, tokenizer, random, how);
  const sampleSeconds = lap();
  const last = losses.slice(-50);
  const { dtype: dtype2, isa, parameterCount } = training.program;
  return {
    model: name,
    ...{ dtype: dtype2, isa, seed, steps, batch },
    docs: documents,
    vocabSize: tokenizer.vocabSize,
    params: parameterCount,
    losses,
    finalLoss: losses[losses.length - 1] ?? NaN,
    last50Loss: last.reduce((sum3, loss2) => sum3 + loss2, 0) / last.length,
    heldOutLoss,
    samples: invented,
    seconds: {
      ...{ load: load2, graph, compile, train: trainSeconds, evaluate, sample: sampleSeconds },
      total: loadSeconds + (now() - started) / 1e3
    },
    microsecondsPerStep: stepsHere > 0 ? trainSeconds * 1e6 / stepsHere : 0
  };
}
function withDefaults(options) {
  checkOptions("runExperiment", options, EXPERIMENT_OPTIONS);
  const { docs, keeper, loadSeconds = 0, threads, onStep } = options;
  const { steps = DEFAULTS.steps, seed = DEFAULTS.seed, batch = DEFAULTS.batch } = options;
  const { samples = DEFAULTS.samples, temperature = DEFAULTS.temperature } = options;
  checkInteger("steps", steps, 0, MAX_STEPS);
  checkInteger("samples", samples, 0);
  checkInteger("batch", batch, 1, MAX_BATCH);
  if (threads !== void 0) checkInteger("threads", threads, 1);
  checkCallback("onStep", onStep);
  checkNumber("loadSeconds", loadSeconds);
  if (keeper && keeper.every !== Infinity) checkInteger("every", keeper.every, 1);
  return { docs, keeper, threads, onStep, steps, seed, samples, temperature, batch, loadSeconds };
}
function stopwatch() {
  let mark = now();
  return () => {
    const before = mark;
    mark = now();
    return (mark - before) / 1e3;
  };
}
function earlierLosses(run, keeper) {
  const kept = keeper?.resume(run) ?? [];
  const count2 = checkInteger("losses kept:", kept.length, 0, MAX_STEPS);
  if (count2 > run.steps)
    throw new ExperimentError(
      `${count2} steps were taken already, more than the ${run.steps} requested: request more`
    );
  return Array.from({ length: count2 }, (_, i) => kept[i]);
}
function takeSteps(run, corpus, losses, { keeper, threads, onStep }) {
  const { model: model2, training, steps, batch } = run;
  const { blockSize } = model2.sizes;
  const every = keeper?.every ?? Infinity;
  const keep = () => {
    if (losses.length % every === 0 || losses.length === steps) keeper?.save(run, losses);
  };
  const note = (loss2) => {
    losses.push(loss2);
    checkLoss(loss2, losses.length, model2.name);
    onStep?.(losses.length, loss2);
  };
  const dataset = corpus.dataset(blockSize);
  const batching = batch > 1 ? { batch, ...threads !== void 0 && { threads } } : {};
  for (let stepsPerCall = 1; losses.length < steps; ) {
    const from = losses.length * batch % dataset.count;
    const untilEnd = Math.floor((dataset.count - from) / batch);
    if (untilEnd === 0) {
      const fed = Array.from(
        { length: batch },
        (_, i) => corpus.example((from + i) % dataset.count, blockSize)
      );
      note(training.stepBatch(fed, threads === void 0 ? {} : { threads }));
      keep();
      continue;
    }
    const untilKept = every - losses.length % every;
    const count2 = Math.min(stepsPerCall, steps - losses.length, untilEnd, untilKept);
    const began = now();
    training.stepEach(dataset, from, from + count2 * batch, batching).forEach(note);
    if (count2 === stepsPerCall && now() - began < CALL_MILLISECONDS) stepsPerCall *= 2;
    keep();
  }
}

// lib/bench/models.ts
function measureModels(effort, onModel) {
  const { steps, trainings, models } = effort;
  const docs = openDocuments(embeddedNamesPath());
  const cells = MODEL_NAMES.filter((name) => models?.includes(name) ?? true).flatMap(
    (model2) => ["float64", "float32"].flatMap(
      (dtype2) => addon.info().available.map((isa) => ({
        model: model2,
        dtype: dtype2,
        isa,
        times: [],
        results: []
      }))
    )
  );
  for (let turn = 0; turn < trainings; turn++) {
    for (const { model: model2, dtype: dtype2, isa, times: times2, results } of cells) {
      onModel(model2);
      const ends = [];
      const onStep = () => {
        ends.push(performance.now());
      };
      results.push(
        runExperiment(model2, { docs, steps, seed: DEFAULTS.seed, dtype: dtype2, isa, samples: 0, onStep })
      );
      times2.push(ends.slice(1).map((end, i) => (end - ends[i]) * 1e3));
    }
  }
  return cells.map(({ model: model2, dtype: dtype2, isa, times: times2, results }) => {
    const { finalLoss, heldOutLoss } = results[0];
    return {
      ...{ model: model2, dtype: dtype2, isa, steps },
      microsecondsPerStep: meanOfMedians(times2),
      finalLoss,
      heldOutLoss: Number.isFinite(heldOutLoss) ? heldOutLoss : null
    };
  });
}
var PARTS2 = ["forward", "backward", "update"];
var LETTERS = 7;
function measureStates({ turns, budget, nStates }, onSize) {
  const docs = readDocuments(embeddedNamesPath());
  new Random(DEFAULTS.seed).shuffle(docs);
  const tokenizer = new Tokenizer(docs);
  const doc = splitHeldOut(docs).train.find((name) => name.length === LETTERS);
  const tokens = tokenizer.encode(doc);
  const length = tokens.length - 1;
  const feeds = { tokens: tokens.slice(0, length), targets: tokens.slice(1), length };
  const isa = chosenIsa();
  return nStates.flatMap((nState) => {
    onSize(nState);
    const loops = ["rnn", "rnn_att"].flatMap((name) => {
      const sizes = { nState, nAtt: 16 };
      const model2 = buildModel(name, tokenizer.vocabSize, sizes, new Random(DEFAULTS.seed));
      const options = { dtype: "float32", isa };
      const { program } = model2.optimizer(DEFAULTS.steps).minimize(model2.loss, options);
      program.step(feeds);
      return PARTS2.map((part) => ({
        row: { model: name, nState, part, isa },
        run: () => microseconds(budget / 1e3, () => program.runPart(part))
      }));
    });
    const times2 = inTurns(
      loops.map(({ run }) => run),
      turns
    );
    return loops.map(({ row }, i) => ({ ...row, microseconds: times2[i] }));
  });
}

// lib/bench/run.ts
function runBench(wanted, onStage) {
  const machine2 = describeMachine();
  const effort = machine2.emulated ? whenEmulated(wanted) : wanted;
  onStage("the peaks of the machine");
  return {
    schema: SCHEMA,
    vecgrad: packageVersion(),
    date: (/* @__PURE__ */ new Date()).toISOString().slice(0, 10),
    quick: effort.quick,
    machine: machine2,
    peaks: measurePeaks(effort),
    kernels: measureKernels(effort, (name) => onStage(`kernel ${name}`)),
    models: measureModels(effort, (name) => onStage(`model ${name}`)),
    states: measureStates(effort, (n) => onStage(`n_state ${n}`))
  };
}

// lib/cli/bench.ts
var HELP = `vecgrad bench [options]: time every kernel, the four models and this machine's peaks

  --quick             a rough run of about 30 seconds, instead of a few minutes
  --json FILE         also write every figure to FILE, for vecgrad bench compare
  --help              explain the command

vecgrad bench compare FILE... [options]: compare such files from several machines

  --html FILE         write one page with tables and charts instead of text

Set VECGRAD_EMULATED=NAME in the environment if NAME emulates the processor and this is not detected;
its times are then kept apart from real ones. VECGRAD_EMULATED=0 means that the processor is real.
`;
var MAX_BYTES2 = 5e7;
function bench(argv, { stdout, stderr }, efforts = { quick: QUICK, full: FULL }) {
  const options = parseBench(argv);
  switch (options.action) {
    case "help":
      stdout.write(HELP);
      return;
    case "run": {
      if (options.json !== void 0) checkWritable(options.json);
      const effort = options.quick ? efforts.quick : efforts.full;
      const report2 = measured(effort, stderr);
      if (options.json !== void 0) writeFile(options.json, `${fileText(report2)}
`);
      stdout.write(reportText(report2));
      return;
    }
    case "compare": {
      if (options.html !== void 0) {
        checkNoInput("--html", options.html, options.files);
        checkWritable(options.html);
      }
      const machines = named(options.files.map((file) => ({ file, report: read2(file) })));
      if (options.html === void 0) stdout.write(comparisonText(machines));
      else writeFile(options.html, pageHtml(machines));
    }
  }
}
function parseBench(argv) {
  const [first, ...rest] = argv;
  const compares = first === "compare";
  const { values, positionals } = parsed(compares ? "bench compare" : "bench", compares ? rest : argv);
  if (values.help === true) return { action: "help" };
  const { json, html: html2, quick = false } = values;
  for (const [name, path] of Object.entries({ json, html: html2 })) {
    if (path === "") throw new UsageError(`--${name} takes the name of a file, not ""`);
  }
  if (!compares) {
    if (positionals.length > 0) {
      const given2 = positionals[0];
      const guess = given2.endsWith(".json") ? "; to compare files, use vecgrad bench compare FILE..." : didYouMean(given2, ["compare"]);
      throw new UsageError(`nothing is expected after bench: ${quoted(given2)}${guess}`);
    }
    return { action: "run", quick, ...json !== void 0 && { json } };
  }
  if (positionals.length === 0) {
    throw new UsageError(
      "no file given: use vecgrad bench compare FILE..., with files from vecgrad bench --json FILE"
    );
  }
  if (positionals.includes("")) throw new UsageError('bench compare takes names of files, not ""');
  return { action: "compare", files: positionals, ...html2 !== void 0 && { html: html2 } };
}
var OPTIONS2 = { bench: ["quick", "json"], "bench compare": ["html"] };
function parsed(command, args) {
  const own = OPTIONS2[command];
  const known = ["help", ...own];
  const options = Object.fromEntries(
    known.map((name) => [
      name,
      name === "help" || name === "quick" ? { type: "boolean", ...name === "help" && { short: "h" } } : { type: "string" }
    ])
  );
  try {
    return (0, import_node_util3.parseArgs)({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const { code, message } = error;
    const given2 = /'(-[^' =,]*)/.exec(message)?.[1] ?? "";
    const name = given2.replace(/^-+/, "");
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
      const other = command === "bench" ? "bench compare" : "bench";
      const isOther = OPTIONS2[other].some((option) => option === name);
      const guess = isOther ? `, only ${other} has` : didYouMean(name, known, "--");
      throw new UsageError(`${command} has no option ${quoted(given2)}${guess} (see vecgrad bench --help)`);
    }
    if (code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") {
      const said = /--(\w+)/.exec(message)?.[1] ?? name;
      const takesFile = said === "json" || said === "html";
      throw new UsageError(
        takesFile ? `--${said} needs a value: --${said} FILE` : `--${said} takes no value`
      );
    }
    throw error;
  }
}
function measured(effort, stderr) {
  const isWatched = stderr.isTTY === true && process.env["TERM"] !== "dumb";
  if (!isWatched) return runBench(effort, () => void 0);
  const width = (stderr.columns || 80) - 1;
  try {
    return runBench(effort, (what) => {
      stderr.write(`\r\x1B[2K${truncate(`measuring ${what}`, width)}`);
    });
  } finally {
    stderr.write("\r\x1B[2K");
  }
}
function fileText(report2) {
  const { machine: machine2, ...others } = report2;
  const lines = Object.entries({ ...others, machine: machine2 }).map(([key, value]) => {
    const rows4 = Array.isArray(value) ? `[
${value.map((row) => `    ${JSON.stringify(row)}`).join(",\n")}
  ]` : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${rows4}`;
  });
  return `{
${lines.join(",\n")}
}`;
}
function read2(path) {
  let source2;
  try {
    const wrong = wrongPath(path);
    if (wrong !== void 0) throw new Error(wrong);
    const stats = (0, import_node_fs9.statSync)(path);
    if (!stats.isFile() && !stats.isFIFO() && !stats.isDirectory())
      throw new Error("it is neither a file nor a pipe");
    if (stats.size > MAX_BYTES2) {
      throw new ReportError(
        `${quotedPath(path)} has ${stats.size} bytes: it is not a file from vecgrad bench --json`
      );
    }
    source2 = readWhole(path, MAX_BYTES2).toString("utf8");
  } catch (error) {
    if (error instanceof ReportError) throw error;
    throw new Error(`cannot read ${quotedPath(path)}: ${reasonOf(error, path)}`, { cause: error });
  }
  return parseReport(source2, quotedPath(path));
}
// Annotate the CommonJS export names for ESM import in node:
0 && (module.exports = {
  bench,
  parseBench
});
