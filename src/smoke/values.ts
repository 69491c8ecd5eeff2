import type { Values } from './check.js';

const PLACEHOLDER = /\{([A-Za-z][A-Za-z0-9]*)\}/g;

/** A defect of the suite, not of the tenant: could-not-test, because it says nothing about the build. */
export class SuiteFault extends Error {
  override readonly name = 'SuiteFault';
}

/** Names that the strings of a value use as `{name}`. */
export function namesIn(value: unknown): string[] {
  if (typeof value === 'string') return [...value.matchAll(PLACEHOLDER)].map(([, name]) => name ?? '');
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(namesIn) : [];
}

/** Replaces the placeholders of a path by their URL-encoded values. */
export function fillPath(path: string, values: Values): string {
  return path.replace(PLACEHOLDER, (_placeholder, name: string) => encodeURIComponent(values[name] ?? ''));
}

/** Replaces the placeholders in all strings of a JSON value. */
export function fillJson(json: unknown, values: Values): unknown {
  if (typeof json === 'string') return json.replace(PLACEHOLDER, (_placeholder, name: string) => values[name] ?? '');
  if (Array.isArray(json)) return json.map((item) => fillJson(item, values));
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, fillJson(value, values)]));
}

/** Values that throw on a name which was not captured: `undefined` in a schema would make a build RED because of a mistake in the suite. */
export function strictValues(values: Values): Values {
  return new Proxy(values, {
    get(target, name) {
      if (typeof name === 'symbol' || Object.hasOwn(target, name)) return Reflect.get(target, name);
      throw new SuiteFault(`${name} was not captured`);
    },
  });
}

/** String or number at a dotted path of a JSON value, as text. Undefined if there is none, or if it is unusable in a header or a path, such as `..`. */
export function capturedAt(json: unknown, path: string): string | undefined {
  let at = json;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  const text = typeof at === 'number' ? String(at) : at;
  return typeof text === 'string' && CAPTURABLE.test(text) && text !== '.' && text !== '..' ? text : undefined;
}

// Characters that are valid in a header; no id or token is longer than 2048.
const CAPTURABLE = /^[\x20-\x7e]{1,2048}$/;
