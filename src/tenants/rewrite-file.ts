import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { z } from 'zod';
import { InvalidInput, shown } from '../contract/brand.js';
import { withFileLock } from './file-lock.js';
import { type Entry, FLEET_FILE } from './sources/schema.js';

type NamedEntry = Entry & { name: string };
type FleetFile = Omit<z.infer<typeof FLEET_FILE>, 'tenants'> & { tenants: NamedEntry[] };

/** Takes a tenant out of a fleet file. The others keep their names, also those that come from their position.
 * @returns the copy of the file before.
 * @throws {InvalidInput} */
export async function removeFromFleetFile(file: string, name: string, signal?: AbortSignal): Promise<string> {
  const remove = (fleet: FleetFile) => {
    const tenants = fleet.tenants.filter((entry) => entry.name !== name);
    if (tenants.length === fleet.tenants.length) throw new InvalidInput(`no tenant ${shown(name)} in ${file}`);
    return tenants;
  };
  return (await rewrite(file, remove, async () => undefined, signal)) ?? file;
}

/** Puts a tenant at the end of a fleet file, or its new token and address in its place. The others keep their names and places.
 * @param check of the new file, before it replaces the old one; what it throws leaves the old one as it is.
 * @returns the copy of the file before; null if nothing changed.
 * @throws {InvalidInput} if another tenant has its address, or its name. */
export function addToFleetFile(
  file: string,
  entry: NamedEntry,
  check: (written: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<string | null> {
  const add = ({ tenants }: FleetFile) => {
    const twin = tenants.find(({ name, url }) => name !== entry.name && originOf(url) === originOf(entry.url));
    if (twin) throw new InvalidInput(`${twin.name} in ${file} has the address of ${entry.name} already`);
    const known = tenants.find(({ name }) => name === entry.name);
    const clash = clashOf(file, known, { url: entry.url, org: orgOf(entry) });
    if (clash !== null) throw new InvalidInput(clash);
    const next = { ...known, ...entry, headers: { ...known?.headers, ...entry.headers } };
    if (known && JSON.stringify(known) === JSON.stringify(next)) return null;
    return known ? tenants.map((one) => (one === known ? next : one)) : [...tenants, next];
  };
  return rewrite(file, add, check, signal);
}

/** Times that a change is made again because an editor wrote the file meanwhile. */
const MAX_TRIES = 5;

/** Changes the tenants of a fleet file, one process after another, so that no change is lost.
 * @param change makes the tenants of what the file has now; null to leave it as it is. */
function rewrite(
  file: string,
  change: (fleet: FleetFile) => NamedEntry[] | null,
  check: (written: string) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const inTurn = async (isHeld: () => boolean) => {
    for (let tries = 1; ; tries += 1) {
      const before = readFileSync(file, 'utf8');
      const fleet = parseNamed(before);
      const tenants = change(fleet);
      if (tenants === null) return null;
      const written = write(file, { ...fleet, tenants });
      try {
        await check(written);
        signal?.throwIfAborted();
        const kept = replace(file, written, () => {
          if (!isHeld()) throw new Error(`${file} was left to another process: nothing is replaced (repeat it)`);
          return readFileSync(file, 'utf8') === before;
        });
        if (kept !== null) return kept;
      } finally {
        rmSync(written, { force: true });
      }
      if (tries === MAX_TRIES) throw new Error(`${file} was changed at the same time: nothing is replaced (repeat it)`);
    }
  };
  return withFileLock(file, inTurn, { signal });
}

/** The entries of a fleet file, each with its name.
 * @throws {InvalidInput} */
export function readFleetEntries(file: string, readFile: (path: string) => string): NamedEntry[] {
  return parseNamed(readFile(file)).tenants;
}

/** Where the control plane has a tenant; null if it does not say so. */
export interface Place {
  url: string | null;
  org: string | null;
}

/** Why an entry is not the tenant at a place: another one has its name, perhaps from its position alone. Null if it is, and without an entry. */
export function clashOf(file: string, known: NamedEntry | undefined, { url, org }: Place): string | null {
  if (known === undefined || (url !== null && originOf(known.url) === originOf(url))) return null;
  // An org keeps its id where it moves.
  if (org !== null && orgOf(known) === org) return null;
  return `${known.name} in ${file} is another tenant, by its name or its position: choose another slug, or give that tenant another name`;
}

/** Id of the org in the headers of an entry; null without one, or if it is kept elsewhere. */
function orgOf({ headers = {} }: Entry): string | null {
  const [, org] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'x-molecule-org-id') ?? [];
  return typeof org === 'string' ? org : null;
}

/** Owner of a file, in numbers. */
export interface Owner {
  uid: number;
  gid: number;
}

export function ownerOf(file: string): Owner {
  const { uid, gid } = statSync(file);
  return { uid, gid };
}

/** Writes a secret to a file that its owner alone can read, whatever was there. */
export function writeSecret(file: string, secret: string, owner: Owner): void {
  renameSync(writeBeside(file, `${secret}\n`, 0o600, owner), file);
}

function parseNamed(text: string): FleetFile {
  const { data } = FLEET_FILE.safeParse(jsonOf(text.replace(/^\ufeff/, '')));
  if (data === undefined) throw new InvalidInput('the fleet file cannot be used: canary doctor says what is wrong');
  return {
    ...data,
    tenants: data.tenants.map((entry, index) => ({ ...entry, name: entry.name ?? `canary-${index + 1}` })),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const originOf = (url: string) => (URL.canParse(url) ? new URL(url).origin : url);

/** Writes the new form of a fleet file beside it. It keeps its mode, and its owner if root replaces it: the worker must go on reading it. */
function write(file: string, fleet: FleetFile): string {
  const { mode, uid, gid } = statSync(file);
  return writeBeside(file, `${JSON.stringify(fleet, null, 2)}\n`, mode & 0o777, { uid, gid });
}

/** Replaces a file at once: a reader sees the whole old one, or the whole new one. Returns the copy of the old one; null if the file is not as it was.
 * @throws {InvalidInput} if the file is a mount of its own: written in place, a reader could see a part of it. */
function replace(file: string, written: string, isUnchanged: () => boolean): string | null {
  if (!isUnchanged()) return null;
  const kept = `${file}.old`;
  const { uid, gid } = statSync(file);
  copyFileSync(file, kept);
  if (isRoot()) chownSync(kept, uid, gid);
  // Once more: nothing but the rename comes after it.
  if (!isUnchanged()) return null;
  try {
    renameSync(written, file);
  } catch (error) {
    if (!['EBUSY', 'EXDEV'].includes(String((error as { code?: string }).code))) throw error;
    throw new InvalidInput(`${file} is a mount of its own, so it cannot be replaced: mount its folder instead`);
  }
  return kept;
}

const isRoot = () => process.getuid?.() === 0;

function writeBeside(file: string, text: string, mode: number, { uid, gid }: Owner): string {
  const written = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const handle = openSync(written, 'w', mode);
  try {
    // Before the text: a file that was there may be one that others can read.
    fchmodSync(handle, mode);
    if (isRoot()) fchownSync(handle, uid, gid);
    writeFileSync(handle, text);
    fsyncSync(handle);
  } catch (error) {
    rmSync(written, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
  return written;
}
