// What an editor shows with topo's schema, position by position: what it completes, shows on hover and underlines.

import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

import { start } from "./client.js";

const SERVICE = "services:\n  web:\n    image: nginx\n    ";
const KUBERNETES = `${SERVICE}x-topo:\n      kubernetes:\n        `;

// What is offered at the cursor, `|`, among others.
const COMPLETED = [
  ["|", "services networks volumes configs secrets models include name x-topo"],
  ["services:\n  web:\n    |", "image build ports depends_on healthcheck networks volumes x-topo pre_start"],
  [`${SERVICE}build:\n      |`, "context dockerfile target args secrets cache_from"],
  [`${SERVICE}build:\n      additional_contexts:\n        a: b\n      |`, "platforms provenance ssh"],
  [`${SERVICE}healthcheck:\n      |`, "test interval timeout retries start_period start_interval disable"],
  [`${SERVICE}depends_on:\n      db:\n        condition: |`, "service_started service_healthy service_completed_successfully"],
  [`${SERVICE}depends_on:\n      db:\n        condition: service_started\n        |`, "restart required"],
  [`${SERVICE}restart: |`, '"no" always on-failure unless-stopped'],
  [`${SERVICE}pull_policy: |`, "always never missing build daily weekly"],
  [`${SERVICE}init: |`, "true false"],
  [`${SERVICE}cgroup: |`, "host private"],
  [`${SERVICE}network_mode: |`, "host none bridge"],
  [`${SERVICE}cap_add:\n      - |`, "NET_ADMIN"],
  [`${SERVICE}stop_grace_period: |`, "10s 1m30s"],
  [`${SERVICE}mem_limit: |`, "64m 1gb"],
  [`${SERVICE}ports:\n      - |`, "target published protocol"],
  [`${SERVICE}ports:\n      - target: 80\n        protocol: |`, "tcp udp sctp"],
  [`${SERVICE}volumes:\n      - type: |`, "bind volume tmpfs image"],
  [`${SERVICE}volumes:\n      - type: bind\n        source: .\n        target: /a\n        bind:\n          |`, "propagation create_host_path selinux"],
  [`${SERVICE}networks:\n      front:\n        |`, "aliases ipv4_address priority mac_address"],
  [`${SERVICE}logging:\n      driver: |`, "json-file local syslog"],
  [`${SERVICE}ulimits:\n      nofile:\n        |`, "soft hard"],
  [`${SERVICE}deploy:\n      |`, "replicas resources update_config restart_policy placement"],
  [`${SERVICE}deploy:\n      update_config:\n        order: |`, "start-first stop-first"],
  [`${SERVICE}deploy:\n      resources:\n        limits:\n          |`, "cpus memory pids"],
  [`${SERVICE}develop:\n      watch:\n        - path: .\n          action: |`, "rebuild sync restart sync+restart sync+exec"],
  [`${SERVICE}env_file:\n      - path: a.env\n        format: |`, "raw"],
  [`${SERVICE}gpus: |`, "all"],
  ["networks:\n  front:\n    |", "driver internal ipam attachable enable_ipv6"],
  ["networks:\n  front:\n    ipam:\n      config:\n        - |", "subnet gateway ip_range"],
  ["volumes:\n  data:\n    |", "driver driver_opts external labels x-topo"],
  ["secrets:\n  key:\n    |", "file environment external"],
  ["configs:\n  site:\n    |", "file content environment"],
  ["models:\n  llm:\n    |", "model context_size runtime_flags"],
  ["include:\n  - path: a.yaml\n    |", "env_file project_directory"],
  [KUBERNETES + "|", "kind cron autoscale ingress probes mesh"],
  [`${KUBERNETES}kind: |`, "deployment statefulset daemonset job cronjob"],
  [`${KUBERNETES}probes:\n          readiness:\n            |`, "http tcp grpc exec interval"],
  ["volumes:\n  data:\n    x-topo:\n      kubernetes:\n        access_modes:\n          - |", "ReadWriteOnce ReadWriteMany"],
  ["x-topo:\n  lint:\n    levels:\n      security: |", "error warn note"],
];

// What is shown for the word under the cursor: all of these.
const HOVERED = [
  ["na|me: shop\n", "The project's name"],
  [`${SERVICE}depends|_on: [db]\n`, "must be there first"],
  [`${SERVICE}stop_grace_|period: 1m\n`, "SIGKILL", "Default: `10s`", "`ms`"],
  [`${SERVICE}mem_|limit: 1g\n`, "in steps of 1024"],
  [`${SERVICE}cpus|et: "0"\n`, "by number", "0-2,4"],
  [`${SERVICE}restart: al|ways\n`, "started again, whatever happened", "unless-stopped"],
  [`${SERVICE}depends_on:\n      db:\n        condition: service_hea|lthy\n`, "Its health check passes", "It ended with exit code 0"],
  [`${SERVICE}healthcheck:\n      inter|val: 10s\n      test: a\n`, "between checks", "Default: `30s`"],
  [`${SERVICE}bui|ld: .\n`, "How to build the image", "context: ./web"],
  [`${SERVICE}build:\n      tar|get: dev\n`, "The stage to build"],
  [`${SERVICE}deploy:\n      repl|icas: 2\n`, "How many containers", "Default: `1`"],
  [`${SERVICE}volumes:\n      - type: bi|nd\n        source: .\n        target: /a\n`, "A directory or file of the host"],
  ["networks:\n  front:\n    inter|nal: true\n", "No way out"],
  ["volumes:\n  data:\n    exter|nal: true\n", "exists already"],
  [`${KUBERNETES}autoscale: {max: 5, mi|n: 2}\n`, "The fewest", "Default: `1`"],
  ["ver|sion: '3'\n", "Obsolete: remove it"],
];

