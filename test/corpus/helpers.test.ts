import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { InvalidInput } from '../../src/contract/brand.js';
import { askHelper } from '../../src/registry/auth/credential-helper.js';
import { RegistryError } from '../../src/registry/transport/errors.js';
import { corpus } from '../support/corpus.js';

const folder = mkdtempSync(join(tmpdir(), 'canary-helpers-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Input {
  /** Name of the helper, if it is not `odd`, which is on the PATH. */
  name?: string;
  prints: string;
  exit?: number;
}

corpus<Input>(
  'helpers',
  async ({ name = 'odd', prints, exit = 0 }) => {
    writeFileSync(join(folder, 'output'), prints);
    const script = `#!/bin/sh\ncat > /dev/null\ncat ${folder}/output\nexit ${exit}\n`;
    writeFileSync(join(folder, 'docker-credential-odd'), script, { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env.PATH}` };
    const found = await askHelper(name, { host: 'ghcr.io', env, timeoutMs: 20_000, file: '/root/.docker/config.json' });
    // What it found is a secret: only its kind and its length are kept.
    if (found?.kind === 'basic') return { username: found.username.slice(0, 80), characters: found.password.length };
    return found && { kind: found.kind, characters: found.token.length };
  },
  [InvalidInput, RegistryError],
);
