// Small helpers of the smoke tests. A script prints "done" when all went well.
import assert from 'node:assert/strict';
import net from 'node:net';
import readline from 'node:readline';

export const [host, port, ...args] = process.argv.slice(2);

export async function fails(promise, pattern) {
  await assert.rejects(promise, (err) => {
    assert.match(err.message, pattern);
    return true;
  });
}

export async function until(what, condition) {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.fail(`never: ${what}`);
}

// restartServer asks the Go test to restart the server and waits until it has.
export async function restartServer() {
  console.log('restart');
  const input = readline.createInterface({ input: process.stdin });
  for await (const line of input) {
    if (line === 'restarted') break;
  }
}

// setting changes one of the server's while it runs, over RESP.
export async function setting(name, value) {
  const socket = net.connect(Number(port), host);
  socket.end(`CONFIG SET ${name} ${value}\r\n`);
  let reply = '';
  for await (const piece of socket) reply += piece;
  assert.equal(reply, '+OK\r\n');
}

export function done() {
  console.log('done');
  process.exit(0);
}
