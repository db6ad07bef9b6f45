// HPKV's WebSocket client: operations, subscriptions, errors, reconnects.
import assert from 'node:assert/strict';
import * as library from '@hpkv/websocket-client';
import { args, done, restartServer, setting, until } from './check.mjs';
import { Coverage, checkExports } from './coverage.mjs';

const { ConnectionState, HPKVApiClient, HPKVClientFactory, HPKVSubscriptionClient, WebsocketTokenManager } = library;
const [base, key] = args;
checkExports(library, [
  'AuthenticationError', 'BaseWebSocketClient', 'ConnectionError', 'ConnectionState', 'HPKVApiClient', 'HPKVClientFactory', 'HPKVError', 'HPKVOperation',
  'HPKVSubscriptionClient', 'MessageHandler', 'ThrottlingManager', 'TimeoutError', 'WS_CONSTANTS', 'WebsocketTokenManager', 'createWebSocket',
]);
const coverage = new Coverage().expect('HPKVApiClient', HPKVApiClient).expect('HPKVSubscriptionClient', HPKVSubscriptionClient).expect('WebsocketTokenManager', WebsocketTokenManager);
const apiClient = (config, apiKey = key) => coverage.note('HPKVApiClient', HPKVClientFactory.createApiClient(apiKey, base, config));
const subscriptionClient = (token, config) => coverage.note('HPKVSubscriptionClient', HPKVClientFactory.createSubscriptionClient(token, base, config));
const config = { throttling: { enabled: false }, initialDelayBetweenReconnects: 50, maxReconnectAttempts: 20, jitterMs: 10 };
const tokens = coverage.note('WebsocketTokenManager', new WebsocketTokenManager(key, base));
const tokenFor = (subscribePatterns, accessPattern) => tokens.generateToken({ subscribePatterns, accessPattern });

async function failsWith(promise, code, text) {
  await assert.rejects(promise, (err) => {
    assert.equal(err.code, code, err.message);
    if (text) assert.match(err.message, text);
    return true;
  });
}

const api = apiClient(config);
await api.connect();
assert.equal((await api.set('ws:a', 'one')).success, true);
assert.equal((await api.get('ws:a')).value, 'one');
await api.set('ws:doc', { a: 1, b: { c: 2 } });
await api.set('ws:doc', { b: { d: 3 }, a: null }, true);
assert.deepEqual(JSON.parse((await api.get('ws:doc')).value), { b: { c: 2, d: 3 } });
assert.equal((await api.atomicIncrement('ws:n', 5)).newValue, 5);
assert.equal((await api.atomicIncrement('ws:n', -7)).newValue, -2);
const range = await api.range('ws:', 'ws:~', { limit: 2 });
assert.deepEqual(range.records.map((r) => r.key), ['ws:a', 'ws:doc']);
assert.equal(range.truncated, true);
await failsWith(api.get('ws:none'), 404, /Record not found/);
await failsWith(api.delete('ws:none'), 404, /Record not found/);
await failsWith(api.set('', 'v'), 400);
await failsWith(api.set('ws:k', ''), 400);
await failsWith(api.atomicIncrement('ws:a', 1), 400);
assert.equal((await api.delete('ws:a')).success, true);

// What the client tells of itself, and reconnecting by hand.
assert.equal(api.getConnectionState(), ConnectionState.CONNECTED);
api.syncConnectionState();
assert.equal(api.getConnectionState(), ConnectionState.CONNECTED);
assert.equal(api.getConnectionStats().isConnected, true);
assert.equal(api.getThrottlingStatus().enabled, false);
let ups = 0;
const count = () => ups++;
api.on('connected', count);
await api.disconnect();
await api.connect();
assert.equal(ups, 1);
api.off('connected', count);
await api.disconnect();
await api.connect();
assert.equal(ups, 1);
assert.equal((await api.get('ws:doc')).key, 'ws:doc');
await api.disconnect();
const attempts = [];
api.on('reconnecting', (a) => attempts.push(a.attempt));
await api.reconnect();
assert.deepEqual(attempts, [1]);
assert.equal((await api.get('ws:doc')).key, 'ws:doc');
assert.equal(api.getConnectionStats().reconnectAttempts, 0);

// A client that holds itself back is answered all the same.
const slow = apiClient({ ...config, throttling: { enabled: true, rateLimit: 100 } });
await slow.connect();
slow.updateThrottlingConfig({ rateLimit: 200 });
assert.equal(slow.getThrottlingStatus().config.rateLimit, 200);
await Promise.all(Array.from({ length: 50 }, (_, i) => slow.set(`ws:slow:${i}`, String(i))));
assert.equal((await slow.range('ws:slow:', 'ws:slow:~')).count, 50);
await slow.disconnect();
assert.equal(slow.getConnectionState(), ConnectionState.DISCONNECTED);
slow.destroy();

// Bad credentials.
for (const client of [apiClient(config, 'wrong'), subscriptionClient('wrong', config)]) {
  await assert.rejects(client.connect(), /403/);
  client.destroy();
}
await assert.rejects(new WebsocketTokenManager('wrong', base).generateToken({ subscribePatterns: ['x'] }));

