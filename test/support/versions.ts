import type { WorkerDeploymentVersion } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import { identityOf } from '../../src/config/hash.js';
import { loadGateConfig } from '../../src/config/load.js';
import { RETRY_BUDGET_MS } from '../../src/config/plan.js';
import { createRegistry } from '../../src/registry/registry.js';
import { createGatesWorker, type GateWorker } from '../../workers/create-worker.js';
import { singleGate } from '../../workers/gates.js';
import { type Gate, workflowBundle } from './gate.js';
import { temporalAddress } from './servers.js';

/** The version that the other code calls itself. */
export const OTHER_VERSION = '0.0.9+0badc0de';

/** What other code does at one place: a step that the code of today does not know. */
const PLACES = {
  ReleaseLane: /(const \{ recoverLane \} = )(\(0,\w+\.laneActivities\))\('recover the state of the last lane'\)/,
  CanaryRelease: /(release\.plan = )await (\(0,\w+\.planReads\))\(\)/,
};
const STEPS = {
  ReleaseLane: (call: string) => `await ${call}('a step more').findGone([]);`,
  CanaryRelease: (call: string) => `await ${call}().loadPlan(input);`,
};

/** How workflow code calls `patched`, in whatever module. */
const PATCHED = '__webpack_require__("./node_modules/@temporalio/workflow/lib/index.js").patched';

/** The workflow code with one activity more. @param isGuarded whether the change is guarded with `patched`, as that of a version that can go on with the runs of this one. */
export function changedBundle(types: (keyof typeof PLACES)[], isGuarded = false): { code: string } {
  let { code } = workflowBundle();
  for (const type of types) {
    if (!PLACES[type].test(code)) throw new Error(`${type} has changed: adapt test/support/versions.ts`);
    code = code.replace(PLACES[type], (whole, _target, call) => {
      const step = STEPS[type](call);
      return `${isGuarded ? `if (${PATCHED}('a step more')) ${step}` : step} ${whole}`;
    });
  }
  return { code };
}

/** Runs a worker of a gate with other workflow code, under the name of another version; gives what stops it. */
export const startOther = (gate: Gate, type: keyof typeof PLACES, version = OTHER_VERSION) =>
  startVersion(gate, version, changedBundle([type]));

/** Runs a worker of a gate under the name of a version; gives what stops it. */
export async function startVersion(
  gate: Gate,
  version: string,
  bundle = workflowBundle(),
  deployment: WorkerDeploymentVersion | null = null,
) {
  const { config, suite } = await loadGateConfig(gate.env);
  const one = singleGate({ config, suite, registry: createRegistry({ push: true }) });
  // On one connection, a process may have one worker of a queue.
  const connection = await NativeConnection.connect({ address: temporalAddress() });
  const worker: GateWorker = await createGatesWorker(
    { connection, namespace: 'default' },
    { ...one, identity: identityOf(version, '00000000.0') },
    {
      deployment,
      workflowBundle: bundle,
      waits: gate.waits,
      retryBudgetMs: { ...RETRY_BUDGET_MS, ...gate.retryBudgetMs },
      lane: gate.laneClient,
    },
  );
  const running = worker.run();
  return async () => {
    worker.shutdown();
    await running;
    await connection.close();
  };
}
