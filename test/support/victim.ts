import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, inject } from 'vitest';
import { type RunningProcess, startProcess } from '../../testbed/process.js';
import { repositoryRoot } from '../../testbed/tools.js';
import type { Gate } from './gate.js';

export interface Victim extends RunningProcess {
  /** What it logged so far. */
  log(): string;
}

/** Worker processes that shall come to harm. No other worker of the gate is up when one starts. */
export function useVictims(gate: () => Gate): (env?: Record<string, string>) => Promise<Victim> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-victim-'));
  let victims: RunningProcess[] = [];
  afterEach(async () => {
    for (const victim of victims) await victim.kill('SIGKILL');
    victims = [];
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  return async (env = {}) => {
    await gate().stopWorker();
    const logFile = join(folder, `worker-${++count}.log`);
    const worker = await startProcess(process.execPath, [join(repositoryRoot, 'test/support/freezing-worker.mjs')], {
      env: {
        PATH: process.env.PATH,
        TEMPORAL_ADDRESS: inject('temporal'),
        MOVE_WAITS: JSON.stringify(gate().waits),
        ...gate().env,
        ...env,
      },
      logFile,
      ready: (output) => output.includes('worker.started'),
      timeoutMs: 20_000,
    });
    victims.push(worker);
    return { ...worker, log: () => readFileSync(logFile, 'utf8') };
  };
}
