import { spawnSync } from 'node:child_process';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import { registerSearchAttributes } from '../src/temporal/namespace.js';
import { startTemporalServer } from '../testbed/temporal-server.js';
import { tool } from '../testbed/tools.js';
import { PACKAGED_CLI } from './packaged-cli.js';
import { median, quantile, table, writeSection } from './report.js';

const RUNS = 25;

/** Measures commands from a cold process, compared with Temporal's own CLI, which is one static program. */
export async function benchCli(): Promise<void> {
  const temporal = tool('temporal')?.path ?? 'temporal';
  const server = await startTemporalServer();
  try {
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, 'default', SEARCH_ATTRIBUTES);
    await connection.close();
    const canary = [process.execPath, PACKAGED_CLI];
    const commands: Record<string, string[]> = {
      'canary --version': [...canary, '--version'],
      'canary status --help': [...canary, 'status', '--help'],
      'canary status (no worker)': [...canary, 'status'],
      'temporal --version': [temporal, '--version'],
      'temporal workflow list': [temporal, 'workflow', 'list', '--address', server.address],
    };
    const rows = Object.entries(commands).map(([name, [program = '', ...args]]) => {
      const times = Array.from({ length: RUNS }, () => timed(program, args, server.address));
      return [name, `${Math.min(...times)} ms`, `${median(times)} ms`, `${quantile(times, 0.95)} ms`];
    });
    const text = `Each command is a cold process, from start to end, ${RUNS} times. The command line is that of a package, bundled and compiled ahead. Target: \`canary --version\` under 300 ms.`;
    writeSection('cli', [text, table(['command', 'fastest', 'median', 'p95'], rows)]);
  } finally {
    await server.stop();
  }
}

function timed(program: string, args: string[], address: string): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(program, args, { env: { ...process.env, TEMPORAL_ADDRESS: address } });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return Math.round(performance.now() - began);
}
