import { isAbsolute, resolve, sep } from 'node:path';
import { unlessAborted, withDeadline } from '../../net/deadline.js';
import { type Fleet, FleetError, type FleetSource, FleetUnreadable } from '../fleet.js';
import type { FileSources } from './file.js';
import { ownVariable, parseFleet } from './parse.js';
import type { Source } from './schema.js';

/** Longest time of one read, in milliseconds; less than the heartbeat time-out of the activities that read. */
export const READ_TIMEOUT_MS = 10_000;
/** Longest fleet, in bytes. */
export const MAX_FLEET = 1024 * 1024;
/** Age at which a copy no longer counts, in milliseconds: a day, so that a source that is gone for good is noticed. */
export const MAX_COPY_AGE_MS = 24 * 3_600_000;

export interface RemoteFleetOptions {
  /** The variable that names the source: each problem begins with it. */
  setting: string;
  /** What the configuration fixes of it. */
  fixed: unknown;
  /** What is wrong with its settings, a line each. */
  problems: string[];
  /** What the fleet may name as secrets: variables, and folders that its files are in. */
  secrets: string[];
  /** Whether it comes from this machine: only then may it name tenants on this machine, over plain http. */
  isLocal: boolean;
  /** Where its secrets are, if it brings them along; then `secrets` allows no other. */
  lookUp?: (source: Source) => string | undefined;
  /** What it says besides of the fleet that it gave last, one line each. */
  notes?: () => string[];
  /** The fleet's JSON as it is now.
   * @throws {FleetSilent} if another read may succeed, {FleetError} if not. */
  load: (signal: AbortSignal) => Promise<string>;
}

/** A source that gave no fleet, for a reason that may pass. The message has no address: reports show it. */
export class FleetSilent extends Error {
  override readonly name = 'FleetSilent';
}

/** The fleet of a source elsewhere. While it does not answer, the last fleet that it gave counts for a day, and is named as a copy. */
export function remoteFleet(
  options: RemoteFleetOptions,
  sources: FileSources,
  timeoutMs = READ_TIMEOUT_MS,
): FleetSource {
  const { setting, fixed, load, secrets } = options;
  const problems = [...options.problems, ...invalidSecrets(secrets)];
  let copy: { text: string; at: string; readAt: number } | null = null;
  let silence: string | null = null;
  let triedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | null = null;

  const refresh = async () => {
    try {
      const text = await withDeadline(timeoutMs, undefined, load);
      triedAt = performance.now();
      copy = { text, at: new Date().toISOString(), readAt: triedAt };
      silence = null;
    } catch (error) {
      if (error instanceof FleetSilent) {
        triedAt = performance.now();
        silence = error.message;
      } else {
        // It answers, and what it answers is no fleet: then no earlier one counts either. Any other error tells nothing of it.
        if (error instanceof FleetError) copy = null;
        throw error;
      }
    }
  };
  const refreshed = (isShared: boolean) => {
    if (isShared && pending) return pending;
    const own = refresh().finally(() => {
      if (pending === own) pending = null;
    });
    pending = own;
    return own;
  };

  return {
    fixed,
    problems: () => problems,
    async read(signal, maxAgeMs = 0): Promise<Fleet> {
      signal?.throwIfAborted();
      if (problems.length > 0) throw new FleetError(problems);
      if (copy === null || performance.now() - triedAt >= maxAgeMs)
        await unlessAborted(refreshed(maxAgeMs > 0), signal);
      if (copy === null || performance.now() - copy.readAt >= MAX_COPY_AGE_MS)
        throw new FleetUnreadable(`${setting}: ${silence ?? 'gave no fleet'}, and there is no copy of the last day`);
      const shortage: string[] = [];
      const lookUp = noting(shortage, options.lookUp ?? lookUpIn(secrets, sources));
      const { network } = sources;
      const reading = { unnamed: 'canary', needsToken: true, network, lookUp, allowsPlainLoopback: options.isLocal };
      const fleet = parseFleet(copy.text, reading);
      if (shortage.length > 0)
        throw new FleetUnreadable(
          `${setting}: a secret cannot be read now (${shortage[0]}: this worker is short of it)`,
        );
      const wrong = [...(fleet.tenants.length > 0 ? [] : ['names no tenant']), ...fleet.problems];
      if (wrong.length > 0) {
        copy = null;
        throw new FleetError(wrong.map((problem) => `${setting}: ${problem}`));
      }
      const notes = options.notes?.() ?? [];
      const { tenants, access } = fleet;
      const given = { tenants, access, ...(notes.length > 0 && { notes }) };
      if (silence === null) return given;
      return { ...given, copy: { at: copy.at, why: `${setting}: ${silence}` } };
    },
  };
}

/** What a machine is short of for a while: open files, memory. It says nothing of what is read. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];

/** Looks up and notes the shortages that keep it from it. */
const noting =
  (shortage: string[], lookUp: (source: Source) => string | undefined) =>
  (source: Source): string | undefined => {
    try {
      return lookUp(source);
    } catch (error) {
      const { code } = Object(error) as { code?: unknown };
      if (typeof code === 'string' && SHORTAGES.includes(code)) shortage.push(code);
      throw error;
    }
  };

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

function invalidSecrets(secrets: string[]): string[] {
  return secrets.flatMap((one) =>
    isAbsolute(one) || VARIABLE.test(one)
      ? []
      : ['CANARY_FLEET_SECRETS: expected names of variables, and folders that begin with /'],
  );
}

/** Looks up only what the configuration of this gate allows: a fleet that comes from elsewhere must not ask for any other secret of the worker. */
function lookUpIn(secrets: string[], { env, readFile }: FileSources) {
  const folders = secrets.filter((one) => isAbsolute(one));
  return (source: Source): string | undefined => {
    if ('env' in source) {
      if (secrets.includes(source.env)) return ownVariable(env, source.env);
      throw new Error(`the variable ${source.env} is not in CANARY_FLEET_SECRETS`);
    }
    const path = resolve(folders[0] ?? '/', source.file);
    if (folders.some((folder) => path.startsWith(`${resolve(folder)}${sep}`))) return readFile(path);
    throw new Error('its file is in no folder of CANARY_FLEET_SECRETS');
  };
}
