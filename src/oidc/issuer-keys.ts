import { createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import * as z from 'zod';
import { NoAnswer, send } from '../net/http.js';
import { isProtected } from '../net/loopback.js';
import type { Network } from '../net/network.js';

/** The public keys of an issuer could not be read; no verdict about any token. */
export class IssuerUnreachable extends Error {
  override readonly name = 'IssuerUnreachable';
}

/** Longest answer of an issuer, in milliseconds and bytes: a few keys. */
const ANSWER = { timeoutMs: 5_000, maxBytes: 256 * 1024 };
/** Age until which keys are used without asking again, in milliseconds. */
const FRESH_MS = 10 * 60_000;
/** Age until which keys are used while the issuer cannot be reached, in milliseconds: a rollback must not wait for it. */
const USABLE_MS = 24 * 3_600_000;
/** Least time between two reads for a key that is not there, in milliseconds: tokens of strangers must not flood the issuer. */
const AGAIN_MS = 5_000;

const DISCOVERY = z.object({ issuer: z.string(), jwks_uri: z.url() });
const KEYS = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });

interface Cached {
  keys: ReturnType<typeof createLocalJWKSet>;
  at: number;
}

/** Public keys of issuers, kept for the life of the process. */
export type IssuerKeys = (issuer: string, renew?: boolean) => Promise<ReturnType<typeof createLocalJWKSet>>;

/**
 * A cache of the public keys of issuers. `renew`: read again, as a key is not there: the issuer may have got a new one.
 * @param now a clock that is never set, ms.
 */
export function issuerKeys(network: Network, now: () => number = () => performance.now()): IssuerKeys {
  const cache = new Map<string, Cached>();
  return async (issuer, renew = false) => {
    const cached = cache.get(issuer);
    const age = cached ? now() - cached.at : Number.POSITIVE_INFINITY;
    if (cached && age < (renew ? AGAIN_MS : FRESH_MS)) return cached.keys;
    try {
      const keys = createLocalJWKSet(await readKeys(issuer, network));
      cache.set(issuer, { keys, at: now() });
      return keys;
    } catch (error) {
      if (!(error instanceof IssuerUnreachable) || !cached || age > USABLE_MS) throw error;
      return cached.keys;
    }
  };
}

/** @throws {IssuerUnreachable} */
async function readKeys(issuer: string, network: Network): Promise<JSONWebKeySet> {
  const well = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = DISCOVERY.safeParse(await readJson(new URL(well), network));
  if (!found.success || found.data.issuer !== issuer)
    throw new IssuerUnreachable(`${well}: expected the configuration of ${issuer}`);
  const address = new URL(found.data.jwks_uri);
  if (!isProtected(address)) throw new IssuerUnreachable(`${well}: its jwks_uri is not https`);
  const keys = KEYS.safeParse(await readJson(address, network));
  if (!keys.success) throw new IssuerUnreachable(`${address.origin}${address.pathname}: expected a list of keys`);
  return keys.data as JSONWebKeySet;
}

async function readJson(url: URL, network: Network): Promise<unknown> {
  const where = `${url.origin}${url.pathname}`;
  try {
    const { status, body } = await send({ method: 'GET', url, network, ...ANSWER });
    if (status !== 200) throw new IssuerUnreachable(`${where} answered ${status}`);
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof IssuerUnreachable) throw error;
    throw new IssuerUnreachable(`${where}: ${error instanceof NoAnswer ? error.failure.what : 'not JSON'}`);
  }
}

/** Whether a token names a key that the issuer does not have, as far as is known. */
export const isUnknownKey = (error: unknown): boolean => error instanceof errors.JWKSNoMatchingKey;
