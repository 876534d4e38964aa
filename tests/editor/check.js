// Drives yaml-language-server over standard input and output, as an editor does, with topo's schema.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const schema = pathToFileURL(resolve(import.meta.dirname, "../../schema/topo.schema.json")).href;
const server = spawn(process.execPath, ["node_modules/yaml-language-server/bin/yaml-language-server", "--stdio"], {
  cwd: import.meta.dirname,
  stdio: ["pipe", "pipe", "inherit"],
});
const deadline = setTimeout(() => {
  console.error("the language server did not answer within a minute");
  server.kill();
  process.exit(1);
}, 60_000);

let next = 0;
const pending = new Map();
const diagnostics = new Map();

function send(message) {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function request(method, params) {
  const id = ++next;
  send({ id, method, params });
  return new Promise((done) => pending.set(id, done));
}

let buffer = Buffer.alloc(0);
server.stdout.on("data", (chunk) => {
  buffer = Buffer.concat([buffer, chunk]);
  for (;;) {
    const end = buffer.indexOf("\r\n\r\n");
    const length = /Content-Length: (\d+)/i.exec(buffer.subarray(0, Math.max(end, 0)));
    if (end < 0 || !length || buffer.length < end + 4 + Number(length[1])) return;
    const body = buffer.subarray(end + 4, end + 4 + Number(length[1]));
    buffer = buffer.subarray(end + 4 + Number(length[1]));
    receive(JSON.parse(body.toString()));
  }
});

function receive(message) {
  if (message.method === "textDocument/publishDiagnostics") {
    diagnostics.get(message.params.uri)?.(message.params.diagnostics);
  } else if (message.method && message.id !== undefined) {
    // The server asks for settings or announces what it can do.
    const settings = { yaml: { validate: true, hover: true, completion: true, schemaStore: { enable: false } } };
    const items = message.params?.items ?? [];
    send({ id: message.id, result: items.map(({ section }) => settings[section] ?? null) });
  } else {
    pending.get(message.id)?.(message.result);
  }
}

let files = 0;
// Opens a file, in which `|` is where the cursor stands; returns its address, the cursor, and what is underlined.
async function open(text) {
  const before = text.split("|")[0].split("\n");
  const cursor = { line: before.length, character: before.at(-1).length };
  const uri = `file:///project/${++files}/compose.yaml`;
  const found = new Promise((done) => diagnostics.set(uri, done));
  // The modeline of the README.
  const document = `# yaml-language-server: $schema=${schema}\n${text.replace("|", "")}`;
  send({
    method: "textDocument/didOpen",
    params: { textDocument: { uri, languageId: "yaml", version: 1, text: document } },
  });
  return { at: { textDocument: { uri }, position: cursor }, mistakes: (await found).map((one) => one.message) };
}

async function completed(text) {
  const { at } = await open(text);
  const { items } = await request("textDocument/completion", at);
  return items.map((item) => item.label);
}

await request("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
send({ method: "initialized", params: {} });

const attributes = await completed("services:\n  web:\n    |");
for (const name of ["image", "ports", "depends_on", "healthcheck", "networks", "volumes"]) {
  assert(attributes.includes(name), `services.web does not complete ${name}: ${attributes}`);
}

const top = await completed("|");
assert(top.includes("services") && top.includes("networks"), `the top does not complete services: ${top}`);

const conditions = await completed("services:\n  web:\n    image: a\n    depends_on:\n      db:\n        condition: |");
for (const word of ["service_started", "service_healthy", "service_completed_successfully"]) {
  assert(conditions.includes(word), `condition does not complete ${word}: ${conditions}`);
}

const { at } = await open("services:\n  web:\n    image: a\n    depends|_on: [db]\n");
const hover = JSON.stringify(await request("textDocument/hover", at));
assert(hover.includes("must be there first"), `depends_on shows no text: ${hover}`);

const right = await open("services:\n  web:\n    image: ${IMAGE:-a}\n    init: ${INIT}\n    depends_on: {db: {condition: '${C}'}}\n");
assert.deepEqual(right.mistakes, []);

const wrong = await open("services:\n  web:\n    imag: a\n    ports: 80\n");
assert.equal(wrong.mistakes.length, 2, `${wrong.mistakes}`);

console.log("completion, hover text and mistakes are as they should be");
clearTimeout(deadline);
server.kill();
