// Sends one request as a client on Node does, and tells what came back. It imports nothing but Node's own modules
// and, where asked to, the SDK. One JSON command on stdin, one JSON line on stdout.
//
// The ending .cjs: a package.json with "type": "module" in a folder above does not change what this file is.
"use strict";

const dns = require("dns");
const fs = require("fs");
const http = require("http");
const https = require("https");
const net = require("net");
const tls = require("tls");

const LONGEST_BODY = 1 << 20;
const command = JSON.parse(fs.readFileSync(0, "utf8"));
Object.assign(process.env, command.variables);
const target = new URL(command.url);
const bare = (host) => host.replace(/^\[|\]$/g, "");

// What was seen so far: told when the request ends, or when its time is up.
const seen = { by: command.by, url: command.url, status: 0, headers: [], pieces: [], bytes: 0 };

function tell(facts) {
  enter("");
  const body = Buffer.concat(seen.pieces).subarray(0, LONGEST_BODY).toString("utf8");
  const { by, url, status, headers, bytes } = seen;
  const line = { event: "told", by, url, status, headers, body, bytes, phase: phases.last, times: phases.times, ...facts };
  let left = Buffer.from("\n" + command.mark + JSON.stringify(line) + "\n");
  while (left.length) left = left.subarray(fs.writeSync(1, left));
  process.exit(0);
}

// The error and its causes, outermost first. Those of several addresses stand side by side in `errors`.
function chainOf(error, link = "", depth = 0) {
  if (error === undefined || error === null || depth > 8) return [];
  const own = {
    type: (error.constructor && error.constructor.name) || typeof error,
    message: String(error.message === undefined ? error : error.message).slice(0, 2000),
    code: String(error.code || ""),
    errno: typeof error.errno === "number" ? Math.abs(error.errno) : 0,
    link,
  };
  const beside = Array.isArray(error.errors) ? error.errors.flatMap((one) => chainOf(one, "errors", depth + 1)) : [];
  return [own, ...beside, ...chainOf(error.cause, "cause", depth + 1)];
}

function fail(error) {
  tell({ chain: chainOf(error) });
}

// -- phases ----------------------------------------------------------------------------------------

// "construct" until the first socket: what fails there fails before the first packet.
const phases = { current: "construct", last: "construct", since: performance.now(), times: {} };

function enter(phase) {
  const now = performance.now();
  if (phases.current !== "construct" && phases.current) {
    phases.times[phases.current] = (phases.times[phases.current] || 0) + (now - phases.since);
  }
  if (phase) phases.last = phase;
  phases.current = phase;
  phases.since = now;
}

// Whatever opens the connection, fetch or the script itself, comes through these two.
function watchConnections() {
  const secure = target.protocol === "https:";
  const port = Number(target.port || (secure ? 443 : 80));
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...given) {
    const options = Array.isArray(given[0]) ? given[0][0] : given[0];
    const there = options && bare(String(options.host)) === bare(target.hostname) && Number(options.port) === port;
    enter("dns+tcp");
    this.once("connect", () => enter(!there ? "proxy" : secure ? "tls" : "wait"));
    if (there) this.once("secureConnect", () => enter("wait"));
    return connect.apply(this, given);
  };
  const start = tls.connect;
  tls.connect = function (...given) {
    const socket = start.apply(this, given);
    if (given[0] && given[0].socket) {
      enter("tls");
      socket.once("secureConnect", () => enter("wait"));
    }
    return socket;
  };
}

function keepToOneFamily() {
  const lookup = dns.lookup;
  dns.lookup = (name, options, callback) => {
    const asked = typeof options === "object" ? options : {};
    return lookup(name, { ...asked, family: command.family }, callback || options);
  };
}

// -- fetch, and the SDK on top of it ---------------------------------------------------------------

async function fetched(url, given) {
  const response = await fetch(url, { ...given, redirect: "manual" });
  seen.url = String(url);
  seen.status = response.status;
  seen.headers = [...response.headers];
  enter("body");
  return response;
}

async function readBody(response) {
  const reader = response.body ? response.body.getReader() : null;
  while (reader && seen.bytes < LONGEST_BODY) {
    const { done, value } = await reader.read();
    if (done) return;
    keep(value);
  }
}

function keep(piece) {
  seen.bytes += piece.length;
  seen.pieces.push(Buffer.from(piece));
}

async function byFetch() {
  const { method, headers, body } = command;
  await readBody(await fetched(command.url, { method, headers, body: body || undefined }));
  tell({});
}

