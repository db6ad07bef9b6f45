// ioredis: connects with CLIENT SETINFO and INFO (its ready check), RESP2.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { done, fails, host, port, restartServer, until } from './check.mjs';

const redis = new Redis(`redis://${host}:${port}/5`, { connectionName: 'smoke' });
redis.on('error', () => {}); // the restart below closes the connection

assert.equal(await redis.ping(), 'PONG');
assert.equal(await redis.client('GETNAME'), 'smoke');
await redis.flushall();

assert.equal(await redis.set('k', 'v', 'EX', 100), 'OK');
assert.equal(await redis.get('k'), 'v');
assert.equal(await redis.get('nokey'), null);
const ttl = await redis.ttl('k');
assert.ok(ttl > 90 && ttl <= 100, `ttl ${ttl}`);
assert.equal(await redis.set('k', 'w', 'NX'), null);
assert.deepEqual(await redis.mget('k', 'nokey'), ['v', null]);
const bytes = Buffer.from([0, 13, 10, 255]);
await redis.set('binary', bytes);
assert.deepEqual(await redis.getBuffer('binary'), bytes);
await redis.set('short', 'v', 'PX', 20);
await until('the key expires', async () => (await redis.exists('short')) === 0);

const pipe = redis.pipeline();
for (let i = 0; i < 1000; i++) pipe.incr('n');
pipe.incr('k');
const replies = await pipe.exec();
assert.deepEqual(replies[999], [null, 1000]);
assert.match(replies[1000][0].message, /value is not an integer/);

assert.deepEqual(await redis.multi().set('t', 1).incr('t').get('t').exec(), [[null, 'OK'], [null, 2], [null, '2']]);
const other = redis.duplicate();
await redis.watch('t');
await other.incr('t');
assert.equal(await redis.multi().set('t', 'mine').exec(), null);
await redis.watch('t');
assert.deepEqual(await redis.multi().set('t', 'mine').exec(), [[null, 'OK']]);

await redis.flushdb();
await redis.mset(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`scan:${i}`, i])));
const seen = new Set();
for await (const keys of redis.scanStream({ match: 'scan:*', count: 50 })) keys.forEach((k) => seen.add(k));
assert.equal(seen.size, 1000);

await redis.set('s', 'abc');
await fails(redis.incr('s'), /^ERR value is not an integer or out of range$/);
await fails(redis.call('NOSUCH', 'x'), /^ERR unknown command 'NOSUCH'/);

await restartServer();
await redis.set('after', 'restart');
assert.equal(await redis.get('after'), 'restart');
assert.equal(await redis.client('GETNAME'), 'smoke');

other.disconnect();
await redis.quit();
done();
