import { benchAutoRollback } from './auto-rollback.js';
import { benchCli } from './cli.js';
import { benchCost } from './cost.js';
import { benchLane } from './lane.js';
import { benchRegistry } from './registry.js';
import { benchRelease } from './release.js';
import { benchRollback } from './rollback.js';
import { benchScale } from './scale.js';
import { benchSmoke } from './smoke.js';
import { benchStatus } from './status.js';
import { benchStatusGates } from './status-gates.js';

const BENCHES: Record<string, () => Promise<void>> = {
  'auto-rollback': benchAutoRollback,
  cli: benchCli,
  cost: benchCost,
  // One release on each of many gates.
  gates: benchScale,
  lane: benchLane,
  registry: benchRegistry,
  release: benchRelease,
  rollback: benchRollback,
  scale: benchScale,
  smoke: benchSmoke,
  status: benchStatus,
  'status-gates': benchStatusGates,
};

const [name = ''] = process.argv.slice(2);
const bench = BENCHES[name];
if (!bench) {
  console.error(`npm run bench -- <name>: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
await bench();
