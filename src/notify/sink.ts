import type { DeliveredEvent } from '../contract/events.js';
import { type HttpRequest, NoAnswer, send } from '../net/http.js';
import type { Network } from '../net/network.js';
import { retryAfterMs } from '../net/retry-after.js';

/** Destination of events outside of this process. `DeliverEvents` gives it the events of a gate in order, one at a time. */
export interface Sink {
  /** Name in the timeline, in errors and in metrics. */
  name: string;
  /** Whether it wants an event; a hold that it wants is reminded of, if it wants reminders.
   * @param later events of the gate that came after it, of one that is sent again. */
  takes(event: Pick<DeliveredEvent, 'type'> & Partial<DeliveredEvent>, later?: DeliveredEvent[]): boolean;
  /** @param live build that is live, if it is known.
   * @param later as for `takes`.
   * @throws {SinkError} */
  deliver(event: DeliveredEvent, live?: string | null, later?: DeliveredEvent[]): Promise<void>;
}

/** A sink did not take an event. The message contains no address: that of a webhook is a secret. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
  /** Whether a retry cannot help. */
  readonly isFinal: boolean;
  /** Pause that the sink asks for, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Whether a right is missing for a part without which people get what they must know. The token may get it. */
  readonly isDenied: boolean;
  constructor(
    message: string,
    { isFinal = false, retryAfterMs, isDenied = false }: Partial<Omit<SinkError, keyof Error>> = {},
  ) {
    super(message);
    this.isFinal = isFinal;
    this.retryAfterMs = retryAfterMs;
    this.isDenied = isDenied;
  }
}

/** For one request, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** Longest answer that is read, in bytes. */
const MAX_BYTES = 2_000_000;

/** A request of a sink: the answer, whatever its status.
 * @throws {SinkError} if no answer comes. */
export async function ask(
  sink: string,
  network: Network,
  request: Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>,
): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: Buffer }> {
  try {
    return await send({
      ...request,
      tells: 'nothing',
      network,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      maxErrorBytes: 10_000,
    });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw new SinkError(`${sink}: no request was sent`);
    // Without its cause, which names the address.
    throw new SinkError(`${sink}: no answer (${error.code})`);
  }
}

/** Posts JSON to a webhook.
 * @throws {SinkError} unless the answer is 2xx. */
export async function post(
  sink: string,
  network: Network,
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<void> {
  const answer = await ask(sink, network, {
    method: 'POST',
    url: new URL(url),
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  if (answer.status >= 200 && answer.status < 300) return;
  throw new SinkError(`${sink}: answered ${answer.status}`, {
    isFinal: isFinal(answer.status),
    retryAfterMs: retryAfterMs(answer.headers),
  });
}

/** A request that is refused for what it says is refused again. */
const isFinal = (status: number) =>
  status >= 400 && status < 500 && ![401, 403, 404, 408, 409, 425, 429].includes(status);
