import { existsSync, renameSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InvalidInput } from '../../contract/brand.js';
import type { Slug } from '../../contract/tenants/added.js';
import { addToFleetFile, clashOf, ownerOf, type Place, readFleetEntries, writeSecret } from '../rewrite-file.js';
import { type FileSources, fileFleet } from '../sources/file.js';
import { ownVariable } from '../sources/parse.js';
import type { Source } from '../sources/schema.js';
import { runSecretCommand } from './secret-command.js';

/** Where the members of a fleet file, and their tokens, are kept. */
export interface MembersOptions {
  file: string;
  /** `CANARY_SECRET_COMMAND`; null to keep each token in a file beside the fleet file. */
  command: string | null;
  /** Variables that the command gets besides the plain ones. */
  passed: string[];
}

export type Members = ReturnType<typeof createMembers>;

/** Adds members to a fleet file, and their tokens to the secret store. */
export function createMembers({ file, command, passed }: MembersOptions, sources: FileSources) {
  const { env, readFile } = sources;
  const fileOf = ({ file: name }: { file: string }) => resolve(dirname(file), name);
  const isSame = (one: Source, other: Source) =>
    'env' in one ? 'env' in other && one.env === other.env : 'file' in other && fileOf(one) === fileOf(other);
  /** Where the fleet file finds the token of a tenant: the file that it names already, else `<slug>.token` beside it; with a command a variable.
   * @throws {InvalidInput} if another tenant has its token there. */
  const sourceOf = (slug: Slug): Source => {
    const entries = readFleetEntries(file, readFile);
    const known = entries.find(({ name }) => name === slug)?.token;
    const own: Source = command === null ? { file: `${slug}.token` } : { env: variableFor(slug) };
    const choices = command === null && known !== undefined && 'file' in known ? [known, own] : [own];
    const others = entries.flatMap(({ name, token }) => (token === undefined || name === slug ? [] : [token]));
    const free = choices.find((one) => !others.some((other) => isSame(one, other)));
    if (free) return free;
    throw new InvalidInput(
      `${'env' in own ? own.env : own.file} has the token of another tenant of ${file}: rename it`,
    );
  };
  /** Where a token waits for GREEN: the one in use stays until then. */
  const stagedOf = (source: { file: string }) => `${fileOf(source)}.new`;
  const clash = (slug: Slug, place: Place) => {
    const known = readFleetEntries(file, readFile).find(({ name }) => name === slug);
    return clashOf(file, known, place);
  };
  const requireFree = (slug: Slug, place: Place) => {
    const problem = clash(slug, place);
    if (problem !== null) throw new InvalidInput(problem);
  };
  return {
    /** Why the name of a tenant is not free for what the control plane has; null if it is. */
    clash: (slug: Slug, place: Place): Promise<string | null> => asInvalid(() => clash(slug, place)),

    /** Stores a token, beside the one in use or by the command.
     * @throws {InvalidInput} if another tenant has the name. */
    storeToken: (slug: Slug, place: Place, token: string, signal?: AbortSignal): Promise<void> =>
      asInvalid(async () => {
        requireFree(slug, place);
        const source = sourceOf(slug);
        if ('file' in source) return writeSecret(stagedOf(source), token, ownerOf(file));
        if (command === null) return;
        const given = { TENANT: slug, SECRET_NAME: source.env };
        await runSecretCommand({ command, passed, env, given, token }, signal);
      }),

    /** The stored token; null for one that only a worker that is started again has. */
    readToken(slug: Slug): string | null {
      const source = sourceOf(slug);
      if ('env' in source) return ownVariable(env, source.env)?.trim() ?? null;
      const staged = stagedOf(source);
      return readFile(existsSync(staged) ? staged : fileOf(source)).trim();
    },

    /** Writes the tenant into the fleet file, with the token that was stored, unless the fleet with it cannot be used.
     * @returns the copy of the file before; null if the tenant was a member already.
     * @throws {InvalidInput} with what is wrong. */
    join: (slug: Slug, { url, org }: { url: string; org: string }, signal?: AbortSignal): Promise<string | null> =>
      asInvalid(() => {
        requireFree(slug, { url, org });
        const token = sourceOf(slug);
        if ('env' in token && ownVariable(env, token.env) === undefined)
          throw new InvalidInput(`${token.env} is not set in this worker: start it again with the secret`);
        const entry = { name: slug, url, token, headers: { 'X-Molecule-Org-Id': org } };
        const check = async (written: string) => {
          const options = { setting: 'the new fleet file', unnamed: 'canary', needsToken: true, check: () => [] };
          await fileFleet({ file: written, ...options }, sources).read();
        };
        if ('file' in token && existsSync(stagedOf(token))) renameSync(stagedOf(token), fileOf(token));
        return addToFleetFile(file, entry, check, signal);
      }),
  };
}

/** Faults of a file system that no retry passes: a person must change something. */
const LASTING = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EISDIR'];

async function asInvalid<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const { code, message } = Object(error) as { code?: string; message?: string };
    throw code !== undefined && LASTING.includes(code) ? new InvalidInput(String(message)) : error;
  }
}

/** `TENANT_TOKEN_CANARY_3`; a name that begins with CANARY_ would be a setting. */
const variableFor = (slug: Slug) => `TENANT_TOKEN_${slug.toUpperCase().replaceAll('-', '_')}`;
