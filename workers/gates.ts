import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type GateEnv, readGates } from '../src/config/gates.js';
import { configHash, identityOf, SHARED_HASH } from '../src/config/hash.js';
import { loadWorkerConfig } from '../src/config/load.js';
import { type Config, ConfigError, type Env, readSetting } from '../src/config/schema.js';
import { shown } from '../src/contract/brand.js';
import { gateLane, gateOf, type Lane } from '../src/contract/ids.js';
import { metrics } from '../src/metrics/metrics.js';
import { MoveRefusal } from '../src/move/write-lease.js';
import { configuredRegistry } from '../src/registry/configured-registry.js';
import type { Registry } from '../src/registry/context.js';
import type { Suite } from '../src/smoke/suite.js';
import { workerVersion } from './bundle.js';
import { logEvent } from './log.js';

const countAnswer: Registry['onAnswer'] = (status) =>
  metrics.count('canary_registry_requests_total', { status: String(status ?? 'none') });

/** One gate as a worker knows it. */
export interface Gate {
  readonly config: Config;
  /** Smoke suite; null if it cannot be used: then the gate carries out rollbacks, and tests no release. */
  readonly suite: Suite | null;
  readonly registry: Registry;
}

/** The gates that a worker serves, all on the task queues of `lane`. */
export interface Gates {
  /** Lane of the worker: that of its only gate, or the part that the lanes of all its gates begin with. */
  readonly lane: Lane;
  /** Whether the lanes of several gates may begin so. */
  readonly areShared: boolean;
  readonly identity: string;
  /** The gate of a run, by its lane; null is the lane of a run that is none of a gate.
   * @throws if there is none; it may come with the next version of the file. */
  of(lane: Lane | null): Gate;
  all(): Gate[];
  /** Why releases are not tested, a line each. */
  problems(): string[];
  /** Whether no gate at all can test a release. */
  isUnusable(): boolean;
  close(): Promise<void>;
}

/** Interval at which the gates file is read, in milliseconds. */
const REREAD_MS = 10_000;

/** The gates of `CANARY_GATES_FILE`, or the only one of the environment.
 * @throws {ConfigError} */
export async function loadGates(env: NodeJS.ProcessEnv, rereadMs = REREAD_MS): Promise<Gates> {
  const file = readSetting(env, 'gatesFile');
  return file === null ? onlyGate(env) : GatesOfFile.load(env, rereadMs);
}

async function onlyGate(env: NodeJS.ProcessEnv): Promise<Gates> {
  const { problems, ...loaded } = await loadWorkerConfig(env);
  const { lane } = loaded.config;
  if (gateOf(lane) !== null)
    throw new ConfigError([
      `CANARY_LANE: ${lane} is one of several gates: a worker serves it by CANARY_GATES_FILE, and no worker alone`,
    ]);
  const gate = { ...loaded, registry: configuredRegistry(loaded.config, env, countAnswer) };
  return { ...singleGate(gate), problems: () => problems, isUnusable: () => problems.length > 0 };
}

/** A gate that a worker serves alone. */
export function singleGate(gate: Gate): Gates {
  return {
    lane: gate.config.lane,
    areShared: false,
    identity: identityOf(workerVersion(), configHash(gate.config)),
    of: () => gate,
    all: () => [gate],
    problems: () => [],
    isUnusable: () => false,
    close: () => gate.registry.close(),
  };
}

/** What became of a gate's entry in the file. */
interface Loaded {
  entry: GateEnv;
  /** Null if it could never be loaded. */
  gate: Gate | null;
  problems: string[];
}

class GatesOfFile implements Gates {
  readonly lane: Lane;
  readonly areShared = true;
  readonly identity = identityOf(workerVersion(), SHARED_HASH);
  #gates = new Map<Lane, Loaded>();
  #fileProblems: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #registries = new Map<string, Registry>();

  private constructor(readonly env: NodeJS.ProcessEnv) {
    this.lane = workersLane(env);
  }

  static async load(env: NodeJS.ProcessEnv, rereadMs: number): Promise<GatesOfFile> {
    const gates = new GatesOfFile(env);
    await gates.#read();
    const reread = async () => {
      await gates.#reread();
      gates.#timer = setTimeout(reread, rereadMs).unref();
    };
    gates.#timer = setTimeout(reread, rereadMs).unref();
    return gates;
  }

