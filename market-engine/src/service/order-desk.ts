import type { CancelPayload, OrderPayload, Signed } from '@commonwatt/domain';
import { readCancel, readOrder } from '../ingest/shape.ts';
import { checkCollateral, checkDebt } from './collateral.ts';
import type { Intakes } from './intake.ts';
import type { Memory } from './memory.ts';
import type { CollateralPort, OrderTaken } from './ports.ts';
import type { SlotShell } from './slot-shell.ts';
import type { SlotTimes } from './slot-times.ts';
import type { Members } from './members.ts';

export interface DeskDependencies {
  readonly memory: Memory;
  readonly shell: SlotShell;
  readonly members: Members;
  readonly times: SlotTimes;
  readonly intakes: Intakes;
}

/**
 * Takes orders and cancellations. Each is checked for shape, sender and time, then for its signature, then against what the slot
 * holds; the last check and the journal's append happen in one go, so nothing can come between them.
 */
export class OrderDesk {
  readonly #deps: DeskDependencies;
  readonly #collateral: CollateralPort | undefined;

  constructor(deps: DeskDependencies, collateral: CollateralPort | undefined) {
    this.#deps = deps;
    this.#collateral = collateral;
  }

  async order(value: unknown): Promise<OrderTaken> {
    const { memory, shell, intakes } = this.#deps;
    const signed = readOrder(value);
    const { payload } = signed;
    await this.#checkSender(signed);
    const { orders } = memory.detail(payload.slot);
    await intakes.take({ type: 'order', signed }, () => {
      orders.checkOrder(signed);
      checkDebt(payload.participant, memory);
      checkCollateral(payload, this.#collateral, memory, shell);
    });
    return { order: payload.id, revision: payload.revision, slot: payload.slot };
  }

  async cancel(value: unknown): Promise<OrderTaken> {
    const { memory, intakes } = this.#deps;
    const signed = readCancel(value);
    const { payload } = signed;
    await this.#checkSender(signed);
    const { orders } = memory.detail(payload.slot);
    await intakes.take({ type: 'cancel', signed }, () => orders.checkCancel(signed));
    return { order: payload.id, revision: payload.revision, slot: payload.slot };
  }

  async #checkSender(signed: Signed<OrderPayload | CancelPayload>): Promise<void> {
    const { members, times, intakes } = this.#deps;
    const { payload, key } = signed;
    intakes.checkCommunity(payload.community, payload.id);
    members.whoIn(payload.slot).traderWithKey(payload.participant, key);
    times.checkOrderTime(payload);
    await intakes.checkSignature(signed, payload.id);
    // The gate may have closed meanwhile.
    times.checkOrderTime(payload);
  }
}
