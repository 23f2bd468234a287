#!/usr/bin/env node
"use strict";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
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
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);

// lib/cli/launch.ts
var launch_exports = {};
__export(launch_exports, {
  launch: () => launch
});
module.exports = __toCommonJS(launch_exports);
var import_node_fs = require("node:fs");
var import_node_path = require("node:path");
var import_node_v8 = require("node:v8");
var import_node_vm = require("node:vm");
var LATER = [
  "--invocation-count-for-maglev=4000",
  "--invocation-count-for-maglev-osr=1000",
  "--invocation-count-for-turbofan=30000",
  "--invocation-count-for-osr=5000"
];
var FLAGS = {
  "11.3": ["--interrupt-budget=600000"],
  "12.4": LATER,
  "13.6": LATER,
  "14.6": LATER
};
function launch() {
  const isNode = !("bun" in process.versions || "deno" in process.versions);
  const version = /^\d+\.\d+/.exec(process.versions.v8)?.[0] ?? "";
  if (isNode) for (const flag of FLAGS[version] ?? []) (0, import_node_v8.setFlagsFromString)(flag);
  const filename = (0, import_node_path.join)(__dirname, "program.cjs");
  const source = (0, import_node_fs.readFileSync)(filename, "latin1");
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${source}
})`;
  const cache = `${filename}.${"3341e52a"}-${process.version}-${process.arch}.cache`;
  const cachedData = isNode ? contentOf(cache) : void 0;
  const script = new import_node_vm.Script(wrapped, { filename, ...cachedData && { cachedData } });
  if (isNode && script.cachedDataRejected !== false && trains(process.argv.slice(2))) {
    process.once("exit", (code) => {
      if (code === 0) keep(script, cache);
    });
  }
  const body = script.runInThisContext();
  const program = { exports: {} };
  body(program.exports, require, program, filename, __dirname);
  return script;
}
function trains([command, ...options]) {
  const asksForHelp = options.includes("--help") || options.includes("-h");
  return (command === "train" || command === "compare") && !asksForHelp;
}
function contentOf(path) {
  try {
    return (0, import_node_fs.readFileSync)(path);
  } catch {
    return void 0;
  }
}
function keep(script, path) {
  const made = `${path}.${process.pid}-${process.hrtime.bigint()}`;
  try {
    const file = (0, import_node_fs.openSync)(made, "wx");
    try {
      const data = script.createCachedData();
      if ((0, import_node_fs.writeSync)(file, data) === data.length) (0, import_node_fs.renameSync)(made, path);
    } finally {
      (0, import_node_fs.closeSync)(file);
      (0, import_node_fs.rmSync)(made, { force: true });
    }
  } catch {
  }
}
if (require.main === module) launch();
// Annotate the CommonJS export names for ESM import in node:
0 && (module.exports = {
  launch
});
