import type { Participant } from '@commonwatt/domain';
import type { CommunityChain } from '@commonwatt/substrate-client';

/** What everyone can pay, as the chain said after the latest batch: the smaller of balance and approval. */
export class CollateralBoard {
  readonly #chain: CommunityChain;
  #participants: readonly Participant[];
  #availableMicro = new Map<string, bigint>();
  #batch = '';

  constructor(chain: CommunityChain, participants: readonly Participant[]) {
    this.#chain = chain;
    this.#participants = participants;
  }

  /** Who takes part has changed. */
  watch(participants: readonly Participant[]): void {
    this.#participants = participants;
    void this.refresh();
  }

  /** Null while the chain has not said. */
  availableMicro(participant: string): bigint | null {
    return this.#availableMicro.get(participant) ?? null;
  }

  /** Asks the chain; keeps what is known when it does not answer. */
  async refresh(): Promise<void> {
    try {
      const { hash } = await this.#chain.finalizedBlock();
      const holdings = await this.#chain.holdings(
        this.#participants.map(({ accountKey }) => accountKey),
        hash,
      );
      const available = new Map<string, bigint>();
      for (const { id, accountKey } of this.#participants) {
        const holding = holdings.get(accountKey);
        if (!holding) continue;
        const { balanceMicro, approvalMicro } = holding;
        available.set(id, balanceMicro < approvalMicro ? balanceMicro : approvalMicro);
      }
      this.#availableMicro = available;
    } catch {
      // The next batch asks again.
    }
  }

  /** Once per batch. */
  refreshAfter(batchId: string): void {
    if (batchId === this.#batch) return;
    this.#batch = batchId;
    void this.refresh();
  }
}
