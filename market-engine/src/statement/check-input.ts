import { CommonwattError, parseAmount, type MarketRules, type Trade, type TrueUp } from '@commonwatt/domain';
import { METERED_WH_MAX, type Metered, type StatementInput } from './statement-input.ts';

/** Throws CommonwattError, with the record at fault, unless a statement can follow from this input. */
export function checkStatementInput(input: StatementInput): void {
  const { rules, slot, clearing, participants } = input;
  const known = new Set(participants.map(({ id }) => id));
  if (rules.feedInMicroPerKwh > rules.retailMicroPerKwh) {
    throw conflict('rules', 'feedInMicroPerKwh', 'is never above the retail price');
  }
  if (clearing.slot !== slot) throw conflict('clearing', 'slot', `is the statement's slot ${slot}`);
  const metered = checkMetered(input, known);
  for (const trade of clearing.trades) checkTrade(trade, rules, metered);
  for (const trueUp of input.trueUps) checkTrueUp(trueUp, slot, known);
  for (const { debtor, batchId, amountMicro, claims } of input.carries) {
    const record = `carry ${batchId}/${debtor}`;
    for (const participant of [debtor, ...claims.map((claim) => claim.participant)]) {
      if (!known.has(participant)) throw conflict(record, 'participant', `${participant} is a participant`);
    }
    for (const amount of [amountMicro, ...claims.map((claim) => claim.amountMicro)]) {
      if (parseAmount(amount) < 0n) throw conflict(record, 'amountMicro', 'is never negative');
    }
  }
}

function checkMetered({ metered, participants }: StatementInput, known: ReadonlySet<string>): Set<string> {
  const covered = new Set<string>();
  for (const { participant, importWh, exportWh } of metered) {
    if (!known.has(participant))
      throw conflict(participant, 'participant', 'is a participant of the community');
    if (covered.has(participant))
      throw conflict(participant, 'metered', 'has one reading or estimate, not two');
    covered.add(participant);
    checkEnergy({ importWh, exportWh }, participant);
  }
  for (const { id, role } of participants) {
    if (role === 'household' && !covered.has(id)) {
      throw conflict(id, 'metered', 'has a reading or an estimate, as every household');
    }
  }
  return covered;
}

/** The parties are metered, and the supplier could serve neither better: feed-in <= price <= retail. */
function checkTrade(trade: Trade, rules: MarketRules, metered: ReadonlySet<string>): void {
  const record = `${trade.bidId}/${trade.offerId}`;
  for (const party of [trade.buyer, trade.seller]) {
    if (!metered.has(party))
      throw conflict(record, 'participant', `${party} is metered, as everyone who trades`);
  }
  const { feedInMicroPerKwh: feedIn, retailMicroPerKwh: retail } = rules;
  const sellerPrice = trade.sellerPriceMicroPerKwh ?? trade.priceMicroPerKwh;
  if (trade.priceMicroPerKwh > retail || sellerPrice < feedIn || sellerPrice > trade.priceMicroPerKwh) {
    throw new CommonwattError(
      'out-of-range',
      `trade ${record}: its price lies outside [${feedIn}, ${retail}] micro/kWh, the feed-in and the retail price`,
      { record, field: 'priceMicroPerKwh', rule: 'feed-in <= traded price <= retail' },
    );
  }
}

function checkTrueUp(
  { estimate, reading, tradedWh = 0 }: TrueUp,
  slot: string,
  known: ReadonlySet<string>,
): void {
  const record = `true-up ${estimate.participant} ${estimate.slot}`;
  const late = reading.payload;
  if (!known.has(estimate.participant))
    throw conflict(record, 'participant', 'is a participant of the community');
  if (late.participant !== estimate.participant || late.slot !== estimate.slot) {
    throw conflict(record, 'reading', 'is of the same participant and slot as the estimate');
  }
  if (estimate.slot >= slot) throw conflict(record, 'slot', `is earlier than the statement's slot ${slot}`);
  if (!Number.isSafeInteger(tradedWh)) throw conflict(record, 'tradedWh', 'is a whole number');
  checkEnergy(estimate, record);
  checkEnergy(late, record);
}

function checkEnergy(energy: Pick<Metered, 'importWh' | 'exportWh'>, record: string): void {
  for (const field of ['importWh', 'exportWh'] as const) {
    const value = energy[field];
    if (Number.isSafeInteger(value) && value >= 0 && value <= METERED_WH_MAX) continue;
    const rule = `is a whole number from 0 to ${METERED_WH_MAX}`;
    throw new CommonwattError('out-of-range', `${record}: ${field} ${rule}, got ${value}`, {
      record,
      field,
      rule,
    });
  }
}

function conflict(record: string, field: string, rule: string): CommonwattError {
  return new CommonwattError('conflict', `${record}: ${field} ${rule}`, { record, field, rule });
}