// Subscriptions, within an access pattern.
const token = await tokenFor(['sub:*', 'exact'], '^sub:.*$');
const sub = subscriptionClient(token, config);
const heard = [];
const handle = sub.subscribe((n) => heard.push(n));
await sub.connect();
await sub.set('sub:own', 'mine');
await failsWith(sub.get('exact'), 403);
await failsWith(sub.set('exact', 'x'), 403);
await api.set('sub:1', 'v');
await api.set('sub:1', 'v');
await api.set('exact', 'e');
await api.set('other', 'o');
await api.set('sub:doc', { a: 1 });
await api.set('sub:doc', { a: null, b: 2 }, true);
await api.atomicIncrement('sub:n', 4);
await api.delete('sub:1');
await until('all was heard', () => heard.length >= 8);
assert.deepEqual(
  heard.map((n) => [n.type, n.key, n.value]),
  [['sub:own', 'mine'], ['sub:1', 'v'], ['sub:1', 'v'], ['exact', 'e'], ['sub:doc', '{"a":1}'], ['sub:doc', '{"a":null,"b":2}'], ['sub:n', '4'], ['sub:1', null]]
    .map(([k, v]) => ['notification', k, v]),
);
assert.ok(heard.every((n) => Math.abs(n.timestamp - Date.now()) < 60_000));
sub.unsubscribe(handle);

// The rest of what a subscription client can do, within its pattern.
assert.equal((await sub.atomicIncrement('sub:n', 3)).newValue, 7);
assert.deepEqual((await sub.range('sub:', 'sub:~')).records.map((r) => r.key), ['sub:doc', 'sub:n', 'sub:own']);
assert.equal((await sub.delete('sub:n')).success, true);
await failsWith(sub.delete('exact'), 403);
await failsWith(sub.atomicIncrement('exact', 1), 403);
await failsWith(sub.range('a', 'z'), 403);
sub.updateThrottlingConfig({ enabled: true, rateLimit: 300 });
assert.deepEqual(sub.getThrottlingStatus().config, { enabled: true, rateLimit: 300 });
sub.updateThrottlingConfig({ enabled: false });
ups = 0;
sub.on('connected', count);
await sub.disconnect();
assert.equal(sub.getConnectionState(), ConnectionState.DISCONNECTED);
await sub.reconnect();
sub.syncConnectionState();
assert.equal(sub.getConnectionState(), ConnectionState.CONNECTED);
assert.equal(ups, 2); // once for connect, once for reconnect
sub.off('connected', count);

// Many writers at once: every change is heard, in order.
const counts = [];
sub.subscribe((n) => n.key === 'sub:count' && counts.push(Number(n.value)));
await Promise.all(Array.from({ length: 300 }, () => api.atomicIncrement('sub:count', 1)));
await until('all increments were heard', () => counts.length === 300);
assert.deepEqual(counts, Array.from({ length: 300 }, (_, i) => i + 1));

// The server is restarted: both clients come back by themselves, with the same token.
let back = 0;
const again = [];
for (const c of [api, sub]) c.on('connected', () => back++);
sub.subscribe((n) => again.push(n.value));
await restartServer();
await until('both are connected again', () => back >= 2 && [api, sub].every((c) => c.getConnectionStats().isConnected));
await api.set('sub:after', 'restart');
await until('the subscription works', () => again.includes('restart'));

await api.disconnect();
await sub.disconnect();
assert.equal(api.getConnectionStats().isConnected, false);
await api.connect();
assert.equal((await api.get('sub:after')).value, 'restart');

// More requests than the limit of a second: what is refused says so, and a client
// that holds itself back halves its rate, pauses, and is served.
await api.set('ws:doc', 'after the restart');
await setting('rest-rate-limit', 5);
const limited = await Promise.allSettled(Array.from({ length: 60 }, () => api.atomicIncrement('ws:limited', 1)));
const refused = limited.filter((r) => r.status === 'rejected').map((r) => r.reason);
assert.ok(refused.length > 0 && refused.length < 60, `${refused.length} of 60 refused`);
assert.ok(refused.every((err) => err.code === 429 && err.message === 'too many requests'), refused[0].message);
await setting('rest-rate-limit', 1);
const careful = apiClient({ ...config, throttling: { enabled: true, rateLimit: 200 } });
await careful.connect();
await assert.rejects(Promise.all(Array.from({ length: 10 }, () => careful.get('ws:doc'))), (err) => err.code === 429);
const { currentRate } = careful.getThrottlingStatus().metrics;
assert.ok([100, 50].includes(currentRate), `a rate of ${currentRate}`); // halved again if the first pause was over
await setting('rest-rate-limit', 0);
assert.equal((await careful.get('ws:doc')).key, 'ws:doc');
careful.destroy();
assert.equal((await api.atomicIncrement('ws:limited', 0)).newValue, 60 - refused.length);

// An API key that is withdrawn ends its connections, and whoever comes back with it
// learns that it is in vain.
const failed = [];
const sacked = apiClient({ ...config, maxReconnectAttempts: 2 });
sacked.on('reconnectFailed', (err) => failed.push(err.message));
sacked.on('error', () => {});
await sacked.connect();
const ended = new Promise((resolve) => sacked.on('disconnected', resolve));
await setting('rest-api-key', 'another-key');
assert.equal((await ended).code, 1008);
await until('reconnecting was given up', () => failed.length > 0);
assert.match(failed[0], /403/);
sacked.destroy();
await setting('rest-api-key', key);

await api.disconnect();
for (const c of [api, sub]) c.destroy();

const internal = 'for the class itself';
const own = {};
for (const owner of ['HPKVApiClient', 'HPKVSubscriptionClient']) {
  for (const name of ['buildConnectionUrl', '_initiateConnectionAttempt', 'isWebSocketOpen', 'sendMessage', 'handleMessage', 'handleWebSocketError', 'handleWebSocketClose', 'cleanup', 'initiateReconnectionCycle']) {
    own[`${owner}.${name}`] = internal;
  }
}
coverage.check(own);
done();
