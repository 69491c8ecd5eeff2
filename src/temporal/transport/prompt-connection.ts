import { Connection } from '@temporalio/client';

/** States of a gRPC channel. */
const READY = 2;
const TRANSIENT_FAILURE = 3;

/** A connection that fails with its first attempt, which tries every address: the SDK's goes on until its time limit. */
export class PromptConnection extends Connection {
  protected override untilReady(deadline: number): Promise<void> {
    const channel = this.client.getChannel();
    return new Promise((resolve, reject) => {
      const check = () => {
        const state: number = channel.getConnectivityState(true);
        if (state === READY) resolve();
        else if (state === TRANSIENT_FAILURE) reject(new Error('no address of the server can be connected to'));
        else channel.watchConnectivityState(state, deadline, (error) => (error ? reject(error) : check()));
      };
      check();
    });
  }
}
