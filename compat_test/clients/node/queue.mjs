// Queues with several consumers that wait, in ioredis and in node-redis (RESP2 and
// RESP3): every job is delivered once, in order to those who take it alone.
import assert from 'node:assert/strict';
import Redis from 'ioredis';
import { createClient } from 'redis';
import { done, host, port, until } from './check.mjs';

const CONSUMERS = 5;
const JOBS = 600;

// An adapter gives each library's blocking calls one shape: a list of [key, job],
// or null when the time is up.
function ioredis() {
  const connect = async () => {
    const c = new Redis(Number(port), host);
    return {
      blpop: async (keys, timeout) => c.blpop(...keys, timeout).then((r) => r && [r]),
      blmpop: async (keys, count, timeout) => c.blmpop(timeout, keys.length, ...keys, 'LEFT', 'COUNT', count).then((r) => r && r[1].map((job) => [r[0], job])),
      bzpopmin: async (keys, timeout) => c.bzpopmin(...keys, timeout).then((r) => r && [[r[0], r[1], Number(r[2])]]),
      push: (key, jobs) => c.rpush(key, ...jobs),
      add: (key, job, score) => c.zadd(key, score, job),
      id: () => c.client('ID'),
      call: (...args) => c.call(...args),
      close: () => c.disconnect(),
    };
  };
  return { name: 'ioredis', connect };
}

function nodeRedis(RESP) {
  const connect = async () => {
    const c = await createClient({ url: `redis://${host}:${port}`, RESP }).connect();
    return {
      blpop: async (keys, timeout) => c.blPop(keys, timeout).then((r) => r && [[r.key, r.element]]),
      blmpop: async (keys, count, timeout) => c.blmPop(timeout, keys, 'LEFT', { COUNT: count }).then((r) => r && r[1].map((job) => [r[0], job])),
      bzpopmin: async (keys, timeout) => c.bzPopMin(keys, timeout).then((r) => r && [[r.key, r.value, r.score]]),
      push: (key, jobs) => c.rPush(key, jobs),
      add: (key, job, score) => c.zAdd(key, { score, value: job }),
      id: () => c.clientId(),
      call: (...args) => c.sendCommand(args.map(String)),
      close: () => c.destroy(),
    };
  };
  return { name: `node-redis, RESP${RESP}`, connect };
}

const blocked = async (c) => Number(/blocked_clients:(\d+)/.exec(await c.call('INFO', 'clients'))[1]);

// consume starts consumers that take from keys until they get a job "stop".
async function consume(library, take) {
  const consumers = await Promise.all(Array.from({ length: CONSUMERS }, library.connect));
  const taken = consumers.map(() => []);
  const finished = consumers.map(async (c, i) => {
    for (;;) {
      const jobs = await take(c);
      for (const job of jobs.filter((j) => j[1] !== 'stop')) taken[i].push(job);
      const stops = jobs.filter((j) => j[1] === 'stop');
      if (stops.length > 1) await c.push(stops[0][0], Array(stops.length - 1).fill('stop')); // those of others
      if (stops.length > 0) break;
    }
    c.close();
  });
  return async () => {
    await Promise.all(finished);
    return taken;
  };
}

// once checks that every job was delivered once, and in order to each consumer.
function once(what, taken, jobs) {
  for (const list of taken) {
    const last = {};
    for (const [key, job] of list) {
      assert.ok(!(last[key] >= Number(job)), `${what}: ${job} of ${key} after ${last[key]}`);
      last[key] = Number(job);
    }
  }
  const all = taken.flat().map(([key, job]) => `${key} ${job}`).sort();
  assert.deepEqual(all, jobs.sort(), what);
}

for (const library of [ioredis(), nodeRedis(2), nodeRedis(3)]) {
  const c = await library.connect();
  await c.call('FLUSHALL');

  for (const [what, take] of [
    ['BLPOP', (w) => w.blpop(['high', 'low'], 0)],
    ['BLMPOP', (w) => w.blmpop(['high', 'low'], 3, 0)],
  ]) {
    const result = await consume(library, take);
    await until(`${what}: all consumers wait`, async () => (await blocked(c)) === CONSUMERS);
    const jobs = [];
    for (let i = 0; i < JOBS; i += 3) {
      const key = i % 2 ? 'high' : 'low';
      const some = [i, i + 1, i + 2].map(String);
      jobs.push(...some.map((job) => `${key} ${job}`));
      await c.push(key, some);
    }
    await until(`${what}: the queues are empty`, async () => (await c.call('EXISTS', 'high', 'low')) === 0);
    await c.push('low', Array(CONSUMERS).fill('stop'));
    once(`${library.name}: ${what}`, await result(), jobs);
  }

  // A priority queue. What is there before anybody asks comes by priority.
  for (let i = 0; i < 100; i++) await c.add('urgent', String((i * 37) % 100), (i * 37) % 100);
  const first = [];
  for (let i = 0; i < 100; i++) first.push((await c.bzpopmin(['none', 'urgent'], 1))[0]);
  assert.deepEqual(first, Array.from({ length: 100 }, (_, i) => ['urgent', String(i), i]));
  const workers = await Promise.all(Array.from({ length: CONSUMERS }, library.connect));
  const waiting = workers.map((w) => w.bzpopmin(['urgent'], 0));
  await until('all wait for the sorted set', async () => (await blocked(c)) === CONSUMERS);
  for (let i = 0; i < CONSUMERS; i++) await c.add('urgent', String(i), 0.5 + i);
  assert.deepEqual((await Promise.all(waiting)).flat().map((job) => job.join(' ')).sort(), Array.from({ length: CONSUMERS }, (_, i) => `urgent ${i} ${i + 0.5}`));

  // Nothing comes in time; and one who waits is let go, or cut off.
  assert.equal(await workers[0].blpop(['none'], 0.01), null);
  assert.equal(await workers[0].bzpopmin(['none'], 0.01), null);
  const id = await workers[1].id();
  const unblocked = workers[1].blmpop(['none'], 1, 0);
  await until('one waits', async () => (await blocked(c)) === 1);
  assert.equal(await c.call('CLIENT', 'UNBLOCK', id), 1);
  assert.equal(await unblocked, null);
  const gone = workers[2].blpop(['none'], 0).catch((err) => err);
  await until('one waits', async () => (await blocked(c)) === 1);
  for (const w of workers) w.close();
  await until('nobody waits', async () => (await blocked(c)) === 0);
  assert.ok((await gone) instanceof Error);
  await c.push('none', ['kept']);
  assert.equal(await c.call('LLEN', 'none'), 1);
  c.close();
}
done();