  of(lane: Lane | null): Gate {
    if (lane === null) throw new MoveRefusal('foreign', 'the activity belongs to no run of a gate');
    const loaded = this.#gates.get(lane);
    if (loaded?.gate) return loaded.gate;
    throw new Error(loaded?.problems.join('; ') ?? `CANARY_GATES_FILE: no gate has the lane ${shown(lane)}`);
  }

  all(): Gate[] {
    return [...this.#gates.values()].flatMap(({ gate }) => gate ?? []);
  }

  problems(): string[] {
    return [...this.#fileProblems, ...[...this.#gates.values()].flatMap(({ problems }) => problems)];
  }

  isUnusable(): boolean {
    return [...this.#gates.values()].every(({ problems }) => problems.length > 0);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all([...this.#registries.values()].map((registry) => registry.close()));
  }

  async #read(): Promise<void> {
    const entries = readGates(this.env, (path) => readFileSync(path, 'utf8')) ?? new Map<Lane, GateEnv>();
    const before = this.#gates;
    const loaded = [...entries].map(async ([lane, entry]): Promise<[Lane, Loaded]> => {
      const last = before.get(lane);
      // A fleet that could not be read may be there now.
      if (last && last.problems.length === 0 && isDeepStrictEqual(last.entry, entry)) return [lane, last];
      return [lane, await this.#loadGate(entry, last?.gate ?? null)];
    });
    this.#gates = new Map(await Promise.all(loaded));
    this.#fileProblems = [];
    for (const [lane, { entry, problems, gate }] of this.#gates) {
      const last = before.get(lane);
      if (last && isDeepStrictEqual(last.problems, problems) && isDeepStrictEqual(last.entry, entry)) continue;
      if (problems.length > 0)
        logEvent('ERROR', 'gate.degraded', { gate: gateOf(lane), problems, what: stateOf(gate) });
      else logEvent('INFO', 'gate.loaded', { gate: gateOf(lane), hash: gate && configHash(gate.config) });
    }
    for (const lane of before.keys())
      if (!this.#gates.has(lane)) logEvent('INFO', 'gate.removed', { gate: gateOf(lane) });
  }

  /** Reads the file again; one that cannot be used changes nothing. */
  async #reread(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      const problems = problemsOf(error);
      if (!isDeepStrictEqual(problems, this.#fileProblems))
        logEvent('ERROR', 'gates.invalid', { problems, what: 'the gates stay as they were' });
      this.#fileProblems = problems;
    }
  }

  async #loadGate(entry: GateEnv, last: Gate | null): Promise<Loaded> {
    if ('problems' in entry) return { entry, gate: last, problems: entry.problems };
    try {
      const { config, suite, problems } = await loadWorkerConfig(entry.env);
      const named = problems.map((problem) => `gate ${gateOf(config.lane)}: ${problem}`);
      return { entry, gate: { config, suite, registry: this.#registryFor(config, entry.env) }, problems: named };
    } catch (error) {
      const name = gateOf(readSetting(entry.env, 'lane'));
      return { entry, gate: last, problems: problemsOf(error).map((problem) => `gate ${name}: ${problem}`) };
    }
  }

  /** Gates with the same credentials, insecure registries and promoted tag share connections; a token in a file of its own may become another one. */
  #registryFor(config: Config, env: Env): Registry {
    const { insecureRegistries, promoteTag, helperEnv, secrets } = config;
    const key = JSON.stringify([secrets.github, env.GITHUB_TOKEN_FILE, insecureRegistries, promoteTag, helperEnv]);
    const known = this.#registries.get(key) ?? configuredRegistry(config, { ...this.env, ...env }, countAnswer);
    this.#registries.set(key, known);
    return known;
  }
}

/** Lane of the workers of a gates file. */
const workersLane = (env: Env): Lane => gateLane(readSetting(env, 'lane'), 'any').split('.')[0] as Lane;

const stateOf = (gate: Gate | null) =>
  gate === null ? 'its runs wait until the file is right' : 'it carries out rollbacks, and what it could do before';

const problemsOf = (error: unknown): string[] => {
  if (error instanceof ConfigError) return error.problems;
  return [error instanceof Error ? error.message : String(error)];
};
