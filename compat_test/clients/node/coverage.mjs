// Which public methods of a client a script has called. A new version of a package
// brings new methods, and a script that does not know them must fail.
import assert from 'node:assert/strict';

// methodsOf lists what can be called on an object or a prototype, accessors too,
// by their names through the whole chain of prototypes.
export function methodsOf(object) {
  const names = new Set();
  for (let p = object; p && p !== Object.prototype && p !== Error.prototype; p = Object.getPrototypeOf(p)) {
    for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(p))) {
      if (name !== 'constructor' && (d.get || typeof d.value === 'function')) names.add(name);
    }
  }
  return names;
}

export class Coverage {
  #expected = new Map(); // what the names belong to, and their set
  #called = new Set();
  calls = []; // name, arguments and result of what was called on objects noted with a log

  // expect adds the methods of a class, or of an object.
  expect(owner, target) {
    this.#expected.set(owner, methodsOf(typeof target === 'function' ? target.prototype : target));
    return this;
  }

  // note returns the object in a form that remembers what is called on it. What
  // the object calls on itself does not count.
  note(owner, target, log = false) {
    return new Proxy(target, {
      get: (_, name) => {
        const value = Reflect.get(target, name);
        if (typeof name !== 'string' || !this.#expected.get(owner)?.has(name)) return value;
        if (typeof value !== 'function') {
          this.#called.add(`${owner}.${name}`);
          return value;
        }
        return (...args) => {
          this.#called.add(`${owner}.${name}`);
          const result = value.apply(target, args);
          if (log) this.calls.push({ name, args, result });
          return result;
        };
      },
    });
  }

  // check fails unless every method was called or has a reason why not, and every
  // reason is still needed. A reason is keyed by "Class.method" or "Class.*".
  check(reasons = {}) {
    const missing = [];
    const used = new Set();
    for (const [owner, names] of this.#expected) {
      for (const name of names) {
        const full = `${owner}.${name}`;
        const reason = full in reasons ? full : `${owner}.*`;
        if (this.#called.has(full)) assert.ok(!(full in reasons), `${full} is called after all`);
        else if (reason in reasons) used.add(reason);
        else missing.push(full);
      }
    }
    assert.deepEqual(missing, [], 'public methods that nothing calls');
    assert.deepEqual(Object.keys(reasons).filter((r) => !used.has(r)), [], 'reasons without a method');
  }
}

// checkExports fails when a package exports something that is not in the list.
export function checkExports(module, names) {
  assert.deepEqual(Object.keys(module).filter((n) => n !== 'default' && n !== 'module.exports').sort(), [...names].sort());
}
