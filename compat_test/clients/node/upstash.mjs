// Upstash's client: commands, pipelines, transactions, encodings, errors.
import assert from 'node:assert/strict';
import { Redis } from '@upstash/redis';
import { args, done, fails } from './check.mjs';
import { everyFamily } from './upstash_commands.mjs';

const [url, token] = args;

for (const responseEncoding of ['base64', false]) {
  const redis = new Redis({ url, token, responseEncoding, enableTelemetry: responseEncoding === false });
  await redis.flushdb();
  assert.equal(await redis.ping(), 'PONG');
  assert.equal(await redis.echo('héllo'), 'héllo');
  assert.equal(await redis.set('k', 'v'), 'OK');
  assert.equal(await redis.get('k'), 'v');
  assert.equal(await redis.get('none'), null);
  assert.equal(await redis.set('k', 'w', { nx: true }), null);
  assert.equal(await redis.set('k', 'w', { ex: 100, get: true }), 'v');
  assert.equal(await redis.ttl('k'), 100);
  assert.deepEqual(await redis.set('obj', { a: [1, 'two', null], 'ключ': '🙂' }), 'OK');
  assert.deepEqual(await redis.get('obj'), { a: [1, 'two', null], 'ключ': '🙂' });
  assert.equal(await redis.set('n', 41), 'OK');
  assert.equal(await redis.incr('n'), 42);
  assert.equal(await redis.get('n'), 42);
  assert.equal(await redis.incrbyfloat('n', 0.5), 42.5);
  assert.equal(await redis.append('k', '!'), 2);
  assert.equal(await redis.strlen('k'), 2);
  assert.equal(await redis.getrange('k', 0, 0), 'w');
  assert.deepEqual(await redis.mget('k', 'none', 'n'), ['w!', null, 42.5]);
  assert.equal(await redis.mset({ a: 1, b: 'two' }), 'OK');
  assert.equal(await redis.exists('a', 'b', 'c'), 2);
  assert.equal(await redis.type('a'), 'string');
  assert.equal(await redis.expire('a', 10), 1);
  assert.equal(await redis.persist('a'), 1);
  assert.equal(await redis.setbit('bits', 7, 1), 0);
  assert.equal(await redis.bitcount('bits', 0, -1), 1);
  assert.deepEqual((await redis.keys('*')).sort(), ['a', 'b', 'bits', 'k', 'n', 'obj']);
  let cursor = '0';
  const seen = new Set();
  do {
    const [next, keys] = await redis.scan(cursor, { count: 2 });
    keys.forEach((k) => seen.add(String(k)));
    cursor = String(next);
  } while (cursor !== '0');
  assert.equal(seen.size, 6);
  assert.equal(await redis.dbsize(), 6);
  assert.equal(await redis.rename('b', 'c'), 'OK');
  assert.equal(await redis.getdel('c'), 'two');
  assert.equal(await redis.del('a', 'bits', 'none'), 2);
  assert.equal(await redis.set('text', 'OK'), 'OK');
  assert.equal(await redis.get('text'), 'OK');
  assert.equal(await redis.zadd('z', { score: 1, member: 'one' }, { score: 2.5, member: 'two' }), 2);
  assert.deepEqual(await redis.zrange('z', 0, -1, { withScores: true }), ['one', 1, 'two', 2.5]);
  assert.equal(await redis.zscore('z', 'two'), 2.5);

  const p = redis.pipeline();
  p.set('p', 1).incr('p').get('p').mget('p', 'none');
  assert.deepEqual(await p.exec(), ['OK', 2, 2, [2, null]]);
  const errors = await redis.pipeline().set('p', 'text').incr('p').get('p').exec({ keepErrors: true });
  assert.equal(errors[0].result, 'OK');
  assert.match(errors[1].error, /not an integer/);
  assert.equal(errors[2].result, 'text');
  assert.deepEqual(await redis.multi().set('t', 1).incr('t').get('t').exec(), ['OK', 2, 2]);

  const auto = new Redis({ url, token, responseEncoding, enableAutoPipelining: true });
  assert.deepEqual(await Promise.all(Array.from({ length: 50 }, () => auto.incr('auto'))), Array.from({ length: 50 }, (_, i) => i + 1));

  await everyFamily(new Redis({ url, token, responseEncoding, enableAutoPipelining: false })); // which bitfield() cannot do with
  await redis.set('obj', { a: 1 });
  await fails(redis.incr('obj'), /ERR value is not an integer or out of range/);
  await fails(redis.exec(['NOSUCH', 'x']), /ERR unknown command 'NOSUCH'/);
  await fails(redis.exec(['CLIENT', 'LIST']), /not available over REST/);
  await fails(redis.exec(['SET', 't']), /wrong number of arguments/);
  await fails(new Redis({ url, token: 'wrong', retry: false }).get('k'), /Unauthorized/);
}
done();
