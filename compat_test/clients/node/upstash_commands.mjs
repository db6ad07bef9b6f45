// The methods of Upstash's client, family by family.
import assert from 'node:assert/strict';

export async function everyFamily(redis) {
  await basics(redis);
  await redis.flushall();
  await strings(redis);
  await keys(redis);
  await bitmaps(redis);
  await hashes(redis);
  await lists(redis);
  await sets(redis);
  await sortedSets(redis);
  await others(redis);
}

async function basics(redis) {
  await redis.flushdb();
  assert.equal(await redis.ping(), 'PONG');
  assert.equal(await redis.echo('héllo'), 'héllo');
  assert.equal(await redis.set('k', 'v'), 'OK');
  assert.equal(await redis.get('k'), 'v');
  assert.equal(await redis.get('none'), null);
  assert.equal(await redis.set('k', 'w', { nx: true }), null);
  assert.equal(await redis.set('k', 'w', { ex: 100, get: true }), 'v');
  const ttl = await redis.ttl('k');
  assert.ok(ttl > 90 && ttl <= 100, `ttl ${ttl}`);
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
}

async function strings(redis) {
  assert.equal(await redis.setnx('s', 'one'), 1);
  assert.equal(await redis.setnx('s', 'two'), 0);
  assert.equal(await redis.setex('s', 50, 'three'), 'OK');
  assert.equal(await redis.psetex('s', 50_000, 'hello'), 'OK');
  assert.equal(await redis.getset('s', 'world'), 'hello');
  assert.equal(await redis.setrange('s', 0, 'W'), 5);
  assert.equal(await redis.getex('s', { ex: 10 }), 'World');
  assert.equal(await redis.msetnx({ m1: 'a', m2: 'b' }), 1);
  assert.equal(await redis.msetnx({ m2: 'x', m3: 'c' }), 0);
  assert.equal(await redis.incrby('i', 10), 10);
  assert.equal(await redis.decr('i'), 9);
  assert.equal(await redis.decrby('i', 4), 5);
}

async function keys(redis) {
  assert.equal(await redis.copy('m1', 'm4'), 'COPIED');
  assert.equal(await redis.renamenx('m4', 'm5'), 1);
  assert.equal(await redis.touch('m1', 'm2', 'none'), 2);
  assert.equal(await redis.unlink('m5'), 1);
  assert.equal(await redis.pexpire('m1', 90_000), 1);
  assert.ok((await redis.pttl('m1')) > 80_000);
  const soon = Math.floor(Date.now() / 1000) + 500;
  assert.equal(await redis.expireat('m1', soon), 1);
  assert.equal(await redis.pexpireat('m1', soon * 1000), 1);
  assert.ok((await redis.ttl('m1')) > 400);
  assert.ok(['s', 'm1', 'm2', 'i'].includes(await redis.randomkey()));
}

async function bitmaps(redis) {
  assert.equal(await redis.setbit('b1', 1, 1), 0);
  assert.equal(await redis.setbit('b2', 2, 1), 0);
  assert.equal(await redis.getbit('b1', 1), 1);
  assert.equal(await redis.bitop('or', 'b3', 'b1', 'b2'), 1);
  assert.equal(await redis.bitcount('b3', 0, -1), 2);
  assert.equal(await redis.bitpos('b3', 1), 1);
  assert.deepEqual(await redis.bitfield('b4').set('u8', 0, 200).incrby('u8', 0, 10).get('u8', 0).exec(), [0, 210, 210]);
}

