import type { DecisionName } from '../../src/contract/hold.js';
import type { ReleaseInput } from '../../src/contract/release.js';
import { queryStatus, sendDecision } from '../../src/temporal/runs.js';
import type { MemoryRegistry } from '../../testbed/memory-registry.js';
import type { RegistryRequest } from '../../testbed/registry-store.js';
import type { TenantBuild } from '../../testbed/tenant.js';
import type { Gate } from './gate.js';
import { latch } from './latch.js';
import { isPut } from './latest.js';
import { newSha } from './shas.js';
import { until } from './until.js';

interface Scene {
  gate: Gate;
  registry: MemoryRegistry;
  sha: string;
}

/** How a test keeps a release in a phase. */
interface Stop {
  /** Whether the release has reached that point. */
  reached(): boolean;
  release(): void;
}

interface Catch {
  input?: Partial<ReleaseInput>;
  stop?: (scene: Scene) => Stop;
  /** Decision that a person must send to end the phase. */
  verb?: DecisionName;
}

const CATCHES = {
  resolving: { stop: (scene) => delayRequests(scene, isTagRead(scene.sha)) },
  'awaiting-canary': { stop: (scene) => fleetRuns(scene, { sha: newSha() }) },
  soaking: { input: { soak: '3s' } },
  smoking: { stop: (scene) => fleetRuns(scene, { sha: scene.sha, misbehave: 'hang-commit' }) },
  held: { stop: (scene) => fleetRuns(scene, { sha: scene.sha, misbehave: 'reject-commit' }), verb: 'retry' },
  'awaiting-approval': { input: { approval: 'required' }, verb: 'approve' },
  promoting: { stop: (scene) => delayRequests(scene, isPut()) },
} satisfies Record<string, Catch>;

/** Every phase that a release can stay in. */
export type Phase = keyof typeof CATCHES;
export const PHASES = Object.keys(CATCHES) as Phase[];

/** Environment of a gate in which only the test ends a phase. */
export const PATIENT = { CANARY_HOLD_TIMEOUT: '60s', CANARY_UPDATE_TIMEOUT: '60s' };

export interface Caught {
  sha: string;
  digests: string[];
  handle: Awaited<ReturnType<Gate['release']>>;
  /** Removes what keeps the release in the phase. */
  release(): void;
  /** Removes it, and sends the decision, for the hold at the time when the phase was reached. */
  goOn(): Promise<void>;
}

/** Starts the release of a GREEN build, and waits until it is in that phase and cannot leave it. A soak lasts 3 s by default. */
export async function catchIn(
  phase: Phase,
  gate: Gate,
  registry: MemoryRegistry,
  more: Partial<ReleaseInput> = {},
): Promise<Caught> {
  const { input, stop, verb }: Catch = CATCHES[phase];
  const { sha, digests } = await gate.greenBuild();
  const { reached, release } = stop?.({ gate, registry, sha }) ?? { reached: () => true, release: () => undefined };
  const handle = await gate.release({ ...input, ...more, sha });
  const { hold } = await until(`it is ${phase}`, async () => {
    const status = await queryStatus(gate.client, handle.workflowId);
    return status?.phase === phase && reached() ? status : null;
  });
  const goOn = async () => {
    release();
    if (!verb || !hold) return;
    const { taken, answer } = await sendDecision(gate.client, handle.workflowId, verb, {
      by: 'ada',
      reason: 'looked at it',
      hold: hold.id,
    });
    if (!taken) throw new Error(answer);
  };
  return { sha, digests, handle, release, goOn };
}

/** Starts the release of a GREEN build, and waits until it sends a request to the registry that `match` accepts. */
export async function catchAt(
  gate: Gate,
  registry: MemoryRegistry,
  match: (sha: string) => (request: RegistryRequest) => boolean,
): Promise<Omit<Caught, 'goOn'>> {
  const { sha, digests } = await gate.greenBuild();
  const { reached, release } = delayRequests({ gate, registry }, match(sha));
  const handle = await gate.release({ sha });
  await until('it asks', reached);
  return { sha, digests, handle, release };
}

/** Whether a request reads the tag of a build. */
export const isTagRead =
  (sha: string) =>
  ({ method, path }: RegistryRequest) =>
    method === 'GET' && path.endsWith(`/manifests/staging-${sha.slice(0, 7)}`);

/** Matches the same requests, except the first ones. */
export function after(count: number, match: (request: RegistryRequest) => boolean) {
  let seen = 0;
  return (request: RegistryRequest) => match(request) && ++seen > count;
}

/** Delays the requests about the images of this gate. They are served afterwards, even if no client waits any more. */
export function delayRequests(
  { gate, registry }: Omit<Scene, 'sha'>,
  match: (request: RegistryRequest) => boolean,
): Stop {
  const { opened: released, open } = latch();
  let reached = false;
  const heal = registry.faults.add({
    match: (request) => request.path.startsWith(`/v2/${gate.lane}/`) && match(request),
    respond: async (_request, serve) => {
      reached = true;
      await released;
      return serve();
    },
  });
  return {
    reached: () => reached,
    release: () => {
      heal();
      open();
    },
  };
}

function fleetRuns({ gate, sha }: Scene, build: TenantBuild): Stop {
  gate.deploy(build);
  return { reached: () => true, release: () => gate.deploy({ sha }) };
}
