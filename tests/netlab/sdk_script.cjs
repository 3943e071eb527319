// The smallest program of a user on Node: one message through the SDK, or by fetch where npm has no SDK here.
// Prints the exception chain as one line of JSON, as sdk_script.py does.
"use strict";

const limit = Number(process.argv[2]) * 1000;
const request = { model: "claude-haiku-5-5", max_tokens: 1, messages: [{ role: "user", content: "Hi" }] };

function chain(error) {
  if (error === undefined || error === null) return [];
  return [`${error.constructor.name}: ${String(error.message).slice(0, 300)}`, ...chain(error.cause)];
}

async function bySdk() {
  const Anthropic = require(require.resolve("@anthropic-ai/sdk", { paths: [process.cwd()] }));
  return new (Anthropic.default || Anthropic)({ maxRetries: 0, timeout: limit }).messages.create(request);
}

async function byFetch() {
  const base = process.env.ANTHROPIC_BASE_URL || "https://api.anthropic.com";
  const headers = { "x-api-key": process.env.ANTHROPIC_API_KEY, "anthropic-version": "2023-06-01" };
  const body = JSON.stringify(request);
  const signal = AbortSignal.timeout(limit);
  return (await fetch(`${base}/v1/messages`, { method: "POST", headers, body, signal })).json();
}

bySdk()
  .catch((error) => (error.code === "MODULE_NOT_FOUND" ? byFetch() : Promise.reject(error)))
  .then((message) => console.log(JSON.stringify({ ok: message.type === "message", chain: [] })))
  .catch((error) => console.log(JSON.stringify({ ok: false, chain: chain(error) })));