async function hashes(redis) {
  assert.equal(await redis.hset('h', { a: 1, b: 'two', c: { deep: true } }), 3);
  assert.equal(await redis.hsetnx('h', 'a', 9), 0);
  assert.equal(await redis.hget('h', 'b'), 'two');
  assert.deepEqual(await redis.hgetall('h'), { a: 1, b: 'two', c: { deep: true } });
  assert.equal(await redis.hgetall('none'), null);
  assert.deepEqual(await redis.hmget('h', 'a', 'none'), { a: 1, none: null });
  assert.equal(await redis.hmset('h', { d: 4 }), 'OK');
  assert.equal(await redis.hexists('h', 'd'), 1);
  assert.equal(await redis.hlen('h'), 4);
  assert.deepEqual((await redis.hkeys('h')).sort(), ['a', 'b', 'c', 'd']);
  assert.equal((await redis.hvals('h')).length, 4);
  assert.equal(await redis.hstrlen('h', 'b'), 3);
  assert.equal(await redis.hincrby('h', 'a', 4), 5);
  assert.equal(await redis.hincrbyfloat('h', 'a', 0.5), 5.5);
  const [cursor, pairs] = await redis.hscan('h', 0);
  assert.equal(String(cursor), '0');
  assert.equal(pairs.length, 8);
  assert.ok(['a', 'b', 'c', 'd'].includes(await redis.hrandfield('h')));
  assert.equal(await redis.hdel('h', 'd', 'none'), 1);
  // Fields that expire.
  const soon = Math.floor(Date.now() / 1000) + 500;
  assert.deepEqual(await redis.hexpire('h', ['a', 'none'], 100), [1, -2]);
  assert.ok((await redis.httl('h', 'a'))[0] > 90);
  assert.ok((await redis.hpttl('h', ['a', 'b']))[0] > 90_000);
  assert.deepEqual(await redis.hexpireat('h', 'a', soon), [1]);
  assert.deepEqual(await redis.hexpiretime('h', 'a'), [soon]);
  assert.deepEqual(await redis.hpexpire('h', 'a', 90_000, 'LT'), [1]);
  assert.deepEqual(await redis.hpexpireat('h', 'a', soon * 1000), [1]);
  assert.deepEqual(await redis.hpexpiretime('h', ['a', 'b']), [soon * 1000, -1]);
  assert.deepEqual(await redis.hpersist('h', ['a', 'b']), [1, -1]);
}

async function lists(redis) {
  assert.equal(await redis.rpush('l', 'b', 'c'), 2);
  assert.equal(await redis.lpush('l', 'a'), 3);
  assert.equal(await redis.lpushx('none', 'x'), 0);
  assert.equal(await redis.rpushx('l', 'd'), 4);
  assert.equal(await redis.llen('l'), 4);
  assert.deepEqual(await redis.lrange('l', 0, -1), ['a', 'b', 'c', 'd']);
  assert.equal(await redis.lindex('l', 1), 'b');
  assert.equal(await redis.linsert('l', 'before', 'b', 'x'), 5);
  assert.equal(await redis.lpos('l', 'x'), 1);
  assert.equal(await redis.lset('l', 1, 'y'), 'OK');
  assert.equal(await redis.lrem('l', 1, 'y'), 1);
  assert.equal(await redis.lmove('l', 'l2', 'left', 'right'), 'a');
  assert.equal(await redis.ltrim('l', 0, 1), 'OK');
  assert.deepEqual(await redis.lmpop(1, ['l'], 'LEFT'), ['l', ['b']]);
  assert.equal(await redis.lpop('l'), 'c');
  assert.equal(await redis.rpop('l'), null);
}

async function sets(redis) {
  assert.equal(await redis.sadd('t1', 'a', 'b', 'c'), 3);
  assert.equal(await redis.sadd('t2', 'b', 'c', 'd'), 3);
  assert.equal(await redis.scard('t1'), 3);
  assert.equal(await redis.sismember('t1', 'a'), 1);
  assert.deepEqual(await redis.smismember('t1', ['a', 'x']), [1, 0]);
  assert.deepEqual((await redis.smembers('t1')).sort(), ['a', 'b', 'c']);
  assert.deepEqual((await redis.sinter('t1', 't2')).sort(), ['b', 'c']);
  assert.equal(await redis.sintercard(['t1', 't2']), 2);
  assert.deepEqual(await redis.sdiff('t1', 't2'), ['a']);
  assert.deepEqual((await redis.sunion('t1', 't2')).sort(), ['a', 'b', 'c', 'd']);
  assert.equal(await redis.sinterstore('t3', 't1', 't2'), 2);
  assert.equal(await redis.sdiffstore('t3', 't1', 't2'), 1);
  assert.equal(await redis.sunionstore('t3', 't1', 't2'), 4);
  assert.equal(await redis.smove('t1', 't4', 'a'), 1);
  assert.ok(['a', 'b', 'c', 'd'].includes(await redis.srandmember('t3')));
  assert.equal((await redis.sscan('t3', 0))[1].length, 4);
  assert.equal((await redis.spop('t3', 2)).length, 2);
  assert.equal(await redis.srem('t2', 'b'), 1);
}

