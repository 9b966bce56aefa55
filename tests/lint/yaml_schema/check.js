// SPDX-License-Identifier: Apache-2.0
// Talks to yaml-language-server over its standard streams, as an editor does: opens each pipeline file with
// the schema and counts the diagnostics. usage: node check.js FOLDER ROOT
import {spawn} from 'node:child_process';
import {readFileSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const [folder, root] = process.argv.slice(2);
const wait_ms = 20000; // for one answer; the first one loads the schema

// What no schema can say: what depends on other places in the file, on the world outside, or on the bytes. The
// server accepts these. Any other file of tests/unit/config/bad must get a diagnostic.
const beyond_schema = new Set([
  'alias_as_key', 'alias_inside_itself', 'comment_only', 'cycle', 'cycle_through_a_matrix', 'deep_by_alias',
  'deep_nesting', 'expression_lengths', 'expressions', 'keys_not_text', 'matrix_ids_too_long', 'matrix_too_large',
  'merge_of_text', 'needs_a_later_stage', 'needs_itself', 'numbers_nobody_agrees_on',
  'reuse_declared_nothing', 'unknown_layer', 'unknown_stage',
]);

class Server {
  constructor() {
    const program = path.join(folder, 'node_modules/yaml-language-server/bin/yaml-language-server');
    this.child = spawn(process.execPath, [program, '--stdio'], {stdio: ['pipe', 'pipe', 'inherit']});
    this.child.on('exit', code => this.closing || fail(`the language server ended with ${code}`));
    this.child.stdout.on('data', bytes => this.receive(bytes));
    this.bytes = Buffer.alloc(0);
    this.answers = new Map();
    this.diagnostics = new Map();
    this.next = 1;
  }

  send(message) {
    const text = JSON.stringify({jsonrpc: '2.0', ...message});
    this.child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  request(method, params) {
    const id = this.next++;
    this.send({id, method, params});
    return this.wait(`an answer to ${method}`, resolve => this.answers.set(id, resolve));
  }

  wait(what, start) {
    return new Promise(resolve => {
      const timer = setTimeout(() => fail(`no ${what} within ${wait_ms} ms`), wait_ms);
      start(value => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }

  receive(bytes) {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    for (;;) {
      const end = this.bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/i.exec(this.bytes.toString('latin1', 0, end))[1]);
      if (this.bytes.length < end + 4 + length) return;
      const message = JSON.parse(this.bytes.toString('utf8', end + 4, end + 4 + length));
      this.bytes = this.bytes.subarray(end + 4 + length);
      this.handle(message);
    }
  }

  handle(message) {
    if (message.method === undefined) {
      this.answers.get(message.id)?.(message.result);
    } else if (message.method === 'textDocument/publishDiagnostics') {
      this.diagnostics.get(message.params.uri)?.(message.params.diagnostics);
    } else if (message.id !== undefined) {
      const settings = message.method === 'workspace/configuration'
        ? message.params.items.map(item => item.section === 'yaml' ? this.settings : {})
        : null;
      this.send({id: message.id, result: settings});
    }
  }

  async start() {
    const schema = pathToFileURL(path.join(folder, 'schema.json')).href;
    this.settings = {validate: true, schemas: {[schema]: '*.yml'}, schemaStore: {enable: false}};
    const capabilities = {workspace: {configuration: true}, textDocument: {publishDiagnostics: {}}};
    const rootUri = pathToFileURL(root).href;
    await this.request('initialize', {processId: process.pid, rootUri, capabilities});
    this.send({method: 'initialized', params: {}});
    this.send({method: 'workspace/didChangeConfiguration', params: {settings: {yaml: this.settings}}});
  }

  open(name, text) {
    const uri = pathToFileURL(path.join(root, name)).href;
    return this.wait(`diagnostics of ${name}`, resolve => {
      this.diagnostics.set(uri, resolve);
      this.send({
        method: 'textDocument/didOpen',
        params: {textDocument: {uri, languageId: 'yaml', version: 1, text}},
      });
    });
  }

  stop() {
    this.closing = true;
    this.child.kill();
  }
}

function fail(text) {
  console.error(`lint.yaml_schema: ${text}`);
  process.exit(1);
}

function files(where) {
  const names = readdirSync(path.join(root, where)).filter(name => name.endsWith('.yml')).sort();
  if (names.length === 0) fail(`no .yml in ${where}`);
  return names.map(name => path.join(where, name));
}

// A modeline would make the server load another schema; bytes that are no UTF-8 cannot be sent.
function read(name) {
  const bytes = readFileSync(path.join(root, name));
  const text = bytes.toString('utf8');
  if (bytes.includes(0) || !Buffer.from(text, 'utf8').equals(bytes)) return null;
  return text.replace(/^# yaml-language-server:.*$/m, '#');
}

// All at once: the server waits a while before it looks at a file.
const server = new Server();
await server.start();
let wrong = 0;

async function check_good(name) {
  for (const {range, message} of await server.open(name, read(name))) {
    console.error(`${name}:${range.start.line + 1}:${range.start.character + 1}: a good file: ${message}`);
    wrong++;
  }
}

async function check_bad(name) {
  const count = (await server.open(name, read(name))).length;
  if ((count === 0) === beyond_schema.has(path.basename(name, '.yml'))) return;
  console.error(count === 0
    ? `${name}: the schema finds nothing; mend it, or list the file in beyond_schema`
    : `${name}: the schema finds it after all: remove it from beyond_schema`);
  wrong++;
}

const good = [...files('tests/unit/config/good'), ...files('pipelines')];
const bad = files('tests/unit/config/bad').filter(name => read(name) !== null);
await Promise.all([...good.map(check_good), ...bad.map(check_bad)]);
server.stop();
console.log(`lint.yaml_schema: ${good.length} good and ${bad.length} bad files, ${wrong} wrong`);
process.exit(wrong === 0 ? 0 : 1);
