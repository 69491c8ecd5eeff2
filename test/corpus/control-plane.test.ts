import { afterAll, beforeAll } from 'vitest';
import { ControlPlaneError } from '../../src/tenants/control-plane/client.js';
import { corpus } from '../support/corpus.js';
import { askControlPlane, type ControlPlaneCall } from '../support/hostile-input.js';
import { type RawAnswer, startRawServer } from '../support/raw-server.js';

let server: Awaited<ReturnType<typeof startRawServer>>;
beforeAll(async () => {
  server = await startRawServer();
});
afterAll(() => server.stop());

interface Input {
  asks: ControlPlaneCall;
  answer: RawAnswer;
}

class Refused extends Error {}

corpus<Input>(
  'control-plane',
  async ({ asks, answer }) => {
    server.answerWith(answer);
    try {
      return await askControlPlane(server.host, asks);
    } catch (error) {
      if (!(error instanceof ControlPlaneError)) throw error;
      throw new Refused(`${error.kind}: ${error.message.replaceAll(server.host, 'HOST')}`);
    }
  },
  [Refused],
);
