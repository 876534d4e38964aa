// Speaks to yaml-language-server over standard input and output, as an editor does.

import { spawn } from "node:child_process";

/**
 * Starts the server in this folder. `schema` is the address of the schema that files name in their first line; with
 * `pattern` it is the settings that name it, for files of such names.
 */
export function start(schema, pattern) {
  const firstLine = pattern ? "#\n" : `# yaml-language-server: $schema=${schema}\n`;
  const schemas = pattern ? { [schema]: pattern } : {};
  const server = spawn(process.execPath, ["node_modules/yaml-language-server/bin/yaml-language-server", "--stdio"], {
    cwd: import.meta.dirname,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let next = 0;
  let files = 0;
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

  function receive(message) {
    if (message.method === "textDocument/publishDiagnostics") {
      diagnostics.get(message.params.uri)?.(message.params.diagnostics);
    } else if (message.method && message.id !== undefined) {
      // The server asks for settings or announces what it can do.
      const yaml = { validate: true, hover: true, completion: true, schemaStore: { enable: false }, schemas };
      const settings = { yaml };
      const items = message.params?.items ?? [];
      send({ id: message.id, result: items.map(({ section }) => settings[section] ?? null) });
    } else {
      pending.get(message.id)?.(message.result);
      pending.delete(message.id);
    }
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

  /** Opens a file, in which `|` is where the cursor stands; returns the cursor, and what is underlined. */
  async function open(text) {
    const before = text.split("|")[0].split("\n");
    const position = { line: before.length, character: before.at(-1).length };
    const uri = `file:///project/${++files}/compose.yaml`;
    const found = new Promise((done) => diagnostics.set(uri, done));
    const document = firstLine + text.replace("|", "");
    const textDocument = { uri, languageId: "yaml", version: 1, text: document };
    send({ method: "textDocument/didOpen", params: { textDocument } });
    return { at: { textDocument: { uri }, position }, mistakes: (await found).map((one) => one.message) };
  }

  return {
    stop: () => server.kill(),
    async hello() {
      await request("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
      send({ method: "initialized", params: {} });
    },
    /** Returns what is offered at the cursor: name and text. */
    async completed(text) {
      const { at } = await open(text);
      const { items } = await request("textDocument/completion", at);
      return new Map(items.map((item) => [item.label, item.documentation?.value ?? item.documentation ?? ""]));
    },
    /** Returns the text that is shown for what the cursor is on. */
    async hovered(text) {
      const { at } = await open(text);
      return (await request("textDocument/hover", at))?.contents.value ?? "";
    },
    /** Returns the messages for what is underlined. */
    async mistakes(text) {
      return (await open(text)).mistakes;
    },
  };
}
