import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../testbed/tools.js';

/**
 * Writes `.demo/temporal.toml` and `.demo/worker.env`, which `canary --demo` reads, and the fleet
 * files. Only their owner may read them: the second contains the admin tokens of the tenants.
 */
export function writeDemoFiles(settings: {
  temporal: string;
  worker: Record<string, string>;
  canaries: Listed[];
  production: Listed[];
}) {
  const folder = join(repositoryRoot, '.demo');
  const temporalToml = join(folder, 'temporal.toml');
  const prodFleet = join(folder, 'production.json');
  // The gate adds tenants and their tokens there, so it is a folder of this demo alone.
  const fleetFolder = join(folder, `fleet-${process.pid}`);
  const canaryFleet = join(fleetFolder, 'canaries.json');
  const [canaries, production] = [listed(settings.canaries), listed(settings.production)];
  const workerEnv = {
    ...settings.worker,
    CANARY_FLEET_FILE: canaryFleet,
    CANARY_PROD_FLEET_FILE: prodFleet,
    ...canaries.tokens,
    ...production.tokens,
  };
  const written = new Map([
    [temporalToml, `[profile.default]\naddress = "${settings.temporal}"\nnamespace = "default"\n`],
    [
      join(folder, 'worker.env'),
      Object.entries(workerEnv)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    ],
    [prodFleet, production.text],
  ]);
  mkdirSync(fleetFolder, { recursive: true, mode: 0o700 });
  writeFileSync(canaryFleet, canaries.text, { mode: 0o600 });
  for (const [path, content] of written) {
    rmSync(path, { force: true }); // the mode applies to a new file only
    writeFileSync(path, content, { mode: 0o600 });
  }
  return {
    /** Removes the files that are unchanged: a second demo in this folder may have overwritten them. */
    remove: () => {
      for (const [path, content] of written) if (read(path) === content) rmSync(path);
      rmSync(fleetFolder, { recursive: true, force: true });
    },
  };
}

/** A tenant of a fleet file. */
interface Listed {
  name: string;
  url: string;
  token: string;
}

/** Text of a fleet file, and the variables with its tokens. */
function listed(tenants: Listed[]) {
  const variable = (name: string) => `${name.toUpperCase().replaceAll('-', '_')}_TOKEN`.replace(/^CANARY_/, 'TENANT_');
  const entries = tenants.map(({ name, url }) => ({ name, url, token: { env: variable(name) } }));
  return {
    text: `${JSON.stringify({ tenants: entries }, null, 2)}\n`,
    tokens: Object.fromEntries(tenants.map(({ name, token }) => [variable(name), token])),
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
