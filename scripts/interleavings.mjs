// `npm run interleavings -- <count> [--from <seed>] [--lanes <n>]`: runs that many seeded interleavings, on several lanes of one
// server in parallel. A failing seed is printed with its steps; add it to `KEPT` of the test.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { from: { type: 'string', default: '0' }, lanes: { type: 'string', default: '6' } },
});
const [count] = positionals;
if (!(Number(count) > 0)) {
  console.error('npm run interleavings -- <count> [--from <seed>] [--lanes <n>]');
  process.exit(2);
}
const root = join(import.meta.dirname, '..');
const args = ['node_modules/vitest/vitest.mjs', 'run', 'test/workflows/interleavings.test.ts'];
const { status } = spawnSync(process.execPath, [...args, `--maxConcurrency=${values.lanes}`], {
  cwd: root,
  env: {
    ...process.env,
    CANARY_ALL_ROWS: '1',
    INTERLEAVINGS: count,
    INTERLEAVINGS_FROM: values.from,
    INTERLEAVINGS_LANES: values.lanes,
  },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
