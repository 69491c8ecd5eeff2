import { createRedactor } from '../net/redact.js';

/** Longest message of a cause, in characters. */
const MAX_MESSAGE = 300;
const MAX_FRAMES = 12;
const MAX_ERRORS = 8;

/**
 * Where an error came from: each error of the chain with its code, its message and its place in the code. Nothing else
 * that an error carries is printed: `data` of an error of undici is what the server sent, credentials that it repeats included.
 */
export function debugLines(error: unknown, env: Readonly<Record<string, string | undefined>>): string[] {
  const redact = createRedactor(secretsOf(env));
  return chainOf(error).flatMap((one, index) => {
    const why = index === 0 ? '' : 'caused by ';
    if (!(one instanceof Error)) return [`${why}${typeof one}`];
    const { code } = one as { code?: unknown };
    const known = typeof code === 'string' || typeof code === 'number' ? ` [${code}]` : '';
    // The engine quotes the text that it could not parse.
    const message = one instanceof SyntaxError ? 'invalid syntax' : redact(one.message.slice(0, MAX_MESSAGE));
    return [`${why}${one.name}${known}: ${message}`, ...framesOf(one)];
  });
}

/** The error, its causes, and the errors that one of them collects. */
function chainOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (const open = [error]; open.length > 0 && chain.length < MAX_ERRORS; ) {
    const one = open.shift();
    if (chain.includes(one)) continue;
    chain.push(one);
    if (one instanceof AggregateError) open.push(...one.errors.slice(0, MAX_ERRORS));
    if (one instanceof Error && one.cause !== undefined) open.push(one.cause);
  }
  return chain;
}

/** Lines of the stack below the message, which may be of several lines itself. */
function framesOf({ stack = '', message }: Error): string[] {
  const below = stack.slice(message === '' ? 0 : stack.indexOf(message) + message.length);
  const frames = below
    .split('\n')
    .filter((line) => /^\s+at \S.*(?::\d+:\d+\)?|\(native\)|\(<anonymous>\))$/.test(line));
  return frames.slice(0, MAX_FRAMES);
}

const SECRET_NAME = /TOKEN|KEY|SECRET|PASSWORD|CREDENTIAL|AUTH/i;

/** The values of variables that are secrets by their names, each item of a list. */
function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const isSecret = SECRET_NAME.test(name) && !name.endsWith('_FILE');
    return isSecret && value ? value.split(/[\s,]+/).filter((item) => item.length >= 8) : [];
  });
}
