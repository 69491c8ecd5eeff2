import { unlessAborted } from '../../net/deadline.js';

/** Runs work once for all callers that wait for it under one key. It is aborted when the last caller leaves, not with the first. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, { result: Promise<T>; waiting: number; controller: AbortController }>();

  /** Joins the work under way under that key, or starts it.
   * @throws the signal's own reason if it is aborted; the work goes on for other callers. */
  async join(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    let flight = this.#flights.get(key);
    if (!flight) {
      const controller = new AbortController();
      const ends = () => {
        if (this.#flights.get(key)?.controller === controller) this.#flights.delete(key);
      };
      flight = { result: start(controller.signal).finally(ends), waiting: 0, controller };
      this.#flights.set(key, flight);
    }
    flight.waiting += 1;
    try {
      return await unlessAborted(flight.result, signal);
    } finally {
      flight.waiting -= 1;
      if (flight.waiting === 0 && this.#flights.get(key) === flight) {
        this.#flights.delete(key);
        flight.controller.abort(new Error('no caller waits for it any more'));
      }
    }
  }
}
