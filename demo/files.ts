import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../testbed/tools.js';

/**
 * Writes `.demo/temporal.toml` and `.demo/worker.env`, which `canary --demo` reads, and the fleet
 * file of production. Only their owner may read them: the second contains the admin tokens of the tenants.
 */
export function writeDemoFiles(settings: {
  temporal: string;
  worker: Record<string, string>;
  production: { name: string; url: string; token: string }[];
}) {
  const folder = join(repositoryRoot, '.demo');
  const temporalToml = join(folder, 'temporal.toml');
  const prodFleet = join(folder, 'production.json');
  const tokenOf = (index: number) => `PROD_${index + 1}_TOKEN`;
  const tenants = settings.production.map(({ name, url }, index) => ({ name, url, token: { env: tokenOf(index) } }));
  const workerEnv = {
    ...settings.worker,
    CANARY_PROD_FLEET_FILE: prodFleet,
    ...Object.fromEntries(settings.production.map(({ token }, index) => [tokenOf(index), token])),
  };
  const written = new Map([
    [temporalToml, `[profile.default]\naddress = "${settings.temporal}"\nnamespace = "default"\n`],
    [
      join(folder, 'worker.env'),
      Object.entries(workerEnv)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    ],
    [prodFleet, `${JSON.stringify({ tenants }, null, 2)}\n`],
  ]);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [path, content] of written) {
    rmSync(path, { force: true }); // the mode applies to a new file only
    writeFileSync(path, content, { mode: 0o600 });
  }
  return {
    /** Removes the files that are unchanged: a second demo in this folder may have overwritten them. */
    remove: () => {
      for (const [path, content] of written) if (read(path) === content) rmSync(path);
    },
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
