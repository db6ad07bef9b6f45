// HPKV's zustand middleware: stores that share their state through the server.
import assert from 'node:assert/strict';
import { createStore } from 'zustand/vanilla';
import * as library from '@hpkv/zustand-multiplayer';
import { args, done, fails, restartServer, until } from './check.mjs';
import { Coverage, checkExports } from './coverage.mjs';

const { multiplayer, TokenHelper, LogLevel } = library;
const [base, key] = args;
// What else is exported (logging, timers, texts) asks nothing of a server.
checkExports(library, [
  'LogLevel', 'Logger', 'TokenHelper', 'clearTimeoutSafely', 'createDelay', 'createLogger', 'escapeRegExp', 'generateClientId', 'isPlainObject', 'multiplayer',
  'normalizeError',
]);
const coverage = new Coverage().expect('TokenHelper', TokenHelper);

function open(namespace, extra = {}) {
  const store = createStore(
    multiplayer(
      (set) => ({
        count: 0,
        text: '',
        todos: {},
        nested: { a: { b: 1 } },
        increment: () => set((s) => ({ count: s.count + 1 })),
        setText: (text) => set({ text }),
        addTodo: (id, todo) => set((s) => ({ todos: { ...s.todos, [id]: todo } })),
        removeTodo: (id) => set((s) => ({ todos: Object.fromEntries(Object.entries(s.todos).filter(([k]) => k !== id)) })),
        setDeep: (b) => set({ nested: { a: { b } } }),
      }),
      { namespace, apiBaseUrl: base, apiKey: key, logLevel: LogLevel.NONE, rateLimit: 1000, ...extra },
    ),
  );
  coverage.expect('store.multiplayer', store.multiplayer);
  store.multiplayer = coverage.note('store.multiplayer', store.multiplayer);
  return store;
}

const hydrated = (s) => s.getState().multiplayer.hasHydrated && s.getState().multiplayer.connectionState === 'CONNECTED';

for (const zFactor of [0, 2]) {
  const ns = `game-${zFactor}`;
  const one = open(ns, { zFactor });
  const two = open(ns, { zFactor });
  await until('both stores are there', () => hydrated(one) && hydrated(two));
  one.getState().setText('hello');
  await until('text arrives', () => two.getState().text === 'hello');
  two.getState().addTodo('1', { title: 'first', done: false });
  await until('a todo arrives', () => one.getState().todos['1']?.title === 'first');
  one.getState().addTodo('2.x%2E', { title: 'second' });
  await until('a todo with an odd name arrives', () => two.getState().todos['2.x%2E']?.title === 'second');
  two.getState().removeTodo('1');
  await until('a removal arrives', () => !('1' in one.getState().todos));
  one.getState().setDeep(42);
  await until('a nested value arrives', () => two.getState().nested.a.b === 42);
  for (let i = 0; i < 20; i++) one.getState().increment();
  await until('the last of many changes arrives', () => two.getState().count === 20);

  assert.equal(one.multiplayer.getConnectionStatus().isConnected, true);
  assert.ok(one.multiplayer.getMetrics().averageSyncTime > 0);

  const late = open(ns, { zFactor });
  await until('a late store has the state', () => hydrated(late) && late.getState().count === 20 && late.getState().text === 'hello' && '2.x%2E' in late.getState().todos);
  await late.multiplayer.disconnect();
  one.getState().setText('while away');
  await until('the others go on', () => two.getState().text === 'while away');
  await late.multiplayer.connect();
  await late.multiplayer.reHydrate();
  await until('what was missed is there', () => late.getState().text === 'while away');
  await one.multiplayer.clearStorage();
  for (const s of [one, two, late]) await s.multiplayer.destroy();
}

// Two that change the same at once end alike, and both come back by themselves when the
// server is restarted.
const left = open('shared');
const right = open('shared');
await until('both stores are there', () => hydrated(left) && hydrated(right));
for (let i = 0; i < 20; i++) {
  left.getState().addTodo(`left:${i}`, { title: String(i) });
  right.getState().addTodo(`right:${i}`, { title: String(i) });
}
const todos = (s) => Object.keys(s.getState().todos).length;
await until('both have what both wrote', () => todos(left) === 40 && todos(right) === 40);
assert.deepEqual(left.getState().todos, right.getState().todos);
const isConnected = (s) => s.multiplayer.getConnectionStatus()?.isConnected === true;
await restartServer();
await until('both are connected again', () => isConnected(left) && isConnected(right));
left.getState().setText('after the restart');
await until('a change arrives after the restart', () => right.getState().text === 'after the restart');
for (const s of [left, right]) await s.multiplayer.destroy();

const helper = coverage.note('TokenHelper', new TokenHelper(key, base));
assert.ok((await helper.generateTokenForStore('game-0', ['game-0:x'])).length > 0);
assert.equal((await helper.processTokenRequest({ namespace: 'n', subscribedKeysAndPatterns: ['n:x'] })).namespace, 'n');
await fails(new TokenHelper('wrong', base).generateTokenForStore('n', ['n:x']), /403|[Aa]uthent/);
coverage.check();
done();
