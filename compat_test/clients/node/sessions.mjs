// A web application that keeps its sessions in the server, by express-session and
// connect-redis: real HTTP requests, as browsers send them.
import assert from 'node:assert/strict';
import express from 'express';
import session from 'express-session';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import { done, host, port, restartServer, until } from './check.mjs';

const client = createClient({ url: `redis://${host}:${port}`, socket: { reconnectStrategy: 10 } });
client.on('error', () => {}); // the restart below closes the connection
await client.connect();
const store = new RedisStore({ client, prefix: 'app:' });

function application(maxAge) {
  const app = express();
  app.use(session({ store, secret: 'a secret', resave: false, saveUninitialized: false, cookie: { maxAge } }));
  app.use(express.json());
  app.post('/login', (req, res, next) =>
    req.session.regenerate((err) => {
      if (err) return next(err);
      req.session.user = req.body.user;
      req.session.visits = 0;
      res.json({ id: req.session.id });
    }),
  );
  app.get('/visit', (req, res) => {
    if (!req.session.user) return res.sendStatus(401);
    res.json({ user: req.session.user, visits: ++req.session.visits });
  });
  app.get('/look', (req, res) => res.json({ user: req.session.user ?? null }));
  app.post('/logout', (req, res, next) => req.session.destroy((err) => (err ? next(err) : res.sendStatus(204))));
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}

// A browser keeps the cookie it was given last.
class Browser {
  constructor(base) {
    this.base = base;
  }
  async request(path, body) {
    const headers = { 'content-type': 'application/json' };
    if (this.cookie) headers.cookie = this.cookie;
    const res = await fetch(this.base + path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
    const set = res.headers.get('set-cookie');
    if (set) this.cookie = set.split(';')[0];
    return { status: res.status, body: res.headers.get('content-type')?.includes('json') ? await res.json() : await res.text() };
  }
  async login(user) {
    this.id = (await this.request('/login', { user })).body.id;
    this.key = `app:${this.id}`;
  }
  async visits(n, user) {
    assert.deepEqual(await this.request('/visit'), { status: 200, body: { user, visits: n } });
  }
}

const base = await application(3_600_000);
const anonymous = new Browser(base);
assert.equal((await anonymous.request('/visit')).status, 401);
assert.equal(await client.dbSize(), 0); // nobody logged in, nothing stored

// Login, and a counter that each request reads, changes and stores.
const ann = new Browser(base);
const bob = new Browser(base);
await ann.login('ann');
await bob.login('bøb');
for (let i = 1; i <= 20; i++) await ann.visits(i, 'ann');
await bob.visits(1, 'bøb');
assert.equal(JSON.parse(await client.get(ann.key)).visits, 20);
const ttl = await client.ttl(ann.key);
assert.ok(ttl > 3500 && ttl <= 3600, `ttl ${ttl}`);

// A request that changes nothing renews the time to live.
assert.equal(await client.expire(ann.key, 50), 1);
assert.deepEqual((await ann.request('/look')).body, { user: 'ann' });
assert.ok((await client.ttl(ann.key)) > 3500);
assert.equal(JSON.parse(await client.get(ann.key)).visits, 20);

// A new login has a new identifier, and the old one is worth nothing.
const stolen = new Browser(base);
stolen.cookie = ann.cookie;
const old = ann.key;
await ann.login('ann');
assert.notEqual(ann.key, old);
assert.equal(await client.exists(old), 0);
assert.equal((await stolen.request('/visit')).status, 401);
await ann.visits(1, 'ann');

// Logout.
const left = bob.cookie;
assert.equal((await bob.request('/logout', {})).status, 204);
assert.equal(await client.exists(bob.key), 0);
bob.cookie = left;
assert.equal((await bob.request('/visit')).status, 401);

// Many users at once, and the store's view of them all.
const users = Array.from({ length: 150 }, () => new Browser(base));
await Promise.all(users.map((u, i) => u.login(`user${i}`)));
await Promise.all(users.map((u, i) => u.visits(1, `user${i}`)));
assert.equal(await store.length(), 151);
assert.deepEqual(new Set(await store.ids()), new Set([ann, ...users].map((u) => u.id)));
assert.deepEqual(new Set((await store.all()).map((s) => s.user)), new Set(['ann', ...users.map((_, i) => `user${i}`)]));

// A session ends by itself.
const brief = new Browser(await application(1000));
await brief.login('eve');
await until('the session expires', async () => (await client.exists(brief.key)) === 0);
assert.equal((await brief.request('/visit')).status, 401);

// The server is restarted: what it kept is there, and the application goes on.
await restartServer();
await ann.visits(2, 'ann');
await users[7].visits(2, 'user7');
const late = new Browser(base);
await late.login('late');
await late.visits(1, 'late');

// DBSIZE counts what has expired, as eve's session has, until it is removed.
await store.clear();
await until('nothing is left', async () => (await client.dbSize()) === 0);
assert.equal((await ann.request('/visit')).status, 401);
done();
