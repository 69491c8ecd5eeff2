import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import { type MemoryRegistry, startMemoryRegistry } from '../../testbed/memory-registry.js';
import { type RunningProcess, startProcess } from '../../testbed/process.js';
import { repositoryRoot } from '../../testbed/tools.js';
import { type Gate, useGate } from './gate.js';
import { isPut } from './latest.js';
import { temporalAddress } from './servers.js';
import { newSha } from './shas.js';

export interface Victim extends RunningProcess {
  /** Log so far. */
  log(): string;
}

/** Starts a worker process of the gate. No other worker of the gate is up then. */
export async function startVictim(
  gate: Gate,
  folder: string,
  { command, env }: { command: readonly string[]; env?: Record<string, string> },
): Promise<Victim> {
  await gate.stopWorker();
  const logFile = join(mkdtempSync(join(folder, 'worker-')), 'log');
  const [script = '', ...args] = command;
  const worker = await startProcess(process.execPath, [join(repositoryRoot, script), ...args], {
    env: { PATH: process.env.PATH, TEMPORAL_ADDRESS: temporalAddress(), ...gate.env, ...env },
    logFile,
    ready: (output) => output.includes('worker.started'),
    // On a loaded machine its code alone takes 20 s to load.
    timeoutMs: 60_000,
  });
  return { ...worker, log: () => readFileSync(logFile, 'utf8') };
}

/** Starts worker processes that a test will kill or freeze, with the short waits of the gate. */
export function useVictims(gate: () => Gate): (env?: Record<string, string>) => Promise<Victim> {
  const folder = mkdtempSync(join(tmpdir(), 'canary-victim-'));
  let victims: RunningProcess[] = [];
  afterEach(async () => {
    for (const victim of victims) await victim.kill('SIGKILL');
    victims = [];
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return async (env = {}) => {
    const victim = await startVictim(gate(), folder, {
      command: ['test/support/freezing-worker.mjs'],
      env: { MOVE_WAITS: JSON.stringify(gate().waits), ...env },
    });
    victims.push(victim);
    return victim;
  };
}

/** A gate with its own registry, whose worker processes a test kills or freezes. At the start of each test `:latest` points at an earlier build. */
export function useVictimScene(name: string) {
  let opened: MemoryRegistry | undefined;
  const registry = () => {
    if (!opened) throw new Error('the registry is open inside tests only');
    return opened;
  };
  const gate = useGate(name, async () => {
    opened = await startMemoryRegistry();
    // Long enough for a try to take over and still be at it.
    return { registry: opened.host, waits: { promoteMs: 20_000, splitMs: 20_000 } };
  });
  const startVictim = useVictims(gate);
  afterAll(async () => {
    expect(registry().unforeseen).toEqual([]);
    await registry().stop();
  });
  const OLD = newSha();
  let digests: string[] = [];
  beforeEach(async () => {
    digests = await gate().publish(OLD);
    await gate().setLatest(OLD);
  });
  return {
    registry,
    gate,
    startVictim,
    OLD,
    /** Digests of the earlier build. */
    old: () => digests,
    /** Number of writes of `:latest` so far. */
    puts: () => registry().requests.filter(isPut()).length,
  };
}
