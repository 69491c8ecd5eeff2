import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit, startProcess } from './process.js';
import { tool } from './tools.js';

export interface SkippingServer {
  readonly pid: number;
  /** `host:port` of the gRPC service. */
  readonly address: string;
  /** Advances its clock, also while activities run. Returns the new time, in ms since the epoch. */
  leap(ms: number): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts Temporal's Java test server on 127.0.0.1. Its clock runs in real time, apart from the leaps. It cannot list or count
 * runs, and has no search attribute until one is registered.
 */
export async function startSkippingServer(): Promise<SkippingServer> {
  const jar = tool('skipping-server');
  if (jar === undefined) throw new Error('there is no Java test server in .tools: run `npm run setup`');
  const directory = mkdtempSync(join(tmpdir(), 'canary-skipping-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  const forget = atExit(removeDirectory);
  const release = () => {
    forget();
    removeDirectory();
  };
  // It runs for seconds: optimizations of the JVM for long runs only delay its start.
  const args = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-jar', jar.path];
  try {
    let ports: string[] | undefined;
    const running = await startProcess('java', args, {
      logFile: join(directory, 'server.log'),
      ready(output) {
        ports = /^grpc (\d+) lever (\d+)$/m.exec(output)?.slice(1);
        return ports !== undefined;
      },
      timeoutMs: 30_000,
    });
    const [grpc, lever] = ports ?? [];
    return {
      pid: running.pid,
      address: `127.0.0.1:${grpc}`,
      async leap(ms) {
        const response = await fetch(`http://127.0.0.1:${lever}/leap?${ms}`, { signal: AbortSignal.timeout(5_000) });
        return Number(await response.text());
      },
      stop: () => running.stop().finally(release),
    };
  } catch (error) {
    release();
    throw error;
  }
}