// What is underlined, by the message for each: what is wrong, and what is not.
const UNDERLINED = [
  ["services:\n  web:\n    imag: a\n", /Property imag is not allowed/],
  [`${SERVICE}build: {contxt: .}\n`, /Property contxt is not allowed/],
  [`${SERVICE}ports: 80\n`, /Incorrect type. Expected "array"/],
  [`${SERVICE}ports: ["http:80"]\n`, /write \[\[address:\]published:\]target/],
  [`${SERVICE}init: maybe\n`, /write true or false/],
  [`${SERVICE}scale: some\n`, /write a whole number/],
  [`${SERVICE}cpus: many\n`, /write a number/],
  [`${SERVICE}stop_grace_period: 5\n`, /write a duration such as 1m30s/],
  [`${SERVICE}healthcheck: {interval: 5 apples, test: a}\n`, /write a duration such as 1m30s/],
  [`${SERVICE}mem_limit: 5x\n`, /write a number of bytes such as 512m/],
  [`${SERVICE}volumes: ["a:"]\n`, /write \[source:\]target/],
  [`${SERVICE}build: [a]\n`, /Incorrect type. Expected "Build | string"/],
  [`${SERVICE}command: {a: b}\n`, /Incorrect type. Expected "string | array | null"/],
  [`${SERVICE}environment: A=b\n`, /Incorrect type. Expected "object | array"/],
  [`${SERVICE}depends_on: {db: {condition: healthy}}\n`, /Valid values: "service_started"/],
  [`${SERVICE}depends_on: {db: {}}\n`, /Missing property "condition"/],
  [`${SERVICE}restart: sometimes\n`, /Valid values: "no", "always"/],
  [`${SERVICE}deploy: {update_config: {order: any}}\n`, /Valid values: "start-first"/],
  [`${SERVICE}volumes: [{target: /data}]\n`, /Missing property "type"/],
  ["services:\n  my web: {image: a}\n", /Property my web is not allowed/],
  ["networks:\n  front: bridge\n", /Incorrect type. Expected "Network | null"/],
  ["networks:\n  front: {drivers: bridge}\n", /Property drivers is not allowed/],
  ["secrets:\n  key: {files: ./key}\n", /Property files is not allowed/],
  ["models:\n  llm: {context_size: 10}\n", /Missing property "model"/],
  [`${KUBERNETES}kind: daemon\n`, /Valid values: "deployment"/],
  [`${KUBERNETES}replicas: few\n`, /write a whole number/],
  ["x-topo: {lint: {levels: {security: loud}}}\n", /Valid values: "off"/],
  ["version: '3'\n", /`version` is obsolete/],
  ["volumes:\n  data:\n    external: {name: a}\n", /a mapping is obsolete here/],
  // Variables may stand for anything, and other `x-` attributes are free.
  [`${SERVICE}init: \${INIT}\n    scale: \${N:-2}\n    restart: \${R}\n    ports: ["\${P}:80"]\n    mem_limit: \${M:-1g}\n`],
  [`${SERVICE}depends_on: {db: {condition: '\${C}'}}\n    stop_grace_period: \${T}\n    cpus: '\${CPUS:-0.5}'\n`],
  [`${SERVICE}x-own: [1, {a: b}]\nx-more: 5\n`],
];

const schema = pathToFileURL(resolve(import.meta.dirname, "../../schema/topo.schema.json")).href;
const server = start(schema);
const bySettings = start(schema, "*compose*.y*ml");
const deadline = setTimeout(() => {
  console.error("the language server did not answer within two minutes");
  server.stop();
  bySettings.stop();
  process.exit(1);
}, 120_000);
await server.hello();
await bySettings.hello();

const wrong = [];
const shown = (text) => JSON.stringify(text.replace(SERVICE, "… "));
for (const [text, words] of COMPLETED) {
  const offered = await server.completed(text);
  const missing = words.split(" ").filter((word) => !offered.has(word));
  if (missing.length) wrong.push(`${shown(text)} does not complete ${missing}, but ${[...offered.keys()]}`);
}
for (const [text, ...parts] of HOVERED) {
  const hover = await server.hovered(text);
  const missing = parts.filter((part) => !hover.includes(part));
  if (missing.length) wrong.push(`${shown(text)} does not show ${JSON.stringify(missing)}, but ${JSON.stringify(hover)}`);
}
for (const [text, ...messages] of UNDERLINED) {
  const mistakes = await server.mistakes(text);
  const fits = mistakes.length === messages.length && messages.every((message, at) => message.test(mistakes[at]));
  if (!fits) wrong.push(`${shown(text)} should say ${messages.join(", ") || "nothing"}, and says ${JSON.stringify(mistakes)}`);
}
const offered = await server.completed("|");
if (offered.has("version")) wrong.push("the top completes `version`, which is obsolete");
const explained = await server.completed(`${SERVICE}|`);
if (!explained.get("healthcheck")?.includes("healthy")) wrong.push("completion does not explain `healthcheck`");
const named = await bySettings.completed("services:\n  web:\n    |");
if (!named.has("healthcheck")) wrong.push("the settings of docs/editors.md do not lead to the schema");

clearTimeout(deadline);
server.stop();
bySettings.stop();
if (wrong.length) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
const counts = [COMPLETED, HOVERED, UNDERLINED].map((table) => table.length);
console.log(`as they should be: completion in ${counts[0]} positions, hover text in ${counts[1]}, underlining in ${counts[2]}`);