async function bySdk() {
  const Anthropic = require(command.sdk);
  let reading = Promise.resolve();
  const client = new (Anthropic.default || Anthropic)({
    maxRetries: 0,
    timeout: command.limit_ms,
    // The global fetch, as without this option; its answer is kept as it came, and no redirect is followed.
    fetch: async (url, given) => {
      const response = await fetched(url, given);
      seen.pieces = [];
      seen.bytes = 0;
      // The SDK reads to the end, which may never come: what is longer than any answer is told as far as it goes.
      reading = readBody(response.clone()).then(() => seen.bytes < LONGEST_BODY || tell({}));
      reading.catch(() => {});
      return response;
    },
  });
  if (!command.body && !(client.models && client.models.list)) {
    seen.by = "fetch"; // an SDK of before 0.33 knows no list of models
    return byFetch();
  }
  try {
    await (command.body ? client.messages.create(JSON.parse(command.body)) : client.models.list({ limit: 100 }));
  } catch (error) {
    const whole = await reading.then(() => seen.status > 0, () => false);
    return tell({ chain: chainOf(error), sdk_refused: whole && seen.status < 300 });
  }
  await reading;
  return tell({});
}

// -- by the rules of a client that cannot be run ---------------------------------------------------

function authorities({ own, native, files }) {
  const found = own ? [...tls.rootCertificates] : [];
  if (native && tls.getCACertificates) found.push(...tls.getCACertificates("system"));
  for (const file of files) {
    try {
      found.push(fs.readFileSync(file, "utf8"));
    } catch {
      continue; // Node only warns of a file that it cannot read
    }
  }
  return found;
}

// Its own name, or Node would ask for the one in the Host header.
function at({ host, port }, ca) {
  return { host, port, servername: net.isIP(host) ? "" : host, agent: false, ca };
}

function tunnel(proxy, ca) {
  const authority = `${target.hostname}:${target.port || 443}`;
  const headers = { host: authority, ...(proxy.authorization && { "proxy-authorization": proxy.authorization }) };
  const scheme = proxy.scheme === "https" ? https : http;
  return new Promise((resolve, reject) => {
    const request = scheme.request({ ...at(proxy, ca), method: "CONNECT", path: authority, headers });
    request.once("error", reject);
    request.once("connect", (response, socket) => {
      if (response.statusCode === 200) return resolve(socket);
      const told = `the proxy answered ${response.statusCode} ${response.statusMessage} to CONNECT`;
      return reject(Object.assign(new Error(told), { code: "PROXY_REFUSED" }));
    });
    request.end();
  });
}

function handshake(socket, ca) {
  const host = bare(target.hostname);
  const servername = net.isIP(host) ? undefined : host;
  return new Promise((resolve, reject) => {
    const secured = tls.connect({ socket, host, servername, ca, ALPNProtocols: ["http/1.1"] });
    secured.once("error", reject);
    secured.once("secureConnect", () => {
      secured.off("error", reject);
      resolve(secured);
    });
  });
}

async function requested(ca) {
  const { proxy, method } = command;
  const headers = { host: target.host, ...Object.fromEntries(command.headers) };
  if (!proxy) return (target.protocol === "https:" ? https : http).request(target, { method, headers, ca, agent: false });
  if (target.protocol === "https:") {
    const secured = await handshake(await tunnel(proxy, ca), ca);
    return http.request({ method, path: target.pathname + target.search, headers, createConnection: () => secured });
  }
  if (proxy.authorization) headers["proxy-authorization"] = proxy.authorization;
  return (proxy.scheme === "https" ? https : http).request({ ...at(proxy, ca), method, headers, path: target.href });
}

async function byRules() {
  const request = await requested(authorities(command.trust));
  request.once("error", fail);
  request.once("response", (response) => {
    enter("body");
    seen.status = response.statusCode;
    for (let at = 0; at < response.rawHeaders.length; at += 2) seen.headers.push(response.rawHeaders.slice(at, at + 2));
    response.on("data", (piece) => {
      keep(piece);
      if (seen.bytes >= LONGEST_BODY) tell({});
    });
    response.once("error", fail);
    response.once("end", () => tell({}));
  });
  request.end(command.body || undefined);
}

// --------------------------------------------------------------------------------------------------

process.on("uncaughtException", fail);
setTimeout(() => tell({ timed_out: true }), command.limit_ms);
watchConnections();
if (command.family) keepToOneFamily();
({ fetch: byFetch, sdk: bySdk, rules: byRules })[command.by]().catch(fail);
