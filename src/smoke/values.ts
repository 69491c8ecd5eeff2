import type { Values } from './suite.js';

const PLACE = /\{([A-Za-z][A-Za-z0-9]*)\}/g;

/** The suite is wrong, not the tenant: told as could-not-test, for it says nothing about the build. */
export class SuiteFault extends Error {
  override readonly name = 'SuiteFault';
}

/** The names that the texts of a value use, `{name}` each. */
export function namesIn(value: unknown): string[] {
  if (typeof value === 'string') return [...value.matchAll(PLACE)].map(([, name]) => name ?? '');
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(namesIn) : [];
}

/** A path with its values, URL-encoded. */
export function fillPath(path: string, values: Values): string {
  return path.replace(PLACE, (_place, name: string) => encodeURIComponent(values[name] ?? ''));
}

/** The same JSON with the values in its texts. */
export function fillJson(json: unknown, values: Values): unknown {
  if (typeof json === 'string') return json.replace(PLACE, (_place, name: string) => values[name] ?? '');
  if (Array.isArray(json)) return json.map((item) => fillJson(item, values));
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, fillJson(value, values)]));
}

/** Values that refuse a name which nothing has captured: `undefined` in a path or a schema would turn a slip of the suite into RED. */
export function strictValues(values: Values): Values {
  return new Proxy(values, {
    get(target, name) {
      if (typeof name === 'symbol' || Object.hasOwn(target, name)) return Reflect.get(target, name);
      throw new SuiteFault(`nothing has captured ${name}`);
    },
  });
}

/** What stands at a dotted path of a JSON value, as text: texts and numbers alone, and none that would lead a path astray. */
export function capturedAt(json: unknown, path: string): string | undefined {
  let at = json;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  const text = typeof at === 'number' ? String(at) : at;
  return typeof text === 'string' && CAPTURABLE.test(text) && text !== '.' && text !== '..' ? text : undefined;
}

// A header can carry it, and 2048 characters are more than any id or token has.
const CAPTURABLE = /^[\x20-\x7e]{1,2048}$/;
