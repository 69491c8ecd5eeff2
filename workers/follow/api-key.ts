import type { NativeConnection } from '@temporalio/worker';
import { logEvent } from '../log.js';

/** Interval at which the file of the key is read, in milliseconds. A worker that Temporal refuses goes on asking for a minute. */
const READ_MS = 5_000;

/** Gives each new API key to the connection of a worker, which polls with the key that it was given last. Returns what ends that. */
export function followApiKey(
  connection: Pick<NativeConnection, 'setApiKey'>,
  apiKey: () => string,
  everyMs = READ_MS,
): () => void {
  let given = apiKey();
  const timer = setInterval(() => {
    const key = apiKey();
    if (key === given) return;
    connection.setApiKey(key).then(
      () => {
        given = key;
        logEvent('INFO', 'temporal.api-key', { what: 'the API key of Temporal was read again' });
      },
      (error: Error) => logEvent('WARN', 'temporal.api-key', { what: `the new API key is not in use: ${error.name}` }),
    );
  }, everyMs);
  return () => clearInterval(timer);
}
