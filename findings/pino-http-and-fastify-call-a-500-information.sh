#!/usr/bin/env bash
# An answer of 500 is logged as information by pino-http, at its defaults, and by Fastify: no search by level finds it.
#
# Versions: pino-http 11.0.0, pino 10.4.0, fastify 5.12.8 (npm, Node 20).
# Source:   pino-http's logger.js: the level is `useLevel` ('info') unless `customLogLevel` says otherwise, also where it has
#           made an `err` and the message "request errored"; Fastify's lib/log-controller.js: log.info(…, 'request completed').
# Guess:    a 500, of which pino-http itself makes an error with a stack, is logged at level 50 (error).
# Seen:     level 30 (information), by both, with res.statusCode 500. Only what a handler throws has a line of level 50, and
#           that is Fastify's alone. Count failures by the status; set customLogLevel where levels are what is watched.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null 2>&1
npm install --ignore-scripts --no-audit --no-fund pino@10.4.0 pino-http@11.0.0 fastify@5.12.8 >/dev/null 2>&1
cat >levels.js <<'JS'
const http = require('http');
const { Writable } = require('stream');
const kept = () => {
  const lines = [];
  const stream = new Writable({ write: (chunk, _, done) => { lines.push(...chunk.toString().trim().split('\n')); done(); } });
  return { lines, stream };
};
const asked = (port) => new Promise((done) => http.get({ port, host: '127.0.0.1', path: '/' }, (answer) => {
  answer.resume();
  answer.on('end', () => setTimeout(done, 200));
}));
const levels = (lines) => lines.map(JSON.parse).filter((one) => one.res && one.res.statusCode === 500).map((one) => one.level);
(async () => {
  const first = kept();
  const log = require('pino-http')({}, first.stream);
  const server = http.createServer((request, response) => {
    log(request, response);
    response.statusCode = 500;
    response.end('boom');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  await asked(server.address().port);
  const second = kept();
  const app = require('fastify')({ logger: { stream: second.stream } });
  app.get('/', async (_, reply) => { reply.code(500); return 'boom'; });
  await app.listen({ port: 0, host: '127.0.0.1' });
  await asked(app.server.address().port);
  console.log(`pino-http ${levels(first.lines)} fastify ${levels(second.lines)}`);
  process.exit(0);
})();
JS
seen=$(node levels.js)
echo "levels of an answer of 500: $seen (30 is information, 50 an error)"
if [ "$seen" = "pino-http 30 fastify 30" ]; then exit 0; fi
echo "It behaves otherwise now." >&2
exit 1
