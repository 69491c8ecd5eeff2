import { afterAll, beforeAll } from 'vitest';
import { DIRECT } from '../../src/net/network.js';
import { type ControlPlane, ControlPlaneError, createControlPlane } from '../../src/tenants/control-plane/client.js';
import { corpus, PLANTED } from '../support/corpus.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

interface Input {
  asks: 'orgs' | 'token' | 'create' | 'redeploy';
  answer: RawAnswer;
}

class Refused extends Error {}

corpus<Input>(
  'control-plane',
  async ({ asks, answer }) => {
    server.answerWith(answer);
    const controlPlane = createControlPlane({
      baseUrl: `http://${server.host}`,
      adminToken: () => PLANTED,
      sharedSecret: () => null,
      tenantUrl: null,
      network: DIRECT,
    });
    try {
      return await ask(controlPlane, asks);
    } catch (error) {
      if (!(error instanceof ControlPlaneError)) throw error;
      throw new Refused(`${error.kind}: ${error.message.replaceAll(server.host, 'HOST')}`);
    }
  },
  [Refused],
);

async function ask(controlPlane: ControlPlane, asks: Input['asks']): Promise<unknown> {
  const slug = controlPlane.slugOf({ slug: 'canary-2' });
  if (asks === 'create') return (await controlPlane.createOrg(slug)) === undefined ? 'no JSON' : 'created';
  // The token itself is a secret: only its length is kept.
  if (asks === 'token') return `a token of ${(await controlPlane.adminToken(slug)).length} characters`;
  const order = { target_tag: 'latest', canary_slug: slug, soak_seconds: 0, batch_size: 1 };
  if (asks === 'redeploy') return controlPlane.redeployFleet(order, 20_000);
  // What each org becomes: a name, and an address.
  return (await controlPlane.orgs()).map((org) => [controlPlane.slugOf(org), controlPlane.originOf(org)]);
}