async function sortedSets(redis) {
  assert.equal(await redis.zadd('z1', { score: 1, member: 'a' }, { score: 2, member: 'b' }, { score: 3, member: 'c' }), 3);
  assert.equal(await redis.zadd('z1', { nx: true }, { score: 9, member: 'a' }), 0);
  assert.equal(await redis.zadd('z2', { score: 10, member: 'b' }), 1);
  assert.equal(await redis.zcard('z1'), 3);
  assert.equal(await redis.zcount('z1', 2, '+inf'), 2);
  assert.equal(await redis.zincrby('z1', 0.5, 'a'), 1.5);
  assert.equal(await redis.zrank('z1', 'c'), 2);
  assert.equal(await redis.zrevrank('z1', 'c'), 0);
  assert.deepEqual(await redis.zmscore('z1', ['a', 'none']), [1.5, null]);
  assert.deepEqual(await redis.zrange('z1', 2, 3, { byScore: true }), ['b', 'c']);
  assert.equal(await redis.zlexcount('z1', '-', '+'), 3);
  assert.equal(await redis.zinterstore('z3', 2, ['z1', 'z2']), 1);
  assert.equal(await redis.zunionstore('z3', 2, ['z1', 'z2']), 3);
  assert.equal(await redis.zdiffstore('z4', 2, 'z1', 'z2'), 2);
  assert.deepEqual(await redis.zunion(2, ['z1', 'z2'], { withScores: true }), ['a', 1.5, 'c', 3, 'b', 12]);
  assert.equal((await redis.zscan('z1', 0))[1].length, 6);
  assert.equal(await redis.zrangestore?.('z5', 'z1', 0, 0) ?? 1, 1);
  assert.deepEqual(await redis.zpopmin('z1'), ['a', 1.5]);
  assert.deepEqual(await redis.zpopmax('z1'), ['c', 3]);
  assert.equal(await redis.zremrangebyrank('z3', 0, 0), 1);
  assert.equal(await redis.zremrangebyscore('z3', 3, 3), 1);
  assert.equal(await redis.zremrangebylex('z3', '[b', '[b'), 1);
  assert.equal(await redis.zrem('z1', 'b'), 1);
}

async function others(redis) {
  assert.equal(await redis.geoadd('g', { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' }, { longitude: 15.087269, latitude: 37.502669, member: 'Catania' }), 2);
  assert.ok(Math.abs((await redis.geodist('g', 'Palermo', 'Catania', 'KM')) - 166.27) < 0.01);
  assert.deepEqual(await redis.geohash('g', 'Palermo'), ['sqc8b49rny0']);
  assert.equal((await redis.geopos('g', 'Palermo', 'Catania')).length, 2);
  const near = await redis.geosearch('g', { type: 'FROMLONLAT', coordinate: { lon: 15, lat: 37 } }, { type: 'BYRADIUS', radius: 100, radiusType: 'KM' }, 'ASC');
  assert.deepEqual(near, [{ member: 'Catania' }]);
  assert.equal(await redis.geosearchstore('g2', 'g', { type: 'FROMMEMBER', member: 'Palermo' }, { type: 'BYRADIUS', radius: 200, radiusType: 'KM' }, 'ASC'), 2);
  assert.equal(await redis.pfadd('p1', 'a', 'b'), 1);
  assert.equal(await redis.pfadd('p2', 'c'), 1);
  assert.equal(await redis.pfcount('p1', 'p2'), 3);
  assert.equal(await redis.pfmerge('p3', 'p1', 'p2'), 'OK');
  assert.equal(await redis.publish('channel', 'nobody listens'), 0);
  assert.equal((await redis.time()).length, 2);
  // What only this server has.
  const topology = await redis.exec(['HPKV.TOPOLOGY']);
  assert.ok(topology.length > 0, JSON.stringify(topology));
  assert.deepEqual(await redis.exec(['HPKV.RANGE', 'm1', 'm2']), [null, ['m1', 'a', 'm2', 'b']]);
}
