// Small helpers of the smoke tests. A script prints "done" when all went well.
import assert from 'node:assert/strict';
import readline from 'node:readline';

export const [host, port, ...args] = process.argv.slice(2);

export async function fails(promise, pattern) {
  await assert.rejects(promise, (err) => {
    assert.match(err.message, pattern);
    return true;
  });
}

export async function until(what, condition) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
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

export function done() {
  console.log('done');
  process.exit(0);
}
