import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { awaitRunEnd } from '../../../src/temporal/runs.js';
import { tool } from '../../../testbed/tools.js';
import { useGate } from '../../support/gate.js';
import { lacks } from '../../support/needs.js';
import { newSha } from '../../support/shas.js';

const gate = useGate('witness');

test.skipIf(lacks('crane'))('crane, asked afterwards, finds :latest on the digests that the report names', async () => {
  const sha = newSha();
  await gate().begin(newSha());
  await gate().publish(sha);
  gate().deploy({ sha });

  const { report } = await awaitRunEnd(await gate().release({ sha }));

  const witnessed = report?.images.map(({ repository }) =>
    execFileSync(tool('crane')?.path ?? 'crane', ['digest', `${repository}:latest`], { encoding: 'utf8' }).trim(),
  );
  expect(witnessed).toEqual(report?.images.map(({ digest }) => digest));
});
