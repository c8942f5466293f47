import { CommonwattError } from '@commonwatt/domain';

/** Work on one device, one after the other, until it is ended: what still waits then, and whatever comes later, is refused. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  /** Runs the work when it is its turn. Rejects as the work does, or with CommonwattError `unavailable` after the end. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => {
      if (this.#ended) throw new CommonwattError('unavailable', 'the gateway has stopped');
      return work();
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** The last turn of all: waits for the running one only. */
  end<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#ended = true;
    this.#last = mine.catch(() => {});
    return mine;
  }
}
