import { Client, Connection } from '@temporalio/client';
import { callsUntilClose } from './calls-until-close.js';
import { connectionConfig } from './connection.js';
import { refusedCredentials } from './refused.js';

/** How long a server may take to answer the first call, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Temporal could not be reached: says nothing about any build. */
export class TemporalUnreachable extends Error {
  override readonly name = 'TemporalUnreachable';
}

/** Runs `use` with a client and closes its connection afterwards.
 * @throws {TemporalUnreachable} when no server answers. */
export async function withClient<T>(env: NodeJS.ProcessEnv, use: (client: Client) => Promise<T>): Promise<T> {
  const { connectionOptions, namespace } = connectionConfig(env);
  const { interceptors, close } = callsUntilClose();
  const connection = await Connection.connect({
    ...connectionOptions,
    interceptors,
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch((error: unknown) => {
    const address = connectionOptions.address ?? '127.0.0.1:7233';
    const refused = refusedCredentials(error);
    const why =
      refused === null
        ? `Temporal does not answer at ${address}: start it, or set TEMPORAL_ADDRESS`
        : `Temporal at ${address} refuses our credentials (${refused}): set TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_*`;
    throw new TemporalUnreachable(why, { cause: error });
  });
  try {
    return await use(new Client({ connection, namespace }));
  } finally {
    close();
    await connection.close();
  }
}
