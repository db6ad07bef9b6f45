// node-redis: connects with HELLO and CLIENT SETINFO.
import assert from 'node:assert/strict';
import { createClient, WatchError } from 'redis';
import { args, done, fails, host, port, until } from './check.mjs';

const RESP = Number(args[0]);
const client = createClient({ url: `redis://${host}:${port}/6`, name: 'smoke', RESP });
client.on('error', (err) => {
  console.error(err);
  process.exit(1);
});
await client.connect();

assert.equal(await client.ping(), 'PONG');
assert.equal(await client.clientGetName(), 'smoke');
await client.flushAll();

assert.equal(await client.set('k', 'v', { EX: 100 }), 'OK');
assert.equal(await client.get('k'), 'v');
assert.equal(await client.get('nokey'), null);
const ttl = await client.ttl('k');
assert.ok(ttl > 90 && ttl <= 100, `ttl ${ttl}`);
assert.equal(await client.set('k', 'w', { NX: true }), null);
assert.deepEqual(await client.mGet(['k', 'nokey']), ['v', null]);
await client.set('short', 'v', { PX: 20 });
await until('the key expires', async () => (await client.exists('short')) === 0);
assert.deepEqual(await client.configGet('databases'), { __proto__: null, databases: '16' });
assert.match(await client.info('server'), /redis_version:7\./);

// Commands issued in one turn go out as one pipeline.
const counts = await Promise.all(Array.from({ length: 1000 }, () => client.incr('n')));
assert.equal(counts[999], 1000);

assert.deepEqual(await client.multi().set('t', '1').incr('t').get('t').exec(), ['OK', 2, '2']);
const other = await client.duplicate().connect();
await client.watch('t');
await other.incr('t');
await assert.rejects(client.multi().set('t', 'mine').exec(), WatchError);
await client.watch('t');
assert.deepEqual(await client.multi().set('t', 'mine').exec(), ['OK']);

await client.flushDb();
await client.mSet(Array.from({ length: 1000 }, (_, i) => [`scan:${i}`, String(i)]));
const seen = new Set();
for await (const keys of client.scanIterator({ MATCH: 'scan:*', COUNT: 50 })) keys.forEach((k) => seen.add(k));
assert.equal(seen.size, 1000);

await client.set('s', 'abc');
await fails(client.incr('s'), /^ERR value is not an integer or out of range$/);
await fails(client.sendCommand(['NOSUCH', 'x']), /^ERR unknown command 'NOSUCH'/);
assert.equal(await client.ping(), 'PONG');

await other.close();
await client.close();
done();
