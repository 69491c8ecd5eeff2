import { identityOf } from '../../src/config/hash.js';
import { loadGateConfig } from '../../src/config/load.js';
import { RETRY_BUDGET_MS } from '../../src/config/plan.js';
import { createRegistry } from '../../src/registry/registry.js';
import { createGatesWorker, type GateWorker } from '../../workers/create-worker.js';
import { singleGate } from '../../workers/gates.js';
import { type Gate, workflowBundle } from './gate.js';

/** The version that the other code calls itself. */
export const OTHER_VERSION = '0.0.9+0badc0de';

/** What other code does at one place: a step that the code of today does not know. */
const PLACES = {
  ReleaseLane: /(const found = )await (\(0,\w+\.laneActivities\))\('recover the state of the last lane'\)/,
  CanaryRelease: /(release\.plan = )await (\(0,\w+\.planReads\))\(\)/,
};
const STEPS = {
  ReleaseLane: (call: string) => `await ${call}('a step more').findGone([]);`,
  CanaryRelease: (call: string) => `await ${call}().loadPlan(input);`,
};

/** The workflow code with one activity more, as a version that was changed without `patched`. */
export function changedBundle(type: keyof typeof PLACES): { code: string } {
  const { code } = workflowBundle();
  if (!PLACES[type].test(code)) throw new Error(`${type} has changed: adapt test/support/versions.ts`);
  return { code: code.replace(PLACES[type], (whole, _target, call) => `${STEPS[type](call)} ${whole}`) };
}

/** Runs a worker of a gate with other workflow code, under the name of another version; gives what stops it. */
export async function startOther(gate: Gate, type: keyof typeof PLACES, version = OTHER_VERSION) {
  const { config, suite } = await loadGateConfig(gate.env);
  const one = singleGate({ config, suite, registry: createRegistry({ push: true }) });
  const worker: GateWorker = await createGatesWorker(
    { connection: gate.connection, namespace: 'default' },
    { ...one, identity: identityOf(version, '00000000.0') },
    {
      workflowBundle: changedBundle(type),
      waits: gate.waits,
      retryBudgetMs: { ...RETRY_BUDGET_MS, ...gate.retryBudgetMs },
      lane: gate.laneClient,
    },
  );
  const running = worker.run();
  return async () => {
    worker.shutdown();
    await running;
  };
}
